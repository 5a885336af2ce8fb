"""The files that a command was given: folders, patterns and URLs stand for what is in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolpair_observe.histories.containers.paths import LeftOut, expand
from toolpair_observe.histories.containers.value import Unreadable
from toolpair_observe.histories.limits import DEFAULT_LIMITS
from toolpair_observe.histories.units import read_units, unread_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from toolpair_observe.histories.containers.source import Progress
    from toolpair_observe.histories.limits import ReadLimits
    from toolpair_observe.histories.unit import Unit


@dataclass(slots=True)
class GivenFiles:
    """What a command was given.

    Attributes:
        files: The files in their order, and what stands for none.
        notes: What is left out of the folders, as text.
        faults: Why what stands for no file does not, by how it was given.
    """

    files: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: dict[str, Unreadable] = field(default_factory=dict)

    def units(
        self, file: str, progress: Progress | None = None, limits: ReadLimits = DEFAULT_LIMITS
    ) -> Iterator[Unit]:
        """Yield the units of one of the files; what stands for no file has one, unreadable."""
        fault = self.faults.get(file)
        if fault is not None:
            yield unread_part(fault)
        else:
            yield from read_units(file, limits, progress=progress)


def given_files(paths: Iterable[str]) -> GivenFiles:
    """Return the files that paths stand for; see `containers.paths.expand`."""
    given = GivenFiles()
    for found in expand(paths):
        if isinstance(found, LeftOut):
            given.notes.append(str(found))
        elif isinstance(found, Unreadable):
            given.files.append(found.path)
            given.faults[found.path] = found
        else:
            given.files.append(found)
    return given
