"""Whether a key stands twice in an object, told by counting colons.

Of two values under one key a parser keeps one and says nothing. Each key has a colon, so that a
text has more of them than its value has keys, colons in strings aside, exactly where one stands
twice. Counting costs a fraction of what reading a text key by key does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# A colon that is written as \u003a would make up for one that is missing.
_ESCAPE: Final = b"\\u003"
# So many levels are above what `Marks.others` holds, and more than that.
_ABOVE: Final = 16
# Nobody writes deeper than this.
_FAR_TOO_DEEP: Final = 1200


class Marks:
    """What colons the text of a value has to have, as far as the value was looked at.

    Attributes:
        keys: How many keys its objects have.
        texts: The strings that stand in it. Anything else among them says that not all of it was
            looked at.
        others: What else stands in it, of any type; its keys and strings count as well.
    """

    __slots__ = ("keys", "others", "texts")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.keys = 0
        self.texts: list[Any] = []
        self.others: list[Any] = []

    def agree(self, text: bytes, depth: int) -> bool:
        """Whether the text is sure to have no more keys than these, and not to be deeper."""
        try:
            colons = self.keys + "".join(self.texts).count(":")
            if self.others:
                colons += colons_of(self.others, depth - _ABOVE)
        except TypeError:
            return False
        return depth >= _ABOVE and _has_colons(text, colons)


def have_no_key_twice(text: bytes, value: object, depth: int) -> bool:
    """Whether a text is sure to have each key once in its object, and not to be nested deeper.

    Args:
        text: The text.
        value: Its value.
        depth: How deep lists and objects may be nested.
    """
    try:
        return _has_colons(text, colons_of(value, depth))
    except TypeError:  # nested deeper, or half an emoji
        return False


def _has_colons(text: bytes, count: int) -> bool:
    return text.count(b":") == count and text.rfind(_ESCAPE) < 0  # quicker than to look forward


def counter() -> Callable[[Any, int], int]:
    """Return what counts the colons of a value, written as JSON.

    It takes the value and how deep it may be nested. Raises TypeError where it is nested deeper,
    and for anything that it can't write.
    """
    try:
        dumps = import_module("orjson").dumps
    except ImportError:
        return colons_walked
    deepest = _deepest(dumps)

    def colons_written(value: Any, depth: int) -> int:  # noqa: ANN401 - any JSON value
        # It refuses one that is nested too deep for it. These levels make that too deep for us.
        for _ in range(deepest - depth):
            value = [value]
        return colons_walked(value, depth) if depth > deepest else dumps(value).count(b":")

    return colons_written


def _deepest(dumps: Callable[[Any], bytes]) -> int:
    """Return how deep values are nested at most that can be written."""
    found = 0
    for innermost in ([], {}, [1], {"a": 1}):
        for wrap in (lambda inner: [inner], lambda inner: {"a": inner}):
            value: Any = innermost
            depth = 1
            try:
                while depth < _FAR_TOO_DEEP:
                    dumps(value)
                    found = max(found, depth)
                    value = wrap(value)
                    depth += 1
            except TypeError:
                continue
    return found


def colons_walked(value: Any, depth: int) -> int:  # noqa: ANN401 - any JSON value
    """Count the colons of a value without writing it. See `counter`."""
    keys = 0
    texts: list[str] = []
    level: list[Any] = [[value]]
    for _ in range(depth + 1):
        below: list[Any] = []
        for container in level:
            is_object = container.__class__ is dict
            if is_object:
                keys += len(container)
                texts += container
            for inner in container.values() if is_object else container:
                kind = inner.__class__
                if kind is str:
                    texts.append(inner)
                elif kind is dict or kind is list:
                    below.append(inner)
        if not below:
            return keys + "".join(texts).count(":")
        level = below
    raise TypeError


colons_of = counter()
