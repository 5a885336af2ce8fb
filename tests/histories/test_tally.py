"""Checking histories and counting: by effect, by kind, and against the provider's verdict."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from toolpair_observe.histories import History, Unreadable, read_histories, tally
from toolpair_observe.histories.tally import (
    Agreement,
    Checked,
    NewViolations,
    Tally,
    check_requests,
    profile_for,
    tally_histories,
)
from toolpair_observe.histories.tally import ProviderVerdict as Verdict
from toolpair_observe.pairing.providers.table import profile_named
from toolpair_observe.pairing.words import Effect, ViolationKind


def call(*ids):
    return AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": i} for i in ids])


def history(*messages, **facts):
    return History("h.jsonl", 1, facts.pop("name", ""), list(messages), **facts)


USER = HumanMessage("hello")
RESULT = ToolMessage("18", tool_call_id="a")
CLEAN = (USER, call("a"), RESULT)
BROKEN = (USER, call("a", "b"), RESULT)


@pytest.mark.parametrize(
    ("provider", "profile"),
    [
        ("openai", "openai-chat"),
        ("openai-chat", "openai-chat"),
        ("azure", "azure-openai-chat"),
        ("", "contract"),
        ("nobody", "contract"),
    ],
)
def test_the_provider_that_a_row_names_chooses_the_profile(provider, profile):
    assert profile_for(history(*CLEAN, provider=provider)).name == profile


def test_a_provider_asked_through_a_foreign_api_is_not_judged_by_its_own_rules():
    row = history(*CLEAN, provider="bedrock", api="openai-responses")

    assert profile_for(row).name == "contract"


def test_a_given_profile_wins_over_the_rows_provider():
    given = profile_named("contract")

    (checked,) = check_requests(history(*BROKEN, provider="openai"), given)

    assert checked.report.profile == "contract"
    assert checked.report.effect is Effect.UNKNOWN


@pytest.mark.parametrize(
    ("messages", "provider", "verdict", "kind", "expected"),
    [
        (CLEAN, "openai", "accepted", None, (Verdict.ACCEPTED, Agreement.AGREES)),
        (BROKEN, "openai", "accepted", None, (Verdict.ACCEPTED, Agreement.DISAGREES)),
        (BROKEN, "", "accepted", None, (Verdict.ACCEPTED, Agreement.UNDECIDED)),
        (BROKEN, "openai", "rejected", "missing", (Verdict.REJECTED_PAIRING, Agreement.AGREES)),
        (CLEAN, "openai", "rejected", "missing", (Verdict.REJECTED_PAIRING, Agreement.DISAGREES)),
        (BROKEN, "", "rejected", "missing", (Verdict.REJECTED_PAIRING, Agreement.UNDECIDED)),
        (CLEAN, "openai", "rejected", "other", (Verdict.REJECTED_OTHER, Agreement.AGREES)),
        (BROKEN, "openai", "rejected", "other", (Verdict.REJECTED_OTHER, Agreement.DISAGREES)),
        (BROKEN, "openai", "rejected", None, (None, None)),
        (BROKEN, "openai", None, None, (None, None)),
    ],
)
def test_a_prediction_is_compared_with_the_verdict(messages, provider, verdict, kind, expected):
    row = history(*messages, provider=provider, verdict=verdict, kind=kind)

    (checked,) = check_requests(row)

    assert (checked.verdict, checked.agreement) == expected


def test_the_totals_count_requests_and_conversations():
    unreadable = Unreadable("h.jsonl", 3, "not JSON")
    # Three requests, of which the last two carry the unanswered call.
    trajectory = (*BROKEN, AIMessage("x"), USER, AIMessage("y"))
    found = [
        history(*CLEAN, provider="openai", verdict="accepted"),
        unreadable,
        history(*trajectory, provider="openai", has_prefixes=True),
    ]
    totals = Tally()

    passed_on = list(tally_histories(iter(found), totals))

    assert [type(item) for item in passed_on] == [Checked, Unreadable, Checked, Checked, Checked]
    assert totals.to_dict() == {
        "histories": 2,
        "requests": 4,
        "messages": 9,
        "near_misses": 2,
        "unreadable": 1,
        "effects": {
            "local_error": 0,
            "reject": 2,
            "silent_loss": 0,
            "unknown": 0,
            "accept": 0,
            "clean": 2,
        },
        "profiles": {"openai-chat": 4},
        "kinds": [{"kind": "missing_result", "effect": "reject", "requests": 2}],
        "verdicts": [{"verdict": "accepted", "prediction": "agrees", "requests": 1}],
    }


def test_a_violation_is_new_once_per_history():
    trajectory = (*BROKEN, AIMessage("x"), USER, ToolMessage("?", tool_call_id="z"), AIMessage("y"))
    row = history(*trajectory, provider="openai", has_prefixes=True)
    new_violations = NewViolations()

    kinds = [[found.kind for found in new_violations.of(each)] for each in check_requests(row)]
    again = [found.kind for found in new_violations.of(next(check_requests(history(*BROKEN))))]

    assert kinds == [[], [ViolationKind.MISSING_RESULT], [ViolationKind.ORPHAN_RESULT]]
    assert again == [ViolationKind.MISSING_RESULT]


def test_broken_prefixes_are_checked_up_to_a_bound(monkeypatch):
    monkeypatch.setattr("toolpair_observe.histories.tally.PREFIX_WORK", 20)
    turns = [message for n in range(50) for message in (HumanMessage("x"), call(str(n)))]
    tally = Tally()

    *checked, end = tally_histories(iter([history(*turns, has_prefixes=True)]), tally)

    assert 2 < len(checked) < 10
    assert isinstance(end, Unreadable)
    assert "more than 20 messages, calls and results together" in end.reason
    assert 'take "prefixes" out of the row' in end.reason


def test_a_history_that_breaks_the_check_is_named_and_the_rest_is_checked(monkeypatch):
    real_check = tally.check

    def failing_check(messages, *others):
        if len(messages) == 1:
            msg = "secret content"
            raise RecursionError(msg)
        return real_check(messages, *others)

    monkeypatch.setattr(tally, "check", failing_check)
    totals = Tally()

    found = list(tally_histories(iter([history(USER), history(*CLEAN)]), totals))

    assert str(found[0]) == "h.jsonl:1: the history could not be checked (RecursionError)"
    assert totals.requests == 1
    assert totals.unreadable == 1


def test_no_accepted_request_of_openai_or_azure_is_predicted_to_fail(shared_dir):
    totals = Tally()
    alarms = []
    for path in sorted((shared_dir / "corpora").glob("*.jsonl.gz")):
        for found in tally_histories(read_histories(str(path)), totals):
            if (
                isinstance(found, Checked)
                and found.verdict is Verdict.ACCEPTED
                and found.history.provider in ("openai", "azure")
            ):
                failing = found.report.effect in (Effect.REJECT, Effect.LOCAL_ERROR)
                alarms += [found.history.name] if failing else []

    assert alarms == []
    assert totals.verdicts[Verdict.ACCEPTED, Agreement.AGREES] > 10_000
