"""What an integration does today, compared with the observations behind its profile.

A release before the newest has a file of its own where it behaves differently; it is read where
that release is installed. Set `UPDATE_INTEGRATION_SNAPSHOTS` to `newest` or `older` to record.
"""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING

from .histories import timeline
from .observe import observe
from .snapshot_files import HISTORIES, UPDATE, Snapshot, SnapshotFiles

if TYPE_CHECKING:
    from .recorders import Recorder

TESTS = "tests/integrations/test_snapshots.py"


def difference(recorder: Recorder) -> str:
    """Say how an integration differs from its snapshot; write the snapshot if asked to."""
    name, seen, files = recorder.integration.name, observed(recorder), SnapshotFiles()
    asked_for = os.environ.get(UPDATE)
    if asked_for:
        files.record(name, seen, as_older=asked_for == "older")
        return ""
    return compared(name, seen, files)


def observed(recorder: Recorder) -> Snapshot:
    """Send every named history and keep what became of it."""
    outcomes = {}
    for history, text in HISTORIES.items():
        one = observe(recorder, timeline(text))
        outcomes[history] = f"{one.effect} | {one.line}".rstrip(" |")
    return Snapshot(f"{recorder.integration.package} {recorder.integration.version}", outcomes)


def compared(integration: str, seen: Snapshot, files: SnapshotFiles) -> str:
    """Return the lines that differ between snapshot and observation, and how to record them."""
    recorded = files.read(integration, seen.version)
    path = files.file_of(integration, seen.version)
    changes = list(
        difflib.unified_diff(
            recorded.lines,
            seen.lines,
            f"{recorded.release}, as {path} has it",
            f"{seen.release}, as installed",
            lineterm="",
            n=0,
        )
    )
    if not changes:
        return ""
    kind = "older" if path != files.newest or seen.precedes(recorded) else "newest"
    how = f"{UPDATE}={kind} python -m pytest {TESTS} -k '[{integration}]'"
    return "\n".join([*changes, "Change the profile first; then record anew:", how])
