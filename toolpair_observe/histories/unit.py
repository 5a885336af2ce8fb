"""A unit of stored data: what it is, its messages, who was asked, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from toolpair_observe.pairing.providers.recorded import NO_ORIGIN, Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.histories.dialects.dialect import Dialect
    from toolpair_observe.pairing.words import ViolationKind


class Status(StrEnum):
    """What could be made of a unit."""

    CHECKED = "checked"
    UNREADABLE = "unreadable"
    NOT_A_REQUEST = "not_a_request"


class Layer(StrEnum):
    """Where the messages were taken from.

    Before the integration the whole profile judges. On the wire the integration has dropped, moved
    and merged already, so the provider's rules alone do.
    """

    LANGCHAIN = "langchain"
    WIRE = "wire"


class Extent(StrEnum):
    """Which lists of messages were sent to a model."""

    WHOLE = "the whole list is one request"
    PREFIXES = "each prefix that ends right before a run of AI messages was a request"


class Recorded(StrEnum):
    """What a row tells of the provider's answer."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"


class Unproven(NamedTuple):
    """A row in which nobody has looked yet for keys that stand twice in one object.

    Attributes:
        text: Its text.
        data: Its value.
    """

    text: bytes
    data: dict[str, Any]


class Conversation(NamedTuple):
    """A list of messages, as the row has them.

    Attributes:
        messages: The messages, each in a form that the unit's dialect reads.
        known: How many of the first messages another list of the unit has as well; requests that
            end there were counted with that one.
    """

    messages: Sequence[object]
    known: int = 0


# Nothing changes a unit or a row once it is made. That is not enforced because a frozen class costs
# as much to make as several messages do to look at, once for every row of a file.
@dataclass(slots=True, kw_only=True)
class Unit:
    """A request, state, trajectory, dataset row, or a row that is none of these.

    Attributes:
        line: The line on which its row starts, from 1; None where there are no lines.
        row: Where it stands in the row or document, such as `runs[3].inputs.messages[0]`.
        format: The form that was recognized, such as `langsmith.run`.
        layer: Where the messages were taken from; None where there are none.
        status: What could be made of it.
        reason: Why it is unreadable, or what it is instead of a request (`tool run`). It quotes
            keys and types, never content.
        conversations: The lists of messages; nearly always one.
        dialect: How the messages are written; None leaves it to `dialects.dialect_of`.
        extent: Which lists were sent.
        origin: What the row tells of who was asked.
        recorded: What the row tells of the provider's answer, None if nothing.
        rejected_kind: The pairing fault that the provider named, None for any other reason.
        name: The row's own id, `""` if it has none.
        thread_id: The conversation's id, `""` if it is not told.
        run_id: The run's or span's id, `""` if it is not told.
        at: When the request was made, as the row writes it, `""` if it is not told.
        ends_file: Whether what follows it in the file was not read.
        unproven: The row, where the judge has to look for keys that stand twice; None where
            somebody has.
    """

    line: int | None
    row: str
    format: str
    layer: Layer | None = None
    status: Status = Status.CHECKED
    reason: str = ""
    conversations: tuple[Conversation, ...] = ()
    dialect: Dialect | None = None
    extent: Extent = Extent.WHOLE
    origin: Origin = NO_ORIGIN
    recorded: Recorded | None = None
    rejected_kind: ViolationKind | None = None
    name: str = ""
    thread_id: str = ""
    run_id: str = ""
    at: str = ""
    ends_file: bool = False
    unproven: Unproven | None = None


def unread(line: int | None, reason: str, *, ends_file: bool = False) -> Unit:
    """Return the unit of a part of a file that can't be read."""
    return Unit(
        line=line,
        row="",
        format="file",
        status=Status.UNREADABLE,
        reason=reason,
        ends_file=ends_file,
    )


@dataclass(slots=True)
class Row:
    """A JSON value on its way to units, with its place.

    Attributes:
        data: The value.
        line: The line on which the outermost value starts, from 1; None where there are no lines.
        path: Where `data` stands in the outermost value, `""` for that value itself.
        event: The event's name in a stream of server-sent events, None anywhere else.
        text: Its text, where nobody has looked yet for keys that stand twice; None where that is
            done, and for a part of a row.
    """

    data: Any
    line: int | None
    path: str = ""
    event: str | None = None
    text: bytes | None = None

    def unproven(self) -> Unproven | None:
        """Return the row where keys that stand twice have still to be looked for."""
        return None if self.text is None else Unproven(self.text, self.data)

    def inner(self, *steps: str | int) -> Row:
        """Return what stands under these keys and positions, with its place."""
        data = self.data
        for step in steps:
            data = data[step]
        return Row(data, self.line, self.place(*steps), self.event)

    def place(self, *steps: str | int) -> str:
        """Return the place under these keys and positions, as text."""
        path = self.path
        for step in steps:
            if isinstance(step, int):
                path += f"[{step}]"
            else:
                path += f".{step}" if path else step
        return path

    def request(
        self,
        form: str,
        messages: Sequence[object],
        *steps: str | int,
        layer: Layer,
        extent: Extent = Extent.WHOLE,
        **known: Any,  # noqa: ANN401 - fields of Unit, each with its own type
    ) -> Unit:
        """Return the unit of a list of messages that stands under `steps`."""
        return Unit(
            line=self.line,
            row=self.place(*steps),
            format=form,
            layer=layer,
            extent=extent,
            conversations=(Conversation(messages),),
            **known,
        )

    def unreadable(self, form: str, reason: str, *steps: str | int, **known: Any) -> Unit:  # noqa: ANN401
        """Return the unit of something that is not understood."""
        return Unit(
            line=self.line,
            row=self.place(*steps),
            format=form,
            status=Status.UNREADABLE,
            reason=reason,
            **known,
        )

    def no_request(self, form: str, what: str, *steps: str | int, **known: Any) -> Unit:  # noqa: ANN401
        """Return the unit of a row that never was a request to a chat model."""
        return Unit(
            line=self.line,
            row=self.place(*steps),
            format=form,
            status=Status.NOT_A_REQUEST,
            reason=what,
            **known,
        )
