"""One judged unit as JSON-able data: bounded, and without content."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.judging import to_dict
from toolpair_observe.pairing.rails import Excerpt, draw
from toolpair_observe.pairing.report import describe
from toolpair_observe.pairing.shown import clean, line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from toolpair_observe.histories.judging import Judged
    from toolpair_observe.pairing.providers.identify import Target
    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pairing.timeline import Stop

# What sums are kept apart by, and what the page filters by.
DIMENSIONS: Final = ("day", "provider", "model", "version", "profile")
MOST_VIOLATIONS: Final = 6
_MOST_STOPS: Final = 24
_DAY: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:$|[T ])")
_NUMBER: Final = re.compile(r"\d{9,19}(?:\.\d+)?")
# Seconds since the epoch have ten digits before the point for centuries to come.
_SECOND_DIGITS: Final = 10


def as_record(judged: Judged, file: str, name_id: Callable[[str], str]) -> dict[str, Any]:
    """Return a unit for a list of the worst: a line of `check --json`, cut, with its timeline."""
    report = judged.worst
    stops = _stops(report) if report else ()
    first = replace(
        judged,
        violations=judged.violations[:MOST_VIOLATIONS],
        masked=judged.masked[-MOST_VIOLATIONS:],
    )
    told = {name: _cut(value) for name, value in to_dict(first, file, name_id).items()}
    return told | {
        # As they are summed up, so that a filter keeps the records of what it counts.
        **dict(zip(DIMENSIONS, cell_of(judged), strict=True)),
        "at": clean(judged.unit.at),
        "violations": [
            {name: _cut(value) for name, value in violation.items()}
            for violation in told["violations"]
        ],
        "more_violations": max(0, len(judged.violations) - MOST_VIOLATIONS),
        "summary": report.summary() if report else "",
        "message_count": report.message_count if report else judged.messages,
        "timeline": [_stop(stop) for stop in stops],
        "rails": _rails(report, stops) if report else [],
    }


def cell_of(judged: Judged) -> tuple[str, ...]:
    """Return a unit's `DIMENSIONS`, each `""` where it is not told."""
    target, origin = judged.target, judged.unit.origin
    if target is None:
        return ("",) * len(DIMENSIONS)
    return (
        day_of(judged.unit.at),
        clean(target.provider or origin.provider),
        clean(target.model or origin.model),
        _version_of(target),
        clean(target.profile.name),
    )


def _version_of(target: Target) -> str:
    """Return the integration's distribution and its version, as far as the row tells it."""
    if not target.facts.version:
        return ""
    return clean(f"{target.profile.versioned} {target.facts.version}".strip())


def _cut(value: Any) -> Any:  # noqa: ANN401 - JSON
    return clean(value) if isinstance(value, str) else value


def _stops(report: PairingReport) -> tuple[Stop, ...]:
    stops = report.timeline
    if len(stops) > _MOST_STOPS:
        # Those of the violations that the record has stand first.
        near = {
            index
            for violation in report.violations[:MOST_VIOLATIONS]
            for index in (violation.message_index, violation.call_message_index)
        }
        stops = tuple(sorted(stops, key=lambda stop: stop.index not in near)[:_MOST_STOPS])
        stops = tuple(sorted(stops, key=lambda stop: stop.index))
    return stops


def _stop(stop: Stop) -> dict[str, Any]:
    return {
        "index": stop.index,
        "role": stop.role.value,
        "calls": [{"name": name, "id": identifier} for name, identifier in stop.calls],
        "results": list(stop.results),
        "more_calls": stop.more_calls,
        "more_results": stop.more_results,
    }


def _rails(report: PairingReport, stops: Sequence[Stop]) -> list[dict[str, Any]]:
    """Return the lines of the timeline as the page shows them, the same as `explain()`."""
    excerpt = Excerpt.of(report, stops)
    return [
        {
            "rail": each.rail,
            "index": each.index,
            "role": each.role,
            "id": each.identifier,
            "text": each.text,
            "marks": list(each.marks),
            "is_broken": each.is_broken,
            "is_made_up": each.is_made_up,
            "is_fold": each.is_fold,
        }
        for each in draw(excerpt)
    ]


def findings_of(judged: Judged, file: str) -> Iterator[dict[str, Any]]:
    """Yield each violation that hurts with its place, as SARIF and annotations have it."""
    for violation in judged.violations:
        if violation.effect.is_near_miss and judged.target is not None:
            profile = judged.target.profile.name
            effect = violation.effect
            yield {
                "file": file,
                "line": judged.unit.line,
                "row": judged.unit.row,
                "kind": violation.kind.value,
                "effect": effect.value,
                "cause": violation.cause.value,
                "text": line(
                    f"{describe(violation)}; predicted effect {effect} under {profile}; likely "
                    f"cause {violation.cause}"
                ),
            }


def day_of(at: str) -> str:
    """Return the day of a time as rows write it, in UTC: `2026-11-03`, or `""`."""
    at = at.strip()
    try:
        if _NUMBER.fullmatch(at):
            digits = len(at.partition(".")[0])
            seconds = float(at) / 10 ** max(0, digits - _SECOND_DIGITS)
            return datetime.fromtimestamp(seconds, UTC).date().isoformat()
        when = datetime.fromisoformat(at)
        return (when.astimezone(UTC) if when.tzinfo else when).date().isoformat()
    except (ValueError, OverflowError, OSError):
        found = _DAY.match(at)
        return found[1] if found else ""
