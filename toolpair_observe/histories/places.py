"""Where a unit stands, as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolpair_observe.histories.containers.value import name_of
from toolpair_observe.pairing.shown import shown

if TYPE_CHECKING:
    from toolpair_observe.histories.unit import Unit


def place_of(path: str, unit: Unit, name: str = "") -> str:
    """Return the file, the line, and where known the place within it and the row's id.

    Args:
        path: The file.
        unit: The unit.
        name: What stands in place of the row's id, such as its hash.
    """
    line = "" if unit.line is None else f":{unit.line}"
    which = ", ".join(filter(None, (shown(unit.row) if unit.row else "", shown(name))))
    return f"{shown(name_of(path))}{line}" + (f" ({which})" if which else "")
