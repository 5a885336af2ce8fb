"""Is this exception a provider's own refusal of the pairing, and of which kind?

The providers' wordings are tried first, then the sentences of everybody else. What looks alike but
is about something else (tool schemas, thinking blocks, prefill, arguments) matches neither; the few
texts that repeat foreign words are cut out first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolpair_observe.pairing.late_pattern import LatePattern
from toolpair_observe.pairing.refusals.error_text import readings
from toolpair_observe.pairing.refusals.sentences import SENTENCES
from toolpair_observe.pairing.refusals.status import is_from_template, is_refusal
from toolpair_observe.pairing.refusals.wordings import WORDINGS, Wording

if TYPE_CHECKING:
    from toolpair_observe.pairing.words import ViolationKind

_MAX_IDS = 16
_INDEX_REACH = 160


@dataclass(frozen=True, slots=True)
class Rejection:
    """A provider's refusal because of tool calls and results that do not pair.

    Attributes:
        kind: What the provider says is wrong.
        rule: Name of the wording that was recognized.
        tool_call_ids: The ids that the provider names, as far as it does.
        wire_index: The position that the provider names, in the list that it was sent. An
            integration may have merged or hoisted messages, so this is not always the position in
            the LangChain history.
        by_converter: Whether no first-party API says so, but a server's or gateway's converter.
    """

    kind: ViolationKind
    rule: str
    tool_call_ids: tuple[str, ...] = ()
    wire_index: int | None = None
    by_converter: bool = False


# No wording and no sentence can match without one of these, and an ordinary failure has none.
_WORTH_A_LOOK = LatePattern(
    r"tool|call|function|response|unexpected role|begins with|prefill|pre-fill"
    r"|\.parts must not be empty|alternat|交替|ending with a model turn|last (?:role|message)"
    r"|final message|no user query|invalid messages at|messages parameter is illegal"
    r"|messages 参数非法|工具|role of message with"
)
# Words about something else: the model's refused output, what is wrong with a tool's schema or
# arguments, up to the next error in the same text, and the lines of a chat template around the one
# that raised.
_FOREIGN = LatePattern(
    r"failed_generation:.*"
    r"|(?:(?<=not have a corresponding toolmessage)\.|received - message=).*"
    r"|(?:, input: [\[{]|input_value=)(?:(?!error\b|exception\b).){0,4000}+"
    r"|(?:invalid schema for function|tool call validation failed(?!\.)|did not match schema"
    r"|\bmodels? (?:(?:reply|response|output|stream) (?:contain|include|ha[ds])"
    r"|(?:reused|emitted|produced|generated) an? (?:\w+ )?(?:tool|function))"
    r"|\btools(?:\.|\[)\d)(?:(?!error\b|exception\b).){0,400}+"
    # Databricks' second sentence, said of two human messages in a row as well.
    r"|tool messages are optional and must follow.*"
    r"|while executing \w{1,40} at line \d(?:(?!jinja exception).){0,4000}+"
    r"|(?:(?<=invalid messages at \d)|(?<=invalid messages at \d\d)"
    r"|(?<=invalid messages at \d\d\d)|(?<=invalid messages at \d\d\d\d)):.*",
    re.IGNORECASE,
)
_WIRE_INDEX = LatePattern(
    r"\b(?:messages?|input|contents)(?:[.\[ ]{1,2}| at )(\d{1,6})\b", re.IGNORECASE
)


def rejection_kind(error: BaseException | str, *, foreseen: bool = False) -> ViolationKind | None:
    """Return the kind of pairing rejection that `error` is, or None where it is none.

    Args:
        error: An exception as it reaches `on_llm_error`, or an exception group, or a text.
        foreseen: Whether the history was flagged. Words that have other causes as well, such as
            the refusal of a list that ends with an AI message, count only then.
    """
    found = read_rejection(error, foreseen=foreseen)
    return None if found is None else found.kind


def read_rejection(error: BaseException | str, *, foreseen: bool = False) -> Rejection | None:
    """Return what `error` says about the pairing, or None where it says nothing of it.

    Args:
        error: As for `rejection_kind`.
        foreseen: As for `rejection_kind`.
    """
    for reading in readings(error):
        for text in reading.texts:
            found = _first_match(text, foreseen=foreseen)
            if found is not None and is_refusal(reading, template=found.wording.template):
                return _rejection(found)
    return None


@dataclass(frozen=True, slots=True)
class _Found:
    """The wording that matched, where, and the text in its own case."""

    wording: Wording
    match: re.Match[str]
    text: str


def _first_match(text: str, *, foreseen: bool) -> _Found | None:
    if not _WORTH_A_LOOK.search(text.lower()):
        return None
    own_words = _FOREIGN.sub(" ", text)
    lowered = own_words.lower()
    # Lower case is longer in a few scripts, and then a position in it is none in the original.
    original = own_words if len(lowered) == len(own_words) else lowered
    for wordings in (WORDINGS, SENTENCES):
        first: _Found | None = None
        for wording in wordings:
            if wording.ambiguous and not foreseen:
                continue
            match = wording.pattern.search(lowered)
            if match is not None and (first is None or match.start() < first.match.start()):
                first = _Found(wording, match, original)
        if first is not None:
            return first
    return None


def _rejection(found: _Found) -> Rejection:
    match = found.match
    start = max(0, match.start() - _INDEX_REACH)
    index = _WIRE_INDEX.search(found.text[start : match.end() + _INDEX_REACH])
    named = found.text[slice(*match.span("ids"))] if match.groupdict().get("ids") else ""
    return Rejection(
        kind=found.wording.kind,
        rule=found.wording.name,
        tool_call_ids=_whole_ids(named),
        wire_index=int(index[1]) if index else None,
        by_converter=found.wording.converter or is_from_template(found.text),
    )


def _whole_ids(named: str) -> tuple[str, ...]:
    """Return the ids of a list, without those that the text gives only in part."""
    parts = (part.strip() for part in named.split(","))
    whole = (part.rstrip(".") for part in parts if not part.endswith("..."))
    return tuple(part for part in whole if part and "***" not in part)[:_MAX_IDS]
