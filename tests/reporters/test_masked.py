"""Results that other software made up: counted, told and marked, and never a near miss."""

from __future__ import annotations

import logging
from itertools import chain
from types import SimpleNamespace

import pytest
from opentelemetry._logs import SeverityNumber

from tests.reporters.samples import CHECK_NS, RUN_ID, START_NS, masked, mended, record, report
from tests.reporters.samples import violation as a_violation
from toolpair_observe import Effect, Outcome, semconv
from toolpair_observe.counts import Counts
from toolpair_observe.logs import LOGGER_NAME
from toolpair_observe.pairing.masked import UNKNOWN_MENDER, MaskedEvidence, MaskedKind
from toolpair_observe.record import Trace, TraceLink
from toolpair_observe.reporters import placement
from toolpair_observe.reporters.langsmith.feedback import LangSmithReporter
from toolpair_observe.reporters.log import WINDOW_SECONDS, LogReporter, Throttle
from toolpair_observe.reporters.otel import OtelReporter
from toolpair_observe.steps.blamed import Blame, BlameChange

OLD = masked(fresh=False)
MALFORMED = masked(
    kind=MaskedKind.MALFORMED,
    by=UNKNOWN_MENDER,
    evidence=MaskedEvidence.STATE,
    message_index=6,
    tool_call_id="call_c",
    tool_name=None,
    step="Patch.before_agent",
)
BREACH = {("missing_result", "partial_execution", "", "openai", "gpt-4o"): 1}


def run(pipeline, taken, outcome=Outcome.ACCEPTED):
    """Check a request and end it."""
    pipeline.checked(taken)
    taken.outcome = outcome
    pipeline.finished(taken)


@pytest.fixture
def lines(caplog):
    """The lines logged so far, with their levels."""
    caplog.set_level(logging.DEBUG, logger=LOGGER_NAME)
    return lambda: [(each.levelname, each.getMessage()) for each in caplog.records]


def test_each_is_counted_once_by_who_made_it_up(sdk):
    """Those that stay in the history were counted with the request in which they were new."""
    pipeline = sdk.pipeline()
    run(pipeline, mended(OLD, masked(), masked(message_index=5), MALFORMED))
    run(pipeline, mended(OLD))
    run(pipeline, record())

    assert sdk.points("toolpair.masked") == {
        ("missing", "deepagents", "openai", "gpt-4o"): 2,
        ("malformed", "unknown", "openai", "gpt-4o"): 1,
    }
    near_misses = {key for key, count in sdk.points("toolpair.checks").items() if count}
    assert near_misses == {("clean", "observe", "openai", "gpt-4o")}


def test_each_has_an_event_in_the_context_of_the_request(sdk):
    """Exact names and values; nothing where it is not known."""
    tracer = sdk.tracer_provider.get_tracer("application")
    with tracer.start_as_current_span("chat gpt-4o") as span:
        pipeline = sdk.pipeline()
        taken = mended(OLD, masked(), MALFORMED, place=placement.at_check())
        run(pipeline, taken)

    assert [each.name for each in sdk.spans] == ["chat gpt-4o"]
    events = sdk.events("toolpair.masked")
    assert [dict(event.attributes) for event in events] == [
        {
            "toolpair.masked.kind": "missing",
            "toolpair.masked.by": "deepagents",
            "toolpair.masked.evidence": "text",
            "toolpair.message.index": 4,
            "gen_ai.tool.call.id": "call_b",
            "gen_ai.tool.name": "search",
        },
        {
            "toolpair.masked.kind": "malformed",
            "toolpair.masked.by": "unknown",
            "toolpair.masked.evidence": "state",
            "toolpair.message.index": 6,
            "gen_ai.tool.call.id": "call_c",
            "toolpair.masked.step": "Patch.before_agent",
        },
    ]
    for event in events:
        assert (event.severity_number, event.severity_text) == (SeverityNumber.INFO, "INFO")
        assert event.timestamp == START_NS + CHECK_NS
        assert event.span_id == span.get_span_context().span_id


def test_many_events_stay_within_bounds(sdk):
    """32 events, the rest counted; a long step does not travel in full."""
    many = [masked(message_index=index, step="s" * 999) for index in range(1_000)]
    run(sdk.pipeline(), mended(*many))

    events = sdk.events("toolpair.masked")
    assert [event.attributes["toolpair.message.index"] for event in events] == [*range(32)]
    assert [each.attributes.get("toolpair.masked.omitted") for each in events] == [None] * 31 + [
        968
    ]
    assert {len(event.attributes["toolpair.masked.step"]) for event in events} == {256}


def test_the_log_has_one_line_for_each_sort_and_counts_the_others(lines):
    """At level INFO: what, where, who, which model, which run."""
    now = 1_000.0
    reporter = LogReporter(Throttle(lambda: now))
    first = mended(OLD, masked(), MALFORMED, outcome=Outcome.ACCEPTED)
    second = mended(MALFORMED, outcome=Outcome.ACCEPTED)
    for taken in (first, first, second):
        reporter.mended(taken.observation(), taken.trace())
    now += WINDOW_SECONDS
    reporter.flush(1.0)

    source = f"[model gpt-4o, thread thread-7, run {RUN_ID}]"
    lost = "the history pairs, and the model goes on without what the tool would have found"
    assert lines() == [
        (
            "INFO",
            "masked result: the result at message 4 of call call_b of tool search (call at message "
            "3) was made up by deepagents: missing, shown by its text (and 1 more); "
            f"{lost} {source}",
        ),
        (
            "INFO",
            "masked result: the result at message 6 of call call_c (call at message 3) was made up "
            "by other software in step Patch.before_agent: malformed, shown by its state; "
            f"{lost} {source}",
        ),
        (
            "INFO",
            "… and 1 more like it in the minute after: masked result, malformed, missing, by "
            "deepagents, unknown in step Patch.before_agent for model gpt-4o [last thread "
            f"thread-7, run {RUN_ID}]",
        ),
    ]


def test_nobody_who_reads_no_info_pays_for_a_line(caplog):
    """Nor does the line take the place of another one that somebody reads."""
    caplog.set_level(logging.WARNING, logger=LOGGER_NAME)
    throttle = Throttle()
    taken = mended()
    LogReporter(throttle).mended(taken.observation(), taken.trace())

    assert (caplog.messages, len(throttle)) == ([], 0)


def test_the_langsmith_run_gets_a_tag_and_metadata_and_no_feedback():
    """The application's own lists and dicts stay as they are."""
    tags, extra = ["own", "toolpair:masked"], {"metadata": {"tenant": "a"}}
    tree = SimpleNamespace(tags=tags, extra=extra)
    taken = mended(OLD, masked(), masked(by="langchain"), MALFORMED)
    reporter = LangSmithReporter(SimpleNamespace(feedback="near_miss"), counts=Counts())
    link = TraceLink(RUN_ID, "checkout", client=None, run_tree=tree)
    reporter.mended(taken.observation(), Trace(taken.place, link))
    reporter.mended(taken.observation(), taken.trace())  # not traced

    assert tree.tags == ["own", "toolpair:masked"]
    assert tree.extra == {
        "metadata": {
            "tenant": "a",
            "toolpair_masked": 3,
            "toolpair_masked_by": "deepagents, langchain, unknown",
            "toolpair_masked_step": "Patch.before_agent",
        }
    }
    assert (tags, extra) == (["own", "toolpair:masked"], {"metadata": {"tenant": "a"}})
    assert reporter.flush(0)


def test_what_was_told_before_is_told_to_nobody(sdk, monkeypatch):
    """Nor is anybody told of a request without made-up results: most of them have none."""
    told = []
    for reporter in (LogReporter, OtelReporter):
        monkeypatch.setattr(reporter, "mended", lambda _, taken, __: told.append(taken))
    pipeline = sdk.pipeline()
    for outcome in Outcome:
        run(pipeline, mended(OLD), outcome)
        run(pipeline, record(), outcome)
    assert told == []

    run(pipeline, mended(OLD, masked()), Outcome.FAILED)
    assert [each.outcome for each in told] == [Outcome.FAILED] * 2


def test_a_near_miss_is_told_beside_its_made_up_results(sdk):
    """One request can have both."""
    broken = report([a_violation()], masked=(masked(),))
    run(sdk.pipeline(), record(report=broken), Outcome.REJECTED)

    assert [span.name for span in sdk.spans] == ["check tool_pairing"]
    assert len(sdk.events("toolpair.masked")) == len(sdk.events("toolpair.violation")) == 1


@pytest.mark.parametrize(("is_fresh", "counted"), [(True, BREACH), (False, {}), (None, {})])
def test_a_breach_is_counted_where_it_is_new(sdk, is_fresh, counted):
    """A thread that stays broken repeats its near miss; one that can't be told is in the totals."""
    run(sdk.pipeline(), record([a_violation()], is_fresh=is_fresh))

    assert sdk.counts.snapshot(semconv.BREACHES) == counted
    assert sum(sdk.points("toolpair.violations").values()) == 1


def test_a_breach_is_counted_once_by_its_worst_violation_and_what_broke_it(sdk):
    """So breaches and near misses can be divided."""
    violations = [a_violation(effect=Effect.SILENT_LOSS, kind="orphan_result"), a_violation()]
    pipeline = sdk.pipeline()
    blames = (None, Blame(None, None), Blame("Trim.before_model", BlameChange.REMOVED))
    for blame in blames:
        run(pipeline, record(violations, is_fresh=True, blame=blame))
    run(pipeline, record(is_fresh=True))

    collected = sdk.metrics()["toolpair.breaches"].data.data_points
    base = {
        "toolpair.violation.kind": "missing_result",
        "toolpair.violation.cause": "partial_execution",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
    }
    assert [(dict(point.attributes), point.value) for point in collected] == [
        (base, 2),
        (base | {"toolpair.blame.change": "removed"}, 1),
    ]


def test_no_number_of_ids_makes_a_series(sdk):
    """Calls and steps are told by events and lines alone."""
    pipeline = sdk.pipeline()
    for number in range(50):
        run(pipeline, mended(masked(tool_call_id=f"call_{number}", step=f"step_{number}")))

    labels = chain.from_iterable(sdk.points("toolpair.masked"))
    assert set(labels) == {"missing", "deepagents", "openai", "gpt-4o"}
