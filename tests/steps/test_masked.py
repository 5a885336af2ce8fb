"""Results that somebody made up are told by the states of a run, with the step that did it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.messages.tool import tool_call as made

from tests.steps.programs import RUNS, recording_of
from tests.steps.watching import judged
from toolpair_observe.pairing.masked import MaskedEvidence
from toolpair_observe.steps import masked as memory
from toolpair_observe.steps.journal import Journal
from toolpair_observe.steps.masked import masked_by_steps

if TYPE_CHECKING:
    from tests.steps.app import Program
    from toolpair_observe.pairing.masked import MaskedResult


def masked(program: Program, sound_turns: int, **options: object) -> list[list[MaskedResult]]:
    """The made-up results of each request, those of the sound turns included."""
    recording = recording_of(program, sound_turns)
    return [[*each.report.masked] for each in judged(recording, **options)]


@pytest.mark.parametrize(("program", "sound_turns"), RUNS["mended"])
def test_each_result_that_was_made_up_is_told_once_with_its_step(
    program: Program, sound_turns: int
):
    first = recording_of(program, sound_turns).first
    requests = masked(program, sound_turns)
    told: dict[tuple[int, str | None], MaskedResult] = {}
    for number, request in enumerate(requests):
        for each in request:
            place = number - first, each.tool_name
            if each.fresh or not any(each.tool_name == tool for _, tool in told):
                told[place] = each
    expected = {(each.request, each.tool): each for each in program.truth.mended}

    assert told.keys() == expected.keys()
    for place, each in told.items():
        truth = expected[place]
        assert (each.step, each.kind, each.fresh) == (truth.step, truth.kind, truth.is_fresh)
        assert each.by == truth.by or truth.by is None
        assert each.evidence is MaskedEvidence.STATE


@pytest.mark.parametrize(("program", "sound_turns"), [*RUNS["sound"], *RUNS["broken"]])
def test_nothing_is_told_of_runs_in_which_nobody_mends(program: Program, sound_turns: int):
    assert not any(masked(program, sound_turns))


def test_what_is_kept_of_a_run_without_end_is_bounded():
    journal = Journal()
    root_id, results = uuid4(), 0
    journal.chain_started(root_id, None, "graph", {"messages": []}, {})
    root = journal.root_of(root_id)
    assert root is not None
    for number in range(memory.MOST_TOLD + 100):
        graph_id, step_id = uuid4(), uuid4()
        asked, said = (
            AIMessage("", tool_calls=[made(name="weather", args={}, id=f"call_{number}")]),
            HumanMessage("?"),
        )
        made_up = ToolMessage("stopped", tool_call_id=f"call_{number}")
        state = {"messages": [asked, said]}
        journal.chain_started(graph_id, root_id, "agent", state, {})
        journal.chain_started(step_id, graph_id, "model", state, {"langgraph_node": "model"})
        request = [asked, made_up, said]
        results += len(masked_by_steps(request, (), root, step_id, str))
        journal.chain_ended(step_id)
        journal.chain_ended(graph_id)

    assert results == memory.MOST_TOLD + 100
    assert len(root.asked) <= memory.MOST_ASKED
    assert len(root.told) <= memory.MOST_TOLD
