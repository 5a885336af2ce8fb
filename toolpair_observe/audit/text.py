"""An audit as text for a terminal, made of what `told.tell` returns."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.containers.value import name_of
from toolpair_observe.histories.tally import VERDICT_TITLES, Agreement
from toolpair_observe.pairing.shown import line, shown
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Told = dict[str, Any]

_MOST: Final = 10
_DAYS: Final = 14
_HARD: Final = tuple(effect.value for effect in Effect if effect.is_near_miss)
_TITLES: Final[Mapping[str, str]] = {
    "provider": "provider",
    "model": "model",
    "version": "integration version",
    "profile": "judged under",
    "day": "day",
}


def text_of(told: Told) -> str:
    """Return the whole audit as text; the sentence is its first line."""
    parts = [
        [told["sentence"]],
        list(_totals(told)),
        list(_kinds(told)),
        *(list(_by(told, name)) for name in _TITLES),
        list(_agreement(told)),
        list(_threads(told)),
        list(_others(told)),
        list(_left_out(told)),
    ]
    return "\n\n".join("\n".join(map(line, part)) for part in parts if part)


def _totals(told: Told) -> Iterator[str]:
    units = told["units"]
    yield (
        f"checked {_count(told['requests'], 'request')} in {_count(units['checked'], 'unit')} of "
        f"{_count(told['files'], 'source')}: {_count(told['near_misses'], 'near miss')}"
    )
    effects = [f"{effect} {count:,}" for effect, count in told["effects"].items() if count]
    if effects:
        yield f"  predicted: {', '.join(effects)}"
    strict = told["strict"]
    held = "held to the contract" if strict["block_unidentified"] else "let through"
    blocks = ", ".join(strict["block_on"]) or "nothing"
    yield f"  strict blocks {blocks}; models that are not identified are {held}"
    failed = told["blocked"]["failed"]
    if failed:
        yield f"  of those without an answer {failed:,} ended in another error"
    loss = told["silent_loss"]
    if loss["requests"]:
        yield (
            f"  silent losses: {_count(loss['requests'], 'request')}, of which "
            f"{loss['answered']:,} were answered from changed data"
        )
    masked = told["masked"]
    if masked["results"]:
        by: Counter[str] = Counter()
        for each in masked["by"]:
            by[each["by"]] += each["results"]
        yield (
            f"  masked: {_count(masked['results'], 'result')} that other software made up "
            f"({_kinds_of(by, len(by))}), {masked['fresh']:,} of them new, in "
            f"{_count(masked['requests'], 'request')}; check --masked lists them"
        )
    if told["escaped"]:
        yield f"  refused for their pairing though nothing was found: {told['escaped']:,}"


def _kinds(told: Told) -> Iterator[str]:
    if told["kinds"]:
        yield "what breaks, and why"
        rows = [
            (each["kind"], each["cause"], each["effect"], f"{each['units']:,}")
            for each in told["kinds"][:_MOST]
        ]
        yield from _table(("kind", "likely cause", "effect", "units"), rows)
        yield from _more(len(told["kinds"]) - _MOST, "sort")


def _by(told: Told, name: str) -> Iterator[str]:
    found = told["by"][name]["values"]
    if not found or (len(found) == 1 and not found[0]["value"]):
        return
    yield f"by {_TITLES[name]}" if name != "profile" else _TITLES[name]
    most = _DAYS if name == "day" else _MOST
    rows = [
        (
            shown(each["value"]) or "not told",
            f"{each['requests']:,}",
            f"{each['near_misses']:,}",
            f"{each['blocked']:,}",
            f"{each['silent_loss']:,}",
            _kinds_of(each["kinds"]),
        )
        for each in found[:most]
    ]
    heads = (name, "requests", "near misses", "blocked", "silent losses", "kinds")
    yield from _table(heads, rows)
    yield from _more(len(found) - most, name)
    rest = told["by"][name]["rest"]["requests"]
    if rest:
        yield f"  and {_count(rest, 'request')} in more groups than an audit keeps"


def _kinds_of(kinds: Mapping[str, int], most: int = 3) -> str:
    foremost = sorted(kinds.items(), key=lambda each: (-each[1], each[0]))[:most]
    return ", ".join(f"{kind} {count:,}" for kind, count in foremost)


def _agreement(told: Told) -> Iterator[str]:
    counts = {
        (each["recorded"], each["prediction"]): each["requests"] for each in told["agreement"]
    }
    if counts:
        yield "predictions against recorded answers"
        for recorded, title in VERDICT_TITLES.items():
            agrees, undecided, disagrees = (counts.get((recorded, each), 0) for each in Agreement)
            if agrees or undecided or disagrees:
                yield (
                    f"  {title}: {agrees:,} as predicted, {undecided:,} undecided, {disagrees:,} "
                    "not as predicted"
                )


def _threads(told: Told) -> Iterator[str]:
    found = told["threads"]
    if found["worst"]:
        yield "the worst threads"
        rows = [
            (
                shown(each["thread_id"]),
                f"{each['units']:,}",
                f"{each['near_misses']:,}",
                f"{each['blocked']:,}",
                f"{each['silent_loss']:,}",
            )
            for each in found["worst"][:_MOST]
        ]
        yield from _table(
            ("thread", "broken units", "near misses", "blocked", "silent losses"), rows
        )
        yield from _more(found["near_miss_threads"] - len(rows), "thread")
    elif told["worst"]:
        yield "the worst"
        for each in told["worst"][:_MOST]:
            what = ", ".join(each["kinds"]) or f"refused for {each['rejected_kind']}"
            yield f"  {place_of(each)}: {each['effect']}: {what}"
        yield from _more(len(told["worst"]) - _MOST, "unit")


def place_of(record: Mapping[str, Any]) -> str:
    """Return file, line and row of a record as text."""
    file = shown(name_of(record["file"]))
    number = "" if record["line"] is None else f":{record['line']}"
    row = f" ({shown(record['row'])})" if record["row"] else ""
    return f"{file}{number}{row}"


def _others(told: Told) -> Iterator[str]:
    if told["as"]:
        yield "the same traffic elsewhere"
        rows = [
            (
                each["profile"],
                each["as"],
                f"{each['requests']:,}",
                f"{each['breaks']:,}",
                f"{each['mends']:,}",
                *(f"{each[name]:,}" for name in _HARD),
                f"{each['blocked']:,}",
                f"{each['untold']:,}",
            )
            for each in told["as"]
        ]
        heads = (
            "from",
            "to",
            "requests",
            "would break",
            "would mend",
            *_HARD,
            "blocked",
            "can't be told",
        )
        yield from _table(heads, rows)


def _left_out(told: Told) -> Iterator[str]:
    none = told["not_a_request"]
    if none["units"]:
        reasons = [f"{each['reason']} {each['units']:,}" for each in none["reasons"][:_MOST]]
        yield f"not a request: {none['units']:,} ({', '.join(reasons)})"
    unreadable = told["unreadable"]
    if unreadable["units"]:
        yield f"unreadable: {unreadable['units']:,}"
        for each in unreadable["reasons"][:_MOST]:
            first = each["first"]
            where = f", first at {place_of(first)}" if first else ""
            yield f"  {each['units']:,}  {each['reason']}{where}"
        yield from _more(len(unreadable["reasons"]) - _MOST, "reason")


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    cells = [heads, *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = [
            cell.rjust(width) if _is_number(column, cells) else cell.ljust(width)
            for cell, width, column in zip(row, widths, range(len(row)), strict=True)
        ]
        yield f"  {'  '.join(padded)}".rstrip()


def _is_number(column: int, cells: list[tuple[str, ...]]) -> bool:
    return all(row[column].replace(",", "").isdecimal() for row in cells[1:])


def _more(count: int, what: str) -> Iterator[str]:
    if count > 0:
        yield f"  and {_count(count, f'more {what}')}"


def _count(number: int, one: str) -> str:
    many = f"{one}es" if one.endswith("ss") else f"{one}s"
    return f"{number:,} {one if number == 1 else many}"
