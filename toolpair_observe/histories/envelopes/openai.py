"""Bodies and answers of OpenAI's two APIs, and rows for its fine-tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import json_type, keys_text
from toolpair_observe.histories.dialects.responses import RESPONSES, RESUMED_RESPONSES
from toolpair_observe.histories.envelopes.envelope import each_row
from toolpair_observe.histories.envelopes.second_lists import ANSWERS, reason_of_others
from toolpair_observe.histories.outcome import Outcome, outcome
from toolpair_observe.histories.unit import Extent, Layer
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.providers.recorded import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.histories.unit import Row, Unit

_Data = dict[str, Any]

CHAT: Final = "openai.chat"
RESPONSES_BODY: Final = "openai.responses"
FINE_TUNING: Final = "openai.fine_tuning"
_ANSWER: Final = "openai.answer"

# --- Chat ----------------------------------------------------------------------------------------

# A key that one provider's API has and those that copied OpenAI's have not.
_MARKS: Final = (
    ("cohere", "cohere-v2", frozenset({"citation_options", "safety_mode", "strict_tools"})),
    (
        "mistral",
        "chat",
        frozenset(
            {
                "document_image_limit",
                "document_page_limit",
                "prompt_mode",
                "random_seed",
                "safe_prompt",
            }
        ),
    ),
)
_READ: Final = frozenset({"messages", "model"})
# A row of a log that holds a body's keys among others.
_OF_NO_BODY: Final = frozenset({"call_type", "inputs", "langchain", "run_type", "traceId"})


def _is_chat(data: _Data) -> bool:
    return (
        isinstance(data["messages"], list)
        and isinstance(data["model"], str)
        and _OF_NO_BODY.isdisjoint(data)
    )


def read_chat(
    row: Row,
    form: str = CHAT,
    *,
    provider: str = "",
    url: str = "",
    **known: Any,  # noqa: ANN401 - fields of a unit
) -> Iterator[Unit]:
    """Read the body of a chat request.

    Args:
        row: The body.
        form: The form of the row around it.
        provider: Who was asked, where the row around it tells.
        url: The URL that was asked, where it is told.
        **known: What the row around it tells, as fields of the unit.
    """
    data = row.data
    messages = data.get("messages")
    if not isinstance(messages, list) or not messages:
        what = "an empty list" if messages == [] else json_type(messages)
        yield row.unreadable(form, f"'messages' is {what}, no list of messages", **_names(known))
        return
    reason = reason_of_others(data, _READ)
    if reason:
        yield row.unreadable(form, reason, **_names(known))
        return
    told, api = _told_by(data, messages)
    if not provider and isinstance(data.get("provider"), str):
        # No body says so, but a log that may write the messages of all providers in this form.
        told, api = data["provider"], ""
    yield row.request(
        form,
        messages,
        "messages",
        layer=Layer.WIRE,
        origin=Origin(
            provider=provider or told,
            api=api,
            model=as_text(data.get("model")),
            url=url,
            tools_bound=bool(data.get("tools") or data.get("functions")),
        ),
        **{**outcome_beside(data), **known},
    )


def _told_by(data: _Data, messages: list[Any]) -> tuple[str, str]:
    """Return the provider and the API that a body tells by keys of its own, where it does."""
    for provider, api, keys in _MARKS:
        if not keys.isdisjoint(data):
            return provider, api
    if any(isinstance(message, dict) and "tool_plan" in message for message in messages):
        return "cohere", "cohere-v2"
    return "", "chat"


def _names(known: _Data) -> _Data:
    return {key: known[key] for key in ("name", "thread_id", "run_id") if key in known}


def outcome_beside(data: _Data) -> Outcome:
    """Return what a row tells of the answer that it holds beside the request."""
    answer = next((data[key] for key in ("response", "output") if data.get(key)), None)
    error = error_text(data.get("error"))
    if isinstance(answer, dict):
        error = error or error_text(answer.get("error"))
        body = answer.get("body")
        if isinstance(body, dict):
            error = error or error_text(body.get("error"))
    return outcome(error=error, answered=bool(answer))


def error_text(error: object) -> str | None:
    """Return the text of an error in any of the ways in which bodies hold it."""
    if isinstance(error, dict):
        error = next((error[key] for key in ("message", "error", "type") if error.get(key)), None)
        if isinstance(error, dict):
            error = error.get("message")
    return error if isinstance(error, str) and error else None


# --- Responses -----------------------------------------------------------------------------------

_RESPONSES_READ: Final = frozenset({"input"})
# One of these beside the input makes a body of an object.
_RESPONSES_KEYS: Final = (
    "conversation",
    "include",
    "instructions",
    "max_output_tokens",
    "model",
    "previous_response_id",
    "prompt",
    "store",
)
# What other APIs of one input are told by.
_OTHER_INPUTS: Final = (
    ("embedding", ("encoding_format", "dimensions", "input_type")),
    ("speech", ("voice", "response_format")),
)
_OTHER_MODELS: Final = (
    ("embedding", ("embed", "bge-", "e5-")),
    ("moderation", ("moderation",)),
    ("speech", ("tts",)),
)


def _is_responses(data: _Data) -> bool:
    return (
        isinstance(data["input"], list | str)
        and "messages" not in data
        and "custom_id" not in data
        and _OF_NO_BODY.isdisjoint(data)
        and ANSWERS.isdisjoint(data)
        and any(isinstance(data.get(key), str | dict) for key in _RESPONSES_KEYS)
    )


def read_responses(
    row: Row,
    form: str = RESPONSES_BODY,
    *,
    provider: str = "",
    url: str = "",
    **known: Any,  # noqa: ANN401 - fields of a unit
) -> Iterator[Unit]:
    """Read the body of a request to the Responses API. See `read_chat`."""
    data = row.data
    items = data.get("input")
    model = as_text(data.get("model"))
    other = _other_input(data, items, model)
    if other:
        yield row.no_request(form, other, **_names(known))
        return
    resumes = bool(data.get("previous_response_id") or data.get("conversation"))
    if isinstance(items, str) or (items in (None, []) and (resumes or data.get("prompt"))):
        # A text, or what the provider keeps alone, is one message of the user.
        items = [{"role": "user", "content": items or ""}]
    if not isinstance(items, list) or not items:
        what = "an empty list" if items == [] else json_type(items)
        yield row.unreadable(form, f"'input' is {what}, no list of items", **_names(known))
        return
    reason = reason_of_others(data, _RESPONSES_READ)
    if reason:
        yield row.unreadable(form, reason, **_names(known))
        return
    references = any(
        isinstance(item, dict) and (item.get("type") == "item_reference" or item.keys() == {"id"})
        for item in items
    )
    yield row.request(
        form,
        items,
        "input",
        layer=Layer.WIRE,
        dialect=RESUMED_RESPONSES if resumes else RESPONSES,
        origin=Origin(
            provider=provider,
            api="responses",
            model=model,
            url=url,
            server_state=resumes or references,
            tools_bound=bool(data.get("tools")),
        ),
        **{**outcome_beside(data), **known},
    )


def _other_input(data: _Data, items: object, model: str) -> str:
    """Return what a request with an input is instead of one to a chat model, or `""`."""
    name = model.lower()
    for what, words in _OTHER_MODELS:
        if any(word in name for word in words):
            return what
    for what, keys in _OTHER_INPUTS:
        if any(key in data for key in keys):
            return what
    if isinstance(items, list) and items and all(isinstance(item, str | int) for item in items):
        return "embedding"
    return ""


# --- Fine-tuning ---------------------------------------------------------------------------------

_TUNING_KEYS: Final = frozenset({"functions", "parallel_tool_calls", "tools"})


def _is_fine_tuning(data: _Data) -> bool:
    messages = data["messages"]
    if not isinstance(messages, list) or not messages or "model" in data:
        return False
    last = messages[-1]
    return (
        isinstance(last, dict)
        and last.get("role") == "assistant"
        and _OF_NO_BODY.isdisjoint(data)
        and ("weight" in last or not _TUNING_KEYS.isdisjoint(data))
    )


def _read_fine_tuning(row: Row) -> Iterator[Unit]:
    data = row.data
    reason = reason_of_others(data, _READ)
    if reason:
        yield row.unreadable(FINE_TUNING, reason)
        return
    yield row.request(
        FINE_TUNING,
        data["messages"],
        "messages",
        layer=Layer.WIRE,
        extent=Extent.PREFIXES,
        origin=Origin(api="chat", tools_bound=bool(data.get("tools") or data.get("functions"))),
    )


def _is_preference(data: _Data) -> bool:
    return isinstance(data["input"], dict) and (
        "preferred_output" in data or "non_preferred_output" in data
    )


def _read_preference(row: Row) -> Iterator[Unit]:
    inner = row.inner("input")
    if isinstance(inner.data.get("messages"), list):
        yield from read_chat(inner, FINE_TUNING)
    else:
        reason = f"the input has no list of messages, but {keys_text(inner.data)}"
        yield row.unreadable(FINE_TUNING, reason, "input")


# --- Answers -------------------------------------------------------------------------------------

_ANSWERS: Final = {
    "chat.completion": "response",
    "chat.completion.chunk": "response chunk",
    "text_completion": "response",
    "response": "response",
    "realtime.response": "response",
    "embedding": "embedding",
    "chat.completion.deleted": "response",
}
_EVENT: Final = "response."


def _is_answer(data: _Data) -> bool:
    kind = data["object"]
    return isinstance(kind, str) and kind in _ANSWERS


def _read_answer(row: Row) -> Iterator[Unit]:
    yield row.no_request(_ANSWER, _ANSWERS[row.data["object"]])


def _is_event(data: _Data) -> bool:
    kind = data["type"]
    return isinstance(kind, str) and kind.startswith(_EVENT)


def _read_event(row: Row) -> Iterator[Unit]:
    yield row.no_request(_ANSWER, "response chunk")


# --- A request with its answer -------------------------------------------------------------------

_EXCHANGE: Final = "exchange"


def _is_exchange(data: _Data) -> bool:
    request = data["request"]
    return isinstance(request, dict) and _body_form(request) is not None


def _body_form(body: _Data) -> str | None:
    if isinstance(body.get("messages"), list) and isinstance(body.get("model"), str):
        return CHAT
    return RESPONSES_BODY if "input" in body and _is_responses(body) else None


def _read_exchange(row: Row) -> Iterator[Unit]:
    read = read_chat if _body_form(row.data["request"]) == CHAT else read_responses
    yield from read(
        row.inner("request"),
        _EXCHANGE,
        url=as_text(row.data.get("url")),
        provider=as_text(row.data.get("provider")),
        **outcome_beside(row.data),
    )


ENVELOPES: Final = (
    each_row(_ANSWER, _is_answer, _read_answer, needs=("object",)),
    each_row(_ANSWER, _is_event, _read_event, needs=("type",)),
    each_row(_EXCHANGE, _is_exchange, _read_exchange, needs=("request",)),
    each_row(FINE_TUNING, _is_preference, _read_preference, needs=("input",)),
    each_row(FINE_TUNING, _is_fine_tuning, _read_fine_tuning, needs=("messages",)),
    each_row(CHAT, _is_chat, read_chat, needs=("messages", "model")),
    each_row(RESPONSES_BODY, _is_responses, read_responses, needs=("input",)),
)
