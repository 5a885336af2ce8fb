"""Each thread of the catalog gets the verdict that continuing it has found."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.threads.programs import PROGRAMS
from tests.threads.programs.record import STALLED, WAITING
from toolpair_observe.threads.diagnose import diagnose_threads

if TYPE_CHECKING:
    from tests.threads.programs.record import Program
    from tests.threads.programs.threads import Threads
    from toolpair_observe.threads.diagnosis import ThreadDiagnosis

LONG = 3600.0
ALL = list(PROGRAMS.values())
# What is read through a checkpointer's public interface is judged by the same rules: a third of
# the threads shows it.
CASES = [
    *(("sqlite", each) for each in ALL),
    *(("postgres", each) for each in ALL),
    *(("memory", each) for each in ALL[::3]),
]
NAMES = [f"{database}-{program}" for database, program in CASES]
every_program = pytest.mark.parametrize(("database", "program"), CASES, ids=NAMES)


@pytest.fixture
def threads(request: pytest.FixtureRequest, database: str) -> Threads:
    """The threads in a database."""
    return request.getfixturevalue(f"{database}_threads")


@cache
def _diagnosed(name: str, threads: Threads) -> dict[str, ThreadDiagnosis]:
    program = threads.made(PROGRAMS[name])
    found = diagnose_threads(
        threads.bed.saver(**program.options()),
        thread_ids=[name],
        idle=0,
        profile=program.profile,
    )
    return {each.namespace: each for each in found}


def diagnosed(program: Program, threads: Threads) -> dict[str, ThreadDiagnosis]:
    """Return the diagnoses of a program's thread by namespace."""
    return _diagnosed(program.name, threads)


@every_program
def test_the_verdict_is_the_truth(program: Program, threads: Threads):
    found = {name: each.verdict.value for name, each in diagnosed(program, threads).items()}
    if found[""] in program.also:
        found[""] = program.verdict
    of_calls = {verdict for name, verdict in found.items() if ":" in name}

    assert {name: each for name, each in found.items() if ":" not in name} == program.verdicts
    # No new message ever reaches the single call of a subgraph, so it can't stall.
    assert of_calls <= ({WAITING, "sound"} if program.resume_works else {"poisoned"})


@every_program
def test_what_is_told_of_it_is_true(program: Program, threads: Threads):
    found = diagnosed(program, threads)
    broken = found[program.broken_namespace]

    assert found[""].next == program.next or (not program.names_next and not found[""].next)
    assert {each.tool_call_id for each in broken.recoverable} == program.recoverable
    assert not any(each.is_ambiguous for each in broken.recoverable)
    if broken.verdict.is_finding:
        assert broken.channel == program.channel


@every_program
def test_the_reports_say_what_a_continuation_meets(program: Program, threads: Threads):
    found = diagnosed(program, threads)
    on_new = [each.on_new for name, each in found.items() if ":" not in name]
    on_resume = [each.on_resume for each in found.values()]

    is_fine = all(each is None or each.ok for each in on_new)
    assert is_fine is (program.new_works and not program.trims_itself)
    # With nothing due, a resume asks nobody, whatever the history.
    if (program.next or not program.resume_works) and not program.also:
        assert all(each is None or each.ok for each in on_resume) is program.resume_works


@pytest.mark.parametrize("program", ALL, ids=str)
def test_a_run_that_may_be_at_work_has_not_stalled(program: Program, sqlite_threads: Threads):
    sqlite_threads.made(program)
    found = diagnose_threads(
        sqlite_threads.bed.saver(**program.options()),
        thread_ids=[program.name],
        idle=LONG,
        profile=program.profile,
    )
    verdict = next(each.verdict.value for each in found if each.namespace == "")

    assert verdict in (WAITING if program.verdict == STALLED else program.verdict, *program.also)


@pytest.mark.parametrize("database", ["sqlite", "postgres", "memory"])
def test_without_the_key_a_thread_is_unreadable_and_stops_no_other(threads: Threads):
    if "encrypted_and_broken" not in PROGRAMS:
        pytest.skip("pycryptodome is not installed")
    names = ["encrypted_and_broken", "two_tools_work", "the_only_tool_raises"]
    for name in names:
        threads.made(PROGRAMS[name])
    found = diagnose_threads(threads.bed.saver(), thread_ids=names, idle=0)

    assert {each.thread_id: each.verdict.value for each in found} == {
        "encrypted_and_broken": "unreadable",
        "two_tools_work": "sound",
        "the_only_tool_raises": "stalled",
    }
