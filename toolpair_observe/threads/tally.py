"""How many threads have which verdict."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from toolpair_observe.threads.diagnosis import ThreadVerdict

if TYPE_CHECKING:
    from toolpair_observe.threads.diagnosis import ThreadDiagnosis

_rank: Final = attrgetter("rank")


class ThreadTally:
    """Counts threads as their diagnoses come, those of one thread in a row.

    The verdict of a thread is the worst of its histories.
    """

    def __init__(self) -> None:
        """Start without threads."""
        self._ended: Counter[ThreadVerdict] = Counter()
        self._thread_id = ""
        self._verdict: ThreadVerdict | None = None
        self.findings = 0
        """How many histories are stalled or poisoned; a thread may have several."""
        self.unreadable = 0
        """How many histories could not be read."""

    def add(self, diagnosis: ThreadDiagnosis) -> None:
        """Count one diagnosis."""
        self.findings += diagnosis.verdict.is_finding
        self.unreadable += diagnosis.verdict is ThreadVerdict.UNREADABLE
        if self._verdict is not None and diagnosis.thread_id == self._thread_id:
            self._verdict = min(self._verdict, diagnosis.verdict, key=_rank)
            return
        if self._verdict is not None:
            self._ended[self._verdict] += 1
        self._thread_id, self._verdict = diagnosis.thread_id, diagnosis.verdict

    @property
    def verdicts(self) -> dict[ThreadVerdict, int]:
        """How many threads have each verdict, none included."""
        counts = self._ended + Counter(() if self._verdict is None else (self._verdict,))
        return {verdict: counts[verdict] for verdict in ThreadVerdict}
