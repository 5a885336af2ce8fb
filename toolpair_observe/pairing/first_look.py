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
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing import ids as id_form
from toolpair_observe.pairing.masked_texts import FIRST_LETTERS, STARTS
from toolpair_observe.pairing.plain_content import (
    is_passive,
    repeats_calls,
    says_nothing,
    stand_in_raw_calls,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence


class Trait(StrEnum):
    """What a plainly sound history may have and some profiles mind."""

    OTHER_ORDER = "parallel results in another order than their calls"
    OTHER_ORDER_BY_TOOL = "results that, counted by tool, come in another order than their calls"
    OTHER_TOOL = "a result that names another tool than its call"
    REUSED_ID = "an id that calls of several turns bear"
    TOOL_USE_BLOCK = "a call that a tool_use block repeats"
    TOOL_CALL_BLOCK = "a call that a tool_call block repeats"
    FUNCTION_CALL_BLOCK = "a call that a function_call block repeats"
    NO_RAW_CALL = "a call that additional_kwargs does not repeat"
    LEGACY_CALL = 'a call that additional_kwargs["function_call"] repeats'
    REBUILT_CALL = "a call in the content of a message that langchain-openai may rebuild"
    HUMAN_AFTER_RESULT = "a human message after a result"
    SYSTEM_AFTER_RESULT = "a system message after a result"
    SEVERAL_CALLS = "a message with several calls"
    LATE_SYSTEM = "a system message behind others"
    NAMELESS = "a call that names no tool"
    BAD_ARGUMENTS = "a call whose arguments are not a JSON object"
    NO_HUMAN_FIRST = "a history that starts with something else than a human message"
    ANYTHING = "any history: only a closer look tells"


_CALL_BLOCKS: Final = {
    Trait.TOOL_USE_BLOCK: "tool_use",
    Trait.TOOL_CALL_BLOCK: "tool_call",
    Trait.FUNCTION_CALL_BLOCK: "function_call",
}


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
        "no_human_after_result",
        "no_late_system",
        "no_legacy_call",
        "no_system_after_result",
        "not_rebuilt",
        "one_call",
        "refused_blocks",
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
        self.no_legacy_call = Trait.LEGACY_CALL in minds
        self.no_late_system = Trait.LATE_SYSTEM in minds
        self.one_call = Trait.SEVERAL_CALLS in minds
        self.no_human_after_result = Trait.HUMAN_AFTER_RESULT in minds
        self.no_system_after_result = Trait.SYSTEM_AFTER_RESULT in minds
        self.not_rebuilt = Trait.REBUILT_CALL in minds
        self.refused_blocks = frozenset(
            kind for trait, kind in _CALL_BLOCKS.items() if trait in minds
        )
        self.same_tool = Trait.OTHER_TOOL in minds
        self.unique_ids = Trait.REUSED_ID in minds
        # LangChain keeps such calls apart, so that only a look at stored messages asks for it.
        self.valid_arguments = Trait.BAD_ARGUMENTS in minds
        self.id_max = id_max
        self.id_pattern = id_pattern


_AI: Final = frozenset({"ai", "AIMessageChunk"})


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
    if plain.no_late_system and _has_late_system(messages):
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
        if plain.no_human_after_result and _human_follows_result(messages):
            return None
        if plain.same_tool and _names_another_tool(messages):
            return None
        suits = id_form.suit(ids, None, plain.id_pattern)
    except (LookupError, TypeError, AttributeError):  # plain messages have another shape
        return None
    return ids if suits else None


def _calls_in(messages: Sequence[object]) -> Iterator[list[Any]]:
    return (message.__dict__.get("tool_calls", ()) for message in messages)


def _starts_with_human(messages: Sequence[object]) -> bool:
    kinds = (message.__dict__["type"] for message in messages)
    return next((kind for kind in kinds if kind != "system"), None) == "human"


def _has_late_system(messages: Sequence[object]) -> bool:
    return any(message.__dict__["type"] == "system" for message in messages[1:])


def _human_follows_result(messages: Sequence[object]) -> bool:
    answered = False
    before: dict[str, Any] = {}
    for message in messages:
        fields = message.__dict__
        kind = fields["type"]
        # A message that says nothing may be left out, and what precedes it then comes right before.
        if (
            answered
            and kind == "human"
            and (before["type"] == "tool" or says_nothing(before["content"]))
        ):
            return True
        if kind == "tool":
            answered = True
        if kind != "system":
            before = fields
    return False


def _names_another_tool(messages: Sequence[object]) -> bool:
    """Whether a result names another tool than its call, where all results follow their calls."""
    tools: dict[str, str] = {}
    for message in messages:
        fields = message.__dict__
        for call in fields.get("tool_calls", ()):
            tools[call["id"]] = call["name"]
        if fields["type"] == "tool":
            named = fields["name"]
            if named is not None and named != tools[fields["tool_call_id"]]:
                return True
    return False


def _shares_id_in_one_message(messages: Sequence[object]) -> bool:
    for calls in _calls_in(messages):
        if len(calls) > 1 and len({call["id"] for call in calls}) < len(calls):
            return True
    return False


def _scan(  # noqa: C901, PLR0911, PLR0912, PLR0915
    messages: Sequence[object], plain: Plain, suspects: list[dict[str, Any]] | None
) -> list[str] | None:
    # This loop is the price of every request. Each look into a dict counts, so that a message of
    # a usual class is taken for what its class is. It reads `__dict__` because attribute access on
    # a pydantic model costs several times as much.
    ai_class, human_class, tool_class = _usual_classes()
    by_tool = plain.by_tool or plain.same_tool
    kept_elsewhere = plain.calls_as_raw or plain.no_legacy_call
    longest = plain.id_max or sys.maxsize
    may_repeat = plain.unique_ids
    masked = suspects is not None
    suspect = (suspects if suspects is not None else []).append
    ids: list[str] = []
    # Of one message, from the first call on in whose place another is answered or named: the fields
    # of the results, and calls and results under their tools where tools matter, else their ids.
    odd: list[dict[str, Any]] = []
    late: dict[str, str | None] = {}
    early: dict[str, str | None] = {}
    rest = iter(messages)
    for message in rest:
        fields = message.__dict__
        kind = type(message)
        if kind is ai_class or (kind is not human_class and fields["type"] in _AI):
            calls = fields["tool_calls"]
            if fields["invalid_tool_calls"]:
                return None
            content = fields["content"]
            if content.__class__ is not str and (
                not repeats_calls(content, calls, plain.refused_blocks)
                # langchain-openai has kept items there, which may be calls.
                or "tool_outputs" in fields["additional_kwargs"]
                or (plain.not_rebuilt and _may_be_rebuilt(fields))
            ):
                return None
            if not calls:
                extra = fields["additional_kwargs"]
                if extra and ("tool_calls" in extra or "function_call" in extra):
                    return None  # they are sent where the message has no others
                continue
            if kept_elsewhere and not _are_kept_as_sent(calls, fields, plain):
                return None
            if len(calls) == 1:  # the rule, for which a loop in a loop would cost too much
                call_id = calls[0]["id"]
                ids.append(call_id)
                if not call_id or len(call_id) > longest:
                    return None
                for result in rest:
                    answer = result.__dict__
                    if answer["tool_call_id"] != call_id or (
                        type(result) is not tool_class and answer["type"] != "tool"
                    ):
                        return None
                    content = answer["content"]
                    if content.__class__ is not str:
                        if not is_passive(content):
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
            if plain.one_call:
                return None
            may_repeat = True
            for call in calls:
                call_id = call["id"]
                ids.append(call_id)
                if not call_id or len(call_id) > longest:
                    return None
                for result in rest:
                    answer = result.__dict__
                    if type(result) is not tool_class and answer["type"] != "tool":
                        return None
                    if (
                        answer["tool_call_id"] != call_id
                        or early
                        or (by_tool and answer["name"] not in (None, call["name"]))
                    ):
                        if by_tool:
                            odd.append(answer)
                            late[call["name"]] = call_id
                            early[answer["name"]] = answer["tool_call_id"]
                        else:
                            late[call_id] = early[answer["tool_call_id"]] = None
                    content = answer["content"]
                    if content.__class__ is not str:
                        if not is_passive(content):
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
                if plain.in_order:
                    return None
                if by_tool:
                    "".join(late)  # raises for what is no string
                    if (late != early or len(late) < len(odd)) and not _reach_their_calls(
                        calls[-len(odd) :], odd
                    ):
                        return None
                    odd = []
                elif late != early:
                    return None
                late, early = {}, {}
        elif kind is human_class or fields["type"] == "human":
            content = fields["content"]
            if content.__class__ is not str and not is_passive(content):
                return None
        elif fields["type"] != "system" or (plain.no_system_after_result and ids):
            # Whether a human message in between is joined with the results is for the closer look.
            return None
    if may_repeat and len(set(ids)) < len(ids):
        return None if plain.unique_ids or _shares_id_in_one_message(messages) else ids
    return ids


@cache
def _usual_classes() -> tuple[type, type, type]:
    # Who has messages has imported them; who only imports the handler need not.
    from langchain_core.messages import AIMessage, HumanMessage, ToolMessage  # noqa: PLC0415

    return AIMessage, HumanMessage, ToolMessage


def _reach_their_calls(calls: Sequence[Any], answers: Sequence[dict[str, Any]]) -> bool:
    """Whether results go to their calls where the n-th of a tool is for its n-th call.

    Args:
        calls: Calls of one message.
        answers: The fields of as many results.
    """
    asked = {call["id"]: call["name"] for call in calls}
    if asked.keys() != {answer["tool_call_id"] for answer in answers}:
        return False
    waiting: dict[str, list[str]] = {tool: [] for tool in asked.values()}
    "".join({answer["name"] for answer in answers} - {None})  # raises for what is no string
    for call_id, tool in reversed(asked.items()):
        waiting[tool].append(call_id)
    for answer in answers:
        call_id, named = answer["tool_call_id"], answer["name"]
        open_calls = waiting.get(named or asked[call_id])
        if open_calls and open_calls.pop() != call_id:
            return False
    return True


def _may_be_rebuilt(fields: dict[str, Any]) -> bool:
    """Whether langchain-openai may take it for a message of its releases before 1.0."""
    return bool(fields["additional_kwargs"]) or str(fields["id"]).startswith("msg_")


def _are_kept_as_sent(calls: Sequence[Any], fields: dict[str, Any], plain: Plain) -> bool:
    """Whether `additional_kwargs` keeps the calls as a profile asks for."""
    if plain.no_legacy_call and "function_call" in fields["additional_kwargs"]:
        return False
    return not plain.calls_as_raw or stand_in_raw_calls(calls, fields)
