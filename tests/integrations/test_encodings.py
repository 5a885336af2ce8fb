"""A call that stands in several encodings: what each client sends of them is what is predicted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from toolpair_observe.pairing.facts import Facts
from toolpair_observe.pairing.pair import pair
from toolpair_observe.pairing.predict import as_turn
from toolpair_observe.pairing.providers.sending import send
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.reading import read_transcript
from toolpair_observe.pairing.words import Case, Effect

from .encodings import MIXED, histories
from .recorders import INTEGRATIONS
from .wire import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.providers.wire import Wire

    from .recorders import Integration, Recorder, WireResult

PREDICTED = [name for name, one in INTEGRATIONS.items() if one.profile]
# These send no ids, or others.
WITHOUT_IDS = {"gemini", "ollama", "mistral"}


def wire_of(integration: Integration, messages: list[BaseMessage]) -> Wire:
    """What the profile says that is sent."""
    facts = Facts(
        version=integration.version, **({"tools_bound": integration.tools} | integration.facts)
    )
    profile = PROFILES[integration.profile].row(facts)
    transcript = read_transcript(messages)
    turns = [as_turn(e, profile.calls_of(e), profile.results) for e in transcript.entries]
    return send(transcript, pair(turns), facts, [turn.copy() for turn in turns], profile.steps)


def predicted_calls(integration: Integration, messages: list[BaseMessage]) -> Counter[str] | None:
    """Ids of the calls that are said to be sent; None where the integration is said to raise."""
    wire = wire_of(integration, messages)
    if any(note.effect is Effect.LOCAL_ERROR for note in wire.notes):
        return None
    calls = [call for turn in wire.turns for call in turn.calls]
    calls += [n.call for n in wire.notes if n.call and n.case is Case.CALL_SENT_TWICE]
    # A step that makes a call of its own finds it unanswered, or its id used twice.
    made = {Case.MISSING_ALL, Case.MISSING_SOME, Case.MISSING_AT_END, Case.DUPLICATE_CALL_ID}
    calls += [finding.call for finding in wire.findings if finding.call and finding.case in made]
    return Counter("" if integration.wire in WITHOUT_IDS else call.id for call in calls)


def sent_calls(integration: Integration, result: WireResult) -> Counter[str] | None:
    """Ids of the calls that were sent; None where the integration raised."""
    if result.body is None:
        return None
    turns = parse(integration.wire, result.body)
    calls = [item.id for turn in turns for item in turn.of("call")]
    # `function_call` alone is no tool call, and asks for no ToolMessage.
    for message in result.body.get("messages", ()):
        calls += [None] if message.get("function_call") and message.get("tool_calls") else []
    known = {"call_one", "call_two"}
    return Counter(
        "" if integration.wire in WITHOUT_IDS else call_id if call_id in known else "new"
        for call_id in calls
    )


@pytest.mark.parametrize("name", PREDICTED)
def test_the_calls_that_are_sent_are_the_calls_that_are_paired(
    name: str, recorder_of: Callable[[str], Recorder]
) -> None:
    recorder = recorder_of(name)
    integration = recorder.integration
    wrong = []
    for case, message in MIXED.items():
        for told, messages in histories(message).items():
            predicted = predicted_calls(integration, messages)
            sent = sent_calls(integration, recorder.send(messages))
            if predicted is None or sent is None:
                same = predicted is sent
            else:
                # A call without an id, or under a new one, is compared by its number.
                same = predicted.total() == sent.total() and all(
                    predicted[key] >= sent[key] for key in ("call_one", "call_two")
                )
            if not same:
                wrong.append(f"{case}, {told}: predicted {predicted}, sent {sent}")
    assert not wrong, f"{integration}:\n" + "\n".join(wrong)
