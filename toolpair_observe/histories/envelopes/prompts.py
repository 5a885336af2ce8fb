"""Prompt files: few-shot examples as messages, alone or under the prompt that they belong to.

Such a list goes out as a part of a request, and is judged as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.envelopes.envelope import each_row
from toolpair_observe.histories.envelopes.message_lists import (
    dialect_by_order,
    is_list_of_messages,
    messages_in,
    model_of,
)
from toolpair_observe.histories.unit import Layer, Row, Unit
from toolpair_observe.pairing.fields import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_FORM: Final = "prompt"
_NAMES: Final = frozenset({"description", "name", "prompt_name", "title"})
# Beside these the list is a body, a log or a row of a dataset.
_OTHERS: Final = frozenset(
    {
        "answer",
        "body",
        "call_type",
        "input",
        "inputs",
        "output",
        "outputs",
        "params",
        "request",
        "response",
        "run_type",
        "values",
    }
)
_LISTS: Final = ("few_shot", "few_shot_examples", "few_shots", "examples", "shots")
_TEXT_TEMPLATES: Final = frozenset({"few_shot", "prompt"})


def _is_prompt(data: dict[str, Any]) -> bool:
    return (
        not _NAMES.isdisjoint(data)
        and _OTHERS.isdisjoint(data)
        and is_list_of_messages(data["messages"])
    )


def _read_prompt(row: Row) -> Iterator[Unit]:
    yield _unit(row.inner("messages"), as_text(row.data.get("name")), row.data)
    yield from _read_examples(row)


def _unit(row: Row, name: str, data: dict[str, Any]) -> Unit:
    return row.request(
        _FORM,
        row.data,
        layer=Layer.WIRE,
        name=name,
        dialect=dialect_by_order(row.data),
        origin=model_of(data),
    )


# --- prompts in an object or a list, each with its messages --------------------------------------


def _places(data: dict[str, Any]) -> list[tuple[str | int, ...]]:
    """Return where prompts with messages stand."""
    places: list[tuple[str | int, ...]] = []
    for key in ("prompt", "prompts"):
        value = data.get(key)
        if isinstance(value, dict):
            if messages_in(value) is not None:
                places.append((key,))
            else:
                places += [(key, name) for name in value if messages_in(value[name]) is not None]
        elif isinstance(value, list):
            if is_list_of_messages(value):
                places.append((key,))
            else:
                places += [(key, n) for n, one in enumerate(value) if messages_in(one) is not None]
    return places


def _are_prompts(data: dict[str, Any]) -> bool:
    return not _OTHERS & data.keys() and "messages" not in data and bool(_places(data))


def _read_prompts(row: Row) -> Iterator[Unit]:
    for place in _places(row.data):
        inner = row.inner(*place)
        if isinstance(inner.data, dict):
            yield _unit(inner.inner("messages"), as_text(inner.data.get("name")), inner.data)
        else:
            yield _unit(inner, "", row.data)


# --- lists of examples ---------------------------------------------------------------------------


def _examples_key(data: dict[str, Any]) -> str | None:
    for key in _LISTS:
        value = data.get(key)
        if isinstance(value, list) and (
            is_list_of_messages(value) or any(messages_in(each) is not None for each in value)
        ):
            return key
    return None


def _are_examples(data: dict[str, Any]) -> bool:
    return not _OTHERS & data.keys() and _examples_key(data) is not None


def _read_examples(row: Row) -> Iterator[Unit]:
    key = _examples_key(row.data)
    if key is None:
        return
    if is_list_of_messages(row.data[key]):
        yield _unit(row.inner(key), "", row.data)
        return
    for place, example in enumerate(row.data[key]):
        messages = messages_in(example)
        if messages is None:
            yield row.unreadable(_FORM, "an example without messages", key, place)
        elif isinstance(example, dict):
            yield _unit(row.inner(key, place, "messages"), as_text(example.get("name")), example)
        else:
            yield _unit(row.inner(key, place), "", {})


# --- LangChain's prompt files --------------------------------------------------------------------


def _is_text_template(data: dict[str, Any]) -> bool:
    return as_text(data.get("_type")) in _TEXT_TEMPLATES and "input_variables" in data


def _read_text_template(row: Row) -> Iterator[Unit]:
    yield row.no_request(_FORM, "prompt template of text")


ENVELOPES: Final = (
    each_row(_FORM, _is_text_template, _read_text_template, needs=("_type", "input_variables")),
    each_row(_FORM, _is_prompt, _read_prompt, needs=("messages",), any_of=_NAMES),
    *(each_row(_FORM, _are_prompts, _read_prompts, needs=(key,)) for key in ("prompt", "prompts")),
    *(each_row(_FORM, _are_examples, _read_examples, needs=(key,)) for key in _LISTS),
)
