"""The user's own conversations in the demo: a progress bar, then the totals."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from toolpair_observe.console import show_line
from toolpair_observe.hashed import id_namer
from toolpair_observe.histories import DEFAULT_LIMITS
from toolpair_observe.histories.given import given_files
from toolpair_observe.histories.judging import judge_unit
from toolpair_observe.histories.places import place_of
from toolpair_observe.histories.tally import VERDICT_TITLES, Agreement, Tally
from toolpair_observe.histories.unit import Status
from toolpair_observe.pairing.shown import line
from toolpair_observe.pairing.words import Effect
from toolpair_observe.progress import progress_bar
from toolpair_observe.settings import from_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from toolpair_observe.complaints import Complaints
    from toolpair_observe.histories.judging import Judged
    from toolpair_observe.pairing.providers.profile import Profile

_MAX_EXAMPLES: Final = 5
_INDENT: Final = 2
_GAP: Final = 3


def check_files(
    console: Console, files: Sequence[str], profile: Profile | None, complaints: Complaints
) -> None:
    """Check the conversations of `files` and print the findings.

    Args:
        console: Where to print.
        files: The files.
        profile: Who judges; None for whoever each row says was asked.
        complaints: Gets what could not be read.
    """
    tally = Tally()
    examples: list[tuple[str, Judged]] = []
    name_id = id_namer(hash_ids=from_environment("hash_ids", os.environ))
    given = given_files(files)
    for note in given.notes:
        show_line(f"toolpair-observe: {note}", sys.stderr)
    with progress_bar(given.files, console) as progress_of:
        for path in given.files:
            for unit in given.units(path, progress_of(path)):
                judged = judge_unit(unit, DEFAULT_LIMITS, profile, name_id)
                tally.add(judged)
                if judged.unit.status is Status.UNREADABLE:
                    complaints.add(path, judged.unit)
                elif judged.effect.is_near_miss and len(examples) < _MAX_EXAMPLES:
                    examples.append((path, judged))
    complaints.close()
    _print_totals(console, tally, len(given.files))
    _print_examples(console, examples, tally)


def _print_totals(console: Console, tally: Tally, files: int) -> None:
    console.print()
    _print_indented(
        console,
        Text(
            f"{tally.requests:,} requests in {tally.conversations:,} conversations of {files:,} "
            f"{'file' if files == 1 else 'files'}"
            + (f", {tally.unreadable.total():,} unreadable" if tally.unreadable else "")
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


def _print_examples(console: Console, examples: Sequence[tuple[str, Judged]], tally: Tally) -> None:
    if not examples:
        return
    title = "near misses" if tally.near_misses <= len(examples) else "the first near misses"
    found = [_first(judged) for _, judged in examples]
    widest = max(len(title), *map(len, found))
    left = console.width - _INDENT - widest - 2 * _GAP
    places = Table.grid(padding=(0, _GAP, 0, 0))
    places.add_column(min_width=widest, no_wrap=True)
    places.add_column(max_width=left, no_wrap=True)
    places.add_row(Text(title, style="muted"))
    for what, (path, judged) in zip(found, examples, strict=True):
        places.add_row(what, Text(_place(path, judged, left)))
    console.print()
    _print_indented(console, places)
    console.print()
    hint = "toolpair-observe check FILE --explain shows each with its timeline"
    _print_indented(console, Text(hint, style="muted"))


def _first(judged: Judged) -> str:
    first = judged.violations[0]
    return f"{first.kind} at message {first.message_index}"


def _place(path: str, judged: Judged, width: int) -> str:
    """Return file, line and place in it; if that is too long, its end, which says more."""
    place = line(place_of(path.replace("\\", "/").rpartition("/")[2], judged.unit))
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
    for recorded, title in VERDICT_TITLES.items():
        counts = [tally.verdicts[recorded, agreement] for agreement in Agreement]
        if any(counts):
            *others, disagrees = (f"{count:,}" for count in counts)
            style = "bad" if tally.verdicts[recorded, Agreement.DISAGREES] else ""
            table.add_row(title, *others, Text(disagrees, style=style))
    return table
