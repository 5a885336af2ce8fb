"""Cut files into pieces that processes can read side by side."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from toolpair_observe.audit.batch import Piece
from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.containers.kind import Kind, kind_of
from toolpair_observe.histories.containers.opening import open_source
from toolpair_observe.histories.containers.value import STDIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from toolpair_observe.histories.limits import ReadLimits

PIECE_BYTES: Final = 32 * 1024 * 1024


def pieces_of(
    paths: Iterable[str], limits: ReadLimits, piece_bytes: int = PIECE_BYTES
) -> Iterator[Piece]:
    """Yield the pieces of files, those of a file from its beginning to its end.

    Only plain JSON Lines can be cut: what is packed, or one document, can be read from its
    beginning only.

    Args:
        paths: The files.
        limits: How much of a file is read.
        piece_bytes: How long a piece should be.
    """
    for path in dict.fromkeys(paths):
        size = _size_of_lines(path, limits)
        if size <= piece_bytes:
            yield Piece(path)
            continue
        for start in range(0, size, piece_bytes):
            yield Piece(path, start, min(size, start + piece_bytes))


def _size_of_lines(path: str, limits: ReadLimits) -> int:
    """Return the size of a file of JSON Lines, 0 of any other file."""
    if path == STDIN:
        return 0
    try:
        with open_source(path, limits, None) as source:
            file = source.file
            if file is None or kind_of(path, source, limits) is not Kind.LINES:
                return 0
            file.seek(0)
            # In another encoding a line does not end where a byte says so.
            start = file.read(2)
            is_plain = start[:1] in (b"{", b"[") and b"\0" not in start
            size = file.seek(0, io.SEEK_END) if is_plain else 0
    except (HistoryFileError, OSError):
        # Whoever reads the whole of it says what is wrong.
        return 0
    return size if size <= limits.file_bytes else 0
