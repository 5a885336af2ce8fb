"""One history through one integration: what really happens, said in a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .histories import messages_of
from .judges import NOT_PAIRING, REJECT, Breach, judge
from .losses import SILENT, Loss, carried, losses
from .wire import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    from .histories import Timeline
    from .recorders import Recorder


# The server holds what the model wrote, whether or not its arguments could be read.
_CALLS = ("call", "invalid_call")


@dataclass(frozen=True, slots=True)
class Observed:
    """What became of one history.

    Attributes:
        error: Class of the local error, `""` where a request left.
        text: First line of that error.
        losses: What the wire says differently.
        breaches: Which rules of the API the request breaks.
        warned: What the integration warned of.
    """

    error: str = ""
    text: str = ""
    losses: tuple[Loss, ...] = ()
    breaches: tuple[Breach, ...] = ()
    warned: tuple[str, ...] = ()

    @property
    def silent(self) -> tuple[Loss, ...]:
        """The losses that count as silent loss."""
        return tuple(loss for loss in self.losses if loss.kind in SILENT)

    @property
    def rejections(self) -> tuple[Breach, ...]:
        """The breaches that the API is known to refuse as a matter of pairing."""
        return tuple(b for b in self.breaches if b.grade == REJECT and b.kind not in NOT_PAIRING)

    @property
    def effect(self) -> str:
        """The worst effect, in the words of the reports; `reject_other` is not about pairing."""
        if self.error:
            return "local_error"
        if self.rejections:
            return "reject"
        if any(breach.grade == REJECT for breach in self.breaches):
            return "reject_other"
        if self.silent:
            return "silent_loss"
        return "unknown" if self.breaches else "accept"

    @property
    def line(self) -> str:
        """Everything that a reader of the table needs, without wire ids."""
        if self.error:
            return f"{self.error}: {self.text[:100]}"
        parts = [*map(str, self.losses), *sorted({str(b) for b in self.breaches})]
        return " ".join(parts)


def observe(recorder: Recorder, steps: Timeline) -> Observed:
    """Send a timeline and say what became of it."""
    return observe_messages(recorder, messages_of(steps))


def observe_messages(recorder: Recorder, messages: Sequence[BaseMessage]) -> Observed:
    """Send messages that carry marks and say what became of them."""
    result = recorder.send(messages)
    if result.body is None:
        return Observed(error=result.error, text=result.text, warned=result.warned)
    wire = recorder.integration.wire
    turns = parse(wire, result.body)
    stored = _stored(messages, result.body)
    known = carried(messages[:stored])
    last = [one.id for one in known if one.kind in _CALLS and one.message == stored - 1]
    calls = [call_id for call_id in last if call_id not in _running(messages)]
    return Observed(
        losses=tuple(losses(wire, messages, turns, stored)),
        breaches=tuple(judge(wire, result.body, calls)),
        warned=result.warned,
    )


def _running(messages: Sequence[BaseMessage]) -> set[str]:
    """Ids of calls that run on, whose results a later request may bring."""
    return {
        block.get("call_id", "")
        for message in messages
        if isinstance(message.content, list)
        for block in message.content
        if isinstance(block, dict) and block.get("async")
    }


def _stored(messages: Sequence[BaseMessage], body: dict[str, Any]) -> int:
    """Count the messages that the server already has."""
    key = body.get("previous_response_id")
    return next(
        (at for at, m in enumerate(messages, 1) if key and m.response_metadata.get("id") == key), 0
    )
