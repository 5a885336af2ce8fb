"""New processes that a program starts: how `toolpair-observe run` has them attached as well.

Every Python imports `sitecustomize` at its start. A folder on `PYTHONPATH` holds one of ours.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

BY_RUN: Final = "toolpair-observe run"
"""Who attaches to such a process."""

_PATH: Final = "PYTHONPATH"
_FOLDER: Final = str(Path(__file__).absolute().parent / "autostart")


def cover(environ: MutableMapping[str, str]) -> None:
    """Have every Python attached that starts with these environment variables.

    Ours comes first, because others (OpenTelemetry's) import no `sitecustomize` behind them.
    """
    given = environ.get(_PATH)
    others = [each for each in given.split(os.pathsep) if each != _FOLDER] if given else []
    environ[_PATH] = os.pathsep.join([_FOLDER, *others])


def are_covered(environ: Mapping[str, str]) -> bool:
    """Whether `toolpair-observe run` has started this program, itself or through another one."""
    return _FOLDER in environ.get(_PATH, "").split(os.pathsep)
