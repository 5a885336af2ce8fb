"""The made-up results of the requests of one unit, each once."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.pairing.masked import MaskedResult
    from toolpair_observe.pairing.report import PairingReport


class MaskedSum:
    """What the requests of one unit have, over all of its lists.

    Attributes:
        requests: How many requests have a made-up result.
        report: The report of one of them, None where there is none.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.report: PairingReport | None = None
        self._found: dict[tuple[int, str], MaskedResult] = {}

    @property
    def results(self) -> tuple[MaskedResult, ...]:
        """The results, each once."""
        return tuple(self._found.values())

    def add(self, report: PairingReport) -> None:
        """Add a list that is one request."""
        if report.masked:
            self.requests += 1
            self._add(report, report.masked)

    def add_prefixes(self, longest: PairingReport, ends: Sequence[int]) -> None:
        """Add a list of which several prefixes were requests.

        A result is fresh in the first of them that has it. A list that shares its first messages
        with another one has those of its results that no request of the other has seen.

        Args:
            longest: The report of the longest of them.
            ends: Where they end, in order, those that another list has as well left out.
        """
        if not longest.masked:
            return
        first = min(each.message_index for each in longest.masked)
        self.requests += len(ends) - bisect_right(ends, first)
        self._add(longest, [replace(each, fresh=True) for each in longest.masked])

    def add_behind(self, whole: PairingReport, start: int) -> None:
        """Add what stands behind the last request of a list: the next one is going to have it.

        Args:
            whole: The report of all of the list.
            start: Where that begins.
        """
        self._add(whole, [each for each in whole.masked if each.message_index >= start])

    def _add(self, report: PairingReport, masked: Sequence[MaskedResult]) -> None:
        if masked:
            self.report = report
        for each in masked:
            self._found.setdefault((each.message_index, each.tool_call_id), each)
