"""The counts, and the table of predictions against outcomes."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from opentelemetry.metrics import NoOpMeterProvider, get_meter_provider

from tests.handler.models import CountingModel, RefusedError, refuse_pairing
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import counts as stats
from toolpair_observe.accuracy import Accuracy
from toolpair_observe.counts import LABELS, Metric, Stats, shared_stats


def check(model="gpt", effect="reject"):
    return (effect, "observe", "openai", model)


def test_it_adds_up():
    counts = Stats()
    counts.add(Metric.CHECKS, check())
    counts.add(Metric.CHECKS, check(), 2)
    assert counts.snapshot(Metric.CHECKS)[check()] == 3


class Held(list):
    __hash__ = object.__hash__


def test_it_shows_what_is_held_and_forgets_who_is_gone():
    counts = Stats()
    first, second = Held("ab"), Held("c")
    counts.watch(first)
    counts.watch(second)
    assert counts.snapshot(Metric.IN_FLIGHT) == {(): 3}
    first.pop()
    del second
    assert counts.snapshot(Metric.IN_FLIGHT) == {(): 1}


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="zip"):
        Stats().add(Metric.CHECKS, ("reject",))


def test_a_snapshot_stays_as_it_was():
    counts = Stats()
    counts.add(Metric.FEEDBACK, ("sent", ""))
    before = counts.snapshot(Metric.FEEDBACK)
    counts.add(Metric.FEEDBACK, ("sent", ""))
    assert before == {("sent", ""): 1}


def test_what_alerts_read_starts_at_zero():
    counts = Stats()
    assert counts.snapshot(Metric.CHECKS) == {}
    counts.add(Metric.CHECKS, check(effect="clean"))
    assert counts.snapshot(Metric.CHECKS)[check(effect="reject")] == 0
    outcomes = counts.snapshot(Metric.OUTCOMES)
    assert outcomes["escaped", "clean", "openai", "gpt"] == 0
    assert outcomes["rejected", "reject", "openai", "gpt"] == 0
    assert not any(outcomes.values())
    assert counts.snapshot(Metric.VIOLATIONS) == {}


def test_models_past_the_limit_are_counted_together():
    counts = Stats(max_label_values=2)
    for model in ("a", "b", "c", "d", "a"):
        counts.add(Metric.CHECKS, check(model))
    totals = counts.snapshot(Metric.CHECKS)
    assert totals[check("a")] == 2
    assert totals[check("b")] == 1
    assert totals[check("_OTHER")] == 2
    assert check("c") not in totals
    counts.add(Metric.OUTCOMES, ("accepted", "reject", "openai", "d"))
    assert counts.snapshot(Metric.OUTCOMES)["accepted", "reject", "openai", "_OTHER"] == 1


def test_labels_come_out_as_plain_strings():
    counts = Stats()
    counts.add(Metric.CHECKS, (stats.Effect.REJECT, "observe", "openai", "gpt"))
    assert {type(label) for labels in counts.snapshot(Metric.CHECKS) for label in labels} == {str}


def test_nothing_is_lost_between_threads():
    counts = Stats()
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        for turn in range(2000):
            counts.add(Metric.CHECKS, check(str(turn % 3)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts.snapshot(Metric.CHECKS).values()) == 8000


def test_handlers_of_one_meter_provider_share_their_counts():
    one, other = NoOpMeterProvider(), NoOpMeterProvider()
    assert shared_stats(one) is shared_stats(one)
    assert shared_stats(one) is not shared_stats(other)
    assert shared_stats() is shared_stats(get_meter_provider())
    assert shared_stats(one, 7).max_label_values == 100
    assert shared_stats(other, 700).max_label_values == 700


def test_counts_go_with_their_provider():
    provider = NoOpMeterProvider()
    counts = weakref.ref(shared_stats(provider))
    gc.collect()
    assert counts() is shared_stats(provider)
    del provider
    gc.collect()
    assert counts() is None


def test_every_metric_names_its_labels():
    assert set(LABELS) == set(Metric)


def test_accuracy_tells_predictions_from_outcomes(make_handler):
    handler = make_handler()
    CountingModel().invoke(SOUND, {"callbacks": [handler]})
    CountingModel().invoke(BROKEN, {"callbacks": [handler]})
    for history in (SOUND, BROKEN, BROKEN):
        with pytest.raises(RefusedError):
            CountingModel(before=refuse_pairing).invoke(history, {"callbacks": [handler]})
    accuracy = handler.accuracy()
    assert (accuracy.hits, accuracy.misses, accuracy.false_alarms) == (2, 1, 1)
    reject, clean = accuracy.rows
    assert (reject.effect, reject.outcomes["rejected"], reject.outcomes["accepted"]) == (
        "reject",
        2,
        1,
    )
    assert reject.total == 3
    assert clean.outcomes["escaped"] == 1
    assert accuracy.to_dict()["rows"][0] == {
        "provider": "openai",
        "model": "",
        "effect": "reject",
        "outcomes": {"rejected": 2, "accepted": 1},
    }


def test_accuracy_is_drawn_for_people():
    table = str(
        Accuracy.of(
            {
                ("rejected", "reject", "openai", "gpt-4o"): 12,
                ("accepted", "clean", "openai", "gpt-4o"): 345,
                ("accepted", "clean", "", ""): 0,
            }
        )
    ).splitlines()
    assert [line.split() for line in table[:3]] == [
        ["provider", "model", "predicted", "blocked", "rejected", "escaped", "accepted", "failed",
         "cancelled", "abandoned"],
        ["openai", "gpt-4o", "reject", ".", "12", ".", ".", ".", ".", "."],
        ["openai", "gpt-4o", "clean", ".", ".", ".", "345", ".", ".", "."],
    ]  # fmt: skip
    assert table[3].startswith("refused as flagged: 12,")
