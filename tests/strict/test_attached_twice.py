"""However often and wherever a handler is attached, a request is checked and counted once."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from tests.strict.conversations import BROKEN, SOUND
from tests.strict.rig import Attached, Traces
from tests.strict.siblings import AsyncSibling
from tests.strict.ways import WAYS, Way
from toolpair_observe import InvalidToolResultsError, ToolPairHandler

CALLS = 3


class Counts:
    """The numbers that an exporter would see."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader], shutdown_on_exit=False)

    def __getitem__(self, metric: str) -> dict[tuple[str, str], int]:
        """The non-zero sums of a metric by outcome (or mode) and effect."""
        data = self._reader.get_metrics_data()
        points = [
            point
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for one in scope.metrics
            if one.name == metric
            for point in one.data.data_points
        ]
        label = "toolpair.outcome" if metric == "toolpair.outcomes" else "toolpair.mode"
        return {
            (str(p.attributes[label]), str(p.attributes["toolpair.effect"])): int(p.value)
            for p in points
            if p.value
        }


@pytest.fixture
def counts():
    counts = Counts()
    yield counts
    counts.provider.shutdown()


@pytest.fixture
def make(counts):
    made = []

    def make(mode):
        handler = ToolPairHandler(
            mode=mode,
            profile="openai-chat",
            feedback="off",
            meter_provider=counts.provider,
        )
        made.append(handler)
        return handler

    yield make
    for handler in made:
        handler.close()


def run(rig, way: Way, messages, on_model, in_config) -> tuple[Traces, int]:
    """Make the calls; return the observations, and how many runs langchain-core started."""
    witness = AsyncSibling()
    attached = Attached(on_model, [*in_config, witness])
    return rig.watch(way, attached, messages, times=CALLS), witness.started


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_two_handlers_in_three_places_count_each_sound_request_once(rig, counts, make, way: Way):
    one, other = make("observe"), make("observe")
    traces, started = run(rig, way, SOUND, [one], [other, one, other])
    assert traces.errors == [None] * CALLS
    assert traces.requests == started == CALLS * way.sends
    assert counts["toolpair.checks"] == {("observe", "clean"): started}
    assert counts["toolpair.outcomes"] == {("accepted", "clean"): started}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_any_strict_one_blocks_and_each_request_is_counted_once(rig, counts, make, way: Way):
    observing, strict = make("observe"), make("strict")
    traces, started = run(rig, way, BROKEN, [strict], [observing, strict, observing])
    assert [type(error) for error in traces.errors] == [InvalidToolResultsError] * CALLS
    assert traces.requests == 0
    assert sum(counts["toolpair.checks"].values()) == started
    outcomes = counts["toolpair.outcomes"]
    assert sum(outcomes.values()) == started
    assert outcomes[("blocked", "reject")] >= CALLS
    # The other prompts of a `generate` are innocent.
    assert outcomes.keys() <= {("blocked", "reject"), ("cancelled", "clean")}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_of_two_observing_handlers_one_emits(rig, counts, make, way: Way):
    elsewhere = Counts()
    other = ToolPairHandler(
        mode="observe",
        profile="openai-chat",
        feedback="off",
        meter_provider=elsewhere.provider,
    )
    _, started = run(rig, way, SOUND, [], [make("observe"), other])
    other.close()
    for metric in ("toolpair.checks", "toolpair.outcomes"):
        emitted = [*counts[metric].values(), *elsewhere[metric].values()]
        assert sum(emitted) == started
    elsewhere.provider.shutdown()
