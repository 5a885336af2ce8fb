"""What each integration puts on the wire: its own client, sent against a loopback server."""

from __future__ import annotations

import importlib
import os
import warnings
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

    from .loopback import Loopback

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_DEFAULT_REGION": "us-east-1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LANGSMITH_TRACING": "false",
}
"""What the clients need to be built without a network; a base URL is added by some builders."""


class look(BaseModel):  # noqa: N801
    """Look at one thing."""

    k: str


class find(BaseModel):  # noqa: N801
    """Find one thing."""

    k: str


class note(BaseModel):  # noqa: N801
    """Note one thing."""

    k: str


@dataclass(frozen=True, slots=True)
class WireResult:
    """What became of one history: a request body, or an error before any request.

    Attributes:
        body: The decoded JSON body of the last request, or None.
        error: `module.Class` of the local error, or `""`.
        text: First line of the local error.
        warned: Category and first words of each warning.
    """

    body: dict[str, Any] | None = None
    error: str = ""
    text: str = ""
    warned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Integration:
    """One way to reach a provider.

    Attributes:
        name: Its own name in tables and test ids.
        profile: The profile that has to predict it; `""` where none can, since what happens is
            decided behind the profile's integration.
        package: The distribution whose version decides.
        beside: Another distribution that it needs.
        wire: Which parser and judge read its request body.
        build: Makes the chat model against a base URL.
        tools: Whether tools are bound.
        options: Arguments of every call.
        facts: Facts for the prediction beyond the profile.
    """

    name: str
    profile: str
    package: str
    wire: str
    build: Callable[[str], BaseChatModel]
    tools: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    beside: str = ""

    @property
    def version(self) -> str:
        """The installed version, `""` where a package is missing."""
        try:
            version(self.beside or self.package)
            return version(self.package)
        except PackageNotFoundError:
            return ""

    def __str__(self) -> str:
        return f"{self.name} ({self.package} {self.version or 'not installed'})"


class Recorder:
    """A built integration that sends histories to the loopback server.

    Attributes:
        integration: What is recorded.
    """

    def __init__(self, integration: Integration, loopback: Loopback) -> None:
        self.integration = integration
        self._loopback = loopback
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = integration.build(loopback.url)
            self._model = model.bind_tools([look, find, note]) if integration.tools else model

    def send(self, messages: Sequence[BaseMessage], **options: Any) -> WireResult:
        """Send `messages` and return what left, or the error that kept it from leaving."""
        self._loopback.take()
        error: Exception | None = None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                self._model.invoke(list(messages), **(self.integration.options | options))
            except Exception as e:  # noqa: BLE001
                error = e
        requests = self._loopback.take()
        warned = tuple(
            sorted(
                {
                    f"{w.category.__name__}: {str(w.message).splitlines()[0][:60]}"
                    for w in caught
                    if not issubclass(w.category, (DeprecationWarning, ResourceWarning))
                    and "Pydantic" not in w.category.__name__
                }
            )
        )
        if requests:
            return WireResult(body=requests[-1][1], warned=warned)
        if error is None:
            msg = f"{self.integration.name} neither sent nor raised"
            raise RuntimeError(msg)
        kind = type(error)
        lines = str(error).strip().splitlines() or [""]
        return WireResult(error=f"{kind.__module__}.{kind.__name__}", text=lines[0], warned=warned)


def _openrouter(model: str) -> Callable[[str], BaseChatModel]:
    path = "langchain_openrouter.ChatOpenRouter"
    return _with_url(path, model=model, api_key="k", base_url="URL/v1", max_retries=0)


def _litellm(model: str, base: str) -> Callable[[str], BaseChatModel]:
    """Build LiteLLM's class without its advertisement on standard output."""

    def build(url: str) -> BaseChatModel:
        importlib.import_module("litellm").suppress_debug_info = True
        return _load("langchain_litellm.ChatLiteLLM")(
            model=model, api_key="k", api_base=base.replace("URL", url), max_retries=0
        )

    return build


def _load(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _with_url(path: str, **kwargs: Any) -> Callable[[str], BaseChatModel]:
    """Build a class of which some argument holds the base URL, spelled `URL` here."""

    def build(url: str) -> BaseChatModel:
        return _load(path)(
            **{
                key: value.replace("URL", url) if isinstance(value, str) else value
                for key, value in kwargs.items()
            }
        )

    return build


def _vertexai(url: str) -> BaseChatModel:
    credentials = _load("google.auth.credentials.AnonymousCredentials")()
    return _load("langchain_google_vertexai.ChatVertexAI")(
        model="gemini-2.5-flash",
        project="p",
        location="us-central1",
        credentials=credentials,
        api_transport="rest",
        base_url=url,
        max_retries=0,
    )


def _anthropic_vertex(url: str) -> BaseChatModel:
    os.environ["ANTHROPIC_VERTEX_BASE_URL"] = url
    try:
        model = _load("langchain_google_vertexai.model_garden.ChatAnthropicVertex")(
            model_name="claude-sonnet-4-5",
            project="p",
            location="us-central1",
            credentials=_load("google.oauth2.credentials.Credentials")("token"),
            max_retries=0,
        )
        assert str(model.client.base_url).startswith(url)
        return model
    finally:
        del os.environ["ANTHROPIC_VERTEX_BASE_URL"]


def _anthropic_bedrock(url: str) -> BaseChatModel:
    os.environ["ANTHROPIC_BEDROCK_BASE_URL"] = url
    try:
        model = _load("langchain_aws.ChatAnthropicBedrock")(
            model=_CLAUDE_ON_BEDROCK, max_retries=0, **_AWS
        )
        assert str(model._client.base_url).startswith(url)
        return model
    finally:
        del os.environ["ANTHROPIC_BEDROCK_BASE_URL"]


def _huggingface(url: str) -> BaseChatModel:
    endpoint = _load("langchain_huggingface.HuggingFaceEndpoint")(
        endpoint_url=url, huggingfacehub_api_token="k", task="text-generation"
    )
    return _load("langchain_huggingface.ChatHuggingFace")(llm=endpoint, model_id="m")


_CLAUDE_ON_BEDROCK = "anthropic.claude-3-5-sonnet-20240620-v1:0"
_AWS = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
_OPENAI = {"model": "gpt-4o", "api_key": "k", "max_retries": 0}
_CONVERSE = "langchain_aws.ChatBedrockConverse"
_GENAI = "langchain_google_genai.ChatGoogleGenerativeAI"

INTEGRATIONS = {
    one.name: one
    for one in (
        Integration(
            "openai-chat",
            "openai-chat",
            "langchain-openai",
            "openai",
            _with_url("langchain_openai.ChatOpenAI", **_OPENAI, base_url="URL/v1"),
        ),
        Integration(
            "azure-openai-chat",
            "azure-openai-chat",
            "langchain-openai",
            "openai",
            _with_url(
                "langchain_openai.AzureChatOpenAI",
                azure_deployment="gpt-4o",
                api_key="k",
                azure_endpoint="URL",
                api_version="2024-10-21",
                max_retries=0,
            ),
        ),
        Integration(
            "openai-responses",
            "openai-responses",
            "langchain-openai",
            "responses",
            _with_url(
                "langchain_openai.ChatOpenAI", **_OPENAI, base_url="URL/v1", use_responses_api=True
            ),
        ),
        Integration(
            "openai-responses-previous-id",
            "openai-responses",
            "langchain-openai",
            "responses",
            _with_url(
                "langchain_openai.ChatOpenAI",
                **_OPENAI,
                base_url="URL/v1",
                use_previous_response_id=True,
            ),
            facts={"resumes_response": True},
        ),
        Integration(
            "openai-responses-stateful",
            "openai-responses",
            "langchain-openai",
            "responses",
            _with_url("langchain_openai.ChatOpenAI", **_OPENAI, base_url="URL/v1"),
            options={"previous_response_id": "resp_0"},
            facts={"server_state": True},
        ),
        Integration(
            "anthropic",
            "anthropic",
            "langchain-anthropic",
            "anthropic",
            _with_url(
                "langchain_anthropic.ChatAnthropic",
                model="claude-sonnet-4-5",
                api_key="k",
                base_url="URL",
                max_retries=0,
            ),
        ),
        Integration(
            "anthropic-system-in-place",
            "anthropic",
            "langchain-anthropic",
            "anthropic",
            _with_url(
                "langchain_anthropic.ChatAnthropic",
                model="claude-opus-4-8",
                api_key="k",
                base_url="URL",
                max_retries=0,
            ),
            facts={"model": "claude-opus-4-8"},
        ),
        Integration(
            "anthropic-bedrock",
            "anthropic",
            "langchain-anthropic",
            "anthropic",
            _anthropic_bedrock,
            beside="langchain-aws",
        ),
        Integration(
            "anthropic-vertex",
            "anthropic-vertex",
            "langchain-google-vertexai",
            "anthropic",
            _anthropic_vertex,
        ),
        Integration(
            "google-genai",
            "google-genai",
            "langchain-google-genai",
            "gemini",
            _with_url(
                _GENAI, model="gemini-2.5-flash", google_api_key="k", base_url="URL", max_retries=0
            ),
            facts={"model": "gemini-2.5-flash"},
        ),
        Integration(
            "google-genai-3",
            "google-genai",
            "langchain-google-genai",
            "gemini",
            _with_url(
                _GENAI,
                model="gemini-3-pro-preview",
                google_api_key="k",
                base_url="URL",
                max_retries=0,
            ),
            facts={"model": "gemini-3-pro-preview"},
        ),
        Integration(
            "google-genai-no-prefill",
            "google-genai",
            "langchain-google-genai",
            "gemini",
            _with_url(
                _GENAI, model="gemini-3.6-flash", google_api_key="k", base_url="URL", max_retries=0
            ),
            facts={"model": "gemini-3.6-flash"},
        ),
        Integration(
            "google-vertexai",
            "google-vertexai",
            "langchain-google-vertexai",
            "gemini",
            _vertexai,
        ),
        Integration(
            "bedrock-converse",
            "bedrock-converse",
            "langchain-aws",
            "converse",
            _with_url(_CONVERSE, model=_CLAUDE_ON_BEDROCK, endpoint_url="URL", **_AWS),
        ),
        Integration(
            "bedrock-converse-other",
            "bedrock-converse-other",
            "langchain-aws",
            "converse-other",
            _with_url(
                _CONVERSE, model="mistral.mistral-large-2402-v1:0", endpoint_url="URL", **_AWS
            ),
            facts={"model": "mistral.mistral-large-2402-v1:0"},
        ),
        Integration(
            "bedrock-converse-nova",
            "bedrock-converse-other",
            "langchain-aws",
            "converse",
            _with_url(_CONVERSE, model="us.amazon.nova-pro-v1:0", endpoint_url="URL", **_AWS),
            facts={"model": "us.amazon.nova-pro-v1:0"},
        ),
        Integration(
            "bedrock-converse-no-tools",
            "bedrock-converse",
            "langchain-aws",
            "converse",
            _with_url(_CONVERSE, model=_CLAUDE_ON_BEDROCK, endpoint_url="URL", **_AWS),
            tools=False,
            facts={"tools_bound": False},
        ),
        Integration(
            "bedrock-invoke",
            "bedrock-invoke",
            "langchain-aws",
            "anthropic",
            _with_url(
                "langchain_aws.ChatBedrock", model=_CLAUDE_ON_BEDROCK, endpoint_url="URL", **_AWS
            ),
        ),
        Integration(
            "openai-mantle",
            "openai-chat",
            "langchain-openai",
            "openai",
            _with_url(
                "langchain_aws.chat_models.openai.ChatOpenAIMantle",
                model="openai.gpt-oss-120b",
                api_key="k",
                base_url="URL/v1",
                region_name="us-east-1",
                max_retries=0,
            ),
            beside="langchain-aws",
        ),
        Integration(
            "mistral",
            "mistral",
            "langchain-mistralai",
            "mistral",
            _with_url(
                "langchain_mistralai.ChatMistralAI",
                model="mistral-large-latest",
                api_key="k",
                endpoint="URL/v1",
                max_retries=1,
            ),
            beside="mistral-common",
        ),
        Integration(
            "cohere",
            "cohere",
            "langchain-cohere",
            "cohere",
            _with_url(
                "langchain_cohere.ChatCohere",
                model="command-a-03-2025",
                cohere_api_key="k",
                base_url="URL",
            ),
            facts={"model": "command-a-03-2025"},
        ),
        Integration(
            "deepseek",
            "deepseek",
            "langchain-deepseek",
            "deepseek",
            _with_url(
                "langchain_deepseek.ChatDeepSeek",
                model="deepseek-chat",
                api_key="k",
                api_base="URL/v1",
                max_retries=0,
            ),
        ),
        Integration(
            "groq",
            "groq",
            "langchain-groq",
            "groq",
            _with_url(
                "langchain_groq.ChatGroq",
                model="llama-3.3-70b-versatile",
                api_key="k",
                base_url="URL",
                max_retries=0,
            ),
        ),
        Integration(
            "xai",
            "xai",
            "langchain-xai",
            "lenient",
            _with_url(
                "langchain_xai.ChatXAI",
                model="grok-4",
                api_key="k",
                xai_api_base="URL/v1/",
                max_retries=0,
            ),
        ),
        Integration(
            "fireworks",
            "fireworks",
            "langchain-fireworks",
            "lenient",
            _with_url(
                "langchain_fireworks.ChatFireworks",
                model="accounts/fireworks/models/x",
                api_key="k",
                base_url="URL",
                max_retries=0,
            ),
        ),
        Integration(
            "together",
            "together",
            "langchain-together",
            "lenient",
            _with_url(
                "langchain_together.ChatTogether",
                model="m",
                api_key="k",
                base_url="URL/v1",
                max_retries=0,
            ),
        ),
        Integration(
            "openrouter",
            "openrouter",
            "openrouter",
            "lenient",
            _openrouter("some/model"),
            beside="langchain-openrouter",
        ),
        Integration(
            "openrouter-openai",
            "openrouter",
            "openrouter",
            "openai",
            _openrouter("openai/gpt-4o"),
            facts={"model": "openai/gpt-4o"},
            beside="langchain-openrouter",
        ),
        Integration(
            "litellm",
            "litellm",
            "langchain-litellm",
            "lenient",
            _litellm("openai/gpt-4o", "URL/v1"),
        ),
        Integration(
            "litellm-openai",
            "litellm",
            "langchain-litellm",
            "openai",
            _litellm("openai/gpt-4o", "URL/v1"),
            facts={"model": "openai/gpt-4o"},
        ),
        Integration(
            "litellm-anthropic",
            "litellm",
            "langchain-litellm",
            "anthropic",
            _litellm("anthropic/claude-sonnet-4-5", "URL"),
            facts={"model": "anthropic/claude-sonnet-4-5"},
        ),
        Integration(
            "huggingface",
            "huggingface",
            "langchain-huggingface",
            "lenient",
            _huggingface,
        ),
        Integration(
            "nvidia",
            "nvidia",
            "langchain-nvidia-ai-endpoints",
            "lenient",
            _with_url(
                "langchain_nvidia_ai_endpoints.ChatNVIDIA",
                model="meta/llama-3.1-70b-instruct",
                api_key="nvapi-k",
                base_url="URL/v1",
            ),
        ),
        Integration(
            "ollama",
            "ollama",
            "langchain-ollama",
            "ollama",
            _with_url("langchain_ollama.ChatOllama", model="llama3.1", base_url="URL"),
        ),
    )
}
