"""OpenInference's conventions: spans of kind LLM, as Phoenix and others keep them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import NotUnderstoodError
from toolpair_observe.histories.dialects.span_attributes import SPAN_ATTRIBUTES
from toolpair_observe.histories.envelopes.attribute_lists import gathered
from toolpair_observe.histories.envelopes.spans import Span, are_items, texts_of
from toolpair_observe.histories.unit import Conversation, Layer, Row, Unit
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.providers.recorded import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT: Final = "openinference.span"
KINDS: Final[Mapping[str, str]] = {
    "AGENT": "agent span",
    "CHAIN": "chain span",
    "EMBEDDING": "embedding",
    "EVALUATOR": "evaluator span",
    "GUARDRAIL": "guardrail span",
    "PROMPT": "prompt span",
    "RERANKER": "reranker span",
    "RETRIEVER": "retriever span",
    "TOOL": "tool span",
}
_LLM: Final = "LLM"
_INPUT: Final = "llm.input_messages"
_ANSWER: Final = ("llm.output_messages", "output.value", "llm.token_count.completion")
# The answer's id is the only trace of the API.
_OF_RESPONSES: Final = re.compile(r'"(?:response_)?id": ?"resp_|"object": ?"response"')
# Under these keys requests of providers' APIs have their messages.
_BODY_LISTS: Final = ("messages", "contents", "input")


def kind_of(span: Span) -> str:
    """Return the kind of a span in these conventions, `""` for a span of other ones."""
    kind = (span.text("openinference.span.kind") or span.kind).upper()
    if kind == _LLM or kind in KINDS:
        return kind
    return _LLM if span.has(_INPUT) else ""


def read(row: Row, span: Span, known: dict[str, Any]) -> Unit:
    """Read a span of these conventions.

    Args:
        row: Its place.
        span: The span.
        known: Fields of the unit that every convention has.
    """
    kind = kind_of(span)
    if kind != _LLM:
        return row.no_request(FORMAT, KINDS[kind], **known)
    try:
        messages = _messages(span)
    except NotUnderstoodError as error:
        return row.unreadable(FORMAT, str(error), **known)
    if messages is None:
        if span.has("llm.prompts"):
            return row.no_request(FORMAT, "text completion", **known)
        return row.unreadable(FORMAT, not_recorded(span), **known)
    conversations, dialect, layer = messages
    origin = origin_of(span)
    if dialect is None and layer is span.layer and any(map(are_items, conversations)):
        origin, layer = replace(origin, api="responses"), Layer.WIRE
    return Unit(
        line=row.line,
        row=row.path,
        format=FORMAT,
        layer=layer,
        conversations=tuple(map(Conversation, conversations)),
        dialect=dialect,
        origin=origin,
        **known,
        **span.outcome(answered=span.has(*_ANSWER)),
    )


def not_recorded(span: Span) -> str:
    """Return why a span of a request has no messages."""
    if span.dropped:
        return f"its messages are not there: {span.dropped:,} attributes were dropped"
    return "messages not recorded: switch the capture of inputs on where the spans are made"


def _messages(span: Span) -> tuple[list[list[Any]], Any, Layer] | None:
    value = span.json("input.value")
    whole = langchain_lists(value)
    fault: NotUnderstoodError | None = None
    flat: list[Any] = []
    try:
        flat = _flat_messages(span)
    except NotUnderstoodError as error:
        fault = error
    # LangChain's own form has what the attributes leave out, such as calls with bad arguments.
    if whole and (fault or not flat or len(whole[0]) == len(flat)):
        return whole, None, Layer.LANGCHAIN
    if flat and not fault:
        return [flat], SPAN_ATTRIBUTES, span.layer
    body = body_list(value)
    if body:
        return [body], None, span.layer
    if fault:
        raise fault
    return None


def _flat_messages(span: Span) -> list[Any]:
    messages = gathered(span, _INPUT)
    if messages and span.dropped:
        msg = (
            f"{span.dropped:,} attributes were dropped, so that {_INPUT!r} may lack messages: "
            "raise OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"
        )
        raise NotUnderstoodError(msg)
    return [_message(message, f"{_INPUT}.{at}") for at, message in enumerate(messages)]


def _message(data: object, where: str) -> object:
    """Return a message without the prefixes that its attributes' names have."""
    if not isinstance(data, dict):
        return data
    message = _own(data, "message", where)
    for key, prefix in (("tool_calls", "tool_call"), ("contents", "message_content")):
        items = message.get(key)
        if isinstance(items, list):
            message[key] = [
                _own(item, prefix, f"{where}.{key}.{at}") if isinstance(item, dict) else item
                for at, item in enumerate(items)
            ]
    return message


def _own(data: dict[str, Any], prefix: str, where: str) -> dict[str, Any]:
    inner = data.get(prefix)
    other = [key for key in data if key not in (prefix, "tool_call")]
    if other or (inner is None and data):
        msg = f"{where}: expected {prefix!r} alone"
        raise NotUnderstoodError(msg)
    if inner is None:
        return {}
    if not isinstance(inner, dict):
        msg = f"{where}: {prefix!r} is not an object"
        raise NotUnderstoodError(msg)
    return dict(inner)


def langchain_lists(value: object) -> list[list[Any]] | None:
    """Return the lists of LangChain's messages, one for each prompt, that `input.value` holds."""
    lists = value.get("messages") if isinstance(value, dict) else None
    if not isinstance(lists, list) or not lists:
        return None
    if all(isinstance(each, list) and each and all(map(_is_langchain, each)) for each in lists):
        return lists
    return None


def _is_langchain(message: object) -> bool:
    return isinstance(message, dict) and ("lc" in message or isinstance(message.get("type"), str))


def body_list(value: object) -> list[Any] | None:
    """Return the messages of a request's body that `input.value` holds."""
    if isinstance(value, dict):
        value = next((value[key] for key in _BODY_LISTS if isinstance(value.get(key), list)), None)
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        return value
    return None


def origin_of(span: Span) -> Origin:
    """Return what a span tells of who was asked."""
    params = span.object("llm.invocation_parameters")
    metadata = span.object("metadata") or span.under("metadata")
    model = metadata.get("ls_model_name") or params.get("model")
    provider = metadata.get("ls_provider") or span.text("llm.provider", "llm.system")
    is_responses = bool(_OF_RESPONSES.search(span.text("output.value")))
    tools = bool(params.get("tools")) or span.has("llm.tools")
    return Origin(
        metadata=metadata,
        params=params,
        provider=as_text(provider),
        api="responses" if is_responses else "",
        model=model if isinstance(model, str) and model else span.text("llm.model_name"),
        versions=texts_of(metadata.get("lc_versions")),
        server_state=_resumes(span, params),
        tools_bound=True if tools else None,
    )


def _resumes(span: Span, params: dict[str, Any]) -> bool:
    """Whether the provider keeps earlier turns, by the parameters or the body."""
    body = span.object("input.value")
    keys = ("previous_response_id", "conversation")
    return any(told.get(key) for told in (params, body) for key in keys)


def thread_of(span: Span) -> str:
    """Return the conversation that a span belongs to."""
    thread = span.object("metadata").get("thread_id")
    return span.text("session.id") or as_text(thread)
