"""What the names in `semconv` mean, and when each is written: for the page on telemetry.

It is apart from the names because only pages and tests read it. A test compares it with what a
handler really emits.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from toolpair_observe import semconv

if TYPE_CHECKING:
    from collections.abc import Mapping

AttributeType = Literal["string", "int", "double", "boolean", "string[]"]

_ID_NOTE: Final = "; its hash with `hash_ids`"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of spans or events, or one label of metrics.

    Attributes:
        type: Its type in OpenTelemetry.
        meaning: What its value says.
    """

    type: AttributeType
    meaning: str


@dataclass(frozen=True, slots=True)
class Signal:
    """One span or event.

    Attributes:
        when: When it is written, and how often.
        severity: How severe it is: the status of a span, the severity of an event.
        always: Attributes that each one has.
        sometimes: The others, with the condition for each.
    """

    when: str
    severity: str
    always: tuple[str, ...]
    sometimes: Mapping[str, str]


ATTRIBUTES: Final[Mapping[str, Attribute]] = MappingProxyType(
    {
        semconv.OPENINFERENCE_SPAN_KIND: Attribute(
            "string", f"always `{semconv.OPENINFERENCE_GUARDRAIL}`: Phoenix counts no second call"
        ),
        semconv.GEN_AI_PROVIDER_NAME: Attribute("string", "the provider, as identified"),
        semconv.GEN_AI_REQUEST_MODEL: Attribute("string", "the model, as requested"),
        semconv.GEN_AI_CONVERSATION_ID: Attribute(
            "string", f"`thread_id` of the run's metadata, at most 256 characters{_ID_NOTE}"
        ),
        semconv.GEN_AI_TOOL_CALL_ID: Attribute("string", f"the id of the tool call{_ID_NOTE}"),
        semconv.GEN_AI_TOOL_NAME: Attribute("string", "the name of the tool that was called"),
        semconv.ERROR_TYPE: Attribute(
            "string",
            f"on spans `{semconv.ERROR_INVALID_TOOL_RESULTS}`; on metrics the class of the error, "
            "of feedback also the HTTP status or the reason",
        ),
        semconv.MODE: Attribute("string", "the mode that held for the request"),
        semconv.PROFILE: Attribute("string", "the profile that judged the request"),
        semconv.EFFECT: Attribute("string", "the worst effect that is predicted for the request"),
        semconv.OUTCOME: Attribute("string", "what really happened to the request"),
        semconv.MESSAGE_COUNT: Attribute("int", "messages in the history"),
        semconv.CALL_COUNT: Attribute("int", "tool calls in the history"),
        semconv.RESULT_COUNT: Attribute("int", "tool results in the history"),
        semconv.VIOLATION_COUNT: Attribute("int", "violations in the history"),
        semconv.VIOLATION_KINDS: Attribute("string[]", "the kinds of violation, each once"),
        semconv.VIOLATION_CAUSES: Attribute("string[]", "the likely causes, each once"),
        semconv.VIOLATION_OMITTED: Attribute(
            "int", f"violations beyond the {semconv.MAX_VIOLATION_EVENTS} that have an event"
        ),
        semconv.REJECTED_KIND: Attribute(
            "string", "the kind of violation that the provider's own error names"
        ),
        semconv.REJECTED_COMPANION: Attribute(
            "string", "what stands beside a call and was refused, such as a thinking block"
        ),
        semconv.ESCAPE_FAULT: Attribute(
            "string",
            "of an escape, whose fault it is: `check` where a rule is missing, `server` where the "
            "server broke a sound history",
        ),
        semconv.LANGSMITH_RUN_ID: Attribute(
            "string", "the id of the model's run, which is also its id in LangSmith"
        ),
        semconv.BREACH_FRESH: Attribute(
            "boolean", "whether the breach is new in its conversation, and not met again"
        ),
        semconv.BLAME_STEP: Attribute(
            "string",
            "the step after which the history was broken: a node, or "
            "[another word](blame.md#the-words)",
        ),
        semconv.BLAME_CHANGE: Attribute("string", "what that step did to the history"),
        semconv.BLAME_REQUESTS_AGO: Attribute("int", "how many requests ago that was"),
        semconv.LANGSMITH_TRACE_ID: Attribute("string", "the trace of the run in LangSmith"),
        semconv.LANGSMITH_PROJECT: Attribute("string", "the project of the run in LangSmith"),
        semconv.LANGSMITH_SPAN_ID: Attribute("string", "the id of this span in LangSmith"),
        semconv.LANGSMITH_PARENT_ID: Attribute("string", "the id of the run that it stands below"),
        semconv.LANGSMITH_DOTTED_ORDER: Attribute("string", "its place in the trace"),
        semconv.LANGSMITH_SPAN_KIND: Attribute("string", f"always `{semconv.LANGSMITH_CHAIN}`"),
        semconv.VIOLATION_KIND: Attribute("string", "the kind of the violation"),
        semconv.VIOLATION_EFFECT: Attribute("string", "the effect that is predicted for it"),
        semconv.VIOLATION_CAUSE: Attribute("string", "its likely cause"),
        semconv.MESSAGE_INDEX: Attribute("int", "position in the history, from 0"),
        semconv.MASKED_KIND: Attribute(
            "string", "what was wrong before somebody put a result there"
        ),
        semconv.MASKED_BY: Attribute(
            "string",
            "the software that made the result up, or `unknown` ([which](masked.md#known-texts))",
        ),
        semconv.MASKED_EVIDENCE: Attribute("string", "what shows that the result was made up"),
        semconv.MASKED_STEP: Attribute("string", "the node or middleware hook that made it up"),
        semconv.MASKED_OMITTED: Attribute(
            "int", f"made-up results beyond the {semconv.MAX_MASKED_EVENTS} that have an event"
        ),
        semconv.REPAIR_ACTION: Attribute("string", "what the repair did"),
        semconv.REPAIR_PLACE: Attribute("string", "where on the message something was taken away"),
        semconv.REPAIR_BREAKS_THINKING: Attribute(
            "boolean", "always true: signed thinking stands behind the change"
        ),
        semconv.EVALUATION_NAME: Attribute("string", f"always `{semconv.EVALUATION_TOOL_PAIRING}`"),
        semconv.EVALUATION_SCORE_VALUE: Attribute("double", "0 for a finding, else 1"),
        semconv.EVALUATION_SCORE_LABEL: Attribute(
            "string", f"`{semconv.EVALUATION_FAIL}` or `{semconv.EVALUATION_PASS}`"
        ),
        semconv.EVALUATION_EXPLANATION: Attribute("string", "the kinds of violation"),
        semconv.FEEDBACK_RESULT: Attribute("string", "what became of the feedback"),
        semconv.COMPONENT: Attribute(
            "string", "the part that failed, or the argument that holds the application's function"
        ),
        semconv.THREAD_VERDICT: Attribute("string", "what the next turn of the thread will meet"),
        semconv.DB_NAMESPACE: Attribute("string", "the name of the database with the threads"),
    }
)

_NESTED: Final = "the span may go to LangSmith, beside a run that its own tracer writes"
_BLAMED: Final = "of a near miss, where a step or an earlier request tells ([blame](blame.md))"

SPANS: Final[Mapping[str, Signal]] = MappingProxyType(
    {
        semconv.SPAN_CHECK: Signal(
            "One for each near miss and each escape; with `spans=all` for each request, with "
            "`spans=off` for none. It is written when the outcome is known, with the times of the "
            "check, below the span of the model's call, with a link to the span that was current "
            "if that is another one; else below the current one. "
            "[An escape](violations.md#outcomes) is a request that was refused and not flagged.",
            f"Status ERROR and `{semconv.ERROR_TYPE}` where the outcome is `blocked`, `rejected` "
            "or `escaped`; else the status is unset.",
            (
                semconv.OPENINFERENCE_SPAN_KIND,
                semconv.MODE,
                semconv.PROFILE,
                semconv.EFFECT,
                semconv.MESSAGE_COUNT,
                semconv.CALL_COUNT,
                semconv.RESULT_COUNT,
                semconv.VIOLATION_COUNT,
                semconv.LANGSMITH_RUN_ID,
            ),
            {
                semconv.OUTCOME: "an end was seen, or given up",
                semconv.ERROR_TYPE: "blocked, rejected or escaped",
                semconv.GEN_AI_PROVIDER_NAME: "the provider is known",
                semconv.GEN_AI_REQUEST_MODEL: "the model is known",
                semconv.GEN_AI_CONVERSATION_ID: "the run's metadata has a `thread_id`",
                semconv.VIOLATION_KINDS: "there is a violation",
                semconv.VIOLATION_CAUSES: "there is a violation",
                semconv.VIOLATION_OMITTED: f"more than {semconv.MAX_VIOLATION_EVENTS} violations",
                semconv.REJECTED_KIND: "the provider's error names one",
                semconv.REJECTED_COMPANION: "the provider's error names one",
                semconv.ESCAPE_FAULT: "escaped",
                semconv.BREACH_FRESH: "of a near miss, where its conversation can be told",
                semconv.BLAME_STEP: _BLAMED,
                semconv.BLAME_CHANGE: _BLAMED,
                semconv.BLAME_REQUESTS_AGO: "earlier requests of the conversation had it",
                semconv.LANGSMITH_TRACE_ID: _NESTED,
                semconv.LANGSMITH_PROJECT: _NESTED,
                semconv.LANGSMITH_SPAN_ID: _NESTED,
                semconv.LANGSMITH_PARENT_ID: _NESTED,
                semconv.LANGSMITH_DOTTED_ORDER: _NESTED,
                semconv.LANGSMITH_SPAN_KIND: _NESTED,
            },
        ),
    }
)
EVENTS: Final[Mapping[str, Signal]] = MappingProxyType(
    {
        semconv.EVENT_VIOLATION: Signal(
            f"One for each violation, at most {semconv.MAX_VIOLATION_EVENTS} a request, the worst "
            "first where there are more; in the context of the span.",
            "INFO where the provider accepts it, ERROR where the request was blocked or rejected, "
            "else WARN.",
            (
                semconv.VIOLATION_KIND,
                semconv.VIOLATION_EFFECT,
                semconv.VIOLATION_CAUSE,
                semconv.MESSAGE_INDEX,
            ),
            {
                semconv.GEN_AI_TOOL_CALL_ID: "the call has an id",
                semconv.GEN_AI_TOOL_NAME: "the tool is known",
                semconv.VIOLATION_OMITTED: "on the last one, where there are more",
            },
        ),
        semconv.EVENT_MASKED: Signal(
            "One for each made-up result that is new in its request, at most "
            f"{semconv.MAX_MASKED_EVENTS} a request; in the context of the model's span.",
            "INFO.",
            (
                semconv.MASKED_KIND,
                semconv.MASKED_BY,
                semconv.MASKED_EVIDENCE,
                semconv.MESSAGE_INDEX,
            ),
            {
                semconv.MASKED_STEP: "the states of the run tell",
                semconv.GEN_AI_TOOL_CALL_ID: "the call has an id",
                semconv.GEN_AI_TOOL_NAME: "the tool is known",
                semconv.MASKED_OMITTED: "on the last one, where there are more",
            },
        ),
        semconv.EVENT_REPAIR: Signal(
            "One for each change that `ToolPairMiddleware(repair=…)` makes to a request, at most "
            f"{semconv.MAX_REPAIR_EVENTS} a request.",
            "WARN.",
            (semconv.REPAIR_ACTION, semconv.MESSAGE_INDEX),
            {
                semconv.GEN_AI_TOOL_CALL_ID: "the call has an id",
                semconv.GEN_AI_TOOL_NAME: "the tool is known",
                semconv.REPAIR_PLACE: "something was taken away from a message",
                semconv.REPAIR_BREAKS_THINKING: "signed thinking stands behind the change",
            },
        ),
        semconv.EVENT_EVALUATION: Signal(
            "With `evaluation_events`: one for each request, in the context of the model's span.",
            "INFO.",
            (
                semconv.EVALUATION_NAME,
                semconv.EVALUATION_SCORE_VALUE,
                semconv.EVALUATION_SCORE_LABEL,
            ),
            {semconv.EVALUATION_EXPLANATION: "there is a violation"},
        ),
    }
)

_BY_COMMAND: Final = "By `toolpair-observe threads`, to a file for node_exporter or over OTLP."
WRITTEN: Final[Mapping[str, str]] = MappingProxyType(
    {
        semconv.CHECKS.name: "At each check; a retry or a fallback is checked again. The series of "
        "a provider and model start at 0 with their first check.",
        semconv.VIOLATIONS.name: "At each check, for each violation.",
        semconv.BREACHES.name: "At a check, once for each breach of a conversation, where the "
        "conversation can be told.",
        semconv.MASKED.name: "At a check, for each made-up result that is new in its request.",
        semconv.OUTCOMES.name: "When a request has ended, or is given up. The series that alerts "
        "read start at 0 with the first check of a provider and model.",
        semconv.CHECK_DURATION.name: "At a check, as described.",
        semconv.CHECK_MESSAGES.name: "At each near miss.",
        semconv.RUNS_IN_FLIGHT.name: "Read at each collection.",
        semconv.FEEDBACK_SUBMISSIONS.name: "When a feedback is settled.",
        semconv.UNCHECKED.name: "At each request that could not be checked.",
        semconv.INTERNAL_ERRORS.name: "At each such error.",
        semconv.THREADS.name: _BY_COMMAND,
        semconv.THREADS_COUNTED.name: _BY_COMMAND,
    }
)


@dataclass(frozen=True, slots=True)
class Translation:
    """One way in which a name of OpenTelemetry becomes one of Prometheus.

    Attributes:
        name: As the settings of Prometheus and of the collector name it.
        is_escaped: Whether dots become underscores.
        has_suffixes: Whether unit and type are appended.
    """

    name: str
    is_escaped: bool
    has_suffixes: bool

    def metric(self, metric: semconv.Metric) -> str:
        """Return the name of a metric, of a histogram its base name."""
        return semconv.prometheus_name(
            metric, is_escaped=self.is_escaped, has_suffixes=self.has_suffixes
        )

    def label(self, attribute: str) -> str:
        """Return the name of a label."""
        return semconv.prometheus_label(attribute, is_escaped=self.is_escaped)


TRANSLATIONS: Final = (
    Translation("UnderscoreEscapingWithSuffixes", is_escaped=True, has_suffixes=True),
    Translation("UnderscoreEscapingWithoutSuffixes", is_escaped=True, has_suffixes=False),
    Translation("NoUTF8EscapingWithSuffixes", is_escaped=False, has_suffixes=True),
    Translation("NoTranslation", is_escaped=False, has_suffixes=False),
)
