"""Which refusals are about what stands beside a call, and that they are none of the pairing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from toolpair_observe.pairing.refusals.companions import Companion, refused_companion
from toolpair_observe.pairing.refusals.recognize import read_rejection

if TYPE_CHECKING:
    from pathlib import Path

C = Companion

BOUND = (
    "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a "
    "different conversation. Remove the block, or set `thinking.block_binding.prefix_mismatch_"
    'behavior` to "drop_block".'
)

REFUSALS: tuple[tuple[Companion, str], ...] = (
    (C.THINKING_SIGNATURE, f"{BOUND} The `system` prompt differs from the one before."),
    (C.THINKING_SIGNATURE, f"{BOUND} The `tools` differ from the ones before."),
    (
        C.THINKING_SIGNATURE,
        f"{BOUND} The `thinking` block that preceded this one when it was created is missing from "
        "this request.",
    ),
    (C.THINKING_SIGNATURE, "messages.3.content.1: Invalid `signature` in `thinking` block"),
    (
        C.THINKING_SIGNATURE,
        "messages.3.content.1: Invalid `signature` in `redacted_thinking` block",
    ),
    (C.THINKING_SIGNATURE, "messages.4.content.0.thinking.signature: Field required"),
    (
        C.THINKING_BLOCK,
        "messages.5.content.1: `thinking` or `redacted_thinking` blocks in the latest assistant "
        "message cannot be modified. These blocks must remain as they were in the original "
        "response.",
    ),
    (
        C.THINKING_BLOCK,
        "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
        "`tool_use`. When `thinking` is enabled, a final `assistant` message must start with a "
        "thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks).",
    ),
    (
        C.THOUGHT_SIGNATURE,
        "Function call is missing a thought_signature in functionCall parts. This is required for "
        "tools to work correctly. Additional data, function call `default_api:f`, position 2.",
    ),
    (C.THOUGHT_SIGNATURE, "Unable to submit request because Thought signature is not valid."),
    (C.THOUGHT_SIGNATURE, "Corrupted thought signature."),
    (
        C.REASONING_ITEM,
        "Item 'rs_Mine' of type 'reasoning' was provided without its required following item.",
    ),
    (
        C.REASONING_ITEM,
        "Item 'fc_Mine' of type 'function_call' was provided without its required 'reasoning' "
        "item: 'rs_Mine'.",
    ),
    (
        C.REASONING_ITEM,
        "Item 'msg_Mine' of type 'message' was provided without its required 'reasoning' item",
    ),
    (
        C.REASONING_ITEM,
        "The encrypted content for item rs_Mine could not be verified. Reason: Encrypted content "
        "could not be decrypted or parsed.",
    ),
    (
        C.REASONING_CONTENT,
        "The `reasoning_content` in the thinking mode must be passed back to the API.",
    ),
    (
        C.REASONING_CONTENT,
        "The `content[].thinking` in the thinking mode must be passed back to the API.",
    ),
    (
        C.REASONING_CONTENT,
        "thinking is enabled but reasoning_content is missing in assistant tool call message at "
        "index 2",
    ),
    (
        C.REASONING_CONTENT,
        "ThinkingMode: thinking, invalid message without reasoning_content/tool_calls `{'role': "
        "'assistant'}` after last user message",
    ),
    (
        C.REASONING_CONTENT,
        "Missing `reasoning_content` field in the assistant message at message index 2.",
    ),
)

OTHERS = (
    "`max_tokens` must be greater than `thinking.budget_tokens`.",
    "thinking.type: Input should be 'enabled' or 'disabled'",
    "Thinking may not be enabled when tool_choice forces tool use.",
    "Unsupported value: 'reasoning.effort' does not support 'minimal' with this model.",
    "Extra inputs are not permitted, field: 'messages[2].reasoning_content'",
    "property 'reasoning_content' is unsupported",
    "Cannot pass both content and thinking in an assistant message with tool calls!",
    "The model is overloaded with reasoning requests. Please try again.",
    "Item with id 'rs_Mine' not found. Items are not persisted when `store` is set to false.",
    "This model does not support assistant message prefill.",
)


class RefusedError(Exception):
    """A provider's answer, as a client raises it."""

    def __init__(self, text: str, status_code: int) -> None:
        super().__init__(text)
        self.status_code = status_code


def _in_json(text: str) -> str:
    return json.dumps(
        {"type": "error", "error": {"type": "invalid_request_error", "message": text}}
    )


@pytest.mark.parametrize(("companion", "text"), REFUSALS)
def test_a_refused_companion_is_named_and_is_no_pairing_error(companion: Companion, text: str):
    for said in (text, _in_json(text), f"Error code: 400 - { ({'error': {'message': text}})!r}"):
        assert refused_companion(said) is companion
        assert read_rejection(said) is None
        assert read_rejection(said, foreseen=True) is None


@pytest.mark.parametrize("text", OTHERS)
def test_other_refusals_name_no_companion(text: str):
    assert refused_companion(text) is None


def test_only_a_refused_request_counts():
    assert refused_companion(RefusedError(BOUND, 400)) is C.THINKING_SIGNATURE
    assert refused_companion(RefusedError(BOUND, 429)) is None
    assert refused_companion(RefusedError(BOUND, 500)) is None
    assert refused_companion(RefusedError(_in_json(BOUND), 502)) is C.THINKING_SIGNATURE


def test_each_companion_has_a_sample():
    assert {companion for companion, _ in REFUSALS} == set(Companion)


def test_the_shared_texts_about_companions_are_named(shared_dir: Path):
    lines = (shared_dir / "provider-errors.jsonl").read_text("utf-8").splitlines()
    expected = {"reasoning_item_pairing", "thinking_block", "thought_signature"}
    rows = list(map(json.loads, lines))
    named = {row["error_text"] for row in rows if refused_companion(row["error_text"])}
    assert named == {row["error_text"] for row in rows if row["category"] in expected}
