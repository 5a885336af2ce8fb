"""Which container a file is: told by its first bytes, and by its name where they leave it open."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.containers import magic
from toolpair_observe.histories.containers.event_stream import is_event_stream
from toolpair_observe.histories.containers.parsing import DuplicateKeyError, parse
from toolpair_observe.histories.containers.source import BLOCK

if TYPE_CHECKING:
    from toolpair_observe.histories.containers.source import Source
    from toolpair_observe.histories.limits import ReadLimits

PACKED_ENDINGS: Final = (".gz", ".gzip", ".zst", ".zstd")
LINE_ENDINGS: Final = (".jsonl", ".ndjson", ".jsonlines")
YAML_ENDINGS: Final = (".yaml", ".yml")
EVENT_ENDINGS: Final = (".sse",)
ENDINGS: Final = (".json", *LINE_ENDINGS, *YAML_ENDINGS, *EVENT_ENDINGS, ".parquet", ".pq")
"""The names of files that are read where a folder is given; each may be packed."""

_TABLES: Final = (".csv", ".tsv")
_YAML: Final = re.compile(rb"(?:%YAML|---(?:\s|$)|- |[\w.\"'-]{1,80}:(?:\s|$))")
# A value that goes on behind its first line is no JSON Lines, whatever the file is called.
_SPREAD: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*[\[{][ \t]*\r?\n")
_COMMENTS: Final = re.compile(rb"(?:\s*#[^\n]*\n)+\s*")
_CELL: Final = rb"(?:\"[\w .-]+\"|[\w.-][\w .-]*)"
_TABLE_HEAD: Final = re.compile(rb"%b(?:[,;\t]%b)+\r?(?:\n|$)" % (_CELL, _CELL))
_JSON_TOKEN: Final = re.compile(rb"[\"\d]|-\d|(?:true|false|null|NaN|Infinity)\b")


class Kind(StrEnum):
    """The containers that are read."""

    LINES = "JSON Lines"
    DOCUMENT = "a JSON document, or several"
    YAML = "YAML"
    EVENTS = "server-sent events"
    PARQUET = "Parquet"


def bare_name(path: str) -> str:
    """Return a path in small letters, without the ending that tells how it is packed."""
    name = path.lower()
    for ending in PACKED_ENDINGS:
        name = name.removesuffix(ending)
    return name


def kind_of(path: str, source: Source, limits: ReadLimits) -> Kind:
    """Return the container of a file.

    Raises:
        HistoryFileError: It is none that is read.
    """
    head = source.peek()
    name = bare_name(path)
    if head.startswith(magic.PARQUET_MAGIC):
        return Kind.PARQUET
    if refused := magic.refusal(head):
        raise HistoryFileError(refused)
    if name.endswith(LINE_ENDINGS) and not _SPREAD.match(head):
        return Kind.LINES
    if name.endswith(YAML_ENDINGS):
        return Kind.YAML
    return _kind_of_text(name, head.lstrip(), source, limits)


def _kind_of_text(name: str, text: bytes, source: Source, limits: ReadLimits) -> Kind:
    if text[:1] in (b"{", b"["):
        return Kind.LINES if _is_lines(source, text, limits) else Kind.DOCUMENT
    if name.endswith(EVENT_ENDINGS) or is_event_stream(text):
        return Kind.EVENTS
    if not name.endswith((".json", *_TABLES)) and _YAML.match(_COMMENTS.sub(b"", text, count=1)):
        return Kind.YAML
    if name.endswith(_TABLES) or _TABLE_HEAD.match(text):
        msg = "this looks like a table (CSV), not JSON: export its rows as JSON Lines or Parquet"
        raise HistoryFileError(msg)
    if not text or _JSON_TOKEN.match(text):
        return Kind.LINES
    msg = "this looks like plain text, not JSON: give the file of conversations itself"
    raise HistoryFileError(msg)


def _is_lines(source: Source, text: bytes, limits: ReadLimits) -> bool:
    """Whether each line is a separate value. A document in a single line counts as one of those."""
    first, end, rest = text.partition(b"\n")
    if not end and len(source.peek(BLOCK + 1)) > BLOCK:
        # A long list is better read element by element; a long object is read as a whole.
        return first.startswith(b"{") and _is_long_line(source, limits)
    if len(first) > limits.value_bytes:
        return False
    if _is_value(first, limits):
        return True
    # A broken first line, too, if the fault is in it and the next line is a value.
    second = next((line for line in rest.splitlines() if line.strip()), b"")
    return _is_value(second, limits) and _fault_at(text) <= len(first.decode(errors="replace"))


def _is_long_line(source: Source, limits: ReadLimits) -> bool:
    size = BLOCK
    while size < limits.value_bytes:
        size *= 2
        head = source.peek(size)
        line, end, _ = head.lstrip().partition(b"\n")
        if end or len(head) < size:
            return line.rstrip().endswith(b"}")
    return True  # no document over several lines begins so; what follows the line can be read


def _is_value(line: bytes, limits: ReadLimits) -> bool:
    try:
        value = parse(line, limits)
    except DuplicateKeyError:
        return True
    except HistoryFileError:
        return False
    return isinstance(value, dict | list)


def _fault_at(text: bytes) -> int:
    """Return the place of the first fault, or one behind the text."""
    characters = text.decode(errors="replace")
    try:
        _, end = json.JSONDecoder().raw_decode(characters)
    except json.JSONDecodeError as error:
        return error.pos
    except RecursionError:
        return 0
    except ValueError:  # a number has too many digits
        return len(text) + 1
    rest = characters[end:].lstrip(" \t\r")
    return len(text) + 1 if rest.startswith(("\n", "{", "[")) else end
