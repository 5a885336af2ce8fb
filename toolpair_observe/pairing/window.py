"""The part of a broken history that its breaches depend on.

Nearly all of a broken history is sound, and what is sound far from a breach has no part in it. So
only the messages around a breach are read closely, with the head and the end of the history. What
is left out plainly pairs under the profile (`first_look`), takes turns strictly, shares no id with
what is read, and has no result that other software made up. `LeftOut` tells the few things of it
that a breach can depend on; whatever else asks for a message that was not read gets `NotReadError`,
and the whole history is read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.first_look import plain_part
from toolpair_observe.pairing.left_out import LeftOut, Stretch
from toolpair_observe.pairing.masked_content import may_be_made_up
from toolpair_observe.pairing.plain_content import says_nothing, stand_in_raw_calls
from toolpair_observe.pairing.reading import read_message
from toolpair_observe.pairing.transcript import SomeEntries, Transcript

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.facts import Facts
    from toolpair_observe.pairing.first_look import Plain
    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.transcript import Entry

# Reading so few messages costs no more than leaving some of them out.
_FEWEST: Final = 24
_FEWEST_IN_PART: Final = 12
_FEWEST_LEFT_OUT: Final = 6
# How often a stretch is cut where what is read names its ids.
_ATTEMPTS: Final = 2
# Exchanges that are read behind a breach, and before it or where the history ends: causes, the
# timeline of a report and the gap before a late result look that far.
_BEHIND: Final = 2
_BEFORE: Final = 1


class _Letters(dict[str, str]):
    """The letter of each type of message."""

    def __missing__(self, kind: str) -> str:
        return "?"


_LETTERS: Final = _Letters(ai="a", AIMessageChunk="a", human="h", system="s", tool="t")
_SPOKEN: Final = re.compile("ah")
# One AI message with what follows it: its results, or a message of a person.
_EXCHANGE: Final = re.compile(r"a(?:h|t+)(?=a|\Z)")
_RUN_OF_EXCHANGES: Final = re.compile(r"(?:a(?:h|t+)(?=a|\Z))+")
# The same where AI messages that follow each other may leave as one, whose exchange it then is.
_RUN_BEHIND_EXCHANGE: Final = re.compile(r"(?<!a)(?:a(?:h|t+)(?=a|\Z))+")


def read_window(
    messages: Sequence[BaseMessage], profile: Profile, facts: Facts
) -> Transcript | None:
    """Read of a broken history what its breaches depend on.

    Args:
        messages: The history.
        profile: Who will judge it.
        facts: What only a live call knows.

    Returns:
        The transcript; None where the whole history has to be read.
    """
    plain = profile.plain
    # What precedes a response that the provider keeps is not sent, and that may stand anywhere.
    if plain is None or len(messages) < _FEWEST or facts.resumes_response or profile.reads_all:
        return None
    try:
        history = _History(messages, plain, profile)
        stretches, entries = _without_shared_ids(history)
    except (AttributeError, LookupError, TypeError):  # plain messages have another shape
        return None
    # Whether the result of such a call is due depends on what is said last, wherever that is.
    if not stretches or any(entry.server_uses for entry in entries.values()):
        return None
    return Transcript(SomeEntries(entries, len(messages)), LeftOut(stretches, messages))


def _without_shared_ids(history: _History) -> tuple[list[Stretch], dict[int, Entry]]:
    """Return what may be left out, and all else: no id stands in both."""
    stretches = history.plain_stretches()
    for _ in range(_ATTEMPTS):
        ids = [each for stretch in stretches for each in stretch.ids]
        distinct = set(ids)
        if not stretches or (history.plain.unique_ids and len(distinct) < len(ids)):
            break
        entries = _read_all_but(stretches, history.messages)
        shared = distinct.intersection(_ids_in(entries.values()))
        if not shared:
            return stretches, entries
        stretches = history.without(stretches, shared)
    return [], {}


def _read_all_but(
    stretches: Sequence[Stretch], messages: Sequence[BaseMessage]
) -> dict[int, Entry]:
    ends = [0, *(stretch.end for stretch in stretches)]
    starts = [*(stretch.start for stretch in stretches), len(messages)]
    return {
        index: read_message(index, messages[index])
        for end, start in zip(ends, starts, strict=True)
        for index in range(end, start)
    }


def _ids_in(entries: Collection[Entry]) -> set[str]:
    """Return every id that the entries name."""
    ids = {call.id for entry in entries for call in entry.calls}
    ids.update([result.id for entry in entries for result in entry.results])
    ids.update([each for entry in entries for each in entry.server_results])
    return ids


class _History:
    """A history as far as it takes to see what may be left out.

    Args:
        messages: The history.
        plain: What must not be left out.
        profile: Who will judge it.

    Attributes:
        messages: The history.
        plain: What must not be left out.
    """

    def __init__(self, messages: Sequence[BaseMessage], plain: Plain, profile: Profile) -> None:
        self.messages = messages
        self.plain = plain
        self._lets_async_wait = profile.lets_async_wait
        self._runs = _RUN_OF_EXCHANGES if profile.sends_as_given else _RUN_BEHIND_EXCHANGE
        self._fields = [each.__dict__ for each in messages]
        # A letter for each message: regular expressions find quickly where speakers take turns.
        self._shape = "".join([_LETTERS[fields["type"]] for fields in self._fields])
        # Whether some exchange with results is read, as far as stretches have been found.
        self._reads_answer = False

    def plain_stretches(self) -> list[Stretch]:
        """Find what may be left out."""
        return [
            stretch
            for run in self._runs.finditer(self._shape)
            for part in self._plain_parts(*run.span())
            for stretch in self._inside(*part)
        ]

    def without(self, stretches: Iterable[Stretch], ids: Collection[str]) -> list[Stretch]:
        """Find what may be left out where the calls under some ids may not."""
        return [
            inner
            for stretch in stretches
            for start, end in self._gaps_between(stretch, ids)
            for part in self._plain_parts(start, end)
            for inner in self._inside(*part)
        ]

    def _gaps_between(self, stretch: Stretch, ids: Collection[str]) -> Iterator[tuple[int, int]]:
        """Split a stretch at the exchanges that have one of the ids."""
        start = stretch.start
        for index in range(stretch.start, stretch.end):
            calls = self._fields[index].get("tool_calls", ())
            if any(call["id"] in ids for call in calls):
                yield start, index
                start = self._behind(index)
        yield start, stretch.end

    def _plain_parts(self, start: int, end: int) -> list[tuple[int, int, list[str]]]:
        """Find the plain parts of a run of exchanges, each with the ids of its calls."""
        if end - start < _FEWEST_IN_PART:
            return []
        ids = self._ids_if_plain(start, end)
        if ids is not None:
            return [(start, end, ids)]
        middle = self._shape.find("a", (start + end) // 2, end)
        if middle < 0:
            return []
        found = self._plain_parts(start, middle)
        for part in self._plain_parts(middle, end):
            if found and found[-1][1] == part[0]:
                before = found.pop()
                found.append((before[0], part[1], before[2] + part[2]))
            else:
                found.append(part)
        return found

    def _ids_if_plain(self, start: int, end: int) -> list[str] | None:
        suspects: list[dict[str, Any]] = []
        ids = plain_part(self.messages[start:end], self.plain, suspects)
        if ids is None or any(map(may_be_made_up, suspects)) or not self._is_spoken(start, end):
            return None
        part = self._fields[start:end]
        if self._lets_async_wait and any(map(_may_wait, part)):
            return None
        keeping = [
            fields
            for fields in part
            if (extra := fields["additional_kwargs"])
            and ("tool_calls" in extra or "function_call" in extra)
        ]
        return None if any(map(_keeps_other_calls, keeping)) else ids

    def _is_spoken(self, start: int, end: int) -> bool:
        """Whether all messages that neither ask nor answer say something.

        Some integrations leave out those that do not, and then others follow each other.
        """
        spoken = [found.span() for found in _SPOKEN.finditer(self._shape, start, end)]
        contents = [fields["content"] for pair in spoken for fields in self._fields[slice(*pair)]]
        return not any(map(says_nothing, contents))

    def _inside(self, start: int, end: int, ids: list[str]) -> Iterator[Stretch]:
        """Find what may be left out of a plain part: all but its edges."""
        shape = self._shape
        first, last = start, end
        # Nothing is broken before a head in which only people and the system speak.
        spoken = shape.count("h", 0, start) + shape.count("s", 0, start)
        for _ in range(_BEFORE if spoken == start else _BEHIND):
            first = self._behind(first)
        for _ in range(_BEFORE):
            last = shape.rfind("a", first, last)
        if not self._reads_answer:
            # Which exchange is the first one that is answered can matter.
            answer = shape.find("t", start, last)
            self._reads_answer = answer >= 0
            if first <= answer:
                asking = shape.rfind("a", first, answer)
                yield from self._stretch(start, first, asking, ids)
                first = self._behind(asking)
        yield from self._stretch(start, first, last, ids)

    def _stretch(self, start: int, first: int, last: int, ids: list[str]) -> Iterator[Stretch]:
        """Cut a stretch so that what stands before it precedes what stands behind it, too."""
        shape = self._shape
        while last > first and shape[last - 1] != shape[first - 1]:
            last = shape.rfind("a", first, last)
        if last - first >= _FEWEST_LEFT_OUT:
            # In a plain part each result answers a call of its own.
            skipped = shape.count("t", start, first)
            answered = shape.count("t", first, last)
            own = ids[skipped : skipped + answered]
            yield Stretch(first, last, own, shape.count("a", first, last))

    def _behind(self, index: int) -> int:
        """Return the position behind the exchange that starts there."""
        found = _EXCHANGE.match(self._shape, index)
        return len(self._shape) if found is None else found.end()


def _keeps_other_calls(fields: dict[str, Any]) -> bool:
    """Whether a message keeps calls in OpenAI's forms that are not those which it makes.

    A stray result may be the answer to one.
    """
    extra, calls = fields["additional_kwargs"], fields.get("tool_calls", ())
    if "tool_calls" in extra and not stand_in_raw_calls(calls, fields):
        return True
    legacy = extra.get("function_call")
    return legacy is not None and legacy["name"] not in [call["name"] for call in calls]


def _may_wait(fields: dict[str, Any]) -> bool:
    """Whether a message makes a call that may be one which need not be answered at once."""
    calls = fields.get("tool_calls")
    if not calls:
        return False
    content: Any = fields["content"]
    blocks = () if content.__class__ is str else content
    return any(
        block.__class__ is dict and ("async" in block or "extras" in block)
        for block in (*calls, *blocks)
    )
