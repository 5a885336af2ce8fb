"""Cohere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.providers.integration import Integration
from toolpair_observe.pairing.providers.openai_like import OPENAI_COMPATIBLE
from toolpair_observe.pairing.providers.places import Home, at_home
from toolpair_observe.pairing.providers.profile import Grade, Row, Server
from toolpair_observe.pairing.providers.rules import (
    RESPONSES_BLOCKS,
    TOOL_CALLS,
    TOOL_MESSAGES,
    UNCHECKED,
    raises,
    reject,
)
from toolpair_observe.pairing.providers.steps import (
    lose_blocks,
    miss_empty_ids,
    refuse,
    refuse_blocks,
    refuse_last,
    refuse_messages,
    refuse_null_ids,
)
from toolpair_observe.pairing.providers.wire import Wire, step
from toolpair_observe.pairing.turns import Finding
from toolpair_observe.pairing.words import Carrier, Case, Role

if TYPE_CHECKING:
    from toolpair_observe.pairing.transcript import Call

_COHERE_LAST = "ValueError: The last message is not an ToolMessage or HumanMessage"
_COHERE_TYPE = "ValueError: Got unknown type"
_COHERE_ID = "pydantic ValidationError: 1 validation error for ToolCallV2"
_COHERE_MISSING = reject(Grade.REPORTED, "oracle/langchain-oracle#10")


@step(
    "Take a call for unanswered whose result stands before it, where no result stands after it",
    only_notes=True,
)
def miss_early_results(wire: Wire) -> None:
    asked: dict[str, Call] = {}
    answered: set[Call] = set()
    for turn in wire.turns:
        answered.update(asked[result.id] for result in turn.results if result.id in asked)
        asked.update({call.id: call for call in turn.calls})
    for turn, after in zip(wire.turns, wire.turns[1:], strict=False):
        for call in turn.calls:
            answer = wire.given.answer.get(call)
            came_early = answer is not None and answer.index < call.index
            if came_early and call not in answered and not after.results:
                wire.findings.append(Finding(Case.MISSING_ALL, call, None, turn.index))


_COHERE = replace(
    OPENAI_COMPATIBLE,
    name="cohere",
    title="Cohere through ChatCohere",
    provider="cohere",
    package="langchain-cohere",
    calls=TOOL_CALLS,
    spare_calls={},
    results=TOOL_MESSAGES,
    rules={
        **UNCHECKED,
        Case.MISSING_AT_END: raises("the integration's own check", _COHERE_LAST),
    },
    steps=(
        refuse_last(_COHERE_LAST, *(role for role in Role if role not in (Role.HUMAN, Role.TOOL))),
        refuse_null_ids(_COHERE_ID),
        refuse({Carrier.CHAT_TOOL: _COHERE_TYPE, Carrier.FUNCTION: _COHERE_TYPE}),
        refuse_messages(_COHERE_TYPE, Role.CHAT, Role.REMOVE),
        lose_blocks(Carrier.TOOL_RESULT_IN_HUMAN, Carrier.CONVERSE_RESULT),
        refuse_blocks(
            "pydantic ValidationError: validation error for AssistantChatMessageV2",
            Carrier.TOOL_USE,
            Carrier.STANDARD_BLOCK,
            Carrier.STANDARD_INVALID_BLOCK,
            Carrier.V1_BLOCK,
            Carrier.V1_INVALID_BLOCK,
            Carrier.CONVERSE_BLOCK,
            *RESPONSES_BLOCKS,
            server_calls=True,
        ),
        miss_early_results,
        miss_empty_ids,
    ),
    server=Server((miss_early_results, miss_empty_ids)),
)
# Command A wants all results, Command R and R+ go on without.
COHERE: Final = replace(
    _COHERE,
    rows=(
        Row(
            replace(
                _COHERE,
                rules={
                    **_COHERE.rules,
                    Case.MISSING_ALL: _COHERE_MISSING,
                },
            ),
            models="command-a",
        ),
    ),
)

_COHERE_HOME: Final = Home(
    frozenset({"cohere.com", "cohere.ai"}),
    ("base_url",),
    ("CO_API_URL",),
    maker="cohere",
    silence_tells=True,
)

INTEGRATIONS: Final = (
    Integration(
        "cohere-chat",
        "langchain_cohere.chat_models.ChatCohere",
        frozenset({"cohere"}),
        at_home(COHERE, _COHERE_HOME),
    ),
)
