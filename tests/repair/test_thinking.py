"""Signed thinking behind a change: Claude 5.1 and later take it only behind what it was made of."""

from __future__ import annotations

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from tests.amounts import examples
from tests.oracle.histories import broken_histories
from tests.repair.histories import calls, human, mendable_histories, result, shape
from toolpair_observe import Change, RepairAction, check_messages
from toolpair_observe.pairing.facts import NO_FACTS
from toolpair_observe.pairing.providers.by_name import profile_named
from toolpair_observe.repair import Choices, SignedAnswers, repair_history, repair_messages

SIGNED = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
TEXT = {"type": "text", "text": "Well."}
FORMS = {
    "thinking": SIGNED,
    "thinking not shown": {"type": "thinking", "thinking": "", "signature": "c2ln"},
    "redacted": {"type": "redacted_thinking", "data": "ZW5j"},
    "redacted in v1": {
        "type": "non_standard",
        "value": {"type": "redacted_thinking", "data": "ZW5j"},
    },
    "v1": {"type": "reasoning", "reasoning": "Hm.", "extras": {"signature": "c2ln"}},
    "Converse": {
        "type": "reasoning_content",
        "reasoning_content": {"text": "Hm.", "signature": "c2ln"},
    },
    "Converse, redacted": {
        "type": "reasoning_content",
        "reasoning_content": {"redacted_content": b"enc"},
    },
    "Converse, redacted in v1": {"type": "reasoning", "extras": {"redacted_content": "ZW5j"}},
}
KWARGS = {
    "Bedrock": {"thinking": {"text": "Hm.", "signature": "c2ln"}},
    "OpenRouter": {
        "reasoning_details": [
            {"type": "reasoning.text", "format": "anthropic-claude-v1", "signature": "c2ln"}
        ]
    },
    "OpenRouter, redacted": {
        "reasoning_details": [
            {"type": "reasoning.encrypted", "format": "anthropic-claude-v1", "data": "ZW5j"}
        ]
    },
}
UNBOUND = {
    "unsigned": AIMessage([{"type": "thinking", "thinking": "Hm."}, TEXT]),
    "Responses": AIMessage(
        [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}, TEXT]
    ),
    "Gemini": AIMessage(
        [{"type": "reasoning", "reasoning": "Hm.", "extras": {"signature": "c2ln"}}, TEXT],
        response_metadata={"model_provider": "google_genai"},
    ),
    "Gemini's calls": AIMessage(
        "Well.", additional_kwargs={"__gemini_function_call_thought_signatures__": {"a": "c2ln"}}
    ),
    "Gemini by OpenRouter": AIMessage(
        "Well.",
        additional_kwargs={
            "reasoning_details": [
                {"type": "reasoning.encrypted", "format": "google-gemini-v1", "data": "ZW5j"}
            ]
        },
    ),
    "DeepSeek": AIMessage("Well.", additional_kwargs={"reasoning_content": "Hm."}),
}


def thinks(*ids: str, signature: str = "c2ln") -> AIMessage:
    message = calls(*ids)
    message.content = [{**SIGNED, "signature": signature}, TEXT]
    return message


def stripped(repair) -> list[Change]:
    return [change for change in repair.changes if change.action is RepairAction.STRIPPED]


def test_an_error_result_before_signed_thinking_is_said_to_break_it():
    history = [human(), calls("lost"), human(), thinks(), human()]
    repair = repair_messages(history, "anthropic")
    assert shape(repair.messages) == ["human", "ai", "error lost", "human", "ai", "human"]
    assert repair.breaks_thinking
    assert repair.broken_thinking == (4,)
    assert [change.breaks_thinking for change in repair.changes] == [True]
    assert "message 4 follows a change" in repair.summary()
    assert repair.messages[4] is history[3]


def test_a_change_behind_the_last_signed_thinking_breaks_nothing():
    history = [human(), thinks("a"), result("a"), thinks("lost"), human()]
    repair = repair_messages(history, "anthropic")
    assert repair.changed
    assert not repair.breaks_thinking
    assert not repair.changes[0].breaks_thinking
    assert "thinking" not in repair.summary()
    same = repair_messages(history, "anthropic", thinking="strip")
    assert same == repair


def test_only_the_changes_before_the_thinking_are_marked():
    history = [calls("a"), human(), thinks(), human(), calls("b"), human()]
    repair = repair_messages(history, "anthropic")
    assert [(c.tool_call_id, c.breaks_thinking) for c in repair.changes] == [
        ("a", True),
        ("b", False),
    ]


@pytest.mark.parametrize(
    ("history", "options", "broken"),
    [
        ([human(), calls("a"), human(), thinks(), result("a")], {}, (4,)),
        ([human(), calls("a"), human(), result("a"), thinks(), human()], {}, (4,)),
        ([result("gone"), thinks(), human()], {"drop_unpaired": True}, (0,)),
        ([human(), thinks(), result("gone"), human()], {"drop_unpaired": True}, ()),
    ],
    ids=["moved over it", "moved before it", "dropped before it", "dropped behind it"],
)
def test_moving_and_dropping_count_from_where_they_begin_to_show(history, options, broken):
    repair = repair_messages(history, "anthropic", **options)
    assert repair.broken_thinking == broken
    assert [change.breaks_thinking for change in repair.changes] == [bool(broken)]


@pytest.mark.parametrize("block", FORMS.values(), ids=FORMS)
def test_each_form_of_signed_thinking_is_seen_and_taken_away(block):
    history = [human(), calls("lost"), human(), AIMessage([block, TEXT]), human()]
    assert repair_messages(history, "anthropic").broken_thinking == (4,)
    repair = repair_messages(history, "anthropic", thinking="strip")
    assert repair.messages[4].content == [TEXT]
    assert history[3].content == [block, TEXT]
    assert not repair.breaks_thinking
    (change,) = stripped(repair)
    assert (change.message_index, change.new_index, change.tool_call_id) == (3, 4, "")
    assert change.place.endswith("content block")


@pytest.mark.parametrize("extra", KWARGS.values(), ids=KWARGS)
def test_thinking_beside_the_content_is_seen_and_taken_away(extra):
    answer = AIMessage("Well.", additional_kwargs={**extra, "other": 1})
    history = [human(), calls("lost"), human(), answer, human()]
    assert repair_messages(history, "openrouter").broken_thinking == (4,)
    repair = repair_messages(history, "openrouter", thinking="strip")
    assert repair.messages[4].additional_kwargs == {"other": 1}
    assert answer.additional_kwargs == {**extra, "other": 1}
    assert stripped(repair)[0].place == f'additional_kwargs["{next(iter(extra))}"]'


@pytest.mark.parametrize("answer", UNBOUND.values(), ids=UNBOUND)
def test_what_is_bound_to_nothing_before_it_is_left(answer):
    history = [human(), calls("lost"), human(), answer, human()]
    assert not repair_messages(history, "anthropic").breaks_thinking
    repair = repair_messages(history, "anthropic", thinking="strip")
    assert not stripped(repair)
    assert repair.messages[4] is answer


def test_thinking_before_the_first_change_stays():
    first, second, third = thinks("a"), thinks("lost"), thinks()
    history = [human(), first, result("a"), second, human(), third, human()]
    repair = repair_messages(history, "anthropic", thinking="strip")
    assert repair.messages[1] is first
    assert repair.messages[3] is second
    assert repair.messages[6].content == [TEXT]
    assert [change.message_index for change in stripped(repair)] == [5]


def test_unsigned_thinking_goes_with_the_signed():
    cut = {"type": "thinking", "thinking": "Hm"}
    piece = {"type": "reasoning_content", "reasoning_content": {"text": "Hm"}}
    answer = AIMessage([SIGNED, TEXT, cut, piece])
    history = [human(), calls("lost"), human(), answer, human()]
    repair = repair_messages(history, "anthropic", thinking="strip")
    assert repair.messages[4].content == [TEXT]
    assert len(stripped(repair)) == 3


@pytest.mark.parametrize("profile", ["openai-chat", "google-genai", "litellm", "mistral"])
def test_where_signed_thinking_is_not_sent_nothing_is_broken(profile):
    history = [human(), calls("longenou1"), human(), thinks(), human()]
    repair = repair_messages(history, profile, thinking="strip")
    assert repair.changed
    assert not repair.breaks_thinking
    assert not stripped(repair)


@pytest.mark.parametrize(
    "profile", [None, "anthropic", "anthropic-vertex", "bedrock-converse", "bedrock-invoke"]
)
def test_where_claude_may_be_behind_it_counts(profile):
    history = [human(), calls("lost"), human(), thinks(), human()]
    assert repair_messages(history, profile).breaks_thinking


def test_an_unknown_policy_is_named_with_the_choices():
    with pytest.raises(ValueError, match="thinking is 'drop'; expected keep or strip"):
        repair_messages([], thinking="drop")


# An answer that was made of a repaired history.

ANTHROPIC = profile_named("anthropic")


def test_thinking_that_answers_the_same_repair_is_not_broken_by_it():
    signed = SignedAnswers()
    history = [human(), calls("lost"), human()]
    first = repair_history(history, ANTHROPIC, NO_FACTS, Choices(), signed)
    answer = thinks("next", signature="made of the repaired history")
    signed.add([answer], first.changes)
    history += [answer, result("next")]
    for policy in ("keep", "strip"):
        again = repair_history(history, ANTHROPIC, NO_FACTS, Choices(thinking=policy), signed)
        assert again.changed
        assert not again.breaks_thinking
        assert again.messages[4] is answer
    assert repair_history(history, ANTHROPIC, NO_FACTS, Choices()).breaks_thinking


def test_a_late_result_in_place_of_the_error_result_breaks_it():
    """The request that it answered had the error result there."""
    signed = SignedAnswers()
    history = [human(), calls("lost"), human()]
    first = repair_history(history, ANTHROPIC, NO_FACTS, Choices(), signed)
    answer = thinks(signature="made of the error result")
    signed.add([answer], first.changes)
    late = [*history, answer, result("lost"), human()]
    repair = repair_history(late, ANTHROPIC, NO_FACTS, Choices(), signed)
    assert [change.action for change in repair.changes] == [RepairAction.MOVED]
    assert repair.broken_thinking == (4,)


def test_what_was_stripped_for_one_answer_is_stripped_for_the_next():
    signed, choices = SignedAnswers(), Choices(thinking="strip")
    history = [human(), calls("lost"), human(), thinks(signature="old"), human()]
    first = repair_history(history, ANTHROPIC, NO_FACTS, choices, signed)
    answer = thinks(signature="made of the stripped history")
    signed.add([answer], first.changes)
    again = repair_history([*history, answer, human()], ANTHROPIC, NO_FACTS, choices, signed)
    assert [change.message_index for change in stripped(again)] == [3]
    assert again.messages[6] is answer


def test_a_signature_is_kept_as_a_digest_only():
    signed = SignedAnswers()
    history = [human(), calls("lost"), human()]
    repair = repair_history(history, ANTHROPIC, NO_FACTS, Choices(), signed)
    signed.add([thinks(signature="geheim")], repair.changes)
    assert b"geheim" not in b"".join(signed._made_of)
    assert "geheim" not in repr(vars(signed))


def test_a_forked_child_goes_on_with_what_is_known():
    """Another thread may have held the lock at the fork."""
    signed = SignedAnswers()
    history = [human(), calls("lost"), human()]
    repair = repair_history(history, ANTHROPIC, NO_FACTS, Choices(), signed)
    signed.add([thinks(signature="before the fork")], repair.changes)
    signed._lock.acquire()
    signed.reset()
    history += [thinks(signature="before the fork"), human()]
    again = repair_history(history, ANTHROPIC, NO_FACTS, Choices(), signed)
    assert not again.breaks_thinking


def test_only_so_many_signatures_are_kept(monkeypatch):
    monkeypatch.setattr("toolpair_observe.repair.thinking.MAX_SIGNATURES", 2)
    signed = SignedAnswers()
    signed.add([thinks(signature=str(n)) for n in range(5)], [])
    assert [signed.fit(thinks(signature=str(n)), 0) for n in range(5)] == [False] * 3 + [True] * 2


# Any history.

bounded = settings(
    max_examples=examples(150),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def thinking_histories(draw):
    """A broken history in which some AI messages think."""
    history = draw(st.one_of(broken_histories(), mendable_histories().map(lambda pair: pair[0])))
    thinking = []
    for message in history:
        if type(message) is AIMessage and draw(st.booleans()):
            content = message.content
            said = content if isinstance(content, list) else [{"type": "text", "text": content}]
            message = message.model_copy(update={"content": [SIGNED, *said]})  # noqa: PLW2901
        thinking.append(message)
    return thinking


def is_signed(message) -> bool:
    return isinstance(message, AIMessage) and SIGNED in list(message.content)


def broken_by_comparison(history, repaired) -> list[int]:
    """Compare what stands before each signed block in both lists, message by message."""
    thinking = [i for i, m in enumerate(history) if is_signed(m)]
    places = [i for i, m in enumerate(repaired) if is_signed(m)]
    assert len(thinking) == len(places)
    return [
        new for old, new in zip(thinking, places, strict=True) if history[:old] != repaired[:new]
    ]


@bounded
@given(history=thinking_histories(), drop=st.booleans())
def test_it_breaks_exactly_the_thinking_behind_another_history(history, drop):
    repair = repair_messages(history, "anthropic", drop_unpaired=drop)
    broken = broken_by_comparison(history, repair.messages)
    assert list(repair.broken_thinking) == broken
    assert repair.breaks_thinking == bool(broken)
    assert any(change.breaks_thinking for change in repair.changes) == bool(broken)


@bounded
@given(history=thinking_histories(), drop=st.booleans())
def test_stripping_takes_exactly_the_broken_thinking(history, drop):
    kept = repair_messages(history, "anthropic", drop_unpaired=drop)
    before = copy.deepcopy(history)
    repair = repair_messages(history, "anthropic", drop_unpaired=drop, thinking="strip")
    assert history == before
    assert {c.new_index for c in stripped(repair)} == set(kept.broken_thinking)
    assert not repair.breaks_thinking
    assert repair.after == check_messages(repair.messages, "anthropic")
    for at, (mine, theirs) in enumerate(zip(repair.messages, kept.messages, strict=True)):
        if at in kept.broken_thinking:
            assert not is_signed(mine)
            assert mine.tool_calls == theirs.tool_calls
        else:
            assert mine == theirs
    again = repair_messages(repair.messages, "anthropic", drop_unpaired=drop, thinking="strip")
    assert not again.changed


def test_the_question_alone_is_no_thinking():
    """A person may paste such a block."""
    history = [human(), calls("lost"), HumanMessage([SIGNED]), human()]
    assert not repair_messages(history, "anthropic").breaks_thinking
