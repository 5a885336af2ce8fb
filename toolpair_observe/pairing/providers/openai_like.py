"""Who else speaks OpenAI's Chat Completions, through a class of its own or through `ChatOpenAI`."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.integration import Choice, Integration, ModelCall, always
from toolpair_observe.pairing.providers.openai import (
    AZURE,
    OPENAI,
    OPENAI_CHAT,
    OPENAI_CHAT_RULES,
    UNKNOWN_TYPE,
    Api,
    chat_api,
)
from toolpair_observe.pairing.providers.profile import Grade, Profile
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

# --- Who stands behind ChatOpenAI ----------------------------------------------------------------


def _elsewhere(
    provider: str = "", profile: Profile = OPENAI_COMPATIBLE, *, identified: bool = True
) -> Api:
    """Return what ChatOpenAI is in front of another server: its own rules for chat only."""
    return Api(
        Choice(profile, provider, identified=identified, own_package=profile is not DEEPSEEK),
        Choice(CONTRACT, provider, identified=False),
    )


_COMPATIBLE: Final = _elsewhere()
_UNKNOWN_GATEWAY: Final = _elsewhere(identified=False)
# The conversion is ChatOpenAI's at each of these, so another integration's profile would be wrong
# about what is sent, except DeepSeek's, which differs from OpenAI's in its rules only.
_HOSTS: Final[Mapping[str, Api]] = {
    "api.openai.com": OPENAI,
    "us.api.openai.com": OPENAI,
    "eu.api.openai.com": OPENAI,
    "api.deepseek.com": _elsewhere("deepseek", profile=DEEPSEEK),
    "api.x.ai": _elsewhere("x_ai"),
    "api.groq.com": _elsewhere("groq"),
    "api.together.xyz": _elsewhere("together"),
    "api.together.ai": _elsewhere("together"),
    "api.fireworks.ai": _elsewhere("fireworks"),
    "integrate.api.nvidia.com": _elsewhere("nvidia"),
    # They refuse with their own texts, or stand in front of providers that do.
    "api.mistral.ai": _elsewhere("mistral_ai", identified=False),
    "api.cohere.com": _elsewhere("cohere", identified=False),
    "api.cohere.ai": _elsewhere("cohere", identified=False),
    "api.anthropic.com": _elsewhere("anthropic", identified=False),
    "generativelanguage.googleapis.com": _elsewhere("gcp.gemini", identified=False),
    "openrouter.ai": _elsewhere("openrouter", identified=False),
    "router.huggingface.co": _elsewhere("huggingface", identified=False),
    "models.github.ai": _UNKNOWN_GATEWAY,
    "models.inference.ai.azure.com": _UNKNOWN_GATEWAY,
}
_DOMAINS: Final[Mapping[str, Api]] = {
    "openai.azure.com": AZURE,
    "cognitiveservices.azure.com": AZURE,
    "api.openai.com": OPENAI,
    "api.x.ai": _elsewhere("x_ai"),
    "services.ai.azure.com": _UNKNOWN_GATEWAY,
    "googleapis.com": _UNKNOWN_GATEWAY,
    "amazonaws.com": _UNKNOWN_GATEWAY,
    # They enforce OpenAI's rules with their own texts.
    "aliyuncs.com": _UNKNOWN_GATEWAY,
    "moonshot.cn": _UNKNOWN_GATEWAY,
    "moonshot.ai": _UNKNOWN_GATEWAY,
    "kimi.com": _UNKNOWN_GATEWAY,
    "minimax.io": _UNKNOWN_GATEWAY,
    "minimaxi.com": _UNKNOWN_GATEWAY,
    "bigmodel.cn": _UNKNOWN_GATEWAY,
    "z.ai": _UNKNOWN_GATEWAY,
    "volces.com": _UNKNOWN_GATEWAY,
}
# Models whose makers alone host them: a server that offers one passes requests on.
_HANDED_ON: Final = re.compile(
    r"(?:.*/)?(?:gpt-[3-9]|chatgpt|o[1-9](?:-|$)|claude|gemini)", re.IGNORECASE
)


def _openai(call: ModelCall) -> Choice:
    base = call.arguments.get("openai_api_base")
    if base is not None and not isinstance(base, str):
        return _UNKNOWN_GATEWAY(call)
    # The client itself reads OPENAI_BASE_URL, which therefore stands in no argument.
    base = call.string("openai_api_base") or os.environ.get("OPENAI_BASE_URL", "")
    api = _at(host_of(base), call) if base else OPENAI
    return api(call)


def _at(host: str, call: ModelCall) -> Api:
    known = _HOSTS.get(host)
    parent = host
    while known is None and parent:
        parent = parent.partition(".")[2]
        known = _DOMAINS.get(parent)
    if known is not None:
        return known
    return _UNKNOWN_GATEWAY if _HANDED_ON.match(call.model) else _COMPATIBLE


def host_of(url: str) -> str:
    """Return the host of `url` without user, port and path."""
    place = (url.partition("://")[2] or url).partition("/")[0].rpartition("@")[2]
    if place.startswith("["):
        return place.partition("]")[0][1:]
    return place.partition(":")[0].lower().rstrip(".")


INTEGRATIONS: Final = (
    Integration(
        "openai-chat",
        "langchain.chat_models.openai.ChatOpenAI",
        frozenset({"openai"}),
        _openai,
    ),
    Integration(
        "chat-deepseek",
        "langchain_deepseek.chat_models.ChatDeepSeek",
        frozenset({"deepseek"}),
        chat_api(DEEPSEEK, "deepseek"),
    ),
    Integration(
        "groq-chat",
        "langchain_groq.chat_models.ChatGroq",
        frozenset({"groq"}),
        always(GROQ),
    ),
    Integration(
        "xai-chat",
        "langchain_xai.chat_models.ChatXAI",
        frozenset({"xai"}),
        chat_api(XAI, "x_ai"),
    ),
    Integration(
        "fireworks-chat",
        "langchain.chat_models.fireworks.ChatFireworks",
        frozenset({"fireworks"}),
        always(FIREWORKS),
    ),
    Integration(
        "together-chat",
        "langchain_together.chat_models.ChatTogether",
        frozenset({"together"}),
        chat_api(TOGETHER, "together"),
    ),
    Integration(
        "huggingface-chat-wrapper",
        "langchain_huggingface.chat_models.huggingface.ChatHuggingFace",
        frozenset({"huggingface"}),
        always(HUGGINGFACE),
    ),
    Integration(
        "chat-nvidia-ai-playground",
        "langchain_nvidia_ai_endpoints.chat_models.ChatNVIDIA",
        frozenset({"NVIDIA", "nvidia"}),
        always(NVIDIA),
    ),
)
