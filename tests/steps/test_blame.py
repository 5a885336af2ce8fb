"""What broke each of the recorded programs, and what is never said of one that is sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.steps.broken_otherwise import BROKEN_OTHERWISE
from tests.steps.programs import RUNS, recording_of
from tests.steps.watching import judged
from toolpair_observe.steps.blamed import BETWEEN_RUNS, TOOLS, BlameChange
from toolpair_observe.steps.told import tell

if TYPE_CHECKING:
    from tests.steps.app import Program, Recording
    from toolpair_observe.record import Record

WITHOUT_STEPS = [each for each in RUNS["broken"] if not each.values[0].truth.tells_steps]
WITH_STEPS = [
    each
    for each in RUNS["broken"]
    if each.values[0].truth.tells_steps  # type: ignore[union-attr]
]


def first_bad(recording: Recording, **options: Any) -> Record:
    """Return the record of the first broken request."""
    return next(each for each in judged(recording, **options) if not each.report.ok)


@pytest.mark.parametrize(("program", "sound_turns"), WITH_STEPS)
def test_a_near_miss_names_the_step_that_broke_the_history(program: Program, sound_turns: int):
    truth = program.truth

    blame = first_bad(recording_of(program, sound_turns)).blame

    assert blame is not None
    assert blame.change in truth.changes
    assert blame.step in truth.steps
    fates = {each.tool_name: each.fate for each in blame.fates}
    assert {name: fates.get(name) for name in truth.fates} == dict(truth.fates)


@pytest.mark.parametrize(("program", "sound_turns"), WITHOUT_STEPS)
def test_what_no_step_did_is_told_by_the_requests_before(program: Program, sound_turns: int):
    blame = first_bad(recording_of(program, sound_turns), blame="requests").blame

    assert blame is not None
    assert blame.change in program.truth.changes
    assert blame.step is None


@pytest.mark.parametrize(("program", "sound_turns"), [*RUNS["mended"], *RUNS["sound"]])
def test_nothing_is_blamed_where_nothing_is_broken(program: Program, sound_turns: int):
    records = judged(recording_of(program, sound_turns))

    assert [each.blame for each in records] == [None] * len(records)


@pytest.mark.parametrize(("program", "sound_turns"), WITH_STEPS[::3])
def test_no_blame_comes_where_the_option_is_off(program: Program, sound_turns: int):
    assert first_bad(recording_of(program, sound_turns), blame="off").blame is None


@pytest.mark.parametrize(("program", "sound_turns"), WITH_STEPS[1::3])
def test_a_blame_is_the_same_where_ids_are_hashed(program: Program, sound_turns: int):
    recording = recording_of(program, sound_turns)
    plain, hashed = first_bad(recording).blame, first_bad(recording, hash_ids=True).blame

    assert plain is not None
    assert hashed is not None
    assert (plain.step, plain.change) == (hashed.step, hashed.change)
    assert (plain.removed, plain.inserted) == (hashed.removed, hashed.inserted)
    assert all(each.tool_call_id.startswith("hmac:") for each in hashed.fates)


@pytest.mark.parametrize("sound_turns", [0, 1])
def test_a_second_breach_is_blamed_on_what_made_that_one(sound_turns: int):
    program = BROKEN_OTHERWISE["a_broken_thread_that_breaks_again"]
    records = [each for each in judged(recording_of(program, sound_turns)) if not each.report.ok]

    told = [
        (each.is_fresh, each.blame.step, each.blame.change, each.blame.requests_ago)
        for each in records
        if each.blame is not None
    ]
    assert told == [
        (True, TOOLS, BlameChange.NOT_APPENDED, 0),
        (False, TOOLS, BlameChange.NOT_APPENDED, 1),
        (True, BETWEEN_RUNS, BlameChange.REMOVED, 0),
        (False, TOOLS, BlameChange.NOT_APPENDED, 3),
    ]
    assert "removed" in tell(records[2].blame, records[2].report)
