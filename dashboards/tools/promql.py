"""PromQL with names from the package's table of metrics, so that no name is spelled twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from textwrap import indent
from typing import TYPE_CHECKING, Final, Self

from toolpair_observe import semconv
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Iterable


def label(attribute: str) -> str:
    """Return the Prometheus label of an OpenTelemetry attribute."""
    return semconv.prometheus_label(attribute)


PROVIDER: Final = label(semconv.GEN_AI_PROVIDER_NAME)
MODEL: Final = label(semconv.GEN_AI_REQUEST_MODEL)
EFFECT: Final = label(semconv.EFFECT)
OUTCOME: Final = label(semconv.OUTCOME)
VIOLATION_EFFECT: Final = label(semconv.VIOLATION_EFFECT)
KIND: Final = label(semconv.VIOLATION_KIND)
CAUSE: Final = label(semconv.VIOLATION_CAUSE)
CHANGE: Final = label(semconv.BLAME_CHANGE)
MASKED_KIND: Final = label(semconv.MASKED_KIND)
MASKED_BY: Final = label(semconv.MASKED_BY)
RESULT: Final = label(semconv.FEEDBACK_RESULT)
ERROR_TYPE: Final = label(semconv.ERROR_TYPE)
COMPONENT: Final = label(semconv.COMPONENT)
VERDICT: Final = label(semconv.THREAD_VERDICT)
DATABASE: Final = label(semconv.DB_NAMESPACE)

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class Series:
    """The series of one metric under some matchers; `str()` is the selector.

    Attributes:
        name: The Prometheus name.
        labels: The labels of the metric besides `job` and `instance`.
        matchers: The matchers, in PromQL.
    """

    name: str
    labels: tuple[str, ...] = ()
    matchers: tuple[str, ...] = ()

    @classmethod
    def of(cls, metric: semconv.Metric, suffix: str = "") -> Self:
        """Return all series of `metric`; a histogram needs a suffix such as `_bucket`."""
        return cls(
            semconv.prometheus_name(metric) + suffix,
            tuple(label(attribute) for attribute in metric.labels),
        )

    def where(self, *matchers: str) -> Series:
        """Return the series that also fit `matchers`."""
        return replace(self, matchers=(*self.matchers, *matchers))

    def over(self, window: str) -> str:
        """Return the range selector."""
        return f"{self}[{window}]"

    def __str__(self) -> str:
        return f"{self.name}{{{', '.join(self.matchers)}}}" if self.matchers else self.name


def equals(name: str, value: str) -> str:
    """Return a matcher for one value of a label."""
    return f'{name}="{value}"'


def one_of(name: str, values: Iterable[str]) -> str:
    """Return a matcher for some values of a label."""
    return f'{name}=~"{"|".join(values)}"'


CHECKS: Final = Series.of(semconv.CHECKS)
IS_NEAR_MISS: Final = one_of(EFFECT, (effect.value for effect in Effect if effect.is_near_miss))
IS_SOUND: Final = one_of(EFFECT, (effect.value for effect in Effect if not effect.is_near_miss))
NEAR_MISSES: Final = CHECKS.where(IS_NEAR_MISS)
# A breach that the provider accepts needs no attention.
VIOLATIONS: Final = Series.of(semconv.VIOLATIONS).where(
    one_of(VIOLATION_EFFECT, (effect.value for effect in Effect if effect.is_near_miss))
)
BREACHES: Final = Series.of(semconv.BREACHES)
MASKED: Final = Series.of(semconv.MASKED)
OUTCOMES: Final = Series.of(semconv.OUTCOMES)
DURATION_BUCKETS: Final = Series.of(semconv.CHECK_DURATION, "_bucket")
MESSAGES_BUCKETS: Final = Series.of(semconv.CHECK_MESSAGES, "_bucket")
IN_FLIGHT: Final = Series.of(semconv.RUNS_IN_FLIGHT)
FEEDBACK: Final = Series.of(semconv.FEEDBACK_SUBMISSIONS)
UNCHECKED: Final = Series.of(semconv.UNCHECKED)
INTERNAL_ERRORS: Final = Series.of(semconv.INTERNAL_ERRORS)
THREADS: Final = Series.of(semconv.THREADS)
THREADS_COUNTED: Final = Series.of(semconv.THREADS_COUNTED)


def rate(series: Series, window: str, offset: str = "") -> str:
    """Return the per-second rate of a counter."""
    return f"rate({series.over(window)}{f' offset {offset}' if offset else ''})"


def events(series: Series, window: str) -> str:
    """Return how much a counter grew in `window`, including the first value of a new series.

    `increase()` alone misses the event that creates a series, and those between the start of a
    process and its first scrape. So a series that did not exist at the start of the window counts
    with its whole value.
    """
    return f"{series}\nunless {series} offset {window}\nor increase({series.over(window)})"


def newest(series: Series, window: str) -> str:
    """Return the newest value of a gauge in `window`, however long ago it was told."""
    return f"last_over_time({series.over(window)})"


def seconds(window: str) -> int:
    """Return a window of one unit in seconds."""
    return int(window[:-1]) * _SECONDS[window[-1]]


def total(expression: str, *by: str) -> str:
    """Return the sum of an expression, by some labels."""
    if "\n" in expression:
        expression = f"\n{indent(expression, '  ')}\n"
    return f"sum{_by(by)} ({expression})"


def share(part: str, whole: str) -> str:
    """Return a part of a whole, both already summed by the same labels."""
    return f"{part}\n/ {whole}"


def named(expression: str, name: str) -> str:
    """Return an expression in which a series without the label `name` gets the value (unknown)."""
    return f'label_replace({expression}, "{name}", "(unknown)", "{name}", "")'


def quantile(fraction: float, buckets: Series, window: str, *by: str) -> str:
    """Return a quantile of a classic histogram."""
    return f"histogram_quantile({fraction}, {total(rate(buckets, window), 'le', *by)})"


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)})" if labels else ""
