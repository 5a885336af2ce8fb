"""What the doctor says: one line for each finding, each safe to print."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from toolpair_observe._version import __version__
from toolpair_observe.diagnosis.presentable import without_user
from toolpair_observe.pairing.shown import line

if TYPE_CHECKING:
    from collections.abc import Iterator

# The worst last: in a terminal it stands right above the prompt.
_LABELS: Final = {"ok": "ok", "note": "note", "problem": "PROBLEM"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `doctor` looked at.

    Attributes:
        area: What it belongs to, such as `langsmith`.
        status: `ok`; `note` for what may or may not be meant; `problem` for what is wrong.
        text: What was found, on one line.
        fix: What to do about it, on one line; `""` where nothing has to be done.
    """

    area: str
    status: Literal["ok", "note", "problem"]
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What `doctor` found. `print` shows it for people, the problems last.

    Attributes:
        findings: Every finding, area by area.
    """

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong. Notes are no problems."""
        return all(finding.status != "problem" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as JSON-able values."""
        return {
            "version": __version__,
            "ok": self.ok,
            "findings": [asdict(finding) for finding in self.findings],
        }

    def __str__(self) -> str:
        return "\n".join([*self._lines(), "", self._summary()])

    def _lines(self) -> Iterator[str]:
        status_width = max(map(len, _LABELS.values()))
        area_width = max((len(finding.area) for finding in self.findings), default=0)
        for status, label in _LABELS.items():
            for finding in self.findings:
                if finding.status == status:
                    head = f"{label:<{status_width}}  {finding.area:<{area_width}}"
                    fix = f"  ->  {finding.fix}" if finding.fix else ""
                    yield f"{head}  {finding.text}{fix}"

    def _summary(self) -> str:
        counts = Counter(finding.status for finding in self.findings)
        shown = (_counted(counts[status], status) for status in ("problem", "note"))
        return f"{', '.join(shown)}, {counts['ok']} ok"


def ok(area: str, text: str) -> Finding:
    """Return a finding about what is as it should be."""
    return Finding(area, "ok", _shown(text))


def note(area: str, text: str, fix: str = "") -> Finding:
    """Return a finding about what may or may not be meant."""
    return Finding(area, "note", _shown(text), _shown(fix))


def problem(area: str, text: str, fix: str) -> Finding:
    """Return a finding about what is wrong."""
    return Finding(area, "problem", _shown(text), _shown(fix))


def _shown(text: str) -> str:
    """Return one line without passwords; they go first, because a line may be cut before its @."""
    return line(without_user(text))


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"
