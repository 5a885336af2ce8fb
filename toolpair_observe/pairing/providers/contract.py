"""LangChain's contract: what holds where the provider is not known."""

from __future__ import annotations

from typing import Final

from toolpair_observe.pairing.providers.profile import Grade, Profile, Rule
from toolpair_observe.pairing.words import (
    ATTRIBUTES,
    EVERY_CALL,
    EVERY_RESULT,
    Carrier,
    Case,
    Effect,
)

_CONTRACT_SOURCE = "LangChain's page on INVALID_TOOL_RESULTS"
_CONTRACT_RULE = Rule(Effect.UNKNOWN, Grade.DOCUMENTED, _CONTRACT_SOURCE)

# Breaches of provider-specific rules that the contract does not know.
_BEYOND_CONTRACT = frozenset(
    {
        Case.REUSED_CALL_ID,
        Case.INVALID_ID,
        Case.UNDOCUMENTED_ID,
        Case.HUMAN_AFTER_TOOL,
        Case.RESULT_ORDER,
        Case.TEXT_BEFORE_RESULT,
        Case.SERVER_TOOL_UNPAIRED,
        Case.UNSUPPORTED_RESULT,
        Case.UNSUPPORTED_CALL,
        Case.UNSUPPORTED_CLASS,
        Case.CALL_SENT_TWICE,
        Case.BAD_ARGUMENTS,
        Case.SEVERAL_CALLS,
        Case.ROLE_REFUSED,
        Case.NOT_DRAWN,
        Case.NOT_RENDERED,
        Case.RESULT_WITHOUT_NAME,
        Case.SYSTEM_AFTER_TOOL,
        Case.CALL_FIRST,
        Case.CALL_NOT_SENT,
        Case.TEXT_AFTER_CALL,
        Case.CONTENT_AFTER_CALL,
        Case.RESULT_IN_AI_TURN,
        Case.SERVER_RESULT_UNPAIRED,
        Case.RESULT_OF_OTHER_TOOL,
    }
)

CONTRACT: Final = Profile(
    name="contract",
    title="LangChain's contract, for a model that is not identified",
    provider="",
    package="langchain-core",
    calls=EVERY_CALL,
    results=EVERY_RESULT,
    lets_async_wait=True,
    spare_calls={Carrier.RAW_CALL: ATTRIBUTES},
    rules={case: _CONTRACT_RULE for case in Case if case not in _BEYOND_CONTRACT},
)
