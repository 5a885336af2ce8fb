"""Complaints about input that can't be read."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Final

from toolpair_observe.console import show_line
from toolpair_observe.histories.containers.value import name_of
from toolpair_observe.histories.places import place_of
from toolpair_observe.pairing.shown import shown

if TYPE_CHECKING:
    from toolpair_observe.histories.unit import Unit

_MAX_SHOWN: Final = 20


class Complaints:
    """Reports what could not be read on standard error, up to a limit for each file."""

    def __init__(self) -> None:
        """Start without complaints."""
        self._seen: Counter[str] = Counter()
        self._shown: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many units were unreadable, shown or not."""
        return self._seen.total()

    def add(self, path: str, unit: Unit) -> None:
        """Report one unit that could not be read."""
        self._seen[path] += 1
        if unit.ends_file or self._shown[path] < _MAX_SHOWN:
            self._shown[path] += 1
            show_line(f"toolpair-observe: {place_of(path, unit)}: {unit.reason}", sys.stderr)

    def close(self) -> None:
        """Report how many were not shown."""
        for path, count in self._seen.items():
            if more := count - self._shown[path]:
                rest = f"and {more:,} more unreadable parts"
                show_line(f"toolpair-observe: {shown(name_of(path))}: {rest}", sys.stderr)
