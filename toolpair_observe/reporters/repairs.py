"""Reports of repairs: one log line, and one event for each change."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from opentelemetry import _logs
from opentelemetry._logs import SeverityNumber

from toolpair_observe import semconv
from toolpair_observe._version import __version__
from toolpair_observe.reporters.text import clean, one_line, shown_id, without_ids

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.util.types import AttributeValue

    from toolpair_observe.repair import Change, Repair
    from toolpair_observe.settings import Settings

MAX_KNOWN: Final = 1024

_logger = logging.getLogger("toolpair_observe")


class RepairReporter:
    """Report the repair of a request.

    The stored history stays broken, so each later request of the same conversation is repaired in
    the same way. The log gets one line for all of them.

    Args:
        settings: Whether ids are hashed.
        logger_provider: None for the application's global one.
    """

    def __init__(
        self,
        settings: Settings,
        logger_provider: LoggerProvider | None = None,
    ) -> None:
        self._settings = settings
        self._events = _logs.get_logger(semconv.SCOPE, __version__, logger_provider)
        self._lock = threading.Lock()
        # In the order of their first time.
        self._known: dict[frozenset[tuple[str, str, bool]], None] = {}

    def repaired(self, repair: Repair) -> None:
        """Report one repaired request."""
        if self._is_new(repair):
            if self._settings.hash_ids:
                shown = replace(
                    repair, before=without_ids(repair.before), after=without_ids(repair.after)
                )
            else:
                shown = repair
            _logger.warning("mended request: %s", one_line(shown.summary()))
        for change in repair.changes[: semconv.MAX_REPAIR_EVENTS]:
            self._events.emit(
                severity_number=SeverityNumber.WARN,
                severity_text=SeverityNumber.WARN.name,
                attributes=self._describe(change),
                event_name=semconv.EVENT_REPAIR,
            )

    def _is_new(self, repair: Repair) -> bool:
        shape = frozenset(
            (change.action.value, change.tool_call_id, change.breaks_thinking)
            for change in repair.changes
        )
        with self._lock:
            if shape in self._known:
                return False
            if len(self._known) >= MAX_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[shape] = None
            return True

    def _describe(self, change: Change) -> dict[str, AttributeValue]:
        attributes: dict[str, AttributeValue] = {
            semconv.REPAIR_ACTION: change.action.value,
            semconv.MESSAGE_INDEX: change.message_index,
        }
        if change.tool_call_id:
            hashed = self._settings.hash_ids
            attributes[semconv.GEN_AI_TOOL_CALL_ID] = shown_id(change.tool_call_id, hashed=hashed)
        if change.place:
            attributes[semconv.REPAIR_PLACE] = change.place
        if change.breaks_thinking:
            attributes[semconv.REPAIR_BREAKS_THINKING] = True
        if change.tool_name:
            attributes[semconv.GEN_AI_TOOL_NAME] = clean(change.tool_name)
        return attributes
