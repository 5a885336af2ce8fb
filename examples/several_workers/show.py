"""Two forked workers, and the metrics of both in one place: `python show.py`.

Starts gunicorn with two workers, a server that refuses broken histories as OpenAI does, and a small
collector in the place of yours. Sends requests, prints the numbers, and ends. Needs
`pip install '.[demo,live]' gunicorn` in the project's folder, and a system that forks.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from toolpair_observe.demo.loopback.provider import LoopbackProvider

HERE = Path(__file__).parent
MOST_REQUESTS = 400
Counts = dict[int, dict[str, Counter[str]]]


@contextmanager
def collector() -> Iterator[tuple[str, Counts]]:
    """Yield the address of a collector, and what it knows: process, metric, effect, number."""
    counts: Counts = {}

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            pushed = ExportMetricsServiceRequest()
            pushed.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
            for each in pushed.resource_metrics:
                about = {pair.key: pair.value for pair in each.resource.attributes}
                # Each push holds the totals since the start of the process.
                counts[about["process.pid"].int_value] = {
                    metric.name: totals(metric.sum.data_points)
                    for scope in each.scope_metrics
                    for metric in scope.metrics
                }
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", counts
        server.shutdown()


def totals(points: object) -> Counter[str]:
    """Add a metric's numbers up by predicted effect."""
    found: Counter[str] = Counter()
    for point in points:  # type: ignore[attr-defined] # protobuf's repeated field
        effect = next(
            (p.value.string_value for p in point.attributes if p.key.endswith(".effect")), ""
        )
        found[effect] += point.as_int
    return found


@contextmanager
def gunicorn(**environment: str) -> Iterator[str]:
    """Yield the address of the service while it runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "-c", "service.py", "--log-level", "warning"]
        service = subprocess.Popen(  # noqa: S603 - this interpreter
            [*command, "--bind", f"fd://{listener.fileno()}"],
            cwd=HERE,
            env={**os.environ, **environment},
            pass_fds=[listener.fileno()],
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        service.terminate()  # the workers push what is left
        service.wait(30)


def ask(url: str) -> int:
    """Send one request, and return the process that answered."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - our own address
            body = answer.read()
    except HTTPError as error:
        with error:
            body = error.read()
    return int(json.loads(body)["pid"])


def main() -> None:
    """Ask until both workers have had sound and broken requests."""
    with collector() as (endpoint, counts), LoopbackProvider() as provider:
        addresses = {"PROVIDER_URL": provider.base_url, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        sent: Counter[tuple[int, str]] = Counter()
        with gunicorn(**addresses) as url, ThreadPoolExecutor(8) as pool:
            while len(sent) < 4 and sent.total() < MOST_REQUESTS:  # noqa: PLR2004 - two of each
                paths = ["sound", "sound", "broken"] * 8
                pids = pool.map(ask, [f"{url}/{path}" for path in paths])
                sent.update(zip(pids, paths, strict=True))
        for pid in sorted(counts):
            checks = counts[pid]["toolpair.checks"]
            print(f"a worker: {checks['clean']} sound, {checks['reject']} broken requests checked")
        both = sum((each["toolpair.checks"] for each in counts.values()), Counter[str]())
        asked = Counter(path for _, path in sent.elements())
        print(f"together: {both['clean']} sound, {both['reject']} broken")
        print(f"sent:     {asked['sound']} sound, {asked['broken']} broken")
    print("look at: together and sent, which agree: both workers, forks, push to one collector")


if __name__ == "__main__":
    main()
