"""The table of profiles: one entry per provider and integration, each rule with its source.

Grades: a documented, b reported error text, c executed, d inferred. A case that an entry does not
list is accepted by that provider.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.providers.profile import Grade, Profile, Row, Rule
from toolpair_observe.pairing.providers.wire import (
    drop_blank_ais,
    drop_blank_humans,
    drop_calls_only_in,
    drop_invalid_calls_in,
    drop_invalid_calls_without_id,
    drop_repeated_calls,
    drop_same_id_in_message,
    drop_server_uses_in,
    fill_blank_humans,
    find_empty_ids,
    has_server_result,
    has_standard_server_result,
    lose_blocks,
    lose_empty_lists,
    match_names_in_order,
    match_positions,
    merge_ais,
    merge_last_ais,
    merge_users,
    miss_early_results,
    name_from_previous_ai,
    put_results_first,
    refuse,
    refuse_blocks,
    refuse_last,
    refuse_nothing_left,
    refuse_null_ids,
    refuse_server_results,
    regroup_by_id,
    send_as_text,
    start_after_last_response,
    take_out_one_run_of_systems,
    take_out_systems,
    take_out_systems_not_in_place,
)
from toolpair_observe.pairing.words import EVERY_CALL, EVERY_RESULT, Carrier, Case, Effect, Role

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
        Case.UNSUPPORTED_CALL,
        Case.RESULT_WITHOUT_NAME,
        Case.SYSTEM_AFTER_TOOL,
        Case.CALL_FIRST,
        Case.CALL_NOT_SENT,
        Case.TEXT_AFTER_CALL,
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
    rules={case: _CONTRACT_RULE for case in Case if case not in _BEYOND_CONTRACT},
)


def _reject(grade: Grade, source: str, text: str = "") -> Rule:
    return Rule(Effect.REJECT, grade, source, text)


def _raises(source: str, text: str) -> Rule:
    return Rule(Effect.LOCAL_ERROR, Grade.EXECUTED, source, text)


def _unknown(source: str, text: str = "") -> Rule:
    return Rule(Effect.UNKNOWN, Grade.INFERRED, source, text)


_NO_REPORT = "no report"
_ACCEPT = Rule(Effect.ACCEPT, Grade.EXECUTED, "executed through the integration")
_TOOL_CALLS = frozenset({Carrier.TOOL_CALL})
_ALL_TOOL_CALLS = frozenset({Carrier.TOOL_CALL, Carrier.INVALID_TOOL_CALL})
_TOOL_MESSAGES = frozenset({Carrier.TOOL_MESSAGE})
_SENT_WITHOUT_ID = frozenset({Carrier.TOOL_MESSAGE, Carrier.CHAT_TOOL})
_ORPHANS = (
    Case.ORPHAN_AT_START,
    Case.ORPHAN_FIRST,
    Case.ORPHAN_AFTER_HUMAN,
    Case.ORPHAN_AFTER_AI,
    Case.ORPHAN_AMONG_RESULTS,
)
_MISPLACED = (Case.AFTER_HUMAN, Case.AFTER_SYSTEM, Case.AFTER_AI, Case.LATE)

_RESPONSES_BLOCKS = (Carrier.FUNCTION_CALL_BLOCK, Carrier.RESPONSES_ITEM)

# --- OpenAI Chat Completions and those who answer in its form ------------------------------------

_MISSING_TEXT = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
    "'tool_call_id'. The following tool_call_ids did not have response messages: {ids}"
)
_OPENAI_MISSING = _reject(
    Grade.REPORTED, "RamiAwar/dataline#172, BerriAI/litellm#10696", _MISSING_TEXT
)
_OPENAI_ORPHAN = _reject(
    Grade.REPORTED,
    "BerriAI/litellm#4931, crewAIInc/crewAI#1620",
    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
    "'tool_calls'.",
)
_OPENAI_STRANGER = _reject(
    Grade.REPORTED,
    "public code that handles the text",
    "Invalid parameter: 'tool_call_id' of '{result_id}' not found in 'tool_calls' of previous "
    "message.",
)
_OPENAI_INTERLEAVED = _reject(
    Grade.REPORTED, "livekit/agents#1977, pydantic/pydantic-ai#2360", _MISSING_TEXT
)
_OPENAI_NO_ID = _reject(
    Grade.REPORTED,
    "MadcowD/ell#325, vercel/ai#2177",
    "Missing parameter 'tool_call_id': messages with role 'tool' must have a 'tool_call_id'.",
)
_OPENAI_DUPLICATE = _reject(
    Grade.REPORTED,
    "agno-agi/agno#5116, fatwang2/search2ai#30",
    "Invalid parameter: Duplicate value for 'tool_call_id' of '{id}', in "
    "messages[{first_position}] and messages[{position}].",
)

_OPENAI_CHAT_RULES: Mapping[Case, Rule] = {
    Case.MISSING_ALL: _OPENAI_MISSING,
    Case.MISSING_SOME: _OPENAI_MISSING,
    Case.MISSING_AT_END: _unknown("no report of a request that ends there", _MISSING_TEXT),
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
    Case.DUPLICATE_CALL_ID_ONE_RESULT: _unknown(_NO_REPORT),
    Case.CALL_WITHOUT_ID: _OPENAI_NO_ID,
    Case.RESULT_WITHOUT_ID: _OPENAI_NO_ID,
    Case.MISMATCHED_WITHOUT_ID: _OPENAI_NO_ID,
    Case.INVALID_ID: _reject(
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
    calls=_ALL_TOOL_CALLS,
    results=_SENT_WITHOUT_ID,
    rules=_OPENAI_CHAT_RULES,
    id_max=40,
)

AZURE_OPENAI_CHAT: Final = replace(
    OPENAI_CHAT,
    name="azure-openai-chat",
    title="Azure OpenAI chat completions through AzureChatOpenAI",
    provider="azure.ai.openai",
)

# Servers that speak the protocol without the check: nothing is known to be refused.
_UNCHECKED_RULES: Mapping[Case, Rule] = {
    case: _unknown(_NO_REPORT)
    for case in (
        Case.MISSING_ALL,
        Case.MISSING_SOME,
        Case.MISSING_AT_END,
        *_ORPHANS,
        Case.DUPLICATE,
        Case.DUPLICATE_LATER,
        Case.MISMATCHED,
        *_MISPLACED,
        Case.EARLY,
        Case.DUPLICATE_CALL_ID,
        Case.DUPLICATE_CALL_ID_ONE_RESULT,
        Case.CALL_WITHOUT_ID,
        Case.RESULT_WITHOUT_ID,
        Case.MISMATCHED_WITHOUT_ID,
    )
}


def _openai_like(name: str, title: str, provider: str, package: str) -> Profile:
    """A provider that takes OpenAI's messages and has not been shown to check their pairing."""
    return replace(
        OPENAI_CHAT,
        name=name,
        title=title,
        provider=provider,
        package=package,
        rules=_UNCHECKED_RULES,
        id_max=None,
    )


OPENAI_COMPATIBLE: Final = _openai_like(
    "openai-compatible",
    "a server with OpenAI's protocol behind ChatOpenAI(base_url=...)",
    "",
    "langchain-openai",
)
_GROQ = _openai_like("groq", "Groq through ChatGroq", "groq", "langchain-groq")
_GROQ_NO_ID = _reject(
    Grade.REPORTED,
    "hackclub/ai#22",
    "'messages.{position}' : for 'role:tool' the following must be satisfied"
    "[('messages.{position}.tool_call_id' : property 'tool_call_id' is missing)]",
)
GROQ: Final = replace(
    _GROQ,
    rules={
        **_UNCHECKED_RULES,
        Case.RESULT_WITHOUT_ID: _GROQ_NO_ID,
        Case.MISMATCHED_WITHOUT_ID: _GROQ_NO_ID,
    },
    steps=(find_empty_ids,),
)
XAI: Final = _openai_like("xai", "xAI through ChatXAI", "x_ai", "langchain-xai")
FIREWORKS: Final = replace(
    _openai_like(
        "fireworks", "Fireworks through ChatFireworks", "fireworks", "langchain-fireworks"
    ),
    steps=(
        lose_blocks(
            Carrier.TOOL_RESULT_IN_TOOL, Carrier.TOOL_RESULT_IN_HUMAN, Carrier.OUTPUT_IN_TOOL
        ),
    ),
)
TOGETHER: Final = _openai_like(
    "together", "Together through ChatTogether", "together", "langchain-together"
)
HUGGINGFACE: Final = _openai_like(
    "huggingface", "Hugging Face through ChatHuggingFace", "huggingface", "langchain-huggingface"
)
_UNMARSHALLER = "pydantic ValidationError: validation error for Unmarshaller"
_OPENROUTER = replace(
    _openai_like(
        "openrouter", "OpenRouter through ChatOpenRouter", "openrouter", "langchain-openrouter"
    ),
    # It hands the messages to this client, whose types decide what can be sent.
    client="openrouter",
    steps=(
        refuse_null_ids(_UNMARSHALLER),
        refuse(
            {
                Carrier.CHAT_TOOL: _UNMARSHALLER,
                Carrier.FUNCTION: "TypeError: Got unknown type",
            }
        ),
    ),
)
_OPENROUTER_REFUSES_BLOCKS = replace(
    _OPENROUTER,
    steps=(
        *_OPENROUTER.steps,
        refuse(
            {
                Carrier.TOOL_RESULT_IN_TOOL: _UNMARSHALLER,
                Carrier.TOOL_RESULT_IN_HUMAN: _UNMARSHALLER,
                Carrier.OUTPUT_IN_TOOL: _UNMARSHALLER,
                Carrier.RESPONSES_OUTPUT: _UNMARSHALLER,
            }
        ),
    ),
)
# Nobody else can host these, a gateway hands them on as they are, and OpenAI serves them on its
# chat API alone.
_OPENAI_CHAT_MODELS = r"gpt-[34]|chatgpt-4"


def _handing_on(profile: Profile) -> Profile:
    """Return the rules of a gateway's profile for a model of OpenAI's behind it."""
    return replace(profile, rules=_OPENAI_CHAT_RULES, id_max=OPENAI_CHAT.id_max)


_OPENROUTER_OPENAI = rf"openai/(?:{_OPENAI_CHAT_MODELS})"
OPENROUTER: Final = replace(
    _OPENROUTER,
    rows=(
        Row(
            replace(
                _OPENROUTER_REFUSES_BLOCKS,
                rows=(Row(_handing_on(_OPENROUTER_REFUSES_BLOCKS), models=_OPENROUTER_OPENAI),),
            ),
            before="0.11",
        ),
        Row(_handing_on(_OPENROUTER), models=_OPENROUTER_OPENAI),
    ),
)
_LITELLM_USER = (
    "Exception: Invalid user message. Please ensure all user messages are valid OpenAI chat "
    "completion messages."
)
_LITELLM_REFUSES = refuse(
    {Carrier.TOOL_RESULT_IN_HUMAN: _LITELLM_USER, Carrier.RESPONSES_OUTPUT: _LITELLM_USER}
)
_LITELLM = replace(
    _openai_like("litellm", "LiteLLM through ChatLiteLLM", "", "langchain-litellm"),
    calls=_TOOL_CALLS,
    steps=(_LITELLM_REFUSES,),
)
_NVIDIA_CONTENT = "ValueError: Message {'role': 'user', 'content': None} has no content."
NVIDIA: Final = replace(
    _openai_like("nvidia", "NVIDIA through ChatNVIDIA", "nvidia", "langchain-nvidia-ai-endpoints"),
    calls=frozenset({Carrier.RAW_CALL}),
    steps=(
        refuse(
            {
                Carrier.TOOL_RESULT_IN_HUMAN: _NVIDIA_CONTENT,
                Carrier.RESPONSES_OUTPUT: _NVIDIA_CONTENT,
            }
        ),
    ),
    reads_raw_calls=True,
)

_DEEPSEEK_ORPHAN = _reject(
    Grade.REPORTED,
    "DeepSeek's own text, reported in several repositories",
    "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'",
)
_DEEPSEEK_MISSING = _reject(
    Grade.REPORTED,
    "DeepSeek's own text, reported in several repositories",
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
    "'tool_call_id'. (insufficient tool messages following tool_calls message)",
)
DEEPSEEK: Final = replace(
    OPENAI_CHAT,
    name="deepseek",
    title="DeepSeek through ChatDeepSeek",
    provider="deepseek",
    package="langchain-deepseek",
    id_max=None,
    rules={
        **_OPENAI_CHAT_RULES,
        **dict.fromkeys((Case.MISSING_ALL, Case.MISSING_SOME, *_MISPLACED), _DEEPSEEK_MISSING),
        **dict.fromkeys((*_ORPHANS, Case.EARLY, Case.DUPLICATE_LATER), _DEEPSEEK_ORPHAN),
        Case.MISMATCHED: _DEEPSEEK_MISSING,
        Case.MISSING_AT_END: _unknown("no report of a request that ends there"),
        Case.DUPLICATE: _unknown(_NO_REPORT),
        Case.DUPLICATE_CALL_ID: _unknown(_NO_REPORT),
        Case.CALL_WITHOUT_ID: _DEEPSEEK_MISSING,
        Case.RESULT_WITHOUT_ID: _DEEPSEEK_ORPHAN,
        Case.MISMATCHED_WITHOUT_ID: _DEEPSEEK_ORPHAN,
    },
)

# --- OpenAI Responses ----------------------------------------------------------------------------

_RESPONSES_MISSING = _reject(
    Grade.REPORTED,
    "openai/openai-agents-python#673, continuedev/continue#10092",
    "No tool output found for function call {id}.",
)
_RESPONSES_ORPHAN = _reject(
    Grade.REPORTED,
    "agno-agi/agno#9372, microsoft/vscode#320060",
    "No tool call found for function call output with call_id {result_id}.",
)
OPENAI_RESPONSES: Final = Profile(
    name="openai-responses",
    title="OpenAI Responses through ChatOpenAI",
    provider="openai",
    package="langchain-openai",
    calls=_ALL_TOOL_CALLS
    | {Carrier.FUNCTION_CALL_BLOCK, Carrier.RESPONSES_ITEM, Carrier.KEPT_ITEM},
    results=frozenset({Carrier.TOOL_MESSAGE, Carrier.RESPONSES_OUTPUT}),
    rules={
        **dict.fromkeys(
            (Case.MISSING_ALL, Case.MISSING_SOME, Case.MISSING_AT_END), _RESPONSES_MISSING
        ),
        **dict.fromkeys(_ORPHANS, _RESPONSES_ORPHAN),
        Case.DUPLICATE: _unknown(_NO_REPORT),
        Case.EARLY: _unknown(_NO_REPORT),
        Case.CALL_WITHOUT_ID: _unknown(_NO_REPORT),
        Case.DUPLICATE_CALL_ID: _unknown(_NO_REPORT),
        Case.INVALID_ID: _reject(
            Grade.REPORTED,
            "openclaw/openclaw#10640",
            "Invalid 'input[{position}].call_id': string too long. Expected a string with maximum "
            "length 64, but got a string with length {length} instead.",
        ),
    },
    steps=(
        start_after_last_response,
        drop_repeated_calls,
        refuse({Carrier.CHAT_TOOL: "KeyError: 'tool_call_id'"}),
    ),
    pairs_anywhere=True,
    ids_matter=False,
    plain_needs_unique_ids=True,
    id_max=64,
)

# --- Anthropic -----------------------------------------------------------------------------------

_ANTHROPIC_MISSING = _reject(
    Grade.REPORTED,
    "Anthropic's page on tool use; anthropics/claude-code#1237, #1686",
    "messages.{position}: `tool_use` ids were found without `tool_result` blocks immediately "
    "after: {ids}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
    "message.",
)
_ANTHROPIC_ORPHAN = _reject(
    Grade.REPORTED,
    "router-for-me/CLIProxyAPI#497, editor-code-assistant/eca#209",
    "messages.{position}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: "
    "{result_id}. Each `tool_result` block must have a corresponding `tool_use` block in the "
    "previous message.",
)
_ANTHROPIC_UNIQUE = _reject(
    Grade.REPORTED,
    "anthropics/claude-code#28515, BerriAI/litellm#23510",
    "messages.{position}.content.0: `tool_use` ids must be unique",
)
_ANTHROPIC_RULES: Mapping[Case, Rule] = {
    **dict.fromkeys((Case.MISSING_ALL, Case.MISSING_SOME, Case.MISMATCHED), _ANTHROPIC_MISSING),
    **dict.fromkeys(_MISPLACED, _ANTHROPIC_MISSING),
    **dict.fromkeys((*_ORPHANS, Case.DUPLICATE_LATER, Case.EARLY), _ANTHROPIC_ORPHAN),
    Case.MISSING_AT_END: _unknown("no report of a request that ends there"),
    Case.DUPLICATE: _reject(
        Grade.REPORTED,
        "public code that handles the text",
        "messages.{position}.content.0: each tool_use must have a single result. Found multiple "
        "`tool_result` blocks with id: {id}",
    ),
    Case.DUPLICATE_CALL_ID: _ANTHROPIC_UNIQUE,
    Case.DUPLICATE_CALL_ID_ONE_RESULT: _ANTHROPIC_UNIQUE,
    Case.CALL_WITHOUT_ID: _reject(
        Grade.REPORTED,
        "farion1231/cc-switch#1181, badlogic/pi-mono#9048",
        "messages.{position}.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
    ),
    Case.RESULT_WITHOUT_ID: _ANTHROPIC_ORPHAN,
    Case.MISMATCHED_WITHOUT_ID: _ANTHROPIC_ORPHAN,
    Case.TEXT_BEFORE_RESULT: _reject(
        Grade.DOCUMENTED,
        "Anthropic's page on tool use: results come first",
        _ANTHROPIC_MISSING.text,
    ),
    Case.TEXT_AFTER_CALL: _unknown("the API joins turns of one role; text after a call not tried"),
    Case.SERVER_TOOL_UNPAIRED: _reject(
        Grade.REPORTED,
        "Anthropic's page on server tools",
        "messages.{position}: `{name}` tool use with id `{id}` was found without a corresponding "
        "`{name}_tool_result` block",
    ),
}
_ANTHROPIC_CALLS = frozenset({Carrier.TOOL_CALL, Carrier.INVALID_TOOL_CALL, Carrier.TOOL_USE})
_ANTHROPIC_RESULTS = frozenset(
    {Carrier.TOOL_MESSAGE, Carrier.TOOL_RESULT_IN_TOOL, Carrier.TOOL_RESULT_IN_HUMAN}
)
_ANTHROPIC_STEPS = (
    refuse({Carrier.FUNCTION: "KeyError: 'function'", Carrier.CHAT_TOOL: "KeyError: 'chat'"}),
    take_out_one_run_of_systems,
    drop_invalid_calls_without_id,
    drop_blank_ais,
    merge_users,
    merge_ais,
)
_ANTHROPIC = Profile(
    name="anthropic",
    title="Anthropic through ChatAnthropic",
    provider="anthropic",
    package="langchain-anthropic",
    calls=_ANTHROPIC_CALLS,
    results=_ANTHROPIC_RESULTS,
    rules=_ANTHROPIC_RULES,
    steps=_ANTHROPIC_STEPS,
)
_ANTHROPIC_NO_INVALID = replace(_ANTHROPIC, calls=frozenset({Carrier.TOOL_CALL, Carrier.TOOL_USE}))
_ANTHROPIC_KEEPS_IDS = replace(
    _ANTHROPIC_NO_INVALID,
    rules={**_ANTHROPIC_RULES, Case.INVALID_ID: _ANTHROPIC_RULES[Case.CALL_WITHOUT_ID]},
    id_pattern="a-zA-Z0-9_-",
)
# langchain-anthropic's own table says which models take system messages within the conversation.
_SYSTEM_IN_PLACE_MODELS = (
    r"claude-(?:(?:fable|mythos)-5(?:-1)?|haiku-5-5|opus-(?:4-8|5(?:-5)?)|sonnet-5(?:-5)?)$"
)


def _with_system_in_place(profile: Profile) -> Profile:
    steps = tuple(
        take_out_systems_not_in_place if step is take_out_one_run_of_systems else step
        for step in profile.steps
    )
    row = Row(replace(profile, steps=steps), models=_SYSTEM_IN_PLACE_MODELS)
    return replace(profile, rows=(row,))


ANTHROPIC: Final = replace(
    _ANTHROPIC,
    rows=(
        Row(_ANTHROPIC_KEEPS_IDS, before="1.4.4"),
        Row(_with_system_in_place(_ANTHROPIC_NO_INVALID), before="1.7.5"),
        *_with_system_in_place(_ANTHROPIC).rows,
    ),
)
ANTHROPIC_VERTEX: Final = replace(
    _ANTHROPIC,
    name="anthropic-vertex",
    title="Anthropic on Vertex AI through ChatAnthropicVertex",
    provider="gcp.vertex_ai",
    package="langchain-google-vertexai",
    calls=frozenset({Carrier.TOOL_CALL, Carrier.TOOL_USE}),
    rules={
        **_ANTHROPIC_RULES,
        Case.INVALID_ID: _ANTHROPIC_RULES[Case.CALL_WITHOUT_ID],
        Case.SERVER_TOOL_UNPAIRED: _unknown("the integration sends such calls without their ids"),
    },
    steps=(drop_blank_humans, *_ANTHROPIC_STEPS),
    id_pattern="a-zA-Z0-9_-",
)

_LITELLM_ANTHROPIC_ERROR = (
    "litellm.exceptions.BadRequestError: AnthropicException - the call or result has no id"
)
# LiteLLM converts OpenAI's messages to Anthropic's by its own rules.
_LITELLM_ANTHROPIC = replace(
    _LITELLM,
    rules={
        **_ANTHROPIC_RULES,
        **dict.fromkeys((Case.CALL_WITHOUT_ID, Case.DUPLICATE_CALL_ID_ONE_RESULT), _ACCEPT),
        Case.DUPLICATE_CALL_ID: _ANTHROPIC_RULES[Case.DUPLICATE],
    },
    steps=(
        _LITELLM_REFUSES,
        refuse({Carrier.CHAT_TOOL: _LITELLM_ANTHROPIC_ERROR}),
        refuse_null_ids(_LITELLM_ANTHROPIC_ERROR),
        lose_blocks(Carrier.TOOL_RESULT_IN_TOOL, Carrier.OUTPUT_IN_TOOL),
        take_out_systems,
        fill_blank_humans,
        merge_users,
        merge_ais,
        drop_same_id_in_message,
        drop_server_uses_in(Carrier.MCP_TOOL_USE, Carrier.SERVER_TOOL_CALL),
    ),
)
_LITELLM_CLAUDE = r"(?:anthropic/|claude-)"
LITELLM: Final = replace(
    _LITELLM,
    rows=(
        Row(_LITELLM_ANTHROPIC, models=_LITELLM_CLAUDE),
        Row(_handing_on(_LITELLM), models=rf"(?:openai/|azure/)?(?:{_OPENAI_CHAT_MODELS})"),
    ),
)
_LITELLM_MENDS: Final = _unknown("LiteLLM mends most of it, while litellm.modify_params is set")
# What no live call tells, but the process: `identify` asks.
LITELLM_MENDING: Final = replace(
    LITELLM,
    rows=(
        Row(
            replace(
                _LITELLM_ANTHROPIC,
                rules={
                    case: _LITELLM_MENDS if rule.effect is Effect.REJECT else rule
                    for case, rule in _LITELLM_ANTHROPIC.rules.items()
                },
            ),
            models=_LITELLM_CLAUDE,
        ),
        *LITELLM.rows,
    ),
)

# --- Amazon Bedrock ------------------------------------------------------------------------------

_CONVERSE_MISSING = _reject(
    Grade.REPORTED,
    "camel-ai/camel#3954",
    "Expected toolResult blocks at messages.{next_position}.content for the following Ids: {ids}",
)
_CONVERSE_ORPHAN = _reject(
    Grade.REPORTED,
    "pydantic/pydantic-ai#2327, strands-agents/sdk-python#1435",
    "The number of toolResult blocks at messages.{position}.content exceeds the number of toolUse "
    "blocks of previous turn.",
)
_PARAM_VALIDATION = "botocore.exceptions.ParamValidationError: Parameter validation failed"
_CONVERSE_DUPLICATE_ID = _reject(
    Grade.REPORTED,
    "public code that handles the text",
    "The toolUse blocks at messages.{position}.content contain duplicate Ids: {id}",
)
_CONVERSE_RULES: Mapping[Case, Rule] = {
    **dict.fromkeys((Case.MISSING_ALL, Case.MISSING_SOME, Case.MISMATCHED), _CONVERSE_MISSING),
    **dict.fromkeys(_MISPLACED, _CONVERSE_MISSING),
    **dict.fromkeys(
        (*_ORPHANS, Case.DUPLICATE, Case.DUPLICATE_LATER, Case.EARLY), _CONVERSE_ORPHAN
    ),
    Case.MISSING_AT_END: _unknown("no report of a request that ends there"),
    Case.DUPLICATE_CALL_ID: _CONVERSE_DUPLICATE_ID,
    Case.DUPLICATE_CALL_ID_ONE_RESULT: _CONVERSE_DUPLICATE_ID,
    Case.CALL_WITHOUT_ID: _raises("botocore's own check", _PARAM_VALIDATION),
    Case.RESULT_WITHOUT_ID: _raises("botocore's own check", _PARAM_VALIDATION),
    Case.MISMATCHED_WITHOUT_ID: _raises("botocore's own check", _PARAM_VALIDATION),
    Case.TEXT_BEFORE_RESULT: _unknown("Claude's rule, not reported for Converse"),
    Case.INVALID_ID: _reject(
        Grade.DOCUMENTED,
        "Bedrock's API reference, ToolResultBlock: 1 to 64 characters; it documents "
        "[a-zA-Z0-9_-], but ids with . and : (Kimi's) were answered with 200",
        "Value '{id}' at 'messages.{position}.member.content' failed to satisfy constraint: Member "
        "must satisfy regular expression pattern: [a-zA-Z0-9_-]+",
    ),
}
_BEDROCK_CONVERSE = Profile(
    name="bedrock-converse",
    title="Claude on Bedrock through ChatBedrockConverse",
    provider="aws.bedrock",
    package="langchain-aws",
    calls=frozenset(
        {
            Carrier.TOOL_CALL,
            Carrier.TOOL_USE,
            Carrier.FUNCTION_CALL_BLOCK,
            Carrier.STANDARD_INVALID_BLOCK,
        }
    ),
    results=_ANTHROPIC_RESULTS,
    rules=_CONVERSE_RULES,
    steps=(
        refuse(
            {
                Carrier.FUNCTION: "ValueError: Unsupported message type",
                Carrier.CHAT_TOOL: "ValueError: Unsupported message type",
            }
        ),
        refuse(
            {
                Carrier.RESPONSES_OUTPUT: "ValueError: Unsupported content block type",
                Carrier.OUTPUT_IN_TOOL: "ValueError: Unsupported content block type",
            }
        ),
        refuse_server_results("KeyError: 'toolUseId'", has_standard_server_result),
        drop_calls_only_in(Carrier.FUNCTION_CALL_BLOCK),
        refuse({Carrier.TOOL_RESULT_IN_TOOL: _PARAM_VALIDATION}, only_with_tools=True),
        take_out_systems,
        fill_blank_humans,
        merge_users,
        merge_ais,
        send_as_text,
        find_empty_ids,
    ),
    id_max=64,
    id_pattern="a-zA-Z0-9_.:-",
)
_CONVERSE_MIXED = _reject(
    Grade.REPORTED,
    "langchain-ai/langchain-aws#141, strands-agents/harness-sdk#1223",
    "messages.{position}.content: Conversation blocks and tool result blocks cannot be provided in "
    "the same turn.",
)


def _with_older_converse(profile: Profile) -> Profile:
    """Add how langchain-aws took foreign content blocks before."""
    dropped = replace(profile, calls=profile.calls - {Carrier.STANDARD_INVALID_BLOCK})
    block = "ValueError: Unsupported content block type"
    raised = replace(
        dropped,
        steps=(
            refuse_blocks(block, Carrier.STANDARD_INVALID_BLOCK),
            refuse_server_results(block, has_server_result),
            *profile.steps,
        ),
    )
    lost = drop_invalid_calls_in(Carrier.FUNCTION_CALL_BLOCK)
    dropped = replace(dropped, steps=(lost, *profile.steps))
    return replace(profile, rows=(Row(raised, before="1.7.3"), Row(dropped, before="1.7.7")))


BEDROCK_CONVERSE: Final = _with_older_converse(_BEDROCK_CONVERSE)
_BEDROCK_CONVERSE_OTHER = replace(
    _BEDROCK_CONVERSE,
    name="bedrock-converse-other",
    title="models other than Claude on Bedrock through ChatBedrockConverse",
)
_BEDROCK_CONVERSE_UNMIXED = replace(
    _BEDROCK_CONVERSE_OTHER,
    rules={
        **_CONVERSE_RULES,
        Case.TEXT_BEFORE_RESULT: _CONVERSE_MIXED,
        Case.HUMAN_AFTER_TOOL: _CONVERSE_MIXED,
    },
    refused_after_result="human",
)
# For these the refusal is reported. Nova takes text beside results, as recorded answers show.
_UNMIXED_MODELS = r"(?:.*/)?(?:[a-z-]+\.)?(?:meta|mistral)\."
BEDROCK_CONVERSE_OTHER: Final = replace(
    _BEDROCK_CONVERSE_OTHER,
    rows=(
        Row(_with_older_converse(_BEDROCK_CONVERSE_UNMIXED), models=_UNMIXED_MODELS),
        *_with_older_converse(_BEDROCK_CONVERSE_OTHER).rows,
    ),
)
BEDROCK_INVOKE: Final = replace(
    _ANTHROPIC,
    name="bedrock-invoke",
    title="Claude on Bedrock through ChatBedrock (InvokeModel)",
    provider="aws.bedrock",
    package="langchain-aws",
    calls=frozenset({Carrier.TOOL_CALL, Carrier.TOOL_USE}),
    rules={**_ANTHROPIC_RULES, Case.INVALID_ID: _ANTHROPIC_RULES[Case.CALL_WITHOUT_ID]},
    steps=(
        lose_empty_lists,
        *(step for step in _ANTHROPIC_STEPS if step is not drop_blank_ais),
        put_results_first,
    ),
    id_pattern="a-zA-Z0-9_-",
)

# --- Google --------------------------------------------------------------------------------------

_GEMINI_COUNT = _reject(
    Grade.REPORTED,
    "google-gemini/gemini-cli#4504",
    "Please ensure that the number of function response parts is equal to the number of function "
    "call parts of the function call turn.",
)
_GEMINI_ORDER = _reject(
    Grade.REPORTED,
    "langchain-ai/langgraph#2276, langchain-ai/langchain-google#302",
    "Please ensure that function call turn comes immediately after a user turn or after a function "
    "response turn.",
)
_GEMINI_ORPHAN = _reject(
    Grade.REPORTED,
    "langchain-ai/langgraph#2276, langchain-ai/langchain-google#302",
    "Please ensure that function response turn comes immediately after a function call turn.",
)
_GEMINI_RULES: Mapping[Case, Rule] = {
    **dict.fromkeys((Case.MISSING_ALL, Case.MISSING_SOME, Case.MISMATCHED), _GEMINI_COUNT),
    **dict.fromkeys(_MISPLACED, _GEMINI_COUNT),
    **dict.fromkeys(_ORPHANS, _GEMINI_ORPHAN),
    Case.EARLY: _GEMINI_ORPHAN,
    Case.DUPLICATE: _GEMINI_COUNT,
    Case.DUPLICATE_LATER: _GEMINI_ORPHAN,
    Case.MISSING_AT_END: _unknown("no report of a request that ends there"),
    Case.DUPLICATE_CALL_ID: _GEMINI_COUNT,
    Case.DUPLICATE_CALL_ID_ONE_RESULT: _GEMINI_COUNT,
    Case.CALL_FIRST: _GEMINI_ORDER,
}
_GENAI_BLOCK = "ValueError: Unrecognized message part type: tool_result."
_GOOGLE_GENAI = Profile(
    name="google-genai",
    title="Gemini through ChatGoogleGenerativeAI",
    provider="gcp.gemini",
    package="langchain-google-genai",
    calls=_TOOL_CALLS,
    results=_TOOL_MESSAGES,
    rules=_GEMINI_RULES,
    steps=(
        refuse(
            {
                Carrier.CHAT_TOOL: "ValueError: Unexpected message with type ChatMessage",
                Carrier.TOOL_RESULT_IN_HUMAN: _GENAI_BLOCK,
                Carrier.RESPONSES_OUTPUT: "ValueError: Unrecognized message part type",
            }
        ),
        take_out_systems,
        drop_blank_humans,
        regroup_by_id,
        match_names_in_order,
        merge_last_ais,
        refuse_nothing_left("ValueError: contents are required."),
    ),
    ids_matter=False,
    order_matters=True,
    plain_needs_unique_ids=True,
    refused_first_call=True,
)
# Before 4.0 an unanswered call was followed by a turn without parts.
_GEMINI_EMPTY = _reject(
    Grade.REPORTED,
    "langchain-ai/langchain-google#1055",
    "GenerateContentRequest.contents[{next_position}].parts: contents.parts must not be empty",
)
_GOOGLE_GENAI_SENDS_EMPTY_TURNS = replace(
    _GOOGLE_GENAI,
    rules={
        **_GEMINI_RULES,
        **dict.fromkeys((Case.MISSING_ALL, Case.MISSING_AT_END), _GEMINI_EMPTY),
    },
)
# Models that take no prefill: the integration raises where the last turn is the model's.
_NO_PREFILL_MODELS = r"(?i)(?:.*/)?(?:[a-z]{2,}\.)?gemini-3\.(?:5-flash-lite|6-flash)(?:-\d{3})?$"
_GENAI_PREFILL = (
    "ValueError: Model does not support model prefilling. The final request turn must be a user "
    "message or a function response."
)
_GOOGLE_GENAI_NO_PREFILL = replace(
    _GOOGLE_GENAI, steps=(*_GOOGLE_GENAI.steps, refuse_last(_GENAI_PREFILL, Role.AI))
)
GOOGLE_GENAI: Final = replace(
    _GOOGLE_GENAI,
    rows=(
        Row(_GOOGLE_GENAI_SENDS_EMPTY_TURNS, before="4.0"),
        Row(_GOOGLE_GENAI, before="4.3"),
        Row(_GOOGLE_GENAI_NO_PREFILL, models=_NO_PREFILL_MODELS),
    ),
)
_VERTEX_RULES: Mapping[Case, Rule] = {
    **_GEMINI_RULES,
    Case.RESULT_WITHOUT_NAME: _reject(
        Grade.REPORTED,
        "Gemini's own text",
        "* GenerateContentRequest.contents[{position}].parts[0].function_response.name: Name "
        "cannot be empty.",
    ),
    Case.TEXT_BEFORE_RESULT: _unknown("a turn of text and results, not tried"),
    Case.RESULT_OF_OTHER_TOOL: _unknown("the count is right, the names are not; not tried"),
}

_VERTEX_PART = "ValueError: Only text, image_url, and media types are supported!"
GOOGLE_VERTEXAI: Final = Profile(
    name="google-vertexai",
    title="Gemini on Vertex AI through ChatVertexAI",
    provider="gcp.vertex_ai",
    package="langchain-google-vertexai",
    calls=_TOOL_CALLS,
    results=_TOOL_MESSAGES,
    rules=_VERTEX_RULES,
    steps=(
        refuse(
            {
                Carrier.CHAT_TOOL: "ValueError: Unexpected message with type ChatMessage",
                Carrier.TOOL_RESULT_IN_HUMAN: _VERTEX_PART,
                Carrier.RESPONSES_OUTPUT: _VERTEX_PART,
            }
        ),
        refuse_blocks(_VERTEX_PART, *_RESPONSES_BLOCKS, server_calls=True, unpacks_standard=True),
        name_from_previous_ai,
        take_out_systems,
        merge_users,
        merge_ais,
        match_names_in_order,
    ),
    ids_matter=False,
    order_matters=True,
    takes_blocks=False,
    refused_first_call=True,
)

# --- Others --------------------------------------------------------------------------------------

_MISTRAL_VALIDATOR = "mistral-common's validator"
_MISTRAL_COUNT = _reject(
    Grade.EXECUTED, _MISTRAL_VALIDATOR, "Not the same number of function calls and responses"
)
_MISTRAL_ID = _reject(
    Grade.EXECUTED, _MISTRAL_VALIDATOR, "Unexpected tool call id {result_id} in tool results"
)
_MISTRAL_ROLE = _reject(
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
            *_MISPLACED,
        ),
        _MISTRAL_COUNT,
    ),
    **dict.fromkeys(
        (Case.ORPHAN_AFTER_HUMAN, Case.ORPHAN_AFTER_AI, Case.DUPLICATE_LATER, Case.EARLY),
        _MISTRAL_ROLE,
    ),
    Case.ORPHAN_AT_START: _unknown("the validator does not look at the first message"),
    Case.ORPHAN_FIRST: _MISTRAL_ROLE,
    Case.MISSING_AT_END: _reject(
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
    Case.SYSTEM_AFTER_TOOL: _reject(
        Grade.EXECUTED, _MISTRAL_VALIDATOR, "Unexpected role 'system' after role 'tool'"
    ),
}
MISTRAL: Final = Profile(
    name="mistral",
    title="Mistral through ChatMistralAI",
    provider="mistral_ai",
    package="langchain-mistralai",
    calls=_ALL_TOOL_CALLS,
    results=_SENT_WITHOUT_ID,
    rules=_MISTRAL_RULES,
    steps=(refuse({Carrier.FUNCTION: "ValueError: Got unknown type"}),),
    refused_after_result="system",
)
_COHERE_LAST = "ValueError: The last message is not an ToolMessage or HumanMessage"
_COHERE_ID = "pydantic ValidationError: 1 validation error for ToolCallV2"
_COHERE_MISSING = _reject(Grade.REPORTED, "oracle/langchain-oracle#10")
_COHERE = replace(
    OPENAI_COMPATIBLE,
    name="cohere",
    title="Cohere through ChatCohere",
    provider="cohere",
    package="langchain-cohere",
    calls=_TOOL_CALLS,
    results=_TOOL_MESSAGES,
    rules={
        **_UNCHECKED_RULES,
        Case.MISSING_AT_END: _raises("the integration's own check", _COHERE_LAST),
    },
    steps=(
        refuse_last(_COHERE_LAST, *(role for role in Role if role not in (Role.HUMAN, Role.TOOL))),
        refuse_null_ids(_COHERE_ID),
        refuse(
            {
                Carrier.CHAT_TOOL: "ValueError: Got unknown type",
                Carrier.FUNCTION: "ValueError: Got unknown type",
            }
        ),
        refuse_blocks(
            "pydantic ValidationError: validation error for AssistantChatMessageV2",
            Carrier.TOOL_USE,
            Carrier.STANDARD_BLOCK,
            Carrier.STANDARD_INVALID_BLOCK,
            *_RESPONSES_BLOCKS,
            server_calls=True,
        ),
        miss_early_results,
    ),
    takes_blocks=False,
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
_OLLAMA_PART = "ValueError: Unsupported message content type."
OLLAMA: Final = Profile(
    name="ollama",
    title="Ollama through ChatOllama",
    provider="ollama",
    package="langchain-ollama",
    calls=_TOOL_CALLS,
    results=_SENT_WITHOUT_ID,
    rules={},
    steps=(
        refuse(
            {
                Carrier.TOOL_RESULT_IN_HUMAN: _OLLAMA_PART,
                Carrier.RESPONSES_OUTPUT: _OLLAMA_PART,
                Carrier.TOOL_RESULT_IN_TOOL: _OLLAMA_PART,
            }
        ),
        refuse({Carrier.FUNCTION: "TypeError: Received unsupported message type for Ollama."}),
        refuse_blocks(_OLLAMA_PART, *_RESPONSES_BLOCKS, server_calls=True, unpacks_standard=True),
        match_positions,
    ),
    order_matters=True,
    takes_blocks=False,
    ids_matter=False,
)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            CONTRACT,
            OPENAI_CHAT,
            OPENAI_RESPONSES,
            AZURE_OPENAI_CHAT,
            ANTHROPIC,
            ANTHROPIC_VERTEX,
            GOOGLE_GENAI,
            GOOGLE_VERTEXAI,
            BEDROCK_CONVERSE,
            BEDROCK_CONVERSE_OTHER,
            BEDROCK_INVOKE,
            MISTRAL,
            COHERE,
            DEEPSEEK,
            GROQ,
            XAI,
            FIREWORKS,
            TOGETHER,
            OPENROUTER,
            LITELLM,
            HUGGINGFACE,
            NVIDIA,
            OLLAMA,
            OPENAI_COMPATIBLE,
        )
    }
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
