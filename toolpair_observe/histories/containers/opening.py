"""Opens what a path names: a file, standard input, or a URL that fsspec knows; for reading only."""

from __future__ import annotations

import errno
import os
import re
import selectors
import stat
import sys
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.containers.packing import Ahead, as_utf8, unpacked
from toolpair_observe.histories.containers.source import Source
from toolpair_observe.histories.containers.span import SpanStream
from toolpair_observe.histories.containers.value import STDIN
from toolpair_observe.install import install_line
from toolpair_observe.pairing.shown import line, quoted, type_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.histories.containers.packing import Stream
    from toolpair_observe.histories.containers.source import Progress
    from toolpair_observe.histories.containers.span import Span
    from toolpair_observe.histories.limits import ReadLimits

WRITER_SECONDS: Final = 10.0
"""How long a named pipe waits for somebody who writes to it."""

# A letter alone is a drive of Windows.
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+(?:::[A-Za-z0-9+.-]+)*)://")


def is_url(path: str) -> bool:
    """Whether a path is a URL, such as `s3://bucket/runs.jsonl`."""
    return _URL.match(path) is not None


@contextmanager
def open_source(
    path: str, limits: ReadLimits, progress: Progress | None, span: Span | None = None
) -> Iterator[Source]:
    """Open a file, and unpack it if it is packed.

    Args:
        path: The file or its URL; `-` is standard input.
        limits: How much of it is read.
        progress: Called after each read of a file that has a size.
        span: The lines that are read of a file of UTF-8 text that is not packed; None for all of
            any file.
    """
    with _open_raw(path) as (file, size):
        if span is not None:
            part = SpanStream(file, span)
            yield Source(Ahead(_Remote(part) if is_url(path) else part), limits)
            return
        raw = Ahead(_Remote(file) if is_url(path) else file)

        def report() -> None:
            if size and progress is not None:
                progress(raw.taken, size)

        stream, packing = unpacked(raw)
        is_file = not packing and path != STDIN and (is_url(path) or file.seekable())
        yield Source(as_utf8(stream), limits, report, file if is_file else None)


@contextmanager
def _open_raw(path: str) -> Iterator[tuple[Any, int]]:
    """Yield the file and its size, 0 if it has none."""
    if path == STDIN:
        if sys.stdin is None:
            msg = "it is closed"
            raise HistoryFileError(msg)
        yield sys.stdin.buffer, 0
    elif is_url(path):
        with _open_remote(path) as remote:
            size = getattr(remote, "size", None)
            yield remote, size if isinstance(size, int) else 0
    else:
        with open(path, "rb", buffering=0, opener=_opened) as plain:
            yield plain, os.fstat(plain.fileno()).st_size


def _opened(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody writes to would keep us waiting forever."""
    file = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
    if stat.S_ISFIFO(os.fstat(file).st_mode):
        if not _is_ready(file) and _has_no_writer(file):
            os.close(file)
            raise OSError(errno.EPIPE, "a pipe that nobody writes to")
        os.set_blocking(file, True)
    return file


def _is_ready(pipe: int) -> bool:
    # Not `select.select`, which takes no number past 1,023: a process may have more files open.
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        return bool(selector.select(WRITER_SECONDS))


def _has_no_writer(pipe: int) -> bool:
    try:
        return not os.read(pipe, 1)
    except BlockingIOError:
        return False  # somebody takes their time


def _open_remote(url: str) -> Any:  # noqa: ANN401 - each file system has its own files
    system, name = file_system(url)
    try:
        return system.open(name, "rb")
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - each file system has its own
        raise HistoryFileError(unreached(error)) from None


class _Remote:
    """A remote file, whose reading may fail in any way."""

    def __init__(self, file: Stream) -> None:
        self._file = file

    def read(self, size: int, /) -> bytes:
        try:
            return self._file.read(size)
        except Exception as error:  # noqa: BLE001 - each file system has its own
            raise HistoryFileError(unreached(error)) from None


def unreached(error: Exception) -> str:
    """Return the reason for what a remote file system refused. Its own text may quote keys."""
    return f"it can't be reached ({type_name(error)})"


def file_system(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the name that it has the file by.

    Raises:
        HistoryFileError: fsspec, or what it needs for this kind of URL, is not installed.
    """
    scheme = url.partition(":")[0]
    try:
        core = import_module("fsspec.core")
    except ImportError:
        msg = f"reading {scheme}:// takes the package fsspec: {install_line('urls')}"
        raise HistoryFileError(msg) from None
    try:
        system, name = core.url_to_fs(url)
    except ImportError as error:
        msg = f"reading {scheme}:// takes a package that is not installed: {line(str(error))}"
        raise HistoryFileError(msg) from None
    except ValueError:
        msg = f"fsspec knows no file system by the name {quoted(scheme)}"
        raise HistoryFileError(msg) from None
    except Exception as error:  # noqa: BLE001 - each file system has its own
        raise HistoryFileError(unreached(error)) from None
    return system, name
