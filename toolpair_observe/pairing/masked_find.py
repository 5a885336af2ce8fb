"""The results of a history that other software made up, where its own texts and marks show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.masked import MaskedResult
from toolpair_observe.pairing.report import MAX_VIOLATIONS
from toolpair_observe.pairing.words import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.masked_content import MadeUp
    from toolpair_observe.pairing.transcript import Call, Entry, Result

_AI: Final = frozenset({"ai", "AIMessageChunk"})


def new_results(messages: Sequence[BaseMessage]) -> Iterator[dict[str, Any]]:
    """Yield the fields of the ToolMessages behind the last AI message.

    The time does not grow with the history.
    """
    for message in reversed(messages):
        fields = message.__dict__
        if fields["type"] == "tool":
            yield fields
        elif fields["type"] in _AI:
            return


def masked_in(entries: Sequence[Entry], rename: Callable[[str], str]) -> tuple[MaskedResult, ...]:
    """Return the results that were made up, in the order of the messages; of very many the last.

    Args:
        entries: The history.
        rename: Returns what is told in place of an id.
    """
    if not any(result.made_up for entry in entries for result in entry.results):
        return ()  # the rule
    last_ai = max((entry.index for entry in entries if entry.role is Role.AI), default=-1)
    calls: dict[str, Call] = {}
    found: list[MaskedResult] = []
    for entry in entries:
        calls.update((call.id, call) for call in entry.calls)
        for result in entry.results:
            call = calls.get(result.id) if result.id else None
            if result.made_up and _fits(result.made_up, result, call):
                fresh = result.index > last_ai
                found.append(_told(result.made_up, result, call, rename, fresh=fresh))
    return tuple(found[-MAX_VIOLATIONS:])


def _fits(made_up: MadeUp, result: Result, call: Call | None) -> bool:
    """Whether the tool that a text names is the one that was called, where the history tells."""
    known = {name for name in (result.name, call and call.name) if name}
    return not (made_up.tool and known) or made_up.tool in known


def _told(
    made_up: MadeUp,
    result: Result,
    call: Call | None,
    rename: Callable[[str], str],
    *,
    fresh: bool,
) -> MaskedResult:
    return MaskedResult(
        message_index=result.index,
        call_message_index=call.index if call else None,
        tool_call_id=rename(result.id),
        tool_name=(call and call.name) or result.name,
        kind=made_up.kind,
        by=made_up.by,
        evidence=made_up.evidence,
        fresh=fresh,
    )
