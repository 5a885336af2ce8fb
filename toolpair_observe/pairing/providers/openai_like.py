"""Who else speaks OpenAI's Chat Completions, through a class of its own or through `ChatOpenAI`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.providers.openai import (
    OPENAI_CHAT,
    OPENAI_CHAT_RULES,
    UNKNOWN_TYPE,
)
from toolpair_observe.pairing.providers.profile import Grade, Profile, Row, Server
from toolpair_observe.pairing.providers.rules import (
    MISPLACED,
    NO_REPORT,
    ORPHANS,
    UNCHECKED,
    reject,
    unknown,
)
from toolpair_observe.pairing.providers.steps import (
    find_empty_ids,
    lose_blocks,
    refuse,
    refuse_messages,
    send_also,
)
from toolpair_observe.pairing.words import Carrier, Case, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.pairing.providers.profile import Rule


def openai_like(name: str, title: str, provider: str, package: str) -> Profile:
    """A provider that takes OpenAI's messages and has not been shown to check their pairing."""
    return replace(
        OPENAI_CHAT,
        name=name,
        title=title,
        provider=provider,
        package=package,
        rules=UNCHECKED,
        id_max=None,
    )


OPENAI_COMPATIBLE: Final = openai_like(
    "openai-compatible",
    "a server with OpenAI's protocol behind ChatOpenAI(base_url=...)",
    "",
    "langchain-openai",
)
_GROQ = openai_like("groq", "Groq through ChatGroq", "groq", "langchain-groq")
_GROQ_NO_ID = reject(
    Grade.REPORTED,
    "hackclub/ai#22",
    "'messages.{position}' : for 'role:tool' the following must be satisfied"
    "[('messages.{position}.tool_call_id' : property 'tool_call_id' is missing)]",
)
# A message keeps its last call there, too, where Gemini's integrations or older ones made it.
_SEND_LEGACY_CALL_TOO: Final = send_also(
    Carrier.LEGACY_CALL,
    {Carrier.TOOL_CALL, Carrier.INVALID_TOOL_CALL, Carrier.RAW_CALL},
    "the call goes out twice, as tool_calls and as function_call",
)
GROQ: Final = replace(
    _GROQ,
    rules={
        **UNCHECKED,
        Case.RESULT_WITHOUT_ID: _GROQ_NO_ID,
        Case.MISMATCHED_WITHOUT_ID: _GROQ_NO_ID,
    },
    steps=(*_GROQ.steps, _SEND_LEGACY_CALL_TOO, find_empty_ids),
    server=Server((*_GROQ.server.steps, find_empty_ids)),
)
XAI: Final = openai_like("xai", "xAI through ChatXAI", "x_ai", "langchain-xai")
FIREWORKS: Final = replace(
    openai_like("fireworks", "Fireworks through ChatFireworks", "fireworks", "langchain-fireworks"),
    steps=(
        refuse_messages(UNKNOWN_TYPE, Role.REMOVE),
        _SEND_LEGACY_CALL_TOO,
        lose_blocks(
            Carrier.TOOL_RESULT_IN_TOOL, Carrier.TOOL_RESULT_IN_HUMAN, Carrier.OUTPUT_IN_TOOL
        ),
    ),
)
TOGETHER: Final = openai_like(
    "together", "Together through ChatTogether", "together", "langchain-together"
)
_HUGGINGFACE = openai_like(
    "huggingface", "Hugging Face through ChatHuggingFace", "huggingface", "langchain-huggingface"
)
HUGGINGFACE: Final = replace(_HUGGINGFACE, steps=(*_HUGGINGFACE.steps, _SEND_LEGACY_CALL_TOO))
_NVIDIA_CONTENT = "ValueError: Message {'role': 'user', 'content': None} has no content."
NVIDIA: Final = replace(
    openai_like("nvidia", "NVIDIA through ChatNVIDIA", "nvidia", "langchain-nvidia-ai-endpoints"),
    calls=frozenset({Carrier.RAW_CALL}),
    spare_calls={},
    steps=(
        refuse_messages(UNKNOWN_TYPE, Role.REMOVE),
        _SEND_LEGACY_CALL_TOO,
        refuse(
            {
                Carrier.TOOL_RESULT_IN_HUMAN: _NVIDIA_CONTENT,
                Carrier.CONVERSE_RESULT: _NVIDIA_CONTENT,
                Carrier.RESPONSES_OUTPUT: _NVIDIA_CONTENT,
            }
        ),
    ),
)

_DEEPSEEK_ORPHAN = reject(
    Grade.REPORTED,
    "DeepSeek's own text, reported in several repositories",
    "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'",
)
_DEEPSEEK_MISSING = reject(
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
        **OPENAI_CHAT_RULES,
        **dict.fromkeys((Case.MISSING_ALL, Case.MISSING_SOME, *MISPLACED), _DEEPSEEK_MISSING),
        **dict.fromkeys((*ORPHANS, Case.EARLY, Case.DUPLICATE_LATER), _DEEPSEEK_ORPHAN),
        Case.MISMATCHED: _DEEPSEEK_MISSING,
        Case.MISSING_AT_END: unknown("no report of a request that ends there"),
        Case.DUPLICATE: unknown(NO_REPORT),
        Case.DUPLICATE_CALL_ID: unknown(NO_REPORT),
        Case.CALL_WITHOUT_ID: _DEEPSEEK_MISSING,
        Case.RESULT_WITHOUT_ID: _DEEPSEEK_ORPHAN,
        Case.MISMATCHED_WITHOUT_ID: _DEEPSEEK_ORPHAN,
        Case.UNSUPPORTED_RESULT: UNCHECKED[Case.UNSUPPORTED_RESULT],
    },
)

# --- Hosts that are told by their URL, through ChatOpenAI ----------------------------------------


def hosted(name: str, title: str, provider: str, rules: Mapping[Case, Rule]) -> Profile:
    """A host behind ChatOpenAI of which some rules are known; for the rest nobody has shown it."""
    return replace(
        OPENAI_COMPATIBLE, name=name, title=title, provider=provider, rules={**UNCHECKED, **rules}
    )


_DASHSCOPE_MISSING = reject(
    Grade.REPORTED,
    "QwenLM/qwen-code#315, #606, #869; google-gemini/gemini-cli#5031",
    '<400> InternalError.Algo.InvalidParameter: An assistant message with "tool_calls" must be '
    'followed by tool messages responding to each "tool_call_id".',
)
_DASHSCOPE_ORPHAN = reject(
    Grade.REPORTED,
    "langchain-ai/langgraph-supervisor-py#122, #203; philschmid/mcp-openai-gemini-llama-example#5",
    '<400> InternalError.Algo.InvalidParameter: messages with role "tool" must be a response to '
    'a preceeding message with "tool_calls".',
)
_DASHSCOPE = hosted(
    "dashscope",
    "Qwen on DashScope or ModelScope behind ChatOpenAI(base_url=...)",
    "dashscope",
    {
        **dict.fromkeys((Case.MISSING_ALL, Case.MISSING_SOME), _DASHSCOPE_MISSING),
        **dict.fromkeys(ORPHANS, _DASHSCOPE_ORPHAN),
    },
)
# All reports are of Qwen's models; the host serves those of others, too.
DASHSCOPE: Final = replace(
    _DASHSCOPE,
    rows=(Row(replace(_DASHSCOPE, rules=UNCHECKED), models=r"(?i)(?!(?:.*/)?(?:qwen|qwq|qvq))"),),
)

_MOONSHOT_MISSING = reject(
    Grade.REPORTED,
    "QwenLM/qwen-code#135",
    "Invalid request: an assistant message with 'tool_calls' must be followed by tool messages "
    "responding to each 'tool_call_id'.",
)
_MOONSHOT_STRANGER = reject(
    Grade.REPORTED,
    "public code that handles the text",
    "Invalid request: tool_call_id  is not found",
)
MOONSHOT: Final = hosted(
    "moonshot",
    "Kimi on Moonshot's own host behind ChatOpenAI(base_url=...)",
    "moonshot_ai",
    {
        **dict.fromkeys((Case.MISSING_ALL, Case.MISSING_SOME), _MOONSHOT_MISSING),
        **dict.fromkeys((*ORPHANS, Case.MISMATCHED), _MOONSHOT_STRANGER),
    },
)

_MINIMAX_SOURCE = "can1357/oh-my-pi#2055, and public code that handles the text"
_MINIMAX_PLACE = reject(
    Grade.REPORTED,
    _MINIMAX_SOURCE,
    "invalid params, tool call result does not follow tool call (2013)",
)
MINIMAX: Final = hosted(
    "minimax",
    "MiniMax on its own host behind ChatOpenAI(base_url=...)",
    "minimax",
    {
        **dict.fromkeys((*ORPHANS, *MISPLACED, Case.EARLY), _MINIMAX_PLACE),
        Case.MISMATCHED: reject(
            Grade.REPORTED,
            _MINIMAX_SOURCE,
            "invalid params, tool result's tool id({result_id}) not found (2013)",
        ),
    },
)
