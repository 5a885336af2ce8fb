"""A progress bar on a terminal that can show one: over bytes of files, or over things counted."""

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
    with counting_bar("checking", console) as bar:
        if bar is None:
            yield lambda _: None
            return
        total = sum(map(_size, files))
        before = 0

        def progress_of(path: str) -> Callable[[int, int], None]:
            nonlocal before
            start, shown = before, 0
            before += _size(path)

            def report(done: int, of: int) -> None:
                nonlocal shown
                if done - shown >= _REPORT_BYTES or done == of:
                    shown = done
                    bar(start + done, total or None)

            return report

        yield progress_of


@contextmanager
def counting_bar(
    what: str, console: Console | None = None
) -> Iterator[Callable[[int, int | None], None] | None]:
    """Show a bar, if rich is installed.

    Args:
        what: What is being done.
        console: Where the bar is shown; None for standard error, if that is a terminal.

    Yields:
        A function that is told how much is done and of how much, if that is known; None where no
        bar is shown.
    """
    if console is None and (sys.stderr is None or not sys.stderr.isatty()):
        yield None
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
        yield None
        return
    console = console or Terminal(stderr=True)
    columns = (
        TextColumn(f"  {what}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns,
        console=console,
        disable=not console.is_terminal,
        # What is printed meanwhile comes above the bar, but not where it was to go to a file.
        redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
    ) as progress:
        task = progress.add_task("", total=None)

        def report(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total)

        yield report


def _size(path: str) -> int:
    try:
        return 0 if path == STDIN else Path(path).stat().st_size
    except OSError:
        return 0
