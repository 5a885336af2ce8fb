"""How much a chat template may do: a budget of steps that every loop, call and long text spends.

A template is code that somebody else wrote. Jinja's sandbox keeps it from attributes, files and the
network, not from running for ever or filling the memory. So everything that can grow costs steps,
and what the next operation would make is measured before it is made.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_STEPS: Final = 300_000
MOST_STEPS_A_MESSAGE: Final = 1_000
# Seconds on the caller's thread: what needs more for a long history looks at all of it again and
# again. Real templates take some hundred steps a message.
MOST_STEPS_AT_ALL: Final = 3_000_000
_WIDEST: Final = 10_000
_MOST_BITS: Final = 4_096
_DEEPEST: Final = 100
CHARACTERS_A_STEP: Final = 16
_LONG_NUMBER: Final = re.compile(r"\d{5,}")
# `%*d` and `{:{}}`.
_WIDTH_AMONG_VALUES: Final = re.compile(r"\*|:[^}]*\{")
# Methods that make as much as a number among their arguments says.
_WIDE: Final = frozenset({"center", "expandtabs", "ljust", "rjust", "zfill"})


class TooCostlyError(Exception):
    """The template does more than any template for this many messages needs to."""


class Budget:
    """Steps that are left.

    Attributes:
        left: How many.
    """

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Take steps away.

        Raises:
            TooCostlyError: None are left.
        """
        self.left -= steps
        if self.left < 0:
            raise TooCostlyError


# A template is compiled once and may be rendered by several threads at a time.
_BUDGET: ContextVar[Budget | None] = ContextVar("toolpair_template_budget", default=None)


def budget_for(messages: int) -> Budget:
    """Return what all renderings of a history of so many messages may spend together."""
    return Budget(min(MOST_STEPS + MOST_STEPS_A_MESSAGE * messages, MOST_STEPS_AT_ALL))


@contextmanager
def spending(budget: Budget) -> Iterator[None]:
    """Have what is rendered inside spend `budget`."""
    token = _BUDGET.set(budget)
    try:
        yield
    finally:
        _BUDGET.reset(token)


def spend(steps: int) -> None:
    """Take steps from the budget of this rendering; outside of one, as when compiling, raise."""
    budget = _BUDGET.get()
    if budget is None:
        raise TooCostlyError
    budget.spend(steps)


def counted(items: Iterable[Any], cost: int = 1) -> Iterator[Any]:
    """Yield `items`, each of which costs steps."""
    for item in items:
        spend(cost)
        yield item


def weighed(value: object) -> Any:  # noqa: ANN401 - whatever the template holds
    """Return `value`, having paid for as much as comparing or writing it takes.

    A list can hold another one several times over, and that one again, so that a few lines make
    more than a memory can hold once it is written out. Therefore each occurrence is paid for.
    """
    if isinstance(value, str | bytes):
        spend(len(value) // CHARACTERS_A_STEP)
    elif isinstance(value, list | tuple | dict | set):
        _weigh(value, 0)
    return value


def _weigh(value: object, depth: int) -> None:
    if depth > _DEEPEST:
        raise TooCostlyError
    if isinstance(value, dict):
        spend(1 + len(value))
        for key, item in value.items():
            _weigh(key, depth + 1)
            _weigh(item, depth + 1)
    elif isinstance(value, list | tuple | set):
        spend(1 + len(value))
        for item in value:
            _weigh(item, depth + 1)
    elif isinstance(value, str | bytes):
        spend(len(value) // CHARACTERS_A_STEP)


def sized(value: object) -> Any:  # noqa: ANN401 - whatever the template holds
    """Return `value`, having paid for a copy of its outermost list or text."""
    if isinstance(value, str | bytes):
        spend(1 + len(value) // CHARACTERS_A_STEP)
    elif isinstance(value, list | tuple | dict | set | range):
        spend(1 + len(value))
    return value


def check_operation(operator: str, left: object, right: object) -> None:
    """Pay for what `left operator right` makes.

    Raises:
        TooCostlyError: It is too large.
    """
    if operator == "%" and isinstance(left, str | bytes):
        check_format(left, right)
        return
    for one, other in ((left, right), (right, left)):
        if isinstance(one, int):
            if operator == "**" and isinstance(other, int):
                power = max(right, 0) if isinstance(right, int) else 0
                limit(left.bit_length() * power if isinstance(left, int) else 0, _MOST_BITS)
            limit(one.bit_length(), _MOST_BITS // 2)
        elif isinstance(one, str | bytes | list | tuple):
            times = other if operator == "*" and isinstance(other, int) else 1
            spend(1 + len(one) * max(times, 0) // CHARACTERS_A_STEP)


def check_format(text: str | bytes, *values: object) -> None:
    """Pay for what a format makes of its values; it may not make anything wide."""
    if isinstance(text, bytes) or _LONG_NUMBER.search(text):
        raise TooCostlyError
    for value in values:
        weighed(value)
        if _WIDTH_AMONG_VALUES.search(text):
            check_arguments(value if isinstance(value, list | tuple) else [value])
            check_arguments(value.values() if isinstance(value, dict) else ())
    weighed(text)


def check_arguments(arguments: Iterable[object]) -> None:
    """Refuse whole numbers that would make a text or a list too wide."""
    for argument in arguments:
        if isinstance(argument, int):
            limit(abs(argument), _WIDEST)


def check_text_method(text: str | bytes, name: str, arguments: tuple[object, ...]) -> None:
    """Pay for what a method of a text makes."""
    if name in _WIDE:
        check_arguments(arguments)
    if name in ("format", "format_map"):
        check_format(text, *arguments)
        return
    spend(1 + len(text) // CHARACTERS_A_STEP)
    for argument in arguments:
        weighed(argument)
    if name == "join" and arguments:
        items = arguments[0]
        size = len(items) if isinstance(items, list | tuple) else 0
        spend(size * len(text) // CHARACTERS_A_STEP)
    elif name == "replace" and len(arguments) > 1:
        check_replacement(text, arguments[0], arguments[1])


def check_method(owner: object, name: str, arguments: tuple[object, ...]) -> None:
    """Pay for what a method of a list or a dict reads."""
    for argument in arguments:
        weighed(argument)
    if name in ("count", "index", "remove"):  # they compare with each element
        weighed(owner)
    else:
        sized(owner)


def check_replacement(text: object, old: object, new: object) -> None:
    """Pay for what replacing a text by another makes."""
    if isinstance(text, str) and isinstance(old, str) and isinstance(new, str):
        spend(1 + text.count(old) * len(new) // CHARACTERS_A_STEP)


def limit(size: int, most: int) -> None:
    """Refuse what is larger than `most`.

    Raises:
        TooCostlyError: It is.
    """
    if size > most:
        raise TooCostlyError
