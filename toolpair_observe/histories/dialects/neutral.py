"""What several dialects share when they write neutral entries: calls and results with ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

from toolpair_observe.histories.dialects.dialect import NotUnderstoodError, json_type, word_or_type
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.masked_content import made_up
from toolpair_observe.pairing.shown import quoted
from toolpair_observe.pairing.signs import read_signs, sign_of_result
from toolpair_observe.pairing.transcript import Call, Entry, Result
from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

# These forms have one place for a call and one for a result; a profile takes them for LangChain's.
_CALL: Final = frozenset({Carrier.TOOL_CALL})


def call_at(index: int, call_id: object, name: object) -> Call:
    """Return the call of a message; an id that is no text counts as none."""
    return Call(index, as_text(call_id), as_text(name) or None, _CALL, null_id=call_id is None)


def result_at(  # noqa: PLR0913 - each keyword is a fact of its own
    index: int,
    call_id: object,
    name: object = None,
    *,
    block: int = 0,
    said: object = None,
    failed: bool = False,
) -> Result:
    """Return a result that a message holds.

    Args:
        index: Position of the message.
        call_id: The id of the call that it answers; one that is no text counts as none.
        name: The tool's name.
        block: Its place in the message.
        said: Its content.
        failed: Whether it is an error.
    """
    answered = as_text(call_id)
    result = Result(index, answered, as_text(name) or None, Carrier.TOOL_MESSAGE, block=block)
    result.made_up = made_up({"content": said, "status": "error" if failed else None}, answered)
    return result


def said_by(index: int, role: Role, fields: dict[str, Any]) -> Entry:
    """Return the entry of a message that has text alone."""
    content = fields.get("content")
    entry = Entry(
        index,
        role,
        blocks=len(content) if isinstance(content, list) else int(bool(content)),
        has_text=bool(content) or role is not Role.AI,
    )
    entry.is_summary, entry.sign = read_signs(fields)
    return entry


def answered_by(index: int, results: list[Result], fields: dict[str, Any]) -> Entry:
    """Return the entry of a message that holds nothing but results."""
    if len(results) == 1:
        (result,) = results
        result.sign = sign_of_result(fields)
        result.made_up = result.made_up or made_up(fields, result.id)
    return Entry(index, Role.TOOL, results=results, has_text=False)


def objects(messages: Sequence[Any]) -> list[tuple[int, dict[str, Any]]]:
    """Return the messages with their positions; each has to be an object."""
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            msg = f"message {index}: expected an object, got {json_type(message)}"
            raise NotUnderstoodError(msg)
    return list(enumerate(messages))


def parts_at(fields: dict[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    """Return the objects of the list under a key.

    Raises:
        NotUnderstoodError: There is no list, or something else in it than objects.
    """
    parts = fields.get(key)
    if not isinstance(parts, list):
        msg = f"{where}: expected a list under {quoted(key)}, got {json_type(parts)}"
        raise NotUnderstoodError(msg)
    for place, part in enumerate(parts):
        if not isinstance(part, dict):
            msg = f"{where}: {key}[{place}]: expected an object, got {json_type(part)}"
            raise NotUnderstoodError(msg)
    return parts


def refuse(what: str, value: object, where: str) -> NoReturn:
    """Refuse a role or a type that is in no list of the dialect."""
    shown = word_or_type(value)
    msg = f"{where}: unknown {what} {shown}"
    raise NotUnderstoodError(msg)
