"""OpenTelemetry's conventions for generative AI, Traceloop's before them, and the AI SDK's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.dialects.dialect import NotUnderstoodError
from toolpair_observe.histories.dialects.genai import GENAI
from toolpair_observe.histories.dialects.span_attributes import (
    EVENT_NAME,
    EVENTS,
    MESSAGE_EVENTS,
    SPAN_ATTRIBUTES,
)
from toolpair_observe.histories.envelopes.attribute_lists import gathered
from toolpair_observe.histories.envelopes.cells import parsed
from toolpair_observe.histories.envelopes.openinference import (
    body_list,
    langchain_lists,
    not_recorded,
)
from toolpair_observe.histories.envelopes.spans import Event, Span, are_items, texts_of
from toolpair_observe.histories.unit import Conversation, Layer, Unit
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.providers.recorded import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.histories.dialects.dialect import Dialect
    from toolpair_observe.histories.unit import Row

FORMAT: Final = "genai.span"
EVENT_FORMAT: Final = "genai.event"
DETAILS: Final = "gen_ai.client.inference.operation.details"

_MARKS: Final = (
    "ai.operationId",
    "gen_ai.",
    "langsmith.",
    "llm.request.type",
    "traceloop.span.kind",
)
_REQUESTS: Final = frozenset({"chat", "completion", "generate_content", "llm", "text_completion"})
_COMPLETIONS: Final = frozenset({"text_completion", "completion"})
_OTHERS: Final[Mapping[str, str]] = {
    "create_agent": "agent span",
    "create_memory": "memory span",
    "embedding": "embedding",
    "embeddings": "embedding",
    "execute_task": "task span",
    "execute_tool": "tool span",
    "invoke_agent": "agent span",
    "invoke_workflow": "workflow span",
    "rerank": "reranker span",
    "retrieval": "retriever span",
    "agent": "agent span",
    "chain": "chain span",
    "parser": "parser span",
    "prompt": "prompt span",
    "retriever": "retriever span",
    "task": "task span",
    "tool": "tool span",
    "workflow": "workflow span",
}
_INPUT: Final = "gen_ai.input.messages"
_PROMPT: Final = "gen_ai.prompt"
_SDK_MESSAGES: Final = "ai.prompt.messages"
_ADK_BODY: Final = "gcp.vertex.agent.llm_request"
_ANSWER: Final = (
    "gen_ai.output.messages",
    "gen_ai.completion",
    "gen_ai.response.id",
    "gen_ai.response.finish_reasons",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "ai.response.",
)
_PROPERTIES: Final = "traceloop.association.properties"
# What stands for the provider where the instrumentation does not know it.
_NO_PROVIDERS: Final = ("langchain", "langgraph", "unknown")
# Servers of OpenAI give these to what they keep of a conversation.
_KEPT: Final = ("resp_", "conv_")


def is_known(span: Span) -> bool:
    """Whether a span is of these conventions."""
    return span.has(
        "gen_ai.", "llm.request.type", "traceloop.span.kind", "ai.operationId", "langsmith."
    )


def read(row: Row, span: Span, known: dict[str, Any], form: str = FORMAT) -> Unit:
    """Read a span, or an event with the attributes of one.

    Args:
        row: Its place.
        span: The span.
        known: Fields of the unit that every convention has.
        form: The format's name.
    """
    try:
        found = _messages(span)
    except HistoryFileError as error:
        if not_a_request(span):
            return row.no_request(form, not_a_request(span), **known)
        return row.unreadable(form, str(error), **known)
    other = not_a_request(span, has_messages=found is not None)
    if other:
        return row.no_request(form, other, **known)
    if found is None:
        return row.unreadable(form, not_recorded(span), **known)
    lists, dialect = found
    if not all(lists):
        return row.unreadable(form, "the list of messages is empty", **known)
    origin, layer = origin_of(span), span.layer
    if dialect is None and any(map(are_items, lists)):
        origin, layer = replace(origin, api="responses"), Layer.WIRE
    return Unit(
        line=row.line,
        row=row.path,
        format=form,
        conversations=tuple(map(Conversation, lists)),
        layer=layer,
        dialect=dialect,
        origin=origin,
        **known,
        **_outcome(span),
    )


def not_a_request(span: Span, *, has_messages: bool = True) -> str:
    """Return what a span is instead of a request, `""` for a request."""
    operation = span.text("gen_ai.operation.name", "llm.request.type").lower()
    if not operation and span.has("ai.operationId"):
        inner = span.text("ai.operationId").rpartition(".")[2]
        return "" if inner in ("doGenerate", "doStream") else "other span"
    kind = operation or span.text("traceloop.span.kind", "langsmith.span.kind").lower()
    if kind in _COMPLETIONS and not has_messages:
        return "text completion"
    if kind in _REQUESTS:
        return ""
    if kind:
        return _OTHERS.get(kind, "other span")
    asked = span.has("gen_ai.request.", "gen_ai.response.") or has_messages
    return "" if asked else "other span"


def _outcome(span: Span) -> dict[str, Any]:
    if not (span.error or span.is_ok) and span.has("error.type"):
        return dict(Span(error=True, message=span.text("error.type")).outcome(answered=False))
    return dict(span.outcome(answered=span.has(*_ANSWER)))


def _messages(span: Span) -> tuple[list[list[Any]], Dialect | None] | None:
    """Return the lists of messages that a span has, wherever, and how they are written."""
    if _INPUT in span.attributes:
        messages = _list(span.attributes[_INPUT], _INPUT)
        has_parts = any(isinstance(each, dict) and "parts" in each for each in messages)
        return [messages], GENAI if has_parts else None
    for gather, dialect in ((_spread, SPAN_ATTRIBUTES), (_events, EVENTS)):
        messages = gather(span)
        if messages:
            return [messages], dialect
    if _SDK_MESSAGES in span.attributes:
        return [_list(span.attributes[_SDK_MESSAGES], _SDK_MESSAGES)], None
    # LangSmith's exporter writes a run's inputs there.
    prompts = langchain_lists(span.json(_PROMPT))
    body = body_list(span.json(_PROMPT)) or body_list(span.json(_ADK_BODY))
    lists = prompts or ([body] if body else None)
    return (lists, None) if lists else None


def _spread(span: Span) -> list[Any]:
    """Return the messages that are spread over attributes."""
    messages = gathered(span, _PROMPT) if span.has(f"{_PROMPT}.") else []
    if messages and span.dropped:
        msg = (
            f"{span.dropped:,} attributes were dropped, so that {_PROMPT!r} may lack messages: "
            "raise OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"
        )
        raise NotUnderstoodError(msg)
    return messages


def _events(span: Span) -> list[Any]:
    """Return the messages among a span's events, or among those that an attribute lists."""
    events = [each for each in map(event_message, span.events) if each is not None]
    told = span.json("events")
    if events or not isinstance(told, list):
        return events
    if not any(isinstance(each, dict) and EVENT_NAME in each for each in told):
        return []
    return [each for each in told if not _is_choice(each)]


def event_message(event: Event) -> dict[str, Any] | None:
    """Return the message of an event of the older conventions, None for another event."""
    if event.name not in MESSAGE_EVENTS:
        return None
    body = parsed(event.attributes.get("gen_ai.event.content"))
    fields = body if isinstance(body, dict) else event.attributes
    plain = {key: value for key, value in fields.items() if not key.startswith("gen_ai.")}
    if isinstance(plain.get("tool_calls"), str):
        plain["tool_calls"] = parsed(plain["tool_calls"])
    return {**plain, EVENT_NAME: event.name}


def _is_choice(event: object) -> bool:
    return isinstance(event, dict) and event.get(EVENT_NAME) == "gen_ai.choice"


def _list(value: object, name: str) -> list[Any]:
    messages = parsed(value)
    if isinstance(messages, list):
        return messages
    if messages is None and isinstance(value, str):
        msg = f"{name!r} is no JSON: it was cut (OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT) or redacted"
    else:
        msg = f"{name!r} is not a list of messages"
    raise NotUnderstoodError(msg)


def origin_of(span: Span) -> Origin:
    """Return what a span tells of who was asked."""
    properties = span.under(_PROPERTIES)
    metadata = {**properties, **span.object(_PROPERTIES)}
    versions = texts_of(metadata.get("lc_versions"))
    if versions:
        metadata["lc_versions"] = versions
    provider = metadata.get("ls_provider") or span.text(
        "langsmith.metadata.ls_provider",
        "gen_ai.provider.name",
        "gen_ai.system",
        "ai.model.provider",
    )
    if provider in _NO_PROVIDERS:
        provider = ""
    tools = span.has("gen_ai.tool.definitions", "llm.request.functions", "ai.prompt.tools")
    kept = span.has("gen_ai.request.previous_response") or thread_of(span).startswith(_KEPT)
    return Origin(
        metadata=metadata,
        provider=as_text(provider),
        api=_api(span),
        model=span.text("gen_ai.request.model", "ai.model.id", "gen_ai.response.model"),
        url=span.text("server.address", "gen_ai.openai.api_base", "llm.openai.api_base"),
        versions=versions,
        server_state=kept,
        tools_bound=True if tools else None,
    )


def _api(span: Span) -> str:
    if span.text("openai.api.type") == "responses":
        return "responses"
    if span.text("gen_ai.response.id").startswith("resp_"):
        return "responses"
    if span.text("gen_ai.operation.name") == "generate_content":
        return "generate_content"
    return ""


def thread_of(span: Span) -> str:
    """Return the conversation that a span belongs to."""
    return span.text(
        "gen_ai.conversation.id",
        f"{_PROPERTIES}.thread_id",
        f"{_PROPERTIES}.session_id",
        "langsmith.metadata.thread_id",
        "session.id",
    )
