"""A step that is said to only note leaves the turns as they are, whatever the history is."""

from __future__ import annotations

from copy import copy

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.amounts import examples
from toolpair_observe.pairing.facts import NO_FACTS, Facts
from toolpair_observe.pairing.pair import pair
from toolpair_observe.pairing.predict import as_turn
from toolpair_observe.pairing.providers.wire import Wire
from toolpair_observe.pairing.reading import read_transcript

from .histories import broken_histories
from .test_closer_look import LEAVES

NOTING = {step: leaf for leaf in LEAVES for step in leaf.steps if step.only_notes}
FACTS = [NO_FACTS, Facts(tools_bound=False), Facts(server_state=True)]


@settings(max_examples=examples(200), suppress_health_check=list(HealthCheck), deadline=None)
@given(history=broken_histories(), facts=st.sampled_from(FACTS))
def test_a_step_that_only_notes_changes_no_turn(history, facts):
    transcript = read_transcript(history)
    for step, profile in NOTING.items():
        entries = transcript.entries
        turns = [as_turn(entry, profile.calls_of(entry), profile.results) for entry in entries]
        wire = Wire(transcript, pair(turns), facts, list(turns))
        before = [copy(turn) for turn in turns]
        step.run(wire)
        assert wire.left is None, step.says
        assert wire.turns == before, step.says


def test_there_are_profiles_that_send_what_they_are_given():
    as_given = {leaf.name for leaf in LEAVES if leaf.sends_as_given}
    assert {"contract", "openai-chat"} <= as_given
    assert "anthropic" not in as_given
