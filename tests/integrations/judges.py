"""What each API is known to refuse, judged from the request body alone.

A judge knows nothing of LangChain. It says `reject` where the provider's documentation, a reported
error or executed code shows the refusal, and `unknown` where it is only likely.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .wire import Item, Turn, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

REJECT, UNKNOWN = "reject", "unknown"
FOREIGN = "foreign_block"
MIXED_CALL = "mixed_call_turn"
RESPONSES_ID_MAX = 64
PLAIN_ORDER = "message_order"
NOT_PAIRING = frozenset({FOREIGN, MIXED_CALL, PLAIN_ORDER})
"""Breaches that have nothing to do with pairing."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One rule of an API that a request breaks.

    Attributes:
        kind: Which rule.
        turn: Index of the turn on the wire.
        grade: `reject` or `unknown`.
        detail: An id, or the validator's own words.
    """

    kind: str
    turn: int
    grade: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.grade}:{self.kind}@{self.turn}"


def judge(
    wire: str, body: dict[str, Any], stored_calls: Collection[str | None] = ()
) -> list[Breach]:
    """Return every breach of the API family `wire` in a request body.

    `stored_calls` are the calls of the answer that a Responses request continues.
    """
    if wire == "mistral":
        return list(_mistral(body))
    turns = parse(wire, body)
    found = [*_foreign(turns)]
    if wire == "responses":
        stateful = bool(body.get("previous_response_id") or body.get("conversation"))
        return [*found, *_responses(turns, stored_calls, stateful=stateful)]
    return [*found, *_JUDGES[wire](turns)]


def _foreign(turns: list[Turn]) -> Iterator[Breach]:
    for turn in turns:
        for item in turn.of("foreign"):
            yield Breach(FOREIGN, item.turn, REJECT, item.name or "")


def _blocks(turns: list[Turn]) -> Iterator[tuple[int, list[Item], list[Item]]]:
    """Yield each run of tool turns with the assistant turn right before it."""
    at = 0
    while at < len(turns):
        calls = turns[at].of("call")
        start = at
        results: list[Item] = []
        if turns[at].role != "tool":
            at += 1
        while at < len(turns) and turns[at].role == "tool":
            results += turns[at].of("result")
            at += 1
        if calls or results:
            yield start, calls, results


@dataclass(frozen=True, slots=True)
class _Adjacency:
    """The rule of OpenAI's chat API and its strict relatives."""

    duplicate: str = REJECT
    no_id: str = REJECT
    id_max: int = 40

    def __call__(self, turns: list[Turn]) -> Iterator[Breach]:
        for at, calls, results in _blocks(turns):
            ids = [call.id for call in calls]
            answered = Counter(result.id for result in results)
            yield from self._ids([*calls, *results])
            yield from _repeated(ids, at, UNKNOWN)
            yield from _repeated(answered.elements(), at, self.duplicate, "duplicate_result")
            for call in calls:
                if call.id not in answered:
                    grade = UNKNOWN if at == len(turns) - 1 else REJECT
                    yield Breach("missing_result", at, grade, call.id or "")
            for result in results:
                if result.id not in ids:
                    kind = "mismatched_result" if calls else "orphan_result"
                    yield Breach(kind, result.turn, REJECT, result.id or "")

    def _ids(self, items: list[Item]) -> Iterator[Breach]:
        for item in items:
            if not item.id:
                yield Breach("missing_id", item.turn, self.no_id)
            elif len(item.id) > self.id_max:
                yield Breach("invalid_id", item.turn, REJECT, item.id)


def _repeated(
    ids: Iterable[str | None], at: int, grade: str, kind: str = "duplicate_call_id"
) -> Iterator[Breach]:
    for key, count in Counter(ids).items():
        if count > 1:
            yield Breach(kind, at, grade, key or "")


def _responses(
    turns: list[Turn], stored_calls: Collection[str | None], *, stateful: bool
) -> Iterator[Breach]:
    """Match ids over the whole input, and with what the server holds."""
    calls = [item for turn in turns for item in turn.of("call")]
    results = [item for turn in turns for item in turn.of("result")]
    provided = {item.id for turn in turns for item in turn.of("server_call")}
    answered = {item.id for item in results}
    for key in [*(call.id for call in calls), *stored_calls]:
        if key not in answered:
            yield Breach("missing_result", 0, REJECT, key or "")
    first_calls = {call.id: call.turn for call in reversed(calls)}
    for result in results:
        if result.id in first_calls:
            if result.turn < first_calls[result.id]:
                yield Breach("misplaced_result", result.turn, UNKNOWN, result.id or "")
        elif result.id not in {*stored_calls, *provided}:
            grade = UNKNOWN if stateful else REJECT
            yield Breach("orphan_result", result.turn, grade, result.id or "")
    for item in [*calls, *results]:
        if not item.id:
            yield Breach("missing_id", item.turn, UNKNOWN)
        elif len(item.id) > RESPONSES_ID_MAX:
            yield Breach("invalid_id", item.turn, REJECT, item.id)
    yield from _repeated((item.id for item in calls), 0, UNKNOWN)
    yield from _repeated((item.id for item in results), 0, UNKNOWN, "duplicate_result")


def _merged(turns: list[Turn]) -> list[Turn]:
    """Join neighbors of one role, as the API does."""
    merged: list[Turn] = []
    for turn in turns:
        if merged and merged[-1].role == turn.role:
            merged[-1] = Turn(turn.role, merged[-1].items + turn.items)
        else:
            merged.append(turn)
    return merged


@dataclass(frozen=True, slots=True)
class _Turns:
    """The rule of Claude's API and of Converse: the next user turn contains the results."""

    late: str
    pattern: str
    reuse: str = ""
    mixed: str = ""
    mixed_call: str = ""
    server_tools: bool = False
    alternate: bool = False

    def __call__(self, turns: list[Turn]) -> Iterator[Breach]:
        turns = [turn for turn in turns if turn.role != "system"]
        merged = _merged(turns)
        if self.alternate and len(merged) < len(turns):
            yield Breach("role_order", 0, UNKNOWN, "two turns of one role")
        if self.server_tools:
            yield from _unpaired(merged)
            yield from _content_behind_calls(turns)
        seen: Counter[str | None] = Counter()
        for at, turn in enumerate(merged):
            before = merged[at - 1] if at else Turn("", ())
            after = merged[at + 1] if at + 1 < len(merged) else None
            yield from self._calls(at, turn, after, seen)
            yield from self._results(at, turn, before)
            for item in [*turn.of("call"), *turn.of("result")]:
                if not re.fullmatch(self.pattern, item.id or ""):
                    yield Breach("invalid_id", at, REJECT, item.id or "")

    def _calls(
        self, at: int, turn: Turn, after: Turn | None, seen: Counter[str | None]
    ) -> Iterator[Breach]:
        calls = turn.of("call")
        answers = {item.id for item in after.of("result")} if after else set()
        for call in calls:
            if call.id not in answers:
                yield Breach("missing_result", at, REJECT if after else UNKNOWN, call.id or "")
        ids = Counter(call.id for call in calls)
        yield from _repeated((call.id for call in calls), at, REJECT)
        for key in ids:
            if seen[key] and self.reuse:
                yield Breach("reused_call_id", at, self.reuse, key or "")
        seen.update(ids)
        if calls and self.mixed_call and turn.of("text"):
            yield Breach(MIXED_CALL, at, self.mixed_call)
        kinds = [item.kind for item in turn.items]
        if "call" in kinds and "text" in kinds[kinds.index("call") :]:
            yield Breach("text_after_call", at, UNKNOWN)
        if turn.role == "assistant" and turn.of("result"):
            yield Breach("orphan_result", at, REJECT, "only in user messages")

    def _results(self, at: int, turn: Turn, before: Turn) -> Iterator[Breach]:
        results = turn.of("result")
        ids = {item.id for item in before.of("call")}
        counts = Counter(item.id for item in results)
        for result in results:
            if result.id not in ids:
                yield Breach("orphan_result", at, REJECT, result.id or "")
        for key, count in counts.items():
            if count > 1:
                yield Breach("duplicate_result", at, REJECT, key or "")
        kinds = [item.kind for item in turn.items if item.kind in ("result", "text")]
        if results and kinds != sorted(kinds):
            yield Breach("misplaced_result", at, self.late)
        if results and self.mixed and "text" in kinds:
            yield Breach("role_order", at, self.mixed)


def _content_behind_calls(turns: list[Turn]) -> Iterator[Breach]:
    """Find single messages that go on behind their last call, as recorded refusals show."""
    for at, turn in enumerate(turns[:-1]):
        if turn.of("call") and turn.items[-1].kind != "call":
            yield Breach("content_after_call", at, REJECT)


def _unpaired(merged: list[Turn]) -> Iterator[Breach]:
    uses: dict[str | None, int] = {}
    answered: set[str | None] = set()
    for at, turn in enumerate(merged):
        for item in turn.items:
            if item.kind == "server_call":
                uses[item.id] = at
            elif item.kind == "server_result":
                answered.add(item.id)
                if item.id not in uses:
                    grade = UNKNOWN if None in uses else REJECT
                    yield Breach("server_tool_unpaired", at, grade, item.id or "")
    for key, at in uses.items():
        later = merged[at + 1 :]
        # A program that runs for the provider may call the client's tools one after the other.
        pending = all(item.kind in ("call", "result") for turn in later for item in turn.items)
        if key not in answered and not pending:
            grade = REJECT if key else UNKNOWN  # how a call without id is read was not tried
            yield Breach("server_tool_unpaired", at, grade, key or "")


def _gemini(turns: list[Turn]) -> Iterator[Breach]:
    """Compare counts turn by turn; neighbors of one role are one turn, as recorded answers show."""
    turns = [turn for turn in turns if turn.role != "system"]
    merged = _merged(turns)
    if turns and turns[0].of("call"):
        yield Breach("role_order", 0, REJECT, "function call turn is first")
    for at, turn in enumerate(merged):
        calls, results = turn.of("call"), turn.of("result")
        after = merged[at + 1] if at + 1 < len(merged) else None
        expected = merged[at - 1].of("call") if at else []
        if calls and len(after.of("result") if after else ()) < len(calls):
            yield Breach("missing_result", at, REJECT if after else UNKNOWN)
        if results and not expected:
            yield Breach("orphan_result", at, REJECT)
        elif len(results) > len(expected):
            yield Breach("duplicate_result", at, REJECT)
        elif results and Counter(r.name for r in results) != Counter(c.name for c in expected):
            yield Breach("mismatched_result", at, UNKNOWN)
        for result in results:
            if not result.name:
                yield Breach("orphan_result", at, REJECT, "name cannot be empty")
        kinds = [item.kind for item in turn.items if item.kind in ("result", "text")]
        if results and kinds != sorted(kinds):
            yield Breach("misplaced_result", at, UNKNOWN, "text before function responses")


def _cohere(turns: list[Turn]) -> Iterator[Breach]:
    """Know of one refusal only: a call that no later result answers, with another turn after it."""
    answered: set[tuple[int, str | None]] = set()
    asked: dict[str | None, int] = {}
    for at, turn in enumerate(turns):
        answered |= {(asked[item.id], item.id) for item in turn.of("result") if item.id in asked}
        asked |= {item.id: at for item in turn.of("call")}
    for breach in _lenient(turns):
        after = turns[breach.turn + 1 : breach.turn + 2]
        ignored = breach.kind == "missing_result" and after and after[0].role != "tool"
        grade = REJECT if ignored and (breach.turn, breach.detail) not in answered else UNKNOWN
        yield Breach(breach.kind, breach.turn, grade, breach.detail)


def _lenient(turns: list[Turn]) -> Iterator[Breach]:
    for breach in _Adjacency(id_max=10**6)(turns):
        yield Breach(breach.kind, breach.turn, UNKNOWN, breach.detail)


def _groq(turns: list[Turn]) -> Iterator[Breach]:
    """Know of one refusal only: its schema wants the id of a result."""
    yield from _lenient(turns)
    for turn in turns:
        for result in turn.of("result"):
            if not result.id:  # nobody has shown that an empty one is taken
                yield Breach("missing_id", result.turn, REJECT)


def _none(turns: list[Turn]) -> Iterator[Breach]:
    yield from ()


_CLAUDE_ID = r"[a-zA-Z0-9_-]+"
_CONVERSE_ID = r"[a-zA-Z0-9_.:-]{1,64}"  # dots and colons: by a recorded answer
_JUDGES: dict[str, Callable[[list[Turn]], Iterator[Breach]]] = {
    "openai": _Adjacency(),
    "deepseek": _Adjacency(duplicate=UNKNOWN, id_max=10**6),
    "anthropic": _Turns(late=REJECT, pattern=_CLAUDE_ID, server_tools=True),
    "converse": _Turns(
        late=UNKNOWN,
        pattern=_CONVERSE_ID,
        reuse=UNKNOWN,
        alternate=True,
    ),
    "converse-other": _Turns(
        late=UNKNOWN,
        pattern=_CONVERSE_ID,
        reuse=UNKNOWN,
        mixed=REJECT,
        mixed_call=UNKNOWN,
        alternate=True,
    ),
    "gemini": _gemini,
    "cohere": _cohere,
    "groq": _groq,
    "lenient": _lenient,
    "ollama": _none,
}


def _mistral(body: dict[str, Any]) -> Iterator[Breach]:
    """Ask mistral-common's validator, which the provider's own server runs.

    It never looks at the first message: a leading assistant gets a user before it, so that a sound
    history isn't refused, and a leading result stays unjudged.
    """
    from mistral_common.exceptions import MistralCommonException
    from mistral_common.protocol.instruct.request import ChatCompletionRequest
    from mistral_common.protocol.instruct.validator import (
        MistralRequestValidatorV13,
        ValidationMode,
    )
    from pydantic import ValidationError

    yield from _foreign(parse("mistral", body))
    messages = body.get("messages", [])
    if messages and messages[0]["role"] == "assistant":
        messages = [{"role": "user", "content": "-"}, *messages]
    if messages and messages[0]["role"] == "tool":
        yield Breach("orphan_result", 0, UNKNOWN)
        if len(messages) == 1:
            return
    try:
        request = ChatCompletionRequest(model="m", messages=messages)
        MistralRequestValidatorV13(ValidationMode.serving).validate_request(request)
    except ValidationError as error:
        yield Breach("schema", 0, UNKNOWN, str(error).splitlines()[0])
    except MistralCommonException as error:
        kind = next((kind for start, kind in _MISTRAL_KINDS if str(error).startswith(start)), "")
        if kind == PLAIN_ORDER and messages[-1].get("tool_calls"):
            kind = "missing_result"
        yield Breach(kind or type(error).__name__, 0, REJECT, str(error))


_MISTRAL_KINDS = (
    ("Not the same number", "missing_result"),
    ("Unexpected role 'tool'", "orphan_result"),
    ("Unexpected role 'system' after role", "role_order"),
    ("Unexpected role 'user' after role 'tool'", "role_order"),
    ("Unexpected role", PLAIN_ORDER),
    ("Expected last role", PLAIN_ORDER),
    ("Conversation must start", "orphan_result"),
    ("Duplicate tool call id", "duplicate_result"),
    ("Unexpected tool call id", "mismatched_result"),
    ("Tool call id", "missing_id"),
)
