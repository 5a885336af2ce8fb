"""A conversation as lines, with a rail from each call to its result.

`toolpair_observe.demo.cases.render` colors and prints the lines.
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
# Aligns the timelines of short conversations with each other.
_MIN_LANES: Final = 2


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of a rail."""

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
        index: Position of the message; None on further lines of the same message.
        role: Role of the message; `""` on further lines of the same message.
        call_id: The id of the call or of the result; `""` on other lines.
        text: The text of the message, the call or the result.
        is_broken: Whether the pairing fails here.
        kinds: The kinds of violation at this line.
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
        violations: Its violations.
        texts: The texts to show for each message: one per call, one per result, one for a message
            without either.
        glyphs: The characters of the rails.
    """
    layout = _Layout(violations, texts, _answers(transcript))
    layout.add_messages(transcript.entries)
    width = max(_MIN_LANES, *(len(draft.lanes) for draft in layout.drafts))
    return [
        Line(
            rail=_rail(draft, width, glyphs),
            index=draft.entry.index if draft.is_first else None,
            role=draft.entry.role if draft.is_first else "",
            call_id=draft.call_id,
            text=draft.text,
            is_broken=bool(draft.kinds) or draft.is_mismatched,
            kinds=tuple(sorted(draft.kinds)),
        )
        for draft in layout.drafts
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
class _Draft:
    """A line without its rail.

    Attributes:
        entry: The message.
        call_id: See `Line`.
        text: See `Line`.
        kinds: See `Line`.
        lane: The lane of the rail that begins or ends at the line.
        begins: Whether that rail begins here.
        is_loose: Whether the line has no counterpart: a call or a result that pairs with nothing.
        is_mismatched: Whether a violation pairs the call with a result of another id.
        is_first: Whether it is the first line of its message.
        lanes: Which lanes have a rail at the line.
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
class _Layout:
    """The lines of a conversation, with the lane of each open call."""

    violations: Sequence[Violation]
    texts: Mapping[int, Sequence[str]]
    ties: dict[Result, Call]
    drafts: list[_Draft] = field(default_factory=list)
    _lanes: list[Call | None] = field(default_factory=list)

    def add_messages(self, entries: Sequence[Entry]) -> None:
        """Add the lines of every message, and a line for each call that has no result."""
        answered = set(self.ties.values())
        unanswered: list[tuple[Entry, Call]] = []
        for entry in entries:
            if not entry.results:
                self._end_rails(unanswered)
                unanswered = []
            self._add_message(entry)
            unanswered += [(entry, call) for call in entry.calls if call not in answered]
        self._end_rails(unanswered)

    def _add_message(self, entry: Entry) -> None:
        texts = iter(self.texts.get(entry.index, ()))
        if not entry.calls and not entry.results:
            self._add(_Draft(entry, "", next(texts, ""), self._kinds_at(entry.index, None)))
        for result in entry.results:
            self._add_result(entry, result, next(texts, ""))
        for call in entry.calls:
            self._add_call(entry, call, next(texts, call.name or ""))

    def _add_call(self, entry: Entry, call: Call, text: str) -> None:
        kinds = self._kinds_at(entry.index, call.id) - {ViolationKind.MISSING_RESULT}
        free = [lane for lane, owner in enumerate(self._lanes) if owner is None]
        lane = free[0] if free else len(self._lanes)
        self._lanes[lane : lane + 1] = [call]
        self._add(_Draft(entry, call.id, text, kinds, lane=lane, begins=True))

    def _add_result(self, entry: Entry, result: Result, text: str) -> None:
        kinds = self._kinds_at(entry.index, result.id)
        call = self.ties.get(result)
        if call is None:
            self._add(_Draft(entry, result.id, text, kinds, is_loose=True))
            return
        lane = self._lanes.index(call)
        self._add(_Draft(entry, result.id, text, kinds, lane=lane))
        self._lanes[lane] = None

    def _end_rails(self, unanswered: Sequence[tuple[Entry, Call]]) -> None:
        for entry, call in unanswered:
            lane = self._lanes.index(call)
            draft = _Draft(
                entry,
                call.id,
                _NO_RESULT,
                self._kinds_at(entry.index, call.id) & {ViolationKind.MISSING_RESULT},
                lane=lane,
                is_loose=True,
                is_mismatched=self._is_mismatched(call),
            )
            self._add(draft)
            draft.is_first = False
            self._lanes[lane] = None

    def _add(self, draft: _Draft) -> None:
        draft.is_first = not self.drafts or self.drafts[-1].entry is not draft.entry
        draft.lanes = tuple(owner is not None for owner in self._lanes)
        self.drafts.append(draft)

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


def _rail(draft: _Draft, width: int, glyphs: Glyphs) -> str:
    run = glyphs.loose if draft.is_loose else glyphs.run
    return "".join(_rail_parts(draft, width, glyphs, run))


def _rail_parts(draft: _Draft, width: int, glyphs: Glyphs, run: str) -> Iterator[str]:
    for lane in range(width):
        is_taken = lane < len(draft.lanes) and draft.lanes[lane]
        if draft.lane is None or lane < draft.lane:
            yield glyphs.past if is_taken else " "
        elif lane == draft.lane:
            yield glyphs.begin if draft.begins else glyphs.end
        else:
            yield glyphs.cross if is_taken else run
    yield run * 2 if draft.lane is not None or draft.is_loose else "  "
