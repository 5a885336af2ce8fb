"""What a report says, in the order in which people need it, before it is drawn anywhere.

The summary; the timeline with the break marked; then of each sort of breach what the provider will
say, what to do, and why it probably happened.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from toolpair_observe.pairing.cause_info import OR
from toolpair_observe.pairing.cause_notes import CAUSES
from toolpair_observe.pairing.masked import MaskedEvidence, MaskedKind
from toolpair_observe.pairing.rails import UNICODE, Excerpt, draw
from toolpair_observe.pairing.report import CONTRACT_NAME, describe, describe_masked
from toolpair_observe.pairing.shown import line, shown
from toolpair_observe.pairing.timeline import CONTEXT
from toolpair_observe.pairing.typeset import Piece, Row, columns, padded
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolpair_observe.pairing.masked import MaskedResult
    from toolpair_observe.pairing.rails import Glyphs, Line
    from toolpair_observe.pairing.report import PairingReport, Violation

RESCUE: Final = "to rescue threads stored like this: toolpair-observe threads DATABASE_URL"
"""Ends what is to do: a change of the code mends no thread that a checkpointer has stored."""

EFFECTS: Final = {
    Effect.LOCAL_ERROR: "the integration raises before any request is sent",
    Effect.REJECT: "the provider answers with an error",
    Effect.SILENT_LOSS: "the request goes through, but the model sees something else",
    Effect.UNKNOWN: "there is no evidence of what the provider does with it",
    Effect.ACCEPT: "the provider takes it",
    Effect.CLEAN: "the provider has nothing to complain about",
}
STYLES: Final = {
    Effect.LOCAL_ERROR: "bad",
    Effect.REJECT: "bad",
    Effect.SILENT_LOSS: "warn",
    Effect.UNKNOWN: "warn",
    Effect.ACCEPT: "good",
    Effect.CLEAN: "good",
}
_BREAKS_THE_RULE: Final = (
    "breaks LangChain's rule (each call is answered at once, by one result). No provider is named: "
    'profile="openai-chat", or --profile openai-chat, says what that one does'
)
_FOLLOWS_THE_RULE: Final = "keeps LangChain's rule; no provider is named"

_MOST_GROUPS: Final = 20
_MOST_PLACES: Final = 8
# Of each sort so many are drawn, and of all together.
_DRAWN_OF_A_GROUP: Final = 2
_MOST_DRAWN: Final = 12
_ID_COLUMN: Final = 30
_ROLE_COLUMN: Final = 6


TO_DO: Final = "to do:"


class Fact(NamedTuple):
    """One thing that is known: what it is, and the text."""

    label: str
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, label: str, text: str, style: str = "") -> Fact:
        """Return a fact whose text has one style."""
        return cls(label, (Piece(line(text), style),))


@dataclass(frozen=True, slots=True)
class Block:
    """What belongs together: a heading, `""` where the summary has said it, and facts."""

    heading: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A report before it is drawn.

    Attributes:
        summary: The first line.
        is_bad: Whether it is about a near miss.
        timeline: The rows of the timeline.
        blocks: What is said of each sort of breach, the worst first.
        last: The last line, or `""`.
    """

    summary: str
    is_bad: bool
    timeline: tuple[Row, ...]
    blocks: tuple[Block, ...]
    last: str


def page_of(
    report: PairingReport,
    *,
    of_thread: bool = False,
    broken_by: str = "",
    glyphs: Glyphs = UNICODE,
) -> Page:
    """Return what a report says.

    Args:
        report: The report.
        of_thread: Whether the reader knows that it is about a stored thread.
        broken_by: What broke the history, as a sentence; `""` where nothing tells.
        glyphs: The characters of the timeline.
    """
    groups = _groups(report.violations)
    masked = _masked_groups(report.masked)
    rows = timeline_rows(_drawn(report, groups, masked, glyphs), glyphs)
    blocks = [*_blocks(report, groups), *map(_masked, masked[-_MOST_GROUPS:])]
    if broken_by:
        fact = Fact.of("broken by:", broken_by)
        if len(groups) == 1:
            blocks[0] = Block(blocks[0].heading, (*blocks[0].facts, fact))
        else:
            blocks.insert(min(len(groups), _MOST_GROUPS), Block("", (fact,)))
    left_out = [*_left_out(report, groups), *_masked_left_out(masked)]
    blocks += [Block(line(text), ()) for text in left_out]
    return Page(
        report.summary(),
        not report.ok,
        tuple(rows),
        tuple(blocks),
        "" if report.ok or of_thread else RESCUE,
    )


def _groups(violations: Iterable[Violation]) -> list[list[Violation]]:
    """Put breaches together that have the same cause, effect and remedy: the worst ones first."""
    groups: dict[tuple[str, ...], list[Violation]] = defaultdict(list)
    for each in violations:
        groups[each.kind, each.effect, each.cause, each.hint].append(each)
    return sorted(groups.values(), key=lambda group: group[0].effect.rank)


def _masked_groups(masked: Iterable[MaskedResult]) -> list[list[MaskedResult]]:
    """Put made-up results together that differ in their place alone; the last one comes last."""
    groups: dict[tuple[object, ...], list[MaskedResult]] = {}
    for each in masked:
        key = (each.by, each.kind, each.evidence, each.step, each.fresh)
        group = groups.pop(key, [])
        group.append(each)
        groups[key] = group
    return list(groups.values())


def _drawn(
    report: PairingReport,
    groups: Sequence[Sequence[Violation]],
    masked: Sequence[Sequence[MaskedResult]],
    glyphs: Glyphs,
) -> list[Line]:
    """Draw the messages around the first breaches of each sort, and the last made-up results."""
    told: list[Violation | MaskedResult] = [
        *[found for group in groups for found in group[:_DRAWN_OF_A_GROUP]][:_MOST_DRAWN],
        *[found for group in masked for found in group[-_DRAWN_OF_A_GROUP:]][-_MOST_DRAWN:],
    ]
    near = {
        index
        for found in told
        for middle in (found.message_index, found.call_message_index)
        if middle is not None
        for index in range(middle - CONTEXT, middle + CONTEXT + 1)
    }
    stops = [stop for stop in report.timeline if stop.index in near]
    if not stops:
        return []
    excerpt = Excerpt.of(report, stops)
    return draw(excerpt, glyphs=glyphs)


def timeline_rows(lines: Sequence[Line], glyphs: Glyphs) -> list[Row]:
    """Return the lines of a timeline as rows."""
    numbers = max([2, *(len(str(each.index)) for each in lines if each.index is not None)])
    ids = min(_ID_COLUMN, max([0, *(columns(each.identifier) for each in lines)]))
    return [_row(each, numbers, ids, glyphs) for each in lines]


def _row(each: Line, numbers: int, ids: int, glyphs: Glyphs) -> Row:
    style = "broken" if each.is_broken else ""
    mark = glyphs.broken if each.is_broken else glyphs.made_up if each.is_made_up else " "
    number = "" if each.index is None else str(each.index)
    head = (
        Piece(each.rail, style or "muted"),
        Piece(f" {mark} ", style or "warn"),
        Piece(f"{number:>{numbers}} ", "muted"),
        Piece(f"{each.role:<{_ROLE_COLUMN}} ", style or "muted"),
    )
    width = sum(len(piece.text) for piece in head)
    hang = (Piece(each.past, "muted"), Piece(" " * (width - len(each.past) + 2)))
    if each.is_fold:
        style = ""
    body = []
    if each.identifier:
        body.append(Piece(f"{padded(each.identifier, ids)}  ", style or "id"))
    if each.text:
        body.append(Piece(f"{each.text}  ", "muted" if each.is_fold else style))
    if each.marks:
        told = f"{glyphs.arrow} {', '.join(each.marks)}"
        body.append(Piece(told, "broken" if each.is_broken else "warn"))
    return Row(head, hang, tuple(body))


def _blocks(report: PairingReport, groups: Sequence[Sequence[Violation]]) -> list[Block]:
    if not groups:
        return [Block("", (predicted(report.profile, report.effect),))]
    if len(groups) == 1:
        return [Block("", _found(report, groups[0]))]
    return [
        Block(line(f"{number}. {describe(group[0])}"), _found(report, group))
        for number, group in enumerate(groups[:_MOST_GROUPS], start=1)
    ]


def _found(report: PairingReport, group: Sequence[Violation]) -> tuple[Fact, ...]:
    is_cut = report.more_violations > 0
    return (*_places(group, is_cut=is_cut), *facts_of(report, group[0]))


def _places(
    group: Sequence[Violation] | Sequence[MaskedResult], *, is_cut: bool = False
) -> list[Fact]:
    if len(group) == 1:
        return []
    indexes = list(dict.fromkeys(each.message_index for each in group))
    told = ", ".join(map(str, indexes[:_MOST_PLACES]))
    more = len(indexes) - _MOST_PLACES
    noun = "message" if len(indexes) == 1 else "messages"
    rest = f" and {more:,} more" if more > 0 else ""
    least = "at least " if is_cut else ""
    return [Fact.of("found:", f"{least}{len(group):,} times, at {noun} {told}{rest}")]


def facts_of(report: PairingReport, violation: Violation) -> list[Fact]:
    """Return what the provider will say to a breach, what to do, and its likely cause."""
    info = CAUSES[violation.cause]
    facts = [predicted(report.profile, violation.effect)]
    if violation.lost:
        facts.append(Fact.of("lost:", violation.lost))
    if violation.expected_error:
        facts.append(Fact.of("expected error:", violation.expected_error))
    for number, hint in enumerate(filter(None, violation.hint.split(OR))):
        facts.append(Fact.of("or:" if number else TO_DO, hint))
    facts.append(Fact.of("likely cause:", f"{violation.cause}: {info.title}"))
    if len(info.mechanisms) > 1:
        facts.append(Fact.of("which can be:", "; ".join(info.mechanisms)))
    return facts


def predicted(profile: str, effect: Effect) -> Fact:
    """Return what is predicted under a profile."""
    told = EFFECTS[effect]
    if profile == CONTRACT_NAME:
        told = _BREAKS_THE_RULE if effect is Effect.UNKNOWN else _FOLLOWS_THE_RULE
    return Fact(
        "predicted:",
        (
            Piece(effect.value, STYLES[effect]),
            Piece(line(f" under {shown(profile)}: {told}")),
        ),
    )


def _left_out(report: PairingReport, groups: Sequence[Sequence[Violation]]) -> list[str]:
    told = sum(len(group) for group in groups[:_MOST_GROUPS]) if groups else 0
    left_out = report.violation_count - told
    if left_out <= 0:
        return []
    held = f"the {len(report.violations)} foremost" if report.more_violations else "them all"
    return [f"and {left_out} more violations; report.violations has {held}"]


_KINDS_OF_MASKED: Final = {
    MaskedKind.MISSING: "the call had no result",
    MaskedKind.MALFORMED: "its arguments could not be read, so the tool never ran",
}
_TO_DO: Final = {
    MaskedKind.MISSING: (
        "the result is lost: find out why the tool did not answer (the run was cancelled or "
        "crashed, an interrupt was not resumed, or the history was cut)"
    ),
    MaskedKind.MALFORMED: (
        "find out why the model's arguments were cut or malformed (a limit of tokens, a stream "
        "that broke off, one very long argument)"
    ),
}
_EVIDENCE: Final = {
    MaskedEvidence.MARK: "a mark on the message",
    MaskedEvidence.TEXT: "its whole text, which is what that software writes",
    MaskedEvidence.STATE: "an earlier state of the run, in which the call stood unanswered",
}


def _masked(group: Sequence[MaskedResult]) -> Block:
    last = group[-1]
    facts = [
        *_places(group),
        *([Fact.of("step:", shown(last.step))] if last.step else []),
        Fact.of("what was wrong:", _KINDS_OF_MASKED[last.kind]),
        Fact.of(TO_DO, _TO_DO[last.kind]),
        Fact.of("shown by:", _EVIDENCE[last.evidence]),
        Fact.of("seen:", "for the first time" if last.fresh else "before, in an earlier request"),
    ]
    return Block(line(describe_masked(last)), tuple(facts))


def _masked_left_out(groups: Sequence[Sequence[MaskedResult]]) -> list[str]:
    more = sum(len(group) for group in groups[:-_MOST_GROUPS])
    if not more:
        return []
    return [f"and {more} more made-up results before them; report.masked has them"]
