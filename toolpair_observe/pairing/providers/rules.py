"""What the families' rules are made of: how a rule is written, and groups that several use.

Grades: a documented, b reported error text, c executed, d inferred. A case that a profile does not
list is accepted by that provider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolpair_observe.pairing.providers.profile import Grade, Rule
from toolpair_observe.pairing.words import ATTRIBUTES, Carrier, Case, Effect

if TYPE_CHECKING:
    from collections.abc import Mapping


def reject(grade: Grade, source: str, text: str = "") -> Rule:
    """Return the rule of a provider that answers with an error."""
    return Rule(Effect.REJECT, grade, source, text)


def raises(source: str, text: str) -> Rule:
    """Return the rule of an integration that raises before any request."""
    return Rule(Effect.LOCAL_ERROR, Grade.EXECUTED, source, text)


def unknown(source: str, text: str = "") -> Rule:
    """Return the rule of a case that no evidence settles."""
    return Rule(Effect.UNKNOWN, Grade.INFERRED, source, text)


def disputed(source: str, text: str = "") -> Rule:
    """Return the rule of a case that was refused in one report and taken in another."""
    return Rule(Effect.UNKNOWN, Grade.REPORTED, source, text)


NO_REPORT = "no report"
ACCEPT = Rule(Effect.ACCEPT, Grade.EXECUTED, "executed through the integration")
TOOL_CALLS = frozenset({Carrier.TOOL_CALL})
# OpenAI's clients send the calls as the API gave them of a message whose attributes hold none.
RAW_WHERE_NO_OTHER: Mapping[Carrier, frozenset[Carrier]] = {Carrier.RAW_CALL: ATTRIBUTES}
ALL_TOOL_CALLS = frozenset({Carrier.TOOL_CALL, Carrier.INVALID_TOOL_CALL})
TOOL_MESSAGES = frozenset({Carrier.TOOL_MESSAGE})
SENT_WITHOUT_ID = frozenset({Carrier.TOOL_MESSAGE, Carrier.CHAT_TOOL})
ORPHANS = (
    Case.ORPHAN_AT_START,
    Case.ORPHAN_FIRST,
    Case.ORPHAN_AFTER_HUMAN,
    Case.ORPHAN_AFTER_AI,
    Case.ORPHAN_AMONG_RESULTS,
)
MISPLACED = (Case.AFTER_HUMAN, Case.AFTER_SYSTEM, Case.AFTER_AI, Case.LATE)
RESPONSES_BLOCKS = (Carrier.FUNCTION_CALL_BLOCK, Carrier.RESPONSES_ITEM)

# Servers that speak the protocol without the check: nothing is known to be refused.
UNCHECKED: Mapping[Case, Rule] = {
    case: unknown(NO_REPORT)
    for case in (
        Case.MISSING_ALL,
        Case.MISSING_SOME,
        Case.MISSING_AT_END,
        *ORPHANS,
        Case.DUPLICATE,
        Case.DUPLICATE_LATER,
        Case.MISMATCHED,
        *MISPLACED,
        Case.EARLY,
        Case.DUPLICATE_CALL_ID,
        Case.DUPLICATE_CALL_ID_ONE_RESULT,
        Case.CALL_WITHOUT_ID,
        Case.RESULT_WITHOUT_ID,
        Case.MISMATCHED_WITHOUT_ID,
        Case.UNSUPPORTED_RESULT,
    )
}
