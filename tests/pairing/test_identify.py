"""Which profile judges a request: from recorded shapes, and from the real integrations."""

from __future__ import annotations

import gc
import importlib.metadata
import os
import sys
import weakref
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import (
    AIMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    ToolMessage,
)

from toolpair_observe import foreign
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.providers import identify as identify_module
from toolpair_observe.pairing.providers.by_name import profile_named
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.identify import Target, identify
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTION = {"type": "function", "function": {"name": "add", "parameters": {}}}
BUILT_IN = {"type": "web_search"}
# What the clients read of the environment where no argument says more.
BASE_URLS = (
    "ANTHROPIC_API_BASE",
    "ANTHROPIC_API_URL",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_BEDROCK_BASE_URL",
    "ANTHROPIC_VERTEX_BASE_URL",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    "AZURE_OPENAI_ENDPOINT",
    "CO_API_URL",
    "DEEPSEEK_API_BASE",
    "FIREWORKS_BASE_URL",
    "GOOGLE_GEMINI_BASE_URL",
    "GROQ_API_BASE",
    "GROQ_BASE_URL",
    "HF_INFERENCE_ENDPOINT",
    "MISTRAL_BASE_URL",
    "OPENAI_API_BASE",
    "OPENAI_BASE_URL",
    "XAI_API_BASE",
)


@pytest.fixture(autouse=True)
def _no_base_url_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (*BASE_URLS, "OPENAI_PROXY", "LANGSMITH_TRACING", "USE_LITELLM_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    yield
    # What a test made the caches remember is not the next one's business.
    identify_module._installed_version.cache_clear()
    identify_module._MEMORY.clear()


@dataclass(frozen=True)
class Shape:
    """The arguments of a callback, reduced to those that distinguish the integrations."""

    type_name: str | None
    ls_provider: str | None
    class_id: str
    model: str = "some-model"
    arguments: dict[str, Any] | None = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=lambda: {"tools": [FUNCTION]})
    metadata: dict[str, Any] = field(default_factory=dict)
    text: str | None = None

    def target(self) -> Target:
        return identify(*self.given())

    def given(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        serialized: dict[str, Any] = {"id": self.class_id.split("."), "lc": 1}
        if self.arguments is not None:
            serialized["kwargs"] = self.arguments
        if self.text is not None:
            serialized["repr"] = self.text
        metadata = {"ls_provider": self.ls_provider, "ls_model_name": self.model} | self.metadata
        params = {"_type": self.type_name, "stop": None} | self.params
        return serialized, metadata, params


def openai(model: str = "gpt-4o", **more: Any) -> Shape:
    return Shape("openai-chat", "openai", "langchain.chat_models.openai.ChatOpenAI", model, **more)


def openai_at(base_url: object, model: str = "served-model", **arguments: Any) -> Shape:
    return openai(model, arguments={"openai_api_base": base_url} | arguments)


def converse(model: str, maker: str | None = None, **more: Any) -> Shape:
    told = {"ls_invocation_params": {"provider": maker}} if maker else {}
    class_id = "langchain_aws.chat_models.ChatBedrockConverse"
    return Shape(
        "amazon_bedrock_converse_chat",
        "amazon_bedrock",
        class_id,
        model,
        metadata=told,
        **more,
    )


def bedrock(model: str, **more: Any) -> Shape:
    class_id = "langchain.chat_models.bedrock.ChatBedrock"
    return Shape("amazon_bedrock_chat", "amazon_bedrock", class_id, model, **more)


CLAUDE_ID = "anthropic.claude-3-5-sonnet-20240620-v1:0"
ANTHROPIC_URL = {"anthropic_api_url": "https://api.anthropic.com"}
AT_A_PROXY = {"endpoint_url": "http://127.0.0.1:9"}
DASHSCOPE_URL = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"

# Profile and provider of each shape that is identified.
KNOWN: tuple[tuple[Shape, str, str], ...] = (
    (openai(), "openai-chat", "openai"),
    (openai_at("https://api.openai.com/v1", "gpt-4o"), "openai-chat", "openai"),
    (openai_at("https://eu.api.openai.com/v1", "gpt-4o"), "openai-chat", "openai"),
    (openai_at("https://us.api.openai.com:443/v1", "gpt-4o"), "openai-chat", "openai"),
    (openai_at("https://x.openai.azure.com/openai/v1/"), "azure-openai-chat", "azure.ai.openai"),
    (openai_at("https://api.deepseek.com/v1"), "deepseek", "deepseek"),
    (openai_at("https://api.x.ai/v1"), "openai-compatible", "x_ai"),
    (openai_at("https://api.groq.com/openai/v1"), "openai-compatible", "groq"),
    (openai_at("https://api.together.xyz/v1"), "openai-compatible", "together"),
    (openai_at("https://api.fireworks.ai/inference/v1"), "openai-compatible", "fireworks"),
    (openai_at("https://integrate.api.nvidia.com/v1"), "openai-compatible", "nvidia"),
    (openai_at(DASHSCOPE_URL, "qwen-max"), "dashscope", "dashscope"),
    (openai_at("https://api-inference.modelscope.cn/v1", "Qwen/Q"), "dashscope", "dashscope"),
    (openai_at("https://api.moonshot.ai/v1", "kimi-k2"), "moonshot", "moonshot_ai"),
    (openai_at("https://api.moonshot.cn/v1", "kimi-k2"), "moonshot", "moonshot_ai"),
    (openai_at("https://api.minimax.io/v1", "MiniMax-M2"), "minimax", "minimax"),
    (openai_at("http://localhost:8000/v1"), "openai-compatible", ""),
    (openai_at("http://[::1]:8000/v1", "qwen3"), "openai-compatible", ""),
    (openai_at("http://vllm:8000/v1", "openai/gpt-oss-120b"), "openai-compatible", ""),
    (openai_at("https://user:secret@llm.example.org/v1"), "openai-compatible", ""),
    (openai_at("llm.example.org/v1"), "openai-compatible", ""),
    (openai(arguments={"use_responses_api": True}), "openai-responses", "openai"),
    (
        Shape(
            "azure-openai-chat",
            "azure",
            "langchain.chat_models.azure_openai.AzureChatOpenAI",
            arguments={"azure_endpoint": "https://x.openai.azure.com"},
        ),
        "azure-openai-chat",
        "azure.ai.openai",
    ),
    (
        Shape(
            "azure-openai-chat",
            "azure",
            "langchain.chat_models.azure_openai.AzureChatOpenAI",
            arguments={"azure_endpoint": "https://x.openai.azure.com", "use_responses_api": True},
        ),
        "openai-responses",
        "azure.ai.openai",
    ),
    (
        Shape(
            "anthropic-chat",
            "anthropic",
            "langchain.chat_models.anthropic.ChatAnthropic",
            arguments=ANTHROPIC_URL,
        ),
        "anthropic",
        "anthropic",
    ),
    (
        Shape(
            "anthropic-chat-vertexai",
            "anthropicvertex",
            "langchain_google_vertexai.model_garden.ChatAnthropicVertex",
            arguments=None,
        ),
        "anthropic-vertex",
        "gcp.vertex_ai",
    ),
    (
        Shape(
            "anthropic-bedrock-chat",
            "anthropic-bedrock",
            "langchain.chat_models.anthropic_bedrock.ChatAnthropicBedrock",
        ),
        "anthropic",
        "aws.bedrock",
    ),
    (
        Shape(
            "openai-mantle-chat",
            "openai-mantle",
            "langchain_aws.chat_models.openai.ChatOpenAIMantle",
            "openai.gpt-oss-120b",
            arguments=None,
            text="ChatOpenAIMantle(model_name='openai.gpt-oss-120b')",
        ),
        "openai-chat",
        "aws.bedrock",
    ),
    (
        Shape(
            "openai-mantle-chat",
            "openai-mantle",
            "langchain_aws.chat_models.openai.ChatOpenAIMantle",
            "openai.gpt-9",
            arguments=None,
            text="ChatOpenAIMantle(use_responses_api=True, model_name='openai.gpt-9')",
        ),
        "openai-responses",
        "aws.bedrock",
    ),
    (
        Shape(
            "chat-google-generative-ai",
            "google_genai",
            "langchain_google_genai.chat_models.ChatGoogleGenerativeAI",
        ),
        "google-genai",
        "gcp.gemini",
    ),
    (
        Shape("vertexai", "google_vertexai", "langchain.chat_models.vertexai.ChatVertexAI"),
        "google-vertexai",
        "gcp.vertex_ai",
    ),
    (converse(CLAUDE_ID, "anthropic"), "bedrock-converse", "aws.bedrock"),
    (converse(CLAUDE_ID), "bedrock-converse", "aws.bedrock"),
    (converse(f"us.{CLAUDE_ID}"), "bedrock-converse", "aws.bedrock"),
    (converse(f"us-gov.{CLAUDE_ID}"), "bedrock-converse", "aws.bedrock"),
    (converse(f"global.{CLAUDE_ID}"), "bedrock-converse", "aws.bedrock"),
    (
        converse(f"arn:aws:bedrock:us-east-1::foundation-model/{CLAUDE_ID}"),
        "bedrock-converse",
        "aws.bedrock",
    ),
    (
        converse(f"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.{CLAUDE_ID}"),
        "bedrock-converse",
        "aws.bedrock",
    ),
    (
        converse(
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
            arguments={"provider": "anthropic"},
        ),
        "bedrock-converse",
        "aws.bedrock",
    ),
    (converse("us.amazon.nova-pro-v1:0", "amazon"), "bedrock-converse-other", "aws.bedrock"),
    (converse("meta.llama3-70b-instruct-v1:0"), "bedrock-converse-other", "aws.bedrock"),
    (
        bedrock(CLAUDE_ID, params={"provider": "anthropic", "tools": [{}]}),
        "bedrock-invoke",
        "aws.bedrock",
    ),
    (
        bedrock(CLAUDE_ID, arguments={"beta_use_converse_api": True}),
        "bedrock-converse",
        "aws.bedrock",
    ),
    (
        Shape(
            "mistralai-chat",
            "mistral",
            "langchain.chat_models.mistralai.ChatMistralAI",
            "mistral-large-latest",
        ),
        "mistral",
        "mistral_ai",
    ),
    (
        Shape("cohere-chat", "cohere", "langchain_cohere.chat_models.ChatCohere", arguments=None),
        "cohere",
        "cohere",
    ),
    (
        Shape(
            "chat-deepseek",
            "deepseek",
            "langchain_deepseek.chat_models.ChatDeepSeek",
            "deepseek-chat",
            arguments=None,
            text="ChatDeepSeek(model_name='deepseek-chat')",
        ),
        "deepseek",
        "deepseek",
    ),
    (Shape("groq-chat", "groq", "langchain_groq.chat_models.ChatGroq"), "groq", "groq"),
    (Shape("xai-chat", "xai", "langchain_xai.chat_models.ChatXAI", "grok-4"), "xai", "x_ai"),
    (
        Shape("fireworks-chat", "fireworks", "langchain.chat_models.fireworks.ChatFireworks"),
        "fireworks",
        "fireworks",
    ),
    (
        Shape(
            "together-chat",
            "together",
            "langchain_together.chat_models.ChatTogether",
            arguments=None,
        ),
        "together",
        "together",
    ),
    (
        Shape("openrouter-chat", "openrouter", "langchain_openrouter.chat_models.ChatOpenRouter"),
        "openrouter",
        "openrouter",
    ),
    (
        Shape(
            "litellm-chat",
            "litellm",
            "langchain_litellm.chat_models.litellm.ChatLiteLLM",
            arguments=None,
        ),
        "litellm",
        "litellm",
    ),
    (
        Shape(
            "huggingface-chat-wrapper",
            "huggingface",
            "langchain_huggingface.chat_models.huggingface.ChatHuggingFace",
            "",
            arguments=None,
        ),
        "huggingface",
        "huggingface",
    ),
    (
        Shape(
            "chat-nvidia-ai-playground",
            "NVIDIA",
            "langchain_nvidia_ai_endpoints.chat_models.ChatNVIDIA",
            arguments=None,
        ),
        "nvidia",
        "nvidia",
    ),
    (
        Shape("chat-ollama", "ollama", "langchain_ollama.chat_models.ChatOllama", arguments=None),
        "ollama",
        "ollama",
    ),
)

# Shapes that could be two things, and the profile that judges them all the same.
UNCERTAIN: tuple[tuple[Shape, str], ...] = (
    # A server that offers a closed model forwards to its maker, under unknown rules.
    (openai_at("http://localhost:4000", "gpt-4o"), "openai-compatible"),
    (
        openai_at("https://gateway.example.org/v1", "anthropic/claude-sonnet-4-5"),
        "openai-compatible",
    ),
    (openai_at("https://gateway.example.org/v1", "o3-mini"), "openai-compatible"),
    (openai_at("https://openrouter.ai/api/v1"), "openai-compatible"),
    (openai_at("https://api.mistral.ai/v1"), "openai-compatible"),
    (openai_at("https://api.perplexity.ai", "sonar"), "openai-compatible"),
    (openai_at("https://x.cloud.databricks.com/serving-endpoints", "d"), "openai-compatible"),
    (openai_at("https://x.services.ai.azure.com/openai/v1"), "openai-compatible"),
    (openai_at("https://evil.example.org/api.openai.com/v1", "gpt-4o"), "openai-compatible"),
    (openai_at("https://api.openai.com.example.org/v1", "gpt-4o"), "openai-compatible"),
    (openai_at("https://api.openai.com@example.org/v1", "gpt-4o"), "openai-compatible"),
    # Responses of a server of which only the chat API is known.
    (openai_at("http://localhost:8000/v1", use_responses_api=True), "contract"),
    (openai_at("https://api.deepseek.com", use_responses_api=True), "contract"),
    (
        Shape(
            "xai-chat",
            "xai",
            "langchain_xai.chat_models.ChatXAI",
            arguments={"use_responses_api": True},
        ),
        "contract",
    ),
    # Somebody else's model on Anthropic's API.
    (
        Shape(
            "anthropic-chat",
            "anthropic",
            "langchain.chat_models.anthropic.ChatAnthropic",
            "kimi-k2",
            arguments={"anthropic_api_url": "https://api.moonshot.ai/anthropic"},
        ),
        "contract",
    ),
    # Claude's name at somebody's gateway, which may hand it to any other model.
    (
        Shape(
            "anthropic-chat",
            "anthropic",
            "langchain.chat_models.anthropic.ChatAnthropic",
            "claude-sonnet-4-5",
            arguments={"anthropic_api_url": "https://gateway.example.org"},
        ),
        "contract",
    ),
    (converse("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"), "contract"),
    (bedrock("meta.llama3-70b-instruct-v1:0", params={"provider": "meta"}), "contract"),
    # The base class makes `ls_provider` from the class name: a foreign class looks like Mistral.
    (Shape("my-own-chat", "mistral", "my_package.ChatMistral"), "contract"),
    (Shape("openai-chat", "perplexity", "my_package.ChatPerplexity"), "contract"),
    (Shape(None, "mistral", "my_package.ChatMistral"), "contract"),
    (Shape("generic-fake-chat-model", "genericfakechatmodel", "langchain_core.x.Fake"), "contract"),
)


def _label(value: object) -> str | None:
    if isinstance(value, Shape):
        base = (value.arguments or {}).get("openai_api_base", "")
        return f"{value.class_id.rpartition('.')[2]}-{value.model}-{base}"
    return None


@pytest.mark.parametrize(("shape", "profile", "provider"), KNOWN, ids=_label)
def test_a_known_shape_is_identified(shape: Shape, profile: str, provider: str):
    target = shape.target()

    assert target.profile.name == profile
    assert target.identified is True
    # A provider column that is empty in the table is filled with LangChain's own name.
    assert target.provider == provider
    assert target.model == shape.model


def test_every_profile_is_reached():
    reached = {shape.target().profile.name for shape, _, _ in KNOWN}
    assert reached == set(PROFILES) - {CONTRACT.name}


def test_every_row_of_the_table_is_recorded():
    recorded = {shape.type_name for shape, _, _ in KNOWN}
    rare = {"LiteLLMRouter", "anthropic-mantle-chat"}  # recorded from the real classes below
    assert recorded | rare == set(identify_module._BY_TYPE)


@pytest.mark.parametrize(("shape", "profile"), UNCERTAIN, ids=_label)
def test_what_could_be_two_things_is_not_identified(shape: Shape, profile: str):
    target = shape.target()

    assert target.profile.name == profile
    assert target.identified is False


def test_a_provider_without_a_profile_keeps_its_name():
    target = Shape("upstage-chat", "upstage", "langchain_upstage.ChatUpstage").target()
    assert (target.profile, target.provider, target.identified) == (CONTRACT, "upstage", False)


def test_a_subclass_is_what_its_parent_is():
    shape = Shape("openai-chat", "openai", "langchain.chat_models.openai.MyOpenAI", "gpt-4o")
    assert shape.target().profile.name == "openai-chat"


def test_a_class_is_known_by_its_id_where_no_type_is_told():
    shape = Shape(None, "anthropic", "langchain.chat_models.anthropic.ChatAnthropic", "claude-x")
    assert shape.target().profile.name == "anthropic"


def test_the_base_url_of_the_environment_counts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")

    assert openai("served-model").target().profile.name == "openai-compatible"
    at_openai = openai_at("https://api.openai.com/v1", "gpt-4o")
    assert at_openai.target().profile.name == "openai-chat"


@pytest.mark.parametrize("base_url", ["/v1", ":80", "https:///v1"])
def test_a_base_url_without_a_host_leads_nowhere_that_is_known(base_url: str):
    """It is not read as none, which would leave the request at home."""
    assert openai("gpt-4o").target().identified is True
    assert openai_at(base_url, "gpt-4o").target().identified is False


def test_an_argument_that_is_a_secret_is_no_base_url():
    secret = {"lc": 1, "type": "secret", "id": ["OPENAI_API_BASE"]}
    assert openai_at(secret, "gpt-4o").target().identified is False


@pytest.mark.parametrize(
    ("shown", "model", "profile"),
    [
        ("openai_api_base='http://localhost:1/v1'", "qwen3", "openai-compatible"),
        ("temperature=0.5", "gpt-4o", "openai-chat"),
        ("temperature=0.5", "qwen3", "openai-compatible"),
        ("use_responses_api=True", "gpt-4o", "openai-responses"),
        ("use_responses_api=True", "qwen3", "contract"),
        ("use_responses_api=False", "gpt-5-pro", "openai-chat"),
        ("use_previous_response_id=True", "gpt-4o", "openai-responses"),
        ("use_previous_response_id=True", "qwen3", "contract"),
    ],
)
def test_a_class_that_is_not_serializable_tells_by_its_repr(shown: str, model: str, profile: str):
    text = f"MyOpenAI(model_name='{model}', {shown})"
    shape = Shape("openai-chat", "openai", "my.MyOpenAI", model, arguments=None, text=text)

    target = shape.target()

    assert target.profile.name == profile
    assert target.facts.resumes_response is ("use_previous_response_id" in shown)


# The facts of a live call besides the history.


@pytest.mark.parametrize(
    ("params", "bound"),
    [
        ({"tools": [FUNCTION]}, True),
        ({"toolConfig": {"tools": [{}]}}, True),
        ({"functions": [{}]}, True),
        ({"tools": []}, False),
        ({"tools": None}, False),
        ({}, False),
    ],
)
def test_bound_tools_are_seen(params: dict[str, Any], bound: bool):  # noqa: FBT001
    assert converse(CLAUDE_ID, params=params).target().facts.tools_bound is bound


def test_tools_are_assumed_where_no_parameters_are_told():
    assert identify({}, {}, None).facts.tools_bound is True


@pytest.mark.parametrize("name", ["previous_response_id", "conversation"])
def test_state_on_the_server_is_seen(name: str):
    shape = openai(arguments={"use_responses_api": True}, params={name: "x_1"})
    facts = shape.target().facts
    assert (facts.server_state, facts.resumes_response) == (True, False)


def test_resuming_the_last_response_is_seen():
    target = openai(arguments={"use_previous_response_id": True}).target()

    assert target.profile.name == "openai-responses"
    assert (target.facts.server_state, target.facts.resumes_response) == (False, True)


def test_a_plain_call_has_no_state():
    facts = openai().target().facts
    assert (facts.server_state, facts.resumes_response) == (False, False)


def test_the_version_of_the_run_comes_first():
    shape = openai(metadata={"lc_versions": {"langchain-core": "1", "langchain-openai": "0.1.2"}})
    assert shape.target().facts.version == "0.1.2"


def test_the_installed_version_is_used_where_the_run_tells_none():
    pytest.importorskip("langchain_openai")
    installed = importlib.metadata.version("langchain-openai")
    assert openai().target().facts.version == installed


def test_the_client_beneath_decides_where_its_types_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.metadata, "version", {"openrouter": "0.10.8"}.__getitem__)
    identify_module._installed_version.cache_clear()
    shape = Shape(
        "openrouter-chat",
        "openrouter",
        "langchain_openrouter.chat_models.ChatOpenRouter",
        metadata={"lc_versions": {"langchain-openrouter": "0.2.9"}},
    )
    assert shape.target().facts.version == "0.10.8"


def test_a_package_that_does_not_convert_the_messages_has_no_version(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "9.9.9")
    identify_module._installed_version.cache_clear()
    assert openai().target().facts.version == "9.9.9"
    shape = openai_at("https://api.deepseek.com/v1")
    assert shape.target().facts.version is None


def test_an_integration_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    identify_module._installed_version.cache_clear()
    assert openai().target().facts.version is None


@pytest.mark.parametrize(
    ("metadata", "params", "model"),
    [
        ({"ls_model_name": "a"}, {"model": "b"}, "a"),
        ({}, {"model": "b", "model_name": "c"}, "b"),
        ({"ls_model_name": None}, {"model": None, "model_name": "c"}, "c"),
        ({}, {}, ""),
        ({"ls_model_name": "x" * 9_999}, {}, "x" * 256),
        ({"ls_model_name": ["a"]}, {"model": object()}, ""),
    ],
)
def test_the_model_is_read(metadata: dict[str, Any], params: dict[str, Any], model: str):
    target = identify({}, metadata, params)
    assert target.model == model
    assert target.facts.model == (model or None)


# The operator's word.


def test_the_operators_profile_is_taken_at_its_word():
    override = profile_named("mistral")
    target = identify(
        {"kwargs": {"openai_api_base": "http://localhost:8000/v1"}},
        {
            "ls_provider": "openai",
            "ls_model_name": "m",
            "lc_versions": {"langchain-mistralai": "1"},
        },
        {"_type": "openai-chat", "tools": []},
        override,
    )

    assert target.profile is override
    assert target.identified is True
    assert target.provider == "mistral_ai"
    assert (target.facts.version, target.facts.tools_bound, target.model) == ("1", False, "m")


def test_an_unknown_model_is_what_the_operator_says():
    target = identify(None, None, None, profile_named("anthropic"))
    assert (target.profile.name, target.provider) == ("anthropic", "anthropic")
    assert target.identified is True


# Whatever is handed over.


class Awkward(dict[str, Any]):
    """A mapping that raises when it is read."""

    def get(self, *_: object) -> Any:
        msg = "no"
        raise RuntimeError(msg)


JUNK: tuple[Any, ...] = (
    None,
    {},
    [],
    "x",
    7,
    Awkward(),
    {"id": 7, "kwargs": 7, "repr": 7},
    {"id": [None, {}], "kwargs": {"openai_api_base": 7, "use_responses_api": "yes"}},
    {"_type": ["openai-chat"], "tools": 7, "model": []},
    {"_type": "openai-chat", "tools": [None, 7, {"type": None}]},
    {"ls_provider": ["openai"], "lc_versions": [], "ls_model_name": {}},
    {"ls_provider": "openai", "lc_versions": {"langchain-openai": 7}, "ls_invocation_params": 7},
)


@pytest.mark.parametrize("override", [None, "openai-chat"])
@pytest.mark.parametrize("params", JUNK, ids=repr)
def test_junk_never_raises(params: Any, override: str | None):
    given = None if override is None else profile_named(override)
    for serialized in JUNK:
        for metadata in JUNK:
            target = identify(serialized, metadata, params, given)
            assert isinstance(target, Target)
            assert target.identified is (given is not None) or target.profile is not CONTRACT


def test_nothing_of_the_call_is_kept():
    class Bag(dict[str, Any]):
        pass

    bags = [
        Bag(id=[], kwargs={"openai_api_key": "secret"}),
        Bag(ls_provider="openai", ls_model_name="m"),
        Bag(_type="openai-chat", tools=[FUNCTION]),
    ]
    kept = [weakref.ref(bag) for bag in bags]

    identify(*bags)
    bags.clear()
    gc.collect()

    assert [ref() for ref in kept] == [None, None, None]


def test_what_is_kept_is_bounded():
    for number in range(2_000):
        openai(f"model-{number}").target()
    caches = (identify_module._facts, identify_module._target, identify_module._installed_version)
    assert all(0 < cache.cache_info().currsize <= 512 for cache in caches)
    assert 0 < len(identify_module._MEMORY) <= 256
    for number in range(100):
        openai_at(f"https://host-{number}.com").target()
    assert len(identify_module._MEMORY) <= 256 + 4


# What is remembered of a call.

AT_HOME = "https://api.openai.com/v1"
ELSEWHERE = "http://user:secret@127.0.0.1:9/v1"
# What may be different in the next call, by where it stands.
CHANGES: dict[str, dict[str, tuple[object, ...]]] = {
    "serialized": {
        "id": (["langchain", "chat_models", "openai", "ChatOpenAI"], ["x"], None),
        "repr": (
            "C(use_responses_api=True)",
            "C(use_previous_response_id=True)",
            f"C(openai_api_base='{ELSEWHERE}')",
            "C(model_kwargs={'api_base': 'x'})",
            "C(custom_llm_provider='x')",
        ),
        "kwargs": (None, {}, {"openai_api_base": ELSEWHERE}),
    },
    "arguments": {
        **dict.fromkeys(
            (
                *("openai_api_base", "azure_endpoint", "api_base", "xai_api_base", "endpoint_url"),
                *("together_api_base", "groq_api_base", "fireworks_api_base", "base_url"),
                *("openrouter_api_base", "anthropic_api_url", "mistral_api_base", "endpoint"),
            ),
            (None, "", AT_HOME, ELSEWHERE, 7),
        ),
        "client_options": ({"api_endpoint": ELSEWHERE}, None),
        "use_responses_api": (True, False, None, "yes"),
        "use_previous_response_id": (True, False, None),
        "beta_use_converse_api": (True, False),
        "output_version": ("responses/v1", "v1"),
        **dict.fromkeys(("context_management", "include", "reasoning", "truncation"), ("x", None)),
        **dict.fromkeys(("http_client", "http_async_client"), (object(), None)),
        "custom_llm_provider": ("x", ""),
        "provider": ("anthropic", "meta"),
        "max_retries": (3,),
    },
    "metadata": {
        "ls_provider": ("openai", "anthropic", "nobody", None, ["openai"]),
        "ls_model_name": ("gpt-4o", "gpt-6", "claude-sonnet-4-5", "llama-3", None, []),
        "ls_invocation_params": ({"provider": "anthropic"}, {"provider": "meta"}, None, 7),
        "lc_versions": (
            {},
            7,
            dict.fromkeys(("langchain-openai", "langchain-openrouter"), "0.0.1"),
            {"langchain-openai": 7},
        ),
        "thread_id": ("1",),
    },
    "params": {
        "_type": ("openai-chat", "anthropic-chat", "nobody", None, []),
        **dict.fromkeys(("model", "model_name", "model_id"), ("gpt-4o", "claude-3", None)),
        "tools": ([], [FUNCTION], [FUNCTION, BUILT_IN], None),
        **dict.fromkeys(("toolConfig", "tool_config", "functions"), ([FUNCTION], None)),
        "previous_response_id": ("resp_1", "", None),
        "conversation": ("conv_1", "", None),
        **dict.fromkeys(("reasoning", "text", "truncation", "include"), ("x", None)),
        "use_responses_api": (True, False),
        "provider": ("anthropic", "meta"),
        "temperature": (0.5,),
    },
}
VARIABLES = {
    **dict.fromkeys(BASE_URLS, ("", AT_HOME, ELSEWHERE)),
    "USE_LITELLM_PROXY": ("true", "false"),
}
LITELLM = ({"modify_params": True}, {"api_base": ELSEWHERE}, {"use_litellm_proxy": True})


def _afresh(*given: Any) -> Target:
    identify_module._MEMORY.clear()
    return identify(*given)


@pytest.mark.parametrize(
    "shape", [shape for shape, *_ in (*KNOWN, *UNCERTAIN)], ids=lambda each: _label(each) or ""
)
@pytest.mark.parametrize("override", [None, "litellm"])
def test_whatever_changes_a_call_is_identified_as_if_it_were_the_first(
    shape: Shape, override: str | None, monkeypatch: pytest.MonkeyPatch
):
    profile = None if override is None else profile_named(override)

    def check_against(*given: Any) -> None:
        identify_module._MEMORY.clear()
        identify(*shape.given(), profile)
        remembered = identify(*given, profile)
        assert remembered == _afresh(*given, profile), given
        assert identify(*given, profile) == remembered

    check_against(*shape.given())
    for place, changes in CHANGES.items():
        for key, values in changes.items():
            for value in (*values, _afresh):  # the last one stands for none
                serialized, metadata, params = shape.given()
                arguments = dict(serialized.get("kwargs") or {})
                if "kwargs" in serialized:
                    serialized["kwargs"] = arguments
                named = {
                    "serialized": serialized,
                    "arguments": arguments,
                    "metadata": metadata,
                    "params": params,
                }
                if value is _afresh:
                    named[place].pop(key, None)
                else:
                    named[place][key] = value
                check_against(serialized, metadata, params)

    monkeypatch.delitem(sys.modules, "litellm", raising=False)
    given = shape.given()
    for name, values in VARIABLES.items():
        identify(*given, profile)
        for value in values:
            monkeypatch.setenv(name, value)
            assert identify(*given, profile) == _afresh(*given, profile), (name, value)
        monkeypatch.delenv(name)
        assert identify(*given, profile) == _afresh(*given, profile), name
    for settings in LITELLM:
        stub = ModuleType("litellm")
        monkeypatch.setitem(sys.modules, "litellm", stub)
        assert identify(*given, profile) == _afresh(*given, profile)
        vars(stub).update(settings)
        assert identify(*given, profile) == _afresh(*given, profile), settings
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "0.0.1")
    identify_module._installed_version.cache_clear()
    assert identify(*given, profile) == _afresh(*given, profile)


def test_a_call_that_is_changed_in_place_is_another_one():
    serialized, metadata, params = openai().given()
    assert identify(serialized, metadata, params).identified
    serialized["kwargs"]["openai_api_base"] = ELSEWHERE
    assert not identify(serialized, metadata, params).identified
    del serialized["kwargs"]["openai_api_base"]
    assert identify(serialized, metadata, params).identified

    assert identify(serialized, metadata, params).facts.tools_bound
    params["tools"].clear()
    assert not identify(serialized, metadata, params).facts.tools_bound
    params["tools"].append(BUILT_IN)
    assert identify(serialized, metadata, params).profile is PROFILES["openai-responses"]


def test_a_call_like_an_earlier_one_is_not_looked_into(monkeypatch: pytest.MonkeyPatch):
    known = openai().target()
    monkeypatch.setattr(identify_module, "_concluded", lambda *_, **__: pytest.fail("once more"))
    assert openai(arguments={"temperature": 1}).target() is known


@pytest.mark.parametrize("name", ["_data", "gone"])
def test_the_environment_is_asked_as_it_is_now(monkeypatch: pytest.MonkeyPatch, name: str):
    """Also where Python no longer keeps the variables where they are looked for."""
    monkeypatch.setattr(foreign, "VARIABLES", foreign.ForeignName("os:_Environ", name))
    environment = identify_module._Environment()
    assert "TOOLPAIR_NO_SUCH" not in environment
    monkeypatch.setenv("TOOLPAIR_NO_SUCH", "1")
    assert "TOOLPAIR_NO_SUCH" in environment
    assert environment["TOOLPAIR_NO_SUCH"] == "1"


def test_no_value_is_kept_but_names_and_truth_values():
    """Neither a password of a base URL nor the definition of a tool."""
    shapes = [shape for shape, *_ in (*KNOWN, *UNCERTAIN)]
    shapes += [openai_at(ELSEWHERE), openai(text=f"C(openai_api_base='{ELSEWHERE}')")]
    for shape in shapes:
        shape.target()
    kept = [
        answer
        for conclusions in identify_module._MEMORY._kept.values()
        for each in conclusions
        for *_, answer in (*each._plain, *each._asked)
    ]
    assert len(kept) > 100
    assert {type(answer) for answer in kept} <= {str, bool, type(None)}
    assert not [answer for answer in kept if isinstance(answer, str) and "secret" in answer]


class Hostile(str):
    """A name that raises when it is compared."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        msg = "no"
        raise RuntimeError(msg)

    def __hash__(self) -> int:
        msg = "no"
        raise RuntimeError(msg)


@pytest.mark.parametrize("name", ["ls_model_name", "ls_provider"])
def test_a_value_that_raises_when_it_is_compared_does_no_harm(name: str):
    known = openai().target()
    serialized, metadata, params = openai().given()
    metadata[name] = Hostile(metadata[name])
    assert identify(serialized, metadata, params) == known == openai().target()


def test_what_is_asked_of_another_call_does_no_harm():
    """The API is told, so nobody would have looked at the tools."""
    openai().target()
    target = openai(arguments={"use_responses_api": False}, params={"tools": 7}).target()
    assert target.profile is PROFILES["openai-chat"]


# The real integrations, each seen by a callback that stops the run before any request.


class StopHereError(Exception):
    """Keeps the request from being made."""


class StartRecorder(BaseCallbackHandler):
    """Keeps what `on_chat_model_start` is given, and stops the run."""

    raise_error = True
    run_inline = True

    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, metadata: Any = None, **kwargs: Any
    ) -> None:
        self.given = (serialized, metadata, kwargs.get("invocation_params"))
        raise StopHereError


def _add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def _given_by(model: Any, **call: Any) -> tuple[Any, Any, Any]:
    recorder = StartRecorder()
    with pytest.raises(StopHereError):
        model.invoke("hi", config={"callbacks": [recorder]}, **call)
    return recorder.given


def _seen(model: Any, **call: Any) -> Target:
    return identify(*_given_by(model, **call))


AWS = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}


@dataclass(frozen=True)
class Real:
    """A chat model of a real integration, and what it is."""

    module: str
    name: str
    arguments: dict[str, Any]
    profile: str
    provider: str
    identified: bool = True

    def model(self) -> Any:
        module = pytest.importorskip(self.module, exc_type=ImportError)
        return getattr(module, self.name)(**self.arguments)


def _openai_real(profile: str, provider: str = "openai", *, identified: bool = True, **more: Any):
    arguments = {"model": "gpt-4o", "api_key": "x"} | more
    return Real("langchain_openai", "ChatOpenAI", arguments, profile, provider, identified)


REAL: tuple[Real, ...] = (
    _openai_real("openai-chat"),
    _openai_real("openai-responses", use_responses_api=True),
    _openai_real("openai-responses", use_previous_response_id=True),
    _openai_real("openai-responses", reasoning={"effort": "low"}),
    _openai_real("openai-responses", model="gpt-5-pro"),
    _openai_real("openai-chat", model="gpt-5-pro", use_responses_api=False),
    _openai_real("openai-compatible", "", model="qwen3", base_url="http://localhost:8000/v1"),
    _openai_real("openai-compatible", "", base_url="http://localhost:8000/v1", identified=False),
    _openai_real("deepseek", "deepseek", model="x", base_url="https://api.deepseek.com"),
    Real(
        "langchain_openai",
        "AzureChatOpenAI",
        {
            "azure_deployment": "d",
            "azure_endpoint": "https://x.openai.azure.com",
            "api_key": "x",
            "api_version": "2024-10-21",
        },
        "azure-openai-chat",
        "azure.ai.openai",
    ),
    Real(
        "langchain_anthropic",
        "ChatAnthropic",
        {"model": "claude-sonnet-4-5", "api_key": "x"},
        "anthropic",
        "anthropic",
    ),
    Real(
        "langchain_google_genai",
        "ChatGoogleGenerativeAI",
        {"model": "gemini-2.5-flash", "api_key": "x"},
        "google-genai",
        "gcp.gemini",
    ),
    Real(
        "langchain_mistralai",
        "ChatMistralAI",
        {"model": "mistral-large-latest", "api_key": "x"},
        "mistral",
        "mistral_ai",
    ),
    Real("langchain_groq", "ChatGroq", {"model": "llama", "api_key": "x"}, "groq", "groq"),
    Real(
        "langchain_cohere",
        "ChatCohere",
        {"model": "command-a", "cohere_api_key": "x"},
        "cohere",
        "cohere",
    ),
    Real("langchain_ollama", "ChatOllama", {"model": "mistral"}, "ollama", "ollama"),
    Real(
        "langchain_deepseek",
        "ChatDeepSeek",
        {"model": "deepseek-chat", "api_key": "x"},
        "deepseek",
        "deepseek",
    ),
    Real("langchain_xai", "ChatXAI", {"model": "grok-4", "api_key": "x"}, "xai", "x_ai"),
    Real(
        "langchain_fireworks",
        "ChatFireworks",
        {"model": "x", "api_key": "x"},
        "fireworks",
        "fireworks",
    ),
    Real(
        "langchain_together",
        "ChatTogether",
        {"model": "x", "api_key": "x"},
        "together",
        "together",
    ),
    Real(
        "langchain_openrouter",
        "ChatOpenRouter",
        {"model": "anthropic/claude-sonnet-4.5", "api_key": "x"},
        "openrouter",
        "openrouter",
    ),
    Real(
        "langchain_aws",
        "ChatBedrockConverse",
        AWS | {"model": f"us.{CLAUDE_ID}"},
        "bedrock-converse",
        "aws.bedrock",
    ),
    Real(
        "langchain_aws",
        "ChatBedrockConverse",
        AWS | {"model": "us.amazon.nova-pro-v1:0"},
        "bedrock-converse-other",
        "aws.bedrock",
    ),
    Real(
        "langchain_aws",
        "ChatBedrockConverse",
        AWS
        | {
            "model": "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc",
            "provider": "anthropic",
            "base_model": CLAUDE_ID,
        },
        "bedrock-converse",
        "aws.bedrock",
    ),
    Real(
        "langchain_aws",
        "ChatBedrock",
        AWS | {"model": CLAUDE_ID},
        "bedrock-invoke",
        "aws.bedrock",
    ),
    Real(
        "langchain_aws",
        "ChatBedrock",
        AWS | {"model": CLAUDE_ID, "beta_use_converse_api": True},
        "bedrock-converse",
        "aws.bedrock",
    ),
    Real(
        "langchain_aws",
        "ChatAnthropicBedrock",
        AWS | {"model": f"us.{CLAUDE_ID}"},
        "anthropic",
        "aws.bedrock",
    ),
    Real(
        "langchain_aws",
        "ChatOpenAIMantle",
        {"model": "openai.gpt-oss-120b", "api_key": "x", "region_name": "us-east-1"},
        "openai-chat",
        "aws.bedrock",
    ),
    Real(
        "langchain_aws",
        "ChatOpenAIMantle",
        {"model": "openai.gpt-5.6", "api_key": "x", "region_name": "us-east-1"},
        "openai-responses",
        "aws.bedrock",
    ),
    Real(
        "langchain_litellm",
        "ChatLiteLLM",
        {"model": "openai/gpt-4o", "api_key": "x"},
        "litellm",
        "litellm",
    ),
    Real(
        "langchain_nvidia_ai_endpoints",
        "ChatNVIDIA",
        {
            "model": "meta/llama-3.1-8b-instruct",
            "api_key": "nvapi-x",
            "base_url": "http://127.0.0.1:9/v1",
        },
        "nvidia",
        "nvidia",
    ),
)

# Warnings of the integrations are not under test here.
real_integrations = pytest.mark.filterwarnings("ignore")


def _real_label(real: Real) -> str:
    return f"{real.name}-{real.profile}-{real.arguments.get('model', '')}"


@real_integrations
@pytest.mark.parametrize("real", REAL, ids=_real_label)
def test_a_real_integration_is_recognised(real: Real):
    target = _seen(real.model().bind_tools([_add]))

    assert target.profile.name == real.profile
    assert target.provider == real.provider
    assert target.identified is real.identified
    assert target.facts.tools_bound is True
    assert target.model == real.arguments.get("base_model") or real.arguments.get("model", "d")


@real_integrations
@pytest.mark.parametrize("real", REAL, ids=_real_label)
def test_a_real_integration_has_its_version(real: Real):
    target = _seen(real.model())

    package = target.profile.package
    is_own = package.replace("-", "_") == real.module or real.name in (
        "ChatAnthropicBedrock",
        "ChatOpenAIMantle",
    )
    expected = importlib.metadata.version(target.profile.versioned) if is_own else None
    assert target.facts.version == expected
    assert target.facts.tools_bound is False


@real_integrations
@pytest.mark.parametrize("real", REAL, ids=_real_label)
def test_the_recorded_shape_is_still_what_the_integration_gives(real: Real):
    serialized, metadata, params = _given_by(real.model())

    row = identify_module._BY_TYPE[params["_type"]]
    assert ".".join(serialized["id"]) == row.class_id
    assert metadata["ls_provider"] in row.ls_providers


@real_integrations
def test_the_vertex_classes_are_recognised():
    vertexai = pytest.importorskip("langchain_google_vertexai")
    garden = pytest.importorskip("langchain_google_vertexai.model_garden")
    credentials = pytest.importorskip("google.auth.credentials").AnonymousCredentials()
    place = {"project": "p", "location": "us-east5", "credentials": credentials}

    gemini = _seen(vertexai.ChatVertexAI(model="gemini-2.5-flash", **place))
    claude = _seen(garden.ChatAnthropicVertex(model_name="claude-sonnet-4-5", **place))

    assert (gemini.profile.name, gemini.identified) == ("google-vertexai", True)
    assert (claude.profile.name, claude.identified) == ("anthropic-vertex", True)


@real_integrations
def test_the_hugging_face_class_is_recognised():
    huggingface = pytest.importorskip("langchain_huggingface")
    endpoint = huggingface.HuggingFaceEndpoint(repo_id="x/y", huggingfacehub_api_token="x")
    model = huggingface.ChatHuggingFace(llm=endpoint, model_id="x/y")

    target = _seen(model.bind_tools([_add]))

    assert (target.profile.name, target.identified) == ("huggingface", True)
    assert target.model == ""


@real_integrations
@pytest.mark.parametrize(
    ("module", "name", "type_name"),
    [
        ("langchain_litellm", "ChatLiteLLMRouter", "LiteLLMRouter"),
        ("langchain_aws", "ChatAnthropicMantle", "anthropic-mantle-chat"),
    ],
)
def test_the_rare_classes_have_the_names_of_the_table(module: str, name: str, type_name: str):
    model_class = getattr(pytest.importorskip(module), name, None)
    if model_class is None:
        pytest.skip(f"this version of {module} has no {name}")
    row = identify_module._BY_TYPE[type_name]
    assert model_class._llm_type.fget(None) == type_name
    assert row.class_id.rpartition(".")[2] == name


@real_integrations
def test_the_base_url_that_a_real_client_reads_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
):
    openai_package = pytest.importorskip("langchain_openai")
    for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "http://localhost:8000/v1")
            target = _seen(openai_package.ChatOpenAI(model="qwen3", api_key="x"))
        assert target.profile.name == "openai-compatible", name
    assert "OPENAI_BASE_URL" not in os.environ


@real_integrations
def test_a_configurable_model_and_a_subclass_are_what_they_wrap():
    openai_package = pytest.importorskip("langchain_openai")
    runnables = pytest.importorskip("langchain_core.runnables")

    class House(openai_package.ChatOpenAI):
        """A user's own class."""

    class Hidden(openai_package.ChatOpenAI):
        """A user's own class that is not serializable."""

        @classmethod
        def is_lc_serializable(cls) -> bool:
            return False

    arguments = {"model": "qwen3", "api_key": "x", "base_url": "http://localhost:8000/v1"}
    configurable = openai_package.ChatOpenAI(**arguments).configurable_fields(
        temperature=runnables.ConfigurableField(id="t")
    )

    for model in (configurable, House(**arguments), Hidden(**arguments)):
        assert _seen(model).profile.name == "openai-compatible"


@real_integrations
def test_a_model_of_nobody_is_not_identified():
    target = _seen(GenericFakeChatModel(messages=iter([])))
    assert (target.profile, target.identified) == (CONTRACT, False)


@pytest.mark.parametrize("override", [None, PROFILES["litellm"]], ids=["identified", "told"])
def test_what_litellm_mends_itself_is_not_predicted_to_fail(monkeypatch, override):
    """`litellm.modify_params` answers open calls and drops strays before Anthropic sees them."""
    history = [
        HumanMessage("?"),
        AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "call_a"}]),
        HumanMessage("and?"),
    ]
    metadata = {"ls_provider": "litellm", "ls_model_name": "anthropic/claude-sonnet-4-5"}

    def effect(model: str) -> Effect:
        told = metadata | {"ls_model_name": model}
        target = identify({}, told, {"_type": "litellm-chat"}, override)
        assert (target.profile.name, target.identified) == ("litellm", True)
        return check(history, target.profile, target.facts).effect

    stub = ModuleType("litellm")
    monkeypatch.setitem(sys.modules, "litellm", stub)
    assert effect("anthropic/claude-sonnet-4-5") is Effect.REJECT
    stub.modify_params = True
    assert effect("anthropic/claude-sonnet-4-5") is Effect.UNKNOWN
    # It does so for Anthropic only.
    assert effect("gpt-4o") is Effect.REJECT


_CONSTRUCTOR: tuple[dict[str, Any], ...] = (
    {},
    {"use_responses_api": True},
    {"use_responses_api": False},
    {"use_responses_api": False, "use_previous_response_id": True},
    {"use_previous_response_id": True},
    {"output_version": "responses/v1"},
    {"output_version": "v1"},
    {"include": ["reasoning.encrypted_content"]},
    {"reasoning": {"effort": "low"}},
    {"reasoning_effort": "low"},
    {"truncation": "auto"},
    {"model": "gpt-5-pro"},
    {"model": "gpt-5-codex"},
    {"model": "gpt-6"},
    {"model_kwargs": {"previous_response_id": "resp_1"}},
    {"model_kwargs": {"conversation": "conv_1"}},
    {"model_kwargs": {"text": {"verbosity": "low"}}},
)
_BOUND: tuple[dict[str, Any], ...] = (
    {},
    {"tools": [FUNCTION]},
    {"tools": [FUNCTION, BUILT_IN]},
    {"previous_response_id": "resp_1"},
    {"reasoning": {"effort": "low"}},
    {"truncation": "auto"},
    {"response_format": {"type": "json_object"}},
)


@real_integrations
@pytest.mark.parametrize("constructor", _CONSTRUCTOR, ids=str)
def test_the_api_is_the_one_that_langchain_chooses(constructor: dict[str, Any]):
    openai_package = pytest.importorskip("langchain_openai")
    release = tuple(map(int, importlib.metadata.version("langchain-openai").split(".")[:2]))
    if "model" in constructor and release < (1, 7):
        pytest.skip("older releases know fewer of the models that are served on Responses only")
    model = openai_package.ChatOpenAI(**({"model": "gpt-4o", "api_key": "x"} | constructor))

    for bound in _BOUND:
        payload = {**model._default_params, **bound}
        expected = "openai-responses" if model._use_responses_api(payload) else "openai-chat"
        assert _seen(model.bind(**bound)).profile.name == expected, bound


# Classes that point elsewhere, each in every way that it has. What is not certain is not
# identified, and no request that pairs is refused for it.

ELSEWHERE_URL = "http://127.0.0.1:9/v1"
LONG_ID = "call_" + "x" * 60


@dataclass(frozen=True)
class Away:
    """A model that goes, or may go, to another place than its class says by its name."""

    module: str
    name: str
    arguments: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)
    # By today's convention a server that is shown and offers an open model is just compatible.
    identified: bool = False
    profiles: tuple[str, ...] = ("contract", "openai-compatible")


def _openai_away(*, identified: bool = False, **arguments: Any) -> Away:
    more = {"model": "qwen3-32b", "api_key": "x"} | arguments
    return Away("langchain_openai", "ChatOpenAI", more, identified=identified)


class Made:
    """A client that is made where its package is installed."""

    def __init__(self, path: str, **arguments: Any) -> None:
        self.path, self.arguments = path, arguments

    def __call__(self) -> Any:
        module, _, name = self.path.partition(":")
        made = pytest.importorskip(module, exc_type=ImportError)
        end = getattr(made, name.partition(".")[0])(**self.arguments)
        for part in name.split(".")[1:]:
            end = getattr(end, part)
        return end

    def __repr__(self) -> str:
        return self.path


_OPENAI_CLIENT = {"base_url": ELSEWHERE_URL, "api_key": "x"}
_AZURE = {"azure_deployment": "d", "api_key": "x", "api_version": "2024-10-21"}
_AZURE_AT_HOME = _AZURE | {"azure_endpoint": "https://x.openai.azure.com"}
_PLACE = {"project": "p", "location": "us-east5"}
AWAY: tuple[Away, ...] = (
    _openai_away(),
    _openai_away(client=Made("openai:OpenAI.chat.completions", **_OPENAI_CLIENT)),
    _openai_away(root_client=Made("openai:OpenAI", **_OPENAI_CLIENT)),
    _openai_away(http_client=Made("httpx:Client")),
    _openai_away(http_async_client=Made("httpx:AsyncClient")),
    _openai_away(openai_proxy="http://127.0.0.1:9"),
    _openai_away(model="openai/gpt-4o"),
    _openai_away(model="gpt-oss-120b"),
    _openai_away(model="gemini-2.5-flash", http_client=Made("httpx:Client")),
    _openai_away(
        model="served-model", client=Made("openai:OpenAI.chat.completions", **_OPENAI_CLIENT)
    ),
    _openai_away(base_url="https://api.openai.com/v1", http_client=Made("httpx:Client")),
    _openai_away(base_url=ELSEWHERE_URL, identified=True),
    _openai_away(base_url="https://x.openai.azure.com/openai/v1", model="DeepSeek-R1"),
    _openai_away(use_responses_api=True),
    Away("langchain_openai", "AzureChatOpenAI", _AZURE | {"azure_endpoint": "http://127.0.0.1:9"}),
    Away(
        "langchain_openai",
        "AzureChatOpenAI",
        _AZURE,
        {"AZURE_OPENAI_ENDPOINT": "http://apim.example.org"},
    ),
    Away(
        "langchain_openai",
        "AzureChatOpenAI",
        {
            "base_url": "https://apim.example.org/openai/deployments/d",
            "api_key": "x",
            "api_version": "1",
        },
    ),
    Away("langchain_openai", "AzureChatOpenAI", _AZURE_AT_HOME | {"azure_deployment": "grok-4"}),
    Away("langchain_openai", "AzureChatOpenAI", _AZURE_AT_HOME | {"model": "mistral-large-2411"}),
    Away("langchain_anthropic", "ChatAnthropic", {"model": "glm-4.6", "api_key": "x"}),
    Away(
        "langchain_anthropic",
        "ChatAnthropic",
        {
            "model": "claude-sonnet-4-5",
            "api_key": "x",
            "base_url": "https://api.z.ai/api/anthropic",
        },
    ),
    Away(
        "langchain_anthropic",
        "ChatAnthropic",
        {"model": "claude-sonnet-4-5", "api_key": "x"},
        {"ANTHROPIC_BASE_URL": "https://api.deepseek.com/anthropic"},
    ),
    Away(
        "langchain_anthropic",
        "ChatAnthropic",
        {"model": "kimi-k2", "api_key": "x"},
        {"ANTHROPIC_API_URL": "https://api.moonshot.ai/anthropic"},
    ),
    Away(
        "langchain_google_genai",
        "ChatGoogleGenerativeAI",
        {"model": "gemini-2.5-flash", "api_key": "x", "base_url": ELSEWHERE_URL},
    ),
    Away(
        "langchain_google_genai",
        "ChatGoogleGenerativeAI",
        {
            "model": "gemini-2.5-flash",
            "api_key": "x",
            "client_options": {"api_endpoint": ELSEWHERE_URL},
        },
    ),
    Away(
        "langchain_google_genai",
        "ChatGoogleGenerativeAI",
        {"model": "gemini-2.5-flash", "api_key": "x"},
        {"GOOGLE_GEMINI_BASE_URL": ELSEWHERE_URL},
    ),
    Away(
        "langchain_google_vertexai",
        "ChatVertexAI",
        _PLACE | {"model": "gemini-2.5-flash", "api_endpoint": "h.example.org"},
    ),
    Away(
        "langchain_aws",
        "ChatBedrockConverse",
        AWS | {"model": CLAUDE_ID, "endpoint_url": "http://127.0.0.1:9"},
    ),
    Away(
        "langchain_aws",
        "ChatBedrockConverse",
        AWS | {"model": CLAUDE_ID},
        {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://127.0.0.1:9"},
    ),
    Away(
        "langchain_aws",
        "ChatBedrock",
        AWS | {"model": CLAUDE_ID, "endpoint_url": "http://127.0.0.1:9"},
    ),
    Away(
        "langchain_aws",
        "ChatAnthropicBedrock",
        AWS | {"model": CLAUDE_ID},
        {"ANTHROPIC_BEDROCK_BASE_URL": "http://127.0.0.1:9"},
    ),
    Away(
        "langchain_aws",
        "ChatOpenAIMantle",
        {
            "model": "openai.gpt-oss-120b",
            "api_key": "x",
            "region_name": "us-east-1",
            "base_url": ELSEWHERE_URL,
        },
    ),
    # Mistral's models on vLLM are not at Mistral's host.
    Away(
        "langchain_mistralai",
        "ChatMistralAI",
        {"model": "mistral-small-latest", "api_key": "x", "endpoint": ELSEWHERE_URL},
        identified=True,
    ),
    Away(
        "langchain_mistralai",
        "ChatMistralAI",
        {"model": "mistral-small-latest", "api_key": "x"},
        {"MISTRAL_BASE_URL": ELSEWHERE_URL},
        identified=True,
    ),
    Away(
        "langchain_mistralai",
        "ChatMistralAI",
        {
            "model": "served-model",
            "api_key": "x",
            "client": Made("httpx:Client", base_url=ELSEWHERE_URL),
        },
    ),
    Away(
        "langchain_openai",
        "ChatOpenAI",
        {"model": "mistral-small-latest", "api_key": "x", "base_url": ELSEWHERE_URL},
        identified=True,
    ),
    Away(
        "langchain_groq",
        "ChatGroq",
        {"model": "llama", "api_key": "x", "base_url": ELSEWHERE_URL},
        identified=True,
    ),
    Away(
        "langchain_groq",
        "ChatGroq",
        {"model": "llama", "api_key": "x"},
        {"GROQ_API_BASE": ELSEWHERE_URL},
        identified=True,
    ),
    Away(
        "langchain_groq",
        "ChatGroq",
        {"model": "llama", "api_key": "x"},
        {"GROQ_BASE_URL": ELSEWHERE_URL},
        identified=True,
    ),
    Away(
        "langchain_groq", "ChatGroq", {"model": "gpt-4o", "api_key": "x", "base_url": ELSEWHERE_URL}
    ),
    Away(
        "langchain_groq",
        "ChatGroq",
        {"model": "llama", "api_key": "x", "http_client": Made("httpx:Client")},
    ),
    Away("langchain_xai", "ChatXAI", {"model": "qwen3", "api_key": "x"}),
    Away(
        "langchain_xai",
        "ChatXAI",
        {"model": "grok-4", "api_key": "x", "xai_api_base": ELSEWHERE_URL},
        identified=True,
    ),
    Away(
        "langchain_deepseek",
        "ChatDeepSeek",
        {"model": "deepseek-r1", "api_key": "x", "api_base": ELSEWHERE_URL},
        identified=True,
    ),
    Away(
        "langchain_deepseek",
        "ChatDeepSeek",
        {"model": "deepseek-r1", "api_key": "x"},
        {"DEEPSEEK_API_BASE": ELSEWHERE_URL},
        identified=True,
    ),
    Away(
        "langchain_deepseek",
        "ChatDeepSeek",
        {"model": "qwen3", "api_key": "x", "http_client": Made("httpx:Client")},
    ),
    Away(
        "langchain_fireworks",
        "ChatFireworks",
        {"model": "x", "api_key": "x", "base_url": ELSEWHERE_URL},
        identified=True,
    ),
    Away(
        "langchain_together",
        "ChatTogether",
        {"model": "x", "api_key": "x", "base_url": ELSEWHERE_URL},
        identified=True,
    ),
    Away(
        "langchain_cohere",
        "ChatCohere",
        {"model": "command-a", "cohere_api_key": "x", "base_url": ELSEWHERE_URL},
    ),
    Away(
        "langchain_openrouter",
        "ChatOpenRouter",
        {"model": "openai/gpt-4o", "api_key": "x", "base_url": ELSEWHERE_URL},
    ),
    Away(
        "langchain_litellm",
        "ChatLiteLLM",
        {"model": "openai/gpt-4o", "api_key": "x", "api_base": ELSEWHERE_URL},
        profiles=("litellm",),
    ),
    Away(
        "langchain_litellm",
        "ChatLiteLLM",
        {"model": "openai/gpt-4o", "api_key": "x"},
        {"OPENAI_BASE_URL": ELSEWHERE_URL},
        profiles=("litellm",),
    ),
    Away(
        "langchain_litellm",
        "ChatLiteLLM",
        {"model": "gpt-4o", "api_key": "x", "custom_llm_provider": "groq"},
        profiles=("litellm",),
    ),
    Away(
        "langchain_litellm",
        "ChatLiteLLM",
        {"model": "gpt-4o", "api_key": "x", "model_kwargs": {"base_url": ELSEWHERE_URL}},
        profiles=("litellm",),
    ),
    Away(
        "langchain_litellm",
        "ChatLiteLLM",
        {"model": "deepseek/deepseek-chat", "api_key": "x"},
        {"USE_LITELLM_PROXY": "true"},
        profiles=("litellm",),
    ),
)


def _away_label(away: Away) -> str:
    shown = {k: v for k, v in (away.arguments | away.environment).items() if "key" not in k}
    return f"{away.name}-{shown}"


@real_integrations
@pytest.mark.parametrize("away", AWAY, ids=_away_label)
def test_what_may_go_elsewhere_is_not_held_to_the_rules_of_its_class(
    away: Away, monkeypatch: pytest.MonkeyPatch
):
    for name, url in away.environment.items():
        monkeypatch.setenv(name, url)
    module = pytest.importorskip(away.module, exc_type=ImportError)
    model_class = getattr(module, away.name, None)
    if model_class is None:
        pytest.skip(f"this version of {away.module} has no {away.name}")
    arguments = {k: v() if isinstance(v, Made) else v for k, v in away.arguments.items()}
    if away.module == "langchain_google_vertexai":
        credentials = pytest.importorskip("google.auth.credentials").AnonymousCredentials()
        arguments["credentials"] = credentials

    target = _seen(model_class(**arguments).bind_tools([_add]))

    assert target.identified is away.identified
    assert target.profile.name in away.profiles
    sound = [
        HumanMessage("?"),
        AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": LONG_ID}]),
        ToolMessage("18", tool_call_id=LONG_ID),
    ]
    assert check(sound, target.profile, target.facts).effect is Effect.CLEAN
    # No refusal is foreseen of a server that nobody knows.
    broken = [*sound[:2], HumanMessage("and?")]
    assert check(broken, target.profile, target.facts).effect is Effect.UNKNOWN


OPENAI_S_OWN = (
    "gpt-4o",
    "gpt-4o-2024-08-06",
    "gpt-3.5-turbo",
    "gpt-6-mini",
    "gpt-test",
    "chatgpt-4o-latest",
    "o1",
    "o4-mini-2025-04-16",
    "codex-mini-latest",
    "ft:gpt-4o-mini-2024-07-18:org::id",
)


@pytest.mark.parametrize("model", OPENAI_S_OWN)
def test_a_name_of_openai_s_own_is_openai_whatever_transport_it_has(model: str):
    assert openai(model).target().identified is True
    assert openai_at("https://api.openai.com/v1", model).target().identified is True
    through = openai_at("https://gateway.smith.langchain.com/openai/v1", model)
    assert through.target().identified is True


@pytest.mark.parametrize(
    ("model", "deployment"), [("", "prod-4"), ("gpt-4o", "prod"), ("gpt-35-turbo", "x")]
)
def test_a_deployment_on_azure_may_have_any_name_of_no_other_maker(model: str, deployment: str):
    azure = pytest.importorskip("langchain_openai").AzureChatOpenAI
    more = {"model": model} if model else {}
    target = _seen(azure(**(_AZURE_AT_HOME | {"azure_deployment": deployment} | more)))
    assert (target.profile.name, target.identified) == ("azure-openai-chat", True)


def test_what_a_class_does_before_the_request_leaves_holds_at_any_host():
    """The server is unknown; that messages are joined, and what raises, is not."""
    shape = Shape(
        "anthropic-chat",
        "anthropic",
        "langchain.chat_models.anthropic.ChatAnthropic",
        "kimi-k2",
        arguments={"anthropic_api_url": "https://api.moonshot.ai/anthropic"},
    )
    target = shape.target()
    calls = [AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": one}]) for one in ("a", "b")]
    results = [ToolMessage("18", tool_call_id=one) for one in ("a", "b")]
    joined = [HumanMessage("?"), *calls, *results]
    assert check(joined, target.profile, target.facts).effect is Effect.ACCEPT
    raised = [HumanMessage("?"), *calls[:1], FunctionMessage("18", name="f")]
    assert check(raised, target.profile, target.facts).effect is Effect.LOCAL_ERROR
    chat = [HumanMessage("?"), *calls[:1], ChatMessage("18", role="tool")]
    assert check(chat, target.profile, target.facts).effect is Effect.LOCAL_ERROR


def test_a_history_that_pairs_is_not_held_against_its_class_at_a_server_that_nobody_knows():
    """The class may leave the call out, so the wire has an orphan: nobody knows who minds."""
    shape = Shape(
        "groq-chat",
        "groq",
        "langchain_groq.chat_models.ChatGroq",
        "llama",
        arguments={"http_client": {"lc": 1, "type": "not_implemented", "id": ["httpx", "Client"]}},
    )
    bad = {"name": "f", "args": "{", "id": "a", "error": None}
    history = [
        HumanMessage("?"),
        AIMessage("", invalid_tool_calls=[bad]),
        ToolMessage("18", tool_call_id="a"),
    ]
    for target in (shape.target(), converse(CLAUDE_ID, arguments=AT_A_PROXY).target()):
        assert target.identified is False
        report = check(history, target.profile, target.facts)
        # What strict mode stops of a model that is not identified.
        stopped = (Effect.REJECT, Effect.LOCAL_ERROR, Effect.UNKNOWN)
        assert report.effect not in stopped


def test_a_call_that_may_be_answered_later_may_be_so_at_a_server_that_nobody_knows():
    block = {"type": "tool_call", "name": "f", "args": {}, "id": "a", "extras": {"async": True}}
    call = {"name": "f", "args": {}, "id": "a"}
    history = [HumanMessage("?"), AIMessage([block], tool_calls=[call]), HumanMessage("and?")]
    target = converse(CLAUDE_ID, arguments=AT_A_PROXY).target()
    assert check(history, CONTRACT).effect is Effect.CLEAN
    assert check(history, target.profile, target.facts).effect is Effect.CLEAN


def test_state_at_a_server_that_nobody_knows_is_not_held_against_the_request():
    shape = openai_at(ELSEWHERE_URL, "qwen3", use_responses_api=True)
    kept = Shape(
        shape.type_name,
        shape.ls_provider,
        shape.class_id,
        shape.model,
        arguments=shape.arguments,
        params={"previous_response_id": "resp_1"},
    ).target()
    answer = [ToolMessage("18", tool_call_id="a")]
    assert kept.identified is False
    assert check(answer, kept.profile, kept.facts).effect is Effect.ACCEPT
    plain = shape.target()
    assert check(answer, plain.profile, plain.facts).effect is Effect.UNKNOWN


@real_integrations
def test_the_deployments_of_a_router_are_not_known_by_their_alias():
    shape = Shape(
        "LiteLLMRouter",
        "litellm",
        "langchain_litellm.chat_models.litellm_router.ChatLiteLLMRouter",
        "gpt-4o",
        arguments=None,
    )
    target = shape.target()
    history = [
        HumanMessage("?"),
        AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "a"}]),
        HumanMessage("?"),
    ]
    assert target.identified is False
    assert check(history, target.profile, target.facts).effect is Effect.UNKNOWN
