"""`probe`: ask an endpoint what it does with tool calls and results that do not pair."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import ProbeError, SettingsError
from toolpair_observe.pairing.shown import line, quoted
from toolpair_observe.pairing.words import Effect
from toolpair_observe.probing import told
from toolpair_observe.probing.asking import INTERRUPTED, Asker
from toolpair_observe.probing.estimate import estimate
from toolpair_observe.probing.file import write_measurement, written
from toolpair_observe.probing.fit import MOST_FURTHER, findings_of, next_probe
from toolpair_observe.probing.measurement import Measurement, Verdict
from toolpair_observe.probing.options import Options
from toolpair_observe.probing.page import page_of
from toolpair_observe.probing.profile import measured_profile
from toolpair_observe.probing.requests import CONTROLS, PROBES, Probe
from toolpair_observe.probing.subject import subject_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessage
    from langchain_core.runnables import Runnable

    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.probing.measurement import Answer
    from toolpair_observe.probing.subject import Subject

_MINUTE: Final = 60.0
# A result is looked for in further requests.
_PATIENCE: Final = 3
_LONGEST: Final = 1_000_000.0


def probe(
    model: Runnable[LanguageModelInput, AIMessage],
    *,
    only: str | None = None,
    repeat: int = 2,
    rate: float | None = None,
    timeout: float = 60.0,
) -> ProbePlan:
    """Return what would be asked of a model's endpoint; `send()` of it asks.

    The endpoint gets short made-up histories with a made-up tool, sound ones and broken ones, and
    shows with its answers which it refuses, which it takes, and where it loses a result without a
    word. Nothing of yours is sent. The model's callbacks, cache, retries and fallbacks are left
    out, so that no trace shows a failed run for it.

    Args:
        model: A chat model, as the application makes it; tools and other arguments may be bound.
        only: A pattern of the names of probes, such as `missing/*`: nothing else is asked, but for
            the sound histories. What was not asked is unknown then.
        repeat: How often each history is sent. Where two answers differ, the result is unknown;
            with 1 no loss of a result is seen.
        rate: How many requests a minute are sent at most; None for as fast as they are answered.
        timeout: How many seconds a request may take.

    Returns:
        The plan. Nothing has been sent.

    Raises:
        ProbeError: There is no chat model in `model`, it takes no tools, or a number is out of
            range; the text says which.
        SettingsError: `only` names no probe.
    """
    asked = _chosen(only)
    further = MOST_FURTHER if only is None else 0
    options = _options(repeat, rate, timeout, len(asked) + further)
    return ProbePlan(subject_of(model), asked, options, goes_on=only is None)


def plan_again(
    model: Runnable[LanguageModelInput, AIMessage],
    before: Measurement,
    *,
    repeat: int = 2,
    rate: float | None = None,
    timeout: float = 60.0,
) -> ProbePlan:
    """Return the plan to ask once more what was asked before.

    Args:
        model: See `probe`.
        before: What was asked before.
        repeat: See `probe`.
        rate: See `probe`.
        timeout: See `probe`.

    Raises:
        ProbeError: It is another endpoint, or it can't be asked.
    """
    asked = tuple(Probe(answer.probe, answer.history) for answer in before.answers)
    options = _options(repeat, rate, timeout, len(asked))
    plan = ProbePlan(subject_of(model), asked, options, goes_on=False)
    then, now = before.endpoint, plan.subject.endpoint
    # Another integration sends something else, which is no change of the endpoint.
    if then != now:
        msg = (
            f"what was measured is {told.asked_through(then)}, and the model goes to "
            f"{told.asked_through(now)}: give the model that was asked, or measure this "
            "one into a file of its own"
        )
        raise ProbeError(msg)
    return plan


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """What would be asked of an endpoint. `print` shows it for people.

    Attributes:
        subject: Who is asked.
        asked: What is asked.
        options: How it is asked.
        goes_on: Whether more is asked where several explanations of the answers are left.
    """

    subject: Subject
    asked: tuple[Probe, ...]
    options: Options
    goes_on: bool

    @property
    def host(self) -> str:
        """The host that is asked, `""` where the integration goes to its own default."""
        return self.subject.endpoint.host

    @property
    def model(self) -> str:
        """The model that is asked for."""
        return self.subject.endpoint.model

    @property
    def probes(self) -> tuple[str, ...]:
        """The names of the histories, in order."""
        return tuple(each.name for each in self.asked)

    @property
    def requests(self) -> int:
        """About how many requests are sent at most, unless it is busy or answers at random."""
        return estimate(self.asked, self._further, self.options.repeat).requests

    @property
    def input_tokens(self) -> int:
        """About how many input tokens they have at most."""
        return estimate(self.asked, self._further, self.options.repeat).input_tokens

    @property
    def _further(self) -> int:
        return MOST_FURTHER if self.goes_on else 0

    def send(self, report: Callable[[int, int], None] | None = None) -> ProbeResult:
        """Ask the endpoint, which costs what its requests cost.

        An interrupt (Ctrl-C) ends the asking and keeps what was learned by then, and so does an
        endpoint that no longer answers.

        Args:
            report: Is told, after each history, how many were sent and of how many; the second
                number may grow.

        Returns:
            What the endpoint does.

        Raises:
            ProbeError: The endpoint refuses even a sound history, the key or the model, or can't be
                reached.
            KeyboardInterrupt: An interrupt came before anything was learned.
        """
        asking = _Asking(self, report)
        asking.run()
        return asking.result()

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON-able values."""
        return {
            "host": self.host,
            "model": self.model,
            "integration": self.subject.endpoint.integration,
            "profile": self.subject.endpoint.profile,
            "requests": self.requests,
            "input_tokens": self.input_tokens,
            "probes": [{"probe": each.name, "history": each.history} for each in self.asked],
        }

    def __str__(self) -> str:
        lines = told.plan_lines(
            self.subject.endpoint, self.to_dict(), self.asked, goes_on=self.goes_on
        )
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What an endpoint does with calls and results that do not pair. `print` shows it for people.

    Attributes:
        measurement: The answers, and what was made of them.
        is_complete: Whether all was asked. What was not asked is unknown.
        stopped: Why no more was asked, such as an interrupt, `""` where nothing stopped it.
        sees_losses: Whether a loss was to be seen: the endpoint counts tokens, and each history was
            sent more than once.
    """

    measurement: Measurement
    is_complete: bool
    stopped: str
    sees_losses: bool

    @property
    def is_interrupted(self) -> bool:
        """Whether an interrupt (Ctrl-C) ended the asking."""
        return self.stopped == INTERRUPTED

    @property
    def profile(self) -> Profile:
        """The profile that judges by it: for `profile=`, wherever that is taken."""
        return measured_profile(self.measurement)

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return self.measurement.requests

    @property
    def input_tokens(self) -> int | None:
        """How many tokens they had, as the endpoint counts; None where it does not say."""
        return self.measurement.input_tokens

    def to_toml(self) -> str:
        """Return what `write` writes."""
        return written(self.measurement)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file of a measured profile, which `profile=` takes by its path.

        Args:
            path: The file, such as `toolpair-profile.toml`. What it holds is replaced.

        Raises:
            MeasuredProfileError: It can't be written.
        """
        write_measurement(self.measurement, path)

    def explain(self) -> str:
        """Return a page on it, in the form of the pages of providers."""
        return page_of(self.measurement)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {
            "complete": self.is_complete,
            "stopped": self.stopped,
            "sees_losses": self.sees_losses,
            **told.as_dict(self.measurement),
        }

    def __str__(self) -> str:
        lines = told.result_lines(
            self.measurement, is_complete=self.is_complete, sees_losses=self.sees_losses
        )
        return "\n".join(lines)


class _Asking:
    """One run through a plan."""

    def __init__(self, plan: ProbePlan, report: Callable[[int, int], None] | None) -> None:
        self._plan = plan
        self._report = report
        self._asker = Asker(plan.subject, plan.options)
        self._answers: list[Answer] = []

    def run(self) -> None:
        """Ask all of it, or until no more can be asked."""
        try:
            self._run()
        except KeyboardInterrupt:
            # It came between two requests.
            self._asker.why = INTERRUPTED

    def _run(self) -> None:
        total = len(self._plan.asked)
        for each in self._plan.asked:
            self._ask(each, total)
        if self._plan.goes_on:
            self._go_on(total)
        # What was asked before an endpoint has shown that it answers at random.
        self._asker.settle()

    def _go_on(self, before: int) -> None:
        for number in range(1, MOST_FURTHER + 1):
            further = None if self._is_over() else next_probe(self._answers, self._base)
            if further is None:
                return
            self._ask(further, before + number)

    def _is_over(self) -> bool:
        return bool(self._asker.why)

    @property
    def _base(self) -> Profile:
        return self._plan.subject.base

    def _ask(self, each: Probe, total: int) -> None:
        if self._is_over():
            return
        answer = self._asker.ask(each)
        if self._is_over():
            return
        if each == CONTROLS[0] and answer.verdict in _UNFIT:
            raise ProbeError(_unfit(answer))
        self._answers.append(answer)
        if self._report is not None:
            self._report(len(self._answers), total)

    def result(self) -> ProbeResult:
        """Return what was learned.

        Raises:
            KeyboardInterrupt: An interrupt came before anything was learned.
            ProbeError: No more could be asked before anything was learned.
        """
        asked = self._asker.asked()
        known = {answer.probe for answer in asked.answers}
        # Without the sound histories no refusal says anything.
        if asked.why and not known > {each.name for each in CONTROLS}:
            if asked.why == INTERRUPTED:
                raise KeyboardInterrupt
            msg = f"the endpoint can't be measured: {asked.why}"
            raise ProbeError(msg)
        findings = findings_of(asked.answers, self._base)
        is_complete = self._plan.goes_on and not asked.why
        # It takes two requests to see whether the prompt grows with the result.
        sees_losses = asked.sees_losses and self._plan.options.repeat > 1
        if not (is_complete and sees_losses):
            # Nobody knows what the other histories would have shown, or whether what was taken has
            # reached the model.
            findings = replace(findings, elsewhere=Effect.UNKNOWN)
        measurement = Measurement(
            endpoint=self._plan.subject.endpoint,
            asked_on=datetime.now(UTC).date(),
            packages=self._plan.subject.packages,
            requests=asked.requests,
            input_tokens=asked.input_tokens,
            answers=asked.answers,
            findings=findings,
        )
        return ProbeResult(measurement, is_complete, asked.why, sees_losses)


_UNFIT: Final = {
    Verdict.SILENT_LOSS: "it loses the result of",
    Verdict.UNSTABLE: "its answers differ on",
}


def _unfit(answer: Answer) -> str:
    """Say what an endpoint does that is not fit to be asked."""
    words = f": {line(answer.text)}" if answer.text else ""
    return (
        f"the endpoint can't be measured, since {_UNFIT[answer.verdict]} even a sound history "
        f"with one tool call and its result{words}"
    )


def _chosen(only: str | None) -> tuple[Probe, ...]:
    """Return the probes to ask, the sound ones first."""
    if only is None:
        return PROBES
    meant = tuple(each for each in PROBES if fnmatchcase(each.name, only))
    if not meant:
        groups = sorted({each.name.partition("/")[0] for each in PROBES})
        msg = f"only is {quoted(only)}, which names no probe; there are {_patterns(groups)}"
        raise SettingsError(msg)
    return tuple(dict.fromkeys((*CONTROLS, *meant)))


def _patterns(groups: Sequence[str]) -> str:
    return ", ".join(f"{group}/*" for group in groups)


def _options(repeat: int, rate: float | None, timeout: float, most: int) -> Options:
    options = Options(rate=rate, repeat=repeat, timeout=timeout)
    if rate is None:
        return options
    # A rate that is asked for may take longer than one who asks at once ever needs.
    seconds = _PATIENCE * _MINUTE * most * repeat / rate
    return replace(options, deadline=min(max(seconds, options.deadline), _LONGEST))
