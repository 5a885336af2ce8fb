"""Threads are mended: what comes back, what is made up, what stays, and how it is undone."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from tests.threads.programs import PROGRAMS
from tests.threads.programs.mending import Mended, mended, messages_of, planned, rows_of, told
from tests.threads.programs.record import POISONED, STALLED
from tests.threads.programs.truth import continued
from toolpair_observe import MendError

if TYPE_CHECKING:
    from tests.threads.programs.record import Program
    from tests.threads.programs.threads import Threads

MENDED = [each for each in PROGRAMS.values() if each.mends]
LEFT = [each for each in PROGRAMS.values() if each.mends is False]
SOUND = [each for each in PROGRAMS.values() if each.worst not in (STALLED, POISONED)]
TWINS = [each for each in PROGRAMS.values() if each.twin]
# One for each way in which a mend is made.
IN_POSTGRES = [
    "a_function_that_keeps_an_open_call",
    "a_message_after_a_closed_stream",
    "a_removed_call",
    "a_state_that_is_a_broken_list",
    "an_agent_of_changes_is_broken",
    "an_agent_with_a_history_raised_and_a_message_came",
    "appended_and_a_message_after_a_crash",
    "encrypted_and_broken",
    "handed_over_beside_another_call",
    "killed_after_all_tools",
    "killed_between_parallel_tools",
    "one_of_two_tools_raises_then_a_message",
]


@pytest.fixture
def threads(request: pytest.FixtureRequest, database: str) -> Threads:
    """The threads in a database."""
    return request.getfixturevalue(f"{database}_threads")


def each_of(programs: list[Program]) -> Any:
    in_sqlite = [("sqlite", each) for each in programs]
    in_postgres = [("postgres", each) for each in programs if each.name in IN_POSTGRES]
    cases = [*in_sqlite, *in_postgres]
    names = [f"{database}-{program}" for database, program in cases]
    return pytest.mark.parametrize(("database", "program"), cases, ids=names)


@cache
def _seen(name: str, threads: Threads) -> Mended:
    return mended(PROGRAMS[name], threads)


def seen(program: Program, threads: Threads) -> Mended:
    return _seen(program.name, threads)


@each_of(MENDED)
def test_real_results_come_back_and_only_the_others_are_made_up(program: Program, threads: Threads):
    mend = seen(program, threads)

    assert {each.tool_call_id for each in mend.plan.found} == program.recoverable
    assert {each.tool_call_id for each in mend.plan.made_up} == program.made_up
    assert set(mend.plan.restored_calls) == program.restored
    for call in program.recoverable | program.made_up:
        # A dict of OpenAI's form has no place for it.
        is_told = not program.name.startswith("messages_as_openai")
        status = "error" if call in program.made_up and is_told else "success"
        assert mend.results[call][-1].status == status
    for call, contents in program.contents.items():
        assert [each.content for each in mend.results[call]] == contents


@each_of(MENDED)
def test_a_new_message_works_again(program: Program, threads: Threads):
    with threads.copied(program) as copy:
        planned(copy, apply=True)
        outcome = continued(copy, resume=False)

    assert outcome.works, outcome
    assert outcome.error is None


@each_of(MENDED)
def test_a_resume_works_again(program: Program, threads: Threads):
    with threads.copied(program) as copy:
        planned(copy, apply=True)
        outcome = continued(copy, resume=True)

    assert outcome.works, outcome
    assert outcome.error is None


@each_of(MENDED)
def test_a_plan_changes_nothing_and_a_mend_only_adds(program: Program, threads: Threads):
    mend = seen(program, threads)

    assert mend.planned.rows == mend.before.rows
    assert mend.before.rows < mend.mended.rows < mend.rolled_back.rows


@each_of(MENDED)
def test_what_runs_next_is_what_the_plan_says(program: Program, threads: Threads):
    mend = seen(program, threads)

    assert mend.plan.next_before == mend.before.next
    assert mend.plan.next_after == mend.mended.next
    if program.verdicts[mend.plan.namespace] == POISONED:
        assert mend.mended.next == mend.before.next


@each_of(MENDED)
def test_a_mended_thread_is_sound_and_marked(program: Program, threads: Threads):
    mend = seen(program, threads)

    assert mend.diagnosis.verdict == "sound"
    assert mend.diagnosis.mended
    assert mend.diagnosis.checkpoint_id == mend.made
    assert mend.made in mend.marked


@each_of(MENDED)
def test_a_rollback_restores_the_state(program: Program, threads: Threads):
    mend = seen(program, threads)

    assert mend.rolled_back.next == mend.before.next
    assert mend.rolled_back.told == mend.before.told
    assert mend.again.verdict == mend.plan.verdict
    assert mend.again.can_be_applied
    assert mend.resumed.works is program.resume_works


@each_of(LEFT)
def test_what_can_not_be_mended_is_left(program: Program, threads: Threads):
    with threads.copied(program) as copy:
        before = rows_of(copy)
        plan = planned(copy)
        with pytest.raises(MendError):
            plan.apply()

        assert plan.refused
        assert rows_of(copy) == before


@each_of(SOUND)
def test_nothing_is_mended_that_is_not_broken(program: Program, threads: Threads):
    with threads.copied(program) as copy:
        before = rows_of(copy)
        plan = planned(copy, apply=True)

        assert not plan.can_be_applied
        assert rows_of(copy) == before


@each_of(MENDED[:6])
def test_a_run_that_may_be_at_work_is_left_alone(program: Program, threads: Threads):
    with threads.copied(program) as copy:
        before = rows_of(copy)
        plan = planned(copy, idle=3600.0)

        assert plan.refused
        assert rows_of(copy) == before


@each_of(TWINS)
def test_a_mended_thread_equals_the_one_that_met_no_mishap(program: Program, threads: Threads):
    with threads.copied(program) as copy:
        planned(copy, apply=True)
        assert continued(copy, resume=True).works
        assert continued(copy, resume=False).works
        after_mishap = messages_of(copy)
    with threads.copied(PROGRAMS[program.twin]) as copy:
        assert continued(copy, resume=False).works
        without = messages_of(copy)

    assert told(after_mishap) == told(without)
