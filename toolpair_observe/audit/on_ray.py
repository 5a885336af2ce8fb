"""An audit on a Ray cluster, through Ray Data."""

from __future__ import annotations

import pickle
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from toolpair_observe.audit.batch import audit_piece
from toolpair_observe.errors import MissingExtraError
from toolpair_observe.install import install_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolpair_observe.audit.batch import Piece, PieceResult
    from toolpair_observe.audit.options import AuditOptions


def require_ray() -> None:
    """Complain where Ray is missing.

    Raises:
        MissingExtraError: It is not installed.
    """
    if find_spec("ray") is None or find_spec("pyarrow") is None:
        msg = f"--engine ray needs Ray Data, which is not installed: {install_line('ray')}"
        raise MissingExtraError(msg)


def on_ray(pieces: Sequence[Piece], options: AuditOptions) -> Iterator[tuple[Piece, PieceResult]]:
    """Read pieces where Ray runs them, and yield each as soon as it is done.

    Each worker reads its piece where it lies, so every machine has to see the files under the same
    names. The cluster is the one that the environment names, else this machine.
    """
    # Of an extra. It has types, but not where it is not installed.
    ray_data: Any = import_module("ray.data")
    rows = [{"number": number} for number in range(len(pieces))]
    work = _Work(list(pieces), options)
    # A block for each piece: they are as large as a task should be.
    data = ray_data.from_items(rows, override_num_blocks=max(1, len(rows)))
    for row in data.map(work).iter_rows():
        # Written by `_Work`: Ray Data's blocks have columns of bytes, and none of our objects.
        yield pieces[row["number"]], pickle.loads(row["result"])  # noqa: S301


class _Work:
    """Does with a row of Ray Data what `jobs` does with a piece."""

    def __init__(self, pieces: list[Piece], options: AuditOptions) -> None:
        self._pieces = pieces
        self._options = options

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        self._options.settle()
        result = audit_piece(self._pieces[row["number"]], self._options)
        return {"number": row["number"], "result": pickle.dumps(result)}
