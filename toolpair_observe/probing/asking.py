"""Asking an endpoint with histories, one request at a time, and what it did with each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from toolpair_observe.deadline import Deadline
from toolpair_observe.errors import ProbeError
from toolpair_observe.pairing.shown import line
from toolpair_observe.probing.answering import Outcome, Told, told_by
from toolpair_observe.probing.losses import LONG, SHORT, Losses
from toolpair_observe.probing.measurement import Answer, Verdict
from toolpair_observe.probing.options import Options
from toolpair_observe.probing.pauses import Pauses
from toolpair_observe.probing.requests import CONTROLS, messages_of
from toolpair_observe.probing.sending import heard_of
from toolpair_observe.probing.words import blanked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.probing.requests import Probe
    from toolpair_observe.probing.subject import Subject

CONTROL: Final = CONTROLS[0]
TIMES_WHERE_UNSTABLE: Final = 6
INTERRUPTED: Final = "it was interrupted"

_MOST_TRIES: Final = 4
_MOST_UNTOLD: Final = 3
_VERDICTS: Final = {
    Outcome.REFUSED: Verdict.REJECT,
    Outcome.LOCAL: Verdict.LOCAL_ERROR,
}


class _OverError(Exception):
    """No further request is sent."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an endpoint answered.

    Attributes:
        answers: The answer to each history that was asked to the end.
        requests: How many requests were sent.
        input_tokens: How many tokens they took, as the endpoint counts; None where it does not.
        interrupted: Whether some were not asked.
        why: Why some were not asked, as a clause for people.
        sees_losses: Whether the endpoint counts tokens, so that a loss would have been seen.
    """

    answers: tuple[Answer, ...]
    requests: int
    input_tokens: int | None
    interrupted: bool = False
    why: str = ""
    sees_losses: bool = True


def ask(
    subject: Subject,
    probes: Sequence[Probe],
    options: Options | None = None,
    report: Callable[[int, int], None] | None = None,
) -> Asked:
    """Ask an endpoint with histories, the control first.

    Args:
        subject: Who is asked.
        probes: The histories.
        options: How.
        report: Is told how many were asked, and of how many.

    Raises:
        ProbeError: The endpoint can't be asked; nothing of what it said is of use.
    """
    asker = Asker(subject, options)
    first = [each for each in probes if each.name == CONTROL.name]
    ordered = [*first, *(each for each in probes if each.name != CONTROL.name)]
    try:
        for number, probe in enumerate(ordered, 1):
            asker.ask(probe)
            if asker.why:
                break
            if report is not None:
                report(number, len(ordered))
        asker.settle()
    except KeyboardInterrupt:
        asker.why = INTERRUPTED
    return asker.asked()


class Asker:
    """Asks one endpoint.

    What was asked is kept when it is interrupted: `why` says then that no more is asked, and each
    further history is untold.

    Args:
        subject: Who is asked.
        options: How.
        pauses: What waits between requests; None for real time.

    Attributes:
        requests: How many requests were sent.
        input_tokens: How many tokens they took, as the endpoint counts; None where it does not.
        why: Why no more is asked, `""` while more can be.
    """

    requests: int
    input_tokens: int | None
    why: str

    def __init__(
        self, subject: Subject, options: Options | None = None, pauses: Pauses | None = None
    ) -> None:
        self._subject = subject
        self._options = options or Options()
        self._pauses = pauses or Pauses(self._options.rate)
        self._deadline = Deadline(self._options.deadline)
        self._answers: dict[str, Answer] = {}
        self._probes: dict[str, Probe] = {}
        self._losses = Losses(self._tell)
        self._is_unstable = False
        self._untold = 0
        self.requests = 0
        self.input_tokens = None
        self.why = ""

    def ask(self, probe: Probe) -> Answer:
        """Ask with one history; with the same once only.

        Args:
            probe: The history.

        Raises:
            ProbeError: The endpoint can't be asked.
        """
        if CONTROL.name not in self._answers and not self.why:
            self._ask(CONTROL)
            self._check_control()
        if probe.name not in self._answers and not self.why:
            self._ask(probe)
        return self._answers.get(probe.name) or _untold(probe)

    def settle(self) -> tuple[Answer, ...]:
        """Ask those more often that were asked before an endpoint showed that it is unstable.

        Returns:
            The answers that have changed.
        """
        if not self._is_unstable:
            return ()
        before = dict(self._answers)
        for name, answer in before.items():
            is_open = answer.verdict in (Verdict.ACCEPT, Verdict.REJECT, Verdict.SILENT_LOSS)
            if is_open and answer.times < TIMES_WHERE_UNSTABLE and not self.why:
                self._ask(self._probes[name], known=answer)
        now = self._answers
        return tuple(now[name] for name in before if now[name].verdict is not before[name].verdict)

    def asked(self) -> Asked:
        """Return what was answered so far."""
        answers = tuple(self._answers.values())
        if not self._losses.are_seen:
            # What was counted was not the prompt, so that it has not shown a loss either.
            answers = tuple(map(_as_taken, answers))
        return Asked(
            answers,
            self.requests,
            self.input_tokens,
            interrupted=bool(self.why),
            why=self.why,
            sees_losses=self._losses.are_seen,
        )

    def _check_control(self) -> None:
        """Raise where the endpoint does not take what everybody takes who takes tools."""
        answer = self._answers.get(CONTROL.name)
        if answer is None:
            return
        if answer.verdict is Verdict.REJECT:
            msg = (
                "the endpoint refuses a sound call and its result, so it takes no tools, or not as "
                f"they are sent{_in(answer)}"
            )
            raise ProbeError(msg)
        if answer.verdict is Verdict.LOCAL_ERROR:
            msg = f"a sound call and its result raise before they are sent{_in(answer)}"
            raise ProbeError(msg)
        if answer.verdict is Verdict.UNTOLD:
            msg = f"the endpoint did not answer a sound call and its result{_in(answer)}"
            raise ProbeError(msg)

    def _ask(self, probe: Probe, known: Answer | None = None) -> None:
        """Ask with one history, or again with one of which something is known."""
        try:
            answer = self._answer(probe, known)
        except KeyboardInterrupt:
            self.why = INTERRUPTED
        except _OverError as error:
            self.why = str(error)
        else:
            self._probes[probe.name] = probe
            self._answers[probe.name] = answer
            self._is_unstable |= answer.verdict is Verdict.UNSTABLE
            self._untold = self._untold + 1 if answer.verdict is Verdict.UNTOLD else 0
            if self._untold == _MOST_UNTOLD:
                self.why = f"the endpoint no longer answers{_in(answer)}"

    def _answer(self, probe: Probe, known: Answer | None) -> Answer:
        wanted = self._options.repeat
        if self._is_unstable:
            wanted = max(wanted, TIMES_WHERE_UNSTABLE)
        wanted -= known.times if known else 0
        counted: list[int | None] = []
        found: list[Outcome] = []
        text = known.text if known else ""
        while len(found) < wanted and len(set(found)) <= 1:
            # A refusal is asked for again as it is; a longer one might be refused for its length.
            is_long = len(found) % 2 == 1 and found[-1] is Outcome.TAKEN
            told = self._tell(messages_of(probe.history, result_words=LONG if is_long else SHORT))
            found.append(told.outcome)
            counted.append(told.input_tokens)
            if told.outcome is not Outcome.TAKEN:
                text = text or self._shown(told, probe)
            if told.outcome in (Outcome.AGAIN, Outcome.LOCAL):
                break
        verdict, more = self._verdict(probe, found, counted)
        if known is not None and verdict not in (known.verdict, Verdict.UNTOLD):
            verdict = Verdict.UNSTABLE
        times = len(found) + more + (known.times if known else 0)
        return Answer(probe.name, probe.history, verdict, text, times)

    def _verdict(
        self, probe: Probe, found: Sequence[Outcome], counted: Sequence[int | None]
    ) -> tuple[Verdict, int]:
        """Return the verdict, and how many more requests it took."""
        if found[-1] is Outcome.AGAIN:
            return Verdict.UNTOLD, 0
        if len(set(found)) > 1:
            return Verdict.UNSTABLE, 0
        if found[0] is Outcome.TAKEN:
            return self._losses.look(probe, counted)
        return _VERDICTS[found[0]], 0

    def _shown(self, told: Told, probe: Probe) -> str:
        return self._words(told, messages_of(probe.history))

    def _words(self, told: Told, messages: Sequence[BaseMessage]) -> str:
        return blanked(told.words, messages, {*self._subject.secrets, *told.secrets})

    def _tell(self, messages: Sequence[BaseMessage]) -> Told:
        """Send a request until it is told what comes of it, a few times at most."""
        tries = 1
        while True:
            told = self._tell_once(messages)
            if told.outcome is Outcome.REFUSED:
                # The words of what a refusal repeats are no words about our arguments.
                other = self._subject.without(self._words(told, messages))
                if other is not None:
                    self._subject = other
                    continue
            if told.outcome is Outcome.HOPELESS:
                msg = f"the endpoint can't be asked: {self._words(told, messages)}"
                raise ProbeError(msg)
            if told.outcome is not Outcome.AGAIN or tries == _MOST_TRIES:
                return told
            self._pauses.before_repeat(tries, told.pause, self._deadline.left)
            tries += 1

    def _tell_once(self, messages: Sequence[BaseMessage]) -> Told:
        self._pauses.before_request()
        if self._deadline.is_over:
            msg = f"the time of {self._options.deadline:,.0f} seconds is over"
            raise _OverError(msg)
        seconds = min(self._options.timeout, self._deadline.left)
        heard = heard_of(self._subject, messages, seconds)
        told = told_by(heard, is_watched=self._subject.is_watched)
        self.requests += heard.record.sent if self._subject.is_watched else _sent_by(told)
        if told.input_tokens is not None:
            self.input_tokens = (self.input_tokens or 0) + told.input_tokens
        return told


def _sent_by(told: Told) -> int:
    return told.outcome is not Outcome.LOCAL


def _untold(probe: Probe) -> Answer:
    return Answer(probe.name, probe.history, Verdict.UNTOLD, times=0)


def _as_taken(answer: Answer) -> Answer:
    is_loss = answer.verdict is Verdict.SILENT_LOSS
    return replace(answer, verdict=Verdict.ACCEPT) if is_loss else answer


def _in(answer: Answer) -> str:
    return f": {line(answer.text)}" if answer.text else ""
