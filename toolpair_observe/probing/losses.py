"""Whether results that were taken reached the prompt: told by the tokens that the endpoint counts.

A history is asked twice, the second time with longer results. Where the count does not grow by as
much as the sound history's did for each result, one of them never reached the prompt. That needs
no obedience of the model, so no code word is asked for: a model that does not repeat one shows
nothing, and one that repeats it shows what the count has shown already.

A count that leaves cached tokens out, or that is no count, must not look like a loss: a loss is
asked for twice, and the same request has to be counted the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from langchain_core.messages import HumanMessage, ToolMessage

from toolpair_observe.probing.answering import Outcome
from toolpair_observe.probing.measurement import Verdict
from toolpair_observe.probing.requests import messages_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.probing.answering import Told
    from toolpair_observe.probing.requests import Probe

SHORT: Final = 4
LONG: Final = 44

_FEWEST: Final = (LONG - SHORT) // 2
# Some servers put the date or an id into the prompt.
_SPREAD: Final = 3


class Losses:
    """Looks for results that do not reach the prompt.

    Args:
        tell: Sends a request.

    Attributes:
        are_seen: Whether a loss would have been seen so far.
    """

    are_seen: bool

    def __init__(self, tell: Callable[[Sequence[BaseMessage]], Told]) -> None:
        self._tell = tell
        self._per_result: int | None = None
        self.are_seen = True

    def look(self, probe: Probe, counted: Sequence[int | None]) -> tuple[Verdict, int]:
        """Return what became of a history that was taken, and how often it was asked for that.

        Args:
            probe: The history.
            counted: The tokens of each request, with short and long results in turn.
        """
        results = _results_of(probe)
        if not results or not self.are_seen or len(counted) == 1:
            return Verdict.ACCEPT, 0
        grown = _grown(counted)
        if not grown:
            self.are_seen = False
            return Verdict.ACCEPT, 0
        if self._per_result is None:
            self._calibrate(probe, grown[0] // results)
            if self._per_result is None:
                return Verdict.ACCEPT, 0
        lost = {each < (results - 0.5) * self._per_result for each in grown}
        if lost == {False}:
            return Verdict.ACCEPT, 0
        if len(lost) > 1:
            return Verdict.UNSTABLE, 0
        return self._confirmed(probe, counted, results * self._per_result), 2

    def _calibrate(self, probe: Probe, per_result: int) -> None:
        """Learn what a result's words count, from the first history: a sound one."""
        if per_result >= _FEWEST:
            self._per_result = per_result
            return
        # Either no result reaches the prompt, or what is counted is not the prompt.
        human = [_longer(each) for each in messages_of(probe.history, result_words=SHORT)]
        requests = [messages_of(probe.history, result_words=SHORT)] * 2 + [human]
        first, again, longer = map(self._count, requests)
        if first is None or again is None or longer is None:
            self.are_seen = False
        elif per_result >= -_SPREAD and _is_sound(first, again, longer):
            self._per_result = longer - first
        else:
            self.are_seen = False

    def _confirmed(self, probe: Probe, counted: Sequence[int | None], whole: float) -> Verdict:
        again = [
            self._count(messages_of(probe.history, result_words=words)) for words in (SHORT, LONG)
        ]
        if None in again:
            return Verdict.UNTOLD
        (grown,) = _grown(again)
        if grown >= whole - whole / (2 * _results_of(probe)):
            return Verdict.UNSTABLE
        pairs = zip(counted[:2], again, strict=True)
        if any(abs((one or 0) - (other or 0)) > _SPREAD for one, other in pairs):
            self.are_seen = False
            return Verdict.ACCEPT
        return Verdict.SILENT_LOSS

    def _count(self, messages: Sequence[BaseMessage]) -> int | None:
        told = self._tell(messages)
        return told.input_tokens if told.outcome is Outcome.TAKEN else None


def _grown(counted: Sequence[int | None]) -> list[int]:
    """Return by how much each pair grew; nothing where a count is missing."""
    pairs = list(zip(counted[::2], counted[1::2], strict=False))
    return [long - short for short, long in pairs if short is not None and long is not None]


def _is_sound(first: int, again: int, longer: int) -> bool:
    """Whether the same counts the same, and more counts more."""
    return abs(again - first) <= _SPREAD and longer - first >= _FEWEST


def _results_of(probe: Probe) -> int:
    return sum(isinstance(each, ToolMessage) for each in messages_of(probe.history))


def _longer(message: BaseMessage) -> BaseMessage:
    if not isinstance(message, HumanMessage):
        return message
    return HumanMessage(f"{message.content} {'river ' * (LONG - SHORT)}")
