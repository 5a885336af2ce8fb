"""Messages of Anthropic's Messages API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.histories.wire_rows import kinds_of
from toolpair_observe.histories.dialects.anthropic import ANTHROPIC
from toolpair_observe.histories.dialects.dialect import NotUnderstoodError
from toolpair_observe.histories.dialects.table import dialect_of
from toolpair_observe.pairing.words import Carrier, Role

USER = {"role": "user", "content": "weather?"}
TEXT = {"type": "text", "text": "let me see"}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aa"}}


def use(call_id: str | None = "toolu_1", kind: str = "tool_use") -> dict[str, Any]:
    return {"type": kind, "id": call_id, "name": "weather", "input": {"city": "Rome"}}


def given(call_id: str = "toolu_1", kind: str = "tool_result", **more: Any) -> dict[str, Any]:
    return {"type": kind, "tool_use_id": call_id, "content": "18", **more}


def said(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def asked(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def test_calls_and_results_stand_in_blocks() -> None:
    transcript = ANTHROPIC.read([USER, said(TEXT, use()), asked(given(is_error=True), TEXT)])
    human, ai, answer = transcript.entries
    assert (human.role, human.blocks, human.has_text) == (Role.HUMAN, 1, True)
    (call,) = ai.calls
    assert (call.id, call.name, call.carriers) == (
        "toolu_1",
        "weather",
        frozenset({Carrier.TOOL_USE}),
    )
    assert (call.block, ai.blocks, ai.has_text) == (1, 2, True)
    (result,) = answer.results
    assert (result.id, result.carrier) == ("toolu_1", Carrier.TOOL_RESULT_IN_HUMAN)
    assert not answer.behind_text
    assert answer.has_text


def test_text_before_a_result_is_seen() -> None:
    entry = ANTHROPIC.read([said(use()), asked(TEXT, given())]).entries[1]
    assert entry.behind_text == entry.results


@pytest.mark.parametrize(
    ("behind", "seen"),
    [
        ([], (False, False)),
        ([{"type": "text", "text": ""}], (False, False)),
        ([TEXT], (True, False)),
        ([IMAGE], (True, True)),
        ([TEXT, use("toolu_2")], (False, False)),
    ],
)
def test_what_stands_behind_the_last_call_is_seen(
    behind: list[Any], seen: tuple[bool, bool]
) -> None:
    (entry,) = ANTHROPIC.read([said(use(), *behind)]).entries
    assert (entry.says_more_after_calls, entry.more_than_text_after_calls) == seen


@pytest.mark.parametrize(
    ("call", "result"),
    [
        ("server_tool_use", "web_search_tool_result"),
        ("server_tool_use", "bash_code_execution_tool_result"),
        ("mcp_tool_use", "mcp_tool_result"),
    ],
)
def test_tools_of_the_provider_are_answered_by_it(call: str, result: str) -> None:
    messages = [USER, said(use("srv", call), given("srv", result), TEXT), USER]
    (entry,) = ANTHROPIC.read(messages).entries[1:2]
    assert not entry.calls
    assert [each.id for each in entry.server_uses] == ["srv"]
    assert entry.server_results == ["srv"]
    assert kinds_of(ANTHROPIC, messages) == []


def test_a_result_in_an_assistants_message_stays_what_it_is() -> None:
    (entry,) = ANTHROPIC.read([said(use(), given())]).entries
    assert [result.carrier for result in entry.results] == [Carrier.TOOL_RESULT_IN_AI]


@pytest.mark.parametrize(
    ("messages", "kinds"),
    [
        ([USER, said(use()), asked(given())], []),
        ([USER, said(use()), USER], ["missing_result"]),
        ([asked(given())], ["orphan_result"]),
        ([USER, said(use()), asked(given(), given())], ["duplicate_result"]),
        ([USER, said(use()), asked(given("toolu_2"))], ["mismatched_result"]),
        ([USER, said(use()), USER, asked(given())], ["misplaced_result"]),
        ([USER, said(use(None)), asked(given())], ["missing_id", "orphan_result"]),
    ],
)
def test_what_does_not_pair_is_found(messages: list[Any], kinds: list[str]) -> None:
    assert kinds_of(ANTHROPIC, messages) == kinds


@pytest.mark.parametrize(
    "message",
    [
        said(use()),
        asked(given()),
        said(use("srv", "server_tool_use")),
        said(given("srv", "code_execution_tool_result")),
        said({"type": "compaction", "content": None}),
    ],
)
def test_its_own_blocks_claim_a_message(message: dict[str, Any]) -> None:
    assert dialect_of([USER, message]) is ANTHROPIC


@pytest.mark.parametrize(
    "message",
    [
        USER,
        said(TEXT),
        {"role": "tool", "tool_call_id": "1", "content": [given()]},
        {"role": "assistant", "content": [use()], "tool_calls": [{"id": "toolu_1"}]},
        {"role": ["user"], "content": [use()]},
        {"type": "human", "content": [given()]},
        [use()],
        None,
    ],
)
def test_others_are_not_claimed(message: Any) -> None:
    assert not ANTHROPIC.claims(message)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (said({"type": "tool_invocation", "id": "1"}), "content[0]: an unknown content block"),
        (said({"toolUse": {"toolUseId": "1"}}), "unknown key 'toolUse'"),
        (said(42), "content[0]: expected an object, got a number"),
        (said({**use(), "id": 42}), "key 'id' is a number, not a string"),
        ({"role": "tool", "content": "18"}, "a role that Anthropic's messages do not have, 'tool'"),
        ({"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}, "key 'tool_calls'"),
        ({"role": "assistant", "content": "", "calls": [{"id": "1"}]}, "unknown key 'calls'"),
        ({"role": "assistant", "content": {"type": "tool_use"}}, "content: expected a list"),
        (asked(use()), "a tool_use block in a message that is not the assistant's"),
        ({"role": "system", "content": [given()]}, "a tool_result block in a system message"),
        (None, "message 0: expected an object, got null"),
    ],
)
def test_what_is_not_known_is_refused(message: Any, reason: str) -> None:
    with pytest.raises(NotUnderstoodError) as refused:
        ANTHROPIC.read([message])
    assert reason in str(refused.value)


def test_scalars_and_known_extras_hide_nothing() -> None:
    block = {**use(), "caller": {"type": "direct"}, "cache_control": {"type": "ephemeral"}}
    message = {"id": "msg_1", "usage": {"input_tokens": 1}, "note": "x", **said(block)}
    assert len(ANTHROPIC.read([message]).entries[0].calls) == 1
