"""Judge a chat-completions request body by the pairing rule of OpenAI's own error texts.

The judge sees what leaves the process (role, `tool_calls`, `tool_call_id`) and knows nothing of
LangChain. It says `REJECT` only where the texts are plain about it. Some lists are refused or not
for reasons that nobody has published; about these it says `UNSURE`, and the only demand on a
prediction is then that it does not promise a refusal.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

LONGEST_ID = 40

Message = dict[str, Any]


class Verdict(Enum):
    """What the provider does with the request."""

    SOUND = auto()
    UNSURE = auto()
    REJECT = auto()


@dataclass(frozen=True, slots=True)
class Reason:
    """One ground for a refusal.

    Attributes:
        id: The id that the provider would name.
        kinds: The kinds of violation that name this ground fairly; more than one where the wire
            does not tell which of two things went wrong.
    """

    id: str
    kinds: frozenset[str]


@dataclass(slots=True)
class Judgment:
    """The verdict with its grounds."""

    reasons: list[Reason] = field(default_factory=list)
    doubts: list[Reason] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """A plain ground outweighs any doubt."""
        if self.reasons:
            return Verdict.REJECT
        return Verdict.UNSURE if self.doubts else Verdict.SOUND

    def refuse(self, id_: str | None, *kinds: str) -> None:
        """Note a ground for refusal."""
        self.reasons.append(Reason(id_ or "", frozenset(kinds)))

    def doubt(self, id_: str | None, *kinds: str) -> None:
        """Note something without evidence of a refusal."""
        self.doubts.append(Reason(id_ or "", frozenset(kinds)))


@dataclass(frozen=True, slots=True)
class _Seen:
    """Every id of the request, in any position."""

    calls: frozenset[str | None]
    results: frozenset[str | None]


@dataclass(frozen=True, slots=True)
class _Block:
    """An assistant message with calls, and the tool messages that follow it at once."""

    call_ids: list[str | None]
    result_ids: list[str | None]
    ends_list: bool

    @property
    def strangers(self) -> list[str | None]:
        """Results that name none of the calls."""
        return [id_ for id_ in self.result_ids if id_ not in self.call_ids or not id_]

    @property
    def unanswered(self) -> list[str]:
        """Calls that none of the results names."""
        ids = dict.fromkeys(self.call_ids)
        return [id_ for id_ in ids if id_ and id_ not in self.result_ids]


def judge(wire: list[Message]) -> Judgment:
    """Judge the `messages` of a request body."""
    judgment = Judgment()
    seen = _Seen(
        frozenset(call.get("id") for message in wire for call in _calls(message)),
        frozenset(m.get("tool_call_id") for m in wire if m["role"] == "tool"),
    )
    position = 0
    while position < len(wire):
        message = wire[position]
        position += 1
        if message["role"] == "tool":
            _judge_stray(message, seen, judgment)
        elif message["role"] == "function":
            judgment.doubt(None, "orphan_result", "missing_id")
        elif calls := _calls(message):
            end = position
            while end < len(wire) and wire[end]["role"] == "tool":
                end += 1
            results = [result.get("tool_call_id") for result in wire[position:end]]
            block = _Block([call.get("id") for call in calls], results, end == len(wire))
            _judge_block(block, seen, judgment)
            position = end
    return judgment


def _calls(message: Message) -> list[dict[str, Any]]:
    return message.get("tool_calls") or []


def _judge_stray(message: Message, seen: _Seen, judgment: Judgment) -> None:
    """A tool message where no assistant message with calls opened a block."""
    id_ = message.get("tool_call_id")
    if not id_:
        judgment.refuse(id_, "missing_id", "orphan_result", "mismatched_result")
    elif id_ in seen.calls:
        judgment.refuse(id_, "misplaced_result", "duplicate_result", "orphan_result")
    else:
        judgment.refuse(id_, "orphan_result")
    _judge_length(id_, judgment)


def _judge_block(block: _Block, seen: _Seen, judgment: Judgment) -> None:
    for id_, times in Counter(block.call_ids).items():
        _judge_call_id(id_, times, judgment)
    for id_, times in Counter(block.result_ids).items():
        if id_ and id_ in block.call_ids and times > 1:
            shared = block.call_ids.count(id_) > 1
            judgment.refuse(id_, "duplicate_result", *["duplicate_call_id"] * shared)
        _judge_length(id_, judgment)
    for id_ in block.strangers:
        judgment.refuse(id_, *_names_of_stranger(id_, block, seen))
    for id_ in block.unanswered:
        kinds = {"missing_result"}
        if id_ in seen.results:
            kinds |= {"misplaced_result", "mismatched_result"}
        if block.strangers:
            kinds |= {"mismatched_result"}
        say = judgment.doubt if block.ends_list and not block.result_ids else judgment.refuse
        say(id_, *kinds)


def _names_of_stranger(id_: str | None, block: _Block, seen: _Seen) -> set[str]:
    """How a result in the block of other calls may fairly be called."""
    if not id_:
        return {"missing_id", "mismatched_result", "orphan_result"}
    if id_ in seen.calls:
        return {"misplaced_result", "duplicate_result", "mismatched_result", "orphan_result"}
    if not block.unanswered:
        return {"orphan_result"}
    waiting = [call_id for call_id in block.unanswered if call_id not in seen.results]
    if len(block.strangers) > len(waiting):
        return {"mismatched_result", "orphan_result"}
    return {"mismatched_result"}


def _judge_call_id(id_: str | None, times: int, judgment: Judgment) -> None:
    if not id_:
        judgment.refuse(id_, "missing_id")
    elif times > 1:
        judgment.doubt(id_, "duplicate_call_id")
    _judge_length(id_, judgment)


def _judge_length(id_: str | None, judgment: Judgment) -> None:
    if id_ and len(id_) > LONGEST_ID:
        judgment.refuse(id_, "invalid_id")
