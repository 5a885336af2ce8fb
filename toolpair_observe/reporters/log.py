"""One log line for each sort of finding, counted instead of repeated within a minute.

The process counts, not the handler: an application may make a handler for each call.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final, NamedTuple

from toolpair_observe.forks import reset_in_child
from toolpair_observe.logs import is_read, log
from toolpair_observe.observation import fresh_masked
from toolpair_observe.option_values import DOCS_URL
from toolpair_observe.pairing.refusals.fault import Fault
from toolpair_observe.pairing.shown import shown
from toolpair_observe.pairing.words import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from toolpair_observe.observation import Observation
    from toolpair_observe.pairing.masked import MaskedResult
    from toolpair_observe.record import Trace

WINDOW_SECONDS: Final = 60.0
MAX_SHAPES: Final = 256
MAX_COARSE_SHAPES: Final = 64


class _Shape(NamedTuple):
    """What two lines have in common if the second one would say nothing new.

    The causes are part of it: two causes of one kind are two bugs. So is whether a thread is
    stored with a breach: somebody has to mend it. And of made-up results, who made them up where.
    """

    event: str
    profile: str
    model: str
    kinds: tuple[str, ...]
    causes: tuple[str, ...]
    effect: str
    is_stored: bool = False
    menders: tuple[str, ...] = ()
    level: int = logging.WARNING


# The common shape of all coarse shapes past `MAX_COARSE_SHAPES`.
_OTHER_SHAPES: Final = _Shape(
    "warnings of other shapes, too many to keep apart", "", "", (), (), ""
)


class _Source(NamedTuple):
    """Where a request came from, as far as it is known; of most it is never written."""

    thread: str | None
    node: str | None
    run_id: UUID
    trace: str | None
    span: str | None
    page: str | None

    @classmethod
    def of(cls, observation: Observation) -> _Source:
        """Return where the request of an observation came from."""
        return cls(
            observation.conversation_id,
            observation.node,
            observation.run_id,
            observation.trace_id,
            observation.span_id,
            observation.langsmith_url,
        )

    def __str__(self) -> str:
        told = {
            "thread": shown(self.thread or ""),
            "node": shown(self.node or ""),
            "run": str(self.run_id),
            "trace": self.trace,
            "span": self.span,
            "page": self.page,
        }
        return ", ".join(f"{name} {value}" for name, value in told.items() if value)


@dataclass(slots=True)
class _Window:
    """The minute after a line, in which lines of the same shape are only counted.

    Attributes:
        ends: When it is over.
        repeats: How many lines are counted and not told yet.
        last: Where the last of them came from.
        is_told: Whether a handler that closed has told a count already.
    """

    ends: float
    repeats: int = 0
    last: _Source | None = None
    is_told: bool = False


class Throttle:
    """Lets the first line of each shape through, and counts the others for a minute.

    Args:
        clock: Seconds on a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
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

    def __len__(self) -> int:
        return len(self._windows)

    @property
    def is_due(self) -> bool:
        """Whether the minute of a line is over, so that its count is due."""
        return self._clock() >= self._next_end

    def lets_through(self, shape: _Shape, source: _Source) -> bool:
        """Whether a line of this shape is to be written; otherwise it is counted."""
        now = self._clock()
        with self._lock:
            window = self._windows.get(shape)
            if window is None and len(self._windows) >= MAX_SHAPES:
                shape = self._coarse(shape)
                window = self._windows.get(shape)
            if window is not None:
                window.repeats += 1
                window.last = source
                return False
            self._windows[shape] = _Window(ends=now + WINDOW_SECONDS)
            self._next_end = min(self._next_end, now + WINDOW_SECONDS)
            return True

    def _coarse(self, shape: _Shape) -> _Shape:
        """Return the shape for all models, so that many of them hide no bug of another kind."""
        coarse = shape._replace(profile="", model="")
        is_full = len(self._windows) >= MAX_SHAPES + MAX_COARSE_SHAPES
        return _OTHER_SHAPES if is_full and coarse not in self._windows else coarse

    def write_ended(self) -> None:
        """Write the counts whose minute is over."""
        now = self._clock()
        if now < self._next_end:
            return
        ended: list[tuple[_Shape, _Window]] = []
        with self._lock:
            while self._windows:
                shape, window = next(iter(self._windows.items()))
                if window.ends > now:
                    break
                ended.append((shape, self._windows.pop(shape)))
            oldest = next(iter(self._windows.values()), None)
            self._next_end = oldest.ends if oldest else float("inf")
        _write_counts([(shape, window.repeats, window.last) for shape, window in ended])

    def write_pending(self, *, at_exit: bool = False) -> None:
        """Write what is counted so far.

        Args:
            at_exit: Whether nothing comes after. Otherwise a count is told once in its minute: an
                application may close a handler after each call.
        """
        pending: list[tuple[_Shape, int, _Source | None]] = []
        with self._lock:
            for shape, window in self._windows.items():
                if window.repeats and (at_exit or not window.is_told):
                    pending.append((shape, window.repeats, window.last))
                    window.repeats, window.is_told = 0, True
        _write_counts(pending)


_process: Final = Throttle()


def write_pending_at_exit() -> None:
    """Write what is counted, also for handlers that are gone already."""
    _process.write_pending(at_exit=True)


class LogReporter:
    """Warn about near misses, provider rejections, escapes and refused companions of calls.

    A near miss is logged at its check, so that there is a line even if the request never ends.
    A refusal by the provider gets a second line. A made-up result gets a line at level INFO: the
    history is sound.

    Args:
        throttle: What counts repeated lines; the process's own, unless a test has another.
        docs_url: Where the page of causes is.
    """

    def __init__(self, throttle: Throttle = _process, *, docs_url: str = DOCS_URL) -> None:
        self._throttle = throttle
        self._near_miss = partial(_with_remedy, _near_miss, docs_url)
        self._rejection = partial(_with_remedy, _rejection, docs_url)

    @property
    def wants_sound(self) -> bool:
        """Whether the minute of a line is over, so that its count is due."""
        return self._throttle.is_due

    def flagged(self, observation: Observation, trace: Trace) -> None:  # noqa: ARG002
        """Log a near miss."""
        event = "blocked request" if observation.blocked else "near miss"
        self._warn(observation, event, self._near_miss)

    def finished(self, observation: Observation, trace: Trace) -> None:  # noqa: ARG002
        """Log what the provider did, where it refused the request."""
        if observation.outcome is Outcome.REJECTED:
            self._warn(observation, "rejected by the provider", self._rejection)
        elif observation.outcome is Outcome.ESCAPED:
            is_servers = observation.escape_fault == Fault.SERVER
            event = "broken by the server" if is_servers else "missed by the check"
            self._warn(observation, event, _escape)
        elif observation.rejected_companion:
            self._warn(observation, "companion of a call refused", _companion)
        else:
            self._throttle.write_ended()

    def mended(self, observation: Observation, trace: Trace) -> None:  # noqa: ARG002
        """Log the results that other software made up."""
        if is_read(logging.INFO):
            self._write(_masked_shape(observation), observation, _masked)

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 -- logging is synchronous
        """Log the counts whose minute is over; the other ones go on."""
        self._throttle.write_ended()
        return True

    def close(self, timeout: float = 0.0) -> None:  # noqa: ARG002 -- logging is synchronous
        """Log all counts."""
        self._throttle.write_ended()
        self._throttle.write_pending()

    def _warn(
        self, observation: Observation, event: str, describe: Callable[[Observation], str]
    ) -> None:
        if is_read(logging.WARNING):
            self._write(_shape(observation, event), observation, describe)

    def _write(
        self, shape: _Shape, observation: Observation, describe: Callable[[Observation], str]
    ) -> None:
        self._throttle.write_ended()
        source = _Source.of(observation)
        if self._throttle.lets_through(shape, source):
            model = f"model {shown(observation.model)}, " if observation.model else ""
            text = f"{shape.event}: {describe(observation)}"
            log(shape.level, "%s [%s%s]", text, model, source)


def _write_counts(counts: list[tuple[_Shape, int, _Source | None]]) -> None:
    # Without the lock: the application's log handler may take locks of its own.
    for shape, repeats, last in counts:
        if repeats:
            log(
                shape.level,
                "… and %d more like it in the minute after: %s [last %s]",
                repeats,
                _name(shape),
                last,
            )


# An application asks for few models.
_shown_name = lru_cache(maxsize=512)(shown)


def _shape(observation: Observation, event: str) -> _Shape:
    report = observation.report
    return _Shape(
        event=event,
        profile=_shown_name(report.profile),
        model=_shown_name(observation.model),
        kinds=tuple(sorted(_named(observation))),
        causes=tuple(sorted({each.cause.value for each in report.violations})),
        effect=report.effect.value,
        is_stored=observation.poisoned_thread_id is not None,
    )


def _masked_shape(observation: Observation) -> _Shape:
    found = fresh_masked(observation.report.masked)
    return _Shape(
        event="masked result",
        profile=shown(observation.report.profile),
        model=shown(observation.model),
        kinds=tuple(sorted({each.kind.value for each in found})),
        causes=(),
        effect=observation.report.effect.value,
        menders=tuple(sorted({_mender(each) for each in found})),
        level=logging.INFO,
    )


def _mender(result: MaskedResult) -> str:
    return f"{shown(result.by)} in step {shown(result.step)}" if result.step else shown(result.by)


def _named(observation: Observation) -> tuple[str, ...]:
    companion = observation.rejected_companion
    return observation.kinds if companion is None else (str(companion),)


def _name(shape: _Shape) -> str:
    if shape is _OTHER_SHAPES:
        return shape.event
    judge = f"under {shape.profile}" if shape.profile else "of further profiles and models"
    model = f" for model {shape.model}" if shape.model else ""
    causes = f", likely cause {', '.join(shape.causes)}" if shape.causes else ""
    stored = ", stored in the thread" if shape.is_stored else ""
    if shape.menders:
        return f"{shape.event}, {', '.join(shape.kinds)}, by {', '.join(shape.menders)}{model}"
    return (
        f"{shape.event}, {', '.join(shape.kinds)}, predicted effect {shape.effect} "
        f"{judge}{model}{causes}{stored}"
    )


def _near_miss(observation: Observation) -> str:
    # Here and below: sentences bring what tells of blames, and are imported where one is said.
    from toolpair_observe.reporters.text import near_miss  # noqa: PLC0415

    return near_miss(observation)


def _with_remedy(
    describe: Callable[[Observation], str], docs_url: str, observation: Observation
) -> str:
    from toolpair_observe.reporters.text import bounded, remedy  # noqa: PLC0415

    return f"{bounded(describe(observation))}; {remedy(observation.report, docs_url)}"


def _masked(observation: Observation) -> str:
    from toolpair_observe.reporters.text import masked  # noqa: PLC0415

    return masked(observation)


def _rejection(observation: Observation) -> str:
    report = observation.report
    return (
        "the provider refused a history that was flagged; its error says "
        f"{observation.named_kind}, the check predicted effect {report.effect} under "
        f"{shown(report.profile)}"
    )


def _escape(observation: Observation) -> str:
    from toolpair_observe.reporters.text import escape  # noqa: PLC0415

    advice = "run check_messages on this history, and report it"
    if observation.escape_fault == Fault.SERVER:
        advice = "report it to whoever runs the server or gateway"
    elif observation.report.base:
        advice = "measure it again with toolpair-observe probe"
    return f"{escape(observation)}: {advice}"


def _companion(observation: Observation) -> str:
    companion = str(observation.rejected_companion).replace("_", " ")
    return (
        f"{companion}; what stands beside a call is missing or no longer as the model sent it, and "
        f"the pairing is not the reason (the check predicted effect {observation.report.effect} "
        f"under {shown(observation.report.profile)})"
    )
