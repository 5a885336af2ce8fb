"""What an audit tells: one bounded, JSON-able structure that text, JSON and page share."""

from __future__ import annotations

from collections import defaultdict
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe._version import __version__
from toolpair_observe.audit.aggregate import (
    AS_MEASURES,
    EFFECTS,
    KIND_MEASURES,
    MASKED_MEASURES,
    MEASURES,
    Aggregate,
)
from toolpair_observe.audit.records import DIMENSIONS
from toolpair_observe.histories.unit import Status
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SCHEMA: Final = 1
"""Raised where a name in the structure comes to mean something else."""

_WORST_THREADS: Final = 50
_VALUES: Final = 200
_NEAR_MISS: Final = tuple(effect.value for effect in Effect if effect.is_near_miss)


def tell(aggregate: Aggregate) -> dict[str, Any]:
    """Return everything that an audit tells.

    Where counts are `rest` they are of what was left out of a list that has grown too long.
    """
    options = aggregate.options
    blocked = _blocked(aggregate)
    return {
        "schema": SCHEMA,
        "version": __version__,
        "sentence": sentence(aggregate),
        "strict": {
            "block_on": sorted(effect.value for effect in options.block_on),
            "block_unidentified": options.block_unidentified,
            "profile": options.profile.name if options.profile else None,
        },
        "files": aggregate.files,
        "units": {status.value: aggregate.units[status.value] for status in Status},
        "formats": _counted(aggregate.formats.items(), "format"),
        "layers": dict(sorted(aggregate.layers.items())),
        "requests": aggregate.requests,
        "messages": aggregate.messages,
        "near_misses": sum(aggregate.total(name) for name in _NEAR_MISS),
        "effects": {name: aggregate.total(name) for name in EFFECTS},
        "blocked": blocked,
        "recorded": {name: aggregate.total(name) for name in ("accepted", "rejected", "failed")},
        "escaped": aggregate.total("escaped"),
        "silent_loss": {
            "requests": aggregate.total("silent_loss"),
            "answered": aggregate.total("lost_answered"),
        },
        "masked": _masked(aggregate),
        "agreement": [
            {"recorded": recorded, "prediction": comparison, "requests": count}
            for (recorded, comparison), count in sorted(aggregate.agreement.items())
        ],
        "kinds": _kinds(aggregate),
        "by": {name: _by(aggregate, name) for name in DIMENSIONS},
        "threads": _threads(aggregate),
        "worst": [record for _, records in aggregate.worst.items() for record in records],
        "unreadable": _reasons(aggregate, Status.UNREADABLE),
        "not_a_request": _reasons(aggregate, Status.NOT_A_REQUEST),
        "as": _others(aggregate),
        "cells": {
            "columns": [*DIMENSIONS, *MEASURES],
            "rows": [[*key, *row] for key, row in aggregate.cells.items()],
            "rest": aggregate.cells.rest,
        },
        "kind_cells": {
            "columns": [*DIMENSIONS, "kind", "cause", "effect", *KIND_MEASURES],
            "rows": [[*key, *row] for key, row in aggregate.kinds.items()],
            "rest": aggregate.kinds.rest,
        },
    }


def sentence(aggregate: Aggregate) -> str:
    """Return the first line of every audit."""
    blocked = _blocked(aggregate)
    return (
        f"strict would have blocked {blocked['requests']:,} of {aggregate.requests:,} requests; "
        f"{blocked['refused']:,} of them were refused anyway, {blocked['answered']:,} were "
        f"answered (false blocks), {blocked['no_answer']:,} have no recorded answer."
    )


def _blocked(aggregate: Aggregate) -> dict[str, int]:
    """Count what strict would have blocked; who failed for another reason has no answer, too."""
    requests = aggregate.total("blocked")
    refused, answered = aggregate.total("blocked_refused"), aggregate.total("blocked_answered")
    return {
        "requests": requests,
        "refused": refused,
        "answered": answered,
        "no_answer": requests - refused - answered,
        "failed": aggregate.total("blocked_failed"),
    }


def _masked(aggregate: Aggregate) -> dict[str, Any]:
    """Count the results that other software made up, and the requests that have one."""
    by: list[dict[str, Any]] = [
        {"by": who, "kind": kind, **dict(zip(MASKED_MEASURES, row, strict=True))}
        for (who, kind), row in aggregate.masked.items()
    ]
    by.sort(key=lambda each: (-each["results"], each["by"], each["kind"]))
    return {
        "requests": aggregate.total("masked"),
        **{name: sum(each[name] for each in by) for name in MASKED_MEASURES},
        "by": by,
    }


def _counted(rows: Iterable[tuple[tuple[str, ...], list[int]]], name: str) -> list[dict[str, Any]]:
    found = [{name: key[0], "units": row[0]} for key, row in rows]
    return sorted(found, key=lambda each: (-each["units"], each[name]))


def _kinds(aggregate: Aggregate) -> list[dict[str, Any]]:
    told = [
        {"kind": kind, "cause": cause, "effect": effect, "units": units, "breaches": breaches}
        for (kind, cause, effect), (units, breaches) in aggregate.kind_totals.items()
    ]
    return sorted(told, key=lambda each: (-each["units"], each["kind"], each["cause"]))


def _by(aggregate: Aggregate, dimension: str) -> dict[str, Any]:
    """Return the requests and the kinds by one of `DIMENSIONS`."""
    kinds: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (name, value, kind), (units,) in aggregate.value_kinds.items():
        if name == dimension:
            kinds[value][kind] = units
    values = [
        _value(value, row, kinds[value])
        for (name, value), row in aggregate.values.items()
        if name == dimension
    ]
    if dimension == "day":
        values.sort(key=itemgetter("value"), reverse=True)
    else:
        values.sort(key=lambda each: (-each["near_misses"], -each["requests"], each["value"]))
    listed = sum(each["requests"] for each in values[:_VALUES])
    return {"values": values[:_VALUES], "rest": {"requests": aggregate.requests - listed}}


def _value(value: str, row: list[int], kinds: Mapping[str, int]) -> dict[str, Any]:
    return {"value": value, **_measures(row), "kinds": dict(sorted(kinds.items()))}


def _measures(row: list[int]) -> dict[str, Any]:
    counts = dict(zip(MEASURES, row, strict=True))
    return {
        "requests": sum(counts[name] for name in EFFECTS),
        "near_misses": sum(counts[name] for name in _NEAR_MISS),
        **counts,
    }


def _threads(aggregate: Aggregate) -> dict[str, Any]:
    told: list[dict[str, Any]] = [
        {"thread_id": key[0], "units": row[0], **_measures(row[1:])}
        for key, row in aggregate.threads.items()
    ]
    # What harms comes before what nobody has shown to harm.
    told.sort(
        key=lambda each: (
            *(-each[name] for name in ("blocked", *_NEAR_MISS)),
            each["thread_id"],
        )
    )
    return {
        "near_miss_threads": len(told),
        "worst": told[:_WORST_THREADS],
        "rest": {"units": aggregate.threads.rest[0]},
    }


def _reasons(aggregate: Aggregate, status: Status) -> dict[str, Any]:
    examples = {key: records[0] for key, records in aggregate.examples.items()}
    told: list[dict[str, Any]] = [
        {"reason": key[1], "units": row[0], "first": examples.get(key)}
        for key, row in aggregate.reasons.items()
        if key[0] == status.value
    ]
    told.sort(key=lambda each: (-each["units"], each["reason"]))
    listed = sum(each["units"] for each in told)
    return {
        "units": aggregate.units[status.value],
        "reasons": told,
        "rest": {"units": aggregate.units[status.value] - listed},
    }


def _others(aggregate: Aggregate) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for (profile, label), row in aggregate.others.items():
        counts = dict(zip(AS_MEASURES, row, strict=True))
        requests = sum(counts[name] for name in EFFECTS)
        told.append({"profile": profile, "as": label, "requests": requests, **counts})
    return sorted(told, key=lambda each: (each["as"], -each["requests"], each["profile"]))
