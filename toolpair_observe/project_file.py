"""The table `[tool.toolpair_observe]` of the nearest pyproject.toml that has one.

Only commands and the pytest plugin read it: what is attached to an application reads no file of
the folder that it happens to be started in. Nothing in it is imported or run.

Every start of pytest comes by here, so this module imports nothing slow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from toolpair_observe.pairing.late_pattern import LatePattern
from toolpair_observe.pairing.shown import line, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from toolpair_observe.errors import SettingsError

NAME: Final = "pyproject.toml"
TABLE: Final = "toolpair_observe"
COMMANDS: Final = ("audit", "check", "repair", "threads")
"""The commands that have a table of their own."""

PYTEST: Final = "pytest"
"""The table of the plugin."""

_MOST_BYTES: Final = 1024 * 1024
# Who installs `toolpair-observe` also writes the table so; the name alone is that of a dependency.
_MARKS: Final = (TABLE.encode(), f"tool.{TABLE.replace('_', '-')}".encode())
# The reader takes quadratic time for a key of many parts. Wherever it stands, none is meant so.
_LONG_KEY: Final = LatePattern(
    r"""(?<![\w\\-])(?:[\w-]++|"(?:[^"\\\n]|\\.){0,200}+"|'[^'\n]{0,200}+')"""
    r"""(?:[ \t]*+\.[ \t]*+(?:[\w-]++|"(?:[^"\\\n]|\\.){0,200}+"|'[^'\n]{0,200}+')){50}"""
)


class ProjectFile(NamedTuple):
    """A pyproject.toml with our table.

    Attributes:
        path: The file.
        table: What stands in `[tool.toolpair_observe]`.
    """

    path: Path
    table: Mapping[str, Any]

    @property
    def options(self) -> dict[str, Any]:
        """What stands in the table itself: everything but the tables of the commands."""
        tables = {*COMMANDS, PYTEST}
        return {name: value for name, value in self.table.items() if name not in tables}

    def table_of(self, name: str) -> dict[str, Any]:
        """Return the table of a command, or of the plugin; empty if there is none.

        Raises:
            SettingsError: It is no table.
        """
        found = self.table.get(name, {})
        if not isinstance(found, dict):
            raise wrong(self.path, "", name, f"is {quoted(found)}; expected a table")
        return _normal(self.path, name, found)


def wrong(path: Path, table: str, key: str, reason: str) -> SettingsError:
    """Return the error about a key: one line with file, table and key."""
    where = f"[tool.{TABLE}{f'.{table}' if table else ''}]"
    return _fault(f"{path}: {where} {line(key)} {reason}")


def _fault(text: str) -> SettingsError:
    from toolpair_observe.errors import SettingsError  # noqa: PLC0415 -- imports langchain-core

    return SettingsError(line(text))


def unknown(path: Path, table: str, key: str, known: Iterable[str]) -> SettingsError:
    """Return the error about a key that there is not, with the one that was probably meant."""
    from toolpair_observe.arguments import nearest  # noqa: PLC0415 -- only for people

    listed = sorted(known)
    hint = nearest(key, listed) or f"; choose among {', '.join(listed)}"
    return wrong(path, table, key, f"is no option there{hint}")


def text_of(value: object) -> str:
    """Return a value as a person would type it: of a list its items, separated by commas.

    Raises:
        ValueError: It is no text, no number and no list of these.
    """
    if isinstance(value, list):
        return ",".join(map(_typed, value))
    return _typed(value)


def _typed(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        msg = "expected a text, a number or a list of these"
        raise ValueError(msg)  # noqa: TRY004 -- the value of a file is no mistake of the code
    return str(value).strip()


def find(folder: Path) -> ProjectFile | None:
    """Return the nearest file with our table, from a folder upward; None if there is none.

    Raises:
        SettingsError: One that names us can't be read.
    """
    for each in (folder, *folder.parents):
        path = each / NAME
        table = _table_in(path)
        if table is not None:
            return ProjectFile(path, table)
    return None


def _table_in(path: Path) -> dict[str, Any] | None:
    try:
        if not path.is_file():  # a pipe would keep the reader waiting
            return None
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError:
        return None  # somebody else's, in a folder above
    # A project that does not name us pays for no parsing, and its mistakes are its own.
    if not any(mark in data for mark in _MARKS):
        return None
    return _parsed(path, data)


def _parsed(path: Path, data: bytes) -> dict[str, Any] | None:
    import tomllib  # noqa: PLC0415 -- see above

    if len(data) > _MOST_BYTES:
        msg = f"{path} is larger than {_MOST_BYTES:,} bytes, and is not read"
        raise _fault(msg)
    try:
        text = data.decode("utf-8-sig")
        if _LONG_KEY.search(text):
            msg = "a key has more than 50 parts"
            raise ValueError(msg)  # noqa: TRY301 -- told as the reader's own errors are
        tables = tomllib.loads(text)
    # A number of thousands of digits is a plain ValueError of Python's.
    except (ValueError, RecursionError) as error:
        msg = f"{path} is no TOML that can be read: {error}"
        raise _fault(msg) from None
    tool = tables.get("tool")
    named = (
        {key: tool[key] for key in tool if _option(key) == TABLE} if isinstance(tool, dict) else {}
    )
    if not named:
        return None
    if len(named) > 1:
        msg = f"{path} has the tables {' and '.join(f'[tool.{key}]' for key in named)}; keep one"
        raise _fault(msg)
    (found,) = named.values()
    if not isinstance(found, dict):
        msg = f"{path}: tool.{TABLE} is {quoted(found)}; expected a table"
        raise _fault(msg)
    return _normal(path, "", found)


def _normal(path: Path, table: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with its keys named as options are: `fail-on` is `fail_on`."""
    named: dict[str, Any] = {}
    for key, value in found.items():
        if _option(key) in named:
            raise wrong(path, table, _option(key), "is there twice, with - and with _; keep one")
        named[_option(key)] = value
    return named


def _option(key: str) -> str:
    return key.replace("-", "_")
