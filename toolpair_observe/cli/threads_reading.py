"""The diagnoses that `toolpair-observe threads` asks for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from toolpair_observe.cli.threads_output import Complaints
from toolpair_observe.console import show_line
from toolpair_observe.pairing.shown import quoted
from toolpair_observe.progress import counting_bar
from toolpair_observe.threads.diagnosis import ThreadVerdict
from toolpair_observe.threads.tally import ThreadTally

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from toolpair_observe.pairing.shown import ShowId
    from toolpair_observe.threads.diagnosis import ThreadDiagnosis


class Reading:
    """Reads the threads of a database once.

    Attributes:
        tally: How many threads have which verdict, once they are read.
        is_complete: Whether everything that was asked for is there and could be read.
    """

    def __init__(self, arguments: argparse.Namespace, name_id: ShowId) -> None:
        """Prepare to read.

        Args:
            arguments: The arguments of the command.
            name_id: Returns what stands in place of an id.
        """
        self._arguments = arguments
        self._name_id = name_id
        self.tally = ThreadTally()
        self.is_complete = True

    def diagnoses(self) -> Iterator[ThreadDiagnosis]:
        """Yield the diagnosis of each history that is asked for, and report what is missing."""
        complaints = Complaints(self._name_id)
        asked = dict.fromkeys(self._arguments.thread_ids or ())
        threads, namespaces, channels = set[str](), set[str](), set[str | None]()
        for diagnosis in self._all(list(asked)):
            if asked:
                threads.add(diagnosis.thread_id)
            namespaces.add(diagnosis.namespace)
            if self._arguments.namespace not in (None, diagnosis.namespace):
                continue
            channels.add(diagnosis.channel)
            self.tally.add(diagnosis)
            if diagnosis.verdict is ThreadVerdict.UNREADABLE:
                self.is_complete = False
                complaints.add(diagnosis)
            yield diagnosis
        complaints.close()
        for thread_id in asked:
            if thread_id not in threads:
                self._miss("--thread", self._name_id(thread_id), "no such thread is stored")
        self._require("namespace", namespaces)
        self._require("channel", channels)

    def _all(self, thread_ids: list[str]) -> Iterator[ThreadDiagnosis]:
        # Of an extra.
        from toolpair_observe.threads.diagnose import DiagnosisOptions  # noqa: PLC0415
        from toolpair_observe.threads.spread import diagnose_url  # noqa: PLC0415

        options = DiagnosisOptions(
            profile=self._arguments.profile,
            channel=self._arguments.channel,
            idle=self._arguments.idle,
            name_id=self._name_id,
        )
        with counting_bar("diagnosing") as progress:
            yield from diagnose_url(
                self._arguments.url,
                options,
                thread_ids=thread_ids or None,
                is_encrypted=self._arguments.encryption,
                jobs=self._arguments.jobs,
                progress=progress,
            )

    def _require(self, name: str, found: set[str] | set[str | None]) -> None:
        wanted = getattr(self._arguments, name)
        # A name that is nowhere is misspelt: nothing was looked at, which is no good news.
        if wanted is not None and wanted not in found:
            self._miss(f"--{name}", wanted, f"no thread has such a {name}")

    def _miss(self, option: str, value: str, what: str) -> None:
        self.is_complete = False
        show_line(f"toolpair-observe: {option} {quoted(value)}: {what}", sys.stderr)
