"""What every process of an audit does with its part: read units, judge them, sum them up."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolpair_observe.audit.aggregate import Aggregate
from toolpair_observe.histories.containers.span import Span
from toolpair_observe.histories.judging import judge_unit
from toolpair_observe.histories.unit import Layer, Status
from toolpair_observe.histories.units import RowsBelongTogetherError, read_units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from toolpair_observe.audit.options import Alternative, AuditOptions
    from toolpair_observe.histories.containers.source import Progress
    from toolpair_observe.histories.judging import Judged
    from toolpair_observe.histories.unit import Unit
    from toolpair_observe.pairing.providers.identify import Target


@dataclass(frozen=True, slots=True)
class Piece:
    """A file, or the lines of it that begin at some of its bytes.

    Attributes:
        path: The file.
        start: The first byte.
        end: The byte after the last one; None for the whole file.
    """

    path: str
    start: int = 0
    end: int | None = None


@dataclass(frozen=True, slots=True)
class PieceResult:
    """What came of a piece.

    Attributes:
        aggregate: The sums; None where the file has to be read as a whole.
        lines: The lines of the piece, by which those of the next one are too few.
    """

    aggregate: Aggregate | None
    lines: int = 0


def audit_units(
    units: Iterable[Unit],
    file: str,
    aggregate: Aggregate,
    see: Callable[[Judged], None] | None = None,
) -> None:
    """Judge units and count them.

    Args:
        units: The units.
        file: Where they are from.
        aggregate: What counts them.
        see: Called with each unit that has been judged.
    """
    options = aggregate.options
    name_id = options.name_id
    for unit in units:
        judged = judge_unit(unit, options.limits, options.profile, name_id)
        aggregate.add(judged, file)
        if judged.target is not None:
            for alternative in options.alternatives:
                other = _elsewhere(judged, judged.target, alternative, options)
                aggregate.add_other(judged, other, alternative)
        if see is not None:
            see(judged)


def _elsewhere(
    judged: Judged, own: Target, alternative: Alternative, options: AuditOptions
) -> Judged | None:
    """Return the verdict under an alternative; None where that can't be told."""
    unit = judged.unit
    target = alternative.target(own, on_wire=unit.layer is Layer.WIRE)
    if own.facts.server_state and not target.facts.server_state:
        # What lies with one provider can't be shown to another.
        return None
    return judge_unit(unit, options.limits, target=target)


def audit_file(path: str, options: AuditOptions, progress: Progress | None = None) -> Aggregate:
    """Return the sums of a file. `-` is standard input."""
    aggregate = Aggregate(options)
    aggregate.files = 1
    audit_units(read_units(path, options.limits, progress=progress), path, aggregate)
    return aggregate


def audit_piece(piece: Piece, options: AuditOptions) -> PieceResult:
    """Return the sums of a piece of a file."""
    if piece.end is None:
        return PieceResult(audit_file(piece.path, options))
    span = Span(piece.start, piece.end)
    aggregate = Aggregate(options)
    aggregate.files = int(piece.start == 0)
    try:
        units = read_units(piece.path, options.limits, span=span)
        audit_units(units, piece.path, aggregate)
    except RowsBelongTogetherError:
        return PieceResult(None)
    # What ends the reading of a file early has to end that of all its pieces.
    return PieceResult(aggregate if span.is_read else None, span.lines)


class Joined:
    """The sums of pieces, as the sums of their files.

    Args:
        options: What is asked.
        pieces: All pieces, those of a file from its beginning to its end.

    Attributes:
        aggregate: The sums of all files that are complete.
        whole: The files that have to be read as a whole.
    """

    def __init__(self, options: AuditOptions, pieces: Iterable[Piece]) -> None:
        self.aggregate = Aggregate(options)
        self.whole: list[str] = []
        self._of_file: defaultdict[str, dict[Piece, PieceResult | None]] = defaultdict(dict)
        for piece in pieces:
            self._of_file[piece.path][piece] = None

    def add(self, piece: Piece, result: PieceResult) -> None:
        """Count a piece, in any order."""
        results = self._of_file[piece.path]
        results[piece] = result
        done = [each for each in results.values() if each is not None]
        if len(done) == len(results):
            del self._of_file[piece.path]
            if not self._add_file(done):
                self.whole.append(piece.path)

    def _add_file(self, results: list[PieceResult]) -> bool:
        limit = self.aggregate.options.limits.unreadable_parts
        parts = [result.aggregate for result in results if result.aggregate is not None]
        unreadable = sum(part.units[Status.UNREADABLE] for part in parts)
        if len(parts) < len(results) or (len(results) > 1 and unreadable >= limit):
            return False
        lines = 0
        for part, result in zip(parts, results, strict=True):
            part.move_lines(lines)
            self.aggregate.merge(part)
            lines += result.lines
        return True
