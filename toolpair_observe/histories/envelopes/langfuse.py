"""Langfuse's observations: of its API, its downloads and exports, and as spans of its SDK.

A generation is a request; its input is whatever the producer wrote. Everything else is none: chains
and spans hold the state of a graph.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.dialects.langfuse import (
    LANGFUSE,
    is_handlers,
    is_tool_definition,
)
from toolpair_observe.histories.dialects.responses import RESUMED_RESPONSES
from toolpair_observe.histories.envelopes import genai, openinference
from toolpair_observe.histories.envelopes.cells import as_object, parsed
from toolpair_observe.histories.envelopes.envelope import Envelope
from toolpair_observe.histories.envelopes.langfuse_input import messages_of
from toolpair_observe.histories.envelopes.spans import (
    Span,
    are_items,
    first,
    layer_of_scope,
    texts_of,
)
from toolpair_observe.histories.outcome import Outcome, accepted, failed_with
from toolpair_observe.histories.unit import Layer, Row, Status, Unit
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.providers.recorded import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_Data = dict[str, Any]

FORMAT: Final = "langfuse.observation"
_GENERATION: Final = "GENERATION"
_OTHERS: Final[Mapping[str, str]] = {
    "AGENT": "agent observation",
    "CHAIN": "chain observation",
    "EMBEDDING": "embedding",
    "EVALUATOR": "evaluator observation",
    "EVENT": "event observation",
    "GUARDRAIL": "guardrail observation",
    "RETRIEVER": "retriever observation",
    "SPAN": "span observation",
    "TOOL": "tool observation",
}
_PREFIX: Final = "langfuse.observation"
_THREADS: Final = ("thread_id", "session_id", "conversation_id")
_LANGCHAIN_MARKS: Final = (
    "is_langchain_root",
    "langgraph_step",
    "lc_versions",
    "ls_integration",
    "ls_model_name",
    "ls_model_type",
    "ls_provider",
)
# More than these are not kept while it is open whether an earlier generation will come.
_MOST_WAITING: Final = 1000
# Of so many traces the time of the first generation is known, of the latest ones.
_MOST_TRACES: Final = 100_000


# --- one observation ------------------------------------------------------------------------------


def _kind(data: Mapping[str, Any]) -> str:
    kind = data.get("type")
    kind = kind.upper() if isinstance(kind, str) else ""
    return kind if kind == _GENERATION or kind in _OTHERS else ""


def _read(row: Row, data: _Data, known: _Data, *place: str) -> Unit:
    kind = _kind(data)
    metadata = as_object(data.get("metadata"))
    thread = first(data, "sessionId", "session_id")
    threads = (thread, *(metadata.get(name) for name in _THREADS))
    known["thread_id"] = next((text for text in threads if isinstance(text, str) and text), "")
    if kind != _GENERATION:
        return row.no_request(FORMAT, _OTHERS[kind], **known)
    found = messages_of(data.get("input"))
    if found.messages is None:
        if found.is_other:
            return row.no_request(FORMAT, found.reason, **known)
        return row.unreadable(FORMAT, found.reason, *place, **known)
    span = _producers_span(metadata)
    known["thread_id"] = known["thread_id"] or genai.thread_of(span)
    messages = found.messages
    is_langchain = any(mark in metadata for mark in _LANGCHAIN_MARKS) or any(
        map(_is_langchains, messages)
    )
    is_written_by_handler = is_langchain and all(map(is_handlers, messages))
    layer = Layer.LANGCHAIN if is_langchain else layer_of_scope(span.scope)
    origin = _origin(data, metadata, span, messages)
    dialect = LANGFUSE if is_written_by_handler else None
    if not is_langchain and are_items(messages):
        layer, origin = Layer.WIRE, replace(origin, api="responses")
        if found.resumes:
            dialect, origin = RESUMED_RESPONSES, replace(origin, server_state=True)
    return row.request(
        FORMAT,
        messages,
        *place,
        *(found.place if place else ()),
        layer=layer,
        dialect=dialect,
        origin=origin,
        **known,
        **_outcome(data),
    )


def _is_langchains(message: object) -> bool:
    return isinstance(message, dict) and (
        isinstance(message.get("additional_kwargs"), dict) or is_tool_definition(message)
    )


def _is_answer(message: object) -> bool:
    return isinstance(message, dict) and message.get("event.name") == "gen_ai.choice"


def _producers_span(metadata: _Data) -> Span:
    """Return what Langfuse keeps of a span that another instrumentation made."""
    scope = metadata.get("scope")
    name = scope.get("name") if isinstance(scope, dict) else None
    return Span(
        attributes=as_object(metadata.get("attributes")),
        scope=as_text(name),
    )


def _origin(data: _Data, metadata: _Data, span: Span, messages: list[Any]) -> Origin:
    told = genai.origin_of(span)
    if openinference.kind_of(span):
        own = openinference.origin_of(span)
        told = own if own.provider else told
    versions = texts_of(metadata.get("lc_versions"))
    given = (metadata.get("ls_model_name"), told.model, first(data, "model", "provided_model_name"))
    model = next((text for text in given if isinstance(text, str) and text), "")
    provider = metadata.get("ls_provider")
    tools = any(map(is_tool_definition, messages)) or told.tools_bound
    tools = tools or bool(as_object(first(data, "toolDefinitions", "tool_definitions")))
    output = parsed(data.get("output"))
    return Origin(
        metadata={**told.metadata, **metadata},
        params=as_object(first(data, "modelParameters", "model_parameters")),
        provider=provider if isinstance(provider, str) and provider else told.provider,
        api=told.api or _api(output, provider),
        model=model,
        url=told.url,
        versions=versions or told.versions,
        server_state=told.server_state,
        tools_bound=True if tools else None,
    )


def _api(output: object, provider: object) -> str:
    """Return what the answer tells of OpenAI's API: only Responses answers with blocks."""
    if not isinstance(output, dict):
        return ""
    answer_id = output.get("id")
    if output.get("object") == "response" or str(answer_id).startswith("resp_"):
        return "responses"
    is_openai = isinstance(provider, str) and provider in ("openai", "azure", "azure_openai")
    return "responses" if is_openai and isinstance(output.get("content"), list) else ""


def _outcome(data: _Data) -> Outcome:
    level = data.get("level")
    message = first(data, "statusMessage", "status_message")
    if isinstance(level, str) and level.upper() == "ERROR":
        return failed_with(as_text(message))
    ended = first(data, "endTime", "end_time", "output") is not None
    return accepted() if ended or isinstance(level, str) else Outcome()


# --- a delta --------------------------------------------------------------------------------------


def _starts_with_result(messages: object) -> bool:
    message = messages[0] if isinstance(messages, list | tuple) and messages else None
    if not isinstance(message, dict):
        return False
    if message.get("type") in ("function_call_output", "tool"):
        return True
    parts = message.get("parts")
    if not isinstance(parts, list):
        parts = message.get("content")
    if isinstance(parts, list) and parts and isinstance(parts[0], dict):
        kind = parts[0].get("type")
        if kind in ("tool_call_response", "tool_result", "tool-result"):
            return True
    return message.get("role") == "tool" and not is_tool_definition(message)


class _Kept(NamedTuple):
    """A unit that waits, with the trace and the time of a generation that may be a delta."""

    unit: Unit
    trace: str = ""
    at: str = ""


class _Observations:
    """Reads observations, in which a generation may hold only what is new since an earlier one."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._waiting: deque[_Kept] = deque()

    def read(self, row: Row) -> Iterator[Unit]:
        data = row.data
        if data.get("observations") == []:
            yield row.no_request(FORMAT, "trace without observations")
        elif _is_download(data):
            yield from self._download(row)
        elif "observations" in data:
            for position in range(len(data["observations"])):
                yield from self._observation(row.inner("observations", position), _session(data))
        else:
            yield from self._observation(row, None)

    def close(self) -> Iterator[Unit]:
        while self._waiting:
            yield self._settled(self._waiting.popleft())
        self._first = {}

    def _download(self, row: Row) -> Iterator[Unit]:
        session = _session(row.data["trace"])
        if not row.data["observations"]:
            self._waiting.append(_Kept(row.no_request(FORMAT, "trace without observations")))
        for position in range(len(row.data["observations"])):
            yield from self._observation(row.inner("observations", position), session)

    def _observation(self, row: Row, session: object) -> Iterator[Unit]:
        data = row.data
        if not isinstance(data, dict) or not _kind(data):
            kept = _Kept(row.unreadable(FORMAT, "not an observation with a known 'type'"))
        else:
            if session is not None and data.get("sessionId") is None:
                data = {**data, "sessionId": session}
            try:
                kept = self._kept(row, data)
            except HistoryFileError as error:
                kept = _Kept(row.unreadable(FORMAT, str(error)))
        self._waiting.append(kept)
        # In the order of the file: what follows a generation that may be a delta waits for it.
        while self._waiting and (not self._waiting[0].trace or len(self._waiting) > _MOST_WAITING):
            yield self._settled(self._waiting.popleft())

    def _kept(self, row: Row, data: _Data) -> _Kept:
        at, trace, own_id = (
            as_text(text)
            for text in (
                first(data, "startTime", "start_time"),
                first(data, "traceId", "trace_id"),
                data.get("id"),
            )
        )
        unit = _read(row, data, {"name": own_id, "run_id": own_id, "at": at}, "input")
        if _kind(data) != _GENERATION:
            return _Kept(unit)
        is_delta = (
            trace
            and unit.status is Status.CHECKED
            and unit.dialect is not LANGFUSE  # LangChain's handler has the whole list
            and _starts_with_result(unit.conversations[0].messages)
        )
        if self._first.setdefault(trace, at) > at:
            self._first[trace] = at
        if len(self._first) > _MOST_TRACES:
            del self._first[next(iter(self._first))]
        return _Kept(unit, trace, at) if is_delta else _Kept(unit)

    def _settled(self, kept: _Kept) -> Unit:
        if not kept.trace or self._first.get(kept.trace, kept.at) >= kept.at:
            return kept.unit
        unit = kept.unit
        reason = (
            "it starts with a result, and its trace has an earlier generation: its producer "
            "recorded only what is new"
        )
        return Row(None, unit.line, unit.row).unreadable(
            FORMAT,
            reason,
            name=unit.name,
            thread_id=unit.thread_id,
            run_id=unit.run_id,
            at=unit.at,
        )


def _session(trace: Mapping[str, Any]) -> object:
    return first(trace, "sessionId", "session_id")


def _is_download(data: Mapping[str, Any]) -> bool:
    return isinstance(data.get("trace"), dict) and isinstance(data.get("observations"), list)


def _fits(data: _Data) -> bool:
    if _is_download(data):
        return True
    observations = data.get("observations")
    if isinstance(observations, list) and "projectId" in data:
        return any(isinstance(each, dict) and _kind(each) for each in observations)
    has_trace = "traceId" in data or "trace_id" in data
    told = "input" in data or "startTime" in data or "start_time" in data
    return has_trace and told and bool(_kind(data))


# --- as a span of the SDK -------------------------------------------------------------------------


def is_known(span: Span) -> bool:
    """Whether a span was made by Langfuse's SDK."""
    return f"{_PREFIX}.type" in span.attributes


def read_span(row: Row, span: Span, known: _Data) -> Unit:
    """Read a span of Langfuse's SDK.

    Args:
        row: Its place.
        span: The span.
        known: Fields of the unit that every convention has.
    """
    metadata = {
        name: _value(value) for name, value in span.under(f"{_PREFIX}.metadata").items()
    } or as_object(span.attributes.get(f"{_PREFIX}.metadata"))
    data: _Data = {
        "type": span.attributes[f"{_PREFIX}.type"],
        "input": span.attributes.get(f"{_PREFIX}.input"),
        "output": span.attributes.get(f"{_PREFIX}.output"),
        "model": span.attributes.get(f"{_PREFIX}.model.name"),
        "modelParameters": span.attributes.get(f"{_PREFIX}.model.parameters"),
        "level": span.attributes.get(f"{_PREFIX}.level"),
        "statusMessage": span.attributes.get(f"{_PREFIX}.status_message"),
        "sessionId": span.text("session.id"),
        "metadata": {"scope": {"name": span.scope}, **metadata},
    }
    if span.error:
        data |= {"level": "ERROR", "statusMessage": data["statusMessage"] or span.message}
    if not _kind(data):
        return row.no_request(FORMAT, "other span", **known)
    return _read(row, data, known)


def _value(value: object) -> object:
    """Return an entry of the metadata, which the SDK writes as JSON."""
    data = parsed(value)
    return value if data is None else data


_ONE_OF: Final = frozenset({"observations", "traceId", "trace_id"})
ENVELOPES: Final = (Envelope(FORMAT, _fits, _Observations, any_of=_ONE_OF),)
