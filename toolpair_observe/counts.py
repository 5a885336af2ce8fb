"""Counts of what was checked and what became of it: one locked dict, read at collection.

A synchronous OpenTelemetry counter with four attributes takes some forty times as long as a dict
entry, and a request needs two or more. So the handler counts here, and observable instruments read
the totals when an exporter collects.

There is one `Counts` for each meter provider, shared by all handlers that report to it: an SDK
keeps only the first callback of an observable instrument that is created twice, so if each handler
had its own counts, only the first handler's would be exported. `shared_counts` returns the shared
ones. A forked child starts from zero, because the parent goes on reporting its counts.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Final

from toolpair_observe import semconv
from toolpair_observe.forks import in_child, reset_in_child
from toolpair_observe.otel_api import global_meter_provider
from toolpair_observe.pairing.refusals.fault import Fault
from toolpair_observe.pairing.words import Effect, Outcome

if TYPE_CHECKING:
    from collections.abc import Sized

    from opentelemetry.metrics import MeterProvider

    from toolpair_observe.semconv import Metric

OTHER: Final = "_OTHER"
DEFAULT_MAX_LABEL_VALUES: Final = 100


# Labels whose values come from outside the package, so that there could be many.
_FOLDED: Final = frozenset(
    {semconv.GEN_AI_PROVIDER_NAME, semconv.GEN_AI_REQUEST_MODEL, semconv.ERROR_TYPE}
)

# A series that appears with its first event hides that event from `increase()`, so those that
# alerts read start at 0 as soon as a provider and model are seen.
ZERO_STARTED_EFFECTS: Final = tuple(effect for effect in Effect if effect is not Effect.ACCEPT)
ZERO_STARTED_OUTCOMES: Final = (
    (Outcome.BLOCKED, Effect.LOCAL_ERROR),
    (Outcome.BLOCKED, Effect.REJECT),
    (Outcome.BLOCKED, Effect.SILENT_LOSS),
    (Outcome.BLOCKED, Effect.UNKNOWN),
    (Outcome.REJECTED, Effect.LOCAL_ERROR),
    (Outcome.REJECTED, Effect.REJECT),
    (Outcome.REJECTED, Effect.SILENT_LOSS),
    (Outcome.REJECTED, Effect.UNKNOWN),
    (Outcome.ESCAPED, Effect.CLEAN),
    (Outcome.ACCEPTED, Effect.CLEAN),
    (Outcome.ACCEPTED, Effect.LOCAL_ERROR),
    (Outcome.ACCEPTED, Effect.REJECT),
    (Outcome.ACCEPTED, Effect.SILENT_LOSS),
    (Outcome.ACCEPTED, Effect.UNKNOWN),
    (Outcome.FAILED, Effect.CLEAN),
    (Outcome.ABANDONED, Effect.CLEAN),
)
# The label on escapes, and on everything else.
_FAULTS: Final = tuple(fault.value for fault in Fault)
_NO_FAULT: Final = ("",)


class Counts:
    """Totals since the start of the process, or since the fork.

    Args:
        max_label_values: How many different values of a label are kept apart. Later ones are
            counted together as `_OTHER`.
    """

    def __init__(self, max_label_values: int = DEFAULT_MAX_LABEL_VALUES) -> None:
        self.max_label_values = max_label_values
        self._live: weakref.WeakSet[Sized] = weakref.WeakSet()
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Forget everything that was counted."""
        # Reentrant, because the garbage collector may close an abandoned stream, and with it call
        # a handler, at any bytecode of a thread that holds the lock.
        self._lock = threading.RLock()
        self._totals: dict[Metric, dict[tuple[str, ...], int]] = {
            metric: {} for metric in semconv.COUNTED
        }
        self._known: dict[str, set[str]] = {label: set() for label in _FOLDED}

    def add(self, metric: Metric, labels: tuple[str, ...] = (), n: int = 1) -> int:
        """Count `n` more of `metric` under the values of its labels, in the order of the labels.

        Returns:
            How many those are now.
        """
        totals = self._totals[metric]
        with self._lock:
            if labels in totals:
                totals[labels] = total = totals[labels] + n
                return total
            return self._add_new(metric, labels, n)

    def _add_new(self, metric: Metric, labels: tuple[str, ...], n: int) -> int:
        totals = self._totals[metric]
        folded = tuple(
            self._fold(label, value) for label, value in zip(metric.labels, labels, strict=True)
        )
        totals[folded] = total = totals.get(folded, 0) + n
        if metric is semconv.CHECKS:
            _, mode, provider, model = folded
            for effect in ZERO_STARTED_EFFECTS:
                totals.setdefault((effect.value, mode, provider, model), 0)
            outcomes = self._totals[semconv.OUTCOMES]
            for outcome, effect in ZERO_STARTED_OUTCOMES:
                for fault in _FAULTS if outcome is Outcome.ESCAPED else _NO_FAULT:
                    outcomes.setdefault((outcome.value, effect.value, provider, model, fault), 0)
        return total

    def _fold(self, label: str, value: str) -> str:
        # `str` of a string enum is its plain value, which every exporter takes.
        value = str(value)
        if label not in _FOLDED:
            return value
        known = self._known[label]
        if value not in known:
            if len(known) >= self.max_label_values:
                return OTHER
            known.add(value)
        return value

    def watch(self, live: Sized) -> None:
        """Count what `live` holds at any time as runs in flight."""
        with self._lock:
            self._live.add(live)

    def snapshot(self, metric: Metric) -> dict[tuple[str, ...], int]:
        """Return a copy of the totals of `metric`, by their labels."""
        with self._lock:
            totals = dict(self._totals[metric])
            if metric is semconv.RUNS_IN_FLIGHT:
                totals[()] = totals.get((), 0) + sum(map(len, self._live))
            return totals

    def fold_provider(self, provider: str) -> str:
        """Return `provider`, or `_OTHER` where too many providers have been seen already.

        For instruments that are not read from here and still need the same bound.
        """
        with self._lock:
            return self._fold(semconv.GEN_AI_PROVIDER_NAME, provider)


_GLOBAL_PROVIDER = Counts(max_label_values=0)
_BY_PROVIDER: weakref.WeakKeyDictionary[MeterProvider, Counts] = weakref.WeakKeyDictionary()
_registry_lock = threading.RLock()


def shared_counts(
    meter_provider: MeterProvider | None = None,
    max_label_values: int = DEFAULT_MAX_LABEL_VALUES,
) -> Counts:
    """Return the counts of all handlers that report to `meter_provider`.

    Args:
        meter_provider: The provider that the handler was given; None for the global one. The
            global one given explicitly is the same as None.
        max_label_values: The handler's bound; the largest of all that share the counts holds.

    Returns:
        The one `Counts` of that provider, which lives as long as the provider.
    """
    with _registry_lock:
        if meter_provider is None or meter_provider is global_meter_provider():
            counts = _GLOBAL_PROVIDER
        else:
            counts = _BY_PROVIDER.setdefault(meter_provider, Counts(max_label_values))
        counts.max_label_values = max(counts.max_label_values, max_label_values)
        return counts


@in_child
def _renew_lock() -> None:
    global _registry_lock  # noqa: PLW0603 -- another thread may have held it at the fork
    _registry_lock = threading.RLock()
