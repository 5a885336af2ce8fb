"""Anthropic's bodies, batches and answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.anthropic import ANTHROPIC, may_be_anthropic
from toolpair_observe.histories.dialects.resumed import resumed
from toolpair_observe.histories.envelopes.body import (
    Fields,
    any_key,
    is_body,
    not_a_request,
    object_at,
    read_messages,
    text_at,
)
from toolpair_observe.histories.envelopes.envelope import each_row
from toolpair_observe.pairing.providers.recorded import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.histories.unit import Row, Unit

BODY_FORM: Final = "anthropic.body"
_BATCH: Final = "anthropic.batch"
_ANSWER: Final = "anthropic.answer"
_BODY_KEYS: Final = frozenset(
    {
        "container",
        "context_management",
        "fallbacks",
        "mcp_servers",
        "messages",
        "metadata",
        "output_config",
        "output_format",
        "system",
        "thinking",
    }
)
# Keys that OpenAI's chat API has and this one has not.
_OPENAI_KEYS: Final = (
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "modalities",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
    "seed",
    "stop",
    "stream_options",
)
# Keys of a body's own, beside the messages.
_REQUEST_KEYS: Final = ("anthropic_version", "max_tokens", "model", "system", "tools")
_FOREIGN_ROLES: Final = ("developer", "function", "tool")
_OWN_MODEL: Final = re.compile(r"claude-[\w.@-]+$")
# Its own tools are dated: `web_search_20250305`.
_OWN_TOOL: Final = re.compile(r"_20\d{6}$|^mcp_toolset$")
_CHOICES: Final = frozenset({"any", "auto", "none", "tool"})
_STREAM_EVENTS: Final = frozenset(
    {
        "content_block_delta",
        "content_block_start",
        "content_block_stop",
        "message_delta",
        "message_start",
        "message_stop",
        "ping",
    }
)


# --- Bodies --------------------------------------------------------------------------------------


def fits(data: Fields) -> bool:
    """Whether an object is a body of this API, rather than of OpenAI's.

    Blocks tell, and never the model alone, which gateways serve on other APIs as well. Where no
    message has blocks that tell, the body's other keys do.
    """
    if not is_body(data):
        return False
    messages = data.get("messages")
    return "anthropic_version" in data or (
        isinstance(messages, list)
        and bool(messages)
        and any_key(data, _REQUEST_KEYS)
        and not _is_foreign(messages[0], first=True)
        and _are_own(messages, data)
    )


def _are_own(messages: list[Any], data: Fields) -> bool:
    for message in messages:
        if _is_foreign(message):
            return False
        if ANTHROPIC.claims(message):
            return True
    return (
        all(map(may_be_anthropic, messages))
        and any_key(data, ("max_tokens", "model"))
        and not any_key(data, _OPENAI_KEYS)
        and _tells(data)
    )


def _is_foreign(message: object, *, first: bool = False) -> bool:
    if not isinstance(message, dict):
        return False
    role = message.get("role")
    # Here instructions stand beside the messages; among them they can only follow others.
    return (first and role == "system") or role in _FOREIGN_ROLES or bool(message.get("tool_calls"))


def _tells(data: Fields) -> bool:
    tools = data.get("tools")
    if isinstance(tools, list) and tools:
        return all(map(_is_own_tool, tools))
    return (
        bool(data.get("system"))
        or bool(object_at(data, "thinking"))
        or "stop_sequences" in data
        or "user_id" in object_at(data, "metadata")
        or text_at(object_at(data, "tool_choice"), "type") in _CHOICES
        or ("max_tokens" in data and bool(_OWN_MODEL.match(text_at(data, "model"))))
    )


def _is_own_tool(tool: object) -> bool:
    return isinstance(tool, dict) and (
        "input_schema" in tool or bool(_OWN_TOOL.search(text_at(tool, "type")))
    )


def read_body(row: Row, form: str = BODY_FORM) -> Iterator[Unit]:
    """Read a body."""
    data = row.data
    # The form of a body does not tell who took it, except where Claude is served by a cloud.
    version = text_at(data, "anthropic_version")
    provider, api = "", "messages"
    if version.startswith("bedrock"):
        provider, api = "bedrock", "invoke"
    elif version.startswith("vertex"):
        provider = "google_vertexai"
    origin = Origin(
        provider=provider,
        api=api,
        model=text_at(data, "model"),
        server_state=text_at(object_at(data, "thread"), "type") == "continue",
        tools_bound=bool(data.get("tools")),
    )
    dialect = resumed(ANTHROPIC) if origin.server_state else ANTHROPIC
    yield read_messages(row, form, "messages", dialect=dialect, origin=origin, known=_BODY_KEYS)


# --- Batches -------------------------------------------------------------------------------------


def is_batch_row(data: Fields) -> bool:
    """Whether an object is one request of a batch."""
    params = data.get("params")
    return "custom_id" in data and isinstance(params, dict) and "messages" in params


def read_batch_row(row: Row) -> Iterator[Unit]:
    """Read one request of a batch."""
    yield from read_body(row.inner("params"), _BATCH)


def is_batch(data: Fields) -> bool:
    """Whether an object is the body that makes a batch."""
    requests = data.get("requests")
    return isinstance(requests, list) and any(
        isinstance(each, dict) and is_batch_row(each) for each in requests
    )


def read_batch(row: Row) -> Iterator[Unit]:
    """Read the requests of the body that makes a batch."""
    for place, request in enumerate(row.data["requests"]):
        if isinstance(request, dict) and is_batch_row(request):
            yield from read_batch_row(row.inner("requests", place))
        else:
            yield row.unreadable(_BATCH, "not a request of a batch", "requests", place)


_RESULT_TYPES: Final = frozenset({"canceled", "errored", "expired", "succeeded"})


def _is_batch_answer(data: Fields) -> bool:
    return "custom_id" in data and text_at(object_at(data, "result"), "type") in _RESULT_TYPES


# --- Answers -------------------------------------------------------------------------------------


def _is_answer(data: Fields) -> bool:
    kind = text_at(data, "type")
    if kind == "message":
        return "stop_reason" in data and isinstance(data.get("content"), list)
    if kind == "error":
        return isinstance(data.get("error"), dict) and "role" not in data
    return kind in _STREAM_EVENTS or kind == "message_batch"


def _is_count(data: Fields) -> bool:
    return len(data) == 1


BODY: Final = each_row(BODY_FORM, fits, read_body, needs=("messages",), any_of=_REQUEST_KEYS)
ENVELOPES: Final = (
    each_row(_BATCH, is_batch_row, read_batch_row, needs=("custom_id", "params")),
    each_row(_BATCH, is_batch, read_batch, needs=("requests",)),
    each_row(
        _BATCH,
        _is_batch_answer,
        not_a_request(_BATCH, "batch response"),
        needs=("custom_id", "result"),
    ),
    each_row(_ANSWER, _is_answer, not_a_request(_ANSWER, "response"), needs=("type",)),
    each_row(_ANSWER, _is_count, not_a_request(_ANSWER, "token count"), needs=("input_tokens",)),
    BODY,
)
