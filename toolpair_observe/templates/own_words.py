"""A template's own words for what it refuses, without what they repeat of the history.

What is raised is made of the template's texts and of what it was given. Content is marked, and so
left out. An id may stand there as it is, and then is shown as ids are shown. Where they are hashed,
it may also stand there cut, in capitals or in pieces, which nothing could find: then only what the
template itself has written is shown of the rest.
"""

from __future__ import annotations

import re
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.shown import shown
from toolpair_observe.templates.sandbox import texts_in
from toolpair_observe.templates.sent import MARKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from toolpair_observe.pairing.shown import ShowId, Words
    from toolpair_observe.templates.sent import Sent

_LONGEST_TEXT: Final = 500
_ENOUGH_OF_AN_ID: Final = 128
_REST: Final = r"\S*"
_LEFT_OUT: Final = "…"
# What `%` and `format` put values in place of.
_PLACEHOLDER: Final = re.compile(r"%[-+ 0-9.]*[a-z]|\{[^{}]*\}")
_QUOTES: Final = " \n\t'\"`"
_PART_OF_WORD: Final = r"[\w-]"


def own_words(text: str, sent: Sequence[Sent], template: str) -> Words:
    """Return a template's own words on one line, without what they repeat of the content.

    Args:
        text: What the template raised.
        sent: The history, whose ids the text may quote.
        template: The text of the template.
    """
    return partial(_worded, text[: 4 * _LONGEST_TEXT], sent, template)


def _worded(text: str, sent: Sequence[Sent], template: str, show_id: ShowId) -> str:
    ids = {each[:_ENOUGH_OF_AN_ID]: each for each in _ids_in(sent)}
    are_hashed = any(show_id(each) != shown(each) for each in ids.values())
    written = (*_literals(template), *_names_in(sent)) if are_hashed else ()
    parts: list[str] = []
    end = 0
    for found in _known_in(text, ids, written):
        rest = text[end : found.start()]
        begin = found[0][:_ENOUGH_OF_AN_ID]
        parts += [_hidden(rest) if are_hashed else rest]
        parts += [show_id(ids[begin]) if begin in ids else found[0]]
        end = found.end()
    parts += [_hidden(text[end:]) if are_hashed else text[end:]]
    line = " ".join(MARKS.sub(_LEFT_OUT, "".join(parts)).split())
    return line if len(line) <= _LONGEST_TEXT else f"{line[: _LONGEST_TEXT - 1]}{_LEFT_OUT}"


def _known_in(text: str, ids: Mapping[str, str], written: Iterable[str]) -> Iterator[re.Match[str]]:
    """Find the ids and what is written in the template, the longer before the shorter."""
    patterns = {each: _as_words(each) for each in written if each in text}
    # The rest of a long id may be cut off.
    patterns |= {
        begin: re.escape(begin) + _REST * (begin != whole)
        for begin, whole in ids.items()
        if begin in text
    }
    longest_first = sorted(patterns, key=len, reverse=True)
    return re.finditer("|".join(map(patterns.__getitem__, longest_first)) or "(?!)", text)


def _as_words(written: str) -> str:
    """Return the pattern of a text that is no piece of a longer word, such as a changed id."""
    before = rf"(?<!{_PART_OF_WORD})" * bool(re.match(_PART_OF_WORD, written))
    after = rf"(?!{_PART_OF_WORD})" * bool(re.match(_PART_OF_WORD, written[-1]))
    return f"{before}{re.escape(written)}{after}"


def _hidden(rest: str) -> str:
    return _LEFT_OUT if rest.strip(_QUOTES) else rest


@lru_cache(maxsize=16)
def _literals(template: str) -> frozenset[str]:
    """Return the texts that a template writes, in pieces where it puts values into them."""
    pieces = {piece for text in texts_in(template) for piece in _PLACEHOLDER.split(text)}
    return frozenset(pieces | {piece.strip() for piece in pieces}) - {""}


def _names_in(sent: Sequence[Sent]) -> Iterator[str]:
    for message in sent:
        yield message.role
        yield from (call.name for call in message.calls if call.name)


def _ids_in(sent: Sequence[Sent]) -> Iterator[str]:
    for message in sent:
        yield from (call.id for call in message.calls if call.id)
        if message.answers:
            yield message.answers
