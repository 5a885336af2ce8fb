"""What is read of a call, read by read, so that what it led to can be remembered.

The same answers to the same questions lead to the same end. So a `Conclusion` holds for every call
that gives the answers which it was drawn from, and it is found without being drawn again. No key
has to be thought of that covers all that matters: who identifies a call gets at it through `Reads`
alone, and what nobody has asked for can't have mattered.

Of a call nothing is kept but answers, which are names, versions and truth values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Answer = TypeVar("Answer", str, bool, str | None, bool | None)
End = TypeVar("End")

# Each source of a call by its place in `Sources`.
SERIALIZED: Final = 0
ARGUMENTS: Final = 1
METADATA: Final = 2
PARAMS: Final = 3
TOLD_VERSIONS: Final = 4
ENVIRONMENT: Final = 5
MODULES: Final = 6
VERSIONS: Final = 7


class Source(Protocol):
    """What can be asked for values, as a dict can."""

    def __contains__(self, key: str, /) -> bool: ...

    def __getitem__(self, key: str, /) -> Any: ...  # noqa: ANN401 -- whatever a caller gave


Sources: TypeAlias = tuple[Any, ...]
"""Dicts: the serialized model, its constructor's arguments, the run's metadata, the invocation
parameters, the versions that the metadata tell; and each a `Source`: the process's environment, its
modules and the versions installed."""


class Reads:
    """Reads a call, and notes what it reads.

    Args:
        sources: What is known of the call.

    Attributes:
        missed: What was asked for and is not there: its keys by the source.
        plain: What is there and is its own answer: the answer by source and key.
        asked: What else is there: its question and its answer by source and key.
    """

    __slots__ = ("_sources", "asked", "missed", "plain")

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self.missed: dict[int, dict[str, None]] = {}
        self.plain: dict[tuple[int, str], object] = {}
        self.asked: list[tuple[int, str, Callable[[Any], Any], object]] = []

    def read(self, source: int, key: str, ask: Callable[[Any], Answer]) -> Answer:
        """Return an answer that a value gives, or that None gives where there is none.

        Args:
            source: Which source has the value.
            key: Its key there.
            ask: Makes the answer of the value. It depends on nothing else, and keeps none of it.
        """
        values = self._sources[source]
        if key not in values:
            self.missed.setdefault(source, {})[key] = None
            return ask(None)
        value = values[key]
        answer = ask(value)
        if _is_plain(value, answer):
            self.plain[source, key] = answer
        else:
            self.asked.append((source, key, ask, answer))
        return answer

    def has(self, source: int, key: str) -> bool:
        """Whether there is a value, be it None."""
        if key not in self._sources[source]:
            self.missed.setdefault(source, {})[key] = None
            return False
        self.asked.append((source, key, _is_there, True))
        return True


class Conclusion(Generic[End]):
    """What the answers to some questions led to.

    Args:
        reads: The questions and the answers.
        end: What they led to.
    """

    __slots__ = ("_absent", "_asked", "_missed", "_plain", "end")

    def __init__(self, reads: Reads, end: End) -> None:
        missed = [(source, frozenset(keys)) for source, keys in reads.missed.items()]
        self._missed = tuple(each for each in missed if each[0] < ENVIRONMENT)
        self._absent = tuple(
            (source, key) for source, keys in missed for key in keys if source >= ENVIRONMENT
        )
        self._plain = tuple((*place, answer) for place, answer in reads.plain.items())
        self._asked = tuple(reads.asked)
        self.end = end

    def holds(self, sources: Sources) -> bool:
        """Whether a call gives the same answers."""
        for source, keys in self._missed:
            # It goes through what the call has: mostly less than what was asked for.
            if not keys.isdisjoint(sources[source]):
                return False
        for source, key in self._absent:
            if key in sources[source]:
                return False
        try:
            for source, key, answer in self._plain:
                value = sources[source][key]
                if value is not answer and not _is_plain(value, answer):
                    return False
        except KeyError:
            return False
        for source, key, ask, answer in self._asked:
            values = sources[source]
            if key not in values or ask(values[key]) != answer:
                return False
        return True


class Memory(Generic[End]):
    """The conclusions that were drawn last, the newest first under each key.

    Any thread may use it without a lock: what another one has just added is drawn once more at
    worst.

    Args:
        most_keys: How many keys are kept; with one more, it starts anew.
        most: How many conclusions are kept under a key.
    """

    def __init__(self, most_keys: int, most: int) -> None:
        self._most_keys = most_keys
        self._most = most
        self._kept: dict[Hashable, tuple[Conclusion[End], ...]] = {}

    def __len__(self) -> int:
        return sum(map(len, list(self._kept.values())))

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()

    def recall(self, key: Hashable, sources: Sources) -> End | None:
        """Return what such a call led to, or None where that is not known.

        Args:
            key: Anything that such calls have in common, to find them by; the answers decide.
            sources: What is known of the call.
        """
        try:
            for conclusion in self._kept.get(key, ()):
                if conclusion.holds(sources):
                    return conclusion.end
        except Exception:  # noqa: BLE001 - a value of the application's, asked what another call was
            return None
        return None

    def add(self, key: Hashable, reads: Reads, end: End) -> None:
        """Remember what a call led to."""
        if len(self._kept) >= self._most_keys and key not in self._kept:
            self._kept.clear()
        kept = (Conclusion(reads, end), *self._kept.get(key, ()))
        self._kept[key] = kept[: self._most]


def _is_plain(value: object, answer: object) -> bool:
    """Whether a value is as good as its answer: then it always gives the same one."""
    return type(value) is type(answer) and value == answer


def _is_there(_: object) -> bool:
    return True
