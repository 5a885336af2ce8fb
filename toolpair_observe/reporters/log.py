"""One log line for each near miss, counted instead of repeated within a minute."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolpair_observe.forks import reset_in_child
from toolpair_observe.pairing.refusals.fault import Fault
from toolpair_observe.pairing.words import Outcome
from toolpair_observe.reporters.text import clean, escape, one_line, without_ids

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolpair_observe.observation import Observation
    from toolpair_observe.record import Trace
    from toolpair_observe.settings import Settings

LOGGER_NAME: Final = "toolpair_observe"
WINDOW_SECONDS: Final = 60.0
MAX_SHAPES: Final = 256

_logger = logging.getLogger(LOGGER_NAME)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What two lines have in common if the second one would say nothing new."""

    event: str
    profile: str
    model: str
    kinds: tuple[str, ...]
    effect: str


# The common shape of all shapes past `MAX_SHAPES`.
_OTHER_SHAPES: Final = _Shape("warnings of other shapes, too many to keep apart", "", "", (), "")


@dataclass(slots=True)
class _Window:
    """The minute after a line, in which lines of the same shape are only counted."""

    ends: float
    repeats: int = 0
    last_run: str = ""


class LogReporter:
    """Warn about near misses, provider rejections, escapes and refused companions of calls.

    A near miss is logged at its check, so that there is a line even if the request never ends.
    A refusal by the provider gets a second line.

    Args:
        settings: Whether ids are hashed.
        clock: Seconds on a clock that never goes back.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Forget what was logged and counted."""
        # Reentrant: a finalizer that runs while the lock is held may end a run and come back here.
        self._lock = threading.RLock()
        # In the order of their ends, because each lasts equally long.
        self._windows: dict[_Shape, _Window] = {}
        self._next_end = float("inf")

    @property
    def wants_sound(self) -> bool:
        """Whether the minute of a line is over, so that its count is due."""
        return self._clock() >= self._next_end

    def flagged(self, observation: Observation, trace: Trace) -> None:  # noqa: ARG002
        """Log a near miss."""
        event = "blocked request" if observation.blocked else "near miss"
        self._warn(observation, event, self._summary)

    def finished(self, observation: Observation, trace: Trace) -> None:  # noqa: ARG002
        """Log what the provider did, where it refused the request."""
        if observation.outcome is Outcome.REJECTED:
            self._warn(observation, "rejected by the provider", _rejection)
        elif observation.outcome is Outcome.ESCAPED:
            is_servers = observation.escape_fault == Fault.SERVER
            event = "broken by the server" if is_servers else "missed by the check"
            self._warn(observation, event, _escape)
        elif observation.rejected_companion:
            self._warn(observation, "companion of a call refused", _companion)
        else:
            self._write_counts(self._take_ended(self._clock()))

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 -- logging is synchronous
        """Log the counts whose minute is over; the other ones go on."""
        self._write_counts(self._take_ended(self._clock()))
        return True

    def close(self, timeout: float = 0.0) -> None:  # noqa: ARG002 -- logging is synchronous
        """Log all counts."""
        self._write_counts(self._take_ended(float("inf")))

    def _warn(
        self, observation: Observation, event: str, describe: Callable[[Observation], str]
    ) -> None:
        if not _logger.isEnabledFor(logging.WARNING):
            return
        now = self._clock()
        self._write_counts(self._take_ended(now))
        shape = _shape(observation, event)
        if self._is_new(shape, str(observation.run_id), now):
            _logger.warning(
                "%s: %s [%srun %s]",
                event,
                describe(observation),
                f"model {shape.model}, " if shape.model else "",
                observation.run_id,
            )

    def _is_new(self, shape: _Shape, run: str, now: float) -> bool:
        with self._lock:
            if shape not in self._windows and len(self._windows) >= MAX_SHAPES:
                shape = _OTHER_SHAPES
            window = self._windows.get(shape)
            if window is not None:
                window.repeats += 1
                window.last_run = run
                return False
            self._windows[shape] = _Window(ends=now + WINDOW_SECONDS)
            self._next_end = min(self._next_end, now + WINDOW_SECONDS)
            return True

    def _take_ended(self, now: float) -> list[tuple[_Shape, _Window]]:
        ended: list[tuple[_Shape, _Window]] = []
        with self._lock:
            while self._windows:
                shape, window = next(iter(self._windows.items()))
                if window.ends > now:
                    break
                ended.append((shape, self._windows.pop(shape)))
            oldest = next(iter(self._windows.values()), None)
            self._next_end = oldest.ends if oldest else float("inf")
        return ended

    def _write_counts(self, ended: list[tuple[_Shape, _Window]]) -> None:
        # Without the lock: the application's log handler may take locks of its own.
        for shape, window in ended:
            if window.repeats:
                _logger.warning(
                    "… and %d more like it in the minute after: %s [last run %s]",
                    window.repeats,
                    _name(shape),
                    window.last_run,
                )

    def _summary(self, observation: Observation) -> str:
        report = observation.report
        if self._settings.hash_ids:
            report = without_ids(report)
        return one_line(report.summary())


def _shape(observation: Observation, event: str) -> _Shape:
    report = observation.report
    return _Shape(
        event=event,
        profile=report.profile,
        model=one_line(clean(observation.model)),
        kinds=tuple(sorted(_named(observation))),
        effect=report.effect.value,
    )


def _named(observation: Observation) -> tuple[str, ...]:
    companion = observation.rejected_companion
    return observation.kinds if companion is None else (str(companion),)


def _name(shape: _Shape) -> str:
    if shape is _OTHER_SHAPES:
        return shape.event
    model = f" for model {shape.model}" if shape.model else ""
    return (
        f"{shape.event}, {', '.join(shape.kinds)}, predicted effect {shape.effect} "
        f"under {shape.profile}{model}"
    )


def _rejection(observation: Observation) -> str:
    report = observation.report
    return (
        "the provider refused a history that was flagged; its error says "
        f"{observation.named_kind}, the check predicted effect {report.effect} under "
        f"{report.profile}"
    )


def _escape(observation: Observation) -> str:
    advice = (
        "report it to whoever runs the server or gateway"
        if observation.escape_fault == Fault.SERVER
        else "run check_messages on this history, and report it"
    )
    return f"{escape(observation)}: {advice}"


def _companion(observation: Observation) -> str:
    companion = str(observation.rejected_companion).replace("_", " ")
    return (
        f"{companion}; what stands beside a call is missing or no longer as the model sent it, and "
        f"the pairing is not the reason (the check predicted effect {observation.report.effect} "
        f"under {observation.report.profile})"
    )
