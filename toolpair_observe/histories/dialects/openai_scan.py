"""The fast pass over OpenAI's chat messages: is a list plainly sound?

One loop over the parsed objects, which makes no object a message. It does for stored messages what
`pairing.first_look` does for live ones: whatever it does not recognize goes through the closer look
(`openai_chat.read` and `judge`), so that a "no" costs time and nothing else; a "yes" has to be what
the closer look would say under the same profile.

Arguments are parsed only where the profile minds some that are no JSON object: elsewhere a call
that has them is answered like any other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.openai_parts import HARMLESS_KEYS, is_passive
from toolpair_observe.histories.dialects.plain_turns import Speakers, stand_as_asked
from toolpair_observe.pairing import ids as id_form
from toolpair_observe.pairing.masked_content import holds_made_up
from toolpair_observe.pairing.masked_texts import FIRST_LETTERS, STARTS, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolpair_observe.histories.containers.key_marks import Marks
    from toolpair_observe.pairing.first_look import Plain

# Calls stand in text of another dialect behind this.
CALL_IN_TEXT: Final = "<tool_"

# `id`, `type`, `function`, and in that `name` and `arguments`.
_KEYS_OF_CALL: Final = 5
_SAID: Final = HARMLESS_KEYS | {"role", "content", "name"}
_CALLING: Final = _SAID | {"tool_calls"}
_ANSWERING: Final = _SAID | {"tool_call_id"}
# The keys that nearly all messages of a role have, and no others.
COMMON_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "user": frozenset({"role", "content", "name"}),
    "assistant": frozenset({"role", "content", "name", "tool_calls"}),
    "system": frozenset({"role", "content", "name"}),
    "developer": frozenset({"role", "content", "name"}),
    "tool": frozenset({"role", "content", "name", "tool_call_id"}),
}
# Any value under these keys makes another message of it.
_TELLING: Final = frozenset(
    {
        "from",
        "function_call",
        "invalid_tool_calls",
        "kind",
        "tool_call_id",
        "tool_call_ids",
        "tool_calls",
        "tool_name",
        "type",
    }
)


_SPEAKERS: Final = Speakers("role", "user", frozenset({"system", "developer"}))


def plain_calls(messages: Sequence[Any], plain: Plain, marks: Marks | None = None) -> int | None:
    """Count the calls of a list in which each is answered at once.

    Args:
        messages: The messages.
        plain: What they must not have.
        marks: Where to add the keys and strings of the list, where there is one.

    Returns:
        How many calls there are, or None where the list needs a closer look.
    """
    texts: list[Any] = []
    try:
        ids = _scan(messages, plain, texts)
        if ids is None or not stand_as_asked(messages, plain, _SPEAKERS):
            return None
        if ids:
            if ":" in "".join(ids):  # raises for what is no string
                texts += ids
                texts += ids  # of the results
            if "" in ids:
                return None
            if plain.unique_ids and len(set(ids)) < len(ids):
                return None
            if not id_form.suit(ids, plain.id_max, plain.id_pattern):
                return None
    except (LookupError, TypeError, AttributeError, RecursionError):  # plain messages are different
        return None
    if marks is not None:
        marks.keys += sum(map(len, messages)) + _KEYS_OF_CALL * len(ids)
        marks.texts += texts
    return len(ids)


def _scan(  # noqa: C901, PLR0911, PLR0912, PLR0915
    messages: Sequence[Any], plain: Plain, texts: list[Any]
) -> list[str] | None:
    # This loop is the price of every stored request. Two keys that were both read are all keys of
    # an object of two, so that its length tells that nothing else stands in it. Whatever stands in
    # a message beside its role, ids and type goes to `texts`.
    if not messages:
        return None
    no_human = plain.no_human_after_result
    no_system = plain.no_system_after_result
    same_tool = plain.same_tool
    in_order = plain.in_order or plain.by_tool or same_tool
    no_calls = plain.calls_as_raw
    parse = plain.valid_arguments
    starts = STARTS
    ids: list[str] = []
    add = ids.append
    tell = texts.append
    after_result = False
    rest = iter(messages)
    for message in rest:
        role = message["role"]
        if role == "assistant":
            calls = message.get("tool_calls")
            content = message.get("content")
            length = len(message)
            if calls is None:
                if (length != 2 or content is None) and not _is_known(message, _CALLING, texts):  # noqa: PLR2004
                    return None
                if content:
                    tell(content)
                    if content.__class__ is str:
                        if CALL_IN_TEXT in content:
                            return None
                    elif not is_passive(content):
                        return None
                    after_result = False
                continue
            if (length != 2 or content is not None) and (  # noqa: PLR2004
                (length != 3 or "content" not in message)  # noqa: PLR2004
                and not _is_known(message, _CALLING, texts)
            ):
                return None
            if content:
                tell(content)
                if content.__class__ is str:
                    if CALL_IN_TEXT in content:
                        return None
                elif not is_passive(content):
                    return None
            if not calls:
                after_result = after_result and not content
                if calls.__class__ is not list:
                    return None
                continue
            if no_calls or calls.__class__ is not list:
                return None
            count = len(calls)
            if count == 1:
                call = calls[0]
                call_id = call["id"]
                function = call["function"]
                if call["type"] != "function":
                    return None
                if len(call) != 3 and not _is_known_call(call, texts):  # noqa: PLR2004
                    return None
                name = function["name"]
                if name.__class__ is not str or not name or len(function) != 2:  # noqa: PLR2004
                    return None
                arguments = function["arguments"]
                if parse and not holds_object(arguments):
                    return None
                add(call_id)
                tell(name)
                tell(arguments)
                for answer in rest:
                    if answer["role"] != "tool" or answer["tool_call_id"] != call_id:
                        return None
                    content = answer["content"]
                    length = len(answer)
                    if length != 3:  # noqa: PLR2004
                        answered = answer.get("name")
                        if length == 4 and answered.__class__ is str:  # noqa: PLR2004
                            tell(answered)
                        elif not _is_known(answer, _ANSWERING, texts):
                            return None
                        if same_tool and answered not in (None, name):
                            return None
                    tell(content)
                    if content.__class__ is str:
                        if content[FIRST_LETTERS] in starts and text_of(content) is not None:
                            return None
                    elif not is_passive(content) or holds_made_up(content):
                        return None
                    break
                else:
                    return None
                after_result = True
                continue
            waiting: dict[str, Any] = {}
            for call in calls:
                function = call["function"]
                if call["type"] != "function":
                    return None
                if len(call) != 3 and not _is_known_call(call, texts):  # noqa: PLR2004
                    return None
                name = function["name"]
                if name.__class__ is not str or not name or len(function) != 2:  # noqa: PLR2004
                    return None
                arguments = function["arguments"]
                if parse and not holds_object(arguments):
                    return None
                call_id = call["id"]
                add(call_id)
                tell(name)
                tell(arguments)
                waiting[call_id] = name
            if len(waiting) < count:
                return None
            for answer in rest:
                if answer["role"] != "tool":
                    return None
                call_id = answer["tool_call_id"]
                if in_order and next(iter(waiting)) != call_id:
                    return None
                name = waiting.pop(call_id)
                length = len(answer)
                if length != 3:  # noqa: PLR2004
                    answered = answer.get("name")
                    if length == 4 and answered.__class__ is str:  # noqa: PLR2004
                        tell(answered)
                    elif not _is_known(answer, _ANSWERING, texts):
                        return None
                    if in_order and answered not in (None, name):
                        return None
                content = answer["content"]
                tell(content)
                if content.__class__ is str:
                    if content[FIRST_LETTERS] in starts and text_of(content) is not None:
                        return None
                elif not is_passive(content) or holds_made_up(content):
                    return None
                if not waiting:
                    break
            else:
                return None
            after_result = True
        elif role == "user":
            if no_human and after_result:
                return None
            content = message["content"]
            tell(content)
            if len(message) != 2 and not _is_known(message, _SAID, texts):  # noqa: PLR2004
                return None
            if content.__class__ is str:
                if CALL_IN_TEXT in content:
                    return None
            elif not is_passive(content):
                return None
        elif role == "system" or role == "developer":  # noqa: PLR1714 - two compares beat a lookup
            if no_system and ids:
                # Whether a human message in between is joined is for the closer look.
                return None
            content = message["content"]
            tell(content)
            if len(message) != 2 and not _is_known(message, _SAID, texts):  # noqa: PLR2004
                return None
            if content.__class__ is not str and not is_passive(content):
                return None
        else:
            return None
    return ids


def _is_known(message: dict[str, Any], known: frozenset[str], texts: list[Any]) -> bool:
    """Whether no other key of a message can hold a call or a result."""
    texts.append(None)  # something stands there that nobody adds
    for key, value in message.items():
        if key in known or not value:
            continue
        if key in _TELLING or isinstance(value, dict | list):
            return False
    return True


def _is_known_call(call: dict[str, Any], texts: list[Any]) -> bool:
    """Whether the keys of a call are those of OpenAI's form, with its place in the message."""
    texts.append(None)
    return len(call) == 4 and "index" in call and call["index"].__class__ is int  # noqa: PLR2004


def holds_object(arguments: object) -> bool:
    """Whether arguments are a JSON object, in text or as one; none at all count as an empty one."""
    if arguments is None or arguments == "":
        return True
    if isinstance(arguments, str):
        try:
            arguments = _decode(arguments)
        except (ValueError, RecursionError):
            return False
    return isinstance(arguments, dict)


# Servers' models write line breaks into the strings of their arguments.
_decode: Final = json.JSONDecoder(strict=False).decode


def owns(message: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Whether a message is OpenAI's at a glance, so that no other dialect claims it."""
    if message.__class__ is not dict:
        return False
    role = message.get("role")
    common = COMMON_KEYS.get(role) if role.__class__ is str else None
    if common is None or not message.keys() <= common:
        return False
    content = message.get("content")
    if content.__class__ is not str and content is not None:
        return False
    if content and CALL_IN_TEXT in content:
        return False
    if role == "tool":
        return bool(message.get("tool_call_id"))
    calls = message.get("tool_calls")
    return _are_own(calls) if calls else content is not None


def _are_own(calls: Any) -> bool:  # noqa: ANN401 - any JSON value
    return calls.__class__ is list and all(
        call.__class__ is dict and call.get("id") and call.get("function").__class__ is dict
        for call in calls
    )
