"""An endpoint without a network: what answers each probe stands in a table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from toolpair_observe.pairing.providers.by_name import profile_named
from toolpair_observe.probing import probe as probing
from toolpair_observe.probing.measurement import Answer, Endpoint, Findings, Measurement, Verdict

WORDS = "No call was made for this result."
MODEL = RunnableLambda(lambda _: "never called")
ENDPOINT = Endpoint("llm.example.com:8000", "gpt-oss-20b", "openai-chat", "openai-compatible")


def subject(endpoint: Endpoint = ENDPOINT) -> Any:
    base = profile_named("openai-compatible")
    return SimpleNamespace(endpoint=endpoint, base=base, packages={"langchain-openai": "1.7"})


@dataclass
class Script:
    """What an endpoint answers, and what it was asked.

    Attributes:
        verdicts: What comes of each probe; `ACCEPT` where nothing is said. A text stops the asking,
            and an error is raised.
        words: The words of a refusal.
        asked: The probes that it was asked, in order.
        endpoint: Who is asked.
        options: How.
        counts: Whether it counts tokens.
        settled: The answers that change when it is asked more often in the end.
    """

    verdicts: dict[str, Verdict | str | Exception] = field(default_factory=dict)
    words: str = WORDS
    asked: list[str] = field(default_factory=list)
    endpoint: Endpoint = ENDPOINT
    options: Any = None
    counts: bool = True
    settled: dict[str, Verdict] = field(default_factory=dict)


class ScriptedAsker:
    """Answers by a script, with the members of `Asker`."""

    def __init__(self, script: Script, options: Any) -> None:
        self._script = script
        self._answers: dict[str, Answer] = {}
        self.why = ""
        script.options = options

    def ask(self, probe: Any) -> Answer:
        verdict = self._script.verdicts.get(probe.name, Verdict.ACCEPT)
        if isinstance(verdict, Exception):
            raise verdict
        if not isinstance(verdict, Verdict):
            self.why = verdict
            return Answer(probe.name, probe.history, Verdict.UNTOLD, times=0)
        self._script.asked.append(probe.name)
        text = self._script.words if verdict is Verdict.REJECT else ""
        self._answers[probe.name] = Answer(probe.name, probe.history, verdict, text, 2)
        return self._answers[probe.name]

    def settle(self) -> None:
        for name, verdict in self._script.settled.items():
            self._answers[name] = replace(self._answers[name], verdict=verdict)

    def asked(self) -> Any:
        return SimpleNamespace(
            answers=tuple(self._answers.values()),
            requests=2 * len(self._answers),
            input_tokens=200 * len(self._answers) if self._script.counts else None,
            why=self.why,
            sees_losses=self._script.counts,
        )


@pytest.fixture
def script(monkeypatch):
    """Every model's endpoint answers by this script."""
    script = Script()
    monkeypatch.setattr(probing, "subject_of", lambda model: subject(script.endpoint))
    monkeypatch.setattr(probing, "Asker", lambda subject, options: ScriptedAsker(script, options))
    return script


def measurement(*answers: Answer, findings: Findings | None = None, **more: Any) -> Measurement:
    """A measurement of these answers."""
    return Measurement(
        endpoint=more.get("endpoint", ENDPOINT),
        asked_on=date(2026, 12, 1),
        packages={"langchain-openai": "1.7"},
        requests=more.get("requests", 2 * len(answers)),
        input_tokens=more.get("input_tokens", 1_234),
        answers=answers,
        findings=findings or Findings(),
    )
