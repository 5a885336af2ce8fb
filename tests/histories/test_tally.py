"""The totals: by effect, by kind, and against the providers' answers."""

from __future__ import annotations

import pytest

from tests.histories.units import BROKEN, CLEAN, USER, judged
from toolpair_observe.histories import DEFAULT_LIMITS, read_units
from toolpair_observe.histories.judging import Judged, judge_unit
from toolpair_observe.histories.tally import Agreement, Tally, agreement
from toolpair_observe.histories.unit import Extent, Recorded, Row, Status
from toolpair_observe.pairing.words import Effect, ViolationKind


@pytest.mark.parametrize(
    ("effect", "recorded", "expected"),
    [
        (Effect.CLEAN, Recorded.ACCEPTED, Agreement.AGREES),
        (Effect.SILENT_LOSS, Recorded.ACCEPTED, Agreement.AGREES),
        (Effect.REJECT, Recorded.ACCEPTED, Agreement.DISAGREES),
        (Effect.LOCAL_ERROR, Recorded.ACCEPTED, Agreement.DISAGREES),
        (Effect.UNKNOWN, Recorded.ACCEPTED, Agreement.UNDECIDED),
        (Effect.REJECT, Recorded.REJECTED, Agreement.AGREES),
        (Effect.CLEAN, Recorded.REJECTED, Agreement.DISAGREES),
        (Effect.UNKNOWN, Recorded.REJECTED, Agreement.UNDECIDED),
    ],
)
def test_a_prediction_is_compared_with_the_answer(effect, recorded, expected):
    assert agreement(effect, recorded) is expected


def test_the_totals_count_requests_and_conversations():
    # Three requests, of which the last two carry the unanswered call.
    trajectory = (*BROKEN, USER, *CLEAN[1:], USER)
    totals = Tally()
    totals.add(judged(CLEAN, provider="openai", recorded=Recorded.ACCEPTED))
    totals.add(judged(CLEAN, provider="openai", recorded=Recorded.FAILED))
    totals.add(judged(trajectory, provider="openai", extent=Extent.PREFIXES))
    row = Row({}, 3)
    for reason in ("message 1: unknown key 'a'", "message 22: unknown key 'a'"):
        totals.add(Judged(unit=row.unreadable("x", reason)))
    totals.add(Judged(unit=row.no_request("x", "tool run")))

    assert (totals.conversations, totals.requests, totals.messages) == (3, 4, 13)
    assert totals.near_misses == 1
    assert totals.effects == {Effect.CLEAN: 3, Effect.REJECT: 1}
    assert totals.profiles == {"openai-chat": 4}
    assert totals.kinds == {(ViolationKind.MISSING_RESULT, Effect.REJECT): 1}
    assert totals.verdicts == {(Recorded.ACCEPTED, Agreement.AGREES): 1}
    assert totals.not_requests == {"tool run": 1}
    assert totals.unreadable == {"message N: unknown key 'a'": 2}


def test_reasons_are_told_apart_up_to_a_bound():
    totals = Tally()
    row = Row({}, 1)
    for number in range(5_000):
        name = "".join(chr(97 + int(digit)) for digit in str(number))
        totals.add(Judged(unit=row.unreadable("x", f"unknown key '{name}'")))

    assert len(totals.unreadable) == 1_001
    assert totals.unreadable.total() == 5_000


def test_no_accepted_request_of_openai_or_azure_is_predicted_to_fail(shared_dir):
    totals = Tally()
    alarms = []
    for path in sorted((shared_dir / "corpora").glob("*.jsonl.gz")):
        for unit in read_units(str(path)):
            found = judge_unit(unit, DEFAULT_LIMITS)
            totals.add(found)
            assert found.unit.status is Status.CHECKED, found.unit
            if unit.recorded is Recorded.ACCEPTED and unit.origin.provider in ("openai", "azure"):
                failing = found.effect in (Effect.REJECT, Effect.LOCAL_ERROR)
                alarms += [unit.name] if failing else []

    assert alarms == []
    assert totals.verdicts[Recorded.ACCEPTED, Agreement.AGREES] > 10_000
