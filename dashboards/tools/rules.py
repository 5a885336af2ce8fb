"""The recording rules, and the alerts about requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from dashboards.tools import promql
from dashboards.tools.alert import (
    COUNT,
    CRITICAL,
    NEAR_MISS_REQUESTS,
    WARNING,
    Alert,
    Recording,
    Requests,
    on_span,
)
from dashboards.tools.hindsight_rules import HindsightRules, new_breaches
from dashboards.tools.promql import (
    CHECKS,
    COMPONENT,
    EFFECT,
    ERROR_TYPE,
    FEEDBACK,
    IN_FLIGHT,
    INTERNAL_ERRORS,
    MODEL,
    NEAR_MISSES,
    OUTCOME,
    OUTCOMES,
    PROVIDER,
    RESULT,
    Series,
    equals,
    events,
    one_of,
    rate,
    share,
    total,
)
from dashboards.tools.settings import Links, Objective, Windows
from dashboards.tools.thread_alerts import thread_alerts
from toolpair_observe import semconv
from toolpair_observe.pairing.words import Effect, Outcome

# Values of `deployment.environment.name` for processes that only developers use.
NOT_PRODUCTION: Final = "(?i)(dev|test|qa|ci|local|sandbox|stag|preprod|pre-prod).*"
_ENVIRONMENTS: Final = (
    promql.label("deployment.environment.name"),
    promql.label("deployment.environment"),  # the older name
)

NOT_PRODUCTION_JOBS: Final = "job:toolpair_not_production:info"

_BY_TARGET: Final = ("job", PROVIDER, MODEL)
_LEVEL: Final = "job_provider_model"
_DELIVERED: Final = "sent"

_PROVIDER_TEXT: Final = (
    f"{{{{ if $labels.{PROVIDER} }}}}{{{{ $labels.{PROVIDER} }}}}"
    "{{ else }}an unidentified provider{{ end }}"
)
_MODEL_TEXT: Final = (
    f"{{{{ if $labels.{MODEL} }}}}{{{{ $labels.{MODEL} }}}}{{{{ else }}}}?{{{{ end }}}}"
)
_TARGET: Final = f"{_PROVIDER_TEXT} (model {_MODEL_TEXT})"
_SHARE: Final = "{{ $value | humanizePercentage }}"


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules that Prometheus evaluates.

    Attributes:
        windows: The windows of the rules.
        objective: The objectives.
        links: The addresses in the alerts.
    """

    windows: Windows
    objective: Objective = field(default_factory=Objective)
    links: Links = field(default_factory=Links)

    def to_dict(self) -> dict[str, Any]:
        """Return the rule file."""
        return {
            "groups": [
                {
                    "name": "toolpair-recording",
                    "rules": [recording.rule() for recording in self.recordings()],
                },
                {
                    "name": "toolpair-alerts",
                    "rules": [alert.rule(self.links) for alert in self.alerts()],
                },
            ]
        }

    def recordings(self) -> list[Recording]:
        """Return the recording rules."""
        windows = self.windows
        shares = dict.fromkeys((*windows.fast, *windows.slow, windows.compared))
        return [
            *(self._share(window) for window in shares),
            self._usual_share(),
            *(self._count(window) for window in dict.fromkeys((*self._long(), windows.compared))),
            self._outcomes(),
            self._feedback(),
            self._internal_errors(),
            *self._hindsight().recordings(),
            self._not_production(),
        ]

    def _hindsight(self) -> HindsightRules:
        return HindsightRules(self.windows, self.objective)

    def _long(self) -> tuple[str, str]:
        return self.windows.fast[1], self.windows.slow[1]

    def _share(self, window: str) -> Recording:
        return Recording(
            f"job:toolpair_near_misses:ratio_rate{window}",
            share(total(rate(NEAR_MISSES, window), "job"), total(rate(CHECKS, window), "job")),
        )

    def _usual_share(self) -> Recording:
        usual, now = self.windows.usual, self.windows.compared
        return Recording(
            f"job:toolpair_near_misses:ratio_rate{usual}_offset{now}",
            share(
                total(rate(NEAR_MISSES, usual, now), "job"),
                total(rate(CHECKS, usual, now), "job"),
            ),
        )

    def _count(self, window: str) -> Recording:
        return Recording(
            f"job:toolpair_near_misses:increase{window}",
            total(events(NEAR_MISSES, window), "job"),
        )

    def _outcomes(self) -> Recording:
        return Recording(
            f"{_LEVEL}_outcome_effect:toolpair_outcomes:increase{self.windows.event}",
            total(events(OUTCOMES, self.windows.event), *_BY_TARGET, OUTCOME, EFFECT),
        )

    def _feedback(self) -> Recording:
        return Recording(
            f"job_result:toolpair_feedback_submissions:increase{self.windows.event}",
            total(events(FEEDBACK, self.windows.event), "job", RESULT),
        )

    def _internal_errors(self) -> Recording:
        return Recording(
            f"job_component_error:toolpair_internal_errors:increase{self.windows.event}",
            total(events(INTERNAL_ERRORS, self.windows.event), "job", COMPONENT, ERROR_TYPE),
        )

    def _not_production(self) -> Recording:
        info = Series("target_info")
        named = (str(info.where(f'{name}=~"{NOT_PRODUCTION}"')) for name in _ENVIRONMENTS)
        others = info.where(*(f'{name}!~"{NOT_PRODUCTION}"' for name in _ENVIRONMENTS))
        # A job is in production if one of its processes is, or does not name its environment.
        return Recording(
            NOT_PRODUCTION_JOBS,
            f"group by (job) ({' or '.join(named)})\nunless group by (job) ({others})",
        )

    def alerts(self) -> list[Alert]:
        """Return the alerts, the worst first."""
        return [
            self._silent_loss(),
            self._burn(
                "ToolPairNearMissBurnFast", CRITICAL, self.windows.fast, self.objective.fast_burn
            ),
            self._blocked(),
            self._burn(
                "ToolPairNearMissBurnSlow", WARNING, self.windows.slow, self.objective.slow_burn
            ),
            self._near_misses_up(),
            *self._hindsight().alerts(),
            self._rejected(),
            self._escaped(),
            self._false_alarm(),
            self._feedback_not_delivered(),
            self._internal_error(),
            self._telemetry_absent(),
            self._no_telemetry(),
            self._checks_stopped(),
            *thread_alerts(self.windows),
        ]

    def _outcome(self, *matchers: str) -> str:
        return total(str(self._outcomes().series.where(*matchers)), *_BY_TARGET)

    def _silent_loss(self) -> Alert:
        lost = self._outcome(equals(OUTCOME, Outcome.ACCEPTED), equals(EFFECT, Effect.SILENT_LOSS))
        return Alert(
            "ToolPairSilentLoss",
            CRITICAL,
            "silent-loss",
            f"{lost} > 0",
            f"{{{{ $labels.job }}}}: {_PROVIDER_TEXT} answered without data that the "
            "application sent",
            f"{COUNT} requests of job {{{{ $labels.job }}}} to {_TARGET} in the last "
            f"{self.windows.event} were changed on the way: tool results were dropped, moved or "
            "swapped, no error was raised, and the model answered from the rest. Answers in "
            "that time may be wrong.",
            by=_BY_TARGET,
            requests=Requests(
                "Tool pairing: silent loss",
                (
                    on_span(semconv.EFFECT, Effect.SILENT_LOSS),
                    on_span(semconv.OUTCOME, Outcome.ACCEPTED),
                ),
            ),
        )

    def _burn(self, name: str, severity: str, windows: tuple[str, str], factor: float) -> Alert:
        short, long = (self._share(window).name for window in windows)
        threshold = f"{factor:g} * {self.objective.near_miss_share:g}"
        budget = f"{self.objective.near_miss_share:.3g}"
        return Alert(
            name,
            severity,
            "near-miss-rate",
            f"{long} > {threshold}\n"
            f"and {short} > {threshold}\n"
            f"and {self._count(windows[1]).name} >= {self.objective.fewest}",
            f"{{{{ $labels.job }}}}: {_SHARE} of the model requests carry broken tool calls or "
            "results",
            f"In the last {windows[1]} {_SHARE} of the chat-model requests of job "
            "{{ $labels.job }} carried tool calls and results that do not pair, and in the last "
            f"{windows[0]} they still did. That is more than {factor:g} times the objective, a "
            f"share of {budget}. Known to be new breaches: {new_breaches(windows[1])}; a "
            "conversation that stays broken repeats its near miss at every turn. Find the kind and "
            "the cause that grew, and the deploy before that.",
            requests=NEAR_MISS_REQUESTS,
        )

    def _near_misses_up(self) -> Alert:
        now, usual = self._share(self.windows.compared).name, self._usual_share().name
        floor = max(self.objective.fewest, 10)
        return Alert(
            "ToolPairNearMissRateUp",
            WARNING,
            "near-miss-rate",
            f"{now} > {self.objective.growth:g} * {usual}\n"
            f"and {now} > {self.objective.growth_floor:g}\n"
            f"and {self._count(self.windows.compared).name} >= {floor}",
            f"{{{{ $labels.job }}}}: the share of near misses is {self.objective.growth:g} times "
            "the usual share",
            f"{_SHARE} of the chat-model requests of job {{{{ $labels.job }}}} in the last "
            f"{self.windows.compared} were near misses, more than {self.objective.growth:g} times "
            f"the share of the {self.windows.usual} before. Known to be new breaches: "
            f"{new_breaches(self.windows.compared)}. Something changed: a deploy, a prompt, "
            "a model, a trimming or summarizing setting.",
            hold=self.windows.hold,
            requests=NEAR_MISS_REQUESTS,
        )

    def _blocked(self) -> Alert:
        return Alert(
            "ToolPairBlockedInProduction",
            CRITICAL,
            "blocked-in-production",
            f"{self._outcome(equals(OUTCOME, Outcome.BLOCKED))} > 0\n"
            f"unless on (job) {self._not_production().name}",
            "{{ $labels.job }}: strict mode stops model requests in production",
            f"Strict mode stopped {COUNT} requests of job {{{{ $labels.job }}}} to {_TARGET} in "
            f"the last {self.windows.event}, and the application got InvalidToolResultsError "
            "instead of an answer. If users are affected, switch the job to observe mode "
            "(TOOLPAIR_MODE=observe); the histories stay broken until their cause is fixed.",
            by=_BY_TARGET,
            requests=_with_outcome("Tool pairing: blocked", Outcome.BLOCKED),
        )

    def _rejected(self) -> Alert:
        return Alert(
            "ToolPairProviderRejections",
            WARNING,
            "provider-rejections",
            f"{self._outcome(equals(OUTCOME, Outcome.REJECTED))} > 0",
            f"{{{{ $labels.job }}}}: {_PROVIDER_TEXT} refuses broken tool histories",
            f"{_TARGET} refused {COUNT} requests of job {{{{ $labels.job }}}} in the last "
            f"{self.windows.event} because tool calls and results do not pair, as predicted. "
            "Users got an error instead of an answer.",
            by=_BY_TARGET,
            requests=_with_outcome("Tool pairing: rejected", Outcome.REJECTED),
        )

    def _escaped(self) -> Alert:
        return Alert(
            "ToolPairEscaped",
            WARNING,
            "escaped",
            f"{self._outcome(equals(OUTCOME, Outcome.ESCAPED))} > 0",
            f"{{{{ $labels.job }}}}: {_PROVIDER_TEXT} refuses histories that the check calls clean",
            f"{_TARGET} refused {COUNT} requests of job {{{{ $labels.job }}}} in the last "
            f"{self.windows.event} with a pairing error, although the check had found nothing. "
            "Users got errors, and strict mode could not have prevented them. The label "
            "toolpair_escape_fault tells a profile that lacks a rule (check) from a server that "
            "broke a sound history (server).",
            by=_BY_TARGET,
            requests=_with_outcome("Tool pairing: missed by the check", Outcome.ESCAPED),
        )

    def _false_alarm(self) -> Alert:
        effects = (Effect.LOCAL_ERROR.value, Effect.REJECT.value)
        wrong = self._outcome(equals(OUTCOME, Outcome.ACCEPTED), one_of(EFFECT, effects))
        return Alert(
            "ToolPairFalseAlarm",
            WARNING,
            "false-alarm",
            f"{wrong} > 0",
            f"{{{{ $labels.job }}}}: {_PROVIDER_TEXT} accepts requests that were predicted to fail",
            f"{COUNT} requests of job {{{{ $labels.job }}}} to {_TARGET} in the last "
            f"{self.windows.event} were predicted to fail and were answered. Strict mode would "
            "have blocked them without need: do not switch it on for this provider before the "
            "reason is known.",
            by=_BY_TARGET,
            requests=Requests(
                NEAR_MISS_REQUESTS.langsmith,
                (
                    on_span(semconv.EFFECT, *effects),
                    on_span(semconv.OUTCOME, Outcome.ACCEPTED),
                ),
            ),
        )

    def _feedback_not_delivered(self) -> Alert:
        recorded = self._feedback().series
        # Everything except "sent" counts, so that a result that is added later is a failure.
        lost = recorded.where(f'{RESULT}!="{_DELIVERED}"')
        ratio = share(total(str(lost), "job"), total(str(recorded), "job"))
        return Alert(
            "ToolPairFeedbackNotDelivered",
            WARNING,
            "feedback-not-delivered",
            f"{ratio} > {self.objective.undelivered_share:g}",
            f"{{{{ $labels.job }}}}: {_SHARE} of the LangSmith feedback does not arrive",
            f"{_SHARE} of the feedback that job {{{{ $labels.job }}}} had for LangSmith in the "
            f"last {self.windows.event} failed permanently or was dropped before it could be sent. "
            "The application is not affected and these metrics are complete, but LangSmith shows "
            "too few near misses, and its alerts may not fire.",
            hold=self.windows.hold,
        )

    def _internal_error(self) -> Alert:
        return Alert(
            "ToolPairInternalErrors",
            WARNING,
            "internal-errors",
            f"{self._internal_errors().name} > 0",
            f"{{{{ $labels.job }}}}: toolpair_observe fails in {{{{ $labels.{COMPONENT} }}}}",
            f"{COUNT} errors {{{{ $labels.{ERROR_TYPE} }}}} in "
            f"{{{{ $labels.{COMPONENT} }}}} of toolpair_observe in job {{{{ $labels.job }}}} in "
            f"the last {self.windows.event}. They do not reach the application, but requests may "
            "pass without a check or a report.",
        )

    def _telemetry_absent(self) -> Alert:
        remembered = f"count by (job) (last_over_time({IN_FLIGHT.over(self.windows.remembered)}))"
        return Alert(
            "ToolPairTelemetryAbsent",
            CRITICAL,
            "telemetry-absent",
            f"{remembered} unless count by (job) ({IN_FLIGHT})",
            "{{ $labels.job }}: no metrics of toolpair_observe arrive any more",
            f"Up to {COUNT} processes of job {{{{ $labels.job }}}} reported in the last "
            f"{self.windows.remembered}, and none has reported for {self.windows.absent}. Until "
            "they report again, no other alert of this dashboard can fire for that job. This alert "
            f"resolves {self.windows.remembered} after the last sample.",
            hold=self.windows.absent,
        )

    def _no_telemetry(self) -> Alert:
        return Alert(
            "ToolPairNoTelemetryAtAll",
            CRITICAL,
            "telemetry-absent",
            f"absent_over_time({IN_FLIGHT.over(self.windows.absent)})",
            "No process reports metrics of toolpair_observe",
            f"Prometheus has seen no metric of toolpair_observe for {self.windows.absent}, from "
            "any job. Either no process runs, or the path from them to Prometheus is broken.",
            by=(),
        )

    def _checks_stopped(self) -> Alert:
        busy = total(rate(CHECKS, self.windows.stopped, self.windows.week_ago), "job")
        now = total(rate(CHECKS, self.windows.stopped), "job")
        return Alert(
            "ToolPairChecksStopped",
            WARNING,
            "checks-stopped",
            f"count by (job) ({IN_FLIGHT})\nunless {now} > 0\nand {busy} > {self.objective.busy:g}",
            "{{ $labels.job }}: processes report, but no model request is checked any more",
            f"{COUNT} processes of job {{{{ $labels.job }}}} report, and none has checked a "
            f"model request for {self.windows.stopped}; at the same time {self.windows.week_ago} "
            "ago, they did. Either there is no traffic, or the handler is no longer attached to "
            "the models.",
            hold=self.windows.hold,
        )


def _with_outcome(langsmith: str, outcome: Outcome) -> Requests:
    return Requests(langsmith, (on_span(semconv.OUTCOME, outcome),))
