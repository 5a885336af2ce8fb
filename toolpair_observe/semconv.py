"""Every name that leaves the process: spans, attributes, events, metrics, units and buckets.

`gen_ai.*` and `error.type` are used where the OpenTelemetry conventions mean the same thing;
everything else has the root `toolpair.`. The strings are our own constants because the published
`gen_ai.*` constants are deprecated in the Python package. `METRICS` is the one table that counts,
instruments, dashboards, rules, docs and tests read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.late_pattern import LatePattern

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPE: Final = "toolpair_observe"

# Span
SPAN_CHECK: Final = "check tool_pairing"

OPENINFERENCE_SPAN_KIND: Final = "openinference.span.kind"
OPENINFERENCE_GUARDRAIL: Final = "GUARDRAIL"

GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_CONVERSATION_ID: Final = "gen_ai.conversation.id"
GEN_AI_TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
GEN_AI_TOOL_NAME: Final = "gen_ai.tool.name"
ERROR_TYPE: Final = "error.type"
ERROR_INVALID_TOOL_RESULTS: Final = "INVALID_TOOL_RESULTS"

MODE: Final = "toolpair.mode"
PROFILE: Final = "toolpair.profile"
EFFECT: Final = "toolpair.effect"
OUTCOME: Final = "toolpair.outcome"
MESSAGE_COUNT: Final = "toolpair.message.count"
CALL_COUNT: Final = "toolpair.call.count"
RESULT_COUNT: Final = "toolpair.result.count"
VIOLATION_COUNT: Final = "toolpair.violation.count"
VIOLATION_KINDS: Final = "toolpair.violation.kinds"
VIOLATION_CAUSES: Final = "toolpair.violation.causes"
VIOLATION_OMITTED: Final = "toolpair.violation.omitted"
REJECTED_KIND: Final = "toolpair.rejected.kind"
REJECTED_COMPANION: Final = "toolpair.rejected.companion"
ESCAPE_FAULT: Final = "toolpair.escape.fault"
LANGSMITH_RUN_ID: Final = "toolpair.langsmith.run_id"
BREACH_FRESH: Final = "toolpair.breach.fresh"
BLAME_STEP: Final = "toolpair.blame.step"
BLAME_CHANGE: Final = "toolpair.blame.change"
BLAME_REQUESTS_AGO: Final = "toolpair.blame.requests_ago"

# What LangSmith nests a span by, below a run that its own tracer writes.
LANGSMITH_TRACE_ID: Final = "langsmith.trace.id"
LANGSMITH_PROJECT: Final = "langsmith.trace.session_name"
LANGSMITH_SPAN_ID: Final = "langsmith.span.id"
LANGSMITH_PARENT_ID: Final = "langsmith.span.parent_id"
LANGSMITH_DOTTED_ORDER: Final = "langsmith.span.dotted_order"
LANGSMITH_SPAN_KIND: Final = "langsmith.span.kind"
LANGSMITH_CHAIN: Final = "chain"

# The most that a span ever has: 18 of a rejected request with more violations than are shown, four
# for who broke its history and since when, and the six that LangSmith nests it by.
MAX_SPAN_ATTRIBUTES: Final = 28

# Events
EVENT_VIOLATION: Final = "toolpair.violation"
MAX_VIOLATION_EVENTS: Final = 32
VIOLATION_KIND: Final = "toolpair.violation.kind"
VIOLATION_EFFECT: Final = "toolpair.violation.effect"
VIOLATION_CAUSE: Final = "toolpair.violation.cause"
MESSAGE_INDEX: Final = "toolpair.message.index"

EVENT_MASKED: Final = "toolpair.masked"
MAX_MASKED_EVENTS: Final = 32
MASKED_KIND: Final = "toolpair.masked.kind"
MASKED_BY: Final = "toolpair.masked.by"
MASKED_EVIDENCE: Final = "toolpair.masked.evidence"
MASKED_STEP: Final = "toolpair.masked.step"
MASKED_OMITTED: Final = "toolpair.masked.omitted"

EVENT_REPAIR: Final = "toolpair.repair"
MAX_REPAIR_EVENTS: Final = 32
REPAIR_ACTION: Final = "toolpair.repair.action"
REPAIR_PLACE: Final = "toolpair.repair.place"
REPAIR_BREAKS_THINKING: Final = "toolpair.repair.breaks_thinking"

EVENT_EVALUATION: Final = "gen_ai.evaluation.result"
EVALUATION_NAME: Final = "gen_ai.evaluation.name"
EVALUATION_SCORE_VALUE: Final = "gen_ai.evaluation.score.value"
EVALUATION_SCORE_LABEL: Final = "gen_ai.evaluation.score.label"
EVALUATION_EXPLANATION: Final = "gen_ai.evaluation.explanation"
EVALUATION_TOOL_PAIRING: Final = "tool_pairing"
EVALUATION_PASS: Final = "pass"  # noqa: S105 -- a verdict
EVALUATION_FAIL: Final = "fail"

# Metric labels that no span or event carries
FEEDBACK_RESULT: Final = "toolpair.feedback.result"
COMPONENT: Final = "toolpair.component"
THREAD_VERDICT: Final = "toolpair.thread.verdict"
DB_NAMESPACE: Final = "db.namespace"


class MetricKind(StrEnum):
    """The OpenTelemetry instrument behind a metric."""

    OBSERVABLE_COUNTER = "observable_counter"
    OBSERVABLE_UP_DOWN_COUNTER = "observable_up_down_counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


# Without `eq` a row is equal to itself only, and quick to look up by: each count does that.
@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One row of the table of metrics.

    Attributes:
        name: OpenTelemetry name.
        kind: The instrument.
        unit: UCUM unit; `{thing}` is an annotation and never part of a Prometheus name.
        description: One sentence, also the Prometheus help text.
        labels: Attribute names, in the order in which `Counts` keeps their values.
        buckets: Advisory bucket bounds of a histogram.
    """

    name: str
    kind: MetricKind
    unit: str
    description: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


CHECKS: Final = Metric(
    "toolpair.checks",
    MetricKind.OBSERVABLE_COUNTER,
    "{check}",
    "Chat-model requests whose tool calls and tool results were checked, by predicted effect.",
    (EFFECT, MODE, GEN_AI_PROVIDER_NAME, GEN_AI_REQUEST_MODEL),
)
VIOLATIONS: Final = Metric(
    "toolpair.violations",
    MetricKind.OBSERVABLE_COUNTER,
    "{violation}",
    "Breaches of the tool pairing rule found in checked requests.",
    (
        VIOLATION_KIND,
        VIOLATION_EFFECT,
        VIOLATION_CAUSE,
        GEN_AI_PROVIDER_NAME,
        GEN_AI_REQUEST_MODEL,
    ),
)
BREACHES: Final = Metric(
    "toolpair.breaches",
    MetricKind.OBSERVABLE_COUNTER,
    "{breach}",
    "Near misses that are new in their conversation, by their worst violation.",
    (
        VIOLATION_KIND,
        VIOLATION_CAUSE,
        BLAME_CHANGE,
        GEN_AI_PROVIDER_NAME,
        GEN_AI_REQUEST_MODEL,
    ),
)
MASKED: Final = Metric(
    "toolpair.masked",
    MetricKind.OBSERVABLE_COUNTER,
    "{result}",
    "Results that other software made up where the tool's own is missing, new in their request.",
    (MASKED_KIND, MASKED_BY, GEN_AI_PROVIDER_NAME, GEN_AI_REQUEST_MODEL),
)
OUTCOMES: Final = Metric(
    "toolpair.outcomes",
    MetricKind.OBSERVABLE_COUNTER,
    "{request}",
    "What really happened to checked requests, beside the effect that was predicted.",
    # The last is on escapes only, and has two values: a miss of the check asks for a report to its
    # maintainers, a server that broke a sound history does not.
    (OUTCOME, EFFECT, GEN_AI_PROVIDER_NAME, GEN_AI_REQUEST_MODEL, ESCAPE_FAULT),
)
# To record a duration takes longer than to check a short history.
CHECKS_PER_DURATION: Final = 16
CHECK_DURATION: Final = Metric(
    "toolpair.check.duration",
    MetricKind.HISTOGRAM,
    "s",
    f"Time that checking one request took: each near miss, and one in {CHECKS_PER_DURATION} of "
    "the others and of those that meet the same breach again.",
    (EFFECT,),
    (
        *(1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4),
        *(5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 1e-1),
    ),
)
CHECK_MESSAGES: Final = Metric(
    "toolpair.check.messages",
    MetricKind.HISTOGRAM,
    "{message}",
    "Messages in the history of a near miss.",
    (GEN_AI_PROVIDER_NAME,),
    tuple(float(2**exponent) for exponent in range(13)),
)
RUNS_IN_FLIGHT: Final = Metric(
    "toolpair.runs.in_flight",
    MetricKind.OBSERVABLE_UP_DOWN_COUNTER,
    "{run}",
    "Checked requests whose end has not been seen yet.",
)
FEEDBACK_SUBMISSIONS: Final = Metric(
    "toolpair.feedback.submissions",
    MetricKind.OBSERVABLE_COUNTER,
    "{submission}",
    "LangSmith feedback that was sent, failed for good, or was dropped before it could be sent.",
    (FEEDBACK_RESULT, ERROR_TYPE),
)
UNCHECKED: Final = Metric(
    "toolpair.unchecked",
    MetricKind.OBSERVABLE_COUNTER,
    "{request}",
    "Chat-model requests that could not be checked, by the class of what failed.",
    (ERROR_TYPE,),
)
INTERNAL_ERRORS: Final = Metric(
    "toolpair.internal.errors",
    MetricKind.OBSERVABLE_COUNTER,
    "{error}",
    "Errors of toolpair_observe itself, kept away from the application.",
    (ERROR_TYPE, COMPONENT),
)
# Two databases of one host have to differ: node_exporter takes no series from two files.
THREADS: Final = Metric(
    "toolpair.threads",
    MetricKind.GAUGE,
    "{thread}",
    "Threads that a LangGraph checkpointer has stored, by what their next turn will meet.",
    (THREAD_VERDICT, DB_NAMESPACE),
)
THREADS_COUNTED: Final = Metric(
    "toolpair.threads.counted.timestamp",
    MetricKind.GAUGE,
    "s",
    "When the stored threads were last counted, in seconds since 1970.",
    (DB_NAMESPACE,),
)

METRICS: Final[Mapping[str, Metric]] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            CHECKS,
            VIOLATIONS,
            BREACHES,
            MASKED,
            OUTCOMES,
            CHECK_DURATION,
            CHECK_MESSAGES,
            RUNS_IN_FLIGHT,
            FEEDBACK_SUBMISSIONS,
            UNCHECKED,
            INTERNAL_ERRORS,
            THREADS,
            THREADS_COUNTED,
        )
    }
)

# What the handler counts in `Counts` and an exporter reads there. It records a histogram directly,
# and a gauge is not its own: the command `threads` writes it.
COUNTED: Final = tuple(
    metric
    for metric in METRICS.values()
    if metric.kind not in (MetricKind.HISTOGRAM, MetricKind.GAUGE)
)

_PROMETHEUS_ILLEGAL = LatePattern(r"[^a-zA-Z0-9]+")
_PROMETHEUS_UNITS: Final = MappingProxyType({"s": "seconds"})


def prometheus_label(attribute: str, *, is_escaped: bool = True) -> str:
    """Return the Prometheus label name of an OpenTelemetry attribute.

    Args:
        attribute: Attribute name, for example `toolpair.effect`.
        is_escaped: Whether dots become underscores, as the exporter's default has it.

    Returns:
        The label name, for example `toolpair_effect`.
    """
    return _PROMETHEUS_ILLEGAL.sub("_", attribute) if is_escaped else attribute


def prometheus_name(metric: Metric, *, is_escaped: bool = True, has_suffixes: bool = True) -> str:
    """Return the Prometheus name of a metric; without options, as the official exporter renders it.

    Args:
        metric: A row of `METRICS`.
        is_escaped: Whether dots become underscores.
        has_suffixes: Whether the unit, and the `_total` of a counter, are appended.

    Returns:
        The series name of a counter or gauge. A histogram's base name, to which `_bucket`,
        `_sum` and `_count` are appended.
    """
    name = prometheus_label(metric.name, is_escaped=is_escaped)
    if not has_suffixes:
        return name
    if unit := _PROMETHEUS_UNITS.get(metric.unit):
        name = f"{name}_{unit}"
    if metric.kind is MetricKind.OBSERVABLE_COUNTER:
        name = f"{name}_total"
    return name
