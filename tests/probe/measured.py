"""A measurement as a gateway could have given it, for the tests of what is made of one."""

from __future__ import annotations

from datetime import date

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from toolpair_observe.pairing.words import Case, Effect
from toolpair_observe.probing.measurement import (
    Answer,
    Endpoint,
    Findings,
    Learned,
    LearnedMechanism,
    Measurement,
    Verdict,
)

WORDS = "tool_calls must be followed by {results} | for 100 %"
ENDPOINT = Endpoint("llm.example.com:8443", "qwen3-32b", "openai-chat", "openai-compatible")
ANSWERS = (
    Answer("sound/one", "H A(x) T(x)", Verdict.ACCEPT, times=2),
    Answer("missing/all_human", "H A(x) H", Verdict.REJECT, WORDS, times=2),
    Answer("orphan/human", "H T(z)", Verdict.SILENT_LOSS),
    Answer("duplicate/same", "H A(x) T(x) T(x)", Verdict.UNSTABLE, times=2),
)
FINDINGS = Findings(
    cases={
        Case.MISSING_ALL: Learned(Effect.REJECT, WORDS, ("missing/all_human",)),
        Case.ORPHAN_AFTER_HUMAN: Learned(Effect.SILENT_LOSS, "", ("orphan/human",)),
        Case.DUPLICATE: Learned(Effect.UNKNOWN, "", ("duplicate/same",)),
    },
    mechanisms=(
        LearnedMechanism("one-call", Effect.REJECT, None, "one call, {please}", ("sound/two",)),
        LearnedMechanism("id-length", Effect.REJECT, 9, "", ("id/41", "id/65")),
    ),
    elsewhere=Effect.ACCEPT,
    unexplained=("mix/two_ai",),
)
MEASUREMENT = Measurement(
    endpoint=ENDPOINT,
    asked_on=date(2026, 12, 1),
    packages={"langchain-openai": "1.7.5", "langchain-core": "1.4.0"},
    requests=61,
    input_tokens=16_042,
    answers=ANSWERS,
    findings=FINDINGS,
)


def messages(history):
    """Read `S H A(x,y) T(x)`: speakers, and the ids of their calls or of their result."""
    return [_message(word[0], word[2:-1].split(",")) for word in history.split()]


def _message(speaker, ids):
    if speaker == "T":
        return ToolMessage("12 degrees", tool_call_id=ids[0])
    if speaker == "A":
        calls = [{"name": "look", "args": {}, "id": each} for each in ids if each]
        return AIMessage("" if calls else "Well.", tool_calls=calls)
    return (HumanMessage if speaker == "H" else SystemMessage)("Go on.")
