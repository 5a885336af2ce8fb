"""The fast pass over LangChain's flat messages that have no more keys than they need.

One loop over the parsed objects, which makes no object a message. Whatever it does not recognize is
for `langchain_plain`, and then for the closer look: a "no" costs time and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.plain_turns import Speakers, stand_as_asked
from toolpair_observe.pairing import ids as id_form
from toolpair_observe.pairing.masked_texts import FIRST_LETTERS, STARTS, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.histories.containers.key_marks import Marks
    from toolpair_observe.pairing.first_look import Plain

# `name`, `args` and `id`; a fourth one is `type`.
_KEYS_OF_CALL: Final = 3
_SPEAKERS: Final = Speakers("type", "human", frozenset({"system"}))


def flat_calls(messages: Sequence[Any], plain: Plain, marks: Marks | None) -> int | None:
    """Count the calls of a list in which each is answered at once. See `Dialect.plain_calls`."""
    texts: list[Any] = []
    others: list[Any] = []
    try:
        ids = _scan(messages, plain, texts, others)
        if ids is None or not stand_as_asked(messages, plain, _SPEAKERS):
            return None
        if ids:
            if ":" in "".join(ids):  # raises for what is no string
                texts += ids
                texts += ids  # of the results
            if "" in ids or (plain.unique_ids and len(set(ids)) < len(ids)):
                return None
            if not id_form.suit(ids, plain.id_max, plain.id_pattern):
                return None
    except (LookupError, TypeError, AttributeError):  # plain messages are different
        return None
    if marks is not None:
        marks.keys += sum(map(len, messages)) + _KEYS_OF_CALL * len(ids)
        marks.texts += texts
        marks.others += others
    return len(ids)


_MAY_HAVE: Final = {
    "ai": frozenset({"content", "tool_calls", "type"}),
    "human": frozenset({"content", "type"}),
    "system": frozenset({"content", "type"}),
    "tool": frozenset({"content", "name", "tool_call_id", "type"}),
}


def owns(message: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Whether a message is LangChain's at a glance, so that no dialect before it claims it."""
    if message.__class__ is not dict:
        return False
    kind = message.get("type")
    known = _MAY_HAVE.get(kind) if kind.__class__ is str else None
    if known is None or not message.keys() <= known:
        return False
    return message.get("content").__class__ is str


def _scan(  # noqa: C901, PLR0911, PLR0912
    messages: Sequence[Any], plain: Plain, texts: list[Any], others: list[Any]
) -> list[str] | None:
    # This loop is the price of every stored trajectory. Two keys that were both read are all keys
    # of an object of two. What some profiles mind between turns is for the next pass.
    if not messages or plain.calls_as_raw:
        return None
    minds_turns = plain.no_human_after_result or plain.no_system_after_result
    in_order = plain.in_order or plain.by_tool or plain.same_tool
    starts = STARTS
    ids: list[str] = []
    add = ids.append
    tell = texts.append
    rest = iter(messages)
    for message in rest:
        kind = message["type"]
        content = message["content"]
        if content.__class__ is not str:
            return None
        tell(content)
        if kind == "ai":
            calls = message.get("tool_calls")
            if not calls:
                if len(message) != 2 and (calls.__class__ is not list or len(message) != 3):  # noqa: PLR2004
                    return None
                continue
            if calls.__class__ is not list or len(message) != 3:  # noqa: PLR2004
                return None
            waiting: dict[str, Any] = {}
            for call in calls:
                call_id = call["id"]
                name = call["name"]
                args = call["args"]
                if args.__class__ is not dict or name.__class__ is not str or not call_id:
                    return None
                if len(call) != 3:  # noqa: PLR2004
                    if len(call) != 4 or call["type"] != "tool_call":  # noqa: PLR2004
                        return None
                    tell(":")  # that of the type
                add(call_id)
                tell(name)
                others.append(args)
                waiting[call_id] = name
            if len(waiting) < len(calls):
                return None
            for answer in rest:
                if answer["type"] != "tool":
                    return None
                call_id = answer["tool_call_id"]
                if in_order and next(iter(waiting)) != call_id:
                    return None
                name = waiting.pop(call_id)
                content = answer["content"]
                if content.__class__ is not str:
                    return None
                if content[FIRST_LETTERS] in starts and text_of(content) is not None:
                    return None
                tell(content)
                if len(answer) != 3:  # noqa: PLR2004
                    answered = answer["name"]
                    if len(answer) != 4 or answered.__class__ is not str:  # noqa: PLR2004
                        return None
                    if in_order and answered and answered != name:
                        return None
                    tell(answered)
                if not waiting:
                    break
            else:
                return None
        elif (
            (kind != "human" and kind != "system")  # noqa: PLR1714 - two compares beat a lookup
            or len(message) != 2  # noqa: PLR2004
            or (minds_turns and ids)
        ):
            return None
    return ids
