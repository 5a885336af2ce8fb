"""The recorded programs break, mend and keep their threads as their truth says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.steps.programs import RUNS, recording_of
from tests.steps.watching import judged

if TYPE_CHECKING:
    from tests.steps.app import Program, Recording


def bad_requests(recording: Recording) -> list[int]:
    """The numbers of the broken requests, counted from the end of the sound turns."""
    records = judged(recording)
    return [n - recording.first for n, each in enumerate(records) if not each.report.ok]


@pytest.mark.parametrize(("program", "sound_turns"), RUNS["broken"])
def test_a_broken_program_first_asks_with_a_broken_history_where_it_says(
    program: Program, sound_turns: int
):
    bad = bad_requests(recording_of(program, sound_turns))

    assert bad[0] == program.truth.first_bad
    assert program.truth.bad_requests in (None, len(bad))


@pytest.mark.parametrize(("program", "sound_turns"), [*RUNS["mended"], *RUNS["sound"]])
def test_a_program_that_breaks_nothing_never_asks_with_a_broken_history(
    program: Program, sound_turns: int
):
    assert not bad_requests(recording_of(program, sound_turns))
