"""The audit of a LangSmith project, which can be broken off and gone on with."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.audit.aggregate import Aggregate
from toolpair_observe.audit.batch import audit_units
from toolpair_observe.audit.langsmith import SCHEME
from toolpair_observe.audit.langsmith.runs import Query
from toolpair_observe.audit.trouble import AuditError
from toolpair_observe.histories.units import units_of_values
from toolpair_observe.pairing.shown import quoted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from toolpair_observe.audit.langsmith.feedback import AuditFeedback
    from toolpair_observe.audit.langsmith.runs import Project
    from toolpair_observe.audit.options import AuditOptions

_VERSION: Final = 1
_MOST_BYTES: Final = 256 * 1024 * 1024


@dataclass(slots=True)
class Progress:
    """How far the audit of a project has come.

    Attributes:
        query: What is asked.
        aggregate: The sums of the runs so far.
        runs: How many they are.
        cursor: Where to go on; `""` at the beginning.
        is_done: Whether there are no more.
        feedback: Runs by what came of feedback on them.
    """

    query: Query
    aggregate: Aggregate
    runs: int = 0
    cursor: str = ""
    is_done: bool = False
    feedback: Counter[str] = field(default_factory=Counter)


def audit_project(
    project: Project,
    progress: Progress,
    *,
    feedback: AuditFeedback | None = None,
    after_page: Callable[[Progress], None] = lambda _: None,
) -> None:
    """Audit the runs of a project that are not in `progress` yet.

    Args:
        project: The project.
        progress: Where to begin; it is kept up to date.
        feedback: What writes feedback on the runs, or None.
        after_page: Called when a page has been counted.
    """
    if progress.is_done:
        return
    file = f"{SCHEME}{progress.query.project}"
    if feedback is not None:
        feedback.counts = progress.feedback  # goes on from those before
    see = None if feedback is None else feedback.see
    left = progress.query.limit
    left = None if left is None else max(0, left - progress.runs)
    for page in project.pages(progress.query, progress.cursor, left):
        units = units_of_values(page.runs, "runs", progress.runs)
        audit_units(units, file, progress.aggregate, see)
        if feedback is not None:
            feedback.end_page(page.runs)
        progress.runs += len(page.runs)
        progress.cursor = page.cursor
        after_page(progress)
    progress.is_done = True
    progress.aggregate.files += 1
    after_page(progress)


class Resume:
    """A small file that tells how far an audit has come.

    Args:
        path: The file.
        asked: The options of the command that decide what is counted, as JSON-able data. A file
            that was written under others is refused.
    """

    def __init__(self, path: Path, asked: dict[str, Any]) -> None:
        self._path = path
        self._asked = asked

    def load(self, query: Query, options: AuditOptions) -> Progress:
        """Return where to go on, the beginning where there is no file yet.

        Raises:
            AuditError: The file is of another audit, or none.
        """
        progress = Progress(query, Aggregate(options))
        if not self._path.exists():
            return progress
        try:
            if self._path.stat().st_size > _MOST_BYTES:
                raise ValueError  # noqa: TRY301 - as any other file that is none of ours
            state = json.loads(self._path.read_bytes())
            is_ours = state["version"] == _VERSION
            if is_ours and state["asked"] == self._asked:
                since = state["since"]
                progress.query = Query(
                    project=query.project,
                    since=datetime.fromisoformat(since) if since else None,
                    filter=query.filter,
                    limit=query.limit,
                )
                progress.aggregate.restore(state["aggregate"])
                progress.runs = int(state["runs"])
                progress.cursor = str(state["cursor"])
                progress.is_done = bool(state["is_done"])
                progress.feedback.update(state["feedback"])
                return progress
        except (KeyError, TypeError, ValueError, IndexError, RecursionError, AttributeError):
            is_ours = False
        what = "is of an audit with other options" if is_ours else "is not of this command"
        msg = f"--resume: {quoted(str(self._path))} {what}; name another file, or delete it"
        raise AuditError(msg)

    def save(self, progress: Progress) -> None:
        """Write how far it has come, in one step."""
        since = progress.query.since
        state = {
            "version": _VERSION,
            "asked": self._asked,
            "since": since.isoformat() if since else None,
            "runs": progress.runs,
            "cursor": progress.cursor,
            "is_done": progress.is_done,
            "feedback": progress.feedback,
            "aggregate": progress.aggregate.state(),
        }
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}.tmp")
        try:
            beside.write_text(json.dumps(state), encoding="utf-8")
            beside.replace(self._path)
        finally:
            beside.unlink(missing_ok=True)
