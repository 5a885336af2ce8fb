"""One thing that a server may ask, and how it is written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from toolpair_observe.pairing.first_look import Trait
    from toolpair_observe.pairing.turns import Finding, Turn

    Find = Callable[[Sequence[Turn], int], Iterator[Finding]]


@dataclass(frozen=True, slots=True, eq=False)
class Mechanism:
    """One thing that a server may ask of the turns that are sent.

    Attributes:
        name: Its name, as files have it.
        says: What is asked, as a sentence for people; `{value}` stands for the number.
        find: Yields where it is not met, given the turns and the number.
        minds: Traits of a plainly sound history that can fail to meet it.
        takes_value: Whether it has a number, such as a length.
        characters: The characters that meet it in an id, as a regular expression's character class
            without brackets, where these are all that is asked.
        is_longest: Whether its number is that of the longest id which meets it.
        is_of_all: Whether it looks at the whole history, of which no part may be left out then.
    """

    name: str
    says: str
    find: Find
    minds: frozenset[Trait]
    takes_value: bool = False
    characters: str = ""
    is_longest: bool = False
    is_of_all: bool = False


def mechanism(
    name: str, says: str, *minds: Trait, is_of_all: bool = False
) -> Callable[[Find], Mechanism]:
    """Make a mechanism of the function that is decorated.

    Args:
        name: Its name.
        says: What is asked, as a sentence for people.
        *minds: Traits of a plainly sound history that can fail to meet it.
        is_of_all: Whether it looks at the whole history.
    """

    def made(find: Find) -> Mechanism:
        return Mechanism(name, says, find, frozenset(minds), is_of_all=is_of_all)

    return made
