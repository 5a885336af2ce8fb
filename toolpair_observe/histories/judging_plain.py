"""The fast pass over a unit: is all of it plainly sound, and does no key stand twice in its row?

Nearly every unit is sound, so that nothing is made for it.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.containers.parsing import proven
from toolpair_observe.histories.dialects.table import FAST_PASSES
from toolpair_observe.histories.unit import Extent
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolpair_observe.histories.containers.key_marks import Marks
    from toolpair_observe.histories.dialects.dialect import Dialect
    from toolpair_observe.histories.limits import ReadLimits
    from toolpair_observe.histories.unit import Unit
    from toolpair_observe.pairing.first_look import Plain

# Nearly every unit has these, and making them costs as much as a few messages do.
_ONE_CLEAN: Final = Counter({Effect.CLEAN: 1})


def plainly_clean(
    unit: Unit, limits: ReadLimits, plain: Plain | None, marks: Marks | None
) -> Counter[Effect] | None:
    """Return how many requests a unit has that are all plainly sound; None where that is not plain.

    Args:
        unit: The unit.
        limits: How much of it is read.
        plain: What a plain history must not have; None where none is plain.
        marks: Where to add the keys and strings of its messages.
    """
    if plain is None or len(unit.conversations) != 1:
        return None
    messages, known = unit.conversations[0]
    if len(messages) > limits.messages:
        return None
    dialect = _plain_dialect(unit.dialect, messages, plain, marks)
    if dialect is None:
        return None
    if unit.extent is Extent.WHOLE:
        return _ONE_CLEAN
    # What pairs in place pairs in each of its prefixes.
    if known:
        return _clean(sum(1 for end in prefix_ends(dialect, messages) if end > known))
    return _clean(bytes(map(dialect.is_ai, messages)).count(b"\0\1"))


@lru_cache(maxsize=256)
def _clean(count: int) -> Counter[Effect]:
    return Counter({Effect.CLEAN: count}) if count else Counter()


def is_plain(dialect: Dialect, messages: Sequence[Any], plain: Plain) -> bool:
    """Whether the fast pass of its dialect finds a list sound."""
    look = dialect.plain_calls
    return look is not None and look(messages, plain) is not None


def _plain_dialect(
    dialect: Dialect | None, messages: Sequence[Any], plain: Plain, marks: Marks | None
) -> Dialect | None:
    """Return the dialect whose fast pass finds the list sound: its own, or if not known, any."""
    if dialect is not None:
        look = dialect.plain_calls
        return None if look is None or look(messages, plain, marks) is None else dialect
    for each, look in FAST_PASSES:
        if look(messages, plain, marks) is not None:
            return each
    return None


def prefix_ends(dialect: Dialect, messages: Sequence[Any]) -> Iterator[int]:
    """Yield where the prefixes end that were requests: before each run of AI messages."""
    is_ai = dialect.is_ai
    after_ai = True  # what precedes nothing is no request
    for position, message in enumerate(messages):
        speaks = is_ai(message)
        if speaks and not after_ai:
            yield position
        after_ai = speaks


def prove(unit: Unit, marks: Marks | None, limits: ReadLimits) -> None:
    """Look for keys that stand twice in the row of a unit.

    Args:
        unit: The unit; its row is not looked at again.
        marks: The keys and strings of its list of messages; None where they are not known.
        limits: How deep its row may be nested.

    Raises:
        HistoryFileError: There is one, or it is nested too deep.
    """
    row, unit.unproven = unit.unproven, None
    if row is None:
        return
    text, data = row
    if marks is not None:
        messages = unit.conversations[0].messages
        marks.keys += len(data)
        marks.texts += data
        marks.others += [value for value in data.values() if value is not messages]
        if marks.agree(text, limits.depth):
            return
    proven(text, data, limits)
