"""What ids and arguments have to look like."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.first_look import Trait
from toolpair_observe.pairing.late_pattern import LatePattern
from toolpair_observe.pairing.mechanisms.mechanism import Mechanism
from toolpair_observe.pairing.turns import Finding
from toolpair_observe.pairing.words import BAD_CALLS, Case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from toolpair_observe.pairing.turns import Turn

    _IsBad = Callable[[str, int], bool]

_NONE_PLAIN: Final[frozenset[Trait]] = frozenset()
_ALPHANUMERIC: Final = "A-Za-z0-9"
_WITH_DASHES: Final = "A-Za-z0-9_-"


def _bad_ids(
    turns: Sequence[Turn],
    value: int,
    *,
    is_bad: _IsBad,
    of_calls: Case | None,
    of_results: Case | None,
) -> Iterator[Finding]:
    """Find the ids of calls, of results or of both that are not as they have to be."""
    for turn in turns:
        if of_calls is not None:
            for call in turn.calls:
                if is_bad(call.id, value):
                    yield Finding(of_calls, call, None, turn.position)
        if of_results is not None:
            for result in turn.results:
                if is_bad(result.id, value):
                    yield Finding(of_results, None, result, turn.position)


def _ids(  # noqa: PLR0913 -- what can be said of ids
    name: str,
    says: str,
    is_bad: _IsBad,
    *minds: Trait,
    takes_value: bool = False,
    characters: str = "",
    is_longest: bool = False,
) -> tuple[Mechanism, ...]:
    """Make the mechanisms of what all ids look like, those of calls alone, those of results."""
    bad = Case.INVALID_ID
    return tuple(
        Mechanism(
            f"{name}{suffix}",
            f"{who} {says}",
            partial(_bad_ids, is_bad=is_bad, of_calls=of_calls, of_results=of_results),
            frozenset(minds),
            takes_value=takes_value,
            characters=characters,
            is_longest=is_longest,
        )
        for suffix, who, of_calls, of_results in (
            ("", "Ids", bad, bad),
            ("-of-calls", "Ids of calls", bad, None),
            ("-of-results", "Ids that results name", None, bad),
        )
    )


def _of(characters: str, name: str, says: str) -> tuple[Mechanism, ...]:
    """Make the mechanisms of what ids consist of."""
    others = LatePattern(f"[^{characters}]")

    def has_others(id_: str, _: int) -> bool:
        return others.search(id_) is not None

    return _ids(name, says, has_others, characters=characters)


def _given(name: str, says: str, of_calls: Case | None, of_results: Case | None) -> Mechanism:
    find = partial(_bad_ids, is_bad=_is_empty, of_calls=of_calls, of_results=of_results)
    return Mechanism(name, says, find, _NONE_PLAIN)


def _is_empty(id_: str, _: int) -> bool:
    return not id_


def _is_of_other_length(id_: str, length: int) -> bool:
    return len(id_) != length


def _is_longer(id_: str, length: int) -> bool:
    return len(id_) > length


def _repeated(turn: Turn, seen: set[str], case: Case) -> Iterator[Finding]:
    for call in turn.calls:
        if call.id and call.id in seen:
            yield Finding(case, call, None, turn.position)
        seen.add(call.id)


def _same_in_message(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    for turn in turns:
        if len(turn.calls) > 1:
            yield from _repeated(turn, set(), Case.DUPLICATE_CALL_ID)


def _same_as_earlier(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    seen: set[str] = set()
    for turn in turns:
        yield from _repeated(turn, seen, Case.REUSED_CALL_ID)


def _bad_arguments(turns: Sequence[Turn], _: int) -> Iterator[Finding]:
    for turn in turns:
        for call in turn.calls:
            if call.carriers & BAD_CALLS:
                yield Finding(Case.BAD_ARGUMENTS, call, None, turn.position)


IDS: Final = (
    Mechanism(
        "call-ids-differ",
        "The calls of one message have ids that differ",
        _same_in_message,
        _NONE_PLAIN,
    ),
    Mechanism(
        "call-ids-new",
        "No call has the id of an earlier one",
        _same_as_earlier,
        frozenset({Trait.REUSED_ID}),
    ),
    _given("call-id-given", "A call has an id", Case.CALL_WITHOUT_ID, None),
    _given("result-id-given", "A result names an id", None, Case.RESULT_WITHOUT_ID),
    *_ids(
        "id-length",
        "have {value} characters",
        _is_of_other_length,
        Trait.ANYTHING,
        takes_value=True,
    ),
    *_ids(
        "id-at-most",
        "have at most {value} characters",
        _is_longer,
        takes_value=True,
        is_longest=True,
    ),
    *_of(_ALPHANUMERIC, "id-alphanumeric", "consist of letters and digits"),
    *_of(_WITH_DASHES, "id-with-dashes", "consist of letters, digits, underscores and dashes"),
    Mechanism(
        "arguments-are-json",
        "The arguments of a call are JSON",
        _bad_arguments,
        frozenset({Trait.BAD_ARGUMENTS}),
    ),
)
