"""What is said of a stored thread: `ThreadDiagnosis`.

It holds ids, names, positions and counts, and no content: neither of messages nor of questions nor
of errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.shown import clean, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pairing.words import ViolationKind


class ThreadVerdict(StrEnum):
    """What the next turn of a thread will meet."""

    SOUND = "sound"
    """A new message and a resume both go on."""

    WAITING = "waiting"
    """It waits for an answer, or paused before its tools: whoever resumes it goes on."""

    STALLED = "stalled"
    """A run ended between a call and its result. A resume goes on, a new message fails."""

    POISONED = "poisoned"
    """Its stored history is broken: every turn fails until it is mended."""

    UNREADABLE = "unreadable"
    """It could not be read, so that nothing is known."""

    @property
    def is_finding(self) -> bool:
        """Whether somebody has to do something."""
        return self in (ThreadVerdict.STALLED, ThreadVerdict.POISONED)

    @property
    def rank(self) -> int:
        """Its place among the verdicts, the worst one first.

        What can't be read may hide anything, but nobody knows that it does.
        """
        return _WORST_FIRST.index(self)


_WORST_FIRST: Final = (
    ThreadVerdict.POISONED,
    ThreadVerdict.STALLED,
    ThreadVerdict.UNREADABLE,
    ThreadVerdict.WAITING,
    ThreadVerdict.SOUND,
)


@dataclass(frozen=True, slots=True, repr=False)
class Question:
    """A question of an interrupt that nobody has answered.

    Attributes:
        id: The interrupt's id, which `Command(resume={id: …})` answers; `""` where it has none.
        task_id: The task that asks.
    """

    id: str
    task_id: str

    def __repr__(self) -> str:
        return told(self)


@dataclass(frozen=True, slots=True, repr=False)
class TaskError:
    """An error that ended a task of the thread's last superstep.

    Attributes:
        type: The name of its class.
        task_id: The task.
        kind: What a provider has refused by it; None for an error that is no refusal of pairs.
    """

    type: str
    task_id: str
    kind: ViolationKind | None = None

    @property
    def is_pairing(self) -> bool:
        """Whether it is a provider's refusal of calls and results that do not pair."""
        return self.kind is not None

    def __repr__(self) -> str:
        return told(self)


@dataclass(frozen=True, slots=True, repr=False)
class FoundResult:
    """The real result of a call that has none in the stored history.

    Attributes:
        tool_call_id: The call.
        tool_name: Name of the tool, None where it is not told.
        checkpoint_id: The checkpoint that has it.
        namespace: That checkpoint's namespace.
        task_id: The task that wrote it; `""` where it stands in the checkpoint itself.
        is_ambiguous: Whether several results differ, so that none of them is taken.
    """

    tool_call_id: str
    tool_name: str | None
    checkpoint_id: str
    namespace: str
    task_id: str = ""
    is_ambiguous: bool = False

    def __repr__(self) -> str:
        return told(self)

    def to_dict(self, name_id: Callable[[str], str] = str) -> dict[str, Any]:
        """Return it as JSON-able data.

        Args:
            name_id: Returns what stands in place of an id.
        """
        return {
            "tool_call_id": clean(name_id(self.tool_call_id)),
            "tool_name": self.tool_name and clean(self.tool_name),
            "checkpoint_id": self.checkpoint_id,
            "namespace": clean(name_id(self.namespace)) if self.namespace else "",
            "task_id": self.task_id,
            "is_ambiguous": self.is_ambiguous,
        }


@dataclass(frozen=True, slots=True, repr=False)
class BrokenStep:
    """The step after which the stored history was broken.

    Attributes:
        checkpoint_id: The first checkpoint that is broken.
        sound_id: The last one before it that is not; `""` where the oldest one is broken already.
        step: The number of the step, None where the checkpoint does not tell.
        source: What stored it: `input` (a new message), `loop` (nodes), `update` (`update_state`),
            `fork`.
        nodes: The nodes that ran in it, as far as the checkpoint tells.
    """

    checkpoint_id: str
    sound_id: str
    step: int | None
    source: str
    nodes: tuple[str, ...]

    def __repr__(self) -> str:
        return told(self)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ThreadDiagnosis:
    """What is known of one thread in one namespace.

    Attributes:
        thread_id: The thread.
        namespace: `""` for the graph itself, else the subgraph's.
        channel: The channel of messages that decided the verdict; None where there is none.
        verdict: The verdict.
        on_new: The check of the list that a new message makes; None where nothing was checked.
        on_resume: The check of the list that a resume makes, with results that are still to come.
        next: The nodes that a resume runs.
        questions: Questions that wait for an answer.
        errors: Errors of the tasks that did not finish.
        age: Seconds since the head was stored; None where that is not known.
        recoverable: Real results of calls that have none in the list, and where they stand.
        broken_by: The step that broke it; None where it is not broken or the history does not tell.
        checkpoint_id: The head.
        profile: Name of the profile that judged.
        reason: Why it is unreadable; `""` otherwise.
        mended: Whether the head is a mend of ours.
    """

    thread_id: str
    namespace: str
    verdict: ThreadVerdict
    checkpoint_id: str
    channel: str | None = None
    on_new: PairingReport | None = None
    on_resume: PairingReport | None = None
    next: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    errors: tuple[TaskError, ...] = ()
    age: float | None = None
    recoverable: tuple[FoundResult, ...] = ()
    broken_by: BrokenStep | None = None
    profile: str = ""
    reason: str = ""
    mended: bool = False

    def explain(self) -> str:
        """Return all that is known of the thread, and the lines of Python that mend it."""
        from toolpair_observe.threads.text import explain  # noqa: PLC0415 - only for people

        return explain(self)

    def __str__(self) -> str:
        return self.explain()

    def __repr__(self) -> str:
        return told(self)

    def to_dict(self, name_id: Callable[[str], str] = str) -> dict[str, Any]:
        """Return it as JSON-able data without content.

        Args:
            name_id: Returns what stands in place of an id.
        """

        def shown(identifier: str) -> str:
            return clean(name_id(identifier)) if identifier else ""

        return {
            "thread_id": shown(self.thread_id),
            "namespace": shown(self.namespace),
            "channel": self.channel and clean(self.channel),
            "verdict": self.verdict.value,
            "on_new": self.on_new and self.on_new.to_dict(),
            "on_resume": self.on_resume and self.on_resume.to_dict(),
            "next": [clean(node) for node in self.next],
            "questions": [{"id": each.id, "task_id": each.task_id} for each in self.questions],
            "errors": [
                {
                    "type": clean(each.type),
                    "task_id": each.task_id,
                    "is_pairing": each.is_pairing,
                }
                for each in self.errors
            ],
            "age_seconds": self.age,
            "recoverable": [each.to_dict(name_id) for each in self.recoverable],
            "broken_by": self.broken_by
            and {
                "checkpoint_id": self.broken_by.checkpoint_id,
                "sound_id": self.broken_by.sound_id,
                "step": self.broken_by.step,
                "source": clean(self.broken_by.source),
                "nodes": [clean(node) for node in self.broken_by.nodes],
            },
            "checkpoint_id": self.checkpoint_id,
            "profile": clean(self.profile),
            "reason": self.reason,
            "mended": self.mended,
        }
