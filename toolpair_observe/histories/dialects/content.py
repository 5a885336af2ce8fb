"""How the blocks of a message's content become an entry, for providers that call in the content.

The same fields are filled in for LangChain's own messages by `pairing.encodings` and
`pairing.reading`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolpair_observe.histories.dialects.dialect import NotUnderstoodError, json_type, keys_text
from toolpair_observe.pairing.signs import read_signs
from toolpair_observe.pairing.transcript import Entry

if TYPE_CHECKING:
    from toolpair_observe.pairing.transcript import Call, Result
    from toolpair_observe.pairing.words import Role


def new_entry(index: int, role: Role, texts: list[Any] | str) -> Entry:
    """Return the entry of a message whose blocks are still to come.

    Args:
        index: Position of the message.
        role: Who speaks.
        texts: The content, of which only the first words are looked at.
    """
    entry = Entry(index, role, blocks=0, has_text=False)
    entry.is_summary, entry.sign = read_signs({"content": texts})
    return entry


def add_call(entry: Entry, call: Call) -> None:
    """Add a block that calls a tool of the client."""
    call.block = entry.blocks
    entry.blocks += 1
    entry.calls.append(call)
    entry.says_more_after_calls = entry.more_than_text_after_calls = False


def add_result(entry: Entry, result: Result) -> None:
    """Add a block that answers a call."""
    _goes_on(entry, is_text=False)
    result.block = entry.blocks
    entry.blocks += 1
    entry.results.append(result)
    if entry.has_text:
        entry.behind_text.append(result)


def add_text(entry: Entry, text: object) -> None:
    """Add a block of text. One that says nothing is left out, as streams leave some behind."""
    if text:
        _goes_on(entry, is_text=True)
        entry.blocks += 1
        entry.has_text = True


def add_other(entry: Entry) -> None:
    """Add a block that neither calls nor answers, such as an image or a thought."""
    _goes_on(entry, is_text=False)
    entry.blocks += 1
    entry.has_text = True


def add_server_use(entry: Entry, call: Call) -> None:
    """Add a block that calls a tool which the provider runs itself."""
    _goes_on(entry, is_text=False)
    entry.blocks += 1
    entry.server_uses.append(call)


def add_server_result(entry: Entry, call_id: str) -> None:
    """Add a block in which the provider gives the result of its own tool."""
    _goes_on(entry, is_text=False)
    entry.blocks += 1
    entry.server_results.append(call_id)


def _goes_on(entry: Entry, *, is_text: bool) -> None:
    if entry.calls:
        entry.says_more_after_calls = True
        entry.more_than_text_after_calls |= not is_text


def id_at(fields: dict[str, Any], key: str, where: str) -> str | None:
    """Return the id under a key, None where there is none.

    Raises:
        NotUnderstoodError: It is neither a string nor null.
    """
    value = fields.get(key)
    if value is None or isinstance(value, str):
        return value
    msg = f"{where}: {keys_text([key])} is {json_type(value)}, not a string"
    raise NotUnderstoodError(msg)
