"""Reads and judges data as a file has it, against LangChain's contract."""

from __future__ import annotations

import json

from toolpair_observe.histories.judging import judge_unit
from toolpair_observe.histories.limits import ReadLimits
from toolpair_observe.histories.unit import Extent, Layer, Row, Status
from toolpair_observe.histories.units import read_units
from toolpair_observe.pairing.providers.contract import CONTRACT


def units_of(tmp_path, *rows, name="rows.jsonl"):
    path = tmp_path / name
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return list(read_units(str(path)))


def judged(unit):
    return judge_unit(unit, ReadLimits(), CONTRACT)


def told(found):
    """What is compared: status, requests and kinds."""
    return found.unit.status, found.requests, [str(kind) for kind in found.kinds]


def verdicts_of(tmp_path, *rows):
    return [told(judged(unit)) for unit in units_of(tmp_path, *rows)]


def judge_list(dialect, messages, extent=Extent.WHOLE):
    row = Row(messages, 1)
    unit = row.request("test", messages, layer=Layer.WIRE, dialect=dialect, extent=extent)
    return told(judged(unit))


def checked(requests, *kinds):
    return Status.CHECKED, requests, list(kinds)


UNREADABLE = (Status.UNREADABLE, 0, [])
NO_REQUEST = (Status.NOT_A_REQUEST, 0, [])
