"""Find the thinking that is valid only behind the messages it was made of.

Claude 5.1 and later (directly, on Bedrock, on Vertex AI, in Foundry) sign each block of thinking
together with the system prompt, the tools and all messages before it. Where one of these has
changed, they refuse the request: `Invalid signature in thinking block. The block is bound to a
different conversation`. Each block also knows the one before it: of several, the last ones may be
taken away, and the first ones, but none from the middle. So whoever takes one away takes away all
that follow a change.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import AIMessage

from toolpair_observe.forks import reset_in_child
from toolpair_observe.pairing.fields import as_dict, as_text
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.repair.blocks import content_blocks, dicts_in, extras_of, kind_of, without
from toolpair_observe.repair.plan import Draft
from toolpair_observe.repair.report import Change, RepairAction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.repair.report import ThinkingPolicy

MAX_SIGNATURES: Final = 4096

# Whose integrations send signed thinking back. LiteLLM's compares what stands before it by itself,
# and leaves out what does not fit.
_SENDERS: Final = frozenset(
    {
        *("anthropic", "anthropic-vertex", "bedrock-converse", "bedrock-invoke", "openrouter"),
        "contract",
    }
)
# Gemini signs its thoughts too, and does not mind what stands before them.
_UNBOUND_MAKERS: Final = frozenset({"google_genai", "google_vertexai"})
_THINKING: Final = frozenset({"thinking", "redacted_thinking", "reasoning_content"})
_LEAVES_A_GAP: Final = frozenset({RepairAction.MOVED, RepairAction.DROPPED})


class SignedAnswers:
    """Answers to repaired requests, whose thinking fits what the same repair makes of the history.

    The stored history stays broken, and each later request is repaired in the same way. Without
    this, thinking that was made of the repaired history would look as if it followed a change.
    Only digests of signatures are kept, of the newest answers.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # In the order in which they came, with the sum of the changes before each.
        self._made_of: dict[bytes, int] = {}
        reset_in_child(self)

    def reset(self) -> None:
        """Let a forked child go on with what its parent knew."""
        self._lock = threading.Lock()

    def add(self, answers: Iterable[BaseMessage], changes: Iterable[Change]) -> None:
        """Note the answers to a request that was repaired with these changes."""
        made_of = sum(map(_key, changes))
        for signature in (one for answer in answers for one in _signatures(answer)):
            with self._lock:
                self._made_of[_digest(signature)] = made_of
                if len(self._made_of) > MAX_SIGNATURES:
                    del self._made_of[next(iter(self._made_of))]

    def fit(self, message: BaseMessage, made_of: int) -> bool:
        """Whether all thinking of the message was made of a history with the same changes."""
        with self._lock:
            return all(
                self._made_of.get(_digest(signature)) == made_of
                for signature in _signatures(message)
            )


def settle_thinking(
    given: Sequence[BaseMessage],
    draft: Draft,
    profile: Profile,
    policy: ThinkingPolicy,
    signed: SignedAnswers | None,
) -> tuple[Draft, tuple[int, ...]]:
    """Mark the changes before signed thinking, or take that thinking away.

    Args:
        given: The original history.
        draft: The repaired history.
        profile: Who gets it.
        policy: What is done with thinking behind a change.
        signed: Answers to earlier repaired requests, or None.

    Returns:
        The draft with its changes marked or without the thinking, and the positions of the
        messages whose thinking is broken.
    """
    sender = profile.base or profile.name
    if sender in PROFILES and sender not in _SENDERS:
        return draft, ()
    places = _places(draft)
    waiting = deque(sorted(zip(places, map(_key, draft.changes), strict=True)))
    messages, taken, broken = list(draft.messages), list[Change](), list[int]()
    # The sum of all changes before a message: what its thinking would have to be made of.
    before = 0
    for at in _thinking_behind(_first_difference(given, messages), messages):
        while waiting and waiting[0][0] <= at:
            before += waiting.popleft()[1]
        if signed is not None and signed.fit(messages[at], before):
            continue
        if policy == "keep":
            broken.append(at)
            continue
        messages[at], strips = _without_thinking(messages[at], draft.origin(at), at)
        taken += strips
        before += sum(map(_key, strips))
    if taken:
        return Draft(messages, (*draft.changes, *taken), draft.origins), ()
    last = broken[-1] if broken else -1
    changes = [
        replace(change, breaks_thinking=place <= last)
        for change, place in zip(draft.changes, places, strict=True)
    ]
    return replace(draft, changes=tuple(changes)), tuple(broken)


def _first_difference(given: Sequence[BaseMessage], repaired: Sequence[BaseMessage]) -> int:
    pairs = enumerate(zip(given, repaired, strict=False))
    return next(
        (at for at, (old, new) in pairs if old is not new and old != new),
        min(len(given), len(repaired)),
    )


def _thinking_behind(start: int, messages: Sequence[BaseMessage]) -> list[int]:
    """Return the positions of messages with signed thinking, from `start` on."""
    return [at for at in range(start, len(messages)) if any(_signatures(messages[at]))]


def _places(draft: Draft) -> list[int]:
    """Return for each change the first position of the draft at which it shows."""
    moved = {one.message_index for one in draft.changes if one.action is RepairAction.MOVED}
    stayed = [
        (origin, at)
        for at, origin in enumerate(draft.origins)
        if origin is not None and origin not in moved
    ]
    places = []
    for change in draft.changes:
        shown = [len(draft.messages) if change.new_index is None else change.new_index]
        if change.action in _LEAVES_A_GAP:
            follower = bisect_right(stayed, (change.message_index, len(draft.messages)))
            shown += [at for _, at in stayed[follower : follower + 1]]
        places.append(min(shown))
    return places


def _signatures(message: BaseMessage) -> Iterator[str]:
    """Yield the signatures of a message's thinking; encrypted thinking is its own."""
    if isinstance(message, AIMessage) and not _is_unbound(message):
        for _, block in content_blocks(message):
            yield from _signature_of(block)
        extras = extras_of(message)
        yield from _text_of(extras.get("thinking"), "signature")
        for _, detail in _claude_details(extras):
            yield from _text_of(detail, "signature", "data")


def _is_unbound(message: AIMessage) -> bool:
    made_by = as_dict(vars(message), "response_metadata").get("model_provider")
    return as_text(made_by) in _UNBOUND_MAKERS


def _signature_of(block: dict[str, Any]) -> Iterator[str]:
    kind = kind_of(block)
    if kind == "thinking":
        yield from _text_of(block, "signature")
    elif kind == "redacted_thinking":
        yield from _text_of(block, "data")
    elif kind == "reasoning":
        yield from _text_of(block.get("extras"), "signature", "redacted_content")
    elif kind == "reasoning_content":
        inner = block.get("reasoning_content")
        yield from _text_of(inner, "signature", "redacted_content", "redactedContent")


def _text_of(holder: object, *keys: str) -> Iterator[str]:
    """Yield the first of the values that is there, as text."""
    for key in keys:
        value = holder.get(key) if isinstance(holder, dict) else None
        if isinstance(value, str | bytes) and value:
            yield value if isinstance(value, str) else value.hex()
            return


def _claude_details(extras: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Return what OpenRouter keeps of Claude's thinking, with the positions."""
    return [
        (at, detail)
        for at, detail in dicts_in(extras.get("reasoning_details"))
        if str(detail.get("format")).startswith("anthropic")
    ]


def _without_thinking(
    message: BaseMessage, origin: int, at: int
) -> tuple[BaseMessage, list[Change]]:
    """Return a copy without thinking, and the changes that this makes.

    Thinking without a signature, as a stream leaves it that was cut or not put together, is refused
    or left out anyway and goes with the rest.
    """
    taken = {
        n: f"{kind_of(block)} content block"
        for n, block in content_blocks(message)
        if kind_of(block) in _THINKING or any(_signature_of(block))
    }
    extras, places = extras_of(message), list(taken.values())
    if any(_text_of(extras.get("thinking"), "signature")):
        extras = {key: value for key, value in extras.items() if key != "thinking"}
        places.append('additional_kwargs["thinking"]')
    if details := dict(_claude_details(extras)):
        left = [one for n, one in enumerate(extras["reasoning_details"]) if n not in details]
        extras = {**extras, "reasoning_details": left}
        if not left:
            del extras["reasoning_details"]
        places += ['additional_kwargs["reasoning_details"]'] * len(details)
    changes = [Change(RepairAction.STRIPPED, "", None, origin, at, place) for place in places]
    return without(message, taken, extras), changes


def _key(change: Change) -> int:
    """A number for a change; the sum of the numbers tells lists of changes apart."""
    return hash(
        (
            change.action,
            change.tool_call_id,
            change.message_index,
            change.new_index,
            change.place,
        )
    )


def _digest(signature: str) -> bytes:
    return blake2b(signature.encode(errors="surrogatepass"), digest_size=16).digest()
