"""What is skipped of a trajectory's prefixes is what a check of each would have found."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from tests.amounts import examples
from tests.histories.units import judged
from tests.oracle.histories import broken_histories, sound_histories
from toolpair_observe.histories.unit import Extent
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.facts import Facts
from toolpair_observe.pairing.providers.by_name import profile_named
from toolpair_observe.pairing.providers.table import PROFILES

TURNS = [[HumanMessage("And?"), AIMessage("Well.")], [AIMessage("Well.")], [HumanMessage("And?")]]


@st.composite
def trajectories(draw):
    parts = draw(
        st.lists(
            st.one_of(broken_histories(), sound_histories(), st.sampled_from(TURNS)), max_size=4
        )
    )
    return [message for part in parts for message in part]


def prefixes(messages):
    before = None
    for position, message in enumerate(messages):
        is_ai = isinstance(message, AIMessage)
        if is_ai and before is not None and not isinstance(before, AIMessage):
            yield messages[:position]
        before = message


@pytest.mark.parametrize("name", PROFILES)
@settings(
    deadline=None,
    max_examples=examples(30),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(messages=trajectories())
def test_a_trajectory_comes_to_what_its_requests_come_to(name, messages):
    profile = profile_named(name)
    reports = [check(prefix, profile, Facts()) for prefix in prefixes(messages)]

    found = judged(messages, extent=Extent.PREFIXES, profile=profile)

    assert found.effects == Counter(report.effect for report in reports)
    assert set(found.kinds) == {each.kind for report in reports for each in report.violations}
