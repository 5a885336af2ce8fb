"""YAML, one document after the other, as data only.

The documents are built here from the parser's events, and no loader is asked: a tag can name
nothing to build, an alias is the value that it stands for and is counted as often as it is used,
and neither depth nor size is without bound.
"""

from __future__ import annotations

import base64
import binascii
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.containers.parsing import DuplicateKeyError, parse
from toolpair_observe.histories.containers.value import Fault, Value
from toolpair_observe.histories.limits import size_text, too_deep
from toolpair_observe.install import package_line
from toolpair_observe.pairing.shown import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.histories.containers.source import Source
    from toolpair_observe.histories.limits import ReadLimits

_NO_YAML: Final = f"reading YAML takes the package PyYAML: {package_line('pyyaml')}"
_TAG: Final = "tag:yaml.org,2002:"
# What a plain scalar is stays to be told from its text.
_TOLD_BY_TEXT: Final = (None, "!")
_COLLECTIONS: Final = frozenset({None, "!", f"{_TAG}seq", f"{_TAG}map", f"{_TAG}omap"})
_TEXTS: Final = frozenset(
    {
        f"{_TAG}str",
        f"{_TAG}timestamp",
        f"{_TAG}value",
        f"{_TAG}merge",
        # Python 2 wrote these for any text; a text is all that they are.
        f"{_TAG}python/unicode",
        f"{_TAG}python/str",
    }
)
_LONGEST_NUMBER: Final = 64
# Each value weighs as much as so many characters.
_NODE: Final = 16
# Aliases may stand for so much of the longest value.
_ALIASES: Final = 4


class _TooMuchError(HistoryFileError):
    """A document exceeds a limit; what follows it is not worth the time."""


class _Anchor(NamedTuple):
    """A value that aliases may stand for, what it weighs, and how deep it is."""

    value: Any
    weight: int
    height: int


class _Open:
    """A list or mapping whose end has not been reached."""

    def __init__(self, value: list[Any] | dict[str, Any], anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.weight = _NODE
        self.height = 1
        self.key: str | None = None
        self.merged: list[Any] = []

    def put(self, value: Any) -> None:  # noqa: ANN401 - any value
        if isinstance(self.value, list):
            self.value.append(value)
        elif self.key is None:
            msg = "a key that is a list or a mapping"
            raise HistoryFileError(msg)
        else:
            if self.key == _MERGE:
                self.merged += value if isinstance(value, list) else [value]
            else:
                self.value[self.key] = value
            self.key = None

    def put_key(self, key: str) -> None:
        if key != _MERGE and key in self.value:
            raise DuplicateKeyError(key)
        self.key = key

    def wants_key(self) -> bool:
        return isinstance(self.value, dict) and self.key is None

    def close(self) -> None:
        """Add what is merged into a mapping: its own keys come first, then the earlier ones."""
        for other in self.merged:
            if not isinstance(other, dict) or not isinstance(self.value, dict):
                msg = "what is merged with << is no mapping"
                raise HistoryFileError(msg)
            for key, value in other.items():
                self.value.setdefault(key, value)


# As the key of a merge. A quoted << is a key like any other, but nobody has one.
_MERGE: Final = "<<"


def yaml_values(source: Source, limits: ReadLimits) -> Iterator[Value | Fault]:
    """Yield each document. JSON under the name of YAML is read as JSON."""
    text = source.whole()
    if text.lstrip()[:1] in (b"{", b"["):
        try:
            value = parse(text, limits)
        except DuplicateKeyError as error:
            yield Fault(1, str(error))
            return
        except HistoryFileError:
            pass
        else:
            yield Value(value, 1)
            return
    try:
        yaml = import_module("yaml")
    except ImportError:
        raise HistoryFileError(_NO_YAML) from None
    yield from _Documents(yaml, limits).values(text)


class _Documents:
    def __init__(self, yaml: Any, limits: ReadLimits) -> None:  # noqa: ANN401 - a module
        self._yaml = yaml
        self._limits = limits
        self._resolve = yaml.resolver.Resolver().resolve
        self._constructor = yaml.constructor.SafeConstructor()
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchor | None] = {}
        self._aliased = 0
        self._nodes = 0
        self._root: list[Any] = []

    def values(self, text: bytes) -> Iterator[Value | Fault]:
        yaml = self._yaml
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        start: int | None = None
        fault: Fault | None = None
        line = 1
        try:
            for event in yaml.parse(text, Loader=loader):
                line = event.start_mark.line + 1
                if isinstance(event, yaml.DocumentStartEvent):
                    start = fault = None
                    self._begin()
                elif isinstance(event, yaml.DocumentEndEvent):
                    if fault or self._root != [None]:
                        yield fault or Value(self._root[0], start)
                elif not fault:
                    start = start or line
                    try:
                        self._take(event)
                    except _TooMuchError:
                        raise
                    except HistoryFileError as error:
                        fault = Fault(line, str(error))
        except _TooMuchError as error:
            yield Fault(line, f"{error}; what follows was not read", ends_file=True)
        except yaml.YAMLError as error:
            yield Fault(_line_of(error) or line, _reason(error), ends_file=True)

    def _begin(self) -> None:
        self._stack, self._root, self._anchors = [], [], {}
        self._aliased = self._nodes = 0

    def _take(self, event: Any) -> None:  # noqa: ANN401 - an event of PyYAML's
        yaml = self._yaml
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            if event.tag not in _COLLECTIONS:
                raise HistoryFileError(_builds(event.tag))
            if self._stack and self._stack[-1].wants_key():
                msg = "a key that is a list or a mapping"
                raise HistoryFileError(msg)
            is_list = isinstance(event, yaml.SequenceStartEvent)
            self._stack.append(_Open([] if is_list else {}, event.anchor))
            if len(self._stack) > self._limits.depth:
                raise _TooMuchError(too_deep(self._limits))
            if event.anchor:
                self._anchors[event.anchor] = None
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            done = self._stack.pop()
            done.close()
            self._put(done.value, done.anchor, done.weight, done.height)

    def _scalar(self, event: Any) -> None:  # noqa: ANN401 - an event of PyYAML's
        text: str = event.value
        if self._stack and self._stack[-1].wants_key():
            # JSON's keys are texts. One that YAML takes for a number or a truth stays what it says.
            if event.tag not in _TOLD_BY_TEXT and event.tag not in _TEXTS:
                self._told(event)
            self._stack[-1].put_key(text)
            self._stack[-1].weight += len(text)
            if event.anchor:
                self._anchors[event.anchor] = _Anchor(text, len(text) + _NODE, 0)
        else:
            self._put(self._told(event), event.anchor, len(text) + _NODE, 0)

    def _told(self, event: Any) -> Any:  # noqa: ANN401 - what a scalar says
        tag, text = event.tag, event.value
        if tag in _TOLD_BY_TEXT:
            tag = self._resolve(self._yaml.ScalarNode, text, event.implicit)
        if tag in _TEXTS:
            return text
        name = tag.removeprefix(_TAG)
        if name == "null":
            return None
        if name == "binary":
            return _from_base64(text)
        if name not in ("bool", "int", "float"):
            raise HistoryFileError(_builds(tag))
        if len(text) > _LONGEST_NUMBER:
            return text
        node = self._yaml.ScalarNode(tag, text)
        try:
            return getattr(self._constructor, f"construct_yaml_{name}")(node)
        except (ValueError, KeyError, IndexError):  # `!!int x` and the like
            return text

    def _alias(self, name: str) -> None:
        anchor = self._anchors.get(name)
        if anchor is None:
            msg = "an alias that stands for nothing, or for what it stands in"
            raise HistoryFileError(msg)
        self._aliased += anchor.weight
        most = self._limits.value_bytes // _ALIASES
        if self._aliased > most:
            msg = f"its aliases stand for more than {size_text(most)}"
            raise _TooMuchError(msg)
        if self._stack and self._stack[-1].wants_key():
            if not isinstance(anchor.value, str):
                msg = "a key that is an alias of something else than a text"
                raise HistoryFileError(msg)
            self._stack[-1].put_key(anchor.value)
        else:
            self._put(anchor.value, None, anchor.weight, anchor.height)

    def _put(self, value: Any, anchor: str | None, weight: int, height: int) -> None:  # noqa: ANN401
        if anchor:
            self._anchors[anchor] = _Anchor(value, weight, height)
        if len(self._stack) + height > self._limits.depth:
            raise _TooMuchError(too_deep(self._limits))
        self._nodes += 1
        if self._nodes > self._limits.values:
            msg = f"it holds more than {self._limits.values:,} values"
            raise _TooMuchError(msg)
        if not self._stack:
            self._root.append(value)
            return
        parent = self._stack[-1]
        parent.put(value)
        parent.weight += weight
        parent.height = max(parent.height, height + 1)


def _builds(tag: str) -> str:
    return f"a tag that would build an object, {quoted(tag)}: nothing that a file names is run"


def _from_base64(text: str) -> str:
    """Return the text that is stored in base64; what is none comes a character for each byte."""
    try:
        data = base64.b64decode(text)
    except (binascii.Error, ValueError):
        msg = "a !!binary that is not base64"
        raise HistoryFileError(msg) from None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _line_of(error: Any) -> int | None:  # noqa: ANN401 - one of several classes
    mark = getattr(error, "problem_mark", None)
    return mark.line + 1 if mark is not None else None


def _reason(error: Any) -> str:  # noqa: ANN401 - one of several classes
    if type(error).__name__ == "ReaderError":
        return "not YAML: a character that may not stand in it, or not UTF-8 text"
    problem = str(getattr(error, "problem", None) or "its form is broken")
    # The rest may quote the file.
    return f"not YAML: {problem.partition(' but ')[0].partition(chr(39))[0].strip(' ,')}"
