"""What requests cost, as far as it can be counted: calls of functions, and bytes kept.

Nothing here takes a time; `python -m tests.benchmarks` does. The limits stand in
`tests.benchmarks.budgets`: where work is saved, lower them; where a test fails, look for what does
more than it did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from tests.benchmarks import budgets
from tests.benchmarks.counted import kept_in_flight, kept_when_over, work_of
from tests.benchmarks.histories import agent, dangling, unanswered
from toolpair_observe import ToolPairHandler
from toolpair_observe.steps import alone, conversations

if TYPE_CHECKING:
    from collections.abc import Iterator

KB = 1_024
LONGER = 100
# Requests that are enough where nothing is sampled.
FEW = 8
# What is left of a run would be an entry in a table with its id at least, of more than a hundred
# bytes. Less is a table that grew elsewhere.
NOTHING = 64


@pytest.fixture
def handler() -> Iterator[ToolPairHandler]:
    """A handler as applications have it: with metrics and spans."""
    made = ToolPairHandler(
        feedback="off",
        tracer_provider=TracerProvider(shutdown_on_exit=False),
        meter_provider=MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False),
    )
    yield made
    made.close()


def test_a_sound_request_makes_few_calls(handler):
    work = work_of(handler, agent(10))

    assert work.calls <= budgets.SOUND_CALLS, "a sound request makes more calls"
    assert work.telemetry <= budgets.SOUND_TELEMETRY_CALLS, "it asks more of OpenTelemetry"
    assert not work.messages_read, "a sound request was looked at closely"


def test_a_message_more_adds_little_to_a_sound_request(handler):
    short, long = (work_of(handler, agent(length)).calls for length in (10, 10 + LONGER))

    each = (long - short) / LONGER
    assert each <= budgets.SOUND_CALLS_A_MESSAGE, "the first look makes more calls a message"


def test_a_near_miss_makes_not_many_more_calls(handler):
    work = work_of(handler, dangling(10), FEW)

    assert work.calls <= budgets.NEAR_MISS_CALLS, "a near miss makes more calls"
    assert work.telemetry <= budgets.NEAR_MISS_TELEMETRY_CALLS, "it asks more of OpenTelemetry"


@pytest.fixture
def _few_conversations(monkeypatch) -> None:
    """Fill the memory of conversations at once, which is full after thousands of requests."""
    monkeypatch.setattr(conversations, "MOST_CONVERSATIONS", 8)
    monkeypatch.setattr(alone, "MOST_ALONE", 8)


@pytest.mark.usefixtures("_few_conversations")
@pytest.mark.parametrize("history", [agent, dangling])
def test_nothing_is_left_of_a_request_that_is_over(handler, history):
    kept = kept_when_over(handler, history(10))
    assert kept < NOTHING, "each request leaves so many bytes behind"


@pytest.mark.usefixtures("_few_conversations")
def test_a_sound_request_in_flight_keeps_little(handler):
    kept = kept_in_flight(handler, agent(100)) / KB
    assert kept <= budgets.SOUND_KEPT_KB, "a sound request in flight keeps more KB"


@pytest.mark.usefixtures("_few_conversations")
def test_a_near_miss_in_flight_keeps_its_report_and_no_history(handler):
    kept = kept_in_flight(handler, dangling(100)) / KB
    assert kept <= budgets.NEAR_MISS_KEPT_KB, "a near miss in flight keeps more KB"
    assert budgets.KEPT_KB.is_kept(kept)


BREACHES = pytest.mark.parametrize("history", [dangling, unanswered])


@BREACHES
def test_the_closer_look_reads_as_much_of_a_long_history(handler, history):
    short, long = (work_of(handler, history(length), 1).messages_read for length in (100, 1_000))

    assert short > 0, "nothing was looked at closely"
    assert long == short, "the closer look reads more of a longer history"


@BREACHES
def test_a_message_more_adds_little_to_a_near_miss(handler, history):
    short, long = (work_of(handler, history(length), 1).calls for length in (100, 1_000))

    each = (long - short) / 900
    assert each <= budgets.NEAR_MISS_CALLS_A_MESSAGE, "the closer look makes more calls a message"
