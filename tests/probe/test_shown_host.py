"""The host that a call shows, by which a measured profile knows whom it holds for."""

from __future__ import annotations

import pytest
from langchain_openai import AzureChatOpenAI, ChatOpenAI
from pydantic import SecretStr

from tests.probe.samples import MODEL, today
from toolpair_observe.pairing.providers.identify import HERE
from toolpair_observe.pairing.providers.integration import ModelCall
from toolpair_observe.pairing.providers.measured import Measured
from toolpair_observe.pairing.providers.models import told_of
from toolpair_observe.pairing.providers.recorded import Origin, is_told_elsewhere
from toolpair_observe.pairing.providers.shown_host import host_shown, is_same_host, place_of

KEY = SecretStr("none")


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_URL"):
        monkeypatch.delenv(name, raising=False)


def shown(model):
    told = told_of(model)
    arguments = told.serialized.get("kwargs", {})
    sources = (told.serialized, arguments, told.metadata, told.invocation_params, {}, *HERE)
    return host_shown(ModelCall(sources))


PLACES = {
    "http://localhost:8000/v1": "localhost:8000",
    "HTTP://Model.Example:80/v1": "model.example",
    "https://model.example:443": "model.example",
    "https://model.example:80/": "model.example:80",
    "http://user:pass:word@model.example:8000/v1?key=secret": "model.example:8000",
    "https://model.example?key=secret@elsewhere:1/x": "model.example",
    "https://model.example./v1": "model.example",
    "model.example:8000": "model.example:8000",
    "model.example": "model.example",
    "http://[::1]:8000/v1": "[::1]:8000",
    "http://[::1]/v1": "[::1]",
    "/v1/chat/completions": "?",
    "http://": "?",
}


@pytest.mark.parametrize("url", PLACES)
def test_a_url_shows_its_host_with_a_port_that_is_not_its_schemes_own(url):
    assert place_of(url) == PLACES[url]


def test_an_argument_shows_the_host():
    model = ChatOpenAI(model=MODEL, api_key=KEY, base_url="http://user:pass@Localhost:8000/v1")

    assert shown(model) == "localhost:8000"


def test_a_variable_that_the_client_reads_shows_it_where_no_argument_does(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8001/v1")

    assert shown(ChatOpenAI(model=MODEL, api_key=KEY)) == "localhost:8001"
    url = "http://localhost:8000/v1"
    assert shown(ChatOpenAI(model=MODEL, api_key=KEY, base_url=url)) == "localhost:8000"


def test_a_variable_of_another_client_shows_nothing(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://localhost:8001")

    assert not shown(ChatOpenAI(model=MODEL, api_key=KEY))


def test_an_azure_endpoint_shows_it():
    model = AzureChatOpenAI(
        azure_endpoint="https://house.openai.azure.com/",
        azure_deployment=MODEL,
        api_version="2024-10-21",
        api_key=KEY,
    )

    assert shown(model) == "house.openai.azure.com"


def test_a_class_that_always_shows_its_own_url_shows_the_default_host():
    anthropic = pytest.importorskip("langchain_anthropic")
    host = shown(anthropic.ChatAnthropic(model="claude-x", api_key=KEY))

    assert host == "api.anthropic.com"
    assert is_same_host(host, "", "anthropic-chat")
    assert not is_same_host(host, "", "openai-chat")


def test_a_url_of_the_default_is_the_same_as_none():
    model = ChatOpenAI(model=MODEL, api_key=KEY, base_url="https://api.openai.com/v1")

    assert is_same_host(shown(model), shown(ChatOpenAI(model=MODEL, api_key=KEY)), "openai-chat")


MEASURED = Measured("localhost:8000", MODEL, "openai-chat", today())
CLASS = {"id": ["langchain", "chat_models", "openai", "ChatOpenAI"]}
OWN = [
    Origin(),
    Origin(model=MODEL, url="http://LOCALHOST:8000/v1/chat/completions"),
    Origin(url="/v1/chat/completions"),
    Origin(metadata={"ls_model_name": MODEL}),
    Origin(serialized={**CLASS, "kwargs": {"openai_api_base": "http://localhost:8000/v1"}}),
]
OTHERS = [
    Origin(model="gpt-4o"),
    Origin(metadata={"ls_model_name": "gpt-4o"}),
    Origin(params={"model": "gpt-4o"}),
    Origin(model=MODEL, url="http://localhost:8001/v1/chat/completions"),
    Origin(serialized={**CLASS, "kwargs": {"openai_api_base": "http://localhost:8001/v1"}}),
]


@pytest.mark.parametrize("origin", OWN)
def test_a_row_that_tells_the_same_or_nothing_is_no_other(origin):
    assert not is_told_elsewhere(origin, MEASURED)


@pytest.mark.parametrize("origin", OTHERS)
def test_a_row_that_tells_another_host_or_model_is_another(origin):
    assert is_told_elsewhere(origin, MEASURED)
