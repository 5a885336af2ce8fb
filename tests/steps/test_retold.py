"""What is told of runs whose callbacks tell less, or tell it in other forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.load import dumpd
from langchain_core.messages import BaseMessage, message_to_dict

from tests.steps.programs import RUNS, recording_of
from tests.steps.watching import judged
from toolpair_observe.steps.blamed import BETWEEN_RUNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.steps.app import Program
    from toolpair_observe.record import Record

    Retell = Callable[[str, list[Any]], Any]

OF_OUTPUTS = {
    "a_cleaning_after_the_answer": BETWEEN_RUNS,
    "a_tidying_at_the_end_of_a_run": BETWEEN_RUNS,
    "a_node_beside_another_one": None,
    "a_node_that_keeps_half_of_an_agents_answer": "model",
}
"""Programs of which nothing but what their nodes returned tells the step, and what is said then."""


def once(kind: str) -> list[Any]:
    """The programs of a kind, each after one sound turn."""
    return [each for each in RUNS[kind] if each.values[1] == 1]


CUT = "a_carried_history_that_is_cut"
"""What is left of its history is what a node returned, and nobody says that."""
WITH_STEPS = [
    each
    for each in once("broken")
    if each.values[0].truth.tells_steps and each.values[0].name != CUT
]


def without_outputs(name: str, args: list[Any]) -> None:
    if name == "on_chain_end":
        args[0] = None


def formed_by(form: Callable[[BaseMessage], Any], value: Any) -> Any:
    if isinstance(value, BaseMessage):
        return form(value)
    if isinstance(value, dict):
        return {key: formed_by(form, each) for key, each in value.items()}
    return [formed_by(form, each) for each in value] if isinstance(value, list) else value


def in_form(form: Callable[[BaseMessage], Any]) -> Retell:
    def retell(name: str, args: list[Any]) -> None:
        if name == "on_chain_start":
            args[1] = formed_by(form, args[1])

    return retell


FORMS = {
    "stored": in_form(message_to_dict),
    "dumped": in_form(dumpd),
    "dicts": in_form(BaseMessage.model_dump),
}


def first_bad(program: Program, sound_turns: int, retell: Retell) -> Record:
    records = judged(recording_of(program, sound_turns), retell)
    return next(each for each in records if not each.report.ok)


@pytest.mark.parametrize(("program", "sound_turns"), WITH_STEPS)
def test_the_step_is_named_where_nobody_says_what_nodes_returned(
    program: Program, sound_turns: int
):
    blame = first_bad(program, sound_turns, without_outputs).blame

    assert blame is not None
    assert blame.change in program.truth.changes
    if program.name in OF_OUTPUTS:
        assert blame.step == OF_OUTPUTS[program.name]
    else:
        assert blame.step in program.truth.steps


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("program", "sound_turns"), WITH_STEPS[::8])
def test_the_step_is_named_in_whatever_form_messages_are(
    program: Program, sound_turns: int, form: str
):
    blame = first_bad(program, sound_turns, FORMS[form]).blame

    assert blame is not None
    assert blame.change in program.truth.changes
    assert blame.step in program.truth.steps


@pytest.mark.parametrize(("program", "sound_turns"), once("mended"))
@pytest.mark.parametrize("retell", [without_outputs, *FORMS.values()], ids=["less", *FORMS])
def test_who_mended_is_told_in_whatever_form_messages_are(
    program: Program, sound_turns: int, retell: Retell
):
    told = {
        (each.tool_name, each.step)
        for record in judged(recording_of(program, sound_turns), retell)
        for each in record.report.masked
    }

    is_open = retell is without_outputs and program.name == "beside_another_node"
    expected = {(each.tool, None if is_open else each.step) for each in program.truth.mended}
    assert told == expected


@pytest.mark.parametrize(("program", "sound_turns"), once("sound"))
@pytest.mark.parametrize("retell", [without_outputs, *FORMS.values()], ids=["less", *FORMS])
def test_nothing_is_told_of_sound_runs_in_whatever_form_messages_are(
    program: Program, sound_turns: int, retell: Retell
):
    records = judged(recording_of(program, sound_turns), retell)

    assert not any(each.report.masked or each.blame for each in records)
