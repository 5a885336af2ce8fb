"""Take away copies of calls that an edit of the calls left behind.

A call of an AI message can stand in several places at once. Those who edit a message edit
`tool_calls` and `invalid_tool_calls`, and forget the copies in the content and in
`additional_kwargs`, which some integrations send. A copy of a call that is no longer in the
attributes is stale, unless there is evidence that it is a call after all: a result that answers it
(for those who keep calls in the content only), or the caller, who names it as pending.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import AIMessage

from toolpair_observe.pairing.encodings import CALL_ID_KEYS
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.reading import read_transcript
from toolpair_observe.pairing.words import Role
from toolpair_observe.repair.blocks import (
    attribute_calls,
    content_blocks,
    dicts_in,
    extras_of,
    kind_of,
    without,
)
from toolpair_observe.repair.plan import Draft
from toolpair_observe.repair.report import Change, RepairAction

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.transcript import Entry

# Blocks that LangChain mirrors in `tool_calls` or `invalid_tool_calls`. The other calls of the
# Responses API (a computer's, a patch's) stand in the content only.
_MIRRORED: Final = frozenset(
    {"tool_use", "tool_call", "invalid_tool_call", "function_call", "custom_tool_call"}
)
# What goes with a call and is found by its id.
_BY_CALL_ID: Final = ("__openai_function_call_ids__", "__gemini_function_call_thought_signatures__")
_ANSWERS: Final = (Role.FUNCTION, Role.TOOL)


@dataclass(frozen=True, slots=True)
class _Copy:
    """A call as one place of a message has it.

    Attributes:
        where: The place: a key of `additional_kwargs`, or `content`.
        at: Position in that place.
        place: The place, for people.
        id: The call's id, None where it has none.
        name: The tool's name, or None.
    """

    where: str
    at: int
    place: str
    id: str | None
    name: str | None


@dataclass(slots=True)
class _Calls:
    """The calls of one AI message, in the attributes and elsewhere.

    Attributes:
        ids: How often each id stands in the attributes.
        names: The tools that the attributes call.
        copies: The same calls elsewhere, and stale ones.
    """

    ids: Counter[str | None]
    names: set[str | None]
    copies: list[_Copy] = field(default_factory=list)


def without_stale_copies(messages: list[BaseMessage], pending: Collection[str]) -> Draft:
    """Return the history with stale copies of calls taken away, and the changes.

    Args:
        messages: The history; it is returned itself where nothing is stale.
        pending: Ids of calls whose results are still to come.
    """
    found = {at: _read(one) for at, one in enumerate(messages) if isinstance(one, AIMessage)}
    if not any(calls.copies for calls in found.values()):
        return Draft(messages)
    entries = read_transcript(messages).entries
    answered = _answered(entries, found)
    synced, changes, waiting = list(messages), list[Change](), frozenset(pending)
    for at, calls in found.items():
        if not calls.copies:
            continue
        message = messages[at]
        running = [call.id for call in entries[at].calls if call.is_async]
        real: set[str | None] = {*running, *entries[at].server_results}
        real |= {
            copy.id for copy in calls.copies if (at, copy.id) in answered or copy.id in waiting
        }
        stale = list(_stale(calls, real, entries[at + 1 : at + 2]))
        if stale:
            synced[at], made = _without(message, at, calls, stale)
            changes += made
    return Draft(synced, tuple(changes)) if changes else Draft(messages)


def _read(message: BaseMessage) -> _Calls:
    attributes = attribute_calls(message)
    ids = Counter(_text(call.get("id")) for call in attributes)
    names = {_text(call.get("name")) for call in attributes}
    return _Calls(ids, names, list(_copies(message)))


def _copies(message: BaseMessage) -> Iterator[_Copy]:
    for at, block in content_blocks(message):
        if (kind := kind_of(block)) in _MIRRORED:
            yield _copy("content", at, f"{kind} content block", block, CALL_ID_KEYS[kind])
    extras = extras_of(message)
    for at, raw in dicts_in(extras.get("tool_calls")):
        function = raw.get("function")
        named = {**function, **raw} if isinstance(function, dict) else raw
        yield _copy("tool_calls", at, 'additional_kwargs["tool_calls"]', named, "id")
    for at, item in dicts_in(extras.get("tool_outputs")):
        if (kind := kind_of(item)) in _MIRRORED:
            place = 'additional_kwargs["tool_outputs"]'
            yield _copy("tool_outputs", at, place, item, CALL_ID_KEYS[kind])
    legacy = extras.get("function_call")
    if isinstance(legacy, dict):
        place = 'additional_kwargs["function_call"]'
        yield _Copy("function_call", 0, place, None, _text(legacy.get("name")))


def _copy(where: str, at: int, place: str, call: dict[str, Any], key: str) -> _Copy:
    return _Copy(where, at, place, _text(call.get(key)), _text(call.get("name")))


def _answered(entries: Sequence[Entry], found: dict[int, _Calls]) -> set[tuple[int, str | None]]:
    """Return the copies that results answer: each result the newest message that has its id.

    A copy in a place that is not read as a call gets what no open call waits for.
    """
    read: dict[str | None, int] = {}
    unread: dict[str | None, int] = {}
    waiting: Counter[str | None] = Counter()
    answered: set[tuple[int, str | None]] = set()
    for at, entry in enumerate(entries):
        if at in found:
            made = Counter(call.id or None for call in entry.calls)
            read |= dict.fromkeys(made, at)
            waiting |= made
            unread |= {copy.id: at for copy in found[at].copies if copy.id not in made}
        for one in entry.results:
            is_read = waiting[one.id] > 0 or one.id not in unread
            owner = read.get(one.id) if is_read else unread[one.id]
            waiting[one.id] -= is_read
            if owner is not None:
                answered.add((owner, one.id))
    return answered


def _stale(calls: _Calls, real: Collection[str | None], behind: Sequence[Entry]) -> Iterator[_Copy]:
    """Yield the copies of a message that are stale.

    Args:
        calls: The calls of the message.
        real: Ids that stand for a call although the attributes do not have them.
        behind: The entry after the message, if there is one.
    """
    used: Counter[tuple[str, str]] = Counter()
    for copy in calls.copies:
        if copy.where == "function_call":
            # It has no id. Beside other calls it is one of them again: some send both.
            others = calls.names or any(other.id in real for other in calls.copies)
            if others or not _answers(behind, copy):
                yield copy
        elif copy.id is None:
            # A piece of a stream has no name either, and nothing tells whose it is.
            if copy.name is not None and copy.name not in calls.names:
                yield copy
        else:
            used[copy.place, copy.id] += 1
            if used[copy.place, copy.id] > max(calls.ids[copy.id], copy.id in real):
                yield copy


def _answers(behind: Sequence[Entry], copy: _Copy) -> bool:
    return any(entry.role in _ANSWERS and entry.name == copy.name for entry in behind) or any(
        result.name == copy.name for entry in behind for result in entry.results
    )


def _without(
    message: BaseMessage, at: int, calls: _Calls, stale: list[_Copy]
) -> tuple[BaseMessage, list[Change]]:
    """Return a copy of the message without the stale copies and what belonged to them alone."""
    blocks = {copy.at for copy in stale if copy.where == "content"}
    alone = _lone_reasoning(message, blocks)
    extras = extras_of(message)
    companions = ["reasoning content block"] * len(alone)
    for key in ("tool_calls", "tool_outputs", "function_call"):
        gone = {copy.at for copy in stale if copy.where == key}
        if gone:
            left = [one for n, one in enumerate(extras[key]) if n not in gone]
            is_whole = key == "function_call" or not left
            extras = {name: value for name, value in extras.items() if name != key}
            extras |= {} if is_whole else {key: left}
    kept = {*calls.ids, *(copy.id for copy in {*calls.copies}.difference(stale))}
    lost = {copy.id for copy in stale} - kept
    for key in _BY_CALL_ID:
        held = extras.get(key)
        if isinstance(held, dict) and lost & held.keys():
            left_ids = {id_: value for id_, value in held.items() if id_ not in lost}
            extras = {**extras, key: left_ids}
            companions.append(f'additional_kwargs["{key}"]')
    if not kept and not calls.names and _is_silent(message, blocks | alone):
        # The item for which the model reasoned is gone.
        companions += ['additional_kwargs["reasoning"]'] * ("reasoning" in extras)
        extras = {key: value for key, value in extras.items() if key != "reasoning"}
    changes = [
        Change(RepairAction.UNCOPIED, copy.id or "", copy.name, at, at, copy.place)
        for copy in stale
    ]
    changes += [Change(RepairAction.RELEASED, "", None, at, at, place) for place in companions]
    return without(message, blocks | alone, extras), changes


def _is_silent(message: BaseMessage, gone: Collection[int]) -> bool:
    content = vars(message).get("content")
    return not content or (isinstance(content, list) and len(content) == len(gone))


def _lone_reasoning(message: BaseMessage, gone: Collection[int]) -> set[int]:
    """Return the reasoning items of the Responses API whose every item is taken away.

    It refuses a reasoning item `without its required following item`. The items that follow one,
    up to the next, are its own.
    """
    taken = frozenset(gone)
    alone: set[int] = set()
    items: set[int] = set()
    owner: set[int] = set()
    for at, block in [*content_blocks(message), (-1, {"type": "reasoning"})]:
        if not _is_reasoning_item(block) and at >= 0:
            items.add(at)
        elif items or at < 0:
            if owner and items and items <= taken:
                alone |= owner
            owner, items = {at}, set()
        else:
            owner.add(at)
    return alone


def _is_reasoning_item(block: dict[str, Any]) -> bool:
    id_ = block.get("id")
    return kind_of(block) == "reasoning" and (
        "summary" in block or (isinstance(id_, str) and id_.startswith("rs_"))
    )


def _text(value: object) -> str | None:
    return as_text(value) or None
