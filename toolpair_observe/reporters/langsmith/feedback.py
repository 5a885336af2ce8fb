"""Feedback on LangSmith's model runs, and tags and metadata on the runs themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid5

from toolpair_observe import semconv
from toolpair_observe._version import __version__
from toolpair_observe.forks import reset_in_child
from toolpair_observe.logs import warn
from toolpair_observe.observation import fresh_masked
from toolpair_observe.pairing.shown import clean, line
from toolpair_observe.pairing.words import Outcome
from toolpair_observe.reporters.delivery import Delivery, DeliveryLimits
from toolpair_observe.reporters.langsmith.address import address_of
from toolpair_observe.reporters.langsmith.client import TIMEOUT, FeedbackApi, Submission
from toolpair_observe.reporters.langsmith.spans import run_written_as_span
from toolpair_observe.reporters.text import escape, near_miss
from toolpair_observe.reporters.worker import JOIN_SECONDS

if TYPE_CHECKING:
    from uuid import UUID

    from langsmith import Client

    from toolpair_observe.counts import Counts
    from toolpair_observe.observation import Observation
    from toolpair_observe.record import Trace, TraceLink
    from toolpair_observe.reporters.delivery import DeliveryResult
    from toolpair_observe.reporters.langsmith.spans import SpanRun
    from toolpair_observe.settings import Settings
    from toolpair_observe.steps.blamed import Blame

KEY: Final = "INVALID_TOOL_RESULTS"
TAG: Final = "INVALID_TOOL_RESULTS"
KIND_TAG_PREFIX: Final = "toolpair:"
METADATA_EFFECT: Final = "toolpair_effect"
METADATA_OUTCOME: Final = "toolpair_outcome"
MASKED_TAG: Final = f"{KIND_TAG_PREFIX}masked"
METADATA_MASKED: Final = "toolpair_masked"
METADATA_MASKED_BY: Final = "toolpair_masked_by"
METADATA_MASKED_STEP: Final = "toolpair_masked_step"
CLEAN: Final = "clean"
MAX_IDS: Final = 8
MAX_NAMES: Final = 8
_MAX_SORTS_LOGGED: Final = 32

# Of the process: there may be a reporter for each call.
_logged: set[tuple[str, str]] = set()


class LangSmithReporter:
    """Send feedback on near misses and escapes, once their outcome is known.

    The caller's thread only writes into the run's own tree and into a queue. A run without a tracer
    gets no feedback.

    Args:
        settings: Whether clean requests get feedback, too.
        client: The client whose endpoint and key to use; None for that of each run's own tracer.
        counts: Where submissions are counted.
        limits: How much is queued, and how long it is tried.
        timeout: Seconds that a request may take in all.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        client: Client | None = None,
        counts: Counts,
        limits: DeliveryLimits | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self.wants_sound = settings.feedback == "all"
        self._client = client
        self._counts = counts
        self._api = FeedbackApi(timeout)
        self._delivery = Delivery(self._api.send, self._settled, limits or DeliveryLimits())
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Forget connections."""
        self._api.forget()

    def flagged(self, observation: Observation, trace: Trace) -> None:
        """Wait for the outcome."""

    def finished(self, observation: Observation, trace: Trace) -> None:
        """Mark the run, and queue its feedback."""
        link = trace.link
        if link is None:
            return
        if observation.is_finding:
            mark_run(link, observation)
        elif observation.outcome is Outcome.CANCELLED:
            return
        address, written = address_of(link, self._client), None
        if address is None:
            written = run_written_as_span(link, observation.run_id, self._client)
            if written is None:
                return
            address = written.address
        self._delivery.put(
            lambda: Submission(address, feedback_body(link, observation, written)),
            address.destination,
        )

    def mended(self, observation: Observation, trace: Trace) -> None:
        """Mark the run of a request with made-up results. It gets no feedback for them."""
        if trace.link is not None:
            mark_masked(trace.link, observation)

    def flush(self, timeout: float) -> bool:
        """Wait until all queued feedback is settled; return whether all of it was sent."""
        return self._delivery.flush(timeout)

    def close(self, timeout: float = JOIN_SECONDS) -> None:
        """Drop what is queued and stop the worker, waiting at most `timeout` seconds for it."""
        if self._delivery.close(timeout):
            # Else the worker is still at it.
            self._api.close()

    def _settled(self, result: DeliveryResult, reason: str) -> None:
        self._counts.add(semconv.FEEDBACK_SUBMISSIONS, (result, reason))
        if result == "sent":
            return
        if (result, reason) in _logged or len(_logged) >= _MAX_SORTS_LOGGED:
            return
        _logged.add((result, reason))
        warn(
            "LangSmith feedback was %s (%s): the run lacks its %s there; the application is not "
            "affected. Further ones of this sort are counted in toolpair.feedback.submissions and "
            "not logged",
            "dropped" if result == "dropped" else "not delivered",
            _ADVICE.get(reason, reason),
            KEY,
        )


_ADVICE: Final = {
    "400": "400 bad request",
    "401": "401 unauthorized: check the API key",
    "403": "403 forbidden: check the rights and the workspace of the API key",
    "404": "404 not found: the run or its project never arrived",
    "422": "422: the server does not understand it",
    "429": "429 too many requests",
    "QueueFull": "the queue is full: too many near misses, or LangSmith is not reachable",
    "Redirected": "the server wants it elsewhere, and the key never follows: check "
    "LANGSMITH_ENDPOINT",
    "AnswerTooLong": "the answer is not one of LangSmith: check LANGSMITH_ENDPOINT",
    "BadUrlError": "the endpoint is no http:// or https:// URL: check LANGSMITH_ENDPOINT",
    "BadProxyError": "the proxy is no http:// URL: check HTTPS_PROXY",
    "Timeout": "LangSmith does not answer in time",
    "ConnectionError": "LangSmith is not reachable",
    "SSLCertVerificationError": "the certificate of LangSmith's endpoint is not trusted: set "
    "REQUESTS_CA_BUNDLE",
    "NoProject": "the run has no project",
    "Closed": "the handler was closed before it could be sent",
}


def mark_run(link: TraceLink, observation: Observation) -> None:
    """Write tags and metadata of a finding into the run's tree."""
    _mark(
        link,
        [TAG, *(f"{KIND_TAG_PREFIX}{kind}" for kind in observation.kinds)],
        {
            METADATA_EFFECT: observation.report.effect.value,
            METADATA_OUTCOME: str(observation.outcome),
        },
    )


def mark_masked(link: TraceLink, observation: Observation) -> None:
    """Write a tag and metadata of made-up results that are new into the run's tree."""
    found = fresh_masked(observation.report.masked)
    menders = sorted({clean(each.by) for each in found})
    steps = sorted({clean(each.step) for each in found if each.step})
    metadata: dict[str, object] = {
        METADATA_MASKED: len(found),
        METADATA_MASKED_BY: ", ".join(menders[:MAX_NAMES]),
    }
    if steps:
        metadata[METADATA_MASKED_STEP] = ", ".join(steps[:MAX_NAMES])
    _mark(link, [MASKED_TAG], metadata)


def _mark(link: TraceLink, mine: list[str], metadata: dict[str, object]) -> None:
    """Write tags and metadata into a run's tree, whose tracer sends them when the run ends.

    Lists and dicts are replaced and not changed: the application's own configuration may share
    them.
    """
    tree: Any = link.run_tree
    tags = list(tree.tags or ())
    tree.tags = [*tags, *(tag for tag in mine if tag not in tags)]
    extra = dict(tree.extra or {})
    extra["metadata"] = {**(extra.get("metadata") or {}), **metadata}
    tree.extra = extra


def feedback_body(
    link: TraceLink, observation: Observation, written: SpanRun | None = None
) -> dict[str, Any]:
    """Return the body of LangSmith's create-feedback request.

    Args:
        link: LangSmith's side of the run.
        observation: A request whose outcome is known.
        written: The run that LangSmith makes of a span, where it knows it by that one's ids only.

    Returns:
        JSON-able data, bounded in size, with ids, names and positions but no content.
    """
    start_time = getattr(link.run_tree, "start_time", None)
    started = start_time.isoformat() if isinstance(start_time, datetime) else ""
    body = body_of(observation, str(link.trace_id), started)
    if written is not None:
        body["run_id"] = str(written.run_id)
        if written.trace_id is None:
            del body["trace_id"]
        else:
            body["trace_id"] = str(written.trace_id)
    return body


def feedback_id(run_id: UUID) -> str:
    """Return the id of a run's feedback: the same each time, so that a repeat changes nothing."""
    return str(uuid5(run_id, KEY))


def body_of(observation: Observation, trace_id: str, started: str) -> dict[str, Any]:
    """Return the body of LangSmith's create-feedback request. See `feedback_body`.

    Args:
        observation: A request whose outcome is known.
        trace_id: Id of the root run.
        started: When the run began, in ISO's form, or `""`.
    """
    now = datetime.now(UTC).isoformat()
    kinds = observation.kinds
    body: dict[str, Any] = {
        "id": feedback_id(observation.run_id),
        "created_at": now,
        "modified_at": now,
        "run_id": str(observation.run_id),
        "trace_id": trace_id,
        "key": KEY,
        "score": 1 if observation.is_finding else 0,
        "value": kinds[0] if kinds else CLEAN,
        "comment": _comment(observation),
        "feedback_source": {
            "type": "api",
            "metadata": _source_info(observation),
        },
        "extend_trace_retention": False,
    }
    if started:
        body["start_time"] = started
    return body


def _comment(observation: Observation) -> str:
    if observation.outcome is Outcome.ESCAPED:
        return line(f"{KEY}: {escape(observation)}")
    return line(f"{near_miss(observation)}; outcome {observation.outcome}")


def _source_info(observation: Observation) -> dict[str, Any]:
    report = observation.report
    ids = dict.fromkeys(each.tool_call_id for each in report.violations if each.tool_call_id)
    causes = dict.fromkeys(each.cause.value for each in report.violations)
    info: dict[str, Any] = {
        "source": "toolpair_observe",
        "version": __version__,
        "mode": observation.mode,
        "profile": clean(report.profile),
        "provider": clean(observation.provider),
        "model": clean(observation.model),
        "effect": report.effect.value,
        "outcome": str(observation.outcome),
        "fault": str(observation.escape_fault or ""),
        "companion": str(observation.rejected_companion or ""),
        "kinds": list(observation.kinds),
        "causes": list(causes),
        "tool_call_ids": [clean(each) for each in list(ids)[:MAX_IDS]],
        "message_index": report.violations[0].message_index if report.violations else None,
        "violations": report.violation_count,
        "conversation_id": clean(observation.conversation_id or ""),
        "fresh": observation.is_fresh,
        **_blame_info(observation.blame),
    }
    return {name: value for name, value in info.items() if value not in ("", None, [])}


def _blame_info(blame: Blame | None) -> dict[str, Any]:
    if blame is None:
        return {}
    return {
        "blame_step": clean(blame.step or ""),
        "blame_change": str(blame.change or ""),
        "requests_ago": blame.requests_ago or None,
        "since_run_id": str(blame.since_run_id or ""),
    }
