"""An object of the user's own, named as `module:attribute` and imported as a server imports it."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from toolpair_observe.errors import SettingsError
from toolpair_observe.pairing.shown import quoted, shown, type_name

if TYPE_CHECKING:
    from collections.abc import Callable

_OWN: Final = str(Path(__file__).parent)
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Named:
    """An object's name as it was given on the command line.

    Attributes:
        label: What it was given as, such as `--graph`.
        spec: `module:attribute`; the module is looked for in the current folder first.
        noun: What it should be, for people.
        example: What would do, as it is written on the command line.
    """

    label: str
    spec: str
    noun: str
    example: str

    def __str__(self) -> str:
        return f"{self.label} {quoted(self.spec)}"

    def found(self) -> object:
        """Import the module, and return its attribute.

        Raises:
            SettingsError: It can't be imported.
        """
        name, _, path = self.spec.partition(":")
        example = f"name it as module:attribute, as in {self.example}"
        if not name or not path or name.endswith(".py") or "/" in name:
            msg = f"{self}: {example}"
            raise SettingsError(msg)
        if "" not in sys.path:
            sys.path.insert(0, "")  # the current folder, as for `python -m`
        try:
            found: object = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise self.failed(error) from error
            msg = f"{self}: there is no module {quoted(error.name)} here; {example}"
            raise SettingsError(msg) from None
        except (Exception, SystemExit) as error:
            raise self.failed(error) from error
        for part in path.split("."):
            try:
                found = getattr(found, part)
            except AttributeError:
                msg = f"{self}: module {quoted(name)} has no attribute {quoted(path)}"
                raise SettingsError(msg) from None
        return found

    def called(self, function: Callable[[], _Made]) -> _Made:
        """Call what was found, for what it makes.

        Raises:
            SettingsError: It takes arguments, or raises.
        """
        try:
            inspect.signature(function).bind()
        except TypeError:
            msg = (
                f"{self} takes arguments; name {self.noun}, or a function without arguments that "
                "returns one"
            )
            raise SettingsError(msg) from None
        except ValueError:
            pass  # a function of another language does not tell
        return self.made(function)

    def made(self, make: Callable[[], _Made]) -> _Made:
        """Return what a function of the user's makes.

        Raises:
            SettingsError: It raises.
        """
        try:
            return make()
        except Exception as error:
            raise self.failed(error) from error

    def failed(self, error: BaseException) -> SettingsError:
        """Say which exception the user's code raised and where; its own text may hold anything."""
        frames = [
            each
            for each in traceback.extract_tb(error.__traceback__)
            if not each.filename.startswith((_OWN, "<"))
        ]
        at = f" at {shown(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
        module = self.spec.partition(":")[0]
        return SettingsError(
            f"{self} raises {type_name(error)}{at}; "
            f"python -c {quoted(f'import {module}')} may show more"
        )
