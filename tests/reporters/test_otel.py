"""Spans and events: exact names, values, types, times, parents, and what must not be there."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult
from opentelemetry.trace import SpanKind, StatusCode

from tests.reporters.samples import (
    CHECK_NS,
    RUN_ID,
    START_NS,
    UNTRACED,
    near_miss,
    observation,
    record,
    violation,
)
from toolpair_observe import Cause, Effect, Outcome, ViolationKind, __version__
from toolpair_observe.pairing.refusals.companions import Companion
from toolpair_observe.pairing.refusals.fault import Fault
from toolpair_observe.record import Place, Trace, TraceLink
from toolpair_observe.semconv import MAX_SPAN_ATTRIBUTES
from toolpair_observe.steps.blamed import BETWEEN_RUNS, Blame, BlameChange


def test_span_of_a_near_miss(sdk):
    """Everything on the span of a rejected request, with exact values and types."""
    reporter = sdk.reporter()
    taken = observation(
        [
            violation(),
            violation(kind=ViolationKind.ORPHAN_RESULT, message_index=4, tool_call_id="call_x"),
            violation(message_index=5, cause=Cause.TRIMMED_HEAD),
        ],
        outcome=Outcome.REJECTED,
        rejected_kind=ViolationKind.MISSING_RESULT,
        mode="strict",
    )

    reporter.flagged(taken, UNTRACED)
    reporter.finished(taken, UNTRACED)

    (span,) = sdk.spans
    assert span.name == "check tool_pairing"
    assert span.kind is SpanKind.INTERNAL
    assert (span.start_time, span.end_time) == (START_NS, START_NS + CHECK_NS)
    assert span.parent is None
    assert (span.instrumentation_scope.name, span.instrumentation_scope.version) == (
        "toolpair_observe",
        __version__,
    )
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "refused by the provider: missing_result, orphan_result"
    assert not span.events
    attributes = dict(span.attributes)
    assert attributes == {
        "openinference.span.kind": "GUARDRAIL",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.conversation.id": "thread-7",
        "error.type": "INVALID_TOOL_RESULTS",
        "toolpair.mode": "strict",
        "toolpair.profile": "openai-chat",
        "toolpair.effect": "reject",
        "toolpair.outcome": "rejected",
        "toolpair.message.count": 5,
        "toolpair.call.count": 2,
        "toolpair.result.count": 1,
        "toolpair.violation.count": 3,
        "toolpair.violation.kinds": ("missing_result", "orphan_result"),
        "toolpair.violation.causes": ("partial_execution", "trimmed_head"),
        "toolpair.rejected.kind": "missing_result",
        "toolpair.langsmith.run_id": str(RUN_ID),
    }
    assert all(type(value) in (str, int, tuple) for value in attributes.values())


@pytest.mark.parametrize(
    ("outcome", "is_error"),
    [
        (Outcome.BLOCKED, True),
        (Outcome.REJECTED, True),
        (Outcome.ESCAPED, True),
        (Outcome.ACCEPTED, False),
        (Outcome.FAILED, False),
        (Outcome.CANCELLED, False),
        (Outcome.ABANDONED, False),
    ],
)
def test_status_follows_the_outcome(sdk, outcome, is_error):
    """Only a request that was refused for its pairs is an error of ours."""
    sdk.reporter().finished(near_miss(outcome=outcome), UNTRACED)

    (span,) = sdk.spans
    assert (span.status.status_code is StatusCode.ERROR) == is_error
    assert (span.attributes.get("error.type") == "INVALID_TOOL_RESULTS") == is_error
    assert span.status.status_code is (StatusCode.ERROR if is_error else StatusCode.UNSET)


@pytest.mark.parametrize(
    ("spans", "written"),
    [
        ("near_miss", ["near miss", "escape"]),
        ("all", ["clean", "accepted", "near miss", "escape"]),
        ("off", []),
    ],
)
def test_which_requests_get_a_span(sdk, spans, written):
    """The default writes near misses and escapes."""
    reporter = sdk.reporter(spans=spans)
    harmless = violation(effect=Effect.ACCEPT)
    accepted = {"outcome": Outcome.ACCEPTED}
    escaped = {"outcome": Outcome.ESCAPED, "rejected_kind": "orphan_result"}
    for model, violations, end in [
        ("clean", [], accepted),
        ("accepted", [harmless], accepted),
        ("near miss", [violation(), harmless], accepted),
        ("escape", [], escaped),
    ]:
        taken = observation(violations, model=model, **end)
        reporter.flagged(taken, UNTRACED)
        reporter.finished(taken, UNTRACED)

    assert [span.attributes["gen_ai.request.model"] for span in sdk.spans] == written
    assert bool(sdk.events("toolpair.violation")) == (spans != "off")


def test_escape_says_what_the_provider_named(sdk):
    """An escape has no violation of ours to show, so it shows the provider's."""
    sdk.reporter().finished(
        observation(outcome=Outcome.ESCAPED, rejected_kind="orphan_result"), UNTRACED
    )

    (span,) = sdk.spans
    assert span.attributes["toolpair.effect"] == "clean"
    assert span.attributes["toolpair.rejected.kind"] == "orphan_result"
    assert span.attributes["toolpair.violation.count"] == 0
    assert "toolpair.violation.kinds" not in span.attributes
    assert span.status.description == "refused by the provider: orphan_result"


def test_a_span_says_whose_fault_an_escape_is_and_which_companion_was_refused(sdk):
    """Under names that runbooks and queries are written with."""
    reporter = sdk.reporter(spans="all")
    for end in (
        {"outcome": Outcome.ESCAPED, "rejected_kind": "orphan_result", "escape_fault": "server"},
        {"outcome": Outcome.ESCAPED, "rejected_kind": "orphan_result", "escape_fault": Fault.CHECK},
        {"outcome": Outcome.FAILED, "rejected_companion": Companion.REASONING_ITEM},
        {"outcome": Outcome.ACCEPTED},
    ):
        reporter.finished(observation(**end), UNTRACED)

    names = ("toolpair.escape.fault", "toolpair.rejected.companion")
    assert [tuple(map(span.attributes.get, names)) for span in sdk.spans] == [
        ("server", None),
        ("check", None),
        (None, "reasoning_item"),
        (None, None),
    ]
    assert {type(span.attributes.get(name, "")) for span in sdk.spans for name in names} == {str}


def test_nothing_is_written_before_the_outcome(sdk):
    """A span that were open from the check on would be lost with its context."""
    sdk.reporter().flagged(near_miss(), UNTRACED)

    assert sdk.spans == ()
    assert sdk.events("toolpair.violation") == []


def test_unknown_facts_are_left_out(sdk):
    """No empty attributes."""
    sdk.reporter().finished(near_miss(provider="", model="", conversation_id=None), UNTRACED)

    (span,) = sdk.spans
    absent = {"gen_ai.provider.name", "gen_ai.request.model", "gen_ai.conversation.id"}
    assert not absent & set(span.attributes)


def test_parent_is_the_span_that_was_current_at_the_check(sdk):
    """Whatever is current when the run ends."""
    tracer = sdk.tracer_provider.get_tracer("application")
    with tracer.start_as_current_span("request") as request:
        taken, here = (
            near_miss(outcome=Outcome.ACCEPTED),
            Trace(Place(trace.set_span_in_context(request))),
        )
        reporter = sdk.reporter()
        reporter.flagged(taken, here)
    with tracer.start_as_current_span("another"):
        reporter.finished(taken, here)
        assert trace.get_current_span().get_span_context() != request.get_span_context()

    ours = next(span for span in sdk.spans if span.name == "check tool_pairing")
    assert ours.parent.span_id == request.get_span_context().span_id
    assert ours.context.trace_id == request.get_span_context().trace_id


def test_sampler_sees_what_it_may_decide_on():
    """Attributes set later would be too late for a sampler."""
    seen = {}

    class Remember(Sampler):
        def should_sample(self, *args, **kwargs):
            seen.update(kwargs.get("attributes") or args[4])
            return SamplingResult(Decision.DROP)

        def get_description(self):
            return "remember"

    from tests.reporters.conftest import Sdk

    sdk = Sdk()
    sdk.tracer_provider = TracerProvider(sampler=Remember(), shutdown_on_exit=False)
    sdk.reporter().finished(near_miss(outcome=Outcome.REJECTED), UNTRACED)
    sdk.close()

    assert {
        "openinference.span.kind",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "toolpair.effect",
        "toolpair.outcome",
        "toolpair.mode",
        "error.type",
    } <= set(seen)


def test_events_and_metrics_do_not_depend_on_sampling(sdk, monkeypatch):
    """A request whose trace is not sampled still has its events, in that trace, and its metrics.

    Such a span is told nothing once it has started.
    """

    def refuse(*_):
        pytest.fail("a span that is not recorded was written to")

    for name in ("set_attribute", "set_attributes", "set_status"):
        monkeypatch.setattr(trace.NonRecordingSpan, name, refuse)
    sdk.tracer_provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    sdk.tracer_provider.add_span_processor(SimpleSpanProcessor(sdk.span_exporter))
    reporter = sdk.reporter()
    taken = near_miss(outcome=Outcome.REJECTED)

    sdk.check_metrics().measure(record([violation()]))
    reporter.flagged(taken, UNTRACED)
    reporter.finished(taken, UNTRACED)

    assert sdk.spans == ()
    assert len(sdk.events("toolpair.violation")) == 1
    (point,) = sdk.metrics()["toolpair.check.duration"].data.data_points
    assert point.count == 1


def test_violation_event(sdk):
    """Everything on one event, in the context of the span."""
    sdk.reporter().finished(near_miss(outcome=Outcome.ACCEPTED), UNTRACED)

    (span,) = sdk.spans
    (event,) = sdk.events("toolpair.violation")
    assert dict(event.attributes) == {
        "toolpair.violation.kind": "missing_result",
        "toolpair.violation.effect": "reject",
        "toolpair.violation.cause": "partial_execution",
        "toolpair.message.index": 3,
        "gen_ai.tool.call.id": "call_b",
        "gen_ai.tool.name": "search",
    }
    assert all(type(value) in (str, int) for value in event.attributes.values())
    assert event.body is None
    assert event.timestamp == START_NS + CHECK_NS
    assert (event.trace_id, event.span_id) == (span.context.trace_id, span.context.span_id)
    (data,) = sdk.log_exporter.get_finished_logs()
    assert data.instrumentation_scope.name == "toolpair_observe"
    assert data.instrumentation_scope.version == __version__


class _Choosy(SimpleLogRecordProcessor):
    """A processor that takes events of a severity, and may fail where it is asked for them."""

    def __init__(self, exporter, least):
        super().__init__(exporter)
        self._least = least

    def enabled(self, *, severity_number=None, **_):
        return severity_number.value >= self._least.value


@pytest.mark.parametrize(
    ("least", "written"), [(SeverityNumber.WARN, 2), (SeverityNumber.ERROR, 0)]
)
def test_no_event_is_described_that_no_processor_takes(sdk, monkeypatch, least, written):
    """The processors are asked once, for the worst violation; each decides of its own then."""
    sdk.logger_provider = LoggerProvider(shutdown_on_exit=False)
    sdk.logger_provider.add_log_record_processor(_Choosy(sdk.log_exporter, least))
    reporter = sdk.reporter()
    described: list[object] = []
    monkeypatch.setattr(
        reporter, "_describe", lambda each: described.append(each) or {}, raising=True
    )

    harmless, harmful = violation(effect=Effect.ACCEPT), violation(effect=Effect.SILENT_LOSS)
    reporter.finished(observation([harmless, harmful], outcome=Outcome.ACCEPTED), UNTRACED)

    assert len(sdk.spans) == 1
    assert len(described) == len(sdk.events("toolpair.violation")) == written


@pytest.mark.parametrize("spans", ["near_miss", "all"])
def test_a_logger_that_cannot_say_what_it_takes_gets_each_event(sdk, monkeypatch, spans):
    """Older ones, and those of others: neither the event nor the span is lost to the question."""

    def refuse(_, *, context=None):  # as it was once, without a severity or a name
        raise AssertionError(context)

    reporter = sdk.reporter(spans=spans)
    monkeypatch.setattr(type(reporter._logger), "enabled", refuse)

    reporter.finished(near_miss(outcome=Outcome.ACCEPTED), UNTRACED)

    assert len(sdk.spans) == len(sdk.events("toolpair.violation")) == 1


@pytest.mark.parametrize(
    ("effect", "outcome", "severity"),
    [
        (Effect.ACCEPT, Outcome.REJECTED, SeverityNumber.INFO),
        (Effect.SILENT_LOSS, Outcome.ACCEPTED, SeverityNumber.WARN),
        (Effect.UNKNOWN, Outcome.FAILED, SeverityNumber.WARN),
        (Effect.REJECT, Outcome.BLOCKED, SeverityNumber.ERROR),
        (Effect.UNKNOWN, Outcome.REJECTED, SeverityNumber.ERROR),
    ],
)
def test_severity(sdk, effect, outcome, severity):
    """Harmless ones inform, others warn, and those that stopped a request are errors."""
    sdk.reporter(spans="all").finished(
        observation([violation(effect=effect)], outcome=outcome), UNTRACED
    )

    (event,) = sdk.events("toolpair.violation")
    assert (event.severity_number, event.severity_text) == (severity, severity.name)


def test_many_violations_stay_within_bounds(sdk):
    """With 5,000 violations: few attributes, 32 events, the worst first, the rest counted."""
    many = [
        violation(
            effect=Effect.ACCEPT,
            message_index=index,
            kind=list(ViolationKind)[index % len(ViolationKind)],
        )
        for index in range(4_998)
    ]
    many += [
        violation(effect=Effect.REJECT, message_index=4_998),
        violation(effect=Effect.LOCAL_ERROR, message_index=4_999),
    ]
    taken = observation(
        many,
        outcome=Outcome.REJECTED,
        rejected_kind="missing_result",
        is_fresh=False,
        blame=Blame("Trim.before_model", BlameChange.REMOVED, requests_ago=2),
    )
    sdk.reporter().finished(taken, UNTRACED)

    (span,) = sdk.spans
    assert len(span.attributes) <= MAX_SPAN_ATTRIBUTES
    assert span.dropped_attributes == 0
    assert span.attributes["toolpair.violation.count"] == 5_000
    assert span.attributes["toolpair.violation.omitted"] == 4_968
    assert len(span.attributes["toolpair.violation.kinds"]) == len(ViolationKind)
    events = sdk.events("toolpair.violation")
    indices = [event.attributes["toolpair.message.index"] for event in events]
    assert indices == [4_999, 4_998, *range(30)]
    omitted = [event.attributes.get("toolpair.violation.omitted") for event in events]
    assert omitted == [None] * 31 + [4_968]


@pytest.mark.parametrize(
    ("known", "attributes"),
    [
        ({}, {}),
        ({"is_fresh": True}, {"fresh": True}),
        (
            {"is_fresh": True, "blame": Blame(BETWEEN_RUNS, BlameChange.INSERTED)},
            {"fresh": True, "step": "between_runs", "change": "inserted"},
        ),
        (
            {"is_fresh": False, "blame": Blame("Trim\ud83d" + "x" * 999, None, requests_ago=2)},
            {"fresh": False, "step": f"Trim?{'x' * 250}…", "requests_ago": 2},
        ),
        ({"blame": Blame(None, BlameChange.IDS_CHANGED)}, {"change": "ids_changed"}),
    ],
    ids=["nothing", "fresh", "step", "again", "requests only"],
)
def test_a_span_tells_what_broke_the_history_and_since_when(sdk, known, attributes):
    """Only what is known, each under its own name."""
    sdk.reporter().finished(near_miss(outcome=Outcome.ACCEPTED, **known), UNTRACED)

    (span,) = sdk.spans
    told = {
        name.rpartition(".")[2]: value
        for name, value in span.attributes.items()
        if name.startswith(("toolpair.blame.", "toolpair.breach."))
    }
    assert told == attributes


def test_a_span_never_has_more_attributes_than_are_allowed_for(sdk):
    """Of a near miss with all that can be known of it, and of an escape."""
    tree = type("Tree", (), {"dotted_order": "20260101T000000000000Z1", "replicas": None})
    client = type("Client", (), {"tracing_mode": "langsmith"})
    trace = UNTRACED._replace(link=TraceLink(RUN_ID, "checkout", client, tree))
    many = [violation(message_index=index) for index in range(40)]
    harmless = [violation(effect=Effect.ACCEPT, message_index=index) for index in range(40)]
    reporter = sdk.reporter()
    known = {
        "is_fresh": False,
        "blame": Blame("Trim.before_model", BlameChange.REMOVED, requests_ago=2),
        "rejected_kind": "missing_result",
    }
    reporter.finished(observation(many, outcome=Outcome.REJECTED, **known), trace)
    reporter.finished(
        observation(
            harmless,
            outcome=Outcome.ESCAPED,
            rejected_kind="missing_result",
            escape_fault=Fault.CHECK,
        ),
        trace,
    )

    rejected, escaped = sdk.spans
    nested = {name for name in rejected.attributes if name.startswith("langsmith.")}
    assert len(nested) == 6
    assert nested <= set(escaped.attributes)
    assert len(rejected.attributes) == MAX_SPAN_ATTRIBUTES
    assert len(escaped.attributes) <= MAX_SPAN_ATTRIBUTES
    assert MAX_SPAN_ATTRIBUTES < 128  # what an SDK keeps


def test_strings_of_unknown_origin_are_tamed(sdk):
    """A huge id does not travel in full, and a lone surrogate does not spoil the export."""
    huge = violation(tool_call_id="x" * 100_000, tool_name="search\ud83d")
    sdk.reporter().finished(
        observation([huge], model="m\udc00", conversation_id="é" * 1_000, outcome=Outcome.ACCEPTED),
        UNTRACED,
    )

    (span,) = sdk.spans
    (event,) = sdk.events("toolpair.violation")
    values = [*span.attributes.values(), *event.attributes.values()]
    for value in values:
        str(value).encode()
        assert len(str(value)) <= 256
    assert event.attributes["gen_ai.tool.name"] == "search?"
    assert span.attributes["gen_ai.conversation.id"] == "é" * 255 + "…"


def test_missing_id_and_name_are_left_out_of_the_event(sdk):
    """No empty attributes."""
    sdk.reporter().finished(
        observation([violation(tool_call_id="", tool_name=None)], outcome=Outcome.ACCEPTED),
        UNTRACED,
    )

    (event,) = sdk.events("toolpair.violation")
    assert not {"gen_ai.tool.call.id", "gen_ai.tool.name"} & set(event.attributes)


def test_evaluation_events_are_opt_in(sdk):
    """Off by default."""
    sdk.reporter(spans="all").finished(near_miss(outcome=Outcome.ACCEPTED), UNTRACED)

    assert sdk.events("gen_ai.evaluation.result") == []


def test_evaluation_events(sdk):
    """One for each request, clean ones too, in the context of the evaluated run."""
    reporter = sdk.reporter(evaluation_events=True)
    with sdk.tracer_provider.get_tracer("llm").start_as_current_span("chat gpt-4o") as chat:
        here = Trace(Place(trace.set_span_in_context(chat), is_model=True))
        reporter.finished(observation(outcome=Outcome.ACCEPTED), here)
        reporter.finished(near_miss(outcome=Outcome.ACCEPTED), here)
        reporter.finished(observation(outcome=Outcome.ESCAPED, rejected_kind="orphan_result"), here)

    events = sdk.events("gen_ai.evaluation.result")
    assert [dict(event.attributes) for event in events] == [
        {
            "gen_ai.evaluation.name": "tool_pairing",
            "gen_ai.evaluation.score.value": 1.0,
            "gen_ai.evaluation.score.label": "pass",
        },
        {
            "gen_ai.evaluation.name": "tool_pairing",
            "gen_ai.evaluation.score.value": 0.0,
            "gen_ai.evaluation.score.label": "fail",
            "gen_ai.evaluation.explanation": "missing_result",
        },
        {
            "gen_ai.evaluation.name": "tool_pairing",
            "gen_ai.evaluation.score.value": 0.0,
            "gen_ai.evaluation.score.label": "fail",
            "gen_ai.evaluation.explanation": "orphan_result",
        },
    ]
    assert all(type(e.attributes["gen_ai.evaluation.score.value"]) is float for e in events)
    assert {event.span_id for event in events} == {chat.get_span_context().span_id}


def test_evaluation_of_a_near_miss_without_a_trace_goes_to_our_span(sdk):
    """Better our own span than no trace at all."""
    taken = near_miss(outcome=Outcome.ACCEPTED)
    sdk.reporter(evaluation_events=True).finished(taken, UNTRACED)

    (span,) = sdk.spans
    (event,) = sdk.events("gen_ai.evaluation.result")
    assert event.span_id == span.context.span_id
