"""What `toolpair-observe threads` prints of diagnoses."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Protocol

from toolpair_observe.console import show, show_json, show_line
from toolpair_observe.threads.diagnosis import ThreadVerdict
from toolpair_observe.threads.text import explain, mending_lines, place_of, text_of

if TYPE_CHECKING:
    from toolpair_observe.pairing.shown import ShowId
    from toolpair_observe.threads.diagnosis import ThreadDiagnosis
    from toolpair_observe.threads.tally import ThreadTally

_MOST_COMPLAINTS: Final = 20
HOW_TO_MEND: Final = (
    "--mend --graph module:attribute shows what would mend them, and --apply then writes it"
)
HOW_TO_RESUME: Final = (
    "resume what has stalled (graph.invoke(None, config)) before a new message breaks it, or mend "
    "it"
)


class Output(Protocol):
    """Prints diagnoses."""

    def show(self, diagnosis: ThreadDiagnosis) -> None:
        """Print one of those that are asked for."""

    def close(self, tally: ThreadTally) -> None:
        """Print what is to be said of all of them."""


class JsonOutput:
    """One object per thread and namespace."""

    def __init__(self, name_id: ShowId) -> None:
        """Print with ids as `name_id` names them."""
        self._name_id = name_id

    def show(self, diagnosis: ThreadDiagnosis) -> None:
        """Print one line of JSON."""
        show_json(diagnosis.to_dict(self._name_id))

    def close(self, tally: ThreadTally) -> None:
        """Print nothing: one object is one history."""


class TextOutput:
    """One line per history, or all that is known of it."""

    def __init__(self, name_id: ShowId, *, explains: bool, mends: bool) -> None:
        """Print with ids as `name_id` names them.

        Args:
            name_id: Returns what stands in place of an id.
            explains: Whether to print all that is known.
            mends: Whether to print the lines of Python that mend it.
        """
        self._name_id = name_id
        self._explains = explains
        self._mends = mends

    def show(self, diagnosis: ThreadDiagnosis) -> None:
        """Print one diagnosis."""
        if self._explains:
            show(f"{explain(diagnosis, self._name_id)}\n")
            return
        show_line(text_of(diagnosis, self._name_id))
        if self._mends and diagnosis.verdict.is_finding:
            show(mending_lines(diagnosis, self._name_id) + "\n")

    def close(self, tally: ThreadTally) -> None:
        """Print how many threads there are of each verdict, and what to do."""
        show_line(summary(tally))
        if tally.findings and not self._mends:
            more = "" if self._explains else "--explain shows each of them; "
            show_line(f"  to do: {more}{HOW_TO_MEND}")
        if tally.verdicts[ThreadVerdict.STALLED]:
            show_line(f"  to do: {HOW_TO_RESUME}")


class Complaints:
    """Reports the histories that could not be read on standard error, up to a limit."""

    def __init__(self, name_id: ShowId) -> None:
        """Report with ids as `name_id` names them."""
        self._name_id = name_id
        self._count = 0

    def add(self, diagnosis: ThreadDiagnosis) -> None:
        """Report one history."""
        self._count += 1
        if self._count <= _MOST_COMPLAINTS:
            place = place_of(diagnosis.thread_id, diagnosis.namespace, self._name_id)
            show_line(f"toolpair-observe: {place}: {diagnosis.reason}", sys.stderr)

    def close(self) -> None:
        """Report how many were not shown."""
        if (more := self._count - _MOST_COMPLAINTS) > 0:
            show_line(f"toolpair-observe: and {more:,} more that can't be read", sys.stderr)


def summary(tally: ThreadTally) -> str:
    """Return how many threads there are of each verdict, as one line."""
    counts = tally.verdicts
    total = sum(counts.values())
    each = ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in ThreadVerdict)
    return f"{total:,} {'thread' if total == 1 else 'threads'}: {each}"
