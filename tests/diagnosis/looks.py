"""What the doctor says, in a form that tests can ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolpair_observe import Diagnosis


def texts(diagnosis: Diagnosis, area: str, status: str = "") -> list[str]:
    """Return the texts and fixes of an area."""
    return [
        f"{finding.text} -> {finding.fix}" if finding.fix else finding.text
        for finding in diagnosis.findings
        if finding.area == area and status in ("", finding.status)
    ]


def problems(diagnosis: Diagnosis) -> list[str]:
    """Return each problem with its area."""
    return [f"{f.area}: {f.text}" for f in diagnosis.findings if f.status == "problem"]
