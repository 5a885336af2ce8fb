"""What became of calls where nothing but the end of a tool tells which call it ran."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.steps.broken_by_tools import BROKEN_BY_TOOLS
from tests.steps.programs import recording_of
from tests.steps.watching import judged
from toolpair_observe.steps.blamed import Fate
from toolpair_observe.steps.fates import Tools, fates_of
from toolpair_observe.steps.runs import ToolRun

if TYPE_CHECKING:
    from tests.steps.recordings import Event

TELLING = [name for name, program in BROKEN_BY_TOOLS.items() if program.truth.fates]


def _silent_of_its_call(event: Event) -> Event:
    """Return an event as langchain-core had it before 1.2."""
    if event.name not in {"on_tool_start", "on_tool_error"}:
        return event
    given = json.loads(event.given)
    given["named"].pop("tool_call_id", None)
    return replace(event, given=json.dumps(given))


@pytest.mark.parametrize("name", TELLING)
def test_a_tool_that_names_no_call_is_known_by_its_name(name: str):
    recording = recording_of(BROKEN_BY_TOOLS[name], 1)
    older = replace(recording, events=tuple(map(_silent_of_its_call, recording.events)))

    (blame, *_) = [each.blame for each in judged(older) if each.blame is not None]

    fates = {each.tool_name: each.fate for each in blame.fates}
    truth = recording.program.truth.fates
    assert {name: fates.get(name) for name in truth} == dict(truth)


def _ran(error: str) -> ToolRun:
    tool = ToolRun(None, "weather", None)
    tool.is_over, tool.error = True, error
    return tool


@pytest.mark.parametrize(
    ("tools", "told"),
    [
        ([_ran("KeyError")], []),
        ([_ran("KeyError"), _ran("")], []),
        ([_ran("KeyError"), _ran("KeyError")], [Fate.RAISED, Fate.RAISED]),
        ([], [Fate.NEVER_STARTED, Fate.NEVER_STARTED]),
    ],
    ids=["one of two", "two that differ", "two alike", "none"],
)
def test_of_calls_of_one_tool_nothing_is_said_that_is_a_guess(
    tools: list[ToolRun], told: list[Fate]
):
    calls = [("a", "weather"), ("b", "weather")]

    fates = fates_of(calls, Tools(nameless=tools), Fate.NEVER_STARTED, str)

    assert [each.fate for each in fates] == told
