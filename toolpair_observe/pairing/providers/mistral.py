"""Mistral's own host."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.first_look import Trait
from toolpair_observe.pairing.late_pattern import LatePattern
from toolpair_observe.pairing.mechanisms.roles import NO_SYSTEM_BEHIND_AI
from toolpair_observe.pairing.providers.hosts import with_own_conversion
from toolpair_observe.pairing.providers.integration import Integration
from toolpair_observe.pairing.providers.places import Home
from toolpair_observe.pairing.providers.profile import Demand, Grade, Profile, Rule, Server
from toolpair_observe.pairing.providers.rules import (
    ALL_TOOL_CALLS,
    MISPLACED,
    RAW_WHERE_NO_OTHER,
    SENT_WITHOUT_ID,
    reject,
    unknown,
)
from toolpair_observe.pairing.providers.steps import (
    forward_blocks,
    refuse,
    refuse_messages,
)
from toolpair_observe.pairing.providers.wire import Wire, step
from toolpair_observe.pairing.turns import Finding
from toolpair_observe.pairing.words import ATTRIBUTES, Carrier, Case, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

_MISTRAL_VALIDATOR = "mistral-common's validator"
_MISTRAL_COUNT = reject(
    Grade.EXECUTED, _MISTRAL_VALIDATOR, "Not the same number of function calls and responses"
)
_MISTRAL_ID = reject(
    Grade.EXECUTED, _MISTRAL_VALIDATOR, "Unexpected tool call id {result_id} in tool results"
)
_MISTRAL_ROLE = reject(
    Grade.REPORTED,
    "onyx-dot-app/onyx#6458, BerriAI/litellm#17761",
    "Unexpected role 'tool' after role",
)
_MISTRAL_RULES: Mapping[Case, Rule] = {
    **dict.fromkeys(
        (
            Case.MISSING_ALL,
            Case.MISSING_SOME,
            Case.DUPLICATE,
            Case.ORPHAN_AMONG_RESULTS,
            *MISPLACED,
        ),
        _MISTRAL_COUNT,
    ),
    **dict.fromkeys(
        (Case.ORPHAN_AFTER_HUMAN, Case.ORPHAN_AFTER_AI, Case.DUPLICATE_LATER, Case.EARLY),
        _MISTRAL_ROLE,
    ),
    Case.ORPHAN_AT_START: unknown("the validator does not look at the first message"),
    Case.ORPHAN_FIRST: _MISTRAL_ROLE,
    Case.MISSING_AT_END: reject(
        Grade.REPORTED,
        "mistral-common's validator and its server's text",
        "Expected last role User or Tool (or Assistant with prefix True) for serving but got "
        "assistant",
    ),
    Case.MISMATCHED: _MISTRAL_ID,
    Case.DUPLICATE_CALL_ID: _MISTRAL_ID,
    Case.DUPLICATE_CALL_ID_ONE_RESULT: _MISTRAL_ID,
    Case.CALL_WITHOUT_ID: _MISTRAL_ID,
    Case.RESULT_WITHOUT_ID: _MISTRAL_ID,
    Case.MISMATCHED_WITHOUT_ID: _MISTRAL_ID,
    Case.INVALID_ID: reject(
        Grade.REPORTED,
        "BibekBhusal0/zen-custom-js#7, and mistral-common's validator",
        "Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9.",
    ),
}
_MISTRAL_DEMANDS: Final = (
    Demand(
        NO_SYSTEM_BEHIND_AI,
        reject(Grade.EXECUTED, _MISTRAL_VALIDATOR, "Unexpected role 'system' after role"),
    ),
)
_OWN_ID = LatePattern(r"[a-zA-Z0-9]{9}")


@step(
    "Send raw calls under the ids that they have, while results get ids of nine characters",
    only_notes=True,
)
def send_raw_ids_as_given(wire: Wire) -> None:
    wire.findings += [
        Finding(Case.INVALID_ID, call, None, turn.index)
        for turn in wire.turns
        for call in turn.calls
        if not call.carriers & ATTRIBUTES and call.id and not _OWN_ID.fullmatch(call.id)
    ]


# Recorders put this in place of ids, whose form nobody knows then.
_REDACTED = LatePattern("redacted", re.IGNORECASE)


@step("Take ids of nine letters and digits only", Trait.ANYTHING)
def take_own_ids_only(wire: Wire) -> None:
    for turn in wire.turns:
        for call in turn.calls:
            if _is_foreign(call.id):
                wire.findings.append(Finding(Case.INVALID_ID, call, None, turn.position))
        for result in turn.results:
            if _is_foreign(result.id):
                wire.findings.append(Finding(Case.INVALID_ID, None, result, turn.position))


def _is_foreign(call_id: str) -> bool:
    return bool(call_id) and not (_OWN_ID.fullmatch(call_id) or _REDACTED.search(call_id))


_FOREIGN_RESULTS = forward_blocks(Carrier.TOOL_RESULT_IN_HUMAN)
_UNKNOWN_TYPE = "ValueError: Got unknown type"
MISTRAL: Final = Profile(
    name="mistral",
    title="Mistral through ChatMistralAI",
    provider="mistral_ai",
    package="langchain-mistralai",
    calls=ALL_TOOL_CALLS,
    results=SENT_WITHOUT_ID,
    rules=_MISTRAL_RULES,
    demands=_MISTRAL_DEMANDS,
    spare_calls=RAW_WHERE_NO_OTHER,
    steps=(
        refuse({Carrier.FUNCTION: _UNKNOWN_TYPE}),
        refuse_messages(_UNKNOWN_TYPE, Role.REMOVE),
        _FOREIGN_RESULTS,
        send_raw_ids_as_given,
    ),
    server=Server((_FOREIGN_RESULTS, take_own_ids_only)),
)

# It shows its own URL whatever client it was given. Its models are served by others, too (vLLM):
# what Mistral's host refuses passes there, and the other way round.
_MISTRAL_HOME: Final = Home(
    frozenset({"api.mistral.ai"}), ("endpoint",), maker="mistral", url_tells=False
)

INTEGRATIONS: Final = (
    Integration(
        "mistralai-chat",
        "langchain.chat_models.mistralai.ChatMistralAI",
        frozenset({"mistral"}),
        with_own_conversion(MISTRAL, _MISTRAL_HOME),
    ),
)
