"""A conversation as lines, with a rail from each call to its result.

Nothing here is colored or printed; that is the part of `toolpair_observe.demo.cases.render`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.words import ViolationKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from toolpair_observe.pairing.report import Violation
    from toolpair_observe.pairing.transcript import Call, Entry, Result, Transcript

_NO_RESULT: Final = "no result"
# So that the timelines of short conversations stand in line with each other.
_LEAST_LANES: Final = 2


@dataclass(frozen=True, slots=True)
class Glyphs:
    """What rails are drawn with."""

    begin: str
    end: str
    past: str
    cross: str
    run: str
    loose: str


UNICODE: Final = Glyphs(begin="╭", end="╰", past="│", cross="┼", run="─", loose="╌")
ASCII: Final = Glyphs(begin="+", end="+", past="|", cross="+", run="-", loose=".")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a timeline.

    Attributes:
        rail: The drawing that ties calls to results.
        index: Position of the message; None on the further lines of the same one.
        role: Who speaks; `""` on the further lines of the same message.
        call_id: The id of the call or of the result; `""` on other lines.
        text: What was said, called or answered.
        is_broken: Whether this is where the pairing fails.
        kinds: The kinds of violation that are named here.
    """

    rail: str
    index: int | None
    role: str
    call_id: str
    text: str
    is_broken: bool = False
    kinds: tuple[ViolationKind, ...] = ()


def draw(
    transcript: Transcript,
    violations: Sequence[Violation],
    texts: Mapping[int, Sequence[str]],
    glyphs: Glyphs = UNICODE,
) -> list[Line]:
    """Draw a conversation.

    Args:
        transcript: The conversation.
        violations: What is wrong with it.
        texts: For each message what to show of it: one text per call, one per result, one for a
            message without either.
        glyphs: What to draw with.
    """
    plan = _Plan(violations, texts, _answers(transcript))
    plan.lay(transcript.entries)
    width = max(_LEAST_LANES, *(len(step.lanes) for step in plan.steps))
    return [
        Line(
            rail=_rail(step, width, glyphs),
            index=step.entry.index if step.is_first else None,
            role=step.entry.role if step.is_first else "",
            call_id=step.call_id,
            text=step.text,
            is_broken=bool(step.kinds) or step.is_mismatched,
            kinds=tuple(sorted(step.kinds)),
        )
        for step in plan.steps
    ]


def _answers(transcript: Transcript) -> dict[Result, Call]:
    """Tie each result to the newest earlier call of its id that has no result yet."""
    waiting: dict[str, list[Call]] = defaultdict(list)
    ties: dict[Result, Call] = {}
    for entry in transcript.entries:
        for result in entry.results:
            if waiting[result.id]:
                ties[result] = waiting[result.id].pop()
        for call in entry.calls:
            waiting[call.id].append(call)
    return ties


@dataclass(slots=True)
class _Step:
    """A line whose rail is not drawn yet.

    `lanes` tells which rails run past or meet the line, `lane` which one begins or ends in it.
    """

    entry: Entry
    call_id: str
    text: str
    kinds: frozenset[ViolationKind]
    lane: int | None = None
    begins: bool = False
    is_loose: bool = False
    is_mismatched: bool = False
    is_first: bool = False
    lanes: tuple[bool, ...] = ()


@dataclass(slots=True)
class _Plan:
    violations: Sequence[Violation]
    texts: Mapping[int, Sequence[str]]
    ties: dict[Result, Call]
    steps: list[_Step] = field(default_factory=list)
    _lanes: list[Call | None] = field(default_factory=list)

    def lay(self, entries: Sequence[Entry]) -> None:
        """Lay out the lines of every message, and those of the results that never came."""
        answered = set(self.ties.values())
        unanswered: list[tuple[Entry, Call]] = []
        for entry in entries:
            if not entry.results:
                self._cut(unanswered)
                unanswered = []
            self._message(entry)
            unanswered += [(entry, call) for call in entry.calls if call not in answered]
        self._cut(unanswered)

    def _message(self, entry: Entry) -> None:
        texts = iter(self.texts.get(entry.index, ()))
        if not entry.calls and not entry.results:
            self._add(_Step(entry, "", next(texts, ""), self._kinds_at(entry.index, None)))
        for result in entry.results:
            self._result(entry, result, next(texts, ""))
        for call in entry.calls:
            self._call(entry, call, next(texts, call.name or ""))

    def _call(self, entry: Entry, call: Call, text: str) -> None:
        kinds = self._kinds_at(entry.index, call.id) - {ViolationKind.MISSING_RESULT}
        free = [lane for lane, owner in enumerate(self._lanes) if owner is None]
        lane = free[0] if free else len(self._lanes)
        self._lanes[lane : lane + 1] = [call]
        self._add(_Step(entry, call.id, text, kinds, lane=lane, begins=True))

    def _result(self, entry: Entry, result: Result, text: str) -> None:
        kinds = self._kinds_at(entry.index, result.id)
        call = self.ties.get(result)
        if call is None:
            self._add(_Step(entry, result.id, text, kinds, is_loose=True))
            return
        lane = self._lanes.index(call)
        self._add(_Step(entry, result.id, text, kinds, lane=lane))
        self._lanes[lane] = None

    def _cut(self, unanswered: Sequence[tuple[Entry, Call]]) -> None:
        for entry, call in unanswered:
            lane = self._lanes.index(call)
            step = _Step(
                entry,
                call.id,
                _NO_RESULT,
                self._kinds_at(entry.index, call.id) & {ViolationKind.MISSING_RESULT},
                lane=lane,
                is_loose=True,
                is_mismatched=self._is_mismatched(call),
            )
            self._add(step)
            step.is_first = False
            self._lanes[lane] = None

    def _add(self, step: _Step) -> None:
        step.is_first = not self.steps or self.steps[-1].entry is not step.entry
        step.lanes = tuple(owner is not None for owner in self._lanes)
        self.steps.append(step)

    def _kinds_at(self, index: int, call_id: str | None) -> frozenset[ViolationKind]:
        return frozenset(
            found.kind
            for found in self.violations
            if found.message_index == index and call_id in (None, found.tool_call_id)
        )

    def _is_mismatched(self, call: Call) -> bool:
        return any(
            found.call_message_index == call.index and found.call_id == call.id
            for found in self.violations
        )


def _rail(step: _Step, width: int, glyphs: Glyphs) -> str:
    run = glyphs.loose if step.is_loose else glyphs.run
    return "".join(_rail_parts(step, width, glyphs, run))


def _rail_parts(step: _Step, width: int, glyphs: Glyphs, run: str) -> Iterator[str]:
    for lane in range(width):
        is_taken = lane < len(step.lanes) and step.lanes[lane]
        if step.lane is None or lane < step.lane:
            yield glyphs.past if is_taken else " "
        elif lane == step.lane:
            yield glyphs.begin if step.begins else glyphs.end
        else:
            yield glyphs.cross if is_taken else run
    yield run * 2 if step.lane is not None or step.is_loose else "  "
