"""A report's messages as lines, with a rail from each call to its result.

A report keeps the messages around its breaches.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.shown import line, shown
from toolpair_observe.pairing.ties import tie
from toolpair_observe.pairing.words import Effect, ViolationKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from toolpair_observe.pairing.masked import MaskedResult
    from toolpair_observe.pairing.report import PairingReport, Violation
    from toolpair_observe.pairing.ties import ShownCall
    from toolpair_observe.pairing.timeline import Stop

NO_RESULT: Final = "no result"
# Aligns the timelines of short conversations with each other.
_MIN_LANES: Final = 2
# Further calls have no rail: more than this many are no picture.
_MAX_LANES: Final = 8
# What a result that has a call can be, is another one of the same message and id.
_SECOND: Final = frozenset({ViolationKind.DUPLICATE_RESULT})
# The line that says that a call has no result bears that alone.
_OF_CALLS: Final = frozenset(ViolationKind) - {ViolationKind.MISSING_RESULT}


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of a timeline.

    Attributes:
        begin: Where a rail begins.
        end: Where a rail ends.
        past: A rail beside the line.
        cross: A rail that another one crosses.
        run: What leads from the rail to the line.
        loose: The same where no rail is.
        broken: The mark of a line at which the pairing fails.
        made_up: The mark of a result that other software made up.
        arrow: Stands before what is wrong.
        more: Stands before what is left out.
    """

    begin: str
    end: str
    past: str
    cross: str
    run: str
    loose: str
    broken: str
    made_up: str
    arrow: str
    more: str


UNICODE: Final = Glyphs("╭", "╰", "│", "┼", "─", "╌", "✗", "!", "←", "…")
ASCII: Final = Glyphs("+", "+", "|", "+", "-", ".", "x", "!", "<-", "...")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a timeline.

    Attributes:
        rail: The drawing that ties calls to results.
        past: The rails that go on below the line.
        index: Position of the message; None on further lines of the same message.
        role: Role of the message; `""` on further lines of the same message.
        identifier: The id of the call or of the result; `""` on other lines.
        text: The tool's name, a text that was given, or that there is no result.
        is_broken: Whether the pairing fails here.
        marks: What is wrong here: kinds of violations, and who made the result up.
        is_made_up: Whether other software made the result up.
        is_fold: Whether the line stands for messages that are left out.
    """

    rail: str
    past: str
    index: int | None
    role: str
    identifier: str
    text: str
    is_broken: bool = False
    marks: tuple[str, ...] = ()
    is_made_up: bool = False
    is_fold: bool = False


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What is drawn of a history.

    Attributes:
        stops: The messages to show, in their order.
        count: How many messages the history has.
        violations: What is wrong, also in messages that are not shown.
        masked: The results that other software made up.
        is_cut: Whether more is wrong than `violations` holds.
    """

    stops: Sequence[Stop]
    count: int
    violations: Sequence[Violation] = ()
    masked: Sequence[MaskedResult] = ()
    is_cut: bool = False

    @classmethod
    def of(cls, report: PairingReport, stops: Sequence[Stop]) -> Excerpt:
        """Return the part of a report's history that `stops` are."""
        return cls(
            stops,
            report.message_count,
            report.violations,
            report.masked,
            report.more_violations > 0,
        )


def draw(
    excerpt: Excerpt,
    *,
    texts: Mapping[int, Sequence[str]] | None = None,
    glyphs: Glyphs = UNICODE,
) -> list[Line]:
    """Draw messages, each call tied to its result.

    Args:
        excerpt: What to draw.
        texts: What to show for each message: a text per result, then one per call, or one of a
            message without either. By default calls show the tool's name.
        glyphs: The characters of the rails.
    """
    layout = _Layout(excerpt, texts or {}, glyphs)
    drafts = layout.drafts()
    width = max([_MIN_LANES, *(len(draft.lanes) for draft in drafts)])
    return [_line(draft, width, glyphs) for draft in drafts]


@dataclass(slots=True)
class _Marks:
    """What is wrong at each message.

    Attributes:
        at: The breaches that no line bears yet, by the message and the id.
        lacking: The message and the id of each call that a breach says has no result.
        elsewhere: The same of the calls whose result stands in another place.
        made_up: Who made results up, by the message and the id.
    """

    at: dict[int, dict[str, list[Violation]]] = field(default_factory=dict)
    lacking: set[tuple[int, str]] = field(default_factory=set)
    elsewhere: set[tuple[int, str]] = field(default_factory=set)
    made_up: dict[tuple[int, str], str] = field(default_factory=dict)

    def take(
        self, index: int, identifier: str, *, but: Collection[ViolationKind] = ()
    ) -> list[Violation]:
        """Return the first breach of each kind that no line bears yet.

        One breach marks one line, also where several lines have the same id.
        """
        at = self.at.get(index, {})
        found: dict[ViolationKind, Violation] = {}
        for each in at.get(identifier, ()):
            if each.kind not in but:
                found.setdefault(each.kind, each)
        if found:
            at[identifier] = [each for each in at[identifier] if each is not found.get(each.kind)]
        return list(found.values())


def _marks_of(violations: Sequence[Violation], masked: Sequence[MaskedResult]) -> _Marks:
    marks = _Marks()
    for found in violations:
        identifier = shown(found.tool_call_id)
        at = marks.at.setdefault(found.message_index, {})
        at.setdefault(identifier, []).append(found)
        caller = found.call_message_index
        if found.kind is ViolationKind.MISSING_RESULT:
            marks.lacking.add((found.message_index, identifier))
        elif found.kind is ViolationKind.MISMATCHED_RESULT and caller is not None:
            marks.lacking.add((caller, shown(found.call_id)))
        elif caller is not None and caller != found.message_index:
            marks.elsewhere.add((caller, shown(found.call_id) or identifier))
    for each in masked:
        made_up = f"made up by {shown(each.by)} ({each.kind})"
        marks.made_up[each.message_index, shown(each.tool_call_id)] = made_up
    return marks


@dataclass(slots=True)
class _Draft:
    """A line without its rail.

    Attributes:
        index: See `Line`.
        role: See `Line`.
        identifier: See `Line`.
        text: See `Line`.
        found: The breaches at the line.
        lane: The lane of the rail that begins or ends at the line.
        begins: Whether that rail begins here.
        is_loose: Whether the line has no counterpart: a call or a result that pairs with nothing.
        is_tied: Whether the line has a counterpart, or may have one that is not shown.
        is_broken: Whether it is broken without a breach of its own.
        made_up: Who made the result up.
        folded: What is wrong in the messages that the line stands for; None of other lines.
        lanes: Which lanes have a rail at the line.
        past: Which lanes have a rail below the line.
    """

    index: int | None
    role: str
    identifier: str = ""
    text: str = ""
    found: list[Violation] = field(default_factory=list)
    lane: int | None = None
    begins: bool = False
    is_loose: bool = False
    is_tied: bool = False
    is_broken: bool = False
    made_up: str = ""
    folded: tuple[str, ...] | None = None
    lanes: tuple[bool, ...] = ()
    past: tuple[bool, ...] = ()


class _Layout:
    """The lines of a timeline, with the lane of each open call."""

    def __init__(
        self, excerpt: Excerpt, texts: Mapping[int, Sequence[str]], glyphs: Glyphs
    ) -> None:
        self._stops, self._count = excerpt.stops, excerpt.count
        self._found = sorted(excerpt.violations, key=_place_of)
        self._is_cut = excerpt.is_cut
        self._marks = _marks_of(excerpt.violations, excerpt.masked)
        self._texts, self._more = texts, glyphs.more
        self._calls, self._ties = tie(excerpt.stops, excerpt.violations)
        self._lanes: list[ShownCall | None] = []
        self._open: list[ShownCall] = []
        self._drafts: list[_Draft] = []

    def drafts(self) -> list[_Draft]:
        """Return the lines of every message, and a line for each call that has no result."""
        following = 0
        for stop in self._stops:
            self._fold(following, stop.index)
            following = stop.index + 1
            if not stop.results:
                self._end_rails(seen=True)
            elif stop.more_results:
                for call in self._open:
                    call.is_cut = True
            self._add_message(stop)
        self._fold(following, self._count)
        self._end_rails(seen=True)
        return self._drafts

    def _fold(self, start: int, end: int) -> None:
        """Add a line for the messages from `start` to before `end`, if there are any."""
        if end <= start:
            return
        self._end_rails(seen=False)
        first, last = (bisect_left(self._found, index, key=_place_of) for index in (start, end))
        kinds = Counter(found.kind.value for found in self._found[first:last])
        least = "at least " if self._is_cut else ""
        marks = tuple(f"{least}{n} {kind}" for kind, n in kinds.items())
        noun = "message" if end - start == 1 else "messages"
        self._add(_Draft(None, "", text=f"{self._more} {end - start:,} more {noun}", folded=marks))
        for call in self._open:
            self._free(call)
        self._open = []
        self._drafts[-1].past = self._taken()

    def _add_message(self, stop: Stop) -> None:
        texts = iter(self._texts.get(stop.index, ()))
        first = len(self._drafts)
        for place, identifier in enumerate(stop.results):
            self._add_result(stop, place, identifier, next(texts, ""))
        if stop.more_results:
            self._add(_Draft(None, "", text=f"and {stop.more_results} more"))
        for call, (name, _) in zip(self._calls[stop.index], stop.calls, strict=True):
            self._add_call(call, next(texts, name or "?"))
        if stop.more_calls:
            self._add(_Draft(None, "", text=f"and {stop.more_calls} more calls"))
        if len(self._drafts) == first:
            self._add(_Draft(None, "", text=next(texts, "")))
        self._drafts[first].index, self._drafts[first].role = stop.index, stop.role.value
        self._place_rest(stop, self._drafts[first:])

    def _place_rest(self, stop: Stop, drafts: list[_Draft]) -> None:
        """Mark the last line of a message with what no other line of it bears."""
        later = Counter(
            call.identifier
            for call in self._calls[stop.index]
            if self._is_lacking(call) and not call.is_answered
        )
        for identifier, waiting in self._marks.at.get(stop.index, {}).items():
            for found in waiting:
                if found.kind is ViolationKind.MISSING_RESULT and later[identifier]:
                    later[identifier] -= 1
                else:
                    drafts[-1].found.append(found)

    def _add_call(self, call: ShownCall, text: str) -> None:
        but = set() if call.is_answered else {ViolationKind.MISSING_RESULT}
        if call.is_first:
            but.add(ViolationKind.DUPLICATE_CALL_ID)
        found = self._marks.take(call.index, call.identifier, but=but)
        free = [lane for lane, owner in enumerate(self._lanes) if owner is None]
        lane = free[0] if free else len(self._lanes)
        if lane < _MAX_LANES:
            self._lanes[lane : lane + 1] = [call]
            call.lane = lane
        self._add(
            _Draft(
                None, "", call.identifier, text, found, call.lane, begins=True, is_tied=True
            )
        )  # fmt: skip
        if not call.is_answered:
            self._open.append(call)

    def _add_result(self, stop: Stop, place: int, identifier: str, text: str) -> None:
        call = self._ties.get((stop.index, place))
        found = self._marks.take(stop.index, identifier, but=_SECOND if call else ())
        draft = _Draft(
            None, "", identifier, text, found,
            lane=call.lane if call else None,
            is_loose=call is None and bool(found),
            is_tied=call is not None or not found,
            made_up=self._marks.made_up.get((stop.index, identifier), ""),
        )  # fmt: skip
        self._add(draft)
        if call is not None:
            self._free(call)
            draft.past = self._taken()

    def _end_rails(self, *, seen: bool) -> None:
        """End the rails of calls without a result.

        Args:
            seen: Whether every message up to here is shown. Otherwise a call that nothing
                complains of may be answered by one that is not.
        """
        waiting: list[ShownCall] = []
        for call in self._open:
            where = (call.index, call.identifier)
            is_lacking = where in self._marks.lacking
            may_be_answered = call.is_cut or self._is_cut or where in self._marks.elsewhere
            if is_lacking or (seen and not may_be_answered):
                self._end_rail(call, is_lacking=is_lacking)
            elif seen:
                self._free(call)
            else:
                waiting.append(call)
        self._open = waiting

    def _end_rail(self, call: ShownCall, *, is_lacking: bool) -> None:
        found = self._marks.take(call.index, call.identifier, but=_OF_CALLS)
        broken = is_lacking and (not found or any(_hurts(each) for each in found))
        draft = _Draft(
            None, "", call.identifier, NO_RESULT, found, call.lane,
            is_loose=True, is_broken=broken,
        )  # fmt: skip
        self._add(draft)
        self._free(call)
        draft.past = self._taken()

    def _is_lacking(self, call: ShownCall) -> bool:
        return (call.index, call.identifier) in self._marks.lacking

    def _add(self, draft: _Draft) -> None:
        draft.lanes = draft.past = self._taken()
        self._drafts.append(draft)

    def _free(self, call: ShownCall) -> None:
        if call.lane is not None:
            self._lanes[call.lane] = None

    def _taken(self) -> tuple[bool, ...]:
        return tuple(owner is not None for owner in self._lanes)


def _place_of(found: Violation) -> int:
    return found.message_index


def _hurts(found: Violation) -> bool:
    return found.effect is not Effect.ACCEPT


def _line(draft: _Draft, width: int, glyphs: Glyphs) -> Line:
    run = glyphs.loose if draft.is_loose else glyphs.run
    kinds = dict.fromkeys(found.kind.value for found in draft.found)
    made_up = (draft.made_up,) if draft.made_up else ()
    past = "".join(
        glyphs.past if lane < len(draft.past) and draft.past[lane] else " " for lane in range(width)
    )
    return Line(
        rail="".join(_rail(draft, width, glyphs, run)),
        past=f"{past}  ",
        index=draft.index,
        role=draft.role,
        # A report that is made by hand, or unpickled, holds what it was given.
        identifier=shown(draft.identifier),
        text=line(draft.text),
        is_broken=draft.is_broken or any(map(_hurts, draft.found)) or bool(draft.folded),
        marks=(*kinds, *made_up, *(draft.folded or ())),
        is_made_up=bool(made_up),
        is_fold=draft.folded is not None,
    )


def _rail(draft: _Draft, width: int, glyphs: Glyphs, run: str) -> Iterator[str]:
    for lane in range(width):
        is_taken = lane < len(draft.lanes) and draft.lanes[lane]
        if draft.lane is None or lane < draft.lane:
            yield glyphs.past if is_taken else " "
        elif lane == draft.lane:
            yield glyphs.begin if draft.begins else glyphs.end
        else:
            yield glyphs.cross if is_taken else run
    yield run * 2 if draft.is_tied or draft.is_loose else "  "
