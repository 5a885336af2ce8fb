"""Under which profile the doctor says that a model is judged."""

from __future__ import annotations

import pytest
from langchain_core.callbacks import CallbackManager
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import RunnableLambda
from langchain_openai import AzureChatOpenAI, ChatOpenAI

from tests.diagnosis.looks import problems, texts
from tests.handler.models import CountingModel
from toolpair_observe import SettingsError, doctor, guard, instrument
from toolpair_observe.diagnosis import integrations, makers
from toolpair_observe.diagnosis.integrations import words_of
from toolpair_observe.pairing.facts import Facts
from toolpair_observe.pairing.providers.table import PROFILES

KEY = "sk-proj-hunter2"
TOOL = {"name": "look", "description": "Look.", "parameters": {"type": "object", "properties": {}}}


def models_of(*args, **kwargs):
    return texts(doctor(*args, **kwargs), "model")


def test_a_model_by_its_name_is_judged_without_a_key_of_its_own(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    (line,) = models_of("openai:gpt-5")

    assert line.startswith("openai:gpt-5: profile openai-chat, provider openai, model gpt-5")


def test_a_key_that_is_there_stays_and_is_not_shown(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    found = doctor("openai:gpt-5")

    assert KEY not in str(found) + str(found.to_dict())
    assert texts(found, "model", "ok")


def test_the_endpoint_of_the_environment_decides_as_it_does_for_the_application(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://user:{KEY}@vllm.internal/v1")

    found = doctor("openai:gpt-5")

    (line,) = texts(found, "model", "note")
    assert "not identified, so profile openai-compatible judges it" in line
    assert KEY not in str(found)


def test_what_cannot_be_made_is_a_problem_that_quotes_nothing(monkeypatch):
    monkeypatch.setenv("OPENAI_TIMEOUT", KEY)

    def refuse(_):
        raise ValueError(KEY)

    monkeypatch.setattr(makers._Maker, "__call__", lambda *_: refuse(_))
    found = doctor("openai:gpt-5")

    (line,) = texts(found, "model", "problem")
    assert "can't be made here (ValueError)" in line
    assert KEY not in str(found)


def test_an_integration_that_is_missing_is_a_problem_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setattr(makers, "installed", lambda _: None)

    assert texts(doctor("anthropic:claude-sonnet-5"), "model", "problem") == [
        "anthropic:claude-sonnet-5: langchain-anthropic is not installed -> "
        'pip install "langchain-anthropic"'
    ]


@pytest.mark.parametrize(
    "name", ["", "gpt-5", "openai:", ":gpt-5", "open ai:gpt-5", "x\n\x1b[1m:y"]
)
def test_another_form_is_refused(name):
    with pytest.raises(SettingsError, match="expected PROVIDER:NAME"):
        doctor(name)


def test_a_model_object_is_looked_at_with_what_is_bound_to_it():
    model = ChatOpenAI(model="gpt-5", api_key=KEY)

    assert models_of(model)[0].endswith("no tools bound")
    assert models_of(model.bind_tools([TOOL]))[0].endswith(" tools bound")


def test_every_member_of_fallbacks_is_looked_at():
    azure = AzureChatOpenAI(
        model="gpt-5",
        api_key=KEY,
        api_version="2024-10-21",
        azure_endpoint="https://a.openai.azure.com",
    )
    model = ChatOpenAI(model="gpt-5", api_key=KEY).with_fallbacks([azure])

    first, second = models_of(model)

    assert first.startswith("ChatOpenAI: profile openai-chat")
    assert second.startswith("AzureChatOpenAI: profile azure-openai-chat")


def test_a_model_that_brings_its_handler_along_needs_no_other(make_handler):
    guarded = guard(CountingModel(), make_handler("strict"))
    called_back = CountingModel(callbacks=[make_handler("strict")])

    assert problems(doctor(guarded)) == []
    assert problems(doctor(called_back)) == []


def test_a_model_that_is_not_identified_is_noted_with_what_strict_mode_does(make_handler):
    handler = make_handler("strict", profile="auto", block_unidentified=False)

    (line,) = texts(doctor(CountingModel(), handler=handler), "model", "note")

    assert "LangChain's own contract judges it" in line
    assert "does not hold it to that" in line


def test_the_operators_profile_is_taken_at_its_word(make_handler):
    handler = make_handler("strict", profile="anthropic")

    (line,) = texts(doctor(CountingModel(), handler=handler), "model", "ok")

    assert "profile anthropic" in line
    assert line.endswith("as profile= says (argument profile)")


@pytest.mark.parametrize("model", [object(), 5, RunnableLambda(str)])
def test_what_is_no_chat_model_is_refused(model):
    with pytest.raises(TypeError, match="needs a chat model"):
        doctor(model)


def test_the_rules_of_an_old_version_are_named():
    row = integrations.row_of(PROFILES["anthropic"], Facts(version="1.4.3"))

    assert words_of(row) == "(its rules for versions before 1.4.4)"


def test_an_installed_integration_has_a_line_with_its_profiles(monkeypatch):
    versions = {"langchain-anthropic": "1.4.3"}
    monkeypatch.setattr(integrations, "installed", versions.get)
    monkeypatch.setattr(integrations.metadata, "distributions", list)

    lines = texts(doctor(), "integrations")

    assert lines == ["langchain-anthropic 1.4.3: anthropic (its rules for versions before 1.4.4)"]


def test_an_integration_that_is_newer_than_any_that_was_tried_is_noted(monkeypatch):
    monkeypatch.setattr(integrations, "installed", {"langchain-groq": "99.0"}.get)
    monkeypatch.setattr(integrations.metadata, "distributions", list)

    (line,) = texts(doctor(), "integrations", "note")

    assert line.startswith("langchain-groq 99.0 is newer than ")
    assert 'pip install "langchain-groq<=' in line


def test_an_integration_without_a_profile_is_noted(monkeypatch):
    class Distribution:
        metadata = {"Name": "langchain_perplexity"}  # noqa: RUF012 - as the standard library has it
        version = "1.2.0"
        files = ("langchain_perplexity/chat_models.py",)

    monkeypatch.setattr(integrations, "installed", lambda _: None)
    monkeypatch.setattr(integrations.metadata, "distributions", lambda: [Distribution()])

    (line,) = texts(doctor(), "integrations", "note")

    assert line.startswith("langchain-perplexity 1.2.0 has no profile")


def test_no_integration_at_all_is_noted(monkeypatch):
    monkeypatch.setattr(integrations, "installed", lambda _: None)
    monkeypatch.setattr(integrations.metadata, "distributions", list)

    (line,) = texts(doctor(), "integrations", "note")

    assert line.startswith("no chat-model integration is installed here")


# The handlers that a model brings along


def plain(handler):
    return CountingModel(callbacks=[handler])


def in_a_manager(handler):
    return CountingModel(callbacks=CallbackManager(handlers=[handler]))


def in_a_config(handler):
    return CountingModel().with_config(callbacks=[handler])


def with_tools(handler):
    return in_a_config(handler).bind(tools=[TOOL]).with_retry()


def in_a_fallback(handler):
    return CountingModel().with_fallbacks([plain(handler)])


def before_a_parser(handler):
    return plain(handler) | StrOutputParser()


def behind_a_guard(handler):
    return guard(plain(handler), mode="observe")


@pytest.mark.parametrize(
    "made",
    [
        *(plain, in_a_manager, in_a_config, with_tools),
        *(in_a_fallback, before_a_parser, behind_a_guard),
    ],
)
def test_a_handler_of_the_model_is_found_wherever_it_stands(make_handler, made):
    found = doctor(made(make_handler("strict")))

    assert texts(found, "attached", "problem") == []
    (line,) = texts(found, "mode", "ok")
    assert line.startswith("strict (argument mode)")


def test_of_several_handlers_the_strictest_is_in_force_and_named(make_handler):
    model = CountingModel(callbacks=[make_handler("observe"), make_handler("strict")])

    found = doctor(model)

    assert texts(found, "mode", "ok") == [
        "strict (argument mode) of another handler of the model; the handler that reports has mode "
        "observe"
    ]
    assert len(texts(found, "attached", "ok")) == 2


def test_a_guard_is_no_weaker_than_the_process():
    instrument(mode="strict")

    (line,) = texts(doctor(guard(CountingModel(), mode="observe")), "mode", "ok")

    assert line.startswith("strict (argument mode) of the handler of this process, attached by ")
