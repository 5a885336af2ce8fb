"""Histories made by chance: sound ones, and the ways in which they get damaged.

The same code serves a seeded generator and a hypothesis strategy: it only ever asks for a number
below a limit.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from hypothesis import strategies as st

from .histories import TOOLS, Ref, Step, Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
IDS = "abcdefghijkmopqrstuvw"
SPECIAL = "LMXPN"
FORMS = ("", "", "", "", "~", "^", "&", "%", "*")
MAX_DAMAGE = 3


class Chance(Protocol):
    """The source of random choices."""

    def below(self, limit: int) -> int:
        """Return a number from 0 to `limit`, exclusive."""


class Seeded:
    """Decides by a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311

    def below(self, limit: int) -> int:
        """Return the next number of the sequence."""
        return self._random.randrange(limit)


class _Drawn:
    """Lets hypothesis decide."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        self._draw = draw

    def below(self, limit: int) -> int:
        return self._draw(st.integers(0, limit - 1))


def generated(seed: int) -> Timeline:
    """Return the history of a seed."""
    return history(Seeded(seed))


@st.composite
def histories(draw: Callable[[st.SearchStrategy[int]], int]) -> Timeline:
    """Draw a history."""
    return history(_Drawn(draw))


def history(chance: Chance) -> Timeline:
    """Make a sound history, then damage it up to `MAX_DAMAGE` times."""
    steps = sound(chance)
    for _ in range(chance.below(MAX_DAMAGE + 1)):
        steps = DAMAGE[_pick(chance, tuple(DAMAGE))](steps, chance) or steps
    return tuple(steps)


def _pick(chance: Chance, options: Sequence[T]) -> T:
    return options[chance.below(len(options))]


def _once_in(chance: Chance, times: int) -> bool:
    return chance.below(times) == times - 1


def sound(chance: Chance) -> list[Step]:
    """Make a history that keeps LangChain's contract."""
    style = _Style(chance)
    steps = [Step("S")] * _pick(chance, (0, 1, 1, 2)) + [Step("H")]
    for _ in range(1 + chance.below(4)):
        steps += _round(chance, style)
        if _once_in(chance, 3):
            steps.append(Step("A", empty=_once_in(chance, 6)))
        if _once_in(chance, 3):
            steps.append(Step("H", empty=_once_in(chance, 8)))
        if _once_in(chance, 12):
            steps.append(Step("S"))
    return steps


class _Style:
    """What stays the same within one history: its message form, its ids, its names."""

    def __init__(self, chance: Chance) -> None:
        self.form = _pick(chance, FORMS)
        self.named = "n" if _once_in(chance, 3) else ""
        self.reuses = _once_in(chance, 5)
        self.ids = list(IDS)
        if _once_in(chance, 8):
            self.ids.insert(0, _pick(chance, SPECIAL))


def _round(chance: Chance, style: _Style) -> list[Step]:
    """Make one AI message with calls, and its results in some order."""
    keys = [style.ids.pop(0) for _ in range(_pick(chance, (1, 1, 2, 2, 3)))]
    if style.reuses:
        style.ids[:0] = keys
    tool = _pick(chance, TOOLS) if _once_in(chance, 3) else ""
    calls = tuple(Ref(key, tool, invalid=_once_in(chance, 12)) for key in keys)
    answers = list(calls)
    if _once_in(chance, 4):
        answers.reverse()
    return [Step("A", calls, style.form), *(_result(chance, ref, style) for ref in answers)]


def _result(chance: Chance, ref: Ref, style: _Style) -> Step:
    failed = "e" if ref.invalid or _once_in(chance, 10) else ""
    return Step("T", (Ref(ref.key),), flags=style.named + failed)


def _place(steps: list[Step], chance: Chance, *roles: str) -> int | None:
    places = [at for at, step in enumerate(steps) if not roles or step.role in roles]
    return _pick(chance, places) if places else None


def drop(steps: list[Step], chance: Chance) -> list[Step]:
    """Leave out one message."""
    at = chance.below(len(steps))
    return steps[:at] + steps[at + 1 :] if len(steps) > 1 else steps


def drop_result(steps: list[Step], chance: Chance) -> list[Step]:
    """Leave out one result."""
    at = _place(steps, chance, "T")
    return steps if at is None else steps[:at] + steps[at + 1 :]


def duplicate(steps: list[Step], chance: Chance) -> list[Step]:
    """Put a second copy of one message anywhere after it."""
    at = chance.below(len(steps))
    to = at + 1 + chance.below(len(steps) - at)
    return [*steps[:to], steps[at], *steps[to:]]


def swap(steps: list[Step], chance: Chance) -> list[Step]:
    """Exchange two neighbors."""
    at = chance.below(len(steps))
    if at + 1 < len(steps):
        steps = [*steps[:at], steps[at + 1], steps[at], *steps[at + 2 :]]
    return steps


def move(steps: list[Step], chance: Chance) -> list[Step]:
    """Put one message somewhere else."""
    at = chance.below(len(steps))
    rest = steps[:at] + steps[at + 1 :]
    to = chance.below(len(rest) + 1)
    return [*rest[:to], steps[at], *rest[to:]]


def rename(steps: list[Step], chance: Chance) -> list[Step]:
    """Give one result an id that no call has."""
    return _answer(steps, chance, Ref("z"))


def empty_id(steps: list[Step], chance: Chance) -> list[Step]:
    """Take the id from one result, or from one call."""
    if chance.below(2):
        return _answer(steps, chance, Ref("''"))
    return _ask(steps, chance, _pick(chance, ("''", "?")))


def reuse(steps: list[Step], chance: Chance) -> list[Step]:
    """Give one call the id of another one."""
    keys = [ref.key for step in steps if step.role == "A" for ref in step.refs]
    return _ask(steps, chance, _pick(chance, keys)) if keys else steps


def truncate_head(steps: list[Step], chance: Chance) -> list[Step]:
    """Keep the end, with or without the leading system message."""
    kept = steps[chance.below(len(steps)) :]
    return [Step("S"), *kept] if _once_in(chance, 3) and kept[0].role != "S" else kept


def truncate_tail(steps: list[Step], chance: Chance) -> list[Step]:
    """Keep the beginning."""
    return steps[: 1 + chance.below(len(steps))]


def insert(steps: list[Step], chance: Chance) -> list[Step]:
    """Put a human, system or AI message anywhere."""
    added = _pick(chance, (Step("H"), Step("H"), Step("S"), Step("A"), Step("H", empty=True)))
    at = chance.below(len(steps) + 1)
    return [*steps[:at], added, *steps[at:]]


def _answer(steps: list[Step], chance: Chance, ref: Ref) -> list[Step]:
    at = _place(steps, chance, "T")
    if at is None:
        return steps
    return [*steps[:at], replace(steps[at], refs=(ref,)), *steps[at + 1 :]]


def _ask(steps: list[Step], chance: Chance, key: str) -> list[Step]:
    places = [at for at, step in enumerate(steps) if step.role == "A" and step.refs]
    if not places:
        return steps
    at = _pick(chance, places)
    refs = list(steps[at].refs)
    which = chance.below(len(refs))
    refs[which] = replace(refs[which], key=key)
    return [*steps[:at], replace(steps[at], refs=tuple(refs)), *steps[at + 1 :]]


DAMAGE: dict[str, Callable[[list[Step], Chance], list[Step]]] = {
    damage.__name__: damage
    for damage in (
        drop,
        drop_result,
        duplicate,
        swap,
        move,
        rename,
        empty_id,
        reuse,
        truncate_head,
        truncate_tail,
        insert,
    )
}
"""Every way to damage a history, by name."""
