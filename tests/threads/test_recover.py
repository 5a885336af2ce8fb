"""Where the results are found that a state has lost, and which of them count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from toolpair_observe.pairing.masked_texts import REPAIR_MARK
from toolpair_observe.threads.recover import Recovered, name_of, recover
from toolpair_observe.threads.stored import Stored, Write

if TYPE_CHECKING:
    from collections.abc import Sequence


def calls(*ids: str, name: str | None = "A") -> AIMessage:
    made = [{"name": "look", "args": {}, "id": each, "type": "tool_call"} for each in ids]
    return AIMessage("", tool_calls=made, id=name)


def result(text: str = "real", call_id: str = "a", **more: Any) -> ToolMessage:
    return ToolMessage(text, tool_call_id=call_id, **more)


def checkpoint(
    number: int, messages: Sequence[Any] = (), /, *written: Any, namespace: str = "", **more: Any
) -> Stored:
    """A checkpoint, on which each task has written one value."""
    return Stored(
        thread_id="t",
        namespace=namespace,
        checkpoint_id=f"{number:02}",
        values={"messages": [*messages], "count": 7},
        writes=tuple(
            Write(task_id=f"task {place}", channel="messages", value=each)
            for place, each in enumerate(written)
        ),
        **more,
    )


def looked(*history: Stored, ids: Sequence[str] = ("a",)) -> Recovered:
    """Look for results, in checkpoints of which the newest comes first."""
    newest_first = sorted(history, key=lambda each: each.checkpoint_id, reverse=True)
    return recover(newest_first, ids, lambda each: each.values)


def found(*history: Stored, caller: str | None = "A") -> tuple[str, str, str, str] | None:
    """What is found of the call a, and where."""
    made = looked(*history).result("a", caller)
    if made is None:
        return None
    message, where = made
    assert not where.is_ambiguous
    return message.text, where.checkpoint_id, where.namespace, where.task_id


@pytest.mark.parametrize(
    "written",
    [
        [result()],
        result(),
        [{"role": "tool", "content": "real", "tool_call_id": "a"}],
        {"type": "tool", "content": "real", "tool_call_id": "a"},
        ["no message", result()],
    ],
    ids=["a list", "a message", "dicts", "the dict of an own class", "beside something else"],
)
def test_what_a_task_has_written_is_found_in_each_form(written):
    history = checkpoint(2, [calls("a"), HumanMessage("bye")]), checkpoint(1, [calls("a")], written)

    assert found(*history) == ("real", "01", "", "task 0")


def test_the_place_that_is_named_is_where_the_tool_wrote_it():
    state = [calls("a"), result()]
    history = checkpoint(1, [calls("a")], [result()]), checkpoint(2, state), checkpoint(3, state)

    assert found(*history, checkpoint(4, [calls("a")])) == ("real", "01", "", "task 0")


def test_a_result_is_found_in_the_namespace_of_a_subgraph():
    history = checkpoint(1, [calls("a")]), checkpoint(2, [], [result()], namespace="helper:1|x:2")

    assert found(*history) == ("real", "02", "helper:1|x:2", "task 0")


def test_a_list_below_a_channel_is_looked_at():
    inner = Stored(
        thread_id="t",
        namespace="",
        checkpoint_id="01",
        values={"state": {"deep": {"messages": [calls("a"), result()]}}},
    )

    assert found(checkpoint(2, [calls("a")]), inner) == ("real", "01", "", "")


def test_what_can_not_be_read_stops_nothing():
    history = (
        checkpoint(1, [calls("a")], [result()]),
        checkpoint(2, [{"type": "human", "content": 7}, calls("a")]),
        checkpoint(3, [calls("a"), result("of a broken row")], unreadable="it is broken"),
    )

    assert found(*history) == ("real", "01", "", "task 0")


def test_a_success_counts_more_than_an_error_and_an_error_more_than_nothing():
    error = result("it failed", status="error")
    history = checkpoint(1, [calls("a")], [error]), checkpoint(2, [calls("a"), error])

    assert found(*history) == ("it failed", "01", "", "task 0")
    assert found(*history, checkpoint(3, [calls("a")], [result()])) == ("real", "03", "", "task 0")


def test_what_a_mend_has_made_up_is_no_result():
    made_up = result("no result", status="error", additional_kwargs={REPAIR_MARK: "inserted"})

    assert found(checkpoint(1, [calls("a"), made_up], [made_up])) is None


def test_results_that_differ_are_told_as_ambiguous():
    history = checkpoint(1, [calls("a")], [result("one")], [result("other")])

    assert looked(history).result("a", "A")[1].is_ambiguous


def turn(number: int, name: str, *said: BaseMessage, text: str) -> list[Stored]:
    """The checkpoints of a turn whose server has numbered its calls anew."""
    before = [*said, HumanMessage("hi"), calls("a", name=name)]
    return [
        checkpoint(number, before, [result(text)]),
        checkpoint(number + 1, [*before, result(text)]),
    ]


@pytest.mark.parametrize("second", ["other", "one"], ids=["other results", "the same result"])
def test_each_call_gets_its_own_result_where_ids_come_again(second):
    first = turn(1, "A", text="one")
    said = first[-1].values["messages"]
    history = [*first, *turn(3, "B", *said, text=second)]

    assert found(*history, caller="A") == ("one", "01", "", "task 0")
    assert found(*history, caller="B") == (second, "03", "", "task 0")
    assert found(*history, caller="C") is None


def test_a_result_that_was_moved_is_still_that_of_its_call():
    first = turn(1, "A", text="one")
    second = calls("a", name="B")
    moved = checkpoint(5, [calls("a"), second, result("one")])

    assert found(*first, moved, caller="A") == ("one", "01", "", "task 0")
    assert found(*first, moved, caller="B") is None
    assert looked(*first, moved).caller_of(result("one")).message.id == "A"


def test_the_call_of_a_result_comes_with_the_beginning_of_its_turn():
    question, answer = HumanMessage("hi"), calls("a")
    history = checkpoint(1, [AIMessage("before"), question, calls("b"), answer, result()])
    caller = looked(history).caller_of(result())

    assert caller.message == answer
    assert caller.opening == (question, calls("b"))


def test_of_two_calls_that_nothing_tells_apart_none_is_taken():
    twins = [calls("a", name=None), result(), HumanMessage("hi"), calls("a", name=None)]
    made = looked(checkpoint(1, twins))

    assert made.caller_of(result()) is None
    assert made.result("a", name_of(twins[0]))[1].is_ambiguous


def test_nothing_is_read_for_no_calls():
    def history():
        pytest.fail("the history was read")
        yield

    assert recover(history(), (), lambda each: each.values).result("a", "A") is None
