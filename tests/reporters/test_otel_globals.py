"""The application's global providers: absent, set late, or set to what a handler was given.

They can be set once in a process, so each test has a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

PRELUDE = """
import logging, sys, warnings
warnings.simplefilter("error")
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
from tests.reporters.samples import UNTRACED, observation, record, settings, violation
from toolpair_observe import Outcome
from toolpair_observe.reporters.otel import OtelReporter
from toolpair_observe.reporters.otel_metrics import CheckMetrics
from toolpair_observe.counts import shared_counts
from toolpair_observe.fail_open import FailOpen
from toolpair_observe import semconv

LABELS = ("reject", "observe", "openai", "gpt-4o")

def reporter(meter_provider=None):
    counts = shared_counts(meter_provider)
    guard = FailOpen(counts, "langsmith")
    otel = OtelReporter(settings(spans="all", evaluation_events=True), guard=guard)
    return otel, CheckMetrics(meter_provider, counts), counts

def run(otel, metrics, counts):
    metrics.measure(record([violation()]))
    counts.add(semconv.CHECKS, LABELS)
    otel.finished(observation([violation()], outcome=Outcome.REJECTED), UNTRACED)
    metrics.measure(record())
    otel.finished(observation(outcome=Outcome.ACCEPTED), UNTRACED)

def collected(reader):
    data = reader.get_metrics_data()
    return {
        metric.name: metric.data.data_points
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }

def checks(reader):
    points = collected(reader)["toolpair.checks"]
    return {tuple(point.attributes.values()): point.value for point in points}[LABELS]

def durations(reader):
    # Those of near misses: of the others one in some is measured.
    points = collected(reader)["toolpair.check.duration"]
    return {point.attributes["toolpair.effect"]: point.count for point in points}["reject"]
"""


def run_in_its_own_process(body: str) -> None:
    """Run `body` after `PRELUDE`; it must succeed and log nothing."""
    done = subprocess.run(  # noqa: S603 -- our own interpreter and text
        [sys.executable, "-c", PRELUDE + body],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_without_an_sdk():
    """Nothing is written, warned about, imported or remembered."""
    run_in_its_own_process("""
from opentelemetry import metrics

for _ in range(50):
    run(*reporter())
assert not [name for name in sys.modules if name.startswith("opentelemetry.sdk")]
assert len(metrics.get_meter_provider()._meters) == 1
""")


def test_sdk_set_after_the_handler_was_made():
    """Counts from before are there; handlers from before and after count together."""
    run_in_its_own_process("""
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

early = reporter()
run(*early)

reader, spans, logs = InMemoryMetricReader(), InMemorySpanExporter(), InMemoryLogRecordExporter()
metrics.set_meter_provider(MeterProvider([reader]))
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(spans))
provider = LoggerProvider()
provider.add_log_record_processor(SimpleLogRecordProcessor(logs))
_logs.set_logger_provider(provider)
late = reporter()
run(*early)
run(*late)

assert checks(reader) == 3
assert durations(reader) == 2
assert len(spans.get_finished_spans()) == 4
names = [data.log_record.event_name for data in logs.get_finished_logs()]
assert names.count("toolpair.violation") == 2
assert names.count("gen_ai.evaluation.result") == 4
""")


def test_given_provider_becomes_the_global_one():
    """No handler's counts are lost, in whatever order they were made."""
    for order in ("given, unset, set", "unset, given, set", "given, set, unset"):
        run_in_its_own_process(f"""
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

reader = InMemoryMetricReader()
provider = MeterProvider([reader])
steps = {{
    "given": lambda: reporter(provider),
    "unset": lambda: reporter(),
    "set": lambda: metrics.set_meter_provider(provider),
}}
made = [made for step in {order!r}.split(", ") if (made := steps[step]())]
for each in made:
    run(*each)

assert checks(reader) == 2, {order!r}
assert durations(reader) == 2, {order!r}
""")
