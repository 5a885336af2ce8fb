"""Who stands behind `ChatOpenAI` and its like: told by the host, as far as it can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.providers.integration import Choice, Integration, ModelCall, always
from toolpair_observe.pairing.providers.openai import (
    AZURE,
    OPENAI,
    RESPONSES_ELSEWHERE,
    Api,
    chat_api,
)
from toolpair_observe.pairing.providers.openai_like import (
    DASHSCOPE,
    DEEPSEEK,
    FIREWORKS,
    GROQ,
    HUGGINGFACE,
    MINIMAX,
    MOONSHOT,
    NVIDIA,
    OPENAI_COMPATIBLE,
    TOGETHER,
    XAI,
)
from toolpair_observe.pairing.providers.places import (
    HANDED_ON,
    Home,
    hosts_shown,
    is_home,
    lies_in,
    maker_of,
    unproven,
)
from toolpair_observe.pairing.providers.reads import SERIALIZED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.pairing.providers.integration import Chooser
    from toolpair_observe.pairing.providers.profile import Profile


def _elsewhere(
    provider: str = "", profile: Profile = OPENAI_COMPATIBLE, *, identified: bool = True
) -> Api:
    """Return what ChatOpenAI is in front of another server: its own rules for chat only."""
    return Api(
        Choice(profile, provider, identified=identified, own_package=profile is not DEEPSEEK),
        Choice(RESPONSES_ELSEWHERE, provider, identified=False),
    )


_COMPATIBLE: Final = _elsewhere()
# Nobody knows where it goes, or it goes where others' rules are enforced or passed on.
UNKNOWN_GATEWAY: Final = _elsewhere(identified=False)
_DASHSCOPE: Final = _elsewhere("dashscope", DASHSCOPE)
_MOONSHOT: Final = _elsewhere("moonshot_ai", MOONSHOT)
_MINIMAX: Final = _elsewhere("minimax", MINIMAX)
_DATABRICKS: Final = _elsewhere("databricks", identified=False)
_PERPLEXITY: Final = _elsewhere("perplexity", identified=False)
# The conversion is ChatOpenAI's at each of these, so another integration's profile would be wrong
# about what is sent, except DeepSeek's, which differs from OpenAI's in its rules only.
_HOSTS: Final[Mapping[str, Api]] = {
    "api.openai.com": OPENAI,
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
    "models.github.ai": UNKNOWN_GATEWAY,
    "models.inference.ai.azure.com": UNKNOWN_GATEWAY,
    "api-inference.modelscope.cn": _DASHSCOPE,
}
_DOMAINS: Final[Mapping[str, Api]] = {
    "openai.azure.com": AZURE,
    "openai.azure.us": AZURE,
    "openai.azure.cn": AZURE,
    "cognitiveservices.azure.com": AZURE,
    "api.openai.com": OPENAI,
    "api.x.ai": _elsewhere("x_ai"),
    "services.ai.azure.com": UNKNOWN_GATEWAY,
    "googleapis.com": UNKNOWN_GATEWAY,
    "amazonaws.com": UNKNOWN_GATEWAY,
    "api.aws": UNKNOWN_GATEWAY,
    # Some of their rules are known from their own texts.
    "aliyuncs.com": _DASHSCOPE,
    "moonshot.cn": _MOONSHOT,
    "moonshot.ai": _MOONSHOT,
    "kimi.com": _MOONSHOT,
    "minimax.io": _MINIMAX,
    "minimaxi.com": _MINIMAX,
    # They enforce rules which no report settles.
    "perplexity.ai": _PERPLEXITY,
    "cloud.databricks.com": _DATABRICKS,
    "azuredatabricks.net": _DATABRICKS,
    "gcp.databricks.com": _DATABRICKS,
    "bigmodel.cn": UNKNOWN_GATEWAY,
    "z.ai": UNKNOWN_GATEWAY,
    "volces.com": UNKNOWN_GATEWAY,
}


def provider_at(host: str) -> str:
    """Return whose host that is, `""` for nobody's that is known."""
    known = _known_at(host)
    if known is None:
        return ""
    told = known.chat.provider
    return known.chat.profile.provider if told is None else told


def _known_at(host: str) -> Api | None:
    known = _HOSTS.get(host)
    parent = host
    while known is None and parent:
        parent = parent.partition(".")[2]
        known = _DOMAINS.get(parent)
    return known


def behind(host: str, call: ModelCall) -> Api:
    """Return what a class that speaks OpenAI's protocol is in front of this host."""
    known = _known_at(host)
    if known is OPENAI or known is AZURE:
        # Azure serves other makers' models at the same hosts, under names of the customer's own.
        return known if maker_of(call.model) in ("", "openai") else UNKNOWN_GATEWAY
    if known is not None:
        return known
    return UNKNOWN_GATEWAY if HANDED_ON.match(call.model) else _COMPATIBLE


def _away(call: ModelCall, home: Home) -> Api:
    """Return what such a class is where it does not go home, or not for certain."""
    abroad = [host for host in hosts_shown(call, home) if not lies_in(host, home.hosts)]
    found = behind(abroad[0], call) if abroad else UNKNOWN_GATEWAY
    # A deployment's name does not tell whose model it is, so it may be one that is handed on.
    return UNKNOWN_GATEWAY if found is _COMPATIBLE and home is _AZURE_HOME else found


def _like_openai(home: Home, api: Api) -> Chooser:
    """Return the chooser of a class that converts messages as `ChatOpenAI` does."""
    return lambda call: (api if is_home(call, home) else _away(call, home))(call)


def _azure(call: ModelCall) -> Choice:
    """Return what AzureChatOpenAI is.

    A stored row may show nothing of the class. Its endpoint is not shown then, whatever it was, and
    a deployment's name says nothing: the class alone tells.
    """
    shows_nothing = not (
        call.read(SERIALIZED, "kwargs", _shows_arguments)
        or call.is_opaque
        or hosts_shown(call, _AZURE_HOME)
    )
    if shows_nothing and maker_of(call.model) in ("", "openai"):
        return AZURE(call)
    return _like_openai(_AZURE_HOME, AZURE)(call)


def _shows_arguments(arguments: object) -> bool:
    # A row tells this one by the answer, too.
    return isinstance(arguments, dict) and bool(arguments.keys() - {"use_responses_api"})


def with_own_conversion(
    profile: Profile, home: Home, name: str = OPENAI_COMPATIBLE.name
) -> Chooser:
    """Return the chooser of a class that converts messages in its own way, for such a server."""
    own = Choice(profile)
    elsewhere = unproven(profile, name)

    def choose(call: ModelCall) -> Choice:
        if is_home(call, home):
            return own
        found = _away(call, home).chat
        return Choice(elsewhere, found.provider, identified=found.identified)

    return choose


_OPENAI_HOME: Final = Home(
    frozenset({"api.openai.com"}), ("openai_api_base",), ("OPENAI_BASE_URL",), maker="openai"
)
AZURE_HOSTS: Final = frozenset(domain for domain, api in _DOMAINS.items() if api is AZURE)
_AZURE_HOME: Final = Home(
    AZURE_HOSTS,
    ("azure_endpoint", "openai_api_base"),
    ("AZURE_OPENAI_ENDPOINT",),
    maker="openai",
)
_DEEPSEEK_HOME: Final = Home(
    frozenset({"api.deepseek.com"}),
    ("api_base", "openai_api_base"),
    maker="deepseek",
    url_tells=False,
)
_XAI_HOME: Final = Home(
    frozenset({"api.x.ai"}), ("xai_api_base", "openai_api_base"), maker="xai", url_tells=False
)
_TOGETHER_HOME: Final = Home(
    frozenset({"api.together.xyz", "api.together.ai"}), ("together_api_base", "openai_api_base")
)
_GROQ_HOME: Final = Home(
    frozenset({"api.groq.com"}),
    ("groq_api_base",),
    ("GROQ_BASE_URL",),
    clients=("http_client", "http_async_client"),
)
_FIREWORKS_HOME: Final = Home(
    frozenset({"api.fireworks.ai"}), ("fireworks_api_base",), ("FIREWORKS_BASE_URL",)
)
_HUGGINGFACE_HOME: Final = Home(
    frozenset({"huggingface.co", "huggingface.cloud"}),
    ("endpoint_url",),
    ("HF_INFERENCE_ENDPOINT",),
)

INTEGRATIONS: Final = (
    Integration(
        "openai-chat",
        "langchain.chat_models.openai.ChatOpenAI",
        frozenset({"openai"}),
        _like_openai(_OPENAI_HOME, OPENAI),
    ),
    Integration(
        "azure-openai-chat",
        "langchain.chat_models.azure_openai.AzureChatOpenAI",
        frozenset({"azure"}),
        _azure,
    ),
    Integration(
        "chat-deepseek",
        "langchain_deepseek.chat_models.ChatDeepSeek",
        frozenset({"deepseek"}),
        _like_openai(_DEEPSEEK_HOME, chat_api(DEEPSEEK, "deepseek")),
    ),
    Integration(
        "groq-chat",
        "langchain_groq.chat_models.ChatGroq",
        frozenset({"groq"}),
        with_own_conversion(GROQ, _GROQ_HOME),
    ),
    Integration(
        "xai-chat",
        "langchain_xai.chat_models.ChatXAI",
        frozenset({"xai"}),
        _like_openai(_XAI_HOME, chat_api(XAI, "x_ai")),
    ),
    Integration(
        "fireworks-chat",
        "langchain.chat_models.fireworks.ChatFireworks",
        frozenset({"fireworks"}),
        with_own_conversion(FIREWORKS, _FIREWORKS_HOME),
    ),
    Integration(
        "together-chat",
        "langchain_together.chat_models.ChatTogether",
        frozenset({"together"}),
        _like_openai(_TOGETHER_HOME, chat_api(TOGETHER, "together")),
    ),
    Integration(
        "huggingface-chat-wrapper",
        "langchain_huggingface.chat_models.huggingface.ChatHuggingFace",
        frozenset({"huggingface"}),
        with_own_conversion(HUGGINGFACE, _HUGGINGFACE_HOME),
    ),
    # Its software runs anywhere, and nothing is known to be refused.
    Integration(
        "chat-nvidia-ai-playground",
        "langchain_nvidia_ai_endpoints.chat_models.ChatNVIDIA",
        frozenset({"NVIDIA", "nvidia"}),
        always(NVIDIA),
    ),
)
