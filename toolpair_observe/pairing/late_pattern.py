"""Regular expressions that are compiled when they are first used.

Every process that imports this package would pay for them, and few histories or errors ever need
one: to compile takes a hundred to ten thousand times as long as to search.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Found: TypeAlias = "re.Match[str] | None"


class LatePattern:
    """What `re.compile` returns, with the methods that are used here.

    Args:
        pattern: The regular expression.
        flags: Its flags.
    """

    search: Callable[[str], Found]
    match: Callable[[str], Found]
    fullmatch: Callable[[str], Found]
    finditer: Callable[[str], Iterator[re.Match[str]]]
    findall: Callable[[str], list[str]]
    split: Callable[[str], list[str]]
    sub: Callable[[str | Callable[[re.Match[str]], str], str], str]

    def __init__(self, pattern: str, flags: re.RegexFlag = re.NOFLAG) -> None:
        self._pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> object:
        # Asked once for each method: from then on it is an attribute, as fast as the compiled one.
        method = getattr(re.compile(self._pattern, self._flags), name)
        setattr(self, name, method)
        return method
