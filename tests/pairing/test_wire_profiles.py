"""A captured body meets the provider's own rules, and nothing of any integration."""

from __future__ import annotations

import pickle

import pytest

from toolpair_observe.histories.dialects.dialect import Dialect
from toolpair_observe.histories.judging import judge_unit
from toolpair_observe.histories.limits import ReadLimits
from toolpair_observe.histories.unit import Conversation, Layer, Unit
from toolpair_observe.pairing.closer_look import judge
from toolpair_observe.pairing.facts import NO_FACTS, Facts
from toolpair_observe.pairing.providers.bodies import on_wire
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.transcript import Call, Entry, Result, Transcript
from toolpair_observe.pairing.words import Carrier, Case, Effect, Role

CALL = Carrier.TOOL_CALL
RESULT = Carrier.TOOL_MESSAGE


def body(*said: str, call: Carrier = CALL, result: Carrier = RESULT) -> Transcript:
    """Build a transcript: `U` and `S` say something, `A:a,b` calls, `T:a` answers, `UT:a` both."""
    entries = []
    for index, word in enumerate(said):
        role, _, ids = word.partition(":")
        named = [each.partition("/") for each in ids.split(",")] if ":" in word else []
        entry = Entry(index, ROLES[role], has_text=role in {"U", "S", "UT"} or word == "A")
        for block, (id_, _, name) in enumerate(named):
            if role == "A":
                entry.calls.append(Call(index, id_, name or "look", frozenset({call})))
            else:
                found = Result(index, id_, name or None, result, block=block)
                entry.results.append(found)
                if role == "UT":
                    entry.behind_text.append(found)
        entries.append(entry)
    return Transcript(entries)


ROLES = {"U": Role.HUMAN, "S": Role.SYSTEM, "A": Role.AI, "T": Role.TOOL, "UT": Role.HUMAN}
NINE = "abcdefgh1"


def effect(profile: str, transcript: Transcript, facts: Facts = NO_FACTS) -> Effect:
    return judge(transcript, on_wire(PROFILES[profile]), facts).effect


@pytest.mark.parametrize("name", PROFILES)
def test_the_name_and_the_provider_stay(name):
    wire = on_wire(PROFILES[name])
    assert (wire.name, wire.provider) == (name, PROFILES[name].provider)


@pytest.mark.parametrize("name", PROFILES)
def test_no_error_or_loss_of_an_integration_is_left(name):
    profiles = [on_wire(PROFILES[name])]
    profiles += [row.profile for row in profiles[0].rows]
    for profile in profiles:
        effects = {rule.effect for rule in profile.rules.values()}
        assert not effects & {Effect.LOCAL_ERROR, Effect.SILENT_LOSS}
        assert not any(row.before for row in profile.rows)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize(
    ("call", "result"),
    [
        (Carrier.TOOL_USE, Carrier.TOOL_MESSAGE),
        (Carrier.CONVERSE_BLOCK, Carrier.TOOL_MESSAGE),
        (Carrier.FUNCTION_CALL_BLOCK, Carrier.RESPONSES_OUTPUT),
        (Carrier.RESPONSES_ITEM, Carrier.RESPONSES_OUTPUT),
        (Carrier.INVALID_TOOL_CALL, Carrier.TOOL_MESSAGE),
        (Carrier.RAW_CALL, Carrier.TOOL_MESSAGE),
    ],
)
def test_every_carrier_counts(name, call, result):
    sound = body("U", f"A:{NINE}", f"T:{NINE}", "A", call=call, result=result)
    broken = body("U", f"A:{NINE}", "U", call=call, result=result)

    wire = on_wire(PROFILES[name])

    assert judge(sound, wire).violations == ()
    (violation,) = judge(broken, wire).violations
    assert violation.kind == "missing_result"


def test_functions_of_the_time_before_tools_are_nobodys_breach():
    transcript = body("U", "A", "U")
    transcript.entries[1].calls.append(Call(1, "", "look", frozenset({Carrier.LEGACY_CALL})))
    assert effect("openai-chat", transcript) is Effect.CLEAN


TABLE = {
    # The provider joins turns of one side.
    "anthropic joins": ("anthropic", body("U", "A:a", "A:b", "T:a", "T:b"), "accept"),
    "anthropic wants results first": ("anthropic", body("U", "A:a", "UT:a"), "reject"),
    "invoke does not reorder": ("bedrock-invoke", body("U", "A:a", "UT:a"), "reject"),
    "vertex does not reorder": ("anthropic-vertex", body("U", "A:a", "UT:a"), "reject"),
    "anthropic refuses ids": ("anthropic", body("U", "A:a.b", "T:a.b"), "reject"),
    "a system message is no error": ("anthropic", body("S", "U", "A:a", "T:a", "S", "U"), "clean"),
    "gemini joins": ("google-genai", body("U", "A:a", "A:b", "T:a", "T:b"), "accept"),
    "gemini gets orphans": ("google-genai", body("U", "T:a", "U"), "reject"),
    "gemini gets misplaced ones": ("google-genai", body("U", "A:a", "U", "A", "T:a"), "reject"),
    "gemini counts": ("google-genai", body("U", "A:a,b", "T:a"), "reject"),
    "gemini by name and order": ("google-genai", body("U", "A:a,b", "T:b", "T:a"), "clean"),
    "gemini by another name": (
        "google-genai",
        body("U", "A:a/look", "T:a/see"),
        "clean",
    ),
    "gemini has no empty list": ("google-genai", body("T:a"), "reject"),
    "vertex crashes on nothing": ("google-vertexai", body("T:a", "U"), "reject"),
    "responses pairs anywhere": ("openai-responses", body("U", "A:a", "U", "T:a"), "accept"),
    "responses has all reused calls": (
        "openai-responses",
        body("U", "A:a", "T:a", "A:a", "T:a"),
        "clean",
    ),
    "responses: 64": ("openai-responses", body("U", "A:" + "a" * 65, "T:" + "a" * 65), "reject"),
    "openai: 40": ("openai-chat", body("U", "A:" + "a" * 41, "T:" + "a" * 41), "reject"),
    "mistral: nine": ("mistral", body("U", f"A:{NINE}", f"T:{NINE}"), "clean"),
    "mistral: not ten": ("mistral", body("U", f"A:{NINE}2", f"T:{NINE}2"), "reject"),
    "mistral: not one": ("mistral", body("U", "A:a", "T:a"), "reject"),
    "mistral: redacted": ("mistral", body("U", "A:call_REDACTED_1", "T:call_REDACTED_1"), "clean"),
    "cohere raises nothing": ("cohere", body("U", "A:a"), "unknown"),
    "ollama loses nothing": ("ollama", body("U", "A:a,b", "T:b", "T:a"), "clean"),
    "converse wants ids": ("bedrock-converse", body("U", "A:", "T:"), "reject"),
    "converse in the next message": (
        "bedrock-converse",
        body("U", "A:a,b", "T:a", "T:b", result=Carrier.CONVERSE_RESULT),
        "reject",
    ),
    "converse in one message": (
        "bedrock-converse",
        body("U", "A:a,b", "T:a,b", result=Carrier.CONVERSE_RESULT),
        "clean",
    ),
    "converse in messages of another form": (
        "bedrock-converse",
        body("U", "A:a,b", "T:a", "T:b"),
        "clean",
    ),
    "openai knows no foreign block": (
        "openai-chat",
        body("U", "A:a", "UT:a", result=Carrier.TOOL_RESULT_IN_HUMAN),
        "reject",
    ),
}


@pytest.mark.parametrize(("profile", "transcript", "expected"), TABLE.values(), ids=list(TABLE))
def test_the_provider_judges_what_arrives(profile, transcript, expected):
    assert effect(profile, transcript) == expected


def test_no_tools_bound_changes_no_body():
    broken = body("U", "A:a", "U")
    assert effect("bedrock-converse", broken, Facts(tools_bound=False)) is Effect.REJECT


def test_rules_by_model_stay():
    mixed = body("U", "A:a", "UT:a", result=Carrier.CONVERSE_RESULT)
    llama = Facts(model="meta.llama3-1-70b-instruct-v1:0")
    assert effect("bedrock-converse-other", mixed, llama) is Effect.REJECT
    assert effect("bedrock-converse-other", mixed, Facts(model="amazon.nova")) is Effect.CLEAN


def test_rules_by_version_are_the_integrations():
    sound = body("U", "A:a", "T:a")
    assert effect("anthropic", sound, Facts(version="1.0.0")) is Effect.CLEAN
    assert (
        on_wire(PROFILES["google-genai"])
        .row(Facts(version="2.0"))
        .rules[Case.MISSING_ALL]
        .text.startswith("Please ensure that the number")
    )


@pytest.mark.parametrize("name", PROFILES)
def test_a_wire_profile_is_pickled_by_its_name(name):
    wire = on_wire(PROFILES[name])
    assert pickle.loads(pickle.dumps(wire)) is wire


# Entries are read already.
ENTRIES = Dialect(
    "entries",
    claims=lambda _: True,
    read=lambda entries: Transcript(list(entries)),
    is_ai=lambda entry: entry.role is Role.AI,
)


@pytest.mark.parametrize(
    ("layer", "expected"), [(Layer.LANGCHAIN, "silent_loss"), (Layer.WIRE, "reject")]
)
def test_a_profile_that_is_given_judges_a_body_as_a_body(layer, expected):
    unit = Unit(
        line=1,
        row="",
        format="test",
        layer=layer,
        conversations=(Conversation(body("U", "T:a", "U").entries),),
        dialect=ENTRIES,
    )
    judged = judge_unit(unit, ReadLimits(), PROFILES["google-genai"])
    assert (judged.effect, judged.target.profile.name) == (expected, "google-genai")
