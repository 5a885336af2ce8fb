"""What can be known of a cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OR: Final = "; or "


@dataclass(frozen=True, slots=True)
class CauseInfo:
    """What is known of a cause.

    Attributes:
        title: The cause in a few words; a group says what its members have in common.
        mechanisms: What can lie behind it; one entry where the list tells it exactly.
        hints: What to change in the code, the likeliest first.
        fingerprint: What the list looks like.
        source: Where the mechanism and its fingerprint were seen.
    """

    title: str
    mechanisms: tuple[str, ...]
    hints: tuple[str, ...]
    fingerprint: str
    source: str

    @property
    def hint(self) -> str:
        """All hints as one text."""
        return OR.join(self.hints)
