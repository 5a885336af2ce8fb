"""The form of a block is that of the real client's 400, for every integration.

Each client is refused by a server of this machine; what it raises is compared, attribute by
attribute, with the form that a block takes under the profile.
"""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from tests.loopback.server import LoopbackHandler, LoopbackServer
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.refusals.client_errors import _FORMS, Answer, client_error

from .recorders import ENVIRONMENT, INTEGRATIONS, Integration

WORDS = "messages 1 and 2 do not pair: call_1"
OPENAI = {
    "error": {"message": WORDS, "type": "invalid_request_error", "param": "messages", "code": None}
}
ANTHROPIC = {"type": "error", "error": {"type": "invalid_request_error", "message": WORDS}}
GOOGLE = {"error": {"code": 400, "message": WORDS, "status": "INVALID_ARGUMENT"}}
BODIES: dict[str, dict[str, Any]] = {
    "openai-responses": {"error": {**OPENAI["error"], "param": "input"}},
    "groq": {"error": {"message": WORDS, "type": "invalid_request_error"}},
    "fireworks": {"error": {"message": WORDS, "type": "invalid_request_error"}},
    "huggingface": {"error": WORDS},
    "nvidia": {"detail": WORDS},
    "mistral": {"object": "error", **OPENAI["error"], "param": None},
    "openrouter": {"error": {"code": 400, "message": WORDS}},
    "cohere": {"message": WORDS},
    "ollama": {"error": WORDS},
    "anthropic": ANTHROPIC,
    "anthropic-vertex": ANTHROPIC,
    "google-genai": GOOGLE,
    "google-vertexai": GOOGLE,
    "bedrock-converse": {"message": WORDS},
    "bedrock-converse-other": {"message": WORDS},
    "bedrock-invoke": {"message": WORDS},
}
# What a program may ask of a block that the client's own error does not have.
BEYOND_THE_CLIENT = {"body", "status_code"}
ONE_OF_EACH = {each.profile: each for each in reversed(INTEGRATIONS.values()) if each.profile}


class _Refusing(LoopbackHandler):
    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        self.read_body()
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": "ValidationException"}
        self.send(400, json.dumps(self.server.owner.body).encode(), headers)


class RefusingServer(LoopbackServer):
    """Refuses everything with the body of one provider."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(_Refusing)
        self.body = body


def refused_by(integration: Integration) -> Exception:
    """Return what the client raises."""
    with (
        RefusingServer(BODIES.get(integration.profile, OPENAI)) as server,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            integration.build(server.url).invoke([HumanMessage("Hi.")], **integration.options)
        except Exception as error:  # noqa: BLE001
            return error
    msg = "the client took a refusal for an answer"
    raise AssertionError(msg)


def says_the_same(ours: Any, real: Any) -> bool:
    """Whether the client's own value is ours, as far as ours is known."""
    if isinstance(ours, Answer):
        return (ours.status_code, ours.json()) == (real.status_code, real.json())
    if isinstance(ours, dict) and isinstance(real, dict):
        return all(key in real and says_the_same(ours[key], real[key]) for key in ours)
    if isinstance(ours, str) and WORDS in ours:
        return WORDS in real
    return ours is None or ours in ({}, 0) or ours == real


@pytest.mark.parametrize("profile", ONE_OF_EACH)
def test_a_block_has_what_the_client_gives_its_error(monkeypatch, profile):
    integration = ONE_OF_EACH[profile]
    if not integration.version:
        pytest.skip(f"{integration.package} is not installed")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    form = client_error(profile, WORDS)
    real = refused_by(integration)
    # LangChain wraps Google's, and keeps it as the cause.
    bearers = [each for each in (real, real.__cause__) if each is not None]
    for name, value in form.attributes.items():
        found = [getattr(each, name) for each in bearers if hasattr(each, name)]
        if found or name not in BEYOND_THE_CLIENT:
            assert says_the_same(value, found[0]), name


@pytest.mark.parametrize("profile", ONE_OF_EACH)
def test_a_block_quotes_what_the_client_would_say(monkeypatch, profile):
    integration = ONE_OF_EACH[profile]
    if not integration.version:
        pytest.skip(f"{integration.package} is not installed")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    said, ours = str(refused_by(integration)), client_error(profile, WORDS).text
    assert WORDS in ours
    assert WORDS in said
    first_word = ours.partition(" ")[0]
    assert first_word in said or ours.startswith(WORDS)


def test_every_form_belongs_to_a_profile():
    assert set(_FORMS) <= set(PROFILES)
