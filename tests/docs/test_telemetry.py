"""The page of spans, events and metrics says what the tables say, and a handler does it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.handler.models import CountingModel, refuse_pairing
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import InvalidToolResultsError, ToolPairHandler, repair_messages, semconv
from toolpair_observe.reporters.repairs import RepairReporter
from toolpair_observe.semconv_notes import ATTRIBUTES, EVENTS, SPANS, TRANSLATIONS, WRITTEN

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "telemetry.md").read_text(encoding="utf-8")
TELEMETRY = runpy.run_path(str(DOCS / "generate_telemetry.py"))
CONSTANTS = {
    name: value
    for name, value in vars(semconv).items()
    if name.isupper() and not name.startswith("_") and isinstance(value, str)
}
TYPES = {"string": str, "int": int, "double": float, "boolean": bool, "string[]": tuple}
MADE_UP = ToolMessage(
    "Tool call search with id call_a was cancelled - another message came in before it could be "
    "completed.",
    tool_call_id="call_a",
)
# What Prometheus's own translation (github.com/prometheus/otlptranslator, of July 2026) makes of
# each name, in the order of `TRANSLATIONS`.
TRANSLATED = {
    "toolpair.checks": (
        "toolpair_checks_total",
        "toolpair_checks",
        "toolpair.checks_total",
        "toolpair.checks",
    ),
    "toolpair.violations": (
        "toolpair_violations_total",
        "toolpair_violations",
        "toolpair.violations_total",
        "toolpair.violations",
    ),
    "toolpair.breaches": (
        "toolpair_breaches_total",
        "toolpair_breaches",
        "toolpair.breaches_total",
        "toolpair.breaches",
    ),
    "toolpair.masked": (
        "toolpair_masked_total",
        "toolpair_masked",
        "toolpair.masked_total",
        "toolpair.masked",
    ),
    "toolpair.outcomes": (
        "toolpair_outcomes_total",
        "toolpair_outcomes",
        "toolpair.outcomes_total",
        "toolpair.outcomes",
    ),
    "toolpair.check.duration": (
        "toolpair_check_duration_seconds",
        "toolpair_check_duration",
        "toolpair.check.duration_seconds",
        "toolpair.check.duration",
    ),
    "toolpair.check.messages": (
        "toolpair_check_messages",
        "toolpair_check_messages",
        "toolpair.check.messages",
        "toolpair.check.messages",
    ),
    "toolpair.runs.in_flight": (
        "toolpair_runs_in_flight",
        "toolpair_runs_in_flight",
        "toolpair.runs.in_flight",
        "toolpair.runs.in_flight",
    ),
    "toolpair.feedback.submissions": (
        "toolpair_feedback_submissions_total",
        "toolpair_feedback_submissions",
        "toolpair.feedback.submissions_total",
        "toolpair.feedback.submissions",
    ),
    "toolpair.unchecked": (
        "toolpair_unchecked_total",
        "toolpair_unchecked",
        "toolpair.unchecked_total",
        "toolpair.unchecked",
    ),
    "toolpair.internal.errors": (
        "toolpair_internal_errors_total",
        "toolpair_internal_errors",
        "toolpair.internal.errors_total",
        "toolpair.internal.errors",
    ),
    "toolpair.threads": (
        "toolpair_threads",
        "toolpair_threads",
        "toolpair.threads",
        "toolpair.threads",
    ),
    "toolpair.threads.counted.timestamp": (
        "toolpair_threads_counted_timestamp_seconds",
        "toolpair_threads_counted_timestamp",
        "toolpair.threads.counted.timestamp_seconds",
        "toolpair.threads.counted.timestamp",
    ),
}


def test_the_page_is_what_the_tables_make_it():
    assert TELEMETRY["page"]() == PAGE, "run: python docs/generate_telemetry.py"


@pytest.mark.parametrize("name", CONSTANTS)
def test_every_name_stands_there(name):
    assert f"`{CONSTANTS[name]}`" in PAGE


def test_every_attribute_and_label_is_described_and_no_other():
    signals = [*SPANS.values(), *EVENTS.values()]
    used = {attribute for each in signals for attribute in (*each.always, *each.sometimes)}
    used |= {label for metric in semconv.METRICS.values() for label in metric.labels}
    assert used == set(ATTRIBUTES)
    assert set(TELEMETRY["VALUES"]) | set(TELEMETRY["LINKED"]) <= used
    assert set(WRITTEN) == set(semconv.METRICS)


def test_no_attribute_is_both_always_there_and_sometimes():
    for signal in [*SPANS.values(), *EVENTS.values()]:
        assert len({*signal.always, *signal.sometimes}) == len(signal.always) + len(
            signal.sometimes
        )


def test_a_name_becomes_what_prometheus_makes_of_it():
    assert {
        name: tuple(each.metric(metric) for each in TRANSLATIONS)
        for name, metric in semconv.METRICS.items()
    } == TRANSLATED
    labels = [each.label(semconv.GEN_AI_PROVIDER_NAME) for each in TRANSLATIONS]
    assert labels == ["gen_ai_provider_name"] * 2 + ["gen_ai.provider.name"] * 2


def test_each_metric_has_its_names_on_the_page():
    table = PAGE.partition("## Names in Prometheus")[2]
    rows = re.findall(r"^\| `(toolpair[^`]+)` \| `(.*)` \|$", table, re.MULTILINE)
    assert {name: tuple(names.split("` | `")) for name, names in rows} == TRANSLATED


@pytest.fixture
def emitted():
    """What a handler writes of a sound, a broken, a mended, a refused and a blocked request."""
    spans, logs = InMemorySpanExporter(), InMemoryLogRecordExporter()
    tracing, logging = (
        TracerProvider(shutdown_on_exit=False),
        LoggerProvider(shutdown_on_exit=False),
    )
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    logging.add_log_record_processor(SimpleLogRecordProcessor(logs))
    providers = {"tracer_provider": tracing, "logger_provider": logging}
    observing, strict = (
        ToolPairHandler(
            mode=mode,
            profile="openai-chat",
            spans="all",
            evaluation_events=True,
            feedback="off",
            **providers,
        )
        for mode in ("observe", "strict")
    )
    config = {"callbacks": [observing], "metadata": {"thread_id": str(uuid4())}}
    calls = AIMessage("", tool_calls=[{"name": "search", "args": {}, "id": "call_a"}])
    answered = [HumanMessage("Find it."), calls, MADE_UP]
    for messages in (SOUND, BROKEN, answered):
        CountingModel().invoke(messages, config)
    for messages in (SOUND, BROKEN):
        with pytest.raises(Exception, match="did not have response messages"):
            CountingModel(before=refuse_pairing).invoke(messages, config)
    with pytest.raises(InvalidToolResultsError):
        CountingModel().invoke(BROKEN, {"callbacks": [strict]})
    RepairReporter(logger_provider=logging).repaired(repair_messages(BROKEN))
    observing.close()
    strict.close()
    records = [each.log_record for each in logs.get_finished_logs()]
    yield (
        [(span.name, SPANS, span.attributes) for span in spans.get_finished_spans()]
        + [(record.event_name, EVENTS, record.attributes) for record in records]
    )
    tracing.shutdown()
    logging.shutdown()


def test_what_a_handler_writes_is_what_the_tables_say(emitted):
    assert {name for name, _, _ in emitted} == {*SPANS, *EVENTS}
    outcomes = {attributes.get(semconv.OUTCOME) for _, _, attributes in emitted}
    assert outcomes >= {"accepted", "rejected", "escaped", "blocked"}
    values = {**TELEMETRY["VALUES"]} | {
        name: closed for name, (_, closed) in TELEMETRY["LINKED"].items()
    }
    for name, table, attributes in emitted:
        assert set(table[name].always) <= set(attributes), name
        assert set(attributes) <= {*table[name].always, *table[name].sometimes}, name
        for attribute, value in attributes.items():
            assert type(value) is TYPES[ATTRIBUTES[attribute].type], attribute
            said = value if isinstance(value, tuple) else (value,)
            assert attribute not in values or set(said) <= set(values[attribute]), attribute
