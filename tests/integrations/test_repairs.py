"""What a repair says to be mended goes through the real integration, and its wire agrees."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from langchain_core.messages import AIMessage, BaseMessage

from tests.amounts import examples
from tests.repair.histories import human, result
from tests.repair.test_thinking import SIGNED, TEXT, thinking_histories
from toolpair_observe import Effect
from toolpair_observe.repair import repair_messages

from .histories import messages_of, timeline
from .named import NAMED
from .observe import observe_messages
from .predictions import MESSAGE_ORDER, UNKNOWN_CONTENT
from .recorders import INTEGRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .recorders import Recorder

CLIENTS = [name for name, one in INTEGRATIONS.items() if one.profile]
CASES = list(NAMED.items())[::6]
CLAUDES = ("anthropic", "anthropic-bedrock", "anthropic-vertex", "bedrock-converse")
MENDED = (Effect.CLEAN, Effect.ACCEPT)
REFUSED = ("reject", "local_error")


@pytest.mark.parametrize("name", CLIENTS)
def test_what_is_said_to_be_mended_is_sent_and_taken(
    name: str, recorder_of: Callable[[str], Recorder]
):
    recorder = recorder_of(name)
    one = recorder.integration
    facts: dict[str, Any] = {"tools_bound": one.tools} | one.facts
    wrong = []
    for key, text in CASES:
        history = messages_of(timeline(text))
        options = {"drop_unpaired": True, "sync_encodings": True}
        repair = repair_messages(history, one.profile, **options, **facts)
        if repair.changed and repair.after.effect in MENDED:
            observed = observe_messages(recorder, repair.messages)
            if observed.effect in REFUSED and not MESSAGE_ORDER.search(observed.text):
                wrong.append(f"{key}: {observed.line}")
    assert not wrong


# Copies of calls that an edit of `tool_calls` left behind.

NAMED_CALL = {"name": "look", "arguments": "{}"}
RAW = {"id": "call_left", "type": "function", "function": NAMED_CALL}
BLOCK = {"type": "tool_use", "id": "call_left", "name": "look", "input": {}}
ITEM = {"type": "function_call", "call_id": "call_left", "id": "fc_1"} | NAMED_CALL
COPIES: dict[str, dict[str, Any]] = {
    "raw": {"additional_kwargs": {"tool_calls": [RAW]}},
    "legacy": {"additional_kwargs": {"function_call": NAMED_CALL}},
    "tool_use": {"content": [TEXT, BLOCK]},
    "function_call": {"content": [TEXT, ITEM]},
}
KEPT = {"name": "find", "args": {}, "id": "call_kept"}


def calls_sent(body: object) -> int:
    return json.dumps(body).count("call_left") + json.dumps(body).count('"look"')


@pytest.mark.parametrize("name", CLIENTS)
def test_no_client_sends_a_copy_that_was_taken_away(
    name: str, recorder_of: Callable[[str], Recorder]
):
    recorder = recorder_of(name)
    tools = calls_sent(recorder.send([human()]).body or {})
    # NVIDIA's sends no `tool_calls`: without the copy, the kept call's result is an orphan there,
    # which is worse, so the copy stays.
    beside = ([],) if name == "nvidia" else ([], [KEPT])
    for place, copies in COPIES.items():
        for kept in beside:
            message = AIMessage("Well.").model_copy(update={"tool_calls": kept, **copies})
            answers = [result("call_kept")] if kept else []
            history = [human(), message, *answers, human()]
            repair = repair_messages(history, recorder.integration.profile, sync_encodings=True)
            sent = recorder.send(repair.messages)
            if sent.body is None:
                assert UNKNOWN_CONTENT.search(sent.text), (place, sent.text)
            else:
                assert calls_sent(sent.body) == tools, place


# Signed thinking, and what the wire has before it.


def prefixes(recorder: Recorder, messages: list[BaseMessage]) -> list[str] | None:
    """What is sent before each signed block; None where nothing is sent."""
    body = recorder.send(messages).body
    return list(_prefixes(body)) if body is not None else None


def _prefixes(body: dict[str, Any]) -> Iterator[str]:
    before = json.dumps(body.get("system"))
    for message in body["messages"]:
        inner = message["content"]
        blocks = inner if isinstance(inner, list) else [{"type": "text", "text": inner}]
        for block in blocks:
            if SIGNED["signature"] in json.dumps(block):
                yield before
            else:
                before += f"{message['role']} {json.dumps(block)}\n"


@pytest.mark.parametrize("name", CLAUDES)
def test_no_thinking_is_sent_behind_something_else_in_silence(
    name: str, recorder_of: Callable[[str], Recorder]
):
    recorder = recorder_of(name)
    profile = recorder.integration.profile

    @settings(max_examples=examples(40), suppress_health_check=list(HealthCheck), deadline=None)
    @given(history=thinking_histories())
    def check(history: list[BaseMessage]) -> None:
        repair = repair_messages(history, profile, drop_unpaired=True)
        given_to, mended = prefixes(recorder, history), prefixes(recorder, repair.messages)
        if given_to is not None and mended is not None and given_to != mended:
            assert repair.breaks_thinking
        bare = repair_messages(history, profile, drop_unpaired=True, thinking="strip")
        sent = prefixes(recorder, bare.messages)
        if given_to is not None and sent is not None:
            assert sent == given_to[: len(sent)]

    check()
