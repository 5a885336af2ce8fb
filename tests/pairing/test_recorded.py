"""What a stored row tells of who was asked, and who judges it then."""

from __future__ import annotations

import sys

import pytest

from toolpair_observe.pairing.providers.bodies import on_wire
from toolpair_observe.pairing.providers.recorded import NO_ORIGIN, Origin, target_of_row
from toolpair_observe.pairing.providers.spellings import KNOWN, Protocol, known_as
from toolpair_observe.pairing.providers.table import PROFILES

CLAUDE = "claude-sonnet-4-5"
BEDROCK_CLAUDE = "us.anthropic.claude-sonnet-4-20250514-v1:0"
ARN = f"arn:aws:bedrock:us-east-1:1:inference-profile/{BEDROCK_CLAUDE}"
LLAMA = "meta.llama3-1-70b-instruct-v1:0"
NOVA = "us.amazon.nova-2-lite-v1:0"
GEMINI = "gemini-2.5-pro"


def told(origin: Origin, *, wire: bool = True) -> tuple[str, str, bool]:
    target = target_of_row(origin, on_wire=wire)
    return target.profile.name, target.provider, target.identified


# --- names ---------------------------------------------------------------------------------------

NAMES = {
    "openai": ("openai-chat", "openai"),
    "OpenAI": ("openai-chat", "openai"),
    "openai.chat": ("openai-chat", "openai"),
    "openai.responses": ("openai-responses", "openai"),
    "openai-responses": ("openai-responses", "openai"),
    "azure": ("azure-openai-chat", "azure.ai.openai"),
    "azure_openai": ("azure-openai-chat", "azure.ai.openai"),
    "az.ai.openai": ("azure-openai-chat", "azure.ai.openai"),
    "azure.ai.openai": ("azure-openai-chat", "azure.ai.openai"),
    "azure-openai.responses": ("openai-responses", "azure.ai.openai"),
    "amazon_bedrock": ("bedrock-converse", "aws.bedrock"),
    "amazon-bedrock": ("bedrock-converse", "aws.bedrock"),
    "aws.bedrock": ("bedrock-converse", "aws.bedrock"),
    "bedrock": ("bedrock-converse", "aws.bedrock"),
    "bedrock_converse": ("bedrock-converse", "aws.bedrock"),
    "anthropic": ("anthropic", "anthropic"),
    "anthropic.messages": ("anthropic", "anthropic"),
    "gcp.gemini": ("google-genai", "gcp.gemini"),
    "gcp.gen_ai": ("google-genai", "gcp.gemini"),
    "google": ("google-genai", "gcp.gemini"),
    "google_genai": ("google-genai", "gcp.gemini"),
    "google-gla": ("google-genai", "gcp.gemini"),
    "google.generative-ai": ("google-genai", "gcp.gemini"),
    "gemini": ("google-genai", "gcp.gemini"),
    "gcp.vertex_ai": ("google-vertexai", "gcp.vertex_ai"),
    "vertex_ai": ("google-vertexai", "gcp.vertex_ai"),
    "google-vertex": ("google-vertexai", "gcp.vertex_ai"),
    "google.vertex.chat": ("google-vertexai", "gcp.vertex_ai"),
    "anthropicvertex": ("anthropic-vertex", "gcp.vertex_ai"),
    "mistral": ("mistral", "mistral_ai"),
    "mistral_ai": ("mistral", "mistral_ai"),
    "mistralai": ("mistral", "mistral_ai"),
    "xai": ("xai", "x_ai"),
    "x_ai": ("xai", "x_ai"),
    "cohere_chat": ("cohere", "cohere"),
    "groq": ("groq", "groq"),
    "deepseek": ("deepseek", "deepseek"),
    "together_ai": ("together", "together"),
    "fireworks_ai": ("fireworks", "fireworks"),
    "nvidia_nim": ("nvidia", "nvidia"),
    "hosted_vllm": ("openai-compatible", "hosted_vllm"),
    "perplexity": ("openai-compatible", "perplexity"),
    "bedrock-converse-other": ("bedrock-converse-other", "aws.bedrock"),
    "nobody in particular": ("contract", "nobody in particular"),
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items(), ids=list(NAMES))
@pytest.mark.parametrize("wire", [True, False])
def test_a_provider_is_known_in_any_spelling(name, expected, wire):
    assert told(Origin(provider=name), wire=wire)[:2] == expected


def test_no_two_providers_share_a_spelling():
    spellings = [spelling for known in KNOWN for spelling in known.spellings.split()]
    assert len(spellings) == len(set(spellings))


def test_every_provider_is_judged_by_a_profile_of_the_table():
    names = {known.profile for known in KNOWN}
    names |= {name for known in KNOWN for name in known.others.values()}
    assert names <= PROFILES.keys()


@pytest.mark.parametrize("name", sorted(set(PROFILES) - {"contract"}))
def test_the_name_of_a_profile_names_it(name):
    assert told(Origin(provider=name))[0] == name


def test_a_spelling_with_an_api_tells_it():
    assert known_as("xai.responses")[1] is Protocol.RESPONSES


# --- captured bodies -----------------------------------------------------------------------------

OPENAI = "https://api.openai.com/v1"
AWS = "https://bedrock-runtime.us-east-1.amazonaws.com/model"
VERTEX = "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers"
GOOGLE = "https://generativelanguage.googleapis.com/v1beta"

URLS = {
    f"{OPENAI}/chat/completions": ("openai-chat", "openai", True),
    f"{OPENAI}/responses": ("openai-responses", "openai", True),
    "api.openai.com": ("openai-chat", "openai", False),
    "https://x.openai.azure.com/openai/deployments/gpt-5-nano/chat/completions?api-version=1": (
        "azure-openai-chat",
        "azure.ai.openai",
        True,
    ),
    "https://x.openai.azure.com/openai/v1/responses": ("openai-responses", "azure.ai.openai", True),
    "https://api.anthropic.com/v1/messages": ("anthropic", "anthropic", True),
    "api.anthropic.com": ("anthropic", "anthropic", True),
    "https://api.anthropic.com/v1/chat/completions": ("openai-compatible", "anthropic", False),
    f"{GOOGLE}/models/gemini-2.5-flash:generateContent": ("google-genai", "gcp.gemini", True),
    f"{GOOGLE}/openai/chat/completions": ("openai-compatible", "gcp.gemini", False),
    f"{VERTEX}/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse": (
        "google-vertexai",
        "gcp.vertex_ai",
        True,
    ),
    f"{VERTEX}/anthropic/models/claude-sonnet-4:rawPredict": (
        "anthropic-vertex",
        "gcp.vertex_ai",
        True,
    ),
    f"{AWS}/us.anthropic.claude-sonnet-4-6/converse": ("bedrock-converse", "aws.bedrock", True),
    f"{AWS}/us.amazon.nova-2-lite-v1%3A0/converse-stream": (
        "bedrock-converse-other",
        "aws.bedrock",
        True,
    ),
    f"{AWS}/{ARN.replace('/', '%2F')}/converse": ("bedrock-converse", "aws.bedrock", True),
    f"{AWS}/anthropic.claude-3-haiku-20240307-v1%3A0/invoke": (
        "bedrock-invoke",
        "aws.bedrock",
        True,
    ),
    f"{AWS}/meta.llama3/invoke": ("contract", "aws.bedrock", False),
    "https://api.groq.com/openai/v1/chat/completions": ("groq", "groq", True),
    "https://api.mistral.ai/v1/chat/completions": ("mistral", "mistral_ai", True),
    "https://api.deepseek.com/chat/completions": ("deepseek", "deepseek", True),
    "https://api.x.ai/v1/chat/completions": ("xai", "x_ai", True),
    "https://api.x.ai/v1/responses": ("contract", "x_ai", False),
    "https://api.cohere.com/v2/chat": ("cohere", "cohere", True),
    "https://api.cohere.com/v1/chat": ("contract", "cohere", False),
    "https://openrouter.ai/api/v1/chat/completions": ("openrouter", "openrouter", True),
    "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions": (
        "dashscope",
        "dashscope",
        True,
    ),
    "http://127.0.0.1:8000/v1/chat/completions": ("openai-compatible", "", False),
    "http://127.0.0.1:8000/v1/responses": ("contract", "", False),
    "http://127.0.0.1:11434/api/chat": ("ollama", "ollama", True),
    # As a batch of OpenAI's writes it.
    "/v1/chat/completions": ("openai-chat", "openai", True),
    "/v1/responses": ("openai-responses", "openai", True),
}


@pytest.mark.parametrize(("url", "expected"), URLS.items(), ids=list(URLS))
def test_a_url_tells(url, expected):
    assert told(Origin(url=url)) == expected


BODIES = {
    "chat, whoever served it": (
        Origin(api="chat", model="gpt-4o"),
        ("openai-compatible", "", False),
    ),
    "chat, nothing else": (Origin(api="chat"), ("contract", "", False)),
    "chat of a known provider": (
        Origin(api="chat", model="gpt-4o", provider="openai"),
        ("openai-chat", "openai", True),
    ),
    "OpenAI, by an API that is not told": (
        Origin(model="gpt-4o", provider="openai"),
        ("openai-chat", "openai", False),
    ),
    "OpenAI's client before another's model": (
        Origin(model="qwen3", provider="openai"),
        ("openai-compatible", "", False),
    ),
    "OpenAI's client before another host": (
        Origin(provider="openai", url="http://127.0.0.1:8000/v1/chat/completions"),
        ("openai-compatible", "", False),
    ),
    "a model of Responses alone": (
        Origin(model="gpt-5-pro", provider="openai"),
        ("openai-responses", "openai", True),
    ),
    "a batch of another's model": (
        Origin(url="/v1/chat/completions", api="chat", model="llama-3.3-70b"),
        ("openai-compatible", "", False),
    ),
    "responses": (Origin(api="responses", model="gpt-5"), ("openai-responses", "openai", True)),
    "responses, no model": (Origin(api="responses"), ("openai-responses", "openai", False)),
    "messages": (Origin(api="messages", model=CLAUDE), ("anthropic", "anthropic", True)),
    "messages, no model": (Origin(api="messages"), ("anthropic", "anthropic", False)),
    "messages of another's model": (
        Origin(api="messages", model="kimi-k2"),
        ("contract", "", False),
    ),
    "messages at another host": (
        Origin(model=CLAUDE, url="http://127.0.0.1:8000/v1/messages"),
        ("anthropic", "anthropic", False),
    ),
    "messages at DeepSeek's": (
        Origin(api="messages", provider="deepseek"),
        ("contract", "deepseek", False),
    ),
    "contents": (Origin(api="generate_content"), ("google-genai", "gcp.gemini", False)),
    "contents with a model": (
        Origin(api="generate_content", model=GEMINI),
        ("google-genai", "gcp.gemini", True),
    ),
    "converse": (Origin(api="converse"), ("bedrock-converse", "aws.bedrock", False)),
    "converse, Claude": (
        Origin(api="converse", model=BEDROCK_CLAUDE),
        ("bedrock-converse", "aws.bedrock", True),
    ),
    "converse, a profile's ARN": (
        Origin(api="converse", model=ARN),
        ("bedrock-converse", "aws.bedrock", True),
    ),
    "converse, Llama": (
        Origin(api="converse", model=LLAMA),
        ("bedrock-converse-other", "aws.bedrock", True),
    ),
    "invoke, Claude's body without a model": (
        Origin(api="invoke", provider="bedrock"),
        ("bedrock-invoke", "aws.bedrock", False),
    ),
    "invoke, somebody's": (Origin(api="invoke"), ("contract", "aws.bedrock", False)),
    "Claude on Vertex": (
        Origin(provider="vertex_ai", model="claude-sonnet-4@20250514"),
        ("anthropic-vertex", "gcp.vertex_ai", True),
    ),
    "Claude's body on Vertex": (
        Origin(provider="google_vertexai", api="messages"),
        ("anthropic-vertex", "gcp.vertex_ai", True),
    ),
    "a log in OpenAI's form": (
        Origin(provider="gemini", api="chat", model="gemini/gemini-2.5-pro"),
        ("google-genai", "gcp.gemini", True),
    ),
    "another provider's Responses": (
        Origin(provider="bedrock", api="openai-responses"),
        ("contract", "aws.bedrock", False),
    ),
    "DeepSeek's Responses": (
        Origin(provider="deepseek", api="openai-responses"),
        ("deepseek", "deepseek", True),
    ),
    "Ollama in OpenAI's form": (
        Origin(provider="ollama", api="openai-chat"),
        ("openai-compatible", "ollama", False),
    ),
    "Cohere's first API": (
        Origin(provider="cohere", api="cohere-v1"),
        ("contract", "cohere", False),
    ),
    "a model alone": (Origin(model="gpt-4o"), ("openai-compatible", "", False)),
    "Claude alone": (Origin(model=CLAUDE), ("anthropic", "anthropic", False)),
    "a model id of Bedrock's": (
        Origin(model=NOVA),
        ("bedrock-converse-other", "aws.bedrock", False),
    ),
    "a run that LangSmith's own wrapper made": (
        Origin(metadata={"ls_provider": "openai", "ls_model_name": "gpt-4o"}, api="chat"),
        ("openai-chat", "openai", True),
    ),
}


@pytest.mark.parametrize(("origin", "expected"), BODIES.values(), ids=list(BODIES))
def test_who_judges_a_captured_body(origin, expected):
    assert told(origin) == expected


def test_a_body_is_judged_by_the_provider_alone():
    target = target_of_row(Origin(provider="anthropic"), on_wire=True)
    assert target.profile is on_wire(PROFILES["anthropic"])


# --- before the integration ----------------------------------------------------------------------


def metadata(provider: str, model: str = "", **versions: str) -> Origin:
    told_versions = {name.replace("_", "-"): version for name, version in versions.items()}
    return Origin(
        metadata={"ls_provider": provider, "ls_model_name": model, "lc_versions": told_versions}
    )


def of_class(path: str, type_name: str, provider: str, **arguments: object) -> Origin:
    return Origin(
        serialized={"id": path.split("."), "kwargs": arguments},
        metadata={"ls_provider": provider},
        params={"_type": type_name, "model": arguments.get("model", "gpt-4o")},
    )


CHAT_OPENAI = ("langchain.chat_models.openai.ChatOpenAI", "openai-chat", "openai")

LANGCHAIN = {
    "ChatOpenAI": (of_class(*CHAT_OPENAI), ("openai-chat", "openai", True)),
    "ChatOpenAI on Responses": (
        of_class(*CHAT_OPENAI, use_responses_api=True),
        ("openai-responses", "openai", True),
    ),
    "ChatOpenAI, whose answer tells Responses": (
        Origin(
            metadata={"ls_provider": "openai"},
            params={"_type": "openai-chat", "model": "gpt-4o"},
            api="responses",
        ),
        ("openai-responses", "openai", True),
    ),
    "ChatOpenAI elsewhere": (
        of_class(*CHAT_OPENAI, openai_api_base="http://127.0.0.1:8000/v1"),
        ("openai-compatible", "", False),
    ),
    "AzureChatOpenAI, of which the row shows no endpoint": (
        Origin(
            metadata={"ls_provider": "azure", "ls_model_name": "my-deployment"},
            params={"_type": "azure-openai-chat"},
        ),
        ("azure-openai-chat", "azure.ai.openai", True),
    ),
    "the same, answered by Responses": (
        Origin(
            metadata={"ls_provider": "azure", "ls_model_name": "my-deployment"},
            params={"_type": "azure-openai-chat"},
            api="responses",
        ),
        ("openai-responses", "azure.ai.openai", True),
    ),
    "the same, of a model of somebody else's": (
        Origin(
            metadata={"ls_provider": "azure", "ls_model_name": "qwen3"},
            params={"_type": "azure-openai-chat"},
        ),
        ("openai-compatible", "", False),
    ),
    "a class that borrows a name": (
        Origin(metadata={"ls_provider": "mistral"}, params={"_type": "their-chat"}),
        ("contract", "mistral_ai", False),
    ),
    "openai": (metadata("openai", "gpt-4o"), ("openai-chat", "openai", False)),
    "openai elsewhere": (metadata("openai", "qwen3"), ("openai-compatible", "", False)),
    "azure deployment": (
        metadata("azure", "my-deployment"),
        ("azure-openai-chat", "azure.ai.openai", False),
    ),
    "anthropic": (metadata("anthropic", CLAUDE), ("anthropic", "anthropic", True)),
    "google_genai": (metadata("google_genai", GEMINI), ("google-genai", "gcp.gemini", True)),
    "google_vertexai": (
        metadata("google_vertexai", GEMINI),
        ("google-vertexai", "gcp.vertex_ai", True),
    ),
    "google_vertexai through the older class": (
        metadata("google_vertexai", GEMINI, langchain_google_vertexai="3.2.5"),
        ("google-vertexai", "gcp.vertex_ai", True),
    ),
    "google_vertexai through the newer class": (
        metadata("google_vertexai", GEMINI, langchain_google_genai="4.4.2"),
        ("google-genai", "gcp.vertex_ai", True),
    ),
    "amazon_bedrock": (
        metadata("amazon_bedrock", BEDROCK_CLAUDE),
        ("bedrock-converse", "aws.bedrock", True),
    ),
    "amazon_bedrock, Nova": (
        metadata("amazon_bedrock", NOVA),
        ("bedrock-converse-other", "aws.bedrock", True),
    ),
    "a model alone": (Origin(model="gpt-4o"), ("openai-chat", "openai", False)),
    "a model of anybody's": (Origin(model="qwen3"), ("contract", "", False)),
    "an agent's state": (
        Origin(provider="openai", api="chat", model="gpt-4o"),
        ("openai-chat", "openai", True),
    ),
    "nothing": (NO_ORIGIN, ("contract", "", False)),
}


@pytest.mark.parametrize(("origin", "expected"), LANGCHAIN.values(), ids=list(LANGCHAIN))
def test_who_judges_what_langchain_was_given(origin, expected):
    assert told(origin, wire=False) == expected


def test_versions_are_the_rows_alone():
    row = of_class("langchain.chat_models.anthropic.ChatAnthropic", "anthropic-chat", "anthropic")
    assert target_of_row(row, on_wire=False).facts.version is None
    told_too = Origin(
        params=row.params, metadata=row.metadata, versions={"langchain-anthropic": "1.4.3"}
    )
    assert target_of_row(told_too, on_wire=False).facts.version == "1.4.3"
    by_name = metadata("anthropic", CLAUDE, langchain_anthropic="1.4.3")
    assert target_of_row(by_name, on_wire=False).facts.version == "1.4.3"


def test_this_machines_variables_say_nothing_of_a_stored_row(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")
    assert told(of_class(*CHAT_OPENAI), wire=False) == ("openai-chat", "openai", True)


def test_this_process_s_litellm_says_nothing_of_a_stored_row(monkeypatch):
    class LiteLLM:
        modify_params = True
        use_litellm_proxy = True

    monkeypatch.setitem(sys.modules, "litellm", LiteLLM)
    row = Origin(
        params={"_type": "litellm-chat", "model": "gpt-4o"}, metadata={"ls_provider": "litellm"}
    )
    target = target_of_row(row, on_wire=False)
    assert (target.profile, target.identified) == (PROFILES["litellm"], True)


# --- facts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("wire", [True, False])
@pytest.mark.parametrize(
    "origin",
    [
        Origin(provider="openai", server_state=True),
        Origin(provider="openai", params={"previous_response_id": "resp_1"}),
        Origin(provider="openai", params={"_type": "openai-chat", "conversation": "conv_1"}),
    ],
)
def test_turns_that_the_provider_keeps_are_known(origin, wire):
    assert target_of_row(origin, on_wire=wire).facts.server_state


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (Origin(), True),
        (Origin(tools_bound=False), False),
        (Origin(params={"temperature": 0}), True),
        (Origin(params={"_type": "amazon_bedrock_converse_chat"}), False),
        (Origin(params={"_type": "amazon_bedrock_converse_chat"}, tools_bound=True), True),
    ],
)
def test_tools_are_unbound_only_where_the_row_says_so(origin, expected):
    assert target_of_row(origin, on_wire=False).facts.tools_bound is expected


@pytest.mark.parametrize("wire", [True, False])
def test_a_row_that_tells_nothing_is_judged_as_one_without_an_origin(wire):
    assert target_of_row(Origin(), on_wire=wire) == target_of_row(NO_ORIGIN, on_wire=wire)


def test_rows_of_one_origin_share_a_target():
    first = target_of_row(Origin(provider="openai", model="gpt-4o"), on_wire=True)
    assert target_of_row(Origin(provider="openai", model="gpt-4o"), on_wire=True) is first


HOSTILE = [None, 1, "text", [], {}, {"id": {}}, {"lc_versions": 3}, {"_type": [], "model": {}}]


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
@pytest.mark.parametrize("wire", [True, False])
def test_nothing_of_the_wrong_type_is_taken(value, wire):
    origin = Origin(
        serialized=value,
        metadata=value,
        params=value,
        provider=value,
        api=value,
        model=value,
        url=value,
        versions=value,
    )
    target = target_of_row(origin, on_wire=wire)
    assert target.profile.name in PROFILES
