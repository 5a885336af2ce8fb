"""The counts, and the table of predictions against outcomes."""

from __future__ import annotations

import gc
import os
import threading
import weakref

import pytest
from opentelemetry.metrics import NoOpMeterProvider, get_meter_provider

from tests.handler.models import CountingModel, RefusedError, refuse_pairing
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import Effect, semconv
from toolpair_observe.accuracy import Accuracy
from toolpair_observe.counts import Counts, shared_counts


def check(model="gpt", effect="reject"):
    return (effect, "observe", "openai", model)


def test_it_adds_up():
    counts = Counts()
    counts.add(semconv.CHECKS, check())
    counts.add(semconv.CHECKS, check(), 2)
    assert counts.snapshot(semconv.CHECKS)[check()] == 3


class Held(list):
    __hash__ = object.__hash__


def test_it_shows_what_is_held_and_forgets_who_is_gone():
    counts = Counts()
    first, second = Held("ab"), Held("c")
    counts.watch(first)
    counts.watch(second)
    assert counts.snapshot(semconv.RUNS_IN_FLIGHT) == {(): 3}
    first.pop()
    del second
    assert counts.snapshot(semconv.RUNS_IN_FLIGHT) == {(): 1}


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="zip"):
        Counts().add(semconv.CHECKS, ("reject",))


def test_a_snapshot_stays_as_it_was():
    counts = Counts()
    counts.add(semconv.FEEDBACK_SUBMISSIONS, ("sent", ""))
    before = counts.snapshot(semconv.FEEDBACK_SUBMISSIONS)
    counts.add(semconv.FEEDBACK_SUBMISSIONS, ("sent", ""))
    assert before == {("sent", ""): 1}


def test_what_alerts_read_starts_at_zero():
    counts = Counts()
    assert counts.snapshot(semconv.CHECKS) == {}
    counts.add(semconv.CHECKS, check(effect="clean"))
    assert counts.snapshot(semconv.CHECKS)[check(effect="reject")] == 0
    outcomes = counts.snapshot(semconv.OUTCOMES)
    assert outcomes["escaped", "clean", "openai", "gpt", "check"] == 0
    assert outcomes["escaped", "clean", "openai", "gpt", "server"] == 0
    assert outcomes["rejected", "reject", "openai", "gpt", ""] == 0
    assert not any(outcomes.values())
    assert counts.snapshot(semconv.VIOLATIONS) == {}


def test_models_past_the_limit_are_counted_together():
    counts = Counts(max_label_values=2)
    for model in ("a", "b", "c", "d", "a"):
        counts.add(semconv.CHECKS, check(model))
    totals = counts.snapshot(semconv.CHECKS)
    assert totals[check("a")] == 2
    assert totals[check("b")] == 1
    assert totals[check("_OTHER")] == 2
    assert check("c") not in totals
    counts.add(semconv.OUTCOMES, ("accepted", "reject", "openai", "d", ""))
    assert counts.snapshot(semconv.OUTCOMES)["accepted", "reject", "openai", "_OTHER", ""] == 1


def test_labels_come_out_as_plain_strings():
    counts = Counts()
    counts.add(semconv.CHECKS, (Effect.REJECT, "observe", "openai", "gpt"))
    assert {type(label) for labels in counts.snapshot(semconv.CHECKS) for label in labels} == {str}


def test_nothing_is_lost_between_threads():
    counts = Counts()
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        for turn in range(2000):
            counts.add(semconv.CHECKS, check(str(turn % 3)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts.snapshot(semconv.CHECKS).values()) == 8000


def test_handlers_of_one_meter_provider_share_their_counts():
    one, other = NoOpMeterProvider(), NoOpMeterProvider()
    assert shared_counts(one) is shared_counts(one)
    assert shared_counts(one) is not shared_counts(other)
    assert shared_counts() is shared_counts(get_meter_provider())
    assert shared_counts(one, 7).max_label_values == 100
    assert shared_counts(other, 700).max_label_values == 700


def test_counts_go_with_their_provider():
    provider = NoOpMeterProvider()
    counts = weakref.ref(shared_counts(provider))
    gc.collect()
    assert counts() is shared_counts(provider)
    del provider
    gc.collect()
    assert counts() is None


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


def test_accuracy_says_whose_requests_it_counts(make_handler):
    first = make_handler()
    second = make_handler(meter_provider=first.meter_provider)
    CountingModel().invoke(SOUND, {"callbacks": [second]})
    accuracy = first.accuracy()

    scope = f"all handlers of process {os.getpid()} that report to the same meter provider"
    assert accuracy == second.accuracy()
    assert accuracy.scope == accuracy.to_dict()["scope"] == scope
    assert str(accuracy).endswith(f"\ncounted: the requests of {scope}")


def test_accuracy_is_drawn_for_people():
    table = str(
        Accuracy.of(
            {
                ("rejected", "reject", "openai", "gpt-4o", ""): 12,
                ("accepted", "clean", "openai", "gpt-4o", ""): 345,
                ("accepted", "clean", "", "", ""): 0,
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


def test_a_sound_history_that_a_server_broke_is_no_miss():
    accuracy = Accuracy.of(
        {
            ("escaped", "clean", "openai", "gpt-4o", "check"): 2,
            ("escaped", "clean", "", "served", "server"): 3,
        }
    )

    assert (accuracy.misses, accuracy.server_faults) == (2, 3)
    assert [(row.outcomes["escaped"], row.server_faults) for row in accuracy.rows] == [
        (3, 3),
        (2, 0),
    ]
    assert accuracy.to_dict()["server_faults"] == 3
    assert str(accuracy).endswith("sound and broken by a server: 3")
