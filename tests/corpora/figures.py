"""Print how well the corpora are predicted: `python -m tests.corpora.figures [FOLDER]`."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import SHARED_DIR
from tests.corpora.histories import read_rows
from tests.corpora.profiles import openai_or_contract, own_profile
from tests.corpora.tally import Tally, tally

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.corpora.tally import Miss

COLUMNS = (
    ("provider", 40),
    ("profile", 18),
    ("rows", 6),
    ("requests", 8),
    ("accepted", 8),
    ("predicted fail", 14),
    ("flagged", 7),
    ("server state", 12),
    ("broken", 6),
    ("caught", 6),
    ("named", 5),
    ("other", 5),
    ("flagged", 7),
)


def lines(tallies: list[Tally]) -> Iterable[str]:
    """Yield the table, then every disagreement with its reason."""
    yield "  ".join(name.ljust(width) for name, width in COLUMNS)
    for row in tallies:
        yield _line(row)
    yield _line(_total(tallies))
    for title, misses in (
        ("accepted, predicted to fail", [m for t in tallies for m in t.false_alarms]),
        ("accepted, flagged", [m for t in tallies for m in t.flagged]),
        (
            "accepted, flagged, call on the server",
            [m for t in tallies for m in t.flagged_server_state],
        ),
        ("rejected for pairing, not caught", [m for t in tallies for m in t.uncaught]),
        ("rejected for pairing, named otherwise", [m for t in tallies for m in t.misnamed]),
        ("rejected for another reason, flagged", [m for t in tallies for m in t.strangers]),
    ):
        yield from _explained(title, misses)


def _explained(title: str, misses: list[Miss]) -> Iterable[str]:
    yield ""
    yield f"{title}: {len(misses)}"
    counts = Counter(str(miss) for miss in misses)
    for text, count in counts.items():
        yield f"  {count} x {text}"


def _line(row: Tally) -> str:
    values = (
        row.provider,
        row.profile,
        row.rows,
        row.requests,
        row.accepted,
        len(row.false_alarms),
        len(row.flagged),
        len(row.flagged_server_state),
        row.rejected_for_pairing,
        row.caught,
        row.named,
        row.rejected_for_other_reasons,
        len(row.strangers),
    )
    return "  ".join(
        str(value).ljust(width) for value, (_, width) in zip(values, COLUMNS, strict=True)
    )


def _total(tallies: list[Tally]) -> Tally:
    total = Tally("all", "")
    for one in tallies:
        total.rows += one.rows
        total.requests += one.requests
        total.accepted += one.accepted
        total.rejected_for_pairing += one.rejected_for_pairing
        total.rejected_for_other_reasons += one.rejected_for_other_reasons
        total.caught += one.caught
        total.named += one.named
        total.false_alarms += one.false_alarms
        total.flagged += one.flagged
        total.flagged_server_state += one.flagged_server_state
        total.strangers += one.strangers
    return total


def main() -> None:
    """Print the figures of the folder given, or of the shared corpora."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED_DIR / "corpora"
    for mapping in (openai_or_contract, own_profile):
        print(f"\n{mapping.__doc__}\n")  # noqa: T201 - a command's output
        for line in lines(tally(read_rows(folder), mapping)):
            print(line)  # noqa: T201


if __name__ == "__main__":
    main()
