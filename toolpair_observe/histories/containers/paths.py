"""From what a command was given to files: folders, globs and URLs, in a fixed order."""

from __future__ import annotations

import glob
import os
import stat
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.containers.kind import ENDINGS, PACKED_ENDINGS, bare_name
from toolpair_observe.histories.containers.opening import file_system, is_url, unreached
from toolpair_observe.histories.containers.value import STDIN, Unreadable, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Other files that hold data. A folder's are named, because somebody may count on their being read.
_OTHER_DATA: Final = (
    *(".arrow", ".avro", ".csv", ".db", ".duckdb", ".feather", ".har", ".json5", ".log"),
    *(".msgpack", ".orc", ".pickle", ".pkl", ".sqlite", ".sqlite3", ".tsv", ".txt", ".xlsx"),
    *(".7z", ".bz2", ".lz4", ".rar", ".tar", ".tgz", ".xz", ".zip"),
)
_NAMED: Final = 20
_MAGIC: Final = "*?["
_NO_MATCH: Final = "no file matches this pattern"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Files of a folder that look like data and are not read.

    Attributes:
        path: The folder, as the caller named it.
        files: The first of them, at most 20.
        endings: How many there are of each ending.
    """

    path: str
    files: tuple[str, ...]
    endings: Counter[str]

    def __str__(self) -> str:
        """Return the folder, and how many files of which endings."""
        kinds = ", ".join(f"{count:,} {ending}" for ending, count in sorted(self.endings.items()))
        return f"{name_of(self.path)}: left out, for their names: {kinds}"


def expand(paths: Iterable[str]) -> Iterator[str | LeftOut | Unreadable]:
    """Yield the files that paths stand for.

    A folder stands for the files in it, at any depth, that have the ending of a container; hidden
    ones are left out. A pattern stands for the files that match it. Whatever else is given stands
    for itself, so that the reader says what is wrong with it. Files come sorted by name within each
    folder, and those of a folder that is there twice, by a link, once.

    Args:
        paths: Files, folders, patterns such as `runs/**/*.jsonl`, URLs, or `-`.
    """
    for path in paths:
        try:
            if path == STDIN:
                yield path
            elif is_url(path):
                yield from _remote(path)
            elif Path(path).is_dir():
                yield from _folder(path)
            elif any(mark in path for mark in _MAGIC) and not os.path.lexists(path):
                yield from _matching(path)
            else:
                yield path
        except HistoryFileError as error:
            yield Unreadable(path, None, str(error))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            yield Unreadable(path, None, f"can't be read: {reason}")


class _Chosen:
    """The files of one folder, and those that are left out."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._found = False
        self._others: list[str] = []
        self._endings: Counter[str] = Counter()

    def has(self, file: str) -> bool:
        name = bare_name(file)
        if name.endswith(ENDINGS):
            self._found = True
            return True
        ending = next((each for each in _OTHER_DATA if name.endswith(each)), "")
        if not ending and name != file.lower():
            ending = PurePosixPath(file).suffix  # packed, whatever it is
        if ending:
            self._endings[ending] += 1
            self._others += [file] if len(self._others) < _NAMED else []
        return False

    def rest(self) -> Iterator[LeftOut | Unreadable]:
        if self._endings:
            yield LeftOut(self._path, tuple(self._others), self._endings)
        if not self._found:
            known = ", ".join(ENDINGS)
            packed = ", ".join(PACKED_ENDINGS)
            reason = f"no file in this folder ends in {known}, nor in one of them and {packed}"
            yield Unreadable(self._path, None, reason)


def _folder(path: str) -> Iterator[str | LeftOut | Unreadable]:
    chosen = _Chosen(path)
    for found in _files_under(path):
        if isinstance(found, Unreadable) or chosen.has(found):
            yield found
    yield from chosen.rest()


def _files_under(folder: str) -> Iterator[str | Unreadable]:
    """Yield the files of a folder and of those in it, each folder once, whatever links to it."""
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        try:
            about = Path(path).stat()
        except OSError:
            # A link to nothing, or to itself. If its name is that of a file, the reader says so.
            yield path
            continue
        if stat.S_ISREG(about.st_mode):
            yield path
        elif stat.S_ISDIR(about.st_mode) and (about.st_dev, about.st_ino) not in seen:
            seen.add((about.st_dev, about.st_ino))
            try:
                names = sorted(os.listdir(path), reverse=True)  # noqa: PTH208 - texts, not paths
            except OSError as error:
                yield Unreadable(path, None, f"can't be read: {error.strerror}")
                continue
            waiting += [os.path.join(path, name) for name in names if not name.startswith(".")]  # noqa: PTH118 - as the caller wrote it


def _matching(pattern: str) -> Iterator[str | LeftOut | Unreadable]:
    found = False
    for path in sorted(glob.iglob(pattern, recursive=True)):  # noqa: PTH207 - as the caller wrote it
        if not Path(path).is_dir():
            found = True
            yield path
        elif "**" not in pattern:
            found = True
            yield from _folder(path)
    if not found:
        yield Unreadable(pattern, None, _NO_MATCH)


def _remote(url: str) -> Iterator[str | LeftOut | Unreadable]:
    system, name = file_system(url)
    # Pages have no folders, and a question mark in their addresses is no pattern.
    if url.startswith(("http://", "https://")):
        yield url
        return
    try:
        is_folder = system.isdir(name)
        is_pattern = not is_folder and any(mark in name for mark in _MAGIC)
        names = system.find(name) if is_folder else system.glob(name) if is_pattern else [name]
    except Exception as error:  # noqa: BLE001 - each file system has its own
        raise HistoryFileError(unreached(error)) from None
    chosen = _Chosen(url)
    for file in sorted(names):
        if not is_folder or (not _is_hidden(file, name) and chosen.has(file)):
            yield str(system.unstrip_protocol(file)) if is_folder or is_pattern else url
    if is_folder:
        yield from chosen.rest()
    elif not names:
        yield Unreadable(url, None, _NO_MATCH)


def _is_hidden(file: str, folder: str) -> bool:
    inner = file.removeprefix(folder.rstrip("/"))
    return any(part.startswith(".") for part in inner.split("/"))
