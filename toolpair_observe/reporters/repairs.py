"""Reports of repairs: one log line, and one event for each change."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from opentelemetry._logs import SeverityNumber

from toolpair_observe import semconv
from toolpair_observe.forks import reset_in_child
from toolpair_observe.logs import warn
from toolpair_observe.otel_api import event_logger_of
from toolpair_observe.pairing.shown import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.util.types import AttributeValue

    from toolpair_observe.repair import Change, Repair

MAX_KNOWN: Final = 1024


class _Known:
    """The repairs that the process has logged; it may make an agent for each call."""

    def __init__(self) -> None:
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Forget them."""
        self._lock = threading.Lock()
        # In the order of their first time.
        self._shapes: dict[int, None] = {}

    def is_new(self, repair: Repair) -> bool:
        """Whether a repair is to be logged: no line has told of the same changes."""
        changes = (
            (each.action, each.tool_call_id, each.breaks_thinking) for each in repair.changes
        )
        shape = hash(frozenset(changes))
        with self._lock:
            if shape in self._shapes:
                return False
            if len(self._shapes) >= MAX_KNOWN:
                del self._shapes[next(iter(self._shapes))]
            self._shapes[shape] = None
            return True


_known: Final = _Known()


class RepairReporter:
    """Report the repair of a request.

    The stored history stays broken, so each later request of the same conversation is repaired in
    the same way. The log gets one line for all of them.

    Args:
        name_id: Returns what is shown in place of a call's id.
        logger_provider: None for the application's global one.
    """

    def __init__(
        self,
        name_id: Callable[[str], str] = str,
        logger_provider: LoggerProvider | None = None,
    ) -> None:
        self._name_id = name_id
        self._events = event_logger_of(logger_provider)

    def named(self, repair: Repair) -> Repair:
        """Return a repair as it may be told: with the ids of its changes hashed where they are."""
        return replace(repair, changes=tuple(map(self._named, repair.changes)))

    def repaired(self, repair: Repair) -> None:
        """Report one repaired request, with its ids as they may be told."""
        if _known.is_new(repair):
            warn("mended request: %s", repair.summary())
        for change in repair.changes[: semconv.MAX_REPAIR_EVENTS]:
            self._events.emit(
                severity_number=SeverityNumber.WARN,
                severity_text=SeverityNumber.WARN.name,
                attributes=self._describe(change),
                event_name=semconv.EVENT_REPAIR,
            )

    def _named(self, change: Change) -> Change:
        return replace(change, tool_call_id=self._name_id(change.tool_call_id))

    def _describe(self, change: Change) -> dict[str, AttributeValue]:
        attributes: dict[str, AttributeValue] = {
            semconv.REPAIR_ACTION: change.action.value,
            semconv.MESSAGE_INDEX: change.message_index,
        }
        if change.tool_call_id:
            attributes[semconv.GEN_AI_TOOL_CALL_ID] = clean(change.tool_call_id)
        if change.place:
            attributes[semconv.REPAIR_PLACE] = change.place
        if change.breaks_thinking:
            attributes[semconv.REPAIR_BREAKS_THINKING] = True
        if change.tool_name:
            attributes[semconv.GEN_AI_TOOL_NAME] = clean(change.tool_name)
        return attributes
