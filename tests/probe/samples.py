"""Measured profiles as files, and the histories on which they differ from all others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from openai import DefaultHttpxClient
from pydantic import SecretStr

from toolpair_observe.pairing.words import Effect
from toolpair_observe.probing.file import write_measurement
from toolpair_observe.probing.measurement import (
    Answer,
    Endpoint,
    Findings,
    LearnedMechanism,
    Measurement,
    Verdict,
)

if TYPE_CHECKING:
    from pathlib import Path

CALL = {"name": "get_weather", "args": {}, "id": "call_oslo"}
SOUND: list[BaseMessage] = [
    HumanMessage("What is the weather in Oslo?"),
    AIMessage("", tool_calls=[CALL]),
    ToolMessage("11 degrees", tool_call_id="call_oslo"),
]
HUMAN_AFTER: list[BaseMessage] = [*SOUND, HumanMessage("And in Bergen?")]
"""Every profile of the table takes it; the measured one of these tests says that it is refused."""
UNANSWERED: list[BaseMessage] = [*SOUND[:2], HumanMessage("And in Bergen?")]
"""The measured profile of these tests says that it is accepted."""

WORDS = "no user turn may follow a tool turn"
MODEL = "house-model"

# One for all: nobody closes those that the class makes itself.
_CLIENT = DefaultHttpxClient(trust_env=False)


def model_at(base_url: str, model: str = MODEL, **options: Any) -> ChatOpenAI:
    """Return the real client of an endpoint."""
    return ChatOpenAI(
        model=model,
        base_url=base_url,
        api_key=SecretStr("hunter4"),
        max_retries=0,
        http_client=_CLIENT,
        **options,
    )


def host_of(base_url: str) -> str:
    return base_url.removeprefix("http://").partition("/")[0]


def today() -> date:
    return datetime.now(UTC).date()


ENDPOINT = Endpoint("localhost:8000", MODEL, "openai-chat", "openai-compatible")
PROBE = "beyond/human_after_tool"
REFUSED = LearnedMechanism("no-human-after-result", Effect.REJECT, None, WORDS, (PROBE,))
FINDINGS = Findings({}, (REFUSED,), elsewhere=Effect.ACCEPT)
"""Of an endpoint that refuses nothing but a human message behind a result."""


def measured_file(
    folder: Path,
    host: str = ENDPOINT.host,
    *,
    endpoint: Endpoint = ENDPOINT,
    asked_on: date | None = None,
    findings: Findings = FINDINGS,
) -> str:
    """Write what such an endpoint answered and return the path."""
    measurement = Measurement(
        replace(endpoint, host=host),
        asked_on or today(),
        {"langchain-openai": "1.0.0"},
        requests=2,
        input_tokens=None,
        answers=(
            Answer("sound/one", "H A(x) T(x)", Verdict.ACCEPT),
            Answer(PROBE, "H A(x) T(x) H", Verdict.REJECT, WORDS),
        ),
        findings=findings,
    )
    path = folder / "toolpair-profile.toml"
    write_measurement(measurement, path)
    return str(path)
