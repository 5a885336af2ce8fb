"""The first look: is a history plainly sound?

Nearly every request is: each call is answered at once by one ToolMessage, and nothing else carries
a call or a result. One loop tells so at a few attribute reads a message. Whatever it does not
recognize goes through the closer look (`read_transcript`, `predict`), so a "no" costs time and
nothing else; a "yes" has to be what the closer look would say under the same profile.

A plain history can still have traits that some profile minds. Which ones is no fact of its own:
a profile's `plain` is derived from its rules, steps and carriers.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing import ids as id_form

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from langchain_core.messages import BaseMessage


class Trait(StrEnum):
    """What a plainly sound history may have and some profiles mind."""

    OTHER_ORDER = "parallel results in another order than their calls, or of another tool"
    OTHER_TOOL = "a result that names another tool than its call"
    REUSED_ID = "an id that calls of several turns bear"
    CALL_BLOCK = "a call that a content block repeats"
    NO_RAW_CALL = "a call that additional_kwargs does not repeat"
    LEGACY_CALL = 'a call that additional_kwargs["function_call"] repeats'
    REBUILT_CALL = "a call in the content of a message that langchain-openai may rebuild"
    HUMAN_AFTER_RESULT = "a human message after a result"
    SYSTEM_AFTER_RESULT = "a system message after a result"
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
        "calls_as_raw",
        "human_first",
        "id_max",
        "id_pattern",
        "in_order",
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
        self.calls_as_raw = Trait.NO_RAW_CALL in minds
        self.human_first = Trait.NO_HUMAN_FIRST in minds
        self.in_order = Trait.OTHER_ORDER in minds
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


def plain_call_ids(messages: Sequence[BaseMessage], plain: Plain) -> list[str] | None:
    """Return the ids of all calls where every call is answered at once. See `plain_ids`."""
    try:
        history = [message.__dict__ for message in messages]
    except AttributeError:  # plain messages have another shape
        return None
    return plain_ids(history, plain)


def plain_ids(history: Sequence[dict[str, Any]], plain: Plain) -> list[str] | None:
    """Return the ids of all calls where every call is answered at once.

    Args:
        history: The fields of each message; a stored one has to have the same as a live one.
        plain: What the history must not have.

    Returns:
        The ids in order, or None where the history needs a closer look: a call or result that does
        not pair, content that may carry calls or results, a message class of its own, or a trait
        that is minded.
    """
    try:
        ids = _scan(history, plain)
        if ids is None:
            return None
        distinct = set(ids)
        if "" in distinct or None in distinct:
            return None
        if len(distinct) < len(ids) and (plain.unique_ids or _shares_id_in_one_message(history)):
            return None
        if plain.human_first and not _starts_with_human(history):
            return None
        "".join(ids)  # raises for what is no string
        suits = id_form.suit(ids, plain.id_max, plain.id_pattern)
    except (LookupError, TypeError, AttributeError):  # plain messages have another shape
        return None
    return ids if suits else None


def _starts_with_human(history: Sequence[dict[str, Any]]) -> bool:
    first = next((fields for fields in history if fields["type"] != "system"), None)
    return first is not None and first["type"] == "human"


def _shares_id_in_one_message(history: Sequence[dict[str, Any]]) -> bool:
    for fields in history:
        calls = fields.get("tool_calls", ())
        if len(calls) > 1 and len({call["id"] for call in calls}) < len(calls):
            return True
    return False


def _scan(history: Sequence[dict[str, Any]], plain: Plain) -> list[str] | None:  # noqa: C901, PLR0911, PLR0912, PLR0915
    # This loop is the price of every request. It reads each message's `__dict__` because attribute
    # access on a pydantic model costs several times as much.
    blocks = not plain.no_call_blocks
    same_tool = plain.same_tool
    in_order = plain.in_order or same_tool
    raw_calls = plain.calls_as_raw
    no_legacy = plain.no_legacy_call
    rebuilt = plain.not_rebuilt
    # A message that says nothing may be left out, and what precedes it then comes right before.
    no_human = plain.no_human_after_result
    no_system = plain.no_system_after_result
    ids: list[str] = []
    add = ids.append
    calls: Sequence[Any] = ()  # of the message before, all answered
    content: Any = ""  # of the message before
    rest = iter(history)
    for fields in rest:
        kind = fields["type"]
        if kind == "ai" or kind == "AIMessageChunk":  # noqa: PLR1714 - two compares beat a lookup
            calls = fields["tool_calls"]
            content = fields["content"]
            if content.__class__ is not str and (
                not (blocks and _repeats_calls(content, calls))
                # langchain-openai has kept items there, which may be calls.
                or "tool_outputs" in fields["additional_kwargs"]
            ):
                return None
            if fields["invalid_tool_calls"]:
                return None
            extra = fields["additional_kwargs"]
            if extra and (no_legacy or not calls) and _keeps_other_calls(extra, calls):
                return None
            if rebuilt and content.__class__ is not str and _may_be_rebuilt(fields):
                return None
            if not calls:
                continue
            if raw_calls and not _stand_in_raw_calls(calls, fields):
                return None
            if len(calls) == 1:
                call_id = calls[0]["id"]
                add(call_id)
                for answer in rest:
                    if answer["tool_call_id"] != call_id or answer["type"] != "tool":
                        return None
                    if same_tool and not _answers(calls[0], answer):
                        return None
                    content = answer["content"]
                    if content.__class__ is not str and not _is_passive(content):
                        return None
                    break
                else:
                    return None
                continue
            waiting = set()
            for call in calls:
                call_id = call["id"]
                add(call_id)
                waiting.add(call_id)
            for answer in rest:
                if in_order and not _answers(calls[-len(waiting)], answer):
                    return None
                if answer["type"] != "tool":
                    return None
                waiting.remove(answer["tool_call_id"])
                content = answer["content"]
                if content.__class__ is not str and not _is_passive(content):
                    return None
                if not waiting:
                    break
            else:
                return None
        elif kind == "human":
            if no_human and ids and (calls or _says_nothing(content)):
                return None
            content = fields["content"]
            if content.__class__ is not str and not _is_passive(content):
                return None
            calls = ()
        elif kind != "system" or (no_system and ids):
            # Whether a human message in between is joined with the results is for the closer look.
            return None
    return ids


def _answers(call: dict[str, Any], fields: dict[str, Any]) -> bool:
    """Whether a result names the call, by its id and by its tool."""
    return fields["tool_call_id"] == call["id"] and fields["name"] in (None, call["name"])


def _keeps_other_calls(extra: dict[str, Any], calls: Sequence[Any]) -> bool:
    """Whether `additional_kwargs` hold calls that are sent where the message has no others."""
    return "function_call" in extra or (not calls and "tool_calls" in extra)


def _may_be_rebuilt(fields: dict[str, Any]) -> bool:
    """Whether langchain-openai may take it for a message of its releases before 1.0."""
    return bool(fields["additional_kwargs"]) or str(fields["id"]).startswith("msg_")


def _stand_in_raw_calls(calls: Sequence[Any], fields: dict[str, Any]) -> bool:
    # Raises where none stand there, which the caller takes for a no.
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
            key = _REPEATING_BLOCKS.get(kind)
            if key is not None:
                if block[key] != calls[repeated]["id"]:
                    return False
                repeated += 1
            elif repeated or kind not in PASSIVE_BLOCKS:
                return False
    except TypeError:  # a stream may leave bare strings between the blocks
        if all(block.__class__ is not str for block in content):
            return False
        blocks = [_TEXT if block.__class__ is str else block for block in content]
        return _repeats_calls(blocks, calls)
    return not repeated or repeated == len(calls)


def _says_nothing(content: Any) -> bool:  # noqa: ANN401 -- a message's own content
    if content.__class__ is str:
        return not content
    return not any(
        block if block.__class__ is str else block.get("text", True) for block in content
    )


def _is_passive(content: list[Any]) -> bool:
    # Some integrations leave a message out whose list is empty.
    return bool(content) and all(
        block.__class__ is str or block.get("type") in PASSIVE_BLOCKS for block in content
    )
