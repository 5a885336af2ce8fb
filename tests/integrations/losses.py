"""What a conversion did to a history: found by the marks, compared with LangChain's own pairing."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, FunctionMessage, ToolMessage

from .wire import Item, Turn, tokens_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SILENT = frozenset(
    {"result_dropped", "result_replayed", "result_moved", "result_mispaired", "call_dropped"}
)
"""The losses that make a request say something else about its calls and results."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A call, a result or a text that a history carries.

    Attributes:
        kind: `call`, `invalid_call`, `server_call`, `result` or `text`.
        message: Index of its message.
        token: Its mark.
        id: The id, for calls and results.
        name: The tool, for calls; the message's type for texts.
    """

    kind: str
    message: int
    token: str
    id: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that the wire says differently.

    Attributes:
        kind: `result_dropped`, `result_replayed`, `result_moved`, `result_mispaired`,
            `result_reordered` (among its siblings), `result_as_text`, `call_dropped`,
            `call_as_text`, `unanswered_call_dropped` (nothing is left of it, so nothing is wrong),
            `invalid_call_dropped`, `server_call_dropped` or `text_dropped`.
        message: Index of the message in the history.
        id: Id of the call or result.
        detail: Which call the result went to, or which role lost its text.
    """

    kind: str
    message: int
    id: str | None = None
    detail: str = ""

    def __str__(self) -> str:
        shown = f"({self.id})" if self.id is not None else ""
        return f"{self.kind}@{self.message}{shown}" + (f"->{self.detail}" if self.detail else "")


def carried(messages: Sequence[BaseMessage]) -> list[Carried]:
    """List what a history carries, in order, each thing once."""
    found: dict[str, Carried] = {}
    for at, message in enumerate(messages):
        for one in _carried_by(at, message):
            found.setdefault(one.token, one)
    return list(found.values())


def _carried_by(at: int, message: BaseMessage) -> Iterator[Carried]:
    parts = message.content if isinstance(message.content, list) else []
    blocks = [part for part in parts if isinstance(part, dict)]
    texts = message.content if isinstance(message.content, str) else _plain(parts)
    if isinstance(message, AIMessage):
        for token in tokens_in(texts):
            yield Carried("text", at, token, name="ai")
        yield from _calls(at, message, blocks + message.additional_kwargs.get("tool_outputs", []))
        return
    for block in blocks:
        key = _RESULT_BLOCKS.get(block.get("type", ""))
        for token in tokens_in(block) if key else ():
            answered = block.get(key, getattr(message, "tool_call_id", None))
            yield Carried("result", at, token, answered)
    if isinstance(message, FunctionMessage):
        yield Carried("result", at, str(message.content), None, message.name)
        return
    for token in tokens_in(texts):
        if isinstance(message, ToolMessage):
            yield Carried("result", at, token, message.tool_call_id)
        else:
            yield Carried("text", at, token, name=message.type)


def _plain(parts: list[str | dict[str, Any]]) -> list[str | dict[str, Any]]:
    return [part for part in parts if isinstance(part, str) or part.get("type") == "text"]


def _calls(at: int, message: AIMessage, blocks: list[dict[str, Any]]) -> Iterator[Carried]:
    for call in message.tool_calls:
        for token in tokens_in(call["args"]):
            yield Carried("call", at, token, call["id"], call["name"])
    for bad in message.invalid_tool_calls:
        for token in tokens_in(bad["args"]):
            yield Carried("invalid_call", at, token, bad["id"], bad["name"] or "")
    for block in blocks:
        kind, key = _CALL_BLOCKS.get(block.get("type", ""), ("", ""))
        for token in tokens_in(block) if kind else ():
            yield Carried(kind, at, token, block.get(key), block.get("name", ""))


_CALL_BLOCKS = {
    "tool_use": ("call", "id"),
    "tool_call": ("call", "id"),
    "server_tool_use": ("server_call", "id"),
    "function_call": ("call", "call_id"),
    "custom_tool_call": ("call", "call_id"),
    "computer_call": ("call", "call_id"),
    "apply_patch_call": ("call", "call_id"),
}
_RESULT_BLOCKS = {
    "tool_result": "tool_use_id",
    "custom_tool_call_output": "call_id",
    "apply_patch_call_output": "call_id",
}


def losses(
    wire: str, messages: Sequence[BaseMessage], turns: list[Turn], stored: int = 0
) -> list[Loss]:
    """Compare a history, without the messages that the server has stored, with what left."""
    things = [thing for thing in carried(messages) if thing.message >= stored]
    items = [item for turn in turns for item in turn.items]
    claimed = _claim(things, items)
    answered = {thing.id or "" for thing in things if thing.kind == "result"}
    answered |= {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
    return sorted(
        [
            *_dropped(things, items, claimed, answered),
            *_moved(things, items, claimed),
            *_mispaired(wire, things, turns, claimed),
        ],
        key=lambda loss: (loss.message, loss.kind, str(loss.id), loss.detail),
    )


def _claim(things: list[Carried], items: list[Item]) -> dict[str, list[int]]:
    """Return the position of each thing on the wire; find a call without arguments by its name."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, item in enumerate(items):
        for token in item.tokens:
            places[token].append(place)
    bare = [p for p, item in enumerate(items) if item.kind == "call" and not item.tokens]
    for thing in things:
        if thing.kind == "invalid_call" and thing.token not in places:
            match = next((p for p in bare if items[p].name == thing.name), None)
            if match is not None:
                bare.remove(match)
                places[thing.token].append(match)
    return places


def _dropped(
    things: list[Carried], items: list[Item], claimed: dict[str, list[int]], answered: set[str]
) -> Iterator[Loss]:
    left_alone = {
        call
        for result, call in intended(things).items()
        if any(items[place].kind == "result" for place in claimed.get(result, ()))
    } & {thing.token for thing in things if thing.kind == "invalid_call"}
    for thing in things:
        kinds = Counter(items[place].kind for place in claimed.get(thing.token, ()))
        if not kinds:
            detail = thing.name if thing.kind == "text" else ""
            unanswered = thing.kind == "call" and (thing.id or "") not in answered
            kind = "unanswered_call" if unanswered else thing.kind
            # A bad call is not missed, unless its result stays without it.
            kind = "call" if thing.token in left_alone else kind
            yield Loss(f"{kind}_dropped", thing.message, thing.id, detail)
        elif thing.kind == "result" and kinds["result"] > 1:
            yield Loss("result_replayed", thing.message, thing.id, f"{kinds['result']} times")
        elif thing.kind in ("call", "result") and set(kinds) == {"text"}:
            yield Loss(f"{thing.kind}_as_text", thing.message, thing.id)


def _moved(
    things: list[Carried], items: list[Item], claimed: dict[str, list[int]]
) -> Iterator[Loss]:
    block = _blocks(things)
    sent = [t for t in things if claimed.get(t.token) and t.name != "system"]
    place = {thing.token: claimed[thing.token][0] for thing in sent}
    stayed = _in_order(sent, place)
    for at, thing in enumerate(sent):
        if thing.token in stayed or thing.kind != "result":
            continue
        passed = [
            other
            for to, other in enumerate(sent)
            if other.token in stayed
            and place[other.token] != place[thing.token]
            and (to < at) != (place[other.token] < place[thing.token])
        ]
        passed = [t for t in passed if t.kind != "text" or t.message != thing.message]
        if not passed:
            continue
        outside = [t for t in passed if t.kind != "result" or block[t.token] != block[thing.token]]
        if outside:
            over = ",".join(sorted({f"{t.kind}@{t.message}" for t in outside}))
            yield Loss("result_moved", thing.message, thing.id, over)
        else:
            yield Loss("result_reordered", thing.message, thing.id)


def _in_order(sent: list[Carried], place: dict[str, int]) -> set[str]:
    """Choose the most things whose order is the same on the wire, results last of all."""
    best: list[tuple[int, list[str]]] = []
    for at, thing in enumerate(sent):
        before = [best[to] for to in range(at) if place[sent[to].token] <= place[thing.token]]
        weight, tokens = max(before, key=lambda one: one[0], default=(0, []))
        worth = 1 if thing.kind == "result" else len(sent)
        best.append((weight + worth, [*tokens, thing.token]))
    return set(max(best, key=lambda one: one[0], default=(0, []))[1])


def _blocks(things: list[Carried]) -> dict[str, int]:
    """Number the runs of results that nothing separates."""
    numbers: dict[str, int] = {}
    number, last = 0, ""
    for thing in things:
        if thing.kind == "result" and last != "result":
            number += 1
        last = thing.kind
        numbers[thing.token] = number
    return numbers


def intended(things: list[Carried]) -> dict[str, str | None]:
    """Pair each result with the call that LangChain's contract gives it, by their marks."""
    pairs: dict[str, str | None] = {}
    used: Counter[str] = Counter()
    calls: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    named: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for thing in things:
        if thing.kind in ("call", "invalid_call"):
            calls[thing.id or ""][thing.message].append(thing.token)
            named[thing.name][thing.message].append(thing.token)
        elif thing.kind == "result":
            by_name = thing.id is None and thing.name  # a function message knows no id
            pairs[thing.token] = _nth(named[thing.name] if by_name else calls[thing.id or ""], used)
    return pairs


def _nth(candidates: dict[int, list[str]], used: Counter[str]) -> str | None:
    """Take the nearest message's first unanswered call, or its last one."""
    if not candidates:
        return None
    same = candidates[max(candidates)]
    token = next((token for token in same if not used[token]), same[-1])
    used[token] += 1
    return token


def _mispaired(
    wire: str, things: list[Carried], turns: list[Turn], claimed: dict[str, list[int]]
) -> Iterator[Loss]:
    of_token = {thing.token: thing for thing in things}
    calls_at: dict[int, list[str]] = defaultdict(list)
    for token, places in claimed.items():
        if token in of_token and of_token[token].kind in ("call", "invalid_call"):
            for place in places:
                calls_at[place].append(token)
    wanted = intended(things)
    for place, partners in _as_read(wire, turns).items():
        got = [token for partner in partners for token in calls_at[partner]]
        for token, places in claimed.items():
            if token not in wanted or place not in places or not got or wanted[token] in got:
                continue
            result, call = of_token[token], of_token[got[0]]
            yield Loss("result_mispaired", result.message, result.id, f"{call.id}@{call.message}")


def _as_read(wire: str, turns: list[Turn]) -> dict[int, list[int]]:
    """Find the calls that the provider may take each result for: by id, by name, or by order."""
    flat = [item for turn in turns for item in turn.items]
    if wire == "gemini":
        return _read_by_name(flat)
    if wire == "ollama":
        return _read_by_order(flat)
    return _read_by_id(turns, flat, anywhere=wire == "responses")


def _read_by_id(turns: list[Turn], flat: list[Item], *, anywhere: bool) -> dict[int, list[int]]:
    pairs: dict[int, list[int]] = {}
    for place, item in enumerate(flat):
        if item.kind != "result":
            continue
        owner = _asking_turn(turns, item.turn)
        calls = [p for p in range(place) if flat[p].kind == "call" and flat[p].id == item.id]
        if not anywhere:
            calls = [p for p in calls if flat[p].turn == owner]
        pairs[place] = [p for p in calls if flat[p].turn == flat[calls[-1]].turn]
    return pairs


def _asking_turn(turns: list[Turn], at: int) -> int:
    """Step back over turns of results to the one that they answer."""
    at -= 1
    while at >= 0 and turns[at].role in ("tool", "user") and turns[at].of("result"):
        at -= 1
    return at


def _read_by_name(flat: list[Item]) -> dict[int, list[int]]:
    pairs: dict[int, list[int]] = {}
    for place, item in enumerate(flat):
        if item.kind != "result":
            continue
        before = sum(
            o.kind == "result" and o.turn == item.turn and o.name == item.name for o in flat[:place]
        )
        calls = [
            p
            for p, o in enumerate(flat)
            if o.kind == "call" and o.turn == item.turn - 1 and o.name == item.name
        ]
        pairs[place] = calls[before : before + 1]
    return pairs


def _read_by_order(flat: list[Item]) -> dict[int, list[int]]:
    pairs: dict[int, list[int]] = {}
    waiting: list[int] = []
    asked = -1
    for place, item in enumerate(flat):
        if item.kind == "result":
            pairs[place] = [waiting.pop(0)] if waiting else []
        elif item.kind == "call":
            waiting = [*waiting, place] if item.turn == asked else [place]
            asked = item.turn
    return pairs
