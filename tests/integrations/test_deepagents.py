"""deepagents answers calls that a crash or cut arguments leave open, and is told for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.steps.app import App, Program, Truth, recorded
from tests.steps.watching import judged

deepagents = pytest.importorskip("deepagents")
PATCHES = "PatchToolCallsMiddleware.before_agent"


def crash_and_cut(app: App) -> None:
    tools: Any = [app.weather(), app.broken()]
    app.graph = deepagents.create_deep_agent(app.model(), tools, checkpointer=app.saver)
    app.arm()
    app.say("Go on", app.calls("broken"))
    app.say("Hello?", "Fine.")
    app.say("Go on", app.calls(malformed=["weather"]))
    app.say("Hello?", "Fine.")


def test_deepagents_is_told_as_who_made_results_up():
    program = Program("crash_and_cut", crash_and_cut, Truth())
    records = judged(recorded(program, sound_turns=1))
    told = [
        (each.tool_name, each.step, each.kind.value, each.evidence.value)
        for record in records
        for each in record.report.masked
        if each.fresh
    ]

    assert all(each.report.ok for each in records)
    assert told == [
        ("broken", PATCHES, "missing", "state"),
        ("weather", PATCHES, "malformed", "state"),
    ]
