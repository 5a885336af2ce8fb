"""Live and stored LangChain messages are read alike."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, messages_to_dict

from tests.amounts import examples
from tests.oracle.histories import broken_histories, sound_histories
from tests.oracle.test_closer_look import LEAVES, plain_histories
from toolpair_observe.histories.dialects.langchain import LANGCHAIN, read
from toolpair_observe.histories.dialects.table import dialect_of
from toolpair_observe.pairing.closer_look import judge
from toolpair_observe.pairing.fields import as_list
from toolpair_observe.pairing.first_look import Plain, plain_call_ids
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.reading import read_transcript
from toolpair_observe.pairing.words import Effect

FORMS = {
    "dumpd": dumpd,
    "model_dump": lambda messages: [message.model_dump() for message in messages],
    "messages_to_dict": messages_to_dict,
    "message texts": lambda messages: list(map(json.dumps, messages_to_dict(messages))),
}
CALL = {"name": "f", "args": {}, "id": "call_0"}
thorough = settings(
    max_examples=examples(150),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def through_json(data: Any) -> Any:
    return json.loads(json.dumps(data))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@thorough
@given(history=sound_histories() | broken_histories())
def test_a_stored_history_is_read_like_a_live_one(form, history):
    stored = through_json(form(history))

    assert asdict(read(stored)) == asdict(read_transcript(history))
    if history:
        assert dialect_of(stored) is LANGCHAIN
        assert [LANGCHAIN.is_ai(each) for each in stored] == [
            isinstance(each, AIMessage) for each in history
        ]


@pytest.mark.parametrize("form", ["dumpd", "model_dump"])
@thorough
@given(history=sound_histories() | broken_histories() | plain_histories())
def test_what_the_first_look_passes_the_closer_look_finds_clean(form, history):
    stored = through_json(FORMS[form](history))
    transcript = read(stored)

    for profile in LEAVES:
        if profile.plain is None:
            continue
        calls = LANGCHAIN.plain_calls(stored, profile.plain)
        live = plain_call_ids(history, profile.plain)
        assert calls == (None if live is None or not stored else len(live))
        if calls is not None:
            report = judge(transcript, profile)
            assert (report.effect, report.call_count) == (Effect.CLEAN, calls)
            assert not report.violations


HOSTILE = [None, 0, 1, "", "x", [], {}, ["x"], {"a": [1]}, [{"type": "tool_use", "id": "a"}], CALL]


@pytest.mark.parametrize("form", ["dumpd", "model_dump"])
@thorough
@given(history=sound_histories() | plain_histories(), data=st.data())
def test_what_the_first_look_passes_is_understood(form, history, data):
    stored = through_json(FORMS[form](history))
    for _ in range(data.draw(st.integers(1, 3)) if stored else 0):
        item = data.draw(st.sampled_from(stored))
        fields = item["kwargs"] if isinstance(item.get("kwargs"), dict) else item
        fields = data.draw(st.sampled_from([item, fields, *as_list(fields, "tool_calls")]))
        key = data.draw(st.sampled_from([*sorted(fields), "unknown", "name"]))
        fields[key] = through_json(data.draw(st.sampled_from(HOSTILE)))
    calls = LANGCHAIN.plain_calls(stored, Plain())
    if calls is not None:
        report = judge(read(stored), PROFILES["contract"])
        assert (report.effect, report.call_count) == (Effect.CLEAN, calls)
