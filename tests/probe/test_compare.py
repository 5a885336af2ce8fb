"""Two measurements of one endpoint: what is different, and what only looks so."""

from __future__ import annotations

import pytest

from tests.probe.scripted import measurement
from toolpair_observe.probing.compare import changes
from toolpair_observe.probing.measurement import Answer, Verdict


def one(verdict: Verdict, text: str = "", *, probe: str = "a/b", history: str = "H A(x) H"):
    return measurement(Answer(probe, history, verdict, text))


def test_the_same_answers_are_no_change():
    assert changes(one(Verdict.REJECT, "No."), one(Verdict.REJECT, "No.")) == ()


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (Verdict.ACCEPT, Verdict.REJECT),
        (Verdict.REJECT, Verdict.ACCEPT),
        (Verdict.ACCEPT, Verdict.SILENT_LOSS),
        (Verdict.ACCEPT, Verdict.UNSTABLE),
        (Verdict.UNSTABLE, Verdict.REJECT),
    ],
)
def test_another_verdict_is_a_change(then, now):
    (change,) = changes(one(then), one(now))
    assert change.is_of_verdict
    assert not change.is_lost
    assert (change.before.verdict, change.after.verdict) == (then, now)


def test_other_words_are_told_but_are_no_other_verdict():
    (change,) = changes(one(Verdict.REJECT, "No."), one(Verdict.REJECT, "Never."))
    assert not change.is_of_verdict
    assert not change.is_lost


def test_no_answer_now_is_no_change_but_a_loss():
    (change,) = changes(one(Verdict.REJECT), one(Verdict.UNTOLD))
    assert not change.is_of_verdict
    assert change.is_lost


def test_an_answer_where_there_was_none_is_neither():
    (change,) = changes(one(Verdict.UNTOLD), one(Verdict.REJECT))
    assert not change.is_of_verdict
    assert not change.is_lost


def test_what_was_asked_once_only_or_with_another_history_is_not_compared():
    assert changes(one(Verdict.ACCEPT), one(Verdict.REJECT, probe="c/d")) == ()
    assert changes(one(Verdict.ACCEPT), one(Verdict.REJECT, history="H A(x) A H")) == ()


def test_changes_of_verdict_come_first():
    before = measurement(
        Answer("a", "H", Verdict.REJECT, "No."), Answer("b", "A H", Verdict.ACCEPT)
    )
    after = measurement(
        Answer("a", "H", Verdict.REJECT, "Never."), Answer("b", "A H", Verdict.REJECT, "No.")
    )
    assert [each.before.probe for each in changes(before, after)] == ["b", "a"]


def test_a_loss_is_told_neither_way_where_none_is_to_be_seen():
    before = measurement(
        Answer("a", "H T(z)", Verdict.SILENT_LOSS), Answer("b", "H", Verdict.SILENT_LOSS)
    )
    after = measurement(Answer("a", "H T(z)", Verdict.ACCEPT), Answer("b", "H", Verdict.REJECT))
    assert [each.is_of_verdict for each in changes(before, after)] == [True, True]
    refused, unseen = changes(before, after, sees_losses=False)
    assert (refused.before.probe, refused.is_of_verdict) == ("b", True)
    assert (unseen.before.probe, unseen.is_of_verdict, unseen.is_lost) == ("a", False, True)
