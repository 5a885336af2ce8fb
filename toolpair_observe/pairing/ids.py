"""Whether ids have the length and the characters that a provider takes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def suit(ids: Sequence[str], longest: int | None, characters: str | None) -> bool:
    """Whether a provider takes all of these ids.

    Args:
        ids: The ids.
        longest: How long an id may be; None for any length.
        characters: What an id may consist of, as a regular expression's character class without
            brackets; None for anything.
    """
    if longest is not None and ids and max(map(len, ids)) > longest:
        return False
    return characters is None or _only(characters).match("".join(ids)) is not None


@lru_cache(maxsize=32)
def _only(characters: str) -> re.Pattern[str]:
    return re.compile(rf"[{characters}]*\Z")
