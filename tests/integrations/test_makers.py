"""Every model that `doctor --model` can make is made without a network, and identified."""

from __future__ import annotations

import socket

import pytest

from tests.diagnosis.looks import texts
from toolpair_observe import doctor
from toolpair_observe.diagnosis.makers import _MAKERS
from toolpair_observe.diagnosis.tried import installed

MODELS = {
    "anthropic_bedrock": "us.anthropic.claude-sonnet-4-20250514-v1:0",
    "bedrock": "anthropic.claude-sonnet-4-20250514-v1:0",
    "bedrock_converse": "anthropic.claude-sonnet-4-20250514-v1:0",
    "deepseek": "deepseek-chat",
    "mistralai": "mistral-large-latest",
    "nvidia": "meta/llama-3.1-8b-instruct",
    "openai": "gpt-5",
    "openrouter": "openai/gpt-5",
    "xai": "grok-4",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("provider", _MAKERS)
def test_it_is_made_without_a_network_and_identified(provider, monkeypatch):
    if installed(_MAKERS[provider].package) is None:
        pytest.skip(f"{_MAKERS[provider].package} is not installed")
    asked = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: asked.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: asked.append(address))

    found = doctor(f"{provider}:{MODELS.get(provider, 'a-model')}")

    (line,) = texts(found, "model", "ok")
    assert "profile " in line
    assert asked == []
