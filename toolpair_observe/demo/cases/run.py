"""Send each case to the provider in both modes, and compare the predictions with the answers.

Only the provider is an imitation; `ChatOpenAI`, HTTP, the handler and its metrics are real.
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
    from toolpair_observe.option_values import Mode
    from toolpair_observe.pairing.report import PairingReport, Violation
    from toolpair_observe.pairing.words import ViolationKind

PROFILE: Final = "openai-chat"
BLOCK_ON: Final = (Effect.REJECT, Effect.LOCAL_ERROR)

_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """The provider's answer, as the client received it.

    Attributes:
        status: The HTTP status.
        text: The text of the error or of the model.
        kind: The pairing fault that the error names, None if it names none.
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
        report: The handler's report, None if it reported neither a near miss nor, after a refusal,
            an escape.
        blocked: Whether strict mode stopped the request.
        requests: How many requests arrived at the provider.
        answer: The provider's answer, None if nothing was sent.
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
        """The violations that the handler reported."""
        return self.report.violations if self.report else ()


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case in both modes."""

    scenario: Scenario
    observed: Attempt
    strict: Attempt

    @property
    def has_predicted_text(self) -> bool:
        """Whether the provider's error text is exactly the predicted one."""
        answer = self.observed.answer
        expected = {found.expected_error for found in self.observed.violations}
        return answer is not None and answer.text in expected

    def disagreements(self) -> list[str]:
        """Return the differences between prediction and answer; empty if they agree."""
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
        with _isolated():
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
        # The handler recognizes real endpoints; for a local one it needs the profile.
        profile=PROFILE,
        hash_ids=False,
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
        return ["observe mode did not send the request to the provider"]
    predicts_refusal = attempt.effect in BLOCK_ON
    if predicts_refusal and not answer.is_refusal:
        return [f"{attempt.effect} was predicted, but the provider answered"]
    if not predicts_refusal and answer.is_refusal:
        return [f"{attempt.effect} was predicted, but the provider refused"]
    if predicts_refusal and answer.kind not in {found.kind for found in attempt.violations}:
        named = answer.kind or "no pairing fault"
        return [f"the provider refused for a reason that was not predicted: it names {named}"]
    return []


def _strict_disagreements(attempt: Attempt) -> list[str]:
    if attempt.effect in BLOCK_ON:
        if not attempt.blocked:
            return ["strict mode allowed a request that it should have blocked"]
        if attempt.requests:
            return ["strict mode blocked, but a request was still sent"]
        return []
    if attempt.blocked:
        return ["strict mode blocked a request that it should have allowed"]
    if attempt.answer is not None and attempt.answer.is_refusal:
        return ["strict mode allowed a request that the provider refused"]
    return []


@contextmanager
def _isolated() -> Iterator[None]:
    """Keep traces from LangSmith, and the handler's log lines from the screen.

    The log lines repeat the demo's own output. Without a handler of its logger, logging's last
    resort would print them.
    """
    logger = logging.getLogger("toolpair_observe")
    silence = logging.NullHandler()
    logger.addHandler(silence)
    try:
        with tracing_context(enabled=False):
            yield
    finally:
        logger.removeHandler(silence)
