"""Whose fault it is that a history which the check had passed was refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from toolpair_observe import check_messages
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.refusals.fault import STAND_FOR_OTHERS, Fault, fault_of
from toolpair_observe.pairing.refusals.recognize import read_rejection
from toolpair_observe.pairing.report import PairingReport, Violation
from toolpair_observe.pairing.words import Cause, Effect, ViolationKind

OPENAIS = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
    "'tool_call_id'. The following tool_call_ids did not have response messages: call_Mine1"
)
CONVERTERS = "No call message found for call_Mine1"
TEMPLATES = "Jinja Exception: Tool call IDs should be alphanumeric strings with length 9!"

ACCEPTED = Violation(
    kind=ViolationKind.MISPLACED_RESULT,
    effect=Effect.ACCEPT,
    cause=Cause.UNKNOWN,
    message_index=3,
    call_message_index=1,
    tool_call_id="call_Mine1",
    tool_name="search",
)


def _fault(text: str, profile: str, *violations: Violation, identified: bool = True) -> Fault:
    rejection = read_rejection(text)
    assert rejection is not None
    effect = Effect.worst(*(each.effect for each in violations))
    report = PairingReport(profile, violations, effect, 4, 1, 1)
    return fault_of(rejection, report, identified=identified)


@pytest.mark.parametrize("profile", sorted(PROFILES.keys() - STAND_FOR_OTHERS))
def test_a_known_provider_that_refuses_a_sound_history_is_a_miss_of_the_check(profile: str):
    assert _fault(OPENAIS, profile) is Fault.CHECK


@pytest.mark.parametrize("profile", sorted(STAND_FOR_OTHERS))
def test_whoever_stands_for_others_broke_the_sound_history(profile: str):
    assert _fault(OPENAIS, profile) is Fault.SERVER


def test_who_is_not_identified_broke_it_whatever_profile_judged():
    assert _fault(OPENAIS, "openai-responses", identified=False) is Fault.SERVER


@pytest.mark.parametrize("text", [CONVERTERS, TEMPLATES])
def test_a_converters_words_are_a_servers_under_any_profile(text: str):
    assert _fault(text, "openai-responses") is Fault.SERVER


@pytest.mark.parametrize("text", [OPENAIS, CONVERTERS])
def test_a_breach_that_the_profile_let_pass_is_the_checks_own(text: str):
    assert _fault(text, "ollama", ACCEPTED, identified=False) is Fault.CHECK


def test_the_profiles_that_stand_for_others_exist():
    assert PROFILES.keys() >= STAND_FOR_OTHERS


@pytest.mark.parametrize("text", [OPENAIS, CONVERTERS, TEMPLATES])
def test_a_measured_profile_should_have_known_what_its_own_endpoint_refuses(text: str):
    rejection = read_rejection(text)
    report = check_messages([], replace(PROFILES["ollama"], name="measured:a/b", base="ollama"))

    assert rejection is not None
    assert report.ok
    assert fault_of(rejection, report, identified=True) is Fault.CHECK
