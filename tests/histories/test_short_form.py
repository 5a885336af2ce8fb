"""Messages that are a role and what is said."""

from __future__ import annotations

import pytest

from tests.histories.reading import UNREADABLE, checked, judge_list
from toolpair_observe.histories.dialects.short_form import SHORT_FORM
from toolpair_observe.histories.unit import Extent

TALK = [{"system": "Be brief."}, {"user": "Who?"}, {"assistant": "I."}, {"user": "{{ more }}"}]


def test_a_conversation_makes_no_calls():
    assert judge_list(SHORT_FORM, TALK) == checked(1)
    assert judge_list(SHORT_FORM, [*TALK, {"ai": "x"}], Extent.PREFIXES) == checked(2)


@pytest.mark.parametrize(
    "message", [{"tool": "x"}, {"user": ["x"]}, {"user": "x", "tool_calls": [1]}, {}, "user", None]
)
def test_what_is_not_known_is_refused(message):
    assert judge_list(SHORT_FORM, [*TALK, message]) == UNREADABLE


@pytest.mark.parametrize(
    ("message", "claimed"),
    [({"user": "x"}, True), ({"user": {}}, False), ({"user": "x", "id": 1}, False), ({}, False)],
)
def test_a_message_is_claimed_by_its_only_key(message, claimed):
    assert SHORT_FORM.claims(message) is claimed
