"""An audit whose work is shared, and whose result is that of one process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from toolpair_observe.audit.aggregate import Aggregate
from toolpair_observe.audit.batch import Joined, Piece, PieceResult, audit_file
from toolpair_observe.audit.options import AuditOptions
from toolpair_observe.audit.pieces import PIECE_BYTES, pieces_of
from toolpair_observe.histories.containers.value import STDIN

if TYPE_CHECKING:
    from toolpair_observe.histories.containers.source import Progress

Spread: TypeAlias = Callable[[Sequence[Piece], AuditOptions], Iterable[tuple[Piece, PieceResult]]]
"""Does `audit_piece` with each piece somewhere, and yields the results in any order."""


def audit_alone(
    paths: Iterable[str],
    options: AuditOptions,
    progress_of: Callable[[str], Progress | None] = lambda _: None,
) -> Aggregate:
    """Return the sums of files, read in this process one after the other.

    Args:
        paths: The files.
        options: What is asked.
        progress_of: Returns what is told how much of a file has been read.
    """
    aggregate = Aggregate(options)
    for path in dict.fromkeys(paths):
        aggregate.merge(audit_file(path, options, progress_of(path)))
    return aggregate


def audit_spread(
    paths: Iterable[str],
    options: AuditOptions,
    spread: Spread,
    piece_bytes: int = PIECE_BYTES,
) -> Aggregate:
    """Return the sums of files that are read elsewhere: the same as `audit_alone`.

    Args:
        paths: The files. Standard input is read in this process.
        options: What is asked.
        spread: Who reads.
        piece_bytes: How long a piece of a file should be.
    """
    files = dict.fromkeys(paths)
    aggregate = Aggregate(options)
    if STDIN in files:
        aggregate.merge(audit_file(STDIN, options))
        del files[STDIN]
    pieces = list(pieces_of(files, options.limits, piece_bytes))
    while pieces:
        joined = Joined(options, pieces)
        for piece, result in spread(pieces, options):
            joined.add(piece, result)
        aggregate.merge(joined.aggregate)
        # Whole files are complete with their only piece, so that this ends.
        pieces = [Piece(path) for path in joined.whole]
    return aggregate
