"""What the tests of containers share."""

from __future__ import annotations

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories import ReadLimits
from toolpair_observe.histories.containers.parsing import proven
from toolpair_observe.histories.containers.value import Unreadable
from toolpair_observe.histories.containers.values import read_values


def is_message(data):
    return isinstance(data, dict) and "role" in data


def proven_in(value, limits):
    """Return a value in which no key stands twice, or why it is none."""
    if isinstance(value, Unreadable) or value.text is None:
        return value
    try:
        return value._replace(data=proven(value.text, value.data, limits), text=None)
    except HistoryFileError as error:
        return Unreadable("", value.line, str(error))


def found_in(path, limits=None):
    """Return the values of a file, as `(line, path, data)`, and its faults, as `(line, reason)`."""
    limits = limits or ReadLimits()
    read = read_values(str(path), limits, belongs_to_list=is_message)
    found = [proven_in(value, limits) for value in read]
    values = [(v.line, v.path, v.data) for v in found if not isinstance(v, Unreadable)]
    faults = [(f.line, f.reason) for f in found if isinstance(f, Unreadable)]
    return values, faults


def data_in(path, limits=None):
    """Return the data of the values of a file that has no fault."""
    values, faults = found_in(path, limits)
    assert faults == []
    return [data for _, _, data in values]


def reason_in(path, limits=None):
    """Return the one reason why nothing of a file can be read."""
    values, faults = found_in(path, limits)
    assert values == []
    ((_, reason),) = faults
    return reason
