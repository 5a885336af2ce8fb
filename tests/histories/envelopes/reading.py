"""Write a file, read its units, and judge them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolpair_observe.histories.judging import Judged, judge_unit
from toolpair_observe.histories.limits import DEFAULT_LIMITS
from toolpair_observe.histories.units import read_units

if TYPE_CHECKING:
    from pathlib import Path


def judged(folder: Path, *rows: Any) -> list[Judged]:
    """Write one row a line, and judge every unit of the file."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows), encoding="utf-8")
    return judged_file(path)


def judged_file(path: Path) -> list[Judged]:
    """Return the units of a file, each with its verdict."""
    return [judge_unit(unit, DEFAULT_LIMITS) for unit in read_units(str(path))]


def told(each: Judged) -> tuple[str, int, list[str]]:
    """Return the status, the number of requests and the kinds of violations."""
    return each.unit.status.value, each.requests, [kind.value for kind in each.kinds]


def short(each: Judged) -> str:
    """Return what a unit came to: the kinds of its violations, or why it was not checked."""
    if each.unit.status.value != "checked":
        return f"{each.unit.status.value}: {each.unit.reason}"
    return ", ".join(each.kinds) or "clean"
