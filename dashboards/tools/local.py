"""Debian's Prometheus and Alertmanager on the loopback interface, with these rules."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import yaml

from dashboards.tools.ports import HOST, Ports
from dashboards.tools.rules import Rules
from dashboards.tools.settings import LIVE, Links
from dashboards.tools.yaml_text import as_yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

JOB: Final = "toolpair-demo"
THREADS_JOB: Final = "node"
RUNBOOKS: Final = Path(__file__).parents[1] / "runbooks"
PROGRAMS: Final = ("prometheus", "prometheus-alertmanager", "promtool", "amtool")

_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 10.0


class StackError(Exception):
    """The stack can't run on this machine."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One alert as Alertmanager sent it to the webhook.

    Attributes:
        status: `firing` or `resolved`.
        labels: The alert's labels.
        annotations: The alert's annotations.
    """

    status: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def name(self) -> str:
        """The alert's name."""
        return self.labels["alertname"]


def require_programs() -> None:
    """Check that all programs are installed.

    Raises:
        StackError: Some are not.
    """
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        msg = (
            f"{', '.join(missing)} not installed: apt-get install prometheus "
            "prometheus-alertmanager"
        )
        raise StackError(msg)


@dataclass
class Stack:
    """Prometheus, Alertmanager, a webhook that records alerts, and a server for the runbooks.

    Attributes:
        folder: The folder for configuration, data and logs.
        ports: The ports of all servers.
        notices: The alerts that the webhook received, in order.
    """

    folder: Path
    ports: Ports
    notices: list[Notice] = field(default_factory=list)
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _servers: list[ThreadingHTTPServer] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Start everything, and wait until both programs answer.

        Raises:
            StackError: A program is not installed, or does not start.
        """
        require_programs()
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop everything."""
        self._stop()

    def _start(self) -> None:
        self._serve(self.ports.webhook, partial(_Webhook, self.notices))
        self._serve(self.ports.runbooks, partial(_Runbooks, directory=str(RUNBOOKS)))
        self._write("alertmanager.yml", _alertmanager(self.ports))
        self._write("prometheus.yml", _prometheus(self.ports))
        links = Links(runbooks=f"http://{HOST}:{self.ports.runbooks}")
        self._write("toolpair.rules.yml", Rules(LIVE, links=links).to_dict())
        self._check("amtool", "check-config", "alertmanager.yml")
        self._check("promtool", "check", "config", "prometheus.yml")
        self._run(
            "prometheus-alertmanager",
            "--config.file=alertmanager.yml",
            "--storage.path=alertmanager",
            f"--web.listen-address={HOST}:{self.ports.alertmanager}",
            "--cluster.listen-address=",
        )
        self._run(
            "prometheus",
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=prometheus",
            f"--web.listen-address={HOST}:{self.ports.prometheus}",
        )
        self._await(f"{self.prometheus}/-/ready")
        self._await(f"http://{HOST}:{self.ports.alertmanager}/-/ready")

    def _stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    @property
    def prometheus(self) -> str:
        """The address of Prometheus."""
        return f"http://{HOST}:{self.ports.prometheus}"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples of an instant query.

        Raises:
            StackError: Prometheus refuses the expression.
        """
        arguments = urllib.parse.urlencode({"query": expression})
        result: list[dict[str, Any]] = self._get(f"/api/v1/query?{arguments}")["result"]
        return result

    def rules(self) -> list[dict[str, Any]]:
        """Return every rule with its health."""
        return [rule for group in self._get("/api/v1/rules")["groups"] for rule in group["rules"]]

    def fired(self, window: str = "1s") -> set[str]:
        """Return the names of the alerts that fire now or have fired within `window`."""
        samples = self.query(f'max_over_time(ALERTS{{alertstate="firing"}}[{window}])')
        return {sample["metric"]["alertname"] for sample in samples}

    def _get(self, path: str) -> Any:  # noqa: ANN401 -- whatever Prometheus answers
        try:
            with urllib.request.urlopen(self.prometheus + path, timeout=10) as response:  # noqa: S310 -- our own
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            msg = f"Prometheus refuses {path}: {error.read().decode(errors='replace')}"
            raise StackError(msg) from error

    def _serve(self, port: int, handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        server = ThreadingHTTPServer((HOST, port), handler)
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def _write(self, name: str, content: dict[str, Any]) -> None:
        (self.folder / name).write_text(as_yaml(content), encoding="utf-8")

    def _check(self, *command: str) -> None:
        done = subprocess.run(  # noqa: S603 -- our own
            command, cwd=self.folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            msg = f"{' '.join(command)}: {done.stdout}{done.stderr}"
            raise StackError(msg)

    def _run(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 -- our own
                command, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT
            )
        self._processes[command[0]] = process

    def _await(self, url: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            for program, process in self._processes.items():
                if process.poll() is not None:
                    text = (self.folder / f"{program}.log").read_text(errors="replace")
                    msg = f"{program} ended: {text[-2000:]}"
                    raise StackError(msg)
            try:
                with urllib.request.urlopen(url, timeout=1):  # noqa: S310 -- our own
                    return
            except OSError:
                time.sleep(0.1)
        msg = f"{url} does not answer"
        raise StackError(msg)


def _prometheus(ports: Ports) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["toolpair.rules.yml"],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [f"{HOST}:{ports.alertmanager}"]}]}]
        },
        "scrape_configs": [
            {
                "job_name": JOB,
                "static_configs": [{"targets": [f"{HOST}:{ports.metrics}"]}],
            },
            {
                "job_name": THREADS_JOB,
                "static_configs": [{"targets": [f"{HOST}:{ports.threads}"]}],
            },
        ],
    }


def _alertmanager(ports: Ports) -> dict[str, Any]:
    shipped = Path(__file__).parents[1] / "containers" / "alertmanager" / "alertmanager.yml"
    config: dict[str, Any] = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    route = config["route"]
    # The shipped routes and inhibitions, but without waiting, and to the local webhook.
    route |= {"group_wait": "1s", "group_interval": "1s", "receiver": "local"}
    for child in route.get("routes", ()):
        child["receiver"] = "local"
        child.pop("group_wait", None)
    url = f"http://{HOST}:{ports.webhook}/"
    config["receivers"] = [
        {"name": "local", "webhook_configs": [{"url": url, "send_resolved": True}]}
    ]
    return config


class _Webhook(BaseHTTPRequestHandler):
    def __init__(self, notices: list[Notice], *arguments: Any) -> None:  # noqa: ANN401 -- http.server's
        self._notices = notices
        super().__init__(*arguments)

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        for alert in json.loads(self.rfile.read(length))["alerts"]:
            self._notices.append(Notice(alert["status"], alert["labels"], alert["annotations"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class _Runbooks(SimpleHTTPRequestHandler):
    extensions_map = {  # noqa: RUF012 -- http.server's own
        ".md": "text/plain; charset=utf-8"
    }

    def log_message(self, *_: object) -> None:
        pass
