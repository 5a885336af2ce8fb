"""An audit on the cores of one machine."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from toolpair_observe.audit.batch import audit_piece
from toolpair_observe.audit.trouble import AuditError

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
        # Started afresh: a fork would have the locks of this process's threads, but not them.
        context = multiprocessing.get_context("spawn")
        jobs = min(self._jobs, len(pieces))
        with ProcessPoolExecutor(jobs, mp_context=context) as pool:
            waiting = {pool.submit(_work, piece, options): piece for piece in pieces}
            try:
                for done in as_completed(waiting):
                    yield waiting.pop(done), done.result()
            except BrokenProcessPool:
                msg = (
                    "a process of --jobs was killed, perhaps for want of memory; try again with "
                    "fewer"
                )
                raise AuditError(msg) from None
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def _work(piece: Piece, options: AuditOptions) -> PieceResult:
    options.settle()
    return audit_piece(piece, options)
