"""Messages of Bedrock's Converse."""

from __future__ import annotations

from typing import Any

import pytest

from tests.histories.wire_rows import kinds_of
from toolpair_observe.histories.dialects.converse import CONVERSE
from toolpair_observe.histories.dialects.dialect import NotUnderstoodError
from toolpair_observe.histories.dialects.table import dialect_of
from toolpair_observe.pairing.words import Carrier

TEXT = {"text": "weather?"}
USER = {"role": "user", "content": [TEXT]}


def use(call_id: str | None = "tu1", **more: Any) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": call_id, "name": "weather", "input": {"a": 1}, **more}}


def given(call_id: str | None = "tu1", **more: Any) -> dict[str, Any]:
    return {"toolResult": {"toolUseId": call_id, "content": [{"text": "18"}], **more}}


def said(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def asked(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def test_the_only_key_of_a_block_tells_what_it_is() -> None:
    reasoning = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}}
    _, ai, answer = CONVERSE.read([USER, said(reasoning, use()), asked(given())]).entries
    assert [(c.id, c.name, c.carriers, c.block) for c in ai.calls] == [
        ("tu1", "weather", frozenset({Carrier.CONVERSE_BLOCK}), 1)
    ]
    assert [(r.id, r.carrier) for r in answer.results] == [("tu1", Carrier.CONVERSE_RESULT)]
    assert not answer.has_text


def test_a_cache_point_is_no_content() -> None:
    (entry,) = CONVERSE.read([said(use(), {"cachePoint": {"type": "default"}})]).entries
    assert not entry.says_more_after_calls


def test_tools_that_bedrock_runs_itself_are_answered_there() -> None:
    own = said(use("own", type="server_tool_use"), given("own", type="result"), use("tu1"))
    messages = [USER, own, asked(given())]
    entry = CONVERSE.read(messages).entries[1]
    assert [call.id for call in entry.calls] == ["tu1"]
    assert entry.server_results == ["own"]
    assert not entry.results
    assert kinds_of(CONVERSE, messages) == []


@pytest.mark.parametrize(
    ("messages", "kinds"),
    [
        ([USER, said(use()), asked(given())], []),
        ([USER, said(use()), USER], ["missing_result"]),
        ([asked(given())], ["orphan_result"]),
        ([USER, said(use()), asked(given(), given())], ["duplicate_result"]),
        ([USER, said(use()), USER, asked(given())], ["misplaced_result"]),
    ],
)
def test_what_does_not_pair_is_found(messages: list[Any], kinds: list[str]) -> None:
    assert kinds_of(CONVERSE, messages) == kinds


def test_blocks_without_a_type_claim_a_message() -> None:
    assert dialect_of([USER, said(use())]) is CONVERSE
    assert dialect_of([{"role": "user", "content": "x"}, asked(given())]) is CONVERSE
    assert not CONVERSE.claims({"role": "user", "content": [{"type": "text", "text": "x"}]})
    # Others write a text so, too.
    assert not CONVERSE.claims(USER)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (said({"toolCall": {"id": "1"}}), "content[0]: not a content block of Converse"),
        (said({"type": "tool_use", "id": "1"}), "not a content block of Converse"),
        (said({**TEXT, **use()}), "with the keys 'text', 'toolUse'"),
        (said({"toolUse": "x"}), "content[0].toolUse: expected an object, got a string"),
        (said({"toolUse": {"toolUseId": 1}}), "key 'toolUseId' is a number"),
        (said(use(calls=[{"id": 1}])), "unknown key 'calls'"),
        (asked(use()), "a call in a message that is not the assistant's"),
        ({"role": "tool", "content": []}, "a role that Converse's messages do not have"),
        ({**USER, "toolCalls": [{}]}, "unknown key 'toolCalls'"),
        ({"role": "user", "content": {"text": "x"}}, "content: expected a list, got an object"),
        ("x", "expected an object, got a string"),
    ],
)
def test_what_is_not_known_is_refused(message: Any, reason: str) -> None:
    with pytest.raises(NotUnderstoodError) as refused:
        CONVERSE.read([message])
    assert reason in str(refused.value)
