"""From what a callback is given to the profile that judges the request.

`on_chat_model_start` sees the serialized model, the run's metadata and the invocation parameters.
The integration is told by its own type name, which has to agree with `ls_provider`: the base class
derives that one from the class name, so a stranger's `ChatMistral` alone would look like Mistral.
What stands behind an OpenAI-compatible class is told by the host. A wrong guess is worse than
none: where two readings are possible the target is not identified.

Nothing here raises, touches the network, or keeps anything but names and versions.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata as distributions
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from toolpair_observe.pairing.facts import NO_FACTS, Facts
from toolpair_observe.pairing.providers.table import CONTRACT, LITELLM, LITELLM_MENDING, PROFILES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.pairing.providers.profile import Profile

_MAX_NAME = 256
_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is judged by.

    Attributes:
        profile: The profile; the contract where nothing better is known.
        facts: What this call tells beside the history.
        model: The model as requested, `""` where it is not told.
        provider: The OpenTelemetry semantic conventions' provider name, or LangChain's own name of
            a provider that has no profile, or `""`.
        identified: Whether the provider behind the integration is known.
    """

    profile: Profile
    facts: Facts
    model: str
    provider: str
    identified: bool


class _Call(NamedTuple):
    """What the callback was given.

    Attributes:
        arguments: The constructor's arguments, where the class is serializable.
        text: The model's repr, where it is not; it shows what differs from the defaults.
        metadata: The run's metadata.
        params: The invocation parameters.
        model: The model as requested.
    """

    arguments: Mapping[str, Any]
    text: str
    metadata: Mapping[str, Any]
    params: Mapping[str, Any]
    model: str

    def flag(self, name: str) -> bool | None:
        """Return the boolean constructor argument `name`, or None where it was not given."""
        value = self.arguments.get(name)
        if isinstance(value, bool):
            return value
        if self.text and f"{name}=" in self.text:
            return f"{name}=True" in self.text
        return None

    def string(self, name: str) -> str:
        """Return the constructor argument `name`, or `""` where it was not given as a string."""
        value = self.arguments.get(name)
        if isinstance(value, str):
            return value
        found = re.search(rf"\b{name}='([^']*)'", self.text) if self.text else None
        return found[1] if found else ""


class _Choice(NamedTuple):
    """What an integration turned out to be.

    Attributes:
        profile: Name of the profile.
        provider: The provider where it is not the profile's own; `""` where nobody can tell.
        identified: Whether that is certain.
        own_package: Whether the profile's package is the one that converts the messages.
    """

    profile: str
    provider: str | None = None
    identified: bool = True
    own_package: bool = True


_UNKNOWN: Final = _Choice(CONTRACT.name, identified=False)


class _Chooser(Protocol):
    def __call__(self, call: _Call, /) -> _Choice: ...


class _Integration(NamedTuple):
    """One chat-model class.

    Attributes:
        class_id: How it is serialized.
        ls_providers: The `ls_provider` values that go with it.
        choose: What it is, from the call.
    """

    class_id: str
    ls_providers: frozenset[str]
    choose: _Chooser


# --- OpenAI's two APIs, and who else speaks them ------------------------------------------------

_RESPONSES_PARAMS: Final = frozenset(
    {
        "context_management",
        "include",
        "previous_response_id",
        "reasoning",
        "text",
        "truncation",
    }
)
_RESPONSES_ARGUMENTS: Final = frozenset(
    {
        "context_management",
        "include",
        "output_version",
        "reasoning",
        "truncation",
        "use_previous_response_id",
        "use_responses_api",
    }
)
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


class _Api(NamedTuple):
    """What a class is on each of OpenAI's two APIs at one place."""

    chat: _Choice
    responses: _Choice

    def __call__(self, call: _Call, /) -> _Choice:
        return self.responses if _uses_responses(call) else self.chat


_OPENAI: Final = _Api(_Choice("openai-chat"), _Choice("openai-responses"))
_AZURE: Final = _Api(
    _Choice("azure-openai-chat"), _Choice("openai-responses", provider="azure.ai.openai")
)
_MANTLE: Final = _Api(
    _Choice("openai-chat", provider="aws.bedrock"),
    _Choice("openai-responses", provider="aws.bedrock"),
)


def _elsewhere(profile: str, provider: str = "", *, identified: bool = True) -> _Api:
    """Return what ChatOpenAI is before somebody else's server: its own rules for chat only."""
    return _Api(
        _Choice(profile, provider, identified=identified, own_package=profile != "deepseek"),
        _Choice(CONTRACT.name, provider, identified=False),
    )


_COMPATIBLE: Final = _elsewhere("openai-compatible")
_SOMEBODYS_GATEWAY: Final = _elsewhere("openai-compatible", identified=False)
# The conversion is ChatOpenAI's at each of these, so another integration's profile would be wrong
# about what is sent, except DeepSeek's, which differs from OpenAI's in its rules only.
_HOSTS: Final[Mapping[str, _Api]] = {
    "api.openai.com": _OPENAI,
    "us.api.openai.com": _OPENAI,
    "eu.api.openai.com": _OPENAI,
    "api.deepseek.com": _elsewhere("deepseek", "deepseek"),
    "api.x.ai": _elsewhere("openai-compatible", "x_ai"),
    "api.groq.com": _elsewhere("openai-compatible", "groq"),
    "api.together.xyz": _elsewhere("openai-compatible", "together"),
    "api.together.ai": _elsewhere("openai-compatible", "together"),
    "api.fireworks.ai": _elsewhere("openai-compatible", "fireworks"),
    "integrate.api.nvidia.com": _elsewhere("openai-compatible", "nvidia"),
    # Strict about pairing in words of their own, or in front of providers that are.
    "api.mistral.ai": _elsewhere("openai-compatible", "mistral_ai", identified=False),
    "api.cohere.com": _elsewhere("openai-compatible", "cohere", identified=False),
    "api.cohere.ai": _elsewhere("openai-compatible", "cohere", identified=False),
    "api.anthropic.com": _elsewhere("openai-compatible", "anthropic", identified=False),
    "generativelanguage.googleapis.com": _elsewhere(
        "openai-compatible", "gcp.gemini", identified=False
    ),
    "openrouter.ai": _elsewhere("openai-compatible", "openrouter", identified=False),
    "router.huggingface.co": _elsewhere("openai-compatible", "huggingface", identified=False),
    "models.github.ai": _SOMEBODYS_GATEWAY,
    "models.inference.ai.azure.com": _SOMEBODYS_GATEWAY,
}
_DOMAINS: Final[Mapping[str, _Api]] = {
    "openai.azure.com": _AZURE,
    "cognitiveservices.azure.com": _AZURE,
    "api.openai.com": _OPENAI,
    "api.x.ai": _elsewhere("openai-compatible", "x_ai"),
    "services.ai.azure.com": _SOMEBODYS_GATEWAY,
    "googleapis.com": _SOMEBODYS_GATEWAY,
    "amazonaws.com": _SOMEBODYS_GATEWAY,
    # Known for OpenAI's rules in words of their own.
    "aliyuncs.com": _SOMEBODYS_GATEWAY,
    "moonshot.cn": _SOMEBODYS_GATEWAY,
    "moonshot.ai": _SOMEBODYS_GATEWAY,
    "kimi.com": _SOMEBODYS_GATEWAY,
    "minimax.io": _SOMEBODYS_GATEWAY,
    "minimaxi.com": _SOMEBODYS_GATEWAY,
    "bigmodel.cn": _SOMEBODYS_GATEWAY,
    "z.ai": _SOMEBODYS_GATEWAY,
    "volces.com": _SOMEBODYS_GATEWAY,
}
# Models that nobody can host: a server that offers one hands on to its maker.
_HANDED_ON: Final = re.compile(
    r"(?:.*/)?(?:gpt-[3-9]|chatgpt|o[1-9](?:-|$)|claude|gemini)", re.IGNORECASE
)


def _uses_responses(call: _Call) -> bool:
    """Decide as langchain-openai does (its `_use_responses_api`)."""
    if call.text or not _RESPONSES_ARGUMENTS.isdisjoint(call.arguments):
        told = _tells_responses(call)
        if told is not None:
            return told
    if not _RESPONSES_PARAMS.isdisjoint(call.params):
        return True
    tools = call.params.get("tools")
    if tools and (
        call.model.startswith(_RESPONSES_MODELS_WITH_TOOLS) or any(map(_is_builtin_tool, tools))
    ):
        return True
    return call.model.startswith(_RESPONSES_MODELS) or "codex" in call.model


def _tells_responses(call: _Call) -> bool | None:
    """Return what the constructor's arguments say, or None where they leave it open."""
    explicit = call.flag("use_responses_api")
    if explicit is not None:
        return explicit
    given = call.arguments.get
    implied = (
        given("output_version") == "responses/v1"
        or call.flag("use_previous_response_id")
        or given("context_management") is not None
        or given("include") is not None
        or given("reasoning") is not None
        or given("truncation") is not None
    )
    return True if implied else None


def _is_builtin_tool(tool: object) -> bool:
    return isinstance(tool, dict) and tool.get("type", "function") != "function"


def _openai(call: _Call) -> _Choice:
    base = call.arguments.get("openai_api_base")
    if base is not None and not isinstance(base, str):
        return _SOMEBODYS_GATEWAY(call)
    # The client itself reads OPENAI_BASE_URL, which therefore stands in no argument.
    base = call.string("openai_api_base") or os.environ.get("OPENAI_BASE_URL", "")
    api = _at(_host(base), call) if base else _OPENAI
    return api(call)


def _at(host: str, call: _Call) -> _Api:
    known = _HOSTS.get(host)
    parent = host
    while known is None and parent:
        parent = parent.partition(".")[2]
        known = _DOMAINS.get(parent)
    if known is not None:
        return known
    return _SOMEBODYS_GATEWAY if _HANDED_ON.match(call.model) else _COMPATIBLE


def _host(url: str) -> str:
    """Return the host of `url` without user, port and path."""
    place = (url.partition("://")[2] or url).partition("/")[0].rpartition("@")[2]
    if place.startswith("["):
        return place.partition("]")[0][1:]
    return place.partition(":")[0].lower().rstrip(".")


# --- The other classes --------------------------------------------------------------------------


def _anthropic(call: _Call) -> _Choice:
    # Several providers serve their own models on Anthropic's API, with rules of their own.
    base = call.string("anthropic_api_url")
    is_claude = not base or _host(base) == "api.anthropic.com" or "claude" in call.model.lower()
    return _Choice("anthropic") if is_claude else _UNKNOWN


_BEDROCK_REGIONS: Final = frozenset(
    {"apac", "au", "ca", "eu", "global", "jp", "sa", "us", "us-gov"}
)
_BEDROCK_UNKNOWN: Final = _Choice(CONTRACT.name, provider="aws.bedrock", identified=False)
_BEDROCK_CLAUDE: Final = _Choice("bedrock-converse")
_BEDROCK_OTHER: Final = _Choice("bedrock-converse-other")
_BEDROCK_INVOKE: Final = _Choice("bedrock-invoke")


def _bedrock_maker(call: _Call) -> str:
    """Return who made the model, `""` where the call does not tell."""
    told = call.metadata.get("ls_invocation_params")
    return (
        (_name(told.get("provider")) if isinstance(told, dict) else "")
        or _name(call.params.get("provider"))
        or _name(call.arguments.get("provider"))
        or _maker_in(call.model)
    )


def _maker_in(model: str) -> str:
    """Read the maker from a model id, an inference profile's id, or the ARN of one of them."""
    parts = model.rpartition("/")[2].split(".")
    if parts[0] in _BEDROCK_REGIONS:
        del parts[0]
    return parts[0] if len(parts) > 1 else ""


def _converse(call: _Call) -> _Choice:
    maker = _bedrock_maker(call)
    if not maker:
        return _BEDROCK_UNKNOWN
    return _BEDROCK_CLAUDE if maker == "anthropic" else _BEDROCK_OTHER


def _bedrock(call: _Call) -> _Choice:
    if call.flag("beta_use_converse_api"):
        return _converse(call)
    return _BEDROCK_INVOKE if _bedrock_maker(call) == "anthropic" else _BEDROCK_UNKNOWN


def _always(profile: str, provider: str | None = None) -> _Chooser:
    choice = _Choice(profile, provider)
    return lambda _: choice


def _chat_api(profile: str, provider: str) -> _Api:
    """Return a provider whose rules are known for its chat API only."""
    return _Api(_Choice(profile), _Choice(CONTRACT.name, provider, identified=False))


# `_type` of the invocation parameters, as recorded from the real integrations.
_TABLE: Final[tuple[tuple[str, str, tuple[str, ...], _Chooser], ...]] = (
    (
        "openai-chat",
        "langchain.chat_models.openai.ChatOpenAI",
        ("openai",),
        _openai,
    ),
    (
        "azure-openai-chat",
        "langchain.chat_models.azure_openai.AzureChatOpenAI",
        ("azure",),
        _AZURE,
    ),
    (
        "anthropic-chat",
        "langchain.chat_models.anthropic.ChatAnthropic",
        ("anthropic",),
        _anthropic,
    ),
    (
        "anthropic-chat-vertexai",
        "langchain_google_vertexai.model_garden.ChatAnthropicVertex",
        ("anthropicvertex",),
        _always("anthropic-vertex"),
    ),
    (
        "anthropic-bedrock-chat",
        "langchain.chat_models.anthropic_bedrock.ChatAnthropicBedrock",
        ("anthropic-bedrock",),
        _always("anthropic", "aws.bedrock"),
    ),
    (
        "anthropic-mantle-chat",
        "langchain.chat_models.anthropic_mantle.ChatAnthropicMantle",
        ("anthropic-mantle",),
        _always("anthropic", "aws.bedrock"),
    ),
    (
        "openai-mantle-chat",
        "langchain_aws.chat_models.openai.ChatOpenAIMantle",
        ("openai-mantle",),
        _MANTLE,
    ),
    (
        "chat-google-generative-ai",
        "langchain_google_genai.chat_models.ChatGoogleGenerativeAI",
        ("google_genai", "google_vertexai"),
        _always("google-genai"),
    ),
    (
        "vertexai",
        "langchain.chat_models.vertexai.ChatVertexAI",
        ("google_vertexai",),
        _always("google-vertexai"),
    ),
    (
        "amazon_bedrock_converse_chat",
        "langchain_aws.chat_models.ChatBedrockConverse",
        ("amazon_bedrock",),
        _converse,
    ),
    (
        "amazon_bedrock_chat",
        "langchain.chat_models.bedrock.ChatBedrock",
        ("amazon_bedrock",),
        _bedrock,
    ),
    (
        "mistralai-chat",
        "langchain.chat_models.mistralai.ChatMistralAI",
        ("mistral",),
        _always("mistral"),
    ),
    (
        "cohere-chat",
        "langchain_cohere.chat_models.ChatCohere",
        ("cohere",),
        _always("cohere"),
    ),
    (
        "chat-deepseek",
        "langchain_deepseek.chat_models.ChatDeepSeek",
        ("deepseek",),
        _chat_api("deepseek", "deepseek"),
    ),
    (
        "groq-chat",
        "langchain_groq.chat_models.ChatGroq",
        ("groq",),
        _always("groq"),
    ),
    (
        "xai-chat",
        "langchain_xai.chat_models.ChatXAI",
        ("xai",),
        _chat_api("xai", "x_ai"),
    ),
    (
        "fireworks-chat",
        "langchain.chat_models.fireworks.ChatFireworks",
        ("fireworks",),
        _always("fireworks"),
    ),
    (
        "together-chat",
        "langchain_together.chat_models.ChatTogether",
        ("together",),
        _chat_api("together", "together"),
    ),
    (
        "openrouter-chat",
        "langchain_openrouter.chat_models.ChatOpenRouter",
        ("openrouter",),
        _always("openrouter"),
    ),
    (
        "litellm-chat",
        "langchain_litellm.chat_models.litellm.ChatLiteLLM",
        ("litellm",),
        _always("litellm"),
    ),
    (
        "LiteLLMRouter",
        "langchain_litellm.chat_models.litellm_router.ChatLiteLLMRouter",
        ("litellm",),
        _always("litellm"),
    ),
    (
        "huggingface-chat-wrapper",
        "langchain_huggingface.chat_models.huggingface.ChatHuggingFace",
        ("huggingface",),
        _always("huggingface"),
    ),
    (
        "chat-nvidia-ai-playground",
        "langchain_nvidia_ai_endpoints.chat_models.ChatNVIDIA",
        ("NVIDIA", "nvidia"),
        _always("nvidia"),
    ),
    (
        "chat-ollama",
        "langchain_ollama.chat_models.ChatOllama",
        ("ollama",),
        _always("ollama"),
    ),
)
_INTEGRATIONS: Final[Mapping[str, _Integration]] = {
    type_name: _Integration(class_id, frozenset(ls_providers), choose)
    for type_name, class_id, ls_providers, choose in _TABLE
}
_BY_CLASS: Final[Mapping[str, _Integration]] = {
    integration.class_id: integration for integration in _INTEGRATIONS.values()
}
_TOOL_PARAMS: Final = ("tools", "toolConfig", "tool_config", "functions")


def identify(
    serialized: Mapping[str, Any] | None,
    metadata: Mapping[str, Any] | None,
    invocation_params: Mapping[str, Any] | None,
    override: Profile | None = None,
) -> Target:
    """Return what the request is judged by. Never raises.

    Args:
        serialized: The model, as `on_chat_model_start` gets it.
        metadata: The run's metadata.
        invocation_params: The parameters of the call.
        override: The profile that the operator set; it is taken at its word.
    """
    try:
        return _identify(
            serialized if isinstance(serialized, dict) else _NOTHING,
            metadata if isinstance(metadata, dict) else _NOTHING,
            invocation_params if isinstance(invocation_params, dict) else _NOTHING,
            override,
        )
    except Exception:  # noqa: BLE001 - whatever a foreign integration hands over, judge by the contract
        profile = override or CONTRACT
        return Target(profile, NO_FACTS, "", profile.provider, identified=override is not None)


def _identify(
    serialized: Mapping[str, Any],
    metadata: Mapping[str, Any],
    params: Mapping[str, Any],
    override: Profile | None,
) -> Target:
    arguments = serialized.get("kwargs")
    text = serialized.get("repr")
    call = _Call(
        arguments if isinstance(arguments, dict) else _NOTHING,
        text if isinstance(text, str) else "",
        metadata,
        params,
        _model_in(metadata, params),
    )
    integration = _integration_of(serialized, metadata, params)
    choice = _UNKNOWN if integration is None else integration.choose(call)
    profile = override or PROFILES.get(choice.profile) or CONTRACT
    provider = choice.provider
    if provider is None:
        provider = profile.provider or _name(metadata.get("ls_provider"))
    elif not provider and override is not None:
        # What nobody can tell from the call, the operator has told.
        provider = override.provider
    # A repr is searched only where it can matter.
    is_stateful = not call.text or profile.name == _OPENAI.responses.profile
    facts = _facts(
        not params or any(map(params.get, _TOOL_PARAMS)),
        bool(params.get("previous_response_id") or params.get("conversation")),
        is_stateful and bool(call.flag("use_previous_response_id")),
        _version(metadata, profile.versioned, installed=choice.own_package),
        call.model,
    )
    identified = choice.identified or override is not None
    if profile is LITELLM and _litellm_mends():
        return Target(LITELLM_MENDING, facts, call.model, provider, identified)
    if override is not None:
        return Target(override, facts, call.model, provider, identified)
    return _target(profile.name, facts, provider, identified)


def _model_in(metadata: Mapping[str, Any], params: Mapping[str, Any]) -> str:
    return (
        _name(metadata.get("ls_model_name"))
        or _name(params.get("model"))
        or _name(params.get("model_name"))
        or _name(params.get("model_id"))
    )


def _integration_of(
    serialized: Mapping[str, Any], metadata: Mapping[str, Any], params: Mapping[str, Any]
) -> _Integration | None:
    type_name = params.get("_type")
    if isinstance(type_name, str):
        found = _INTEGRATIONS.get(type_name)
    else:
        class_id = serialized.get("id")
        path = ".".join(map(str, class_id)) if isinstance(class_id, list | tuple) else ""
        found = _BY_CLASS.get(path)
    if found is None:
        return None
    ls_provider = metadata.get("ls_provider")
    agrees = ls_provider is None or ls_provider in found.ls_providers
    return found if agrees else None


@lru_cache(maxsize=512)
def _facts(
    tools_bound: bool,  # noqa: FBT001 - the cache takes positions only cheaply
    server_state: bool,  # noqa: FBT001
    resumes_response: bool,  # noqa: FBT001
    version: str | None,
    model: str,
) -> Facts:
    return Facts(
        tools_bound=tools_bound,
        server_state=server_state,
        resumes_response=resumes_response,
        version=version,
        model=model or None,
    )


@lru_cache(maxsize=512)
def _target(name: str, facts: Facts, provider: str, identified: bool) -> Target:  # noqa: FBT001
    return Target(PROFILES[name], facts, facts.model or "", provider, identified)


def _litellm_mends() -> bool:
    """Whether LiteLLM has been told to change what a provider would refuse."""
    return bool(getattr(sys.modules.get("litellm"), "modify_params", False))


def _version(metadata: Mapping[str, Any], package: str, *, installed: bool) -> str | None:
    """Return the version of the distribution, as the run tells it or as it is installed."""
    told = metadata.get("lc_versions")
    version = told.get(package) if isinstance(told, dict) else None
    if isinstance(version, str):
        return version
    return _installed_version(package) if package and installed else None


@lru_cache(maxsize=64)
def _installed_version(package: str) -> str | None:
    try:
        return distributions.version(package)
    except distributions.PackageNotFoundError:
        return None


def _name(value: object) -> str:
    return value[:_MAX_NAME] if isinstance(value, str) else ""
