"""Messages as other agent frameworks dump them."""

from __future__ import annotations

import pytest

from tests.histories.reading import UNREADABLE, checked, judge_list, verdicts_of
from toolpair_observe.histories.dialects.frameworks import FRAMEWORKS
from toolpair_observe.histories.dialects.table import dialect_of

HAYSTACK, AUTOGEN, KERNEL, INDEX = FRAMEWORKS


def of_haystack(role, *parts):
    return {"role": role, "meta": {}, "name": None, "content": list(parts)}


def of_kernel(role, *items):
    return {"content_type": "message", "role": role, "metadata": {}, "items": list(items)}


def of_index(role, *blocks, **beside):
    return {"role": role, "additional_kwargs": beside, "blocks": list(blocks)}


ORIGIN = {"tool_name": "f", "arguments": {}, "id": "a", "extra": None}
LISTS = {
    HAYSTACK: (
        of_haystack("user", {"text": "x"}),
        of_haystack("assistant", {"text": "x"}, {"tool_call": ORIGIN}),
        of_haystack("tool", {"tool_call_result": {"result": "18", "origin": ORIGIN}}),
    ),
    AUTOGEN: (
        {"type": "UserMessage", "content": "x", "source": "user"},
        {"type": "AssistantMessage", "content": [{"id": "a", "name": "f", "arguments": "{}"}]},
        {
            "type": "FunctionExecutionResultMessage",
            "content": [{"call_id": "a", "name": "f", "content": "18", "is_error": False}],
        },
    ),
    KERNEL: (
        of_kernel("user", {"content_type": "text", "text": "x"}),
        of_kernel("assistant", {"content_type": "function_call", "id": "a", "name": "p-f"}),
        of_kernel("tool", {"content_type": "function_result", "id": "a", "name": "p-f"}),
    ),
    INDEX: (
        of_index("user", {"block_type": "text", "text": "x"}),
        of_index("assistant", tool_calls=[{"id": "a", "function": {"name": "f"}}]),
        of_index("tool", {"block_type": "text", "text": "18"}, tool_call_id="a", name="f"),
    ),
}
WRONG = {
    HAYSTACK: of_haystack("assistant", {"tool_use": {}}),
    AUTOGEN: {"type": "ToolCallRequestEvent", "content": []},
    KERNEL: of_kernel("assistant", {"content_type": "weird"}),
    INDEX: of_index("assistant", {"block_type": "weird"}),
}


@pytest.mark.parametrize("dialect", LISTS, ids=lambda dialect: dialect.name)
def test_calls_and_results_pair(tmp_path, dialect):
    user, call, result = LISTS[dialect]
    lists = [[user, call, result], [user, call, user], [user, result]]
    verdicts = [checked(1), checked(1, "missing_result"), checked(1, "orphan_result")]

    assert [judge_list(dialect, messages) for messages in lists] == verdicts
    assert verdicts_of(tmp_path, *lists) == verdicts


@pytest.mark.parametrize("dialect", LISTS, ids=lambda dialect: dialect.name)
def test_what_is_not_known_is_refused(dialect):
    user, call, result = LISTS[dialect]
    misplaced = {"role": "assistant", "type": "UserMessage"} | {
        key: value for key, value in result.items() if key not in {"role", "type"}
    }
    for wrong in (
        WRONG[dialect],
        None,
        user | {"calls": [1]},
        {**call, "role": "robot", "type": 1},
    ):
        assert judge_list(dialect, [user, wrong]) == UNREADABLE
    if dialect is not AUTOGEN and dialect is not INDEX:
        assert judge_list(dialect, [user, misplaced]) == UNREADABLE


def test_a_block_of_llama_index_makes_a_call():
    user, _, result = LISTS[INDEX]
    call = of_index("assistant", {"block_type": "tool_call", "tool_call_id": "a", "tool_name": "f"})

    assert judge_list(INDEX, [user, call, result]) == checked(1)
    assert judge_list(INDEX, [user, call, user]) == checked(1, "missing_result")


def test_parts_with_a_type_are_none_of_haystacks():
    use = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    messages = [{"role": "assistant", "content": [use], "meta": {"x": 1}}]
    assert dialect_of(messages).name == "anthropic"
