"""What a command's own table in pyproject.toml may set: `[tool.toolpair_observe.check]`.

Only what says how something is judged or shown, and is at odds with no other option. What writes,
sends, imports, consents or picks other data is asked for on the command line, where people see it.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from toolpair_observe.arguments import described
from toolpair_observe.project_file import text_of, unknown, wrong
from toolpair_observe.project_options import beside

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.project_file import ProjectFile

_JUDGED: Final = ("profile", "chat_template")
_PROFILES: Final = ("profile", "as")
SETTABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "audit": (*_JUDGED, "as", "fail_on"),
    "check": (*_JUDGED, "explain", "masked"),
    "repair": _JUDGED,
    "threads": (*_JUDGED, "idle", "jobs"),
}


def configure(parser: argparse.ArgumentParser, name: str, project: ProjectFile) -> None:
    """Make what the file sets for a command the defaults of its parser.

    Raises:
        SettingsError: A key can't be set there, or its value is not allowed.
    """
    table = project.table_of(name)
    if not table:
        return
    settable = SETTABLE[name]
    known = {_key(each): each for each in parser._actions if each.option_strings}  # noqa: SLF001
    for key in table:
        if key in known and key not in settable:
            msg = "can only be given on the command line"
            raise wrong(project.path, name, key, msg)
        if key not in settable:
            raise unknown(project.path, name, key, settable)
    both = [key for key in _JUDGED if key in table]
    if len(both) > 1:
        raise wrong(project.path, name, both[0], f"stands beside {both[1]}; give one of them")
    values = {known[key].dest: _value(project, name, known[key], table[key]) for key in table}
    parser.set_defaults(**values)


def _key(action: argparse.Action) -> str:
    return action.option_strings[-1].lstrip("-").replace("-", "_")


def _value(project: ProjectFile, table: str, action: argparse.Action, given: object) -> object:
    reason = ""
    try:
        if action.nargs == 0:
            if isinstance(given, bool):
                return given
            reason = "expected true or false"
        else:
            text = _text(project, _key(action), given)
            return action.type(text) if callable(action.type) else text
    except (argparse.ArgumentTypeError, ValueError) as error:
        reason = str(error)
    raise wrong(project.path, table, _key(action), f"is {described(given)}; {reason}")


def _text(project: ProjectFile, key: str, given: object) -> str:
    """Return the value as a person would type it in the folder of the file."""
    text = text_of(given)
    if key == "chat_template":
        return str(project.path.parent / text)
    if key in _PROFILES:
        return ",".join(beside(project.path, each) for each in text.split(","))
    return text
