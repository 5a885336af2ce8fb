"""The list that a mend writes: real results are put back in place, and nothing real is lost."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from tests.amounts import examples
from toolpair_observe.pairing.masked_texts import REPAIR_MARK
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.threads.judge import judge_of
from toolpair_observe.threads.recover import recover
from toolpair_observe.threads.stored import Stored
from toolpair_observe.threads.wanted import Mending, NotMendableError, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hypothesis.strategies import DrawFn

OPENAI = PROFILES["openai-chat"]
NEXT = HumanMessage("and now?")


def human(text: str = "hi", name: str | None = None) -> HumanMessage:
    return HumanMessage(text, id=name)


def calls(*ids: str, name: str | None = None, **args: Any) -> AIMessage:
    made = [{"name": "look", "args": args, "id": each, "type": "tool_call"} for each in ids]
    return AIMessage("", tool_calls=made, id=name)


def result(call_id: str, text: str = "", **more: Any) -> ToolMessage:
    return ToolMessage(text or f"of {call_id}", tool_call_id=call_id, **more)


def error(call_id: str, text: str = "it failed", **more: Any) -> ToolMessage:
    return result(call_id, text, status="error", **more)


def mended(
    broken: Sequence[BaseMessage],
    *older: Sequence[BaseMessage],
    name_id: Callable[[str], str] = str,
) -> Wanted:
    """Mend a list, whose older forms stand in the checkpoints before it, the newest first."""
    history = [
        Stored(
            thread_id="t",
            namespace="",
            checkpoint_id=f"{99 - place:02}",
            values={"messages": list(messages)},
        )
        for place, messages in enumerate((broken, *older))
    ]
    return Mending(
        lambda: False,
        judge_of(broken, OPENAI),
        lambda ids: recover(history, ids, lambda each: each.values),
        name_id,
    ).wanted(broken)


def refused(broken: Sequence[BaseMessage], *older: Sequence[BaseMessage], **more: Any) -> str:
    with pytest.raises(NotMendableError) as raised:
        mended(broken, *older, **more)
    return str(raised.value)


def pairs(messages: Sequence[BaseMessage]) -> bool:
    return judge_of(messages, OPENAI).check([*messages, NEXT]).ok


# --- results that are missing ---------------------------------------------------------------------


def test_a_real_result_comes_back_and_only_the_other_call_gets_one_made_up():
    broken = [human(), calls("a", "b", name="A"), human("bye")]
    wanted = mended(broken, [*broken[:2], result("b", "real")])

    assert wanted.messages[:3] == [*broken[:2], result("b", "real")]
    assert [each.tool_call_id for each in wanted.found] == ["b"]
    assert [each.tool_call_id for each in wanted.made_up] == ["a"]
    assert pairs(wanted.messages)


def test_the_result_of_another_turn_is_not_taken_for_this_ones():
    # Servers that number the calls of each answer begin anew in every turn.
    turn = [human(), calls("call_1", name="A"), result("call_1", "18 degrees"), AIMessage("18")]
    broken = [*turn, human("bye"), calls("call_1", name="B"), human("well?")]
    wanted = mended(broken, turn)

    assert not wanted.found
    assert [each.tool_call_id for each in wanted.made_up] == ["call_1"]


def test_each_turn_gets_its_own_result_of_an_id_that_comes_again():
    sound = [
        human(),
        calls("call_1", name="A"),
        result("call_1", "18 degrees"),
        human(),
        calls("call_1", name="B"),
        result("call_1", "7 degrees"),
    ]
    without = [each for each in sound if not isinstance(each, ToolMessage)]

    assert mended([*without, human()], sound).messages == [*sound, human()]


def test_nothing_is_guessed_where_equal_calls_without_ids_have_equal_call_ids():
    # As dicts in OpenAI's form from a server that numbers the calls of each answer.
    turn = [human(), calls("call_1"), result("call_1", "18 degrees")]
    why = refused([*turn, human(), calls("call_1"), human()], turn)

    assert "nothing tells which one counts" in why


def test_calls_without_ids_are_told_apart_by_what_they_say():
    turn = [human(), calls("call_1", city="Rome"), result("call_1", "18 degrees")]
    broken = [*turn, human(), calls("call_1", city="Oslo"), human()]
    lost = result("call_1", "7 degrees")

    assert mended(broken, [*broken[:-1], lost]).messages == [*broken[:-1], lost, human()]
    assert [each.tool_call_id for each in mended(broken, turn).made_up] == ["call_1"]


def test_results_that_differ_are_no_result():
    broken = [human(), calls("a", name="A"), human()]
    sound = [*broken[:-1], result("a", "one")], [*broken[:-1], result("a", "other")]

    assert "call a has several results in the rows" in refused(broken, *sound)


def test_what_an_earlier_mend_made_up_is_no_result_that_comes_back():
    broken = [human(), calls("a", name="A"), human()]
    made_up = error("a", additional_kwargs={REPAIR_MARK: "inserted"})
    wanted = mended(broken, [*broken[:-1], made_up])

    assert not wanted.found
    assert len(wanted.made_up) == 1


# --- results that are in the wrong place, or there twice ------------------------------------------


def test_a_late_result_takes_the_place_of_what_an_earlier_mend_made_up():
    made_up = error("a", additional_kwargs={REPAIR_MARK: "inserted"})
    late = result("a", "real")
    broken = [human(), calls("a", name="A"), made_up, human(), late]

    assert mended(broken).messages == [*broken[:2], late, human()]


def test_an_error_of_a_tool_is_a_result():
    broken = [human(), calls("a", "b", name="A"), error("a", "no such city"), human(), result("b")]

    assert mended(broken).messages == [*broken[:3], result("b"), human()]


def test_an_error_gives_way_to_the_result_of_another_try():
    broken = [human(), calls("a", name="A"), error("a"), human(), result("a", "18 degrees")]

    assert mended(broken).messages == [*broken[:2], result("a", "18 degrees"), human()]


def test_two_results_that_say_the_same_are_one():
    broken = [human(), calls("a", name="A"), result("a"), result("a"), human(), result("a")]

    assert mended(broken).messages == [*broken[:3], human()]


def test_of_two_results_that_differ_none_is_taken_away():
    broken = [human(), calls("a", name="A"), result("a", "one"), result("a", "other")]

    why = refused(broken, name_id=lambda name: f"hash-of-{name}")
    assert "call hash-of-a has 2 results that differ" in why


def test_results_that_stand_before_their_call_are_moved_behind_it():
    broken = [human(), result("a"), calls("a", "b", name="A"), result("b"), AIMessage("18")]

    assert pairs(mended(broken).messages)
    assert mended(broken).messages == [
        human(),
        broken[2],
        result("b"),
        result("a"),
        AIMessage("18"),
    ]


def test_older_checkpoints_tell_of_which_call_a_misplaced_result_is():
    first, second = calls("call_1", name="A"), calls("call_1", name="B")
    sound = [
        human(),
        first,
        result("call_1", "one"),
        human(),
        second,
        result("call_1", "two"),
        AIMessage("done"),
    ]
    broken = [human(), first, human(), second, sound[5], sound[2], sound[6]]

    assert mended(broken, sound).messages == sound
    assert "several messages make a call of its id" in refused([sound[2], *broken[:4], sound[5]])


# --- results that have lost their call ------------------------------------------------------------


def test_a_call_comes_back_for_its_result():
    sound = [human(name="H"), calls("a", name="A"), result("a"), AIMessage("18", id="B")]
    broken = [sound[0], *sound[2:]]
    wanted = mended(broken, sound)

    assert wanted.messages == sound
    assert wanted.restored_calls == ("a",)


def test_a_list_that_begins_with_results_gets_the_beginning_of_their_turn():
    sound = [human("Rome?", "H"), calls("a", name="A"), result("a"), AIMessage("18", id="B")]
    system = SystemMessage("be kind")

    assert mended([system, *sound[2:]], sound).messages == [system, *sound]


def test_a_call_that_was_edited_away_comes_back_beside_what_is_left_of_it():
    sound = [human(name="H"), calls("a", name="A"), result("a")]
    broken = [sound[0], AIMessage("edited", id="A"), sound[2], human("bye")]
    made = mended(broken, sound).messages

    assert [each.id for each in made if isinstance(each, AIMessage)] == ["A", None]
    assert pairs(made)


def test_a_call_that_comes_back_takes_no_result_from_another_call():
    other = calls("a", name="B")
    sound = [human(), calls("a", "b", name="A"), result("a", "one"), result("b"), human(), other]
    broken = [human(), other, result("b"), result("a", "two"), AIMessage("done")]

    assert mended(broken, [*sound, result("a", "two")]).messages == [
        human(),
        other,
        result("a", "two"),
        sound[1],
        result("b"),
        result("a", "one"),
        AIMessage("done"),
    ]


def test_a_result_of_a_call_that_is_nowhere_is_left_and_said_so():
    why = refused([human(), result("a"), human()], name_id=lambda name: f"hash-of-{name}")

    assert "the one of result hash-of-a: no checkpoint has it" in why


# --- what no mend puts right ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        [human(), calls("a" * 41, name="A"), human()],
        [human(), calls("a", "a", name="A"), result("a"), result("a", "other"), human()],
        [human(), ToolMessage("of nothing", tool_call_id=""), human()],
    ],
    ids=["ids that are too long", "calls that share an id", "no id"],
)
def test_a_list_that_would_still_be_refused_is_left_alone(broken):
    assert "can't be put right without a loss" in refused(broken)


def test_a_sound_list_stays_what_it_is():
    sound = [human(), calls("a", "b", name="A"), result("b"), result("a"), AIMessage("18")]

    made = mended(sound, [human(), calls("a", name="A"), result("a", "other")]).messages
    assert made == sound


# --- any damage -----------------------------------------------------------------------------------


@st.composite
def damaged(draw: DrawFn) -> tuple[list[BaseMessage], list[BaseMessage]]:
    """A sound history, and what random edits have made of it."""
    has_ids, are_reused = draw(st.booleans()), draw(st.booleans())
    sound: list[BaseMessage] = []

    def name() -> str | None:
        return f"message {len(sound)}" if has_ids else None

    count = 0
    for turn in range(draw(st.integers(1, 4))):
        sound.append(human(f"question {turn}", name()))
        for size in draw(st.lists(st.integers(1, 3), max_size=2)):
            ids = [f"c{i if are_reused else count + i}" for i in range(size)]
            count += size
            sound.append(calls(*ids, name=name(), n=draw(st.sampled_from([0, count]))))
            for each in ids:
                sound.append(result(each, f"result {len(sound)}", id=name()))
        sound.append(AIMessage(f"answer {turn}", id=name()))
    broken = list(sound)
    for edit in draw(st.lists(st.sampled_from(["drop", "double", "move", "add"]), min_size=1)):
        at, to = draw(st.integers(0, len(broken))), draw(st.integers(0, len(broken)))
        taken = broken.pop(at) if edit in ("drop", "move") and at < len(broken) else None
        if edit == "add":
            broken.insert(at, human("meanwhile"))
        elif edit == "double" and at < len(broken):
            broken.insert(to, broken[at].model_copy())
        elif edit == "move" and taken is not None:
            broken.insert(min(to, len(broken)), taken)
    return sound, broken[draw(st.integers(0, 2)) :]


def callers(messages: Sequence[BaseMessage]) -> list[str | None]:
    """What tells the newest message with calls before each message."""
    told: list[str | None] = []
    newest = None
    for each in messages:
        if isinstance(each, AIMessage) and each.tool_calls:
            newest = each.id or repr(each.tool_calls)
        told.append(newest)
    return told


@settings(max_examples=examples(300), deadline=None)
@given(damaged())
def test_a_mend_pairs_and_loses_nothing_and_gives_no_call_what_is_not_its_own(case):
    sound, broken = case
    try:
        made = mended(broken, sound).messages
    except NotMendableError:
        return
    assert pairs(made)
    # Everything else stays in order, and each result is there.
    left = iter(made)
    assert all(
        any(each is other for other in left) for each in broken if not isinstance(each, ToolMessage)
    )
    results = {(e.tool_call_id, e.content) for e in made if isinstance(e, ToolMessage)}
    assert results >= {(e.tool_call_id, e.content) for e in broken if isinstance(e, ToolMessage)}
    truth = {
        (caller, each.tool_call_id, each.content)
        for each, caller in zip(sound, callers(sound), strict=True)
        if isinstance(each, ToolMessage)
    }
    answered = {(caller, call_id) for caller, call_id, _ in truth}
    stood = {id(e): caller for e, caller in zip(broken, callers(broken), strict=True)}
    for each, caller in zip(made, callers(made), strict=True):
        if not isinstance(each, ToolMessage) or stood.get(id(each), "") == caller:
            continue
        if REPAIR_MARK in each.additional_kwargs:
            assert (caller, each.tool_call_id) not in answered
        else:
            assert (caller, each.tool_call_id, each.content) in truth


def test_the_work_grows_with_the_list_and_no_faster():
    def work(turns: int) -> int:
        sound: list[BaseMessage] = []
        for turn in range(turns):
            ids = f"a{turn}", f"b{turn}"
            sound += [human(name=f"H{turn}"), calls(*ids, name=f"A{turn}"), *map(result, ids)]
        # Late, missing, early and orphan results, and doubles.
        broken = [each for index, each in enumerate(sound) if index % 4 != index // 4 % 4]
        broken += [each for index, each in enumerate(sound) if index % 16 == 7]
        count = 0

        def counted(*_: Any) -> None:
            nonlocal count
            count += 1

        sys.setprofile(counted)
        try:
            mended(broken, sound)
        finally:
            sys.setprofile(None)
        return count

    assert work(200) < 2.5 * work(100)
