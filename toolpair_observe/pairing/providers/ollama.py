"""Ollama."""

from __future__ import annotations

from typing import Final

from toolpair_observe.pairing.first_look import Trait
from toolpair_observe.pairing.providers.integration import Integration, always
from toolpair_observe.pairing.providers.profile import Profile
from toolpair_observe.pairing.providers.rules import RESPONSES_BLOCKS, SENT_WITHOUT_ID, TOOL_CALLS
from toolpair_observe.pairing.providers.steps import (
    answers_by_turn,
    match,
    refuse,
    refuse_blocks,
    refuse_messages,
)
from toolpair_observe.pairing.providers.wire import Wire, step
from toolpair_observe.pairing.words import Carrier, Role

_OLLAMA_TYPE = "TypeError: Received unsupported message type for Ollama."
_OLLAMA_PART = "ValueError: Unsupported message content type."


@step(
    "Pair results with calls as a provider does that sees neither ids nor names",
    Trait.OTHER_ORDER,
    only_notes=True,
)
def match_positions(wire: Wire) -> None:
    # The n-th result behind an AI turn with calls belongs to its n-th call.
    for turn, answering in answers_by_turn(wire.turns, past_text=True):
        for result, call in zip(answering, turn.calls, strict=False):
            match(wire, result, call)


OLLAMA: Final = Profile(
    name="ollama",
    title="Ollama through ChatOllama",
    provider="ollama",
    package="langchain-ollama",
    calls=TOOL_CALLS,
    results=SENT_WITHOUT_ID,
    rules={},
    steps=(
        refuse(
            {
                Carrier.TOOL_RESULT_IN_HUMAN: _OLLAMA_PART,
                Carrier.RESPONSES_OUTPUT: _OLLAMA_PART,
                Carrier.TOOL_RESULT_IN_TOOL: _OLLAMA_PART,
                Carrier.CONVERSE_RESULT: _OLLAMA_PART,
            }
        ),
        refuse({Carrier.FUNCTION: _OLLAMA_TYPE}),
        refuse_messages(_OLLAMA_TYPE, Role.REMOVE),
        refuse_blocks(
            _OLLAMA_PART,
            *RESPONSES_BLOCKS,
            Carrier.STANDARD_BLOCK,
            Carrier.STANDARD_INVALID_BLOCK,
            Carrier.CONVERSE_BLOCK,
            server_calls=True,
            unpacks_standard=True,
        ),
        match_positions,
    ),
    ids_matter=False,
)

# It runs anywhere, so any base URL is its own, and it refuses nothing.
INTEGRATIONS: Final = (
    Integration(
        "chat-ollama",
        "langchain_ollama.chat_models.ChatOllama",
        frozenset({"ollama"}),
        always(OLLAMA),
    ),
)
