"""A progress bar over the bytes of several files, on a terminal that can show one."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from toolpair_observe.histories import STDIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

    from toolpair_observe.histories.containers.source import Progress

_REPORT_BYTES: Final = 64 * 1024


@contextmanager
def progress_bar(
    files: Sequence[str], console: Console | None = None
) -> Iterator[Callable[[str], Progress | None]]:
    """Show a bar while the files are read, if rich is installed.

    Args:
        files: The files.
        console: Where the bar is shown; None for standard error, if that is a terminal.

    Yields:
        A function that returns what a file's reading reports to.
    """
    if console is None and (sys.stderr is None or not sys.stderr.isatty()):
        yield lambda _: None
        return
    try:
        from rich.console import Console as Terminal  # noqa: PLC0415 - of an extra
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
    except ImportError:
        yield lambda _: None
        return
    console = console or Terminal(stderr=True)
    columns = (
        TextColumn("  checking"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    total = sum(map(_size, files))
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total or None)
        before = 0

        def progress_of(path: str) -> Callable[[int, int], None]:
            nonlocal before
            start, shown = before, 0
            before += _size(path)

            def report(done: int, of: int) -> None:
                nonlocal shown
                if done - shown >= _REPORT_BYTES or done == of:
                    shown = done
                    progress.update(task, completed=start + done)

            return report

        yield progress_of


def _size(path: str) -> int:
    try:
        return 0 if path == STDIN else Path(path).stat().st_size
    except OSError:
        return 0
