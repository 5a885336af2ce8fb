"""Who judges: a name, a profile or a chat model, and what is said where it is none of these."""

from __future__ import annotations

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import ConfigurableField, RunnableLambda

from tests.cli.process import run_python
from toolpair_observe import SettingsError, ToolPairHandler, check_messages, guard, repair_messages
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.facts import Facts
from toolpair_observe.pairing.providers.identify import identify
from toolpair_observe.pairing.providers.models import target_of
from toolpair_observe.pairing.providers.names import _WORDS, did_you_mean
from toolpair_observe.pairing.providers.table import INTEGRATIONS, PROFILES

openai = pytest.importorskip("langchain_openai")

TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {}}}]
OPEN = [
    HumanMessage("How warm is it?"),
    AIMessage("", tool_calls=[{"name": "weather", "args": {}, "id": "call_1"}]),
    HumanMessage("And now?"),
]
SOUND = [*OPEN[:2], ToolMessage("7", tool_call_id="call_1")]


def new_model(**more):
    return openai.ChatOpenAI(model="gpt-4o", api_key="x", base_url="https://api.openai.com", **more)


WITH_TOOLS = {
    "bound": lambda model: model.bind_tools(TOOLS),
    "bound, with retries": lambda model: model.bind_tools(TOOLS).with_retry(),
    "bound behind config": lambda model: model.bind_tools(TOOLS).with_config(tags=["a"]),
    "bound, with fallbacks": lambda model: model.bind_tools(TOOLS).with_fallbacks([model]),
    "guarded": lambda model: guard(model.bind_tools(TOOLS)),
    "guarded, with tools": lambda model: guard(model).bind_tools(TOOLS).with_retry(),
}
WITHOUT_TOOLS = {
    "bare": lambda model: model,
    "with retries": lambda model: model.with_retry(),
    "with fallbacks": lambda model: model.with_fallbacks([GenericFakeChatModel(messages=iter(()))]),
    "with fields": lambda model: model.configurable_fields(model_name=ConfigurableField(id="m")),
    "guarded": guard,
}


@pytest.mark.parametrize("way", WITH_TOOLS)
def test_a_model_with_tools_bound_judges_and_tells_them(way):
    target = target_of(WITH_TOOLS[way](new_model()))

    assert (target.profile.name, target.identified) == ("openai-chat", True)
    assert (target.facts.tools_bound, target.facts.model) == (True, "gpt-4o")


@pytest.mark.parametrize("way", WITHOUT_TOOLS)
def test_a_model_without_tools_judges_as_one_that_has_none(way):
    target = target_of(WITHOUT_TOOLS[way](new_model()))

    assert (target.profile.name, target.facts.tools_bound) == ("openai-chat", False)


def test_a_model_that_is_made_from_its_config_is_the_default_one():
    make = pytest.importorskip("langchain.chat_models").init_chat_model
    configurable = make("openai:gpt-4o", configurable_fields=("model",), api_key="x")

    assert target_of(configurable).facts.tools_bound is False
    assert target_of(configurable.bind_tools(TOOLS)).facts.tools_bound is True
    assert target_of(make()) is None


@pytest.mark.parametrize(
    "model",
    [
        new_model(),
        new_model().bind_tools(TOOLS),
        new_model(use_responses_api=True),
        new_model(use_responses_api=True, use_previous_response_id=True).bind_tools(TOOLS),
        openai.ChatOpenAI(model="served", api_key="x", base_url="http://localhost:1"),
        GenericFakeChatModel(messages=iter(())),
    ],
    ids=["chat", "bound", "responses", "resuming", "compatible", "unidentified"],
)
def test_a_model_is_what_a_callback_is_told_of_its_request(model):
    recorder = Recorder()
    with pytest.raises(StoppedError):
        model.with_config(metadata={"team": "a"}).invoke(OPEN, {"callbacks": [recorder]})

    assert target_of(model) == identify(*recorder.told)


class StoppedError(Exception):
    """The request was stopped before it left."""


class Recorder(BaseCallbackHandler):
    """Stops a request, and keeps what identifies it."""

    raise_error = True

    def on_chat_model_start(self, serialized, messages, *, metadata, **kwargs):
        self.told = serialized, metadata, kwargs["invocation_params"]
        raise StoppedError


def test_a_keyword_beats_what_the_model_tells(monkeypatch):
    judged = []
    monkeypatch.setattr(
        "toolpair_observe.pairing.check_messages.check",
        lambda messages, profile, facts: judged.append(facts) or check(messages, profile, facts),
    )
    model = new_model()

    check_messages(SOUND, model)
    check_messages(SOUND, model, tools_bound=True, model="o3", integration_version="1.0")
    check_messages(SOUND, model.bind_tools(TOOLS), tools_bound=False, server_state=True)
    check_messages(SOUND, "openai-chat")

    version = target_of(model).facts.version
    assert judged == [
        Facts(tools_bound=False, version=version, model="gpt-4o"),
        Facts(tools_bound=True, version="1.0", model="o3"),
        Facts(tools_bound=False, server_state=True, version=version, model="gpt-4o"),
        Facts(),
    ]


def test_every_taker_of_a_profile_takes_a_model():
    model = new_model().bind_tools(TOOLS)

    assert check_messages(OPEN, model).profile == "openai-chat"
    assert repair_messages(OPEN, model).before.profile == "openai-chat"
    assert ToolPairHandler(profile=model).settings.profile is PROFILES["openai-chat"]


def test_a_model_that_is_not_identified_is_held_to_the_contract():
    unknown = GenericFakeChatModel(messages=iter(()))

    assert check_messages(OPEN, unknown).profile == "contract"
    assert ToolPairHandler(profile=unknown).settings.profile is PROFILES["contract"]


def test_langchains_models_are_imported_only_where_one_is_given():
    code = (
        "import sys, toolpair_observe as t\n"
        "t.ToolPairHandler(profile='openai-chat', feedback='off')\n"
        "t.check_messages([], 'openai-chat')\n"
        "print('langchain_core.language_models.chat_models' in sys.modules)"
    )

    assert run_python("-c", code).stdout.decode().strip() == "False"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (7, "an object of type int"),
        (object(), "an object of type object"),
        (openai.ChatOpenAI, "the class ChatOpenAI, not an instance of it"),
        (RunnableLambda(str) | new_model(), "an object of type RunnableSequence"),
    ],
    ids=["number", "object", "class", "chain"],
)
def test_what_can_not_judge_is_named_in_one_line(given, said):
    for taker in (check_messages, repair_messages):
        with pytest.raises(TypeError) as caught:
            taker(OPEN, given)
        assert str(caught.value).startswith(f"profile is {said}; expected the name of a profile")
        assert "\n" not in str(caught.value)
    with pytest.raises(SettingsError, match=r"^argument profile is .*; expected auto, one of"):
        ToolPairHandler(profile=given)


# --- Names ---------------------------------------------------------------------------------------

MEANT = {
    "openai": "openai-chat or openai-responses",
    "OpenAI-Chat": "openai-chat",
    "openai_responses": "openai-responses",
    "gpt-4o": "openai-chat or openai-responses",
    "ChatOpenAI": "openai-chat or openai-responses",
    "openia-chat": "openai-chat",
    "azure": "azure-openai-chat",
    "azure_openai": "azure-openai-chat",
    "claude": "anthropic",
    "claude-sonnet-4-5": "anthropic",
    "anthropic:claude-opus-4": "anthropic",
    "antropic": "anthropic",
    "gemini": "google-genai or google-vertexai",
    "google_genai": "google-genai",
    "google_vertexai": "google-vertexai",
    "vertex": "google-vertexai or anthropic-vertex",
    "google_anthropic_vertex": "anthropic-vertex",
    "bedrock": "bedrock-converse or bedrock-invoke",
    "aws": "bedrock-converse or bedrock-invoke",
    "mistralai": "mistral",
    "mistrel": "mistral",
    "x.ai": "xai",
    "grok-4": "xai",
    "command-r": "cohere",
    "vllm": "openai-compatible",
    "langchain": "contract",
}


@pytest.mark.parametrize("name", MEANT)
def test_a_name_that_none_has_gets_the_ones_that_were_meant(name):
    meant = f"did you mean {MEANT[name]}? "
    for taker in (check_messages, repair_messages):
        with pytest.raises(ValueError, match="no profile is called") as caught:
            taker(OPEN, name)
        assert f"; {meant}choose one of: contract, " in str(caught.value)
    if name.strip() not in PROFILES:
        with pytest.raises(SettingsError) as caught:
            ToolPairHandler(profile=name)
        assert f"; {meant}expected auto, one of contract, " in str(caught.value)


@pytest.mark.parametrize("name", ["zzz", "", "7", "☃"])
def test_nothing_is_suggested_where_nothing_is_near(name):
    with pytest.raises(ValueError, match=r"; choose one of: contract, ") as caught:
        check_messages(OPEN, name)
    assert "did you mean" not in str(caught.value)


def test_a_long_name_is_cut():
    with pytest.raises(ValueError, match="no profile") as caught:
        check_messages(OPEN, "x" * 1_000_000)
    assert len(str(caught.value)) < 1000


def test_every_suggestion_can_be_taken():
    assert {name for _, names in _WORDS for name in names} <= set(PROFILES)


def test_every_name_that_langchain_has_for_a_known_provider_leads_to_a_profile():
    names = {name for integration in INTEGRATIONS for name in integration.ls_providers}
    names |= {integration.class_id.rpartition(".")[2] for integration in INTEGRATIONS}

    assert [name for name in sorted(names) if not did_you_mean(name, PROFILES)] == []


@pytest.mark.parametrize("name", PROFILES)
def test_spelling_does_not_matter_for_a_suggestion(name):
    for spelled in (name.upper(), name.replace("-", "_"), name.replace("-", ""), f"{name} "):
        assert did_you_mean(spelled, PROFILES) == f"did you mean {name}? "
