"""How the items of OpenAI's Responses API are read."""

from __future__ import annotations

from typing import Any

import pytest

from toolpair_observe.histories.dialects.dialect import NotUnderstoodError
from toolpair_observe.histories.dialects.openai_chat import OPENAI_CHAT
from toolpair_observe.histories.dialects.responses import RESPONSES, RESUMED_RESPONSES
from toolpair_observe.histories.dialects.table import dialect_of
from toolpair_observe.pairing.closer_look import judge
from toolpair_observe.pairing.providers.table import PROFILES

Item = dict[str, Any]
USER = {"role": "user", "content": "hi"}


def call(call_id: str | None = "a", kind: str = "function_call", **fields: Any) -> Item:
    return {"type": kind, "id": "x", "call_id": call_id, "name": "f", "arguments": "{}", **fields}


def output(call_id: str | None = "a", kind: str = "function_call_output", **fields: Any) -> Item:
    return {"type": kind, "call_id": call_id, "output": "r", **fields}


def kinds(items: list[Item], profile: str = "openai-responses", *, resumed: bool = False) -> list:
    dialect = RESUMED_RESPONSES if resumed else RESPONSES
    report = judge(dialect.read(items), PROFILES[profile])
    return [found.kind.value for found in report.violations]


REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e"}
SAID = {
    "type": "message",
    "role": "assistant",
    "id": "msg_1",
    "status": "completed",
    "content": [{"type": "output_text", "text": "a", "annotations": []}],
}

SOUND: dict[str, list[Item]] = {
    "one call": [USER, call(), output()],
    "several of one answer": [USER, REASONING, call("a"), call("b"), output("b"), output("a")],
    "a message and a call": [USER, SAID, call(), output(), SAID],
    "results of parts": [
        call(),
        output(output=[{"type": "input_image", "image_url": "x"}]),
    ],
    "custom": [call(kind="custom_tool_call"), output(kind="custom_tool_call_output")],
    "computer": [
        call(kind="computer_call", action={"type": "screenshot"}, pending_safety_checks=[]),
        output(kind="computer_call_output", output={"type": "computer_screenshot"}),
    ],
    "local shell, whose output has the id elsewhere": [
        {"type": "local_shell_call", "id": "x", "call_id": "a", "action": {"type": "exec"}},
        {"type": "local_shell_call_output", "id": "a", "output": "r"},
    ],
    "patch": [
        call(kind="apply_patch_call", operation={"type": "delete_file"}),
        output(kind="apply_patch_call_output"),
    ],
    "a shell that the provider runs": [
        call(kind="shell_call", action={"a": 1}, environment={"type": "container_reference"}),
        output("a", "shell_call_output", output=[{"stdout": ""}]),
    ],
    "the provider's own tools": [
        {"type": "web_search_call", "id": "w", "status": "completed", "action": {"a": 1}},
        {"type": "mcp_call", "id": "m", "name": "f", "arguments": "{}", "output": "r"},
        {"type": "mcp_list_tools", "id": "m", "tools": [{"name": "f"}]},
        {"type": "file_search_call", "id": "f", "queries": ["q"], "results": [{"a": 1}]},
        {"type": "code_interpreter_call", "id": "c", "outputs": [{"logs": ""}]},
        {"type": "image_generation_call", "id": "i", "result": "b64"},
        {"type": "compaction", "encrypted_content": "e"},
        USER,
    ],
    "a search of tools by the provider": [
        call(None, "tool_search_call", execution="server", arguments={"queries": ["q"]}),
        output(None, "tool_search_output", execution="server", tools=[{"name": "f"}]),
        USER,
    ],
    "a search of tools by the client": [
        call("s", "tool_search_call", execution="client", arguments={"queries": ["q"]}),
        output("s", "tool_search_output", execution="client", tools=[]),
    ],
    "a call that waits": [call("a", **{"async": True}), USER],
    "a reference to the call": [{"type": "item_reference", "id": "fc_1"}, output("a")],
    "a reference without type": [{"id": "fc_1"}, output("a")],
}


@pytest.mark.parametrize("items", SOUND.values(), ids=SOUND)
def test_sound_items_are_clean(items: list[Item]) -> None:
    assert kinds(items) == []


BROKEN: dict[str, tuple[list[Item], list[str]]] = {
    "no output": ([USER, call(), USER], ["missing_result"]),
    "one of two": ([call("a"), call("b"), output("a"), USER], ["missing_result"]),
    "no call": ([USER, output("a")], ["orphan_result"]),
    "no custom output": ([call(kind="custom_tool_call"), USER], ["missing_result"]),
    "no shell output": ([call(kind="local_shell_call"), USER], ["missing_result"]),
    "another id": ([call("a"), output("b")], ["mismatched_result"]),
    "a null id": ([call(None), USER], ["missing_id"]),
}


@pytest.mark.parametrize(("items", "found"), BROKEN.values(), ids=BROKEN)
def test_broken_items_are_found(items: list[Item], found: list[str]) -> None:
    assert kinds(items) == found


def test_a_lone_output_is_sound_where_the_provider_keeps_its_call() -> None:
    assert kinds([output("a")], resumed=True) == []
    assert kinds([output("a"), call("b"), USER], resumed=True) == ["missing_result"]


def test_every_item_keeps_its_place() -> None:
    items = [USER, call("a"), call("b"), output("a")]
    transcript = RESPONSES.read(items)
    assert [entry.index for entry in transcript.entries] == [0, 1, 2, 3]
    assert [made.index for made in transcript.entries[2].calls] == [1, 2]
    assert judge(transcript, PROFILES["openai-responses"]).violations[0].message_index == 2


def test_parallel_calls_are_one_turn_for_a_profile_that_wants_results_in_place() -> None:
    assert kinds(SOUND["several of one answer"], "contract") == []


REFUSED: dict[str, tuple[Item, str]] = {
    "an unknown type": ({"type": "new_call", "call_id": "a"}, "item 0: unknown type 'new_call'"),
    "a key that may hold calls": (call(nested=[{"a": 1}]), "item 0: unknown key 'nested'"),
    "calls of the chat API": (
        {"type": "message", "role": "assistant", "content": "", "tool_calls": [{"id": "a"}]},
        "item 0: unknown key 'tool_calls'",
    ),
    "a role of the chat API": (
        {"role": "tool", "content": "r", "tool_call_id": "a"},
        "item 0: unknown role 'tool'",
    ),
    "a foreign part": (
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]},
        "item 0: content[0]: unknown type 'tool_result'",
    ),
    "a number for an id": (call(3), "item 0: 'call_id' is a number"),  # type: ignore[arg-type] # hostile
}


@pytest.mark.parametrize(("item", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_could_be_a_call_is_named(item: Item, reason: str) -> None:
    with pytest.raises(NotUnderstoodError) as error:
        RESPONSES.read([item])
    assert str(error.value).startswith(reason)


@pytest.mark.parametrize(
    ("items", "name"),
    [
        ([USER, call()], "openai-responses"),
        ([{"role": "user", "content": [{"type": "input_text", "text": "a"}]}], "openai-responses"),
        ([{"type": "message", "role": "user", "content": "a"}], "openai-responses"),
        ([USER], "openai-chat"),
    ],
)
def test_items_are_told_from_messages_of_the_chat_api(items: list[Item], name: str) -> None:
    assert dialect_of(items).name == name


@pytest.mark.parametrize(
    ("item", "speaks"),
    [
        (call(), True),
        (REASONING, True),
        (SAID, True),
        (USER, False),
        (output(), False),
        ({"id": "fc_1"}, True),
        (output(None, "tool_search_output", execution="server"), True),
        ({"role": []}, False),
        (7, False),
    ],
)
def test_who_speaks_for_the_model(item: Any, *, speaks: bool) -> None:
    assert RESPONSES.is_ai(item) is speaks


@pytest.mark.parametrize(
    "data", [None, 3, {"type": []}, {"role": {}, "content": [{"type": []}]}, {"id": 3}]
)
def test_hostile_values_are_claimed_by_none(data: Any) -> None:
    assert not RESPONSES.claims(data)
    assert not OPENAI_CHAT.claims(data)
