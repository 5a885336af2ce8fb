"""Log lines: what a person reads at night, and how often."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from uuid import UUID

import pytest

from tests.reporters.samples import (
    UNTRACED,
    near_miss,
    observation,
    record,
    report,
    violation,
)
from toolpair_observe import Cause, Effect, Outcome, ViolationKind, forks
from toolpair_observe.hashed import hashed
from toolpair_observe.logs import LOGGER_NAME
from toolpair_observe.option_values import DOCS_URL
from toolpair_observe.pairing.cause_notes import CAUSES
from toolpair_observe.pairing.refusals.companions import Companion
from toolpair_observe.pairing.refusals.fault import Fault
from toolpair_observe.reporters.log import (
    MAX_COARSE_SHAPES,
    MAX_SHAPES,
    LogReporter,
    Throttle,
)
from toolpair_observe.steps.blamed import Blame, BlameChange
from toolpair_observe.steps.told import tell

ROOT = Path(__file__).parents[2]
RUN = UUID("11111111-1111-4111-8111-111111111111")
LAST = UUID("22222222-2222-4222-8222-222222222222")


class Clock:
    """A clock that moves only by hand."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """A time that does not move."""
    return Clock()


@pytest.fixture
def reporter(clock):
    """A reporter with that clock."""
    return LogReporter(Throttle(clock))


# The cause of the breaches that are made here.
SEE = "see docs/violations.md#partial_execution"


@pytest.fixture
def lines(caplog):
    """The lines logged so far."""
    caplog.set_level(logging.DEBUG, logger=LOGGER_NAME)

    def lines():
        assert {(r.name, r.levelno) for r in caplog.records} <= {(LOGGER_NAME, logging.WARNING)}
        return [record.getMessage() for record in caplog.records]

    return lines


def test_near_miss_is_one_line(reporter, lines):
    """What, where, what will happen, why, which model, which run."""
    taken = near_miss(run_id=RUN)
    reporter.flagged(taken, UNTRACED)

    assert lines() == [
        f"near miss: {taken.report.summary()}; {SEE} [model gpt-4o, thread thread-7, run {RUN}]"
    ]
    for part in ("missing_result", "message 3", "call_b", "search", "reject", "openai-chat"):
        assert part in lines()[0]


def test_a_line_ends_with_where_to_look(reporter, lines):
    """The trace, the span of the model call in it, and the page of the run in LangSmith."""
    place = {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"}
    page = "https://smith.langchain.com/o/t/projects/p/s/r/1?poll=true"
    reporter.flagged(near_miss(run_id=LAST, langsmith_url=page, **place), UNTRACED)

    (line,) = lines()
    assert line.endswith(
        f", run {LAST}, trace {place['trace_id']}, span {place['span_id']}, page {page}]"
    )


def test_a_line_says_what_to_do_and_where_to_read_on(clock, lines):
    """The first remedy, which is the likeliest, and the cause's place on the page of causes."""
    reporter = LogReporter(Throttle(clock), docs_url="https://wiki.example/violations/")
    hint = CAUSES[Cause.PARTIAL_EXECUTION].hint
    taken = observation([violation(hint=hint)], outcome=Outcome.REJECTED, rejected_kind="orphan")
    reporter.flagged(taken, UNTRACED)
    reporter.finished(taken, UNTRACED)

    first = CAUSES[Cause.PARTIAL_EXECUTION].hints[0]
    said = f"; to do: {first}; see https://wiki.example/violations/#partial_execution [model "
    assert [said in line for line in lines()] == [True, True]


def test_every_cause_has_its_place_on_the_page_that_lines_name():
    page = (ROOT / DOCS_URL).read_text(encoding="utf-8")

    assert [cause for cause in Cause if f"### `{cause}`" not in page] == []


def test_a_line_is_bounded_and_keeps_its_end(reporter, lines):
    long = "y" * 5_000
    page = "https://smith.langchain.com/o/t/projects/p/s/r/1?poll=true"
    blame = Blame(long, BlameChange.REMOVED, removed=(3,))
    found = violation(hint=f"look at {long}", tool_name=long)
    reporter.flagged(observation([found], blame=blame, langsmith_url=page), UNTRACED)

    (line,) = lines()
    assert len(line) < 2_500
    assert f"; {SEE} [" in line
    assert line.endswith(f"page {page}]")


def test_block_says_so(reporter, lines):
    """A reader must see that this request never left."""
    reporter.flagged(near_miss(mode="strict", blocked=True), UNTRACED)

    (line,) = lines()
    assert line.startswith("blocked request: INVALID_TOOL_RESULTS")


@pytest.mark.parametrize(
    ("effect", "meets"),
    [
        (Effect.REJECT, "fails"),
        (Effect.LOCAL_ERROR, "fails"),
        (Effect.SILENT_LOSS, "meets one"),
        (Effect.UNKNOWN, "meets one"),
    ],
)
def test_a_thread_that_is_stored_broken_is_to_be_mended(reporter, lines, effect, meets):
    """The reader learns that it will not pass by itself, and what to type."""
    taken = observation([violation(effect=effect)], run_id=RUN, poisoned_thread_id="thread-7")
    reporter.flagged(taken, UNTRACED)

    assert lines() == [
        f"near miss: {taken.report.summary()}; thread thread-7 is stored with a breach, so every "
        f"later turn {meets} until it is mended: toolpair-observe threads DATABASE_URL --thread "
        f"thread-7; {SEE} [model gpt-4o, thread thread-7, run {RUN}]"
    ]


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"is_fresh": True}, ""),
        ({"is_fresh": None}, ""),
        ({"is_fresh": False}, "; again, as in an earlier request of this conversation"),
        (
            {"is_fresh": False, "blame": Blame(None, None, since_run_id=LAST, requests_ago=3)},
            f"; again, since 3 requests ago (run {LAST})",
        ),
        (
            {"is_fresh": False, "blame": Blame(None, None, requests_ago=1)},
            "; again, since 1 request ago",
        ),
    ],
)
def test_a_breach_that_is_not_new_says_since_when(reporter, lines, known, said):
    """A reader of the night sees at once whether something breaks now."""
    taken = near_miss(**known)
    reporter.flagged(taken, UNTRACED)

    (line,) = lines()
    assert line.startswith(f"near miss: {taken.report.summary()}{said}")
    assert ("again" in line) == bool(said)


def test_a_line_says_what_broke_the_history(reporter, lines):
    """In the sentence that everybody says it in."""
    blame = Blame("Trim.before_model", BlameChange.REMOVED, removed=(3,))
    taken = near_miss(blame=blame, is_fresh=True)
    reporter.flagged(taken, UNTRACED)

    (line,) = lines()
    said = tell(blame, taken.report)
    assert "node Trim.before_model removed message 3" in said
    assert line.startswith(f"near miss: {taken.report.summary()}; {said}; {SEE} [")


@pytest.mark.parametrize(
    ("thread_id", "option"),
    [
        ("it's 7", """ --thread 'it'"'"'s 7'"""),
        ("7; rm *", " --thread '7; rm *'"),
        ("-7", " --thread=-7"),
        (hashed("7"), ""),
        ("7" * 255 + "…", ""),
        ("seven\n7", ""),
    ],
    ids=["quote", "shell", "like an option", "hash", "cut", "line"],
)
def test_the_command_names_a_thread_only_by_its_own_id(reporter, lines, thread_id, option):
    """What is hashed, cut or made visible is the id of no thread."""
    reporter.flagged(near_miss(poisoned_thread_id=thread_id), UNTRACED)

    (line,) = lines()
    assert f"is mended: toolpair-observe threads DATABASE_URL{option}; {SEE} [model" in line


def test_the_command_for_a_thread_is_whole_however_much_there_is_to_say(caplog):
    long = violation(tool_call_id="c" * 255, tool_name="t" * 255)
    thread_id = "thread-" * 30
    told = observation([long] * 3, run_id=RUN, poisoned_thread_id=thread_id, model="m" * 255)
    LogReporter(Throttle()).flagged(told, UNTRACED)
    (line,) = caplog.messages
    assert "…; thread thread-" in line
    assert f"--thread {thread_id}; " in line


def test_what_is_no_near_miss_is_not_logged(sdk, lines):
    """Clean and harmless requests are not logged."""
    pipeline = sdk.pipeline(spans="off")
    for violations in ([], [violation(effect=Effect.ACCEPT)]):
        for outcome in set(Outcome) - {Outcome.REJECTED, Outcome.ESCAPED}:
            taken = record(violations)
            pipeline.checked(taken)
            taken.outcome = outcome
            pipeline.finished(taken)
    pipeline.close()

    assert lines() == []


def test_rejection_says_what_the_provider_did(reporter, lines):
    """And whether that was expected."""
    taken = near_miss(run_id=RUN, outcome=Outcome.REJECTED, rejected_kind="missing_result")
    reporter.finished(taken, UNTRACED)

    assert lines() == [
        "rejected by the provider: the provider refused a history that was flagged; its error "
        "says missing_result, the check predicted effect reject under openai-chat; "
        f"{SEE} [model gpt-4o, thread thread-7, run {RUN}]"
    ]


def test_escape_says_what_was_missed_and_what_to_do(reporter, lines):
    """The one line that asks for a report to the maintainers."""
    reporter.finished(
        observation(run_id=RUN, outcome=Outcome.ESCAPED, rejected_kind="orphan_result", model=""),
        UNTRACED,
    )

    assert lines() == [
        "missed by the check: the provider refused a history that the check called clean; its "
        "error says orphan_result. Profile openai-chat lacks a rule: run check_messages on this "
        f"history, and report it [thread thread-7, run {RUN}]"
    ]


def test_a_miss_of_a_measured_profile_asks_to_measure_again(reporter, lines):
    taken = observation(
        run_id=RUN,
        report=replace(report(profile="measured:llm/m"), base="openai-compatible"),
        outcome=Outcome.ESCAPED,
        rejected_kind="orphan_result",
        model="",
    )
    reporter.finished(taken, UNTRACED)

    assert lines() == [
        "missed by the check: the provider refused a history that the check called clean; its "
        "error says orphan_result. The endpoint has changed since profile measured:llm/m was "
        "measured, or has not shown that then: measure it again with toolpair-observe probe "
        f"[thread thread-7, run {RUN}]"
    ]


def test_a_sound_history_that_a_server_broke_is_not_called_a_miss(reporter, lines):
    """It names who has to change something, and asks nobody to correct a profile."""
    taken = observation(
        run_id=RUN,
        report=report(profile="openai-compatible"),
        outcome=Outcome.ESCAPED,
        rejected_kind="orphan_result",
        escape_fault=Fault.SERVER,
        model="",
    )
    reporter.finished(taken, UNTRACED)

    assert lines() == [
        "broken by the server: the provider refused a history that the check called clean; its "
        "error says orphan_result. The history keeps LangChain's contract, so what answers behind "
        "profile openai-compatible lost a pair or wants more than pairs: report it to whoever runs "
        f"the server or gateway [thread thread-7, run {RUN}]"
    ]


@pytest.mark.parametrize("make", [observation, near_miss], ids=["sound", "near miss"])
def test_a_refused_companion_of_a_call_is_named(reporter, lines, make):
    """Otherwise somebody looks for a broken pair that there is not."""
    for _ in range(3):
        taken = make(
            run_id=RUN, outcome=Outcome.FAILED, rejected_companion=Companion.THINKING_SIGNATURE
        )
        reporter.finished(taken, UNTRACED)
    reporter.close()

    effect = taken.report.effect
    causes = ", likely cause partial_execution" if taken.report.violations else ""
    assert lines() == [
        "companion of a call refused: thinking signature; what stands beside a call is missing or "
        "no longer as the model sent it, and the pairing is not the reason (the check predicted "
        f"effect {effect} under openai-chat) [model gpt-4o, thread thread-7, run {RUN}]",
        "… and 2 more like it in the minute after: companion of a call refused, "
        f"thinking_signature, predicted effect {effect} under openai-chat for model gpt-4o"
        f"{causes} [last thread thread-7, run {RUN}]",
    ]


def test_other_outcomes_of_a_near_miss_add_nothing(reporter, lines):
    """One line for each near miss."""
    for outcome in (Outcome.ACCEPTED, Outcome.BLOCKED, Outcome.FAILED, Outcome.CANCELLED):
        reporter.finished(near_miss(outcome=outcome), UNTRACED)

    assert lines() == []


def test_repeats_within_a_minute_are_counted(reporter, clock, lines):
    """One line, then silence, then how many there were."""
    for _ in range(41):
        reporter.flagged(near_miss(), UNTRACED)
        clock.now += 1
    reporter.flagged(near_miss(run_id=LAST), UNTRACED)
    assert len(lines()) == 1

    clock.now += 60
    reporter.finished(observation(outcome=Outcome.ACCEPTED), UNTRACED)

    assert lines()[1:] == [
        "… and 41 more like it in the minute after: near miss, missing_result, predicted effect "
        "reject under openai-chat for model gpt-4o, likely cause partial_execution "
        f"[last thread thread-7, run {LAST}]"
    ]


def test_counted_ones_that_are_stored_say_so(reporter, lines):
    """Each of them stands for a thread that somebody has to mend."""
    for thread_id in "789":
        reporter.flagged(
            near_miss(run_id=LAST, conversation_id=thread_id, poisoned_thread_id=thread_id),
            UNTRACED,
        )
    reporter.close()

    assert lines()[1].startswith("… and 2 more like it in the minute after: near miss")
    assert lines()[1].endswith(f", stored in the thread [last thread 9, run {LAST}]")


def test_after_a_minute_the_next_one_is_a_full_line_again(reporter, clock, lines):
    """A lasting incident stays visible, once a minute."""
    for _ in range(3):
        reporter.flagged(near_miss(), UNTRACED)
        reporter.flagged(near_miss(), UNTRACED)
        clock.now += 60

    assert [line.split(":")[0] for line in lines()] == [
        "near miss",
        "… and 1 more like it in the minute after",
        "near miss",
        "… and 1 more like it in the minute after",
        "near miss",
    ]


def test_a_single_near_miss_is_not_followed_by_a_count(reporter, clock, lines):
    """Nothing like it, nothing to add."""
    reporter.flagged(near_miss(), UNTRACED)
    clock.now += 61
    reporter.finished(observation(outcome=Outcome.ACCEPTED), UNTRACED)
    reporter.close()

    assert len(lines()) == 1


@pytest.mark.parametrize(
    "other",
    [
        observation([violation(kind=ViolationKind.ORPHAN_RESULT)]),
        observation([violation(), violation(kind=ViolationKind.ORPHAN_RESULT)]),
        observation([violation(effect=Effect.SILENT_LOSS)]),
        observation([violation(cause=Cause.STREAM_CUT)]),
        observation([violation(), violation(cause=Cause.STREAM_CUT)]),
        near_miss(model="gpt-5"),
        near_miss(blocked=True),
        near_miss(poisoned_thread_id="thread-7"),
    ],
)
def test_another_shape_is_another_line(reporter, lines, other):
    """What differs in a way that matters must not hide behind a count."""
    reporter.flagged(near_miss(), UNTRACED)
    reporter.flagged(other, UNTRACED)

    assert len(lines()) == 2


def test_the_same_shape_elsewhere_is_no_other_shape(reporter, lines):
    """Positions and ids differ each time."""
    reporter.flagged(observation([violation(message_index=3, tool_call_id="call_a")]), UNTRACED)
    reporter.flagged(observation([violation(message_index=9, tool_call_id="call_z")]), UNTRACED)

    assert len(lines()) == 1


def test_rejections_and_escapes_are_counted_too(reporter, lines):
    """A provider that rejects everything must not flood the log."""
    for _ in range(5):
        reporter.finished(
            near_miss(outcome=Outcome.REJECTED, rejected_kind="missing_result"), UNTRACED
        )
        reporter.finished(
            observation(outcome=Outcome.ESCAPED, rejected_kind="missing_result"), UNTRACED
        )
    assert len(lines()) == 2

    reporter.close()

    assert [line.split(":")[0] for line in lines()[2:]] == [
        "… and 4 more like it in the minute after",
        "… and 4 more like it in the minute after",
    ]


def test_flush_tells_what_is_over_and_close_tells_all(reporter, clock, lines):
    """`flush` after each request must not undo the counting; `close` must lose nothing."""
    reporter.flagged(near_miss(), UNTRACED)
    reporter.flagged(near_miss(), UNTRACED)
    assert reporter.flush(1.0)
    assert len(lines()) == 1

    reporter.close()
    reporter.close()

    assert len(lines()) == 2


def test_memory_and_lines_are_bounded(reporter, lines):
    """Ten thousand shapes: that many lines at most, and the rest in one count."""
    for number in range(10_000):
        reporter.flagged(near_miss(model=f"model-{number}"), UNTRACED)
    assert len(lines()) == MAX_SHAPES + 1
    assert len(reporter._throttle) == MAX_SHAPES + 1

    reporter.close()

    assert lines()[-1].startswith(
        f"… and {10_000 - MAX_SHAPES - 1:d} more like it in the minute after: "
        "near miss, missing_result, predicted effect reject of further profiles and models"
    )


def test_many_models_hide_no_bug_of_another_kind(reporter, lines):
    for number in range(MAX_SHAPES + 10):
        reporter.flagged(near_miss(model=f"model-{number}"), UNTRACED)
    reporter.flagged(near_miss(model="model-0", blocked=True), UNTRACED)

    assert lines()[-1].startswith("blocked request: ")


def test_bugs_of_all_kinds_are_bounded_too(reporter, lines):
    causes = list(combinations(Cause, 2))
    for number in range(MAX_SHAPES + 10):
        reporter.flagged(near_miss(model=f"model-{number}"), UNTRACED)
    for first, second in causes:
        both = [violation(cause=first), violation(cause=second)]
        reporter.flagged(observation(both), UNTRACED)
    assert len(causes) > MAX_COARSE_SHAPES
    assert len(lines()) == MAX_SHAPES + MAX_COARSE_SHAPES + 1

    reporter.close()

    assert "warnings of other shapes" in lines()[-1]


def test_threads_lose_no_count(reporter, lines):
    """However they interleave, lines and counts add up."""
    barrier = threading.Barrier(8)

    def work(_):
        barrier.wait()
        for _ in range(250):
            reporter.flagged(near_miss(), UNTRACED)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    reporter.close()

    first, count = lines()
    assert first.startswith("near miss")
    assert count.startswith("… and 1999 more")


def test_a_log_handler_may_come_back(reporter, lines):
    """A handler that calls a model from inside `emit` must not deadlock or recurse for ever."""

    class Curious(logging.Handler):
        def emit(self, record):
            reporter.flagged(near_miss(), UNTRACED)

    handler = Curious()
    logging.getLogger(LOGGER_NAME).addHandler(handler)
    try:
        reporter.flagged(near_miss(), UNTRACED)
    finally:
        logging.getLogger(LOGGER_NAME).removeHandler(handler)

    assert len(lines()) == 1


def test_an_id_cannot_forge_a_line(reporter, lines):
    """A history comes from outside."""
    reporter.flagged(
        observation(
            [violation(tool_call_id="x\nCRITICAL all is lost\r\x1b[31m")], model="gpt\n4\u2028o"
        ),
        UNTRACED,
    )

    (line,) = lines()
    assert line.isprintable()


def test_a_huge_id_does_not_fill_the_log(reporter, lines):
    """A line stays a line."""
    reporter.flagged(observation([violation(tool_call_id="x" * 1_000_000)]), UNTRACED)

    (line,) = lines()
    assert len(line) < 2_500


def test_silenced_logger_costs_nothing_and_keeps_nothing(reporter, caplog):
    """An application may turn the logger off."""
    caplog.set_level(logging.ERROR, logger=LOGGER_NAME)
    reporter.flagged(near_miss(), UNTRACED)

    assert caplog.records == []
    assert len(reporter._throttle) == 0


def test_forked_child_starts_afresh(reporter, lines):
    """The parent's lock may be held by a thread that the child does not have."""
    reporter.flagged(near_miss(), UNTRACED)
    reporter.flagged(near_miss(), UNTRACED)
    held, release = threading.Event(), threading.Event()

    def hold():
        with reporter._throttle._lock:
            held.set()
            release.wait()

    thread = threading.Thread(target=hold)
    old_lock = reporter._throttle._lock
    thread.start()
    held.wait()
    try:
        forks._reset_every()
        assert reporter._throttle._lock is not old_lock
        reporter.close()
        assert len(lines()) == 1
        reporter.flagged(near_miss(), UNTRACED)
    finally:
        release.set()
        thread.join()
    assert len(lines()) == 2


def test_the_line_says_which_thread_and_node_asked(reporter, lines):
    """Without them somebody has to look each run up."""
    reporter.flagged(near_miss(run_id=RUN, node="agent"), UNTRACED)
    reporter.flagged(near_miss(run_id=LAST, node="planner", conversation_id=None), UNTRACED)
    reporter.close()

    first, count = lines()
    assert first.endswith(f"[model gpt-4o, thread thread-7, node agent, run {RUN}]")
    assert count.endswith(f"[last node planner, run {LAST}]")


@pytest.mark.parametrize("hostile", ["x\n::error::y", "\x1b[2Jx", "\u202ex", "x\ud800", "##vso[x]"])
def test_no_name_of_a_line_is_more_than_text(reporter, lines, hostile):
    """Thread, node, model, tool and profile come from outside, as ids do."""
    taken = near_miss(
        report=report([violation(tool_name=hostile, tool_call_id=hostile)], profile=hostile),
        model=hostile,
        conversation_id=hostile,
        node=hostile,
    )
    reporter.flagged(taken, UNTRACED)
    reporter.flagged(taken, UNTRACED)
    reporter.close()

    assert len(lines()) == 2
    for line in lines():
        assert line.isprintable()
        assert "##vso[" not in line


def test_reporters_of_one_process_count_together(clock, lines):
    """An application may make a handler for each call, and close it after the call."""
    throttle = Throttle(clock)
    for _ in range(2_000):
        reporter = LogReporter(throttle)
        reporter.flagged(near_miss(), UNTRACED)
        reporter.close()
    throttle.write_pending(at_exit=True)

    first, told, rest = lines()
    assert first.startswith("near miss")
    assert told.startswith("… and 1 more")
    assert rest.startswith("… and 1998 more")
