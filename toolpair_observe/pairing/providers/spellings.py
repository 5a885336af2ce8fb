"""Providers as stored rows name them, in any spelling, and the profiles that judge them by name.

Rows take their words from LangChain (`ls_provider`, names of classes), from OpenTelemetry's
conventions and older ones, from LiteLLM's `custom_llm_provider`, the AI SDK (`openai.chat`),
pydantic-ai (`google-gla`), and from people.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from toolpair_observe.pairing.providers.contract import CONTRACT

if TYPE_CHECKING:
    from collections.abc import Mapping


class Protocol(StrEnum):
    """The API that was asked, whoever serves it."""

    CHAT = "chat"
    RESPONSES = "responses"
    MESSAGES = "messages"
    GENERATE_CONTENT = "generate_content"
    CONVERSE = "converse"
    INVOKE = "invoke"
    COHERE = "cohere-v2"
    COHERE_V1 = "cohere-v1"
    OLLAMA = "ollama"


# How forms write a protocol, besides its own name.
_PROTOCOLS: Final[Mapping[str, Protocol]] = {
    **{protocol.value: protocol for protocol in Protocol},
    "openai-chat": Protocol.CHAT,
    "chat.completions": Protocol.CHAT,
    "chat_completions": Protocol.CHAT,
    "openai-responses": Protocol.RESPONSES,
    "anthropic": Protocol.MESSAGES,
    "google": Protocol.GENERATE_CONTENT,
    "bedrock-converse": Protocol.CONVERSE,
    "bedrock-invoke": Protocol.INVOKE,
}


def protocol_of(api: str) -> Protocol | None:
    """Return the protocol that the word stands for, None where it stands for none."""
    return _PROTOCOLS.get(api)


class Known(NamedTuple):
    """A provider that rows name.

    Attributes:
        profile: Name of the profile of its own API.
        told_as: The OpenTelemetry conventions' name of it, or LangChain's where they have none.
        spellings: Its names, lower case, with `_` between the words.
        maker: Who makes all models there, as `places.maker_of` says it; `""` for several.
        others: Names of the profiles that judge other protocols there.
    """

    profile: str
    told_as: str
    spellings: str
    maker: str = ""
    others: Mapping[Protocol, str] = {}


_OPENAI: Final = "openai-compatible"
_CHAT_ONLY: Final = {Protocol.RESPONSES: CONTRACT.name, Protocol.MESSAGES: CONTRACT.name}
_RESPONSES: Final = {Protocol.RESPONSES: "openai-responses"}

KNOWN: Final = (
    Known(
        "openai-chat",
        "openai",
        "openai open_ai oai openai_chat chatopenai openai_api openai_official "
        "text_completion_openai",
        maker="openai",
        others=_RESPONSES,
    ),
    Known(
        "openai-responses",
        "openai",
        "openai_responses",
        maker="openai",
        others={Protocol.CHAT: "openai-chat"},
    ),
    Known(
        "azure-openai-chat",
        "azure.ai.openai",
        "azure azure_openai azure_openai_chat az_ai_openai azure_ai_openai "
        "azureopenai azurechatopenai azure_text",
        maker="openai",
        others=_RESPONSES,
    ),
    Known(
        "openai-chat",
        "aws.bedrock",
        "openai_mantle",
        others=_RESPONSES,
    ),
    Known(
        "anthropic",
        "anthropic",
        "anthropic claude chatanthropic",
        maker="anthropic",
    ),
    Known(
        "anthropic",
        "aws.bedrock",
        "anthropic_bedrock bedrock_anthropic anthropic_mantle chatanthropicbedrock",
        maker="anthropic",
    ),
    Known(
        "anthropic-vertex",
        "gcp.vertex_ai",
        "anthropic_vertex anthropicvertex anthropic_vertexai vertex_ai_anthropic "
        "vertex_anthropic google_vertex_anthropic google_anthropic_vertex chatanthropicvertex",
        maker="anthropic",
    ),
    Known(
        "google-genai",
        "gcp.gemini",
        "google google_genai google_gla google_generative_ai google_ai "
        "google_ai_studio "
        "google_gemini googleai gemini gcp_gemini gcp_gen_ai chatgooglegenerativeai",
        maker="google",
    ),
    Known(
        "google-vertexai",
        "gcp.vertex_ai",
        "google_vertexai google_vertex google_vertex_ai vertex vertexai vertex_ai "
        "vertex_ai_beta gcp_vertex_ai chatvertexai",
        maker="google",
        others={Protocol.MESSAGES: "anthropic-vertex"},
    ),
    Known(
        "bedrock-converse",
        "aws.bedrock",
        "bedrock aws_bedrock amazon_bedrock bedrock_converse "
        "amazon_bedrock_converse aws amazon bedrock_runtime chatbedrockconverse",
        others={
            Protocol.INVOKE: "bedrock-invoke",
            Protocol.MESSAGES: "bedrock-invoke",
            Protocol.RESPONSES: CONTRACT.name,
        },
    ),
    Known(
        "bedrock-invoke",
        "aws.bedrock",
        "bedrock_invoke chatbedrock",
    ),
    Known(
        "mistral",
        "mistral_ai",
        "mistral mistral_ai mistralai chatmistralai",
    ),
    Known(
        "cohere",
        "cohere",
        "cohere cohere_chat cohere_v2 cohereai chatcohere",
        maker="cohere",
        others={Protocol.COHERE_V1: CONTRACT.name},
    ),
    Known(
        "deepseek",
        "deepseek",
        "deepseek deep_seek deepseek_responses chatdeepseek",
        maker="deepseek",
        # DeepSeek's Responses endpoint wants results in place, as its chat endpoint does.
        others={Protocol.RESPONSES: "deepseek", Protocol.MESSAGES: CONTRACT.name},
    ),
    Known(
        "groq",
        "groq",
        "groq chatgroq",
        others=_CHAT_ONLY,
    ),
    Known(
        "xai",
        "x_ai",
        "xai x_ai grok chatxai",
        maker="xai",
        others=_CHAT_ONLY,
    ),
    Known(
        "fireworks",
        "fireworks",
        "fireworks fireworks_ai",
        others=_CHAT_ONLY,
    ),
    Known(
        "together",
        "together",
        "together together_ai togetherai",
        others=_CHAT_ONLY,
    ),
    Known(
        "openrouter",
        "openrouter",
        "openrouter open_router",
        others=_CHAT_ONLY,
    ),
    Known(
        "litellm",
        "litellm",
        "litellm lite_llm litellm_proxy",
        others=_CHAT_ONLY,
    ),
    Known(
        "huggingface",
        "huggingface",
        "huggingface hugging_face huggingface_hub hf",
        others=_CHAT_ONLY,
    ),
    Known(
        "nvidia",
        "nvidia",
        "nvidia nvidia_nim nvidia_ai_endpoints chatnvidia",
        others=_CHAT_ONLY,
    ),
    # Its other endpoint turns OpenAI's messages into its own.
    Known(
        "ollama",
        "ollama",
        "ollama ollama_chat chatollama",
        others={Protocol.CHAT: _OPENAI, **_CHAT_ONLY},
    ),
    Known(
        "dashscope",
        "dashscope",
        "dashscope qwen tongyi alibaba alibaba_cloud aliyun bailian modelscope",
        others=_CHAT_ONLY,
    ),
    Known(
        "moonshot",
        "moonshot_ai",
        "moonshot moonshot_ai moonshotai kimi",
        others=_CHAT_ONLY,
    ),
    Known(
        "minimax",
        "minimax",
        "minimax minimax_ai",
        others=_CHAT_ONLY,
    ),
    # They speak OpenAI's protocol, and nobody has shown what they refuse.
    Known(
        _OPENAI,
        "azure.ai.inference",
        "azure_ai azure_ai_inference az_ai_inference",
    ),
    Known(
        _OPENAI,
        "perplexity",
        "perplexity perplexity_ai",
        others=_CHAT_ONLY,
    ),
    Known(
        _OPENAI,
        "databricks",
        "databricks",
        others=_CHAT_ONLY,
    ),
    *(
        Known(_OPENAI, name, name, others=_CHAT_ONLY)
        for name in (
            "openai_compatible",
            "openai_like",
            "custom_openai",
            "hosted_vllm",
            "vllm",
            "sglang",
            "llama_cpp",
            "llamacpp",
            "llamafile",
            "lmstudio",
            "lm_studio",
        )
    ),
)
_BY_SPELLING: Final[Mapping[str, Known]] = {
    spelling: known for known in KNOWN for spelling in known.spellings.split()
}
# The AI SDK ends a provider's name with the API, as in `azure-openai.responses`.
_LAST_WORDS: Final[Mapping[str, Protocol | None]] = {
    "chat": None,
    "completion": None,
    "messages": None,
    "generative-ai": None,
    "responses": Protocol.RESPONSES,
}


@lru_cache(maxsize=512)
def known_as(name: str) -> tuple[Known | None, Protocol | None]:
    """Return the provider of this name, None if there is none, and the API that the name tells."""
    found = _BY_SPELLING.get(_spelled(name))
    if found is not None:
        return found, Protocol.RESPONSES if found.profile == "openai-responses" else None
    stem, dot, last = name.lower().rpartition(".")
    if dot and last in _LAST_WORDS:
        found, _ = known_as(stem)
        return found, _LAST_WORDS[last]
    return None, None


def _spelled(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
