"""The walk back from a near miss, at the sizes and in the places where it could cost or err."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, ToolMessage

from tests.steps.journaled import Journaled, history
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.steps.blamed import BlameChange
from toolpair_observe.steps.by_steps import blame_by_steps
from toolpair_observe.steps.updates import MOST_PARTS, messages_below

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.steps.blamed import Blame


class Counted:
    """Checks histories, and counts how many and how long they were."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def __call__(self, messages: Sequence[BaseMessage]) -> PairingReport:
        self.lengths.append(len(messages))
        return check(messages, CONTRACT)


def asked(
    run: Journaled, parent: Any, messages: list[BaseMessage], check: Any = None
) -> Blame | None:
    """Ask a model with these messages; return what is told of that."""
    report = Counted()(messages)
    return blame_by_steps(messages, report, check or Counted(), run.root, parent, str)


@pytest.mark.parametrize("broken_at", [1, 31, 62])
def test_long_histories_of_many_steps_take_a_few_short_checks(broken_at: int):
    sound = history(1_250)
    broken = [*sound[:2501], *sound[2502:]]
    run = Journaled().start()
    for n in range(63):
        removes = {"messages": [RemoveMessage(id=sound[2501].id)]} if n == broken_at else {}
        run.step(f"step-{n}", {"messages": sound if n <= broken_at else broken}, removes)
    asks = run.open_step("model", {"messages": broken})
    counted = Counted()

    blame = asked(run, asks, broken, counted)

    assert blame is not None
    assert (blame.step, blame.change) == (f"step-{broken_at}", BlameChange.REMOVED)
    assert blame.removed == (2501,)
    assert len(counted.lengths) <= 10
    assert max(counted.lengths) <= 8


def test_a_step_that_is_not_kept_any_more_is_not_guessed():
    sound = history(3)
    broken = [*sound[:5], *sound[6:]]
    run = Journaled().start({"messages": sound[:1]})
    run.step("trim", {"messages": sound}, {"messages": [RemoveMessage(id=sound[5].id)]})
    for _ in range(70):
        run.step("look", {"messages": broken})
    asks = run.open_step("model", {"messages": broken})

    blame = asked(run, asks, broken)

    assert blame is None


def test_sixteen_positions_are_told_and_the_one_that_matters_is_among_them():
    sound = history(30)
    kept = [sound[101], *sound[103:]]  # a call whose result is gone
    run = Journaled().start()
    run.step("cut", {"messages": sound}, {"messages": [RemoveMessage(id="__remove_all__"), *kept]})
    asks = run.open_step("model", {"messages": kept})

    blame = asked(run, asks, kept)

    assert blame is not None
    assert (blame.step, len(blame.removed)) == ("cut", 16)
    assert 102 in blame.removed


def test_two_steps_that_may_both_have_done_it_are_not_named():
    sound = history(2)
    broken = [*sound[:5], *sound[6:]]
    run = Journaled().start()
    run.step("one", {"messages": sound})
    run.step("two", None)
    asks = run.open_step("model", {"messages": broken})

    blame = asked(run, asks, broken)

    assert blame is not None
    assert (blame.step, blame.change) == (None, BlameChange.REMOVED)


def test_messages_that_are_plain_dicts_are_read():
    call = {"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    sound: list[Any] = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "18", "tool_call_id": "a"},
    ]
    run = Journaled().start({"messages": sound[:1]})
    run.step("cut", {"messages": sound}, {"messages": sound[2:]})
    asks = run.open_step("model", {"messages": sound[2:]})

    blame = asked(run, asks, [ToolMessage("18", tool_call_id="a")])

    assert blame is not None
    assert (blame.step, blame.change, blame.removed) == ("cut", BlameChange.REMOVED, (0, 1))


def test_a_run_without_a_history_tells_nothing():
    run = Journaled().start("Hi")
    asks = run.open_step("model", {"question": "Hi"})
    call = AIMessage("", tool_calls=[{"name": "weather", "args": {}, "id": "a"}])

    assert asked(run, asks, [HumanMessage("Hi"), call, HumanMessage("Hello?")]) is None


def test_a_list_that_is_made_for_the_model_alone_is_blamed_on_who_made_it():
    sound = history(2)
    sent = sound[6:]
    run = Journaled().start()
    run.step("look", {"messages": sound}, {"messages": []})
    run.step("hook", {"messages": sound}, {"for_the_model": sent})
    run.step("look", {"messages": sound, "for_the_model": sent}, {"messages": []})
    asks = run.open_step("model", {"messages": sound, "for_the_model": sent})

    blame = asked(run, asks, sent)

    assert blame is not None
    assert (blame.step, blame.change) == ("hook", BlameChange.REMOVED)


def test_a_node_that_is_forgotten_among_many_is_not_taken_for_a_chain():
    sound = history(2)
    run = Journaled().start({"messages": sound})
    asks = run.open_step("worker", {"messages": sound}, langgraph_step=1)
    for _ in range(70):
        run.open_step("worker", {"messages": sound}, langgraph_step=1)

    assert asked(run, asks, [*sound[:5], *sound[6:]]) is None


def test_of_what_a_node_returned_no_more_is_looked_at_than_may_be_messages():
    table = [{"row": number, "cells": list(range(5))} for number in range(100_000)]
    looked_at = 0

    class Cell:
        def __getattr__(self, name: str) -> Any:
            nonlocal looked_at
            looked_at += 1
            raise AttributeError(name)

    vectors = [[Cell()] for _ in range(100_000)]
    found = [*messages_below({"messages": [HumanMessage("Hi")], "t": table, "v": vectors})]

    assert [each.content for each in found] == ["Hi"]
    assert looked_at < 10 * MOST_PARTS
