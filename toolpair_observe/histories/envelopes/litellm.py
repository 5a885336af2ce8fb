"""What LiteLLM's loggers write: its standard payload, and rows of its table of spending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import json_type, keys_text
from toolpair_observe.histories.dialects.responses import RESUMED_RESPONSES, claims
from toolpair_observe.histories.envelopes.envelope import each_row
from toolpair_observe.histories.envelopes.openai import error_text
from toolpair_observe.histories.outcome import Outcome, accepted, failed_with
from toolpair_observe.histories.unit import Layer
from toolpair_observe.pairing.fields import as_dict, as_text
from toolpair_observe.pairing.providers.recorded import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.histories.unit import Row, Unit

_Data = dict[str, Any]

_FORM: Final = "litellm"
_REDACTED: Final = "redacted-by-litellm"

_CHAT_CALLS: Final = {
    "completion": "",  # every provider's messages, in OpenAI's form
    "responses": "responses",
    "anthropic_messages": "messages",
    "generate_content": "generate_content",
    "generate_content_stream": "generate_content",
}
_OTHER_CALLS: Final = (
    ("embedding", "embedding"),
    ("text_completion", "text completion"),
    ("image", "image generation"),
    ("video", "video generation"),
    ("transcription", "transcription"),
    ("speech", "speech"),
    ("moderation", "moderation"),
    ("rerank", "reranking"),
    ("search", "search"),
    ("batch", "batch"),
    ("file", "file"),
    ("fine_tuning", "fine-tuning job"),
    ("vector_store", "vector store"),
    ("assistant", "assistant"),
    ("thread", "thread"),
    ("message", "thread"),
    ("realtime", "realtime"),
    ("websocket", "realtime"),
    ("ocr", "OCR"),
    ("mcp", "tool run"),
    ("tool", "tool run"),
)


def _is_payload(data: _Data) -> bool:
    return isinstance(data["call_type"], str) and any(
        key in data for key in ("custom_llm_provider", "messages", "model_group", "status")
    )


def _read(row: Row) -> Iterator[Unit]:
    data = row.data
    names = _names(data)
    kind = data["call_type"]
    kind = kind.removeprefix("a") if kind.removeprefix("a") in _CHAT_CALLS else kind
    kind = kind.strip("_")
    messages = data.get("messages")
    api = _CHAT_CALLS.get(kind)
    if api is None:
        what = next((what for word, what in _OTHER_CALLS if word in kind), "")
        if what or not isinstance(messages, list):
            yield row.no_request(_FORM, what or "other call", **names)
            return
    if isinstance(messages, str) and api == "responses" and messages not in ("", _REDACTED):
        messages = [{"role": "user", "content": messages}]
    if isinstance(messages, dict) and isinstance(messages.get("messages"), list):
        messages = messages["messages"]
    reason = _why_unreadable(messages)
    if reason:
        yield row.unreadable(_FORM, reason, "messages", **names)
        return
    params = as_dict(data, "model_parameters")
    resumes = bool(params.get("previous_response_id") or params.get("conversation"))
    is_items = api == "responses" or any(map(claims, messages))
    yield row.request(
        _FORM,
        messages,
        "messages",
        layer=Layer.WIRE,
        dialect=RESUMED_RESPONSES if resumes and is_items else None,
        origin=Origin(
            provider=as_text(data.get("custom_llm_provider"))
            or as_text(as_dict(data, "error_information").get("llm_provider")),
            api=api or "",
            model=as_text(data.get("model")),
            url=as_text(data.get("api_base")),
            server_state=resumes,
            tools_bound=bool(params.get("tools") or params.get("functions")) if params else None,
        ),
        **_outcome(data),
        **names,
    )


def _why_unreadable(messages: object) -> str:
    if isinstance(messages, list) and messages:
        redacted = any(
            isinstance(message, dict) and message.get("content") == _REDACTED
            for message in messages
        )
        return _redacted() if redacted else ""
    if messages == _REDACTED:
        return _redacted()
    if isinstance(messages, dict) and messages:
        return f"'messages' is no list, but an object with {keys_text(messages)}"
    what = json_type(messages) if messages else "empty"
    return f"'messages' is {what}: they were not logged, or are stored elsewhere"


def _redacted() -> str:
    return "LiteLLM has redacted the messages: turn message logging on to check them"


def _names(data: _Data) -> _Data:
    at = data.get("startTime")
    return {
        "name": as_text(data.get("id")) or as_text(data.get("request_id")),
        "run_id": as_text(data.get("litellm_call_id")) or as_text(data.get("trace_id")),
        "thread_id": as_text(data.get("session_id")),
        "at": str(at) if isinstance(at, str | int | float) else "",
    }


def _outcome(data: _Data) -> Outcome:
    status = data.get("status")
    error = (
        as_text(data.get("error_str"))
        or as_text(as_dict(data, "error_information").get("error_message"))
        or error_text(as_dict(data, "metadata").get("error_information"))
        or ""
    )
    if status == "failure":
        return failed_with(error)
    if status == "success":
        return accepted()
    return failed_with(error) if error else Outcome()


ENVELOPES: Final = (each_row(_FORM, _is_payload, _read, needs=("call_type",)),)
