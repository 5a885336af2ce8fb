"""The colors, and what they mean: the same on every panel, and those of the alerts' severities."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from dashboards.tools.alert import CRITICAL, WARNING


class Color(StrEnum):
    """The meaning of a color."""

    GOOD = "green"
    TOLERATED = "blue"
    UNCLEAR = "purple"
    NOTEWORTHY = "yellow"
    WARNING = "orange"
    WARNING_TOO = "dark-orange"
    CRITICAL = "red"
    NEUTRAL = "text"


SEVERITY_COLORS: Final = {CRITICAL: Color.CRITICAL, WARNING: Color.WARNING}
"""The color of an alert, and of what it is about."""
