"""The user's own conversations in the demo: a progress bar, then the totals."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from toolpair_observe.hashed import id_namer
from toolpair_observe.histories import STDIN, Unreadable, read_histories
from toolpair_observe.histories.tally import (
    VERDICT_TITLES,
    Agreement,
    NewViolations,
    ProviderVerdict,
    Tally,
    tally_histories,
)
from toolpair_observe.pairing.shown import line
from toolpair_observe.pairing.words import Effect
from toolpair_observe.settings import from_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

    from toolpair_observe.console import Complaints
    from toolpair_observe.histories.tally import Checked
    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.report import Violation

_MAX_EXAMPLES: Final = 5
_INDENT: Final = 2
_GAP: Final = 3
_REPORT_BYTES: Final = 64 * 1024


def check_files(
    console: Console, files: Sequence[str], profile: Profile | None, complaints: Complaints
) -> None:
    """Check the conversations of `files` and print the findings.

    Args:
        console: The console to print to.
        files: The files, as the user named them.
        profile: The profile to check against; None for that of the provider that each row names.
        complaints: Collects the parts that could not be read.
    """
    tally, new_violations = Tally(), NewViolations()
    name_id = id_namer(hash_ids=from_environment("hash_ids", os.environ))
    examples: list[tuple[Checked, Violation]] = []
    with _progress(console, files) as progress_of:
        for path in files:
            histories = read_histories(path, progress=progress_of(path))
            for found in tally_histories(histories, tally, profile, name_id):
                if isinstance(found, Unreadable):
                    complaints.add(found)
                elif len(examples) < _MAX_EXAMPLES:
                    examples += [(found, new) for new in new_violations.of(found)[:1]]
    complaints.close()
    _print_totals(console, tally, len(files))
    _print_examples(console, examples, tally)


@contextmanager
def _progress(
    console: Console, files: Sequence[str]
) -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """Show a bar over the bytes of all files; yield a function that makes a file's callback."""
    columns = (
        TextColumn("  checking"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    total = sum(_size(path) for path in files)
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


def _print_totals(console: Console, tally: Tally, files: int) -> None:
    console.print()
    _print_indented(
        console,
        Text(
            f"{tally.requests:,} requests in {tally.histories:,} conversations of {files:,} "
            f"{'file' if files == 1 else 'files'}"
            + (f", {tally.unreadable:,} unreadable" if tally.unreadable else "")
        ),
    )
    profiles = ", ".join(f"{name} {count:,}" for name, count in tally.profiles.most_common())
    if profiles:
        _print_indented(console, Text(f"judged under {profiles}", style="muted"))
    if tally.requests:
        console.print()
        _print_indented(console, _effects(tally))
    if tally.kinds:
        console.print()
        _print_indented(console, _kinds(tally))
    if tally.verdicts:
        console.print()
        _print_indented(console, _verdicts(tally))


def _print_examples(
    console: Console, examples: Sequence[tuple[Checked, Violation]], tally: Tally
) -> None:
    if not examples:
        return
    title = "near misses" if tally.near_misses <= len(examples) else "the first near misses"
    found = [f"{new.kind} at message {new.message_index}" for _, new in examples]
    widest = max(len(title), *map(len, found))
    left = console.width - _INDENT - widest - 2 * _GAP
    places = Table.grid(padding=(0, _GAP, 0, 0))
    places.add_column(min_width=widest, no_wrap=True)
    places.add_column(max_width=left, no_wrap=True)
    places.add_row(Text(title, style="muted"))
    for what, (checked, _) in zip(found, examples, strict=True):
        places.add_row(what, Text(_place(checked, left)))
    console.print()
    _print_indented(console, places)
    console.print()
    hint = "toolpair-observe check FILE --explain shows each with its timeline"
    _print_indented(console, Text(hint, style="muted"))


def _place(checked: Checked, width: int) -> str:
    """Return file, line and position; if that is too long, its end, which says more."""
    history = checked.history
    number = "" if history.position is None else f" (history {history.position})"
    place = line(f"{Path(history.path).name}:{history.line}{number}")
    return place if len(place) <= width else f"...{place[3 - width :]}"


def _print_indented(console: Console, content: Table | Text) -> None:
    console.print(Padding(content, (0, 0, 0, _INDENT)))


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="muted")
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _effects(tally: Tally) -> Table:
    table = _table("predicted effect", "requests")
    for effect in reversed(Effect):
        if tally.effects[effect]:
            table.add_row(effect.value, f"{tally.effects[effect]:,}")
    return table


def _kinds(tally: Tally) -> Table:
    effects = [effect for effect in Effect if any(effect is other for _, other in tally.kinds)]
    kinds = dict.fromkeys(kind for (kind, _), _ in tally.kinds.most_common())
    table = _table("kind", *(effect.value for effect in effects))
    for kind in kinds:
        counts = [tally.kinds[kind, effect] for effect in effects]
        table.add_row(kind.value, *(f"{count:,}" if count else "" for count in counts))
    return table


def _verdicts(tally: Tally) -> Table:
    table = _table("provider's verdict", "as predicted", "undecided", "not as predicted")
    for verdict in ProviderVerdict:
        counts = [tally.verdicts[verdict, agreement] for agreement in Agreement]
        if any(counts):
            *others, disagrees = (f"{count:,}" for count in counts)
            style = "bad" if tally.verdicts[verdict, Agreement.DISAGREES] else ""
            table.add_row(VERDICT_TITLES[verdict], *others, Text(disagrees, style=style))
    return table
