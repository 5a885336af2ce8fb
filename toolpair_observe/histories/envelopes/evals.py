"""Rows of evaluations: agentevals' trajectories, promptfoo's tests, logs of Inspect and others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.agent_logs import INSPECT
from toolpair_observe.histories.dialects.dialect import json_type
from toolpair_observe.histories.envelopes.cells import unpacked
from toolpair_observe.histories.envelopes.envelope import each_row
from toolpair_observe.histories.envelopes.message_lists import (
    dialect_by_order,
    is_list_of_messages,
    messages_in,
)
from toolpair_observe.histories.envelopes.second_lists import reason_of_others
from toolpair_observe.histories.unit import Extent, Layer, Row, Unit
from toolpair_observe.pairing.fields import as_dict, as_text
from toolpair_observe.pairing.providers.recorded import NO_ORIGIN, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

# --- agentevals -----------------------------------------------------------------------------------

_AGENTEVALS: Final = "agentevals"


def _is_agentevals(data: dict[str, Any]) -> bool:
    return messages_in(data["outputs"]) is not None and (
        "reference_outputs" in data or "inputs" not in data
    )


def _read_agentevals(row: Row) -> Iterator[Unit]:
    """Yield what the agent did. What it should have done was never sent."""
    value = row.data["outputs"]
    messages = messages_in(value)
    yield row.request(
        _AGENTEVALS,
        messages or (),
        *(("outputs", "messages") if isinstance(value, dict) else ("outputs",)),
        layer=Layer.WIRE,
        extent=Extent.PREFIXES,
        dialect=dialect_by_order(messages or ()),
    )


# --- promptfoo ------------------------------------------------------------------------------------

_PROMPTFOO: Final = "promptfoo"
# Providers that run a program or call whatever URL.
_NO_MODELS: Final = frozenset(
    {"exec", "file", "golang", "http", "https", "package", "python", "webhook", "ws", "wss"}
)
# What may stand between the provider's name and the model's.
_KINDS: Final = {"chat": "chat", "messages": "messages", "responses": "responses"}
_NESTED: Final = ("tests", "scenarios", "config")
# What is asked of the answers, and how they are asked for.
_OF_TESTS: Final = frozenset({"assert", "metadata", "options", "providers"})


def _is_config(data: dict[str, Any]) -> bool:
    return "prompts" in data or "providers" in data


def _is_test(data: dict[str, Any]) -> bool:
    return isinstance(data["vars"], dict) and not {"inputs", "run_type"} & data.keys()


def _read_config(row: Row) -> Iterator[Unit]:
    found = False
    origin = _provider(row.data.get("providers"))
    for unit in _parts_of_config(row):
        found = True
        yield replace(unit, origin=origin)
    if not found:
        yield _without_messages(row, "tests without messages")


def _without_messages(row: Row, what: str) -> Unit:
    reason = reason_of_others(row.data, _OF_TESTS)
    return row.unreadable(_PROMPTFOO, reason) if reason else row.no_request(_PROMPTFOO, what)


def _provider(providers: object) -> Origin:
    """Return the model that all tests ask, as in `openai:chat:gpt-5`, where it is only one."""
    one = providers[0] if isinstance(providers, list) and len(providers) == 1 else providers
    name = as_text(one.get("id")) if isinstance(one, dict) else as_text(one)
    provider, _, rest = name.partition(":")
    if not rest or provider in _NO_MODELS:
        return NO_ORIGIN
    kind, _, model = rest.partition(":")
    if kind not in _KINDS:
        kind, model = "", rest
    return Origin(provider=provider, api=_KINDS.get(kind, ""), model=model)


def _parts_of_config(row: Row) -> Iterator[Unit]:
    prompts = row.data.get("prompts")
    for place in range(len(prompts)) if isinstance(prompts, list) else ():
        yield from _prompt(row.inner("prompts", place))
    if isinstance(row.data.get("defaultTest"), dict):
        yield from _messages_of(row.inner("defaultTest"))
    yield from _tests_of(row)


def _tests_of(row: Row) -> Iterator[Unit]:
    for key in _NESTED:
        tests = row.data.get(key)
        for place in range(len(tests)) if isinstance(tests, list) else ():
            test = row.inner(key, place)
            if not isinstance(test.data, dict):
                continue  # the name of a file that holds tests
            if isinstance(test.data.get("vars"), dict):
                yield from _read_test(test)
            yield from _tests_of(test)


def _prompt(row: Row) -> Iterator[Unit]:
    """Yield the unit of a prompt that is written out; others are names of files or plain text."""
    data = row.data
    if isinstance(data, dict):
        for key in ("raw", "messages", "content"):
            if messages_in(data.get(key)) is not None:
                yield from _prompt(row.inner(key))
                return
        return
    messages = messages_in(data)
    if messages is not None:
        yield row.request(_PROMPTFOO, messages, layer=Layer.WIRE)


def _read_test(row: Row) -> Iterator[Unit]:
    found = False
    for unit in _messages_of(row):
        found = True
        yield unit
    if not found:
        yield _without_messages(row, "test without messages")


def _messages_of(row: Row) -> Iterator[Unit]:
    values = as_dict(row.data, "vars")
    for key, value in values.items():
        given = unpacked(value)
        if is_list_of_messages(given):
            yield row.request(_PROMPTFOO, given, "vars", key, layer=Layer.WIRE)
        elif key in ("messages", "history", "chat_history", "conversation"):
            reason = _why_unread(given)
            if reason:
                yield row.unreadable(_PROMPTFOO, reason, "vars", key)


def _why_unread(value: object) -> str:
    if not isinstance(value, str):
        return "" if not value else f"expected messages, got {json_type(value)}"
    if "{{" in value or "{%" in value:
        return "a template stands for the messages: give them as they are after rendering"
    if value.startswith("file://"):
        return "the messages stand in another file: check that one"
    return ""


# --- Inspect --------------------------------------------------------------------------------------


# What a sample was made of, and what came of it.
_OF_SAMPLES: Final = frozenset({"attachments", "events", "input", "metadata", "scores", "store"})


def _is_inspect(data: dict[str, Any]) -> bool:
    return isinstance(data["samples"], list) and isinstance(data["eval"], dict)


def _read_inspect(row: Row) -> Iterator[Unit]:
    name = as_text(as_dict(row.data, "eval").get("model"))
    provider, _, model = name.partition("/")
    origin = Origin(provider=provider, model=model) if model else NO_ORIGIN
    for place in range(len(row.data["samples"])):
        yield from _sample(row.inner("samples", place), origin)
    if not row.data["samples"]:
        yield row.no_request("inspect", "log without samples")


def _sample(row: Row, origin: Origin) -> Iterator[Unit]:
    messages = row.data.get("messages") if isinstance(row.data, dict) else None
    if isinstance(messages, list) and messages:
        yield row.request(
            "inspect",
            messages,
            "messages",
            layer=Layer.WIRE,
            extent=Extent.PREFIXES,
            dialect=INSPECT,
            origin=origin,
        )
    elif isinstance(row.data, dict) and ("messages" in row.data or "input" in row.data):
        reason = reason_of_others(row.data, _OF_SAMPLES)
        if reason:
            yield row.unreadable("inspect", reason)
        else:
            yield row.no_request("inspect", "sample without messages")
    else:
        yield row.unreadable("inspect", "no known form of sample")


def _is_sample(data: dict[str, Any]) -> bool:
    return isinstance(data["messages"], list)


# --- AgentDojo ------------------------------------------------------------------------------------


def _is_agentdojo(data: dict[str, Any]) -> bool:
    return is_list_of_messages(data["messages"])


def _read_agentdojo(row: Row) -> Iterator[Unit]:
    yield row.request(
        "agentdojo", row.data["messages"], "messages", layer=Layer.WIRE, extent=Extent.PREFIXES
    )


ENVELOPES: Final = (
    each_row(
        "agentdojo",
        _is_agentdojo,
        _read_agentdojo,
        needs=("messages", "pipeline_name", "suite_name"),
    ),
    each_row("inspect", _is_inspect, _read_inspect, needs=("samples", "eval")),
    each_row(
        "inspect.sample",
        _is_sample,
        lambda row: _sample(row, NO_ORIGIN),
        needs=("epoch", "messages", "input"),
    ),
    *(
        each_row(_PROMPTFOO, _is_config, _read_config, needs=(key,))
        for key in ("tests", "scenarios", "defaultTest")
    ),
    each_row(_PROMPTFOO, _is_test, _read_test, needs=("vars",)),
    each_row(_AGENTEVALS, _is_agentevals, _read_agentevals, needs=("outputs",)),
)
