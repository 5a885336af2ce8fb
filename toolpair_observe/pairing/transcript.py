"""A history without its content: who calls and answers what, where.

`reading` makes it of LangChain's messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolpair_observe.pairing.left_out import LeftOut
    from toolpair_observe.pairing.masked_content import MadeUp
    from toolpair_observe.pairing.signs import Sign
    from toolpair_observe.pairing.words import Carrier, Role


@dataclass(slots=True, eq=False)
class Call:
    """A tool call that the client has to answer.

    Attributes:
        index: Position of its AI message in the list that was given.
        id: Its id, `""` where it has none.
        name: The tool's name, or None.
        carriers: Where it stands; the same call may stand in `tool_calls` and in the content.
        null_id: Whether the id is None rather than empty; the two do not match each other.
        block: Position of its content block, None where it stands in no content.
        is_async: Whether the model goes on without the result, which a later request may bring
            (OpenAI's `async` on a Responses item, `extras.async` in LangChain's own block).
    """

    index: int
    id: str
    name: str | None
    carriers: frozenset[Carrier]
    null_id: bool = False
    is_async: bool = False
    block: int | None = None


@dataclass(slots=True, eq=False)
class Result:
    """An answer to a call.

    Attributes:
        index: Position of its message in the list that was given.
        id: The id of the call that it answers, `""` where it has none.
        name: The tool's name as the message tells it, or None.
        carrier: Where it stands.
        sign: How it came about, where it tells.
        block: Position of its content block; 0 for a message that is one result.
        made_up: How other software made it up, None where nothing says that it did.
    """

    index: int
    id: str
    name: str | None
    carrier: Carrier
    sign: Sign | None = None
    block: int = 0
    made_up: MadeUp | None = None


@dataclass(slots=True)
class Entry:
    """One message, reduced to what pairing needs.

    Attributes:
        index: Position in the list that was given.
        role: Who speaks.
        calls: The calls that the message makes, in order.
        results: The results that the message carries, in order.
        blocks: How many content blocks it makes, those of calls outside the content aside.
        has_text: Whether the message says anything besides calls and results.
        behind_text: The results before which other content stands.
        says_more_after_calls: Whether other content stands behind the last call's block.
        more_than_text_after_calls: Whether some of that is no text.
        server_uses: Calls that the provider runs itself.
        server_results: Ids that the provider's own results name.
        name: The message's `name`.
        response_id: `response_metadata["id"]`, the provider's id of the response.
        made_by: `response_metadata["model_provider"]`, the integration that made the message.
        is_standard: Whether the content is written in LangChain's own blocks.
        is_rebuilt: Whether langchain-openai takes it for a message of its releases before 1.0, and
            builds the Responses items of its calls anew beside those in the content.
        has_standard_result: Whether LangChain's own block for a result of a provider's tool stands
            in the content.
        cut_short: Whether the message is a stream's fragment or ended for want of tokens.
        is_summary: Whether the message reads as a summary of earlier ones.
        is_empty_list: Whether the content of a ToolMessage is a list without blocks.
        sign: What it says of the turn that it ends or follows.
        wire_role: The role's name on OpenAI's wire, where the message's class does not tell.
    """

    index: int
    role: Role
    calls: list[Call] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    blocks: int = 1
    has_text: bool = True
    behind_text: list[Result] = field(default_factory=list)
    says_more_after_calls: bool = False
    more_than_text_after_calls: bool = False
    server_uses: list[Call] = field(default_factory=list)
    server_results: list[str] = field(default_factory=list)
    name: str | None = None
    response_id: str | None = None
    made_by: str | None = None
    is_standard: bool = False
    is_rebuilt: bool = False
    has_standard_result: bool = False
    cut_short: bool = False
    is_summary: bool = False
    is_empty_list: bool = False
    sign: Sign | None = None
    wire_role: str = ""


class NotReadError(LookupError):
    """A message was asked for that is left out: the history has to be read whole."""


class SomeEntries(Sequence[Entry]):
    """The messages of a history that were read, each at its position in the whole of it.

    Going through them yields those that were read; they count and are found as if all were there.

    Args:
        entries: The messages by their positions, in order.
        length: How many messages the history has.
    """

    __slots__ = ("_entries", "_length")

    def __init__(self, entries: Mapping[int, Entry], length: int) -> None:
        self._entries = entries
        self._length = length

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __reversed__(self) -> Iterator[Entry]:
        return reversed(list(self._entries.values()))

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | Sequence[Entry]:
        """Return what stands there.

        Raises:
            NotReadError: It was not read.
            IndexError: The history ends before it.
        """
        if isinstance(index, int) and index in self._entries:
            return self._entries[index]
        places = range(self._length)[index]
        try:
            if isinstance(places, int):
                return self._entries[places]
            return [self._entries[place] for place in places]
        except KeyError:
            raise NotReadError(index) from None


@dataclass(slots=True)
class Transcript:
    """A history without its content.

    Attributes:
        entries: Its messages.
        left_out: What plainly pairs and was not read; None where all was.
    """

    entries: Sequence[Entry]
    left_out: LeftOut | None = None
