"""All programs whose runs are recorded."""

from __future__ import annotations

from functools import cache

import pytest

from tests.steps.app import SOUND_TURNS, Catalog, Program, Recording, recorded
from tests.steps.broken_between_runs import BROKEN_BETWEEN_RUNS
from tests.steps.broken_by_steps import BROKEN_BY_STEPS
from tests.steps.broken_by_tools import BROKEN_BY_TOOLS
from tests.steps.broken_otherwise import BROKEN_OTHERWISE
from tests.steps.broken_still_otherwise import BROKEN_STILL_OTHERWISE
from tests.steps.broken_without_ids import BROKEN_WITHOUT_IDS
from tests.steps.mended import MENDED
from tests.steps.sound import SOUND

BROKEN = Catalog(
    {
        **BROKEN_BY_STEPS,
        **BROKEN_BY_TOOLS,
        **BROKEN_BETWEEN_RUNS,
        **BROKEN_OTHERWISE,
        **BROKEN_STILL_OTHERWISE,
        **BROKEN_WITHOUT_IDS,
    }
)
"""Those that break their thread or a request."""


RUNS = {
    kind: [
        pytest.param(program, turns, id=f"{program.name}-{turns}")
        for program in catalog.values()
        for turns in SOUND_TURNS
    ]
    for kind, catalog in {"broken": BROKEN, "mended": MENDED, "sound": SOUND}.items()
}
"""Parameters `program` and `sound_turns` of a test, for each kind of program."""


@cache
def recording_of(program: Program, sound_turns: int) -> Recording:
    """Return a run of a program, which is made once."""
    return recorded(program, sound_turns)
