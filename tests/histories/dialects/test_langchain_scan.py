"""The fast pass over flat messages says yes only to what the closer look finds clean."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.amounts import examples
from tests.oracle.histories import broken_histories, sound_histories
from tests.oracle.test_closer_look import plain_histories
from tests.pairing.test_mechanisms import DEMANDING
from toolpair_observe.histories import ReadLimits, judging
from toolpair_observe.histories.containers.key_marks import Marks
from toolpair_observe.histories.dialects.langchain import LANGCHAIN, read
from toolpair_observe.histories.dialects.langchain_scan import flat_calls, owns
from toolpair_observe.histories.dialects.table import DIALECTS
from toolpair_observe.histories.unit import Conversation, Extent, Layer, Unit
from toolpair_observe.pairing.closer_look import judge
from toolpair_observe.pairing.first_look import Plain
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.words import Effect

EARLIER = DIALECTS[: DIALECTS.index(LANGCHAIN)]
KEPT = {"content", "name", "tool_call_id", "tool_calls", "type"}
thorough = settings(
    max_examples=examples(300),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def flat(history):
    """Return messages as flat objects with no more keys than they need."""
    return [
        {
            key: value
            for key, value in message.model_dump().items()
            if key in KEPT and (value or key == "content")
        }
        for message in history
    ]


histories = (sound_histories() | broken_histories() | plain_histories()).map(flat)


def test_the_usual_history_is_passed_with_all_that_stands_in_it():
    call = {"name": "f", "args": {"a": ":"}, "id": "1:"}
    calls = [call, {**call, "id": "2", "type": "tool_call"}]
    messages = [
        {"type": "system", "content": "a: b"},
        {"type": "human", "content": "x"},
        {"type": "ai", "content": "", "tool_calls": calls},
        {"type": "tool", "content": "c:", "tool_call_id": "2", "name": "f"},
        {"type": "tool", "content": "", "tool_call_id": "1:"},
        {"type": "ai", "content": "d", "tool_calls": []},
    ]
    marks = Marks()

    assert flat_calls(messages, Plain(), marks) == 2
    assert marks.agree(json.dumps(messages).encode(), 200)
    assert all(map(owns, messages))


@thorough
@given(histories)
def test_a_yes_is_what_the_closer_look_says_under_every_profile(messages):
    for profile in (*PROFILES.values(), *DEMANDING):
        calls = profile.plain and flat_calls(messages, profile.plain, None)
        if calls is not None and profile.plain is not None:
            report = judge(read(messages), profile)
            assert (report.effect, report.call_count) == (Effect.CLEAN, calls), profile.name


HOSTILE = [None, 0, "", "x", [], {}, ["x"], {"a": 1}, [{"id": "call_9"}], True]


@thorough
@given(histories, st.data())
def test_whatever_is_wrong_is_for_the_closer_look(messages, data):
    for _ in range(data.draw(st.integers(1, 3)) if messages else 0):
        message = data.draw(st.sampled_from(messages))
        calls = message.get("tool_calls")
        inner = calls if isinstance(calls, list) else []
        target = data.draw(st.sampled_from([message, *inner]))
        if isinstance(target, dict):
            target[data.draw(st.sampled_from([*sorted(KEPT), "id", "args", "x"]))] = data.draw(
                st.sampled_from(HOSTILE)
            )
    marks = Marks()
    calls = flat_calls(messages, Plain(), marks)
    if calls is not None:
        report = judge(read(messages), PROFILES["openai-chat"])
        assert (report.effect, report.call_count) == (Effect.CLEAN, calls)
        assert marks.agree(json.dumps(messages).encode(), 200)
    for message in messages:
        if owns(message):
            assert LANGCHAIN.claims(message)
            assert not [each.name for each in EARLIER if each.claims(message)]


@pytest.mark.parametrize("known", [0, 3])
@thorough
@given(messages=histories)
def test_prefixes_are_counted_as_the_closer_look_counts_them(known, messages):
    def judged():
        unit = Unit(
            line=1,
            row="",
            format="history",
            layer=Layer.LANGCHAIN,
            extent=Extent.PREFIXES,
            conversations=(Conversation(messages, known),),
        )
        return judging.judge_unit(unit, ReadLimits())

    fast = judged()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "plainly_clean", lambda *_: None)
        slow = judged()
    assert fast.effects == slow.effects
    assert fast.messages == slow.messages
    assert (fast.kinds, fast.unit.status) == (slow.kinds, slow.unit.status)
