"""What was observed, kept as text: a line for each named history of each integration.

A release before the newest has a snapshot of its own where it behaves differently; it is read where
that release is installed. Set `UPDATE_INTEGRATION_SNAPSHOTS` to `newest` or `older` to record.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from .histories import timeline
from .named import NAMED
from .observe import observe

if TYPE_CHECKING:
    from .recorders import Recorder

FOLDER = Path(__file__).parent / "snapshots"
UPDATE = "UPDATE_INTEGRATION_SNAPSHOTS"


def observed_lines(recorder: Recorder) -> list[str]:
    """Send every named history and say what became of it."""
    lines = []
    for name, text in NAMED.items():
        observed = observe(recorder, timeline(text))
        lines.append(f"{name} | {text} | {observed.effect} | {observed.line}".rstrip(" |"))
    return lines


def difference(recorder: Recorder) -> str:
    """Say how an integration differs from its snapshot; write the snapshot if asked to."""
    lines = observed_lines(recorder)
    made_by = f"# {recorder.integration.package} {recorder.integration.version}"
    path = _path(recorder)
    if os.environ.get(UPDATE):
        path.write_text("\n".join([made_by, *lines]) + "\n", encoding="utf-8")
    recorded_by, *recorded = path.read_text(encoding="utf-8").splitlines()
    changes = difflib.unified_diff(recorded, lines, recorded_by, made_by, lineterm="", n=0)
    return "\n".join(changes)


def _path(recorder: Recorder) -> Path:
    integration = recorder.integration
    older = FOLDER / f"{integration.name}@{integration.version}.txt"
    if older.exists() or os.environ.get(UPDATE) == "older":
        return older
    return FOLDER / f"{integration.name}.txt"
