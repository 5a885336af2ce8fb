"""Rows of wire forms, read and judged as a file of them is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from toolpair_observe.histories.judging import judge_unit
from toolpair_observe.histories.limits import ReadLimits
from toolpair_observe.histories.units import read_units
from toolpair_observe.pairing.closer_look import judge
from toolpair_observe.pairing.providers.contract import CONTRACT

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from toolpair_observe.histories.dialects.dialect import Dialect
    from toolpair_observe.histories.judging import Judged


def judged(folder: Path, *rows: object) -> list[Judged]:
    """Return the units of a file with these rows, one a line."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return [judge_unit(unit, ReadLimits()) for unit in read_units(str(path))]


def one(folder: Path, row: object) -> Judged:
    """Return the only unit of a file with this row."""
    (unit,) = judged(folder, row)
    return unit


def kinds_of(dialect: Dialect, messages: list[Any]) -> list[str]:
    """Return what does not pair in a list of messages, by LangChain's contract."""
    return [found.kind.value for found in judge(dialect.read(messages), CONTRACT).violations]
