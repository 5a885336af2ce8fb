"""A handler with its own counts, and a process without a seam before and after each test."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.metrics import NoOpMeterProvider

from toolpair_observe import semconv
from toolpair_observe.attach import runs, seam
from toolpair_observe.attach.handler import ToolPairHandler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolpair_observe.semconv import Metric


class WatchedHandler(ToolPairHandler):
    """A handler whose counts a test can read."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.meter_provider = options.setdefault("meter_provider", NoOpMeterProvider())
        options.setdefault("profile", "openai-chat")
        super().__init__(*args, **options)

    def counted(self, metric: Metric) -> Counter[tuple[str, ...]]:
        """What was counted, without the series that only start at 0."""
        return +Counter(self._pipeline.counts.snapshot(metric))

    @property
    def outcomes(self) -> Counter[str]:
        """How many requests had which outcome."""
        found: Counter[str] = Counter()
        for (outcome, *_), count in self.counted(semconv.OUTCOMES).items():
            found[outcome] += count
        return found

    @property
    def predictions(self) -> Counter[tuple[str, str]]:
        """How many requests had which predicted effect and outcome."""
        found: Counter[tuple[str, str]] = Counter()
        for (outcome, effect, *_), count in self.counted(semconv.OUTCOMES).items():
            found[effect, outcome] += count
        return found

    @property
    def checks(self) -> int:
        """How many checks were counted."""
        return self.counted(semconv.CHECKS).total()

    @property
    def internal_errors(self) -> Counter[tuple[str, ...]]:
        """Internal errors, by type and component."""
        return self.counted(semconv.INTERNAL_ERRORS)

    @property
    def in_flight(self) -> int:
        """Runs in flight, as the metric shows them."""
        return self._pipeline.counts.snapshot(semconv.RUNS_IN_FLIGHT)[()]


@pytest.fixture
def make_handler() -> Iterator[Callable[..., WatchedHandler]]:
    """Make handlers that are closed after the test and must have no internal errors."""
    made: list[WatchedHandler] = []

    def make(*args: Any, **options: Any) -> WatchedHandler:
        made.append(WatchedHandler(*args, **options))
        return made[-1]

    yield make
    for handler in made:
        handler.close()


@pytest.fixture(autouse=True)
def _clean_process(monkeypatch) -> Iterator[None]:
    for variable in list(os.environ):
        if variable.startswith(("TOOLPAIR_", "LANGSMITH_", "LANGCHAIN_", "OTEL_")):
            monkeypatch.delenv(variable)
    _forget_seam()
    yield
    assert not runs._open, "the test left runs in flight; close its handlers"
    assert seam._current.get() is None
    runs._dropped.clear()
    _forget_seam()


def _forget_seam() -> None:
    seam.uninstall()
    seam._Seam.broken = False
