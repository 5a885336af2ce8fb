"""OpenAI's two APIs, at OpenAI and at Azure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from toolpair_observe.pairing.first_look import Trait
from toolpair_observe.pairing.providers.integration import Choice, ModelCall, is_given, name_in
from toolpair_observe.pairing.providers.places import unproven
from toolpair_observe.pairing.providers.profile import Grade, Profile, Rule, Server
from toolpair_observe.pairing.providers.reads import PARAMS
from toolpair_observe.pairing.providers.rules import (
    ALL_TOOL_CALLS,
    NO_REPORT,
    ORPHANS,
    RAW_WHERE_NO_OTHER,
    SENT_WITHOUT_ID,
    reject,
    unknown,
)
from toolpair_observe.pairing.providers.steps import (
    forward_blocks,
    lose_blocks,
    refuse,
    refuse_messages,
)
from toolpair_observe.pairing.providers.wire import Wire, step
from toolpair_observe.pairing.words import Carrier, Case, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolpair_observe.pairing.transcript import Call

# --- Chat Completions ----------------------------------------------------------------------------

_MISSING_TEXT = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
    "'tool_call_id'. The following tool_call_ids did not have response messages: {ids}"
)
_OPENAI_MISSING = reject(
    Grade.REPORTED, "RamiAwar/dataline#172, BerriAI/litellm#10696", _MISSING_TEXT
)
_OPENAI_ORPHAN = reject(
    Grade.REPORTED,
    "BerriAI/litellm#4931, crewAIInc/crewAI#1620",
    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
    "'tool_calls'.",
)
_OPENAI_STRANGER = reject(
    Grade.REPORTED,
    "public code that handles the text",
    "Invalid parameter: 'tool_call_id' of '{result_id}' not found in 'tool_calls' of previous "
    "message.",
)
_OPENAI_INTERLEAVED = reject(
    Grade.REPORTED, "livekit/agents#1977, pydantic/pydantic-ai#2360", _MISSING_TEXT
)
_OPENAI_NO_ID = reject(
    Grade.REPORTED,
    "MadcowD/ell#325, vercel/ai#2177",
    "Missing parameter 'tool_call_id': messages with role 'tool' must have a 'tool_call_id'.",
)
_OPENAI_DUPLICATE = reject(
    Grade.REPORTED,
    "agno-agi/agno#5116, fatwang2/search2ai#30",
    "Invalid parameter: Duplicate value for 'tool_call_id' of '{id}', in "
    "messages[{first_position}] and messages[{position}].",
)

OPENAI_CHAT_RULES: Final[Mapping[Case, Rule]] = {
    Case.MISSING_ALL: _OPENAI_MISSING,
    Case.MISSING_SOME: _OPENAI_MISSING,
    Case.MISSING_AT_END: unknown("no report of a request that ends there", _MISSING_TEXT),
    Case.ORPHAN_AT_START: _OPENAI_ORPHAN,
    Case.ORPHAN_FIRST: _OPENAI_ORPHAN,
    Case.ORPHAN_AFTER_HUMAN: _OPENAI_ORPHAN,
    Case.ORPHAN_AFTER_AI: _OPENAI_ORPHAN,
    Case.ORPHAN_AMONG_RESULTS: _OPENAI_STRANGER,
    Case.DUPLICATE: _OPENAI_DUPLICATE,
    Case.DUPLICATE_LATER: _OPENAI_ORPHAN,
    Case.MISMATCHED: _OPENAI_STRANGER,
    Case.AFTER_HUMAN: _OPENAI_INTERLEAVED,
    Case.AFTER_SYSTEM: _OPENAI_INTERLEAVED,
    Case.AFTER_AI: _OPENAI_INTERLEAVED,
    Case.LATE: _OPENAI_INTERLEAVED,
    Case.EARLY: _OPENAI_ORPHAN,
    Case.DUPLICATE_CALL_ID: _OPENAI_DUPLICATE,
    Case.DUPLICATE_CALL_ID_ONE_RESULT: unknown(NO_REPORT),
    Case.CALL_WITHOUT_ID: _OPENAI_NO_ID,
    Case.RESULT_WITHOUT_ID: _OPENAI_NO_ID,
    Case.MISMATCHED_WITHOUT_ID: _OPENAI_NO_ID,
    Case.UNSUPPORTED_RESULT: reject(
        Grade.REPORTED,
        "OpenAI's own text, reported for several foreign blocks",
        "Invalid value: 'tool_result'. Supported values are: 'text', 'image_url', 'input_audio', "
        "'refusal', 'audio', and 'file'.",
    ),
    Case.INVALID_ID: reject(
        Grade.REPORTED,
        "public code that handles the text; vLLM's chatcmpl-tool-<uuid> ids have 46 characters",
        "Invalid 'messages[{position}].{id_field}': string too long. Expected a string with "
        "maximum length 40, but got a string with length {length} instead.",
    ),
}

UNKNOWN_TYPE: Final = "TypeError: Got unknown type"
_FOREIGN_RESULTS: Final = forward_blocks(Carrier.TOOL_RESULT_IN_HUMAN, Carrier.CONVERSE_RESULT)

OPENAI_CHAT: Final = Profile(
    name="openai-chat",
    title="OpenAI Chat Completions through ChatOpenAI",
    provider="openai",
    package="langchain-openai",
    calls=ALL_TOOL_CALLS,
    spare_calls=RAW_WHERE_NO_OTHER,
    results=SENT_WITHOUT_ID,
    rules=OPENAI_CHAT_RULES,
    steps=(
        refuse_messages(UNKNOWN_TYPE, Role.REMOVE),
        _FOREIGN_RESULTS,
    ),
    server=Server((_FOREIGN_RESULTS,)),
    id_max=40,
)

AZURE_OPENAI_CHAT: Final = replace(
    OPENAI_CHAT,
    name="azure-openai-chat",
    title="Azure OpenAI chat completions through AzureChatOpenAI",
    provider="azure.ai.openai",
)

# --- Responses -----------------------------------------------------------------------------------

_RESPONSES_MISSING = reject(
    Grade.REPORTED,
    "openai/openai-agents-python#673, continuedev/continue#10092",
    "No tool output found for function call {id}.",
)
_RESPONSES_ORPHAN = reject(
    Grade.REPORTED,
    "agno-agi/agno#9372, microsoft/vscode#320060",
    "No tool call found for function call output with call_id {result_id}.",
)

_CALL_BLOCKS = frozenset({Carrier.FUNCTION_CALL_BLOCK, Carrier.STANDARD_BLOCK, Carrier.V1_BLOCK})


_OWN_BLOCKS = frozenset({Carrier.STANDARD_BLOCK, Carrier.V1_BLOCK})
_ITEMS = _CALL_BLOCKS | {Carrier.RESPONSES_ITEM}


@step("Send only what follows the last response that the provider keeps, if it is told to")
def start_after_last_response(wire: Wire) -> None:
    if not wire.facts.resumes_response:
        return
    kept = [
        entry.index
        for entry in wire.transcript.entries
        if entry.role is Role.AI and (entry.response_id or "").startswith("resp_")
    ]
    if kept:
        # The kept response's own calls wait for answers, though the message is not sent.
        wire.turns = [turn for turn in wire.turns if turn.index >= kept[-1]]
        wire.resumes = True


@step(
    "Leave out a call whose id an earlier call has already, unless it is a content block",
    Trait.REUSED_ID,
)
def drop_repeated_calls(wire: Wire) -> None:
    seen: set[str] = set()
    for turn in wire.turns:
        kept: list[Call] = []
        for call in turn.calls:
            if call.id in seen and not call.carriers & _CALL_BLOCKS:
                answer = wire.given.answer.get(call)
                # Nobody misses a call with bad arguments that nothing has answered.
                if answer is not None or Carrier.INVALID_TOOL_CALL not in call.carriers:
                    wire.lose(Case.REUSED_CALL_ID, "the call is not sent", call, answer)
            else:
                kept.append(call)
        seen.update(call.id for call in turn.calls)
        turn.calls = kept


@step(
    "Build the items of a message's calls anew beside those in its content, where it carries marks "
    "of langchain-openai's releases before 1.0",
    Trait.REBUILT_CALL,
)
def send_rebuilt_calls_too(wire: Wire) -> None:
    for turn in wire.turns:
        if wire.transcript.entries[turn.index].is_rebuilt:
            for call in turn.calls:
                if Carrier.TOOL_CALL in call.carriers and call.carriers & _ITEMS:
                    text = "the call goes out twice, once rebuilt and once from the content"
                    wire.lose(Case.CALL_SENT_TWICE, text, call, None)


@step("Send LangChain's own blocks with the arguments of the first of tool_calls under their id")
def lose_arguments_under_shared_ids(wire: Wire) -> None:
    for turn in wire.turns:
        first: dict[str, Call] = {}
        for call in turn.calls:
            if Carrier.TOOL_CALL not in call.carriers:
                continue
            if first.setdefault(call.id, call) is not call and call.carriers & _OWN_BLOCKS:
                text = "the call goes out with the arguments of another under its id"
                wire.lose(Case.DUPLICATE_CALL_ID, text, call, None)


@step("Send the call of LangChain's own block without arguments where tool_calls do not hold it")
def lose_arguments_of_blocks(wire: Wire) -> None:
    for turn in wire.turns:
        for call in turn.calls:
            if call.carriers & _OWN_BLOCKS and Carrier.TOOL_CALL not in call.carriers:
                text = "the call goes out without its arguments"
                wire.lose(Case.UNSUPPORTED_CALL, text, call, wire.given.answer.get(call))


OPENAI_RESPONSES: Final = Profile(
    name="openai-responses",
    title="OpenAI Responses through ChatOpenAI",
    provider="openai",
    package="langchain-openai",
    calls=ALL_TOOL_CALLS
    | {
        Carrier.FUNCTION_CALL_BLOCK,
        Carrier.RESPONSES_ITEM,
        Carrier.KEPT_ITEM,
        Carrier.STANDARD_BLOCK,
        Carrier.V1_BLOCK,
    },
    lets_async_wait=True,
    spare_calls=RAW_WHERE_NO_OTHER,
    results=frozenset({Carrier.TOOL_MESSAGE, Carrier.RESPONSES_OUTPUT}),
    rules={
        **dict.fromkeys(
            (Case.MISSING_ALL, Case.MISSING_SOME, Case.MISSING_AT_END), _RESPONSES_MISSING
        ),
        **dict.fromkeys(ORPHANS, _RESPONSES_ORPHAN),
        Case.DUPLICATE: unknown(NO_REPORT),
        Case.EARLY: unknown(NO_REPORT),
        Case.CALL_WITHOUT_ID: unknown(NO_REPORT),
        Case.DUPLICATE_CALL_ID: unknown(NO_REPORT),
        Case.INVALID_ID: reject(
            Grade.REPORTED,
            "openclaw/openclaw#10640",
            "Invalid 'input[{position}].call_id': string too long. Expected a string with maximum "
            "length 64, but got a string with length {length} instead.",
        ),
    },
    steps=(
        start_after_last_response,
        drop_repeated_calls,
        send_rebuilt_calls_too,
        lose_arguments_of_blocks,
        lose_arguments_under_shared_ids,
        refuse_messages(UNKNOWN_TYPE, Role.REMOVE),
        lose_blocks(Carrier.TOOL_RESULT_IN_HUMAN),
        refuse({Carrier.CONVERSE_RESULT: "KeyError: 'type'"}),
        refuse({Carrier.CHAT_TOOL: "KeyError: 'tool_call_id'"}),
    ),
    pairs_anywhere=True,
    ids_matter=False,
    id_max=64,
)

# --- How they are recognized ---------------------------------------------------------------------

_RESPONSES_PARAMS: Final = (
    "context_management",
    "include",
    "previous_response_id",
    "reasoning",
    "text",
    "truncation",
)
_RESPONSES_ARGUMENTS: Final = ("context_management", "include", "reasoning", "truncation")
# Models that OpenAI serves on Responses only. langchain-openai before 1.7 does not write that into
# the arguments, and before 1.1 sends them to the other API, which refuses them whatever they say.
_RESPONSES_MODELS: Final = (
    "gpt-5-pro",
    "gpt-5.2-pro",
    "gpt-5.4-pro",
    "gpt-5.5-pro",
    "gpt-5.6-sol",
)
_RESPONSES_MODELS_WITH_TOOLS: Final = "gpt-6"


class Api(NamedTuple):
    """What a class is on each of OpenAI's two APIs at one place."""

    chat: Choice
    responses: Choice

    def __call__(self, call: ModelCall, /) -> Choice:
        """Return what it is on the API that the call uses."""
        return self.responses if _uses_responses(call) else self.chat


# Somebody else's server: what leaves is known, and so is that it may keep earlier turns.
RESPONSES_ELSEWHERE: Final = replace(
    unproven(OPENAI_RESPONSES), pairs_anywhere=False, ids_matter=True
)


def chat_api(profile: Profile, provider: str) -> Api:
    """Return a provider whose rules are known for its chat API only."""
    return Api(Choice(profile), Choice(RESPONSES_ELSEWHERE, provider, identified=False))


OPENAI: Final = Api(Choice(OPENAI_CHAT), Choice(OPENAI_RESPONSES))
AZURE: Final = Api(Choice(AZURE_OPENAI_CHAT), Choice(OPENAI_RESPONSES, provider="azure.ai.openai"))


def _uses_responses(call: ModelCall) -> bool:
    """Decide as langchain-openai does (its `_use_responses_api`)."""
    told = _tells_responses(call)
    if told is not None:
        return told
    if any(call.has(PARAMS, name) for name in _RESPONSES_PARAMS):
        return True
    if call.param("tools", bool) and (
        call.model.startswith(_RESPONSES_MODELS_WITH_TOOLS)
        or call.param("tools", _has_builtin_tool)
    ):
        return True
    return is_on_responses_only(call.model)


def is_on_responses_only(model: str) -> bool:
    """Whether OpenAI serves the model on Responses only."""
    return model.startswith(_RESPONSES_MODELS) or "codex" in model


def _tells_responses(call: ModelCall) -> bool | None:
    """Return what the constructor's arguments say, or None where they leave it open."""
    explicit = call.flag("use_responses_api")
    if explicit is not None:
        return explicit
    implied = (
        call.argument("output_version", name_in) == "responses/v1"
        or call.flag("use_previous_response_id")
        or any(call.argument(name, is_given) for name in _RESPONSES_ARGUMENTS)
    )
    return True if implied else None


def _has_builtin_tool(tools: Iterable[object]) -> bool:
    return any(
        isinstance(tool, dict) and tool.get("type", "function") != "function" for tool in tools
    )
