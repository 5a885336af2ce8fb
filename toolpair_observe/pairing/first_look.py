"""The first look: is a history plainly sound?

Nearly every request is: each call is answered at once by one ToolMessage, and nothing else carries
a call or a result. One loop tells so at a few attribute reads a message. Whatever it does not
recognize goes through the closer look (`read_transcript`, `predict`), so a "no" costs time and
nothing else; a "yes" has to be what the closer look would say under the same profile.

A plain history can still have traits that some profile minds. Which ones is no fact of its own:
a profile's `plain` is derived from its rules, steps and carriers.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing import ids as id_form
from toolpair_observe.pairing.masked_texts import FIRST_LETTERS, STARTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence


class Trait(StrEnum):
    """What a plainly sound history may have and some profiles mind."""

    OTHER_ORDER = "parallel results in another order than their calls"
    OTHER_ORDER_BY_TOOL = "results that, counted by tool, come in another order than their calls"
    OTHER_TOOL = "a result that names another tool than its call"
    REUSED_ID = "an id that calls of several turns bear"
    CALL_BLOCK = "a call that a content block repeats"
    NO_RAW_CALL = "a call that additional_kwargs does not repeat"
    LEGACY_CALL = 'a call that additional_kwargs["function_call"] repeats'
    REBUILT_CALL = "a call in the content of a message that langchain-openai may rebuild"
    HUMAN_AFTER_RESULT = "a human message after a result"
    SYSTEM_AFTER_RESULT = "a system message after a result"
    NAMELESS = "a call that names no tool"
    BAD_ARGUMENTS = "a call whose arguments are not a JSON object"
    NO_HUMAN_FIRST = "a history that starts with something else than a human message"
    ANYTHING = "any history: only a closer look tells"


class Plain:
    """What a plain history must not have under one profile.

    Args:
        minds: The traits that need a closer look.
        id_max: Longest id that needs none, or None.
        id_pattern: The characters of ids that need none, as a regular expression's character class
            without brackets, or None.
    """

    # One attribute each, because a look into a set of traits costs more than some messages do.
    __slots__ = (
        "by_tool",
        "calls_as_raw",
        "human_first",
        "id_max",
        "id_pattern",
        "in_order",
        "named",
        "no_call_blocks",
        "no_human_after_result",
        "no_legacy_call",
        "no_system_after_result",
        "not_rebuilt",
        "same_tool",
        "unique_ids",
        "valid_arguments",
    )

    def __init__(
        self,
        minds: Collection[Trait] = (),
        *,
        id_max: int | None = None,
        id_pattern: str | None = None,
    ) -> None:
        self.by_tool = Trait.OTHER_ORDER_BY_TOOL in minds
        self.calls_as_raw = Trait.NO_RAW_CALL in minds
        self.human_first = Trait.NO_HUMAN_FIRST in minds
        self.in_order = Trait.OTHER_ORDER in minds
        self.named = Trait.NAMELESS in minds
        self.no_call_blocks = Trait.CALL_BLOCK in minds
        self.no_legacy_call = Trait.LEGACY_CALL in minds
        self.no_human_after_result = Trait.HUMAN_AFTER_RESULT in minds
        self.no_system_after_result = Trait.SYSTEM_AFTER_RESULT in minds
        self.not_rebuilt = Trait.REBUILT_CALL in minds
        self.same_tool = Trait.OTHER_TOOL in minds
        self.unique_ids = Trait.REUSED_ID in minds
        # LangChain keeps such calls apart, so that only a look at stored messages asks for it.
        self.valid_arguments = Trait.BAD_ARGUMENTS in minds
        self.id_max = id_max
        self.id_pattern = id_pattern


PASSIVE_BLOCKS: Final = frozenset(
    {
        "audio",
        "code_interpreter_call",
        "compaction",
        "document",
        "file",
        "file_search_call",
        "image",
        "image_generation_call",
        "image_url",
        "mcp_call",
        "mcp_list_tools",
        "reasoning",
        "reasoning_content",
        "redacted_thinking",
        "refusal",
        "search_result",
        "text",
        "thinking",
        "web_search_call",
    }
)
"""Blocks that neither make nor answer a call."""
_TEXT = {"type": "text"}
# The blocks that usually repeat an entry of `tool_calls` in a provider's own form.
_REPEATING_BLOCKS = {"tool_use": "id", "tool_call": "id", "function_call": "call_id"}


def plain_call_ids(
    messages: Sequence[object], plain: Plain, suspects: list[dict[str, Any]] | None = None
) -> list[str] | None:
    """Return the ids of all calls where every call is answered at once.

    Args:
        messages: The history. Of each message only `__dict__` is read, so that whatever has the
            fields of a live message may stand in for it.
        plain: What the history must not have.
        suspects: Where to add the fields of each result that other software may have made up.

    Returns:
        The ids in order, or None where the history needs a closer look: a call or result that does
        not pair, content that may carry calls or results, a message class of its own, or a trait
        that is minded.
    """
    ids = plain_part(messages, plain, suspects)
    if ids is None or (plain.human_first and not _starts_with_human(messages)):
        return None
    return ids


def plain_part(
    messages: Sequence[object], plain: Plain, suspects: list[dict[str, Any]] | None = None
) -> list[str] | None:
    """Do the same for a part of a history that starts with an AI message, wherever it stands.

    Args:
        messages: The part.
        plain: What it must not have.
        suspects: As for `plain_call_ids`.
    """
    try:
        ids = _scan(messages, plain, suspects)
        if ids is None:
            return None
        "".join(ids)  # raises for what is no string
        if plain.named:
            "".join([call["name"] for calls in _calls_in(messages) for call in calls])
        suits = id_form.suit(ids, None, plain.id_pattern)
    except (LookupError, TypeError, AttributeError):  # plain messages have another shape
        return None
    return ids if suits else None


def _calls_in(messages: Sequence[object]) -> Iterator[list[Any]]:
    return (message.__dict__.get("tool_calls", ()) for message in messages)


def _starts_with_human(messages: Sequence[object]) -> bool:
    kinds = (message.__dict__["type"] for message in messages)
    return next((kind for kind in kinds if kind != "system"), None) == "human"


def _shares_id_in_one_message(messages: Sequence[object]) -> bool:
    for calls in _calls_in(messages):
        if len(calls) > 1 and len({call["id"] for call in calls}) < len(calls):
            return True
    return False


def _scan(  # noqa: C901, PLR0911, PLR0912, PLR0915
    messages: Sequence[object], plain: Plain, suspects: list[dict[str, Any]] | None
) -> list[str] | None:
    # This loop is the price of every request. It reads each message's `__dict__` because attribute
    # access on a pydantic model costs several times as much.
    blocks = not plain.no_call_blocks
    in_order = plain.in_order
    same_tool = plain.same_tool
    names = plain.by_tool or same_tool
    raw_calls = plain.calls_as_raw
    no_legacy = plain.no_legacy_call
    rebuilt = plain.not_rebuilt
    # A message that says nothing may be left out, and what precedes it then comes right before.
    no_human = plain.no_human_after_result
    no_system = plain.no_system_after_result
    longest = plain.id_max or sys.maxsize
    may_repeat = plain.unique_ids
    ids: list[str] = []
    add = ids.append
    masked = suspects is not None
    suspect = (suspects if suspects is not None else []).append
    calls: Sequence[Any] = ()  # of the message before, all answered
    content: Any = ""  # of the message before
    # Of one message, from the first on that another answers or names: the calls' ids and tools,
    # and what stands in their places.
    late: dict[str, str] = {}
    early: dict[str, str | None] = {}
    rest = iter(messages)
    for message in rest:
        fields = message.__dict__
        kind = fields["type"]
        if kind == "ai" or kind == "AIMessageChunk":  # noqa: PLR1714 - two compares beat a lookup
            calls = fields["tool_calls"]
            content = fields["content"]
            if fields["invalid_tool_calls"]:
                return None
            if content.__class__ is not str and (
                not _repeats_calls(content, calls if blocks else ())
                # langchain-openai has kept items there, which may be calls.
                or "tool_outputs" in fields["additional_kwargs"]
                or (rebuilt and _may_be_rebuilt(fields))
            ):
                return None
            if not calls:
                extra = fields["additional_kwargs"]
                if extra and ("tool_calls" in extra or "function_call" in extra):
                    return None  # they are sent where the message has no others
                continue
            if no_legacy and "function_call" in fields["additional_kwargs"]:
                return None
            if raw_calls and not stand_in_raw_calls(calls, fields):
                return None
            if len(calls) == 1:  # the rule, for which a loop in a loop would cost too much
                call = calls[0]
                call_id = call["id"]
                add(call_id)
                if not 0 < len(call_id) <= longest:
                    return None
                for result in rest:
                    answer = result.__dict__
                    if answer["tool_call_id"] != call_id or answer["type"] != "tool":
                        return None
                    if same_tool and answer["name"] not in (None, call["name"]):
                        return None
                    content = answer["content"]
                    if content.__class__ is not str:
                        if not _is_passive(content):
                            return None
                        if masked:
                            suspect(answer)
                    elif masked and (
                        content[FIRST_LETTERS] in STARTS or answer["additional_kwargs"]
                    ):
                        suspect(answer)
                    break
                else:
                    return None
                continue
            may_repeat = True
            for call in calls:
                call_id = call["id"]
                add(call_id)
                if not 0 < len(call_id) <= longest:
                    return None
                for result in rest:
                    answer = result.__dict__
                    if answer["type"] != "tool":
                        return None
                    if (
                        answer["tool_call_id"] != call_id
                        or early
                        or (names and answer["name"] not in (None, call["name"]))
                    ):
                        late[call_id] = call["name"]
                        early[answer["tool_call_id"]] = answer["name"]
                    content = answer["content"]
                    if content.__class__ is not str:
                        if not _is_passive(content):
                            return None
                        if masked:
                            suspect(answer)
                    elif masked and (
                        content[FIRST_LETTERS] in STARTS or answer["additional_kwargs"]
                    ):
                        suspect(answer)
                    break
                else:
                    return None
            if early:
                if in_order or late.keys() != early.keys():
                    return None
                if names and not _reach_their_calls(late, early, same_tool=same_tool):
                    return None
                late, early = {}, {}
        elif kind == "human":
            if no_human and ids and (calls or says_nothing(content)):
                return None
            content = fields["content"]
            if content.__class__ is not str and not _is_passive(content):
                return None
            calls = ()
        elif kind != "system" or (no_system and ids):
            # Whether a human message in between is joined with the results is for the closer look.
            return None
    if may_repeat and len(set(ids)) < len(ids):
        return None if plain.unique_ids or _shares_id_in_one_message(messages) else ids
    return ids


def _reach_their_calls(
    asked: dict[str, str], given: dict[str, str | None], *, same_tool: bool
) -> bool:
    """Whether no result goes to another call where the n-th of a tool is for its n-th call.

    Args:
        asked: The ids of calls, in order, with their tools.
        given: The ids of their results, in order, with the tools that these name.
        same_tool: Whether each has to name the tool of its call, or none.
    """
    tools = set(asked.values())
    "".join(tools)  # raises for what is no string
    if given == asked or not any(given.values()):
        if len(tools) == len(asked):
            return True
    elif same_tool:
        return False
    "".join(filter(None, given.values()))
    waiting: dict[str, list[str]] = {tool: [] for tool in tools}
    for call_id, tool in reversed(asked.items()):
        waiting[tool].append(call_id)
    for call_id, named in given.items():
        calls = waiting.get(named or asked[call_id])
        if calls and calls.pop() != call_id:
            return False
    return True


def _may_be_rebuilt(fields: dict[str, Any]) -> bool:
    """Whether langchain-openai may take it for a message of its releases before 1.0."""
    return bool(fields["additional_kwargs"]) or str(fields["id"]).startswith("msg_")


def stand_in_raw_calls(calls: Sequence[Any], fields: dict[str, Any]) -> bool:
    """Whether the calls in OpenAI's form, as `additional_kwargs` keeps them, are these calls.

    Raises:
        LookupError: None are kept, or calls have another shape.
        TypeError: What is kept has another shape.
    """
    raw = fields["additional_kwargs"]["tool_calls"]
    if len(raw) == len(calls) == 1:  # the rule, for which two lists would cost too much
        return bool(raw[0]["id"] == calls[0]["id"])
    return [call["id"] for call in raw] == [call["id"] for call in calls]


def _repeats_calls(content: list[Any], calls: Sequence[Any]) -> bool:
    """Whether the content says text, and then perhaps repeats the calls of `tool_calls`, each once.

    What some providers make of content behind a call is for the closer look.
    """
    repeated = 0
    try:
        for block in content:
            kind = block["type"]
            if kind in PASSIVE_BLOCKS:
                if repeated:
                    return False
            elif block[_REPEATING_BLOCKS[kind]] == calls[repeated]["id"]:
                repeated += 1
            else:
                return False
    except TypeError:  # a stream may leave bare strings between the blocks
        if all(block.__class__ is not str for block in content):
            return False
        blocks = [_TEXT if block.__class__ is str else block for block in content]
        return _repeats_calls(blocks, calls)
    return not repeated or repeated == len(calls)


def says_nothing(content: Any) -> bool:  # noqa: ANN401 -- a message's own content
    """Whether plain content is empty, or made of empty texts."""
    if content.__class__ is str:
        return not content
    return not any(
        block if block.__class__ is str else block.get("text", block["type"] != "text")
        for block in content
    )


def _is_passive(content: list[Any]) -> bool:
    for block in content:
        if block.__class__ is not str and block["type"] not in PASSIVE_BLOCKS:
            return False
    return bool(content)  # some integrations leave a message out whose list is empty
