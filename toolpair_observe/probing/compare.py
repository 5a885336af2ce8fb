"""What is different when the same endpoint is asked again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolpair_observe.probing.measurement import Verdict

if TYPE_CHECKING:
    from toolpair_observe.probing.measurement import Answer, Measurement


@dataclass(frozen=True, slots=True)
class AnswerChange:
    """A probe that was not answered as before.

    Attributes:
        before: The answer of the earlier measurement.
        after: That of the later one.
    """

    before: Answer
    after: Answer

    @property
    def is_told(self) -> bool:
        """Whether both times there was an answer, so that the two can be compared."""
        return Verdict.UNTOLD not in (self.before.verdict, self.after.verdict)

    @property
    def is_of_verdict(self) -> bool:
        """Whether the endpoint does something else now, and does not only say it otherwise."""
        return self.is_told and self.before.verdict is not self.after.verdict

    @property
    def is_lost(self) -> bool:
        """Whether there was an answer before, and none now."""
        return self.after.verdict is Verdict.UNTOLD and not self.is_told


def changes(
    before: Measurement, after: Measurement, *, sees_losses: bool = True
) -> tuple[AnswerChange, ...]:
    """Return the probes that are answered otherwise, those of another verdict first.

    A probe that only one of the two has is not compared.

    Args:
        before: The earlier measurement.
        after: The later one.
        sees_losses: Whether the later one would have seen a loss. Where it would not, a loss of the
            earlier one is told neither way.
    """
    later = {answer.probe: answer for answer in after.answers}
    if not sees_losses:
        lost = {each.probe for each in before.answers if each.verdict is Verdict.SILENT_LOSS}
        later = {name: _unseen(each) if name in lost else each for name, each in later.items()}
    pairs = [
        AnswerChange(answer, later[answer.probe])
        for answer in before.answers
        if answer.probe in later and later[answer.probe].history == answer.history
    ]
    return tuple(
        sorted(
            (each for each in pairs if _says(each.before) != _says(each.after)),
            key=lambda each: not each.is_of_verdict,
        )
    )


def _unseen(answer: Answer) -> Answer:
    if answer.verdict is not Verdict.ACCEPT:
        return answer
    return replace(answer, verdict=Verdict.UNTOLD, text="it takes it, and shows no loss")


def _says(answer: Answer) -> tuple[Verdict, str]:
    return answer.verdict, answer.text
