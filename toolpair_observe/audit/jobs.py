"""An audit on the cores of one machine."""

from __future__ import annotations

from concurrent.futures import as_completed
from typing import TYPE_CHECKING

from toolpair_observe.audit.batch import audit_piece
from toolpair_observe.audit.trouble import AuditError
from toolpair_observe.processes import process_pool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolpair_observe.audit.batch import Piece, PieceResult
    from toolpair_observe.audit.options import AuditOptions


class Processes:
    """Reads pieces in processes of this machine.

    Args:
        jobs: How many at a time.
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs

    def __call__(
        self, pieces: Sequence[Piece], options: AuditOptions
    ) -> Iterator[tuple[Piece, PieceResult]]:
        """Read pieces, and yield each as soon as it is done.

        Raises:
            AuditError: A process was killed.
        """
        with process_pool(min(self._jobs, len(pieces)), AuditError) as pool:
            waiting = {pool.submit(_work, piece, options): piece for piece in pieces}
            for done in as_completed(waiting):
                yield waiting.pop(done), done.result()


def _work(piece: Piece, options: AuditOptions) -> PieceResult:
    options.settle()
    return audit_piece(piece, options)
