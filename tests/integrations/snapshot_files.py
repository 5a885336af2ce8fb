"""How the snapshots are kept: each fact once, so that a change touches few lines of few files.

`newest.txt` puts the newest releases side by side. Its head names each integration with the release
that was recorded. Then comes each named history with what most of them do, and below it, indented,
what the others do and who they are. `INTEGRATION@VERSION.txt` is of a release before the newest and
has a line only where that release does something else; where it has none, it counts as the newest.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from .named import NAMED
from .recorders import INTEGRATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = Path(__file__).parent / "snapshots"
UPDATE = "UPDATE_INTEGRATION_SNAPSHOTS"
HISTORIES = {f"{name} | {text}": text for name, text in NAMED.items()}
"""The timelines of the named histories, by how their lines begin."""
NOT_RECORDED = "not recorded"
"""Stands in `newest.txt` for those that were recorded before a history was named."""
_TITLE = (
    "# The newest releases side by side; tests/integrations/snapshot_files.py says how to read it."
)


class SnapshotError(Exception):
    """A snapshot cannot be read, or must not be written."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that one release of an integration does.

    Attributes:
        release: The distribution and its version.
        outcomes: What becomes of each history, by how the line of the history begins.
    """

    release: str
    outcomes: dict[str, str]

    @property
    def version(self) -> str:
        """The version alone."""
        return self.release.rpartition(" ")[2]

    @property
    def lines(self) -> list[str]:
        """A line for each history."""
        return [f"{history} | {outcome}" for history, outcome in self.outcomes.items()]

    def precedes(self, other: Snapshot) -> bool:
        """Return whether this is an earlier release than the other one."""
        return Version(self.version) < Version(other.version)


class SnapshotFiles:
    """The folder of snapshots.

    Attributes:
        newest: The file of the newest releases.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self.newest = folder / "newest.txt"

    def file_of(self, integration: str, version: str) -> Path:
        """Return the file that says what a release does."""
        older = self._older(integration, version)
        return older if older.exists() else self.newest

    def read(self, integration: str, version: str) -> Snapshot:
        """Return the whole snapshot that a release has to match."""
        newest = self._read_newest(integration)
        path = self.file_of(integration, version)
        return newest if path == self.newest else read_older(path, newest)

    def record(self, integration: str, seen: Snapshot, *, as_older: bool = False) -> None:
        """Write what was seen of a release; what is known of all other releases stays.

        A release goes into the file that it is read from, unless it is to have one of its own.
        """
        with self._alone():
            if as_older or self.file_of(integration, seen.version) != self.newest:
                self._record_older(integration, seen)
            else:
                self._record_newest(integration, seen)

    def _read_newest(self, integration: str) -> Snapshot:
        known = read_newest(self.newest)
        if integration not in known:
            msg = f"{self.newest} has nothing of {integration}; record it with {UPDATE}=newest"
            raise SnapshotError(msg)
        return known[integration]

    def _record_older(self, integration: str, seen: Snapshot) -> None:
        path = self._older(integration, seen.version)
        newest = self._read_newest(integration)
        # A release that does what the newest does needs no file. Where it has one it keeps it, for
        # the next newest release may differ from both.
        if path.exists() or differences(seen, newest):
            _write(path, older_lines(seen, newest))

    def _record_newest(self, integration: str, seen: Snapshot) -> None:
        known = read_newest(self.newest)
        newest = known.get(integration, Snapshot("", {}))
        if integration in known and seen.precedes(newest):
            msg = f"{self.newest} has {newest.release}; record {seen.release} with {UPDATE}=older"
            raise SnapshotError(msg)
        paths = self._folder.glob(f"{integration}@*.txt")
        older = {path: read_older(path, newest) for path in paths}
        _write(self.newest, newest_lines(known | {integration: seen}))
        for path, release in older.items():
            _write(path, older_lines(release, seen))

    def _older(self, integration: str, version: str) -> Path:
        return self._folder / f"{integration}@{version}.txt"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep the other workers of a parallel run from recording meanwhile."""
        import fcntl  # only recording needs it, and not every system has it

        with self.newest.open("a", encoding="utf-8") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield


def read_newest(path: Path) -> dict[str, Snapshot]:
    """Return the newest snapshot of each integration."""
    head, _, table = path.read_text(encoding="utf-8").partition("\n\n")
    releases = (line.partition(": ") for line in head.splitlines()[1:])
    known = {name: Snapshot(release, {}) for name, _, release in releases}
    history = ""
    for line in table.splitlines():
        name, text_or_names, outcome = _fields(path, line)
        if line.startswith(" "):
            names = text_or_names.split()
            if name != _name(history) or not known.keys() >= set(names):
                raise _unreadable(path, line)
        else:
            names = list(known)
            history = f"{name} | {text_or_names}"
        for one in names:
            known[one].outcomes[history] = outcome
            if outcome == NOT_RECORDED:
                del known[one].outcomes[history]
    return known


def newest_lines(known: Mapping[str, Snapshot]) -> list[str]:
    """Put the newest snapshots side by side."""
    present = {name: known[name] for name in INTEGRATIONS if name in known}
    lines = [_TITLE, *(f"{name}: {snapshot.release}" for name, snapshot in present.items()), ""]
    for history in HISTORIES:
        names: dict[str, list[str]] = defaultdict(list)
        for name, snapshot in present.items():
            names[snapshot.outcomes.get(history, NOT_RECORDED)].append(name)
        lines += _side_by_side(history, names)
    return lines


def _side_by_side(history: str, names: Mapping[str, list[str]]) -> Iterator[str]:
    """Yield what most do with a history, then what the others do."""
    outcomes = sorted(names.keys() - {NOT_RECORDED})
    if not outcomes:
        return
    usual = max(outcomes, key=lambda outcome: len(names[outcome]))
    yield f"{history} | {usual}"
    for outcome in sorted(names.keys() - {usual}):
        yield f"  {_name(history)} | {' '.join(names[outcome])} | {outcome}"


def read_older(path: Path, newest: Snapshot) -> Snapshot:
    """Return the whole snapshot of a release whose file says how it differs from the newest."""
    release, *lines = path.read_text(encoding="utf-8").splitlines()
    outcomes = dict(newest.outcomes)
    for line in lines:
        name, text, outcome = _fields(path, line)
        outcomes[f"{name} | {text}"] = outcome
    return Snapshot(release.removeprefix("# "), outcomes)


def older_lines(older: Snapshot, newest: Snapshot) -> list[str]:
    """Say how a release differs from the newest."""
    return [f"# {older.release}", *differences(older, newest)]


def differences(older: Snapshot, newest: Snapshot) -> list[str]:
    """Return the lines of a release that are not those of the newest as well."""
    return [
        f"{history} | {older.outcomes[history]}"
        for history in HISTORIES
        if history in older.outcomes and older.outcomes[history] != newest.outcomes.get(history)
    ]


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _fields(path: Path, line: str) -> list[str]:
    fields = line.strip().split(" | ", 2)
    if len(fields) < 3:
        raise _unreadable(path, line)
    return fields


def _name(history: str) -> str:
    return history.partition(" | ")[0]


def _unreadable(path: Path, line: str) -> SnapshotError:
    return SnapshotError(f"{path} cannot be read at this line, mend it by hand: {line}")
