"""Send each case to the provider, in observe and in strict mode, and compare what was foretold.

Everything here is real but the provider: `ChatOpenAI`, the HTTP request, the handler, its metrics.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import openai
from langsmith import tracing_context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from toolpair_observe.attach.handler import ToolPairHandler
from toolpair_observe.demo.cases.metrics import MetricRow, read_metrics
from toolpair_observe.demo.loopback.client import loopback_model
from toolpair_observe.demo.loopback.provider import MODEL, LoopbackProvider
from toolpair_observe.errors import InvalidToolResultsError
from toolpair_observe.pairing.refusals.recognize import rejection_kind
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolpair_observe.demo.cases.scenarios import Scenario
    from toolpair_observe.observation import Observation
    from toolpair_observe.pairing.report import PairingReport, Violation
    from toolpair_observe.pairing.words import ViolationKind
    from toolpair_observe.settings import Mode

BLOCK_ON: Final = (Effect.REJECT, Effect.LOCAL_ERROR)

_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client got from the provider.

    Attributes:
        status: The HTTP status.
        text: The error's text, or what the model said.
        kind: The pairing fault that the error names, None where it names none.
    """

    status: int
    text: str
    kind: ViolationKind | None = None

    @property
    def is_refusal(self) -> bool:
        """Whether the provider answered with an error."""
        return self.status != _OK


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request in one mode.

    Attributes:
        report: What the handler reported, None where it reported neither a near miss nor, after
            a refusal, an escape.
        blocked: Whether strict mode stopped the request.
        requests: How many requests arrived at the provider.
        answer: What came back, None where nothing was sent.
    """

    report: PairingReport | None
    blocked: bool
    requests: int
    answer: Answer | None

    @property
    def effect(self) -> Effect:
        """The predicted effect."""
        return self.report.effect if self.report else Effect.CLEAN

    @property
    def violations(self) -> tuple[Violation, ...]:
        """What the handler found wrong."""
        return self.report.violations if self.report else ()


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case in both modes."""

    scenario: Scenario
    observed: Attempt
    strict: Attempt

    @property
    def says_it_word_for_word(self) -> bool:
        """Whether the provider used the very words that were predicted."""
        answer = self.observed.answer
        expected = {found.expected_error for found in self.observed.violations}
        return answer is not None and answer.text in expected

    def disagreements(self) -> list[str]:
        """Say where the prediction and what happened part; empty where they agree."""
        return [*_observed_disagreements(self.observed), *_strict_disagreements(self.strict)]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """All cases, and the metrics after the last of them."""

    cases: tuple[CaseResult, ...]
    metrics: tuple[MetricRow, ...]

    @property
    def agrees(self) -> bool:
        """Whether everything happened as predicted."""
        return not any(case.disagreements() for case in self.cases)


def run_demo(scenarios: Sequence[Scenario], provider: LoopbackProvider) -> DemoResult:
    """Send every case in both modes.

    Args:
        scenarios: The cases.
        provider: A running provider.
    """
    reader = InMemoryMetricReader()
    meter_provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    try:
        with _undisturbed():
            cases = tuple(
                CaseResult(
                    scenario,
                    observed=_attempt(scenario, "observe", provider, meter_provider),
                    strict=_attempt(scenario, "strict", provider, meter_provider),
                )
                for scenario in scenarios
            )
        return DemoResult(cases, read_metrics(reader))
    finally:
        meter_provider.shutdown()


def _attempt(
    scenario: Scenario, mode: Mode, provider: LoopbackProvider, meter_provider: MeterProvider
) -> Attempt:
    reports: list[PairingReport] = []

    def remember(observation: Observation) -> None:
        reports.append(observation.report)

    handler = ToolPairHandler(
        mode=mode,
        block_on=BLOCK_ON,
        # The handler recognizes real endpoints; of one on this machine it has to be told.
        profile="openai-chat",
        feedback="off",
        spans="off",
        meter_provider=meter_provider,
        on_near_miss=remember,
    )
    before = len(provider.requests)
    blocked, answer = False, None
    try:
        with loopback_model(MODEL, provider.base_url, handler) as model:
            answer = Answer(_OK, model.invoke(list(scenario.messages)).text)
    except InvalidToolResultsError:
        blocked = True
    except openai.APIStatusError as error:
        answer = Answer(error.status_code, _text_of(error), rejection_kind(error))
    finally:
        handler.close()
    return Attempt(
        report=reports[0] if reports else None,
        blocked=blocked,
        requests=len(provider.requests) - before,
        answer=answer,
    )


def _text_of(error: openai.APIStatusError) -> str:
    body = error.body
    return str(body["message"]) if isinstance(body, dict) and "message" in body else str(error)


def _observed_disagreements(attempt: Attempt) -> list[str]:
    answer = attempt.answer
    if answer is None:
        return ["observe mode kept the request from the provider"]
    foretold = attempt.effect in BLOCK_ON
    if foretold and not answer.is_refusal:
        return [f"{attempt.effect} was predicted, but the provider answered"]
    if not foretold and answer.is_refusal:
        return [f"{attempt.effect} was predicted, but the provider refused"]
    if foretold and answer.kind not in {found.kind for found in attempt.violations}:
        named = answer.kind or "no pairing fault"
        return [f"the provider refused for another reason than predicted: it names {named}"]
    return []


def _strict_disagreements(attempt: Attempt) -> list[str]:
    if attempt.effect in BLOCK_ON:
        if not attempt.blocked:
            return ["strict mode let a request pass that it had to block"]
        if attempt.requests:
            return ["strict mode blocked, but the provider was asked all the same"]
        return []
    if attempt.blocked:
        return ["strict mode blocked a request that it had to let pass"]
    if attempt.answer is not None and attempt.answer.is_refusal:
        return ["strict mode let pass what the provider refused"]
    return []


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the demo on this machine and its screen its own.

    No traces leave for LangSmith, and the handler's log lines, which repeat what the demo prints,
    are not printed by logging's last resort.
    """
    logger = logging.getLogger("toolpair_observe")
    silence = logging.NullHandler()
    logger.addHandler(silence)
    try:
        with tracing_context(enabled=False):
            yield
    finally:
        logger.removeHandler(silence)
