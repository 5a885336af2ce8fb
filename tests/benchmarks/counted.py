"""Work that can be counted, the same on every machine: calls, messages read, bytes kept."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks import direct
from toolpair_observe.pairing import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from langchain_core.messages import BaseMessage

    from toolpair_observe import ToolPairHandler

OWN = str(Path(reading.__file__).parents[1])
TELEMETRY = "/opentelemetry/"
WARM_UP = 32
# A multiple of whatever a metric samples.
REQUESTS = 64
IN_FLIGHT = 100
MEASUREMENTS = 8


@dataclass(slots=True)
class Work:
    """What requests did, each on the average.

    Attributes:
        calls: Calls of functions of this package, and calls that it makes itself, in C as well.
            What other packages call in turn is theirs, and differs by version.
        telemetry: Those of them that go to OpenTelemetry.
        messages_read: How many messages the closer look has read.
    """

    calls: float = 0
    telemetry: float = 0
    messages_read: float = 0

    def each_of(self, requests: int) -> Work:
        """Return the average of so many requests."""
        return Work(self.calls / requests, self.telemetry / requests, self.messages_read / requests)


def work_of(
    handler: ToolPairHandler, messages: list[BaseMessage], requests: int = REQUESTS
) -> Work:
    """Count what one request does on the average, from its start to its end."""
    for _ in range(min(WARM_UP, requests)):
        direct.ask(handler, messages)
    with counting() as work:
        for _ in range(requests):
            direct.ask(handler, messages)
    return work.each_of(requests)


@contextmanager
def counting() -> Iterator[Work]:
    """Count the work of this thread."""
    work = Work()
    own_code: dict[Any, bool] = {}

    def is_own(frame: FrameType | None) -> bool:
        if frame is None:
            return False
        code = frame.f_code
        if code not in own_code:
            own_code[code] = code.co_filename.startswith(OWN)
        return own_code[code]

    def count(frame: FrameType, event: str, _: Any) -> None:
        if event == "c_call":
            work.calls += is_own(frame)
        elif event == "call" and (is_own(frame) or is_own(frame.f_back)):
            work.calls += 1
            work.messages_read += frame.f_code is reading.read_fields.__code__
            work.telemetry += TELEMETRY in frame.f_code.co_filename

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield work
    finally:
        sys.setprofile(before)


def kept_in_flight(handler: ToolPairHandler, messages: list[BaseMessage]) -> float:
    """Return the bytes that a request keeps which has begun and not ended.

    The caller closes the handler, which ends them.
    """
    # A table doubles at few of many, the first of them: that is not what one keeps.
    return min(
        _kept(lambda: direct.start(handler, messages), IN_FLIGHT) for _ in range(MEASUREMENTS)
    )


def kept_when_over(handler: ToolPairHandler, messages: list[BaseMessage]) -> float:
    """Return the bytes that a request keeps which is over: the least of some measurements.

    A leak is in each of them; what another thread allocates meanwhile is not.
    """
    ask = lambda: direct.ask(handler, messages)  # noqa: E731
    return min(_kept(ask, IN_FLIGHT) for _ in range(MEASUREMENTS))


def _kept(request: Callable[[], object], requests: int) -> float:
    tracemalloc.start()
    try:
        for _ in range(WARM_UP):
            request()
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(requests):
            request()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / requests
