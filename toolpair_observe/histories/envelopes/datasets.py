"""Rows of datasets and benchmarks: their requests are what stands before each answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.langchain import LANGCHAIN
from toolpair_observe.histories.dialects.table import is_message
from toolpair_observe.histories.envelopes.cells import unpacked
from toolpair_observe.histories.envelopes.envelope import each_row
from toolpair_observe.histories.envelopes.lists import BARE
from toolpair_observe.histories.envelopes.message_lists import (
    conversations,
    dialect_by_order,
    is_list_of_messages,
    known_dialect,
    messages_in,
    model_of,
)
from toolpair_observe.histories.envelopes.second_lists import reason_of_others
from toolpair_observe.histories.unit import Extent, Layer, Row, Unit
from toolpair_observe.pairing.fields import as_dict
from toolpair_observe.pairing.providers.recorded import NO_ORIGIN, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

# --- a list of messages under a key that benchmarks and datasets use -----------------------------

_FORMS: Final = {
    "conversations": "dataset.conversations",
    "conversation": "dataset.conversations",
    "traj": "benchmark.traj",
    "history": "benchmark.history",
    "trajectory": "benchmark.trajectory",
    "dialog": "dataset.dialog",
    "dialogue": "dataset.dialog",
    "turns": "dataset.turns",
}
# SWE-agent repeats there what each step was asked with, and benchmarks what a task wants done.
_ABOUT: Final = frozenset({"info", "metadata", "task", "trajectory"})
_OTHERS: Final = frozenset({"body", "inputs", "request", "response", "run_type", "values"})


def _keys(data: dict[str, Any]) -> list[str]:
    return [key for key in _FORMS if is_list_of_messages(unpacked(data.get(key)))]


def _is_dataset(data: dict[str, Any]) -> bool:
    return bool(_keys(data)) and not _OTHERS & data.keys()


def _read_dataset(row: Row) -> Iterator[Unit]:
    keys = _keys(row.data)
    reason = reason_of_others(row.data, _ABOUT.union(keys))
    if reason:
        yield row.unreadable(_FORMS[keys[0]], reason)
        return
    for key in keys:
        messages: Any = unpacked(row.data[key])
        # Of a pair of answers either one ends the list: it is no part of a request.
        chosen = row.data.get("chosen")
        if is_message(chosen):
            messages = [*messages, chosen]
        yield row.request(
            _FORMS[key],
            messages,
            key,
            layer=Layer.WIRE,
            extent=Extent.PREFIXES,
            dialect=dialect_by_order(messages),
            origin=model_of(row.data),
        )


# --- messages as JSON in a string ----------------------------------------------------------------


def _is_dumped(data: dict[str, Any]) -> bool:
    value = data["messages"]
    return isinstance(value, str) and messages_in(value) is not None and "call_type" not in data


def _read_dumped(row: Row) -> Iterator[Unit]:
    messages: Any = unpacked(row.data["messages"])
    if known_dialect(messages) is LANGCHAIN:
        # What `dumps` writes of a request.
        yield row.request(BARE, messages, "messages", layer=Layer.LANGCHAIN)
        return
    yield _trajectory(row, "dataset.messages", messages, model_of(row.data))


def _trajectory(row: Row, form: str, messages: Any, origin: Origin = NO_ORIGIN) -> Unit:  # noqa: ANN401 - JSON
    """Return the unit of the messages of a row that are kept with the last answer."""
    return row.request(
        form,
        messages,
        "messages",
        layer=Layer.WIRE,
        extent=Extent.PREFIXES,
        dialect=dialect_by_order(messages),
        origin=origin,
    )


# --- mini-SWE-agent's runs ------------------------------------------------------------------------


def _is_run(data: dict[str, Any]) -> bool:
    return is_list_of_messages(data["messages"])


def _read_run(row: Row) -> Iterator[Unit]:
    yield _trajectory(row, "benchmark.messages", row.data["messages"], model_of(row.data))


# --- messages beside what a trainer wants to know -------------------------------------------------

_TRAINED_WITH: Final = frozenset({"audios", "images", "kto_tag", "label", "videos"})


def _is_trained_on(data: dict[str, Any]) -> bool:
    messages = data["messages"]
    return (
        not _TRAINED_WITH.isdisjoint(data)
        and "model" not in data
        and isinstance(messages, list)
        and is_list_of_messages(messages[:1])
    )


def _read_trained_on(row: Row) -> Iterator[Unit]:
    yield _trajectory(row, "dataset.messages", row.data["messages"])


# --- two answers to choose from ------------------------------------------------------------------


_PAIRS: Final = (("chosen", "rejected"), ("chosen_messages", "rejected_messages"))


def _pair(data: dict[str, Any]) -> tuple[str, str] | None:
    return next((pair for pair in _PAIRS if data.keys() >= set(pair)), None)


def _is_preference(data: dict[str, Any]) -> bool:
    return not _OTHERS & data.keys()


def _read_preference(row: Row) -> Iterator[Unit]:
    form = "dataset.preference"
    data = row.data
    answers = [data[key] for key in _pair(data) or ()]
    prompt = messages_in(data.get("prompt"))
    lists = [each for each in map(messages_in, answers) if each is not None]
    if prompt is not None:
        # The answers are no part of the request.
        yield row.request(
            form, prompt, "prompt", layer=Layer.WIRE, dialect=dialect_by_order(prompt)
        )
    elif len(lists) == len(answers):
        yield Unit(
            line=row.line,
            row=row.path,
            format=form,
            layer=Layer.WIRE,
            extent=Extent.PREFIXES,
            conversations=conversations(*lists),
        )
    elif all(isinstance(each, str) for each in answers):
        yield row.no_request(form, "two texts to choose from")
    else:
        yield row.unreadable(form, "no known form of messages in two answers to choose from")


# --- rows without a conversation -----------------------------------------------------------------


def _is_instruction(data: dict[str, Any]) -> bool:
    return (
        isinstance(data["instruction"], str)
        and isinstance(data.get("output", data.get("response")), str)
        and not any(map(is_list_of_messages, data.values()))
    )


def _read_instruction(row: Row) -> Iterator[Unit]:
    yield row.no_request("dataset.instruction", "instruction and answer")


# --- ToolBench -----------------------------------------------------------------------------------


def _is_toolbench(data: dict[str, Any]) -> bool:
    return isinstance(data["answer_generation"], dict)


def _read_toolbench(row: Row) -> Iterator[Unit]:
    form = "toolbench"
    lists = as_dict(row.data, "answer_generation").get("train_messages")
    if not isinstance(lists, list):
        reason = "a tree of ToolBench without key 'train_messages': its messages were not kept"
        yield row.unreadable(form, reason)
        return
    if not lists:
        yield row.no_request(form, "tree without messages")
    for place, messages in enumerate(lists):
        steps = ("answer_generation", "train_messages", place)
        if is_list_of_messages(messages):
            # Each list ends with the answer that it is about.
            yield row.request(form, messages[:-1], *steps, layer=Layer.WIRE)
        else:
            yield row.unreadable(form, "no known form of messages", *steps)


ENVELOPES: Final = (
    each_row("toolbench", _is_toolbench, _read_toolbench, needs=("answer_generation",)),
    *(each_row(form, _is_dataset, _read_dataset, needs=(key,)) for key, form in _FORMS.items()),
    *(
        each_row("dataset.preference", _is_preference, _read_preference, needs=pair)
        for pair in _PAIRS
    ),
    each_row(
        "dataset.messages",
        _is_trained_on,
        _read_trained_on,
        needs=("messages",),
        any_of=_TRAINED_WITH,
    ),
    each_row("benchmark.messages", _is_run, _read_run, needs=("messages", "trajectory_format")),
    each_row("dataset.messages", _is_dumped, _read_dumped, needs=("messages",)),
    each_row("dataset.instruction", _is_instruction, _read_instruction, needs=("instruction",)),
)
