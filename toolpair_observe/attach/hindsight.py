"""What steps and requests before a request tell of it: who mended it, what broke it, since when.

A request is judged by its own messages alone; nothing here changes a verdict or what strict mode
does with it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from toolpair_observe.hashed import id_namer
from toolpair_observe.pairing.check import check
from toolpair_observe.steps.conversations import CONVERSATIONS, FEW_OUTLINED, MOST_OUTLINED
from toolpair_observe.steps.journal import JOURNAL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import LLMResult

    from toolpair_observe.attach.judge import Verdict
    from toolpair_observe.attach.request import Request
    from toolpair_observe.pairing.masked import MaskedResult
    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.settings import Settings
    from toolpair_observe.steps.blamed import Blame
    from toolpair_observe.steps.conversations import Seen
    from toolpair_observe.steps.runs import Root


class Told(NamedTuple):
    """What is told of one request.

    Attributes:
        masked: The results that other software made up, those that texts and marks show included.
        blame: Of a near miss, what broke the history; None where nothing tells.
        is_fresh: Of a near miss, whether its breach is new in its conversation; None where the
            conversation can't be told.
        awaits_reply: Whether what the model answers will be compared with later requests.
    """

    masked: tuple[MaskedResult, ...] = ()
    blame: Blame | None = None
    is_fresh: bool | None = None
    awaits_reply: bool = False


_NOTHING: Final = Told()


class Hindsight:
    """Says of each request of a handler what steps and requests before it tell.

    Args:
        settings: The handler's own.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rename = id_namer(hash_ids=settings.hash_ids)

    def of(
        self,
        request: Request,
        run_id: UUID,
        parent_id: UUID | None,
        thread_id: str | None,
        verdict: Verdict,
    ) -> Told:
        """Look back from a request.

        Args:
            request: The request.
            run_id: Its run.
            parent_id: The run that asks, or None.
            thread_id: Its thread, or None.
            verdict: The verdict on it; its report has the made-up results that the request's own
                texts and marks show.
        """
        report, mode = verdict.report, self._settings.blame
        root = self._root_of(parent_id) if parent_id is not None else None
        is_sound, hears = not report.effect.is_near_miss, root is not None or mode == "requests"
        if is_sound and not hears:
            # Nobody will compare it, and the next one of a thread is found without it.
            if thread_id is None:
                CONVERSATIONS.note(run_id, None, request.messages)
            return Told(report.masked) if report.masked else _NOTHING
        masked = self._masked(request, parent_id, report, root)
        if root is not None:
            JOURNAL.asked(run_id, root)
        breaches = (
            [] if is_sound else [each for each in report.violations if each.effect.is_near_miss]
        )
        outlined = MOST_OUTLINED if mode == "requests" else 0
        if root is not None and not root.steps:
            # Where no steps are heard of, what is done between two requests is all there is.
            outlined = FEW_OUTLINED
        seen = CONVERSATIONS.note(run_id, thread_id, request.messages, breaches, outlined=outlined)
        if is_sound:
            return Told(masked, awaits_reply=True)
        if not hears:
            return Told(masked, None, seen.is_fresh)
        broken = _Broken(request, parent_id, verdict, root, has_hashes=self._settings.hash_ids)
        if root is not None and thread_id is None:
            seen = _by_text(broken, root, seen)
        return Told(masked, self._blame(broken, seen), seen.is_fresh, awaits_reply=True)

    def masked(
        self, request: Request, parent_id: UUID | None, report: PairingReport
    ) -> tuple[MaskedResult, ...]:
        """Return the results that other software made up; of the request nothing is kept.

        Args:
            request: The request.
            parent_id: The run that asks, or None.
            report: The verdict on it, with those that its own texts and marks show.
        """
        return self._masked(request, parent_id, report, self._root_of(parent_id))

    def _root_of(self, parent_id: UUID | None) -> Root | None:
        return JOURNAL.root_of(parent_id) if self._settings.blame == "steps" else None

    def _masked(
        self, request: Request, parent_id: UUID | None, report: PairingReport, root: Root | None
    ) -> tuple[MaskedResult, ...]:
        if root is None:
            return report.masked
        # Only the steps of an agent tell.
        from toolpair_observe.steps.masked import masked_by_steps  # noqa: PLC0415

        return masked_by_steps(request.messages, report.masked, root, parent_id, self._rename)

    def replied(self, run_id: UUID, reply: LLMResult | None) -> None:
        """Note what a model answered, where the request's `Told` awaits it.

        Args:
            run_id: The request's run.
            reply: langchain-core's `LLMResult`, None where there is none.
        """
        if reply is not None:
            message = _first_message(reply)
            CONVERSATIONS.replied(run_id, message)
            JOURNAL.replied(run_id, message)

    def _blame(self, broken: _Broken, seen: Seen) -> Blame | None:
        """Return what broke the history, as it was found where the breach was new."""
        blame = seen.breach.blame if seen.breach is not None else None
        if blame is None:
            blame = self._found(broken, seen)
            if seen.breach is not None and seen.is_fresh:
                seen.breach.blame = blame
        if blame is None or seen.is_fresh is None:
            return blame
        return replace(
            blame,
            since_run_id=seen.since_run_id,
            requests_ago=seen.requests_ago,
            last_sound_run_id=seen.last_sound_run_id,
            began_elsewhere=blame.began_elsewhere or seen.began_elsewhere,
        )

    def _found(self, broken: _Broken, seen: Seen) -> Blame | None:
        # Here and below: what only a near miss needs.
        from toolpair_observe.steps.blamed import BETWEEN_RUNS  # noqa: PLC0415
        from toolpair_observe.steps.by_requests import blame_by_requests  # noqa: PLC0415
        from toolpair_observe.steps.by_steps import blame_by_steps  # noqa: PLC0415

        messages, root = broken.request.messages, broken.root
        report = _of_breach(broken, seen)
        if self._settings.blame == "requests":
            return blame_by_requests(messages, report, seen)
        by_steps: Blame | None = None
        if root is not None:
            by_steps = blame_by_steps(
                messages, report, broken.check, root, broken.parent_id, self._rename
            )
            if root.steps or (by_steps is not None and by_steps.step != BETWEEN_RUNS):
                return by_steps
        # The model is asked by the application itself: what it did, it did between two calls.
        found = blame_by_requests(messages, report, seen)
        if found is None or found.change is None:
            return by_steps or found
        return replace(found, step=BETWEEN_RUNS)


class _Broken:
    """A near miss that is looked back from.

    Args:
        request: The request.
        parent_id: The run that asks, or None.
        verdict: The verdict on it.
        root: The root run that it is part of, or None.
        has_hashes: Whether the verdict has hashes in place of ids.

    Attributes:
        request: The same, as the others.
        parent_id: The same.
        verdict: The same.
        root: The same.
    """

    def __init__(
        self,
        request: Request,
        parent_id: UUID | None,
        verdict: Verdict,
        root: Root | None,
        *,
        has_hashes: bool,
    ) -> None:
        self.request = request
        self.parent_id = parent_id
        self.verdict = verdict
        self.root = root
        self._has_hashes = has_hashes

    def check(self, messages: Sequence[BaseMessage]) -> PairingReport:
        """Check another list as the request was checked."""
        target = self.verdict.target
        return check(messages, target.profile, target.facts)

    @cached_property
    def plain_report(self) -> PairingReport:
        """The verdict with the ids as they are: no state has hashes of them."""
        return self.check(self.request.messages) if self._has_hashes else self.verdict.report


def _by_text(broken: _Broken, root: Root, seen: Seen) -> Seen:
    """Correct what is told of a history whose messages get new ids in each run."""
    if seen.is_fresh is False and not seen.began_elsewhere:
        return seen  # nothing of it can be wrong: the run before is not looked for
    from toolpair_observe.steps.by_steps import stood_before  # noqa: PLC0415

    stood = stood_before(broken.request.messages, broken.plain_report, root)
    if stood is None:
        return seen
    return seen._replace(is_fresh=seen.is_fresh and not stood, began_elsewhere=False)


def _first_message(reply: LLMResult) -> BaseMessage | None:
    """Return what a model answered; None where it is no message, as of a run that others end."""
    for candidates in getattr(reply, "generations", ())[:1]:
        for generation in candidates[:1]:
            return getattr(generation, "message", None)
    return None


def _of_breach(broken: _Broken, seen: Seen) -> PairingReport:
    """Return a report, with the ids as they are, of those violations alone that are of the breach.

    Args:
        broken: The near miss.
        seen: What earlier requests tell of it.
    """
    report = broken.plain_report
    if seen.breach is None:
        return report
    # Its violations were noted in the conversation as the verdict names them.
    pairs = zip(report.violations, broken.verdict.report.violations, strict=True)
    messages = broken.request.messages
    own = tuple(each for each, named in pairs if seen.breach.has(named, messages))
    # Mostly all are, and a copy costs more than to look.
    is_part = 0 < len(own) < len(report.violations)
    return replace(report, violations=own) if is_part else report
