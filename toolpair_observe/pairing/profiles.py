"""The table of profiles: one entry per provider and integration, each rule with its source.

Grades: a documented, b reported error text, c executed, d inferred. A case that an entry does not
list is accepted by that provider.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.pair import Case
from toolpair_observe.pairing.profile import Grade, Profile, Rule
from toolpair_observe.pairing.report import Effect
from toolpair_observe.pairing.transcript import Carrier

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTRACT_SOURCE = "LangChain's page on INVALID_TOOL_RESULTS"
_CONTRACT_RULE = Rule(Effect.UNKNOWN, Grade.DOCUMENTED, _CONTRACT_SOURCE)

# Breaches of provider-specific rules that the contract does not know.
_BEYOND_CONTRACT = frozenset(
    {
        Case.REUSED_CALL_ID,
        Case.INVALID_ID,
        Case.HUMAN_AFTER_TOOL,
        Case.RESULT_ORDER,
        Case.TEXT_BEFORE_RESULT,
        Case.SERVER_TOOL_UNPAIRED,
        Case.UNSUPPORTED_RESULT,
    }
)

CONTRACT: Final = Profile(
    name="contract",
    title="LangChain's contract, for a model that is not identified",
    provider="",
    package="langchain-core",
    calls=frozenset(
        {
            Carrier.TOOL_CALL,
            Carrier.INVALID_TOOL_CALL,
            Carrier.TOOL_USE,
            Carrier.RESPONSES_ITEM,
            Carrier.STANDARD_BLOCK,
            Carrier.STANDARD_INVALID_BLOCK,
        }
    ),
    results=frozenset(
        {
            Carrier.TOOL_MESSAGE,
            Carrier.TOOL_RESULT_IN_TOOL,
            Carrier.TOOL_RESULT_IN_HUMAN,
            Carrier.RESPONSES_OUTPUT,
            Carrier.CHAT_TOOL,
        }
    ),
    rules={case: _CONTRACT_RULE for case in Case if case not in _BEYOND_CONTRACT},
)

_MISSING_TEXT = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
    "'tool_call_id'. The following tool_call_ids did not have response messages: {ids}"
)
_ORPHAN_TEXT = (
    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
    "'tool_calls'."
)
_MISSING = Rule(
    Effect.REJECT, Grade.REPORTED, "RamiAwar/dataline#172, BerriAI/litellm#10696", _MISSING_TEXT
)
_ORPHAN = Rule(
    Effect.REJECT, Grade.REPORTED, "BerriAI/litellm#4931, crewAIInc/crewAI#1620", _ORPHAN_TEXT
)
_INTERLEAVED = Rule(
    Effect.REJECT, Grade.REPORTED, "livekit/agents#1977, pydantic/pydantic-ai#2360", _MISSING_TEXT
)
_NO_ID = Rule(
    Effect.REJECT,
    Grade.REPORTED,
    "MadcowD/ell#325, vercel/ai#2177",
    "Missing parameter 'tool_call_id': messages with role 'tool' must have a 'tool_call_id'.",
)

_OPENAI_CHAT_RULES: Mapping[Case, Rule] = {
    Case.MISSING_ALL: _MISSING,
    Case.MISSING_SOME: _MISSING,
    Case.MISSING_AT_END: Rule(
        Effect.UNKNOWN, Grade.INFERRED, "no report of a request that ends there", _MISSING_TEXT
    ),
    Case.ORPHAN_FIRST: _ORPHAN,
    Case.ORPHAN_AFTER_HUMAN: _ORPHAN,
    Case.ORPHAN_AFTER_AI: _ORPHAN,
    Case.ORPHAN_AMONG_RESULTS: Rule(
        Effect.REJECT,
        Grade.REPORTED,
        "public code that handles the text",
        "Invalid parameter: 'tool_call_id' of '{id}' not found in 'tool_calls' of previous "
        "message.",
    ),
    Case.DUPLICATE: Rule(
        Effect.REJECT,
        Grade.REPORTED,
        "agno-agi/agno#5116, fatwang2/search2ai#30",
        "Invalid parameter: Duplicate value for 'tool_call_id' of '{id}', in "
        "messages[{first_position}] and messages[{position}].",
    ),
    Case.DUPLICATE_LATER: _ORPHAN,
    Case.MISMATCHED: Rule(
        Effect.REJECT,
        Grade.REPORTED,
        "public code that handles the text",
        "Invalid parameter: 'tool_call_id' of '{result_id}' not found in 'tool_calls' of previous "
        "message.",
    ),
    Case.AFTER_HUMAN: _INTERLEAVED,
    Case.AFTER_SYSTEM: _INTERLEAVED,
    Case.AFTER_AI: _INTERLEAVED,
    Case.LATE: _INTERLEAVED,
    Case.EARLY: _ORPHAN,
    Case.DUPLICATE_CALL_ID: Rule(Effect.UNKNOWN, Grade.INFERRED, "no report"),
    Case.CALL_WITHOUT_ID: _NO_ID,
    Case.RESULT_WITHOUT_ID: _NO_ID,
    Case.INVALID_ID: Rule(
        Effect.REJECT,
        Grade.REPORTED,
        "public code that handles the text; vLLM's chatcmpl-tool-<uuid> ids have 46 characters",
        "Invalid 'messages[{position}].{id_field}': string too long. Expected a string with "
        "maximum length 40, but got a string with length {length} instead.",
    ),
}

OPENAI_CHAT: Final = Profile(
    name="openai-chat",
    title="OpenAI Chat Completions through ChatOpenAI",
    provider="openai",
    package="langchain-openai",
    calls=frozenset({Carrier.TOOL_CALL, Carrier.INVALID_TOOL_CALL}),
    results=frozenset({Carrier.TOOL_MESSAGE, Carrier.CHAT_TOOL}),
    rules=_OPENAI_CHAT_RULES,
    id_max=40,
)

AZURE_OPENAI_CHAT: Final = Profile(
    name="azure-openai-chat",
    title="Azure OpenAI chat completions through AzureChatOpenAI",
    provider="azure.ai.openai",
    package="langchain-openai",
    calls=OPENAI_CHAT.calls,
    results=OPENAI_CHAT.results,
    rules=_OPENAI_CHAT_RULES,
    id_max=40,
)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {profile.name: profile for profile in (CONTRACT, OPENAI_CHAT, AZURE_OPENAI_CHAT)}
)


def profile_named(name: str) -> Profile:
    """Return the profile called `name`.

    Raises:
        ValueError: There is no such profile; the message lists the names.
    """
    try:
        return PROFILES[name]
    except KeyError:
        msg = f"no profile is called {name!r}; choose one of: {', '.join(PROFILES)}"
        raise ValueError(msg) from None
