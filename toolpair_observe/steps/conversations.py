"""The conversations of this process: which requests are of one, and since when it is broken.

A request's conversation is that of its thread; without a thread it is that of any of its messages
which an earlier request had, because LangChain gives a message one id for life. A request that
neither tells belongs to none, and nothing is said of it.

All handlers of the process share one memory. Of a sound request it keeps little more than its run;
an outline of its messages only where somebody is going to compare requests.
"""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from operator import attrgetter
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from toolpair_observe.forks import reset_in_child
from toolpair_observe.pairing.late_pattern import LatePattern
from toolpair_observe.steps.alone import Alone, first_sound
from toolpair_observe.steps.outline import Outline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolpair_observe.pairing.report import Violation
    from toolpair_observe.steps.blamed import Blame

MOST_CONVERSATIONS: Final = 2_048
"""Conversations that are kept at a time; past that the one that was quiet for longest goes."""
CONVERSATION_SECONDS: Final = 3_600.0
"""After how long without a request a conversation is forgotten."""
MOST_BREACHES: Final = 4
"""Breaches of a conversation that are kept: its last ones."""
MOST_KEYS: Final = 24
"""Violations of one breach that are told apart: its first ones."""
MOST_REQUESTS: Final = 3
"""Requests of a conversation whose outlines are kept: its last ones."""
MOST_OUTLINED: Final = 40
"""Messages that are kept of a request where that is asked for: its last ones."""
FEW_OUTLINED: Final = 12
"""The same where it is not, of a model that a chain without nodes asks."""
MOST_WAITING: Final = 256
"""Requests whose answers are waited for to be compared."""
MOST_TOGETHER: Final = 80
"""Messages that are kept of all requests of a conversation together."""
# How many messages of a request are looked at to find its conversation where there is no thread:
# the last ones, since those that are new come last.
_LAST: Final = 16
_MOST_NAMES: Final = 16
_OWN_ID: Final = attrgetter("id")
# The types of a model's answers.
_ANSWERS: Final = frozenset({"ai", "AIMessageChunk"})
# A reply without an id of the provider's is named after its run.
_RUN_IN_ID: Final = LatePattern(r"run-+([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})")


class NotedBreach:
    """One breach of a conversation, from the request on that first had it.

    Attributes:
        keys: Its violations, each as a number.
        run_id: The first request that had it.
        number: That request's number in the conversation.
        blame: What broke it, as it was found then; None where nothing told.
    """

    __slots__ = ("blame", "keys", "number", "run_id")

    def __init__(self, keys: array[int], run_id: UUID, number: int) -> None:
        self.keys = keys
        self.run_id = run_id
        self.number = number
        self.blame: Blame | None = None

    def has(self, violation: Violation, messages: Sequence[Any]) -> bool:
        """Whether a violation of a request is one of its own.

        Args:
            violation: The violation, with the ids as they were noted.
            messages: The request.
        """
        return _key(violation, messages) in self.keys


class Seen(NamedTuple):
    """What earlier requests tell of one that is broken.

    Attributes:
        is_fresh: Whether its breach is new; None of a sound request, and where the conversation
            can't be told.
        since_run_id: The first request that had the breach: this one where it is new.
        requests_ago: How many requests of the conversation ago that was.
        last_sound_run_id: The last sound request of the conversation, or None.
        began_elsewhere: Whether the conversation has answers that this process never saw made.
        breach: The breach, whose `blame` is what it was told to be; None where `is_fresh` is.
        outline: The request's own messages, None where outlines are not kept.
        predecessor: Those of the request that it goes on from, and what the model answered: of the
            request that shares most messages with it. None where no kept one shares any, and where
            the breach has its blame already.
    """

    is_fresh: bool | None = None
    since_run_id: UUID | None = None
    requests_ago: int = 0
    last_sound_run_id: UUID | None = None
    began_elsewhere: bool = False
    breach: NotedBreach | None = None
    outline: Outline | None = None
    predecessor: Outline | None = None


UNTOLD: Final = Seen()
"""What is told of a request whose conversation can't be told."""


class _Conversation:
    __slots__ = (
        "began_elsewhere",
        "breaches",
        "count",
        "is_doubtful",
        "key",
        "last_sound_run_id",
        "names",
        "outlines",
        "used",
    )

    def __init__(self, key: str | int, *, began_elsewhere: bool, is_doubtful: bool) -> None:
        self.key = key
        self.began_elsewhere = began_elsewhere
        # Whether nothing tells that its first request is not one of another conversation.
        self.is_doubtful = is_doubtful
        self.count = 0
        self.used = 0.0
        self.last_sound_run_id: UUID | None = None
        # What finds it without a thread: hashes of the ids of messages and of runs.
        self.names: tuple[int, ...] = ()
        self.breaches: list[NotedBreach] | None = None
        self.outlines: list[Outline] | None = None


class Conversations:
    """The conversations of a process. Every method may be called from any thread."""

    def __init__(self) -> None:
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Forget every conversation."""
        # Reentrant: a finalizer that runs while the lock is held may make a request.
        self._lock = threading.RLock()
        # By the thread, or else by the hash of the first run.
        self._kept: OrderedDict[str | int, _Conversation] = OrderedDict()
        self._by_name: dict[int, _Conversation] = {}
        # Requests that only an answer to them can be of one conversation with.
        self._alone = Alone()
        # The outlines of requests whose answers are still to come.
        self._waiting: OrderedDict[UUID, Outline] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept) + len(self._alone)

    def note(
        self,
        run_id: UUID,
        thread_id: str | None,
        messages: Sequence[Any],
        violations: Sequence[Violation] = (),
        *,
        outlined: int = 0,
    ) -> Seen:
        """Note a request, and say what earlier ones tell of it.

        Args:
            run_id: Its run.
            thread_id: Its thread, or None.
            messages: Its history.
            violations: What is wrong with it; none where it is sound.
            outlined: How many of its last messages are kept to be compared with another's.
        """
        outline = Outline(messages, outlined) if outlined else None
        keys = _keys(violations, messages) if violations else None
        if outline is None and thread_id is None and not any(map(_OWN_ID, messages[-_LAST:])):
            return self._note_alone(run_id, messages, keys)
        with self._lock:
            found = self._find(run_id, thread_id, messages)
            found.count += 1
            if keys is None:
                found.last_sound_run_id = run_id
                if outline is not None:
                    self._keep(found, run_id, outline)
                return UNTOLD
            breach, is_fresh = _breach(found, keys, run_id)
            predecessor: Outline | None = None
            if outline is not None:
                if breach.blame is None:
                    predecessor = _predecessor(found, outline)
                self._keep(found, run_id, outline)
            return Seen(
                None if is_fresh and found.is_doubtful and found.count == 1 else is_fresh,
                breach.run_id,
                found.count - breach.number,
                found.last_sound_run_id,
                found.began_elsewhere,
                breach,
                outline,
                predecessor,
            )

    def replied(self, run_id: UUID, reply: object) -> None:
        """Note what the model answered, where requests are compared.

        Args:
            run_id: The request's run.
            reply: The answer, a message; None where there is none.
        """
        with self._lock:
            outline = self._waiting.pop(run_id, None)
            if outline is not None and reply is not None:
                outline.extend((reply,))

    def _find(self, run_id: UUID, thread_id: str | None, messages: Sequence[Any]) -> _Conversation:
        now = monotonic()
        self._forget_old(now)
        names: list[int] = []
        key: str | int
        if thread_id is not None:
            key = thread_id
            found = self._kept.get(key)
        else:
            # Hashed once: the hash of a run's id is computed anew each time.
            key = hash(run_id)
            found = self._known(messages, names)
            names.append(key)
        if found is None:
            found = _Conversation(
                key,
                began_elsewhere=_has_answers(messages),
                is_doubtful=len(names) == 1 and len(messages) > 1,
            )
            self._kept[key] = found
        else:
            self._kept.move_to_end(found.key)
        found.used = now
        if names:
            self._name(found, names)
        return found

    def _known(self, messages: Sequence[Any], names: list[int]) -> _Conversation | None:
        """Return the conversation of the newest message that is known; name the newer ones."""
        by_name = self._by_name
        unknown: list[str] = []
        for message in reversed(messages[-_LAST:]):
            own_id = message.__dict__.get("id")
            if own_id:
                name = hash(own_id)
                found = by_name.get(name)
                if found is not None:
                    return found
                names.append(name)
                unknown.append(own_id)
        for own_id in unknown:
            # A reply that no request has had yet may be known by its run.
            made = _RUN_IN_ID.search(str(own_id))
            if made is None:
                continue
            run_id = UUID(made[1])
            found = by_name.get(hash(run_id)) or self._begun_alone(run_id)
            if found is not None:
                return found
        return None

    def _note_alone(self, run_id: UUID, messages: Sequence[Any], keys: array[int] | None) -> Seen:
        # None of the last messages has an id.
        began_elsewhere = len(messages) > _LAST and _has_answers(messages)
        first = first_sound(began_elsewhere, len(messages) > 1)
        breach = NotedBreach(keys, run_id, 1) if keys is not None else None
        if breach is not None:
            first = first._replace(breach=breach)
        if isinstance(run_id, UUID):  # else no answer bears it
            self._alone.note(run_id, first)
        if breach is None:
            return UNTOLD
        is_fresh = None if first.is_doubtful else True
        return Seen(is_fresh, run_id, 0, None, began_elsewhere, breach)

    def _begun_alone(self, run_id: UUID) -> _Conversation | None:
        """Return the conversation that a request has begun which was noted by its run alone."""
        first = self._alone.take(run_id)
        if first is None:
            return None
        name = hash(run_id)
        found = _Conversation(
            name, began_elsewhere=first.began_elsewhere, is_doubtful=first.is_doubtful
        )
        found.count = 1
        if first.breach is None:
            found.last_sound_run_id = run_id
        else:
            found.breaches = [first.breach]
        self._kept[name] = found
        self._name(found, [name])
        return found

    def _name(self, found: _Conversation, names: list[int]) -> None:
        """Let a conversation be found by its newest messages."""
        for name in names:
            self._by_name[name] = found
        kept = (*names, *found.names)
        for name in kept[_MOST_NAMES:]:
            if self._by_name.get(name) is found:
                del self._by_name[name]
        found.names = kept[:_MOST_NAMES]

    def _keep(self, found: _Conversation, run_id: UUID, outline: Outline) -> None:
        """Keep a request's outline, and wait for its answer."""
        self._waiting[run_id] = outline
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)
        kept = [*(found.outlines or ()), outline]
        while len(kept) > MOST_REQUESTS or sum(len(each.keys) for each in kept) > MOST_TOGETHER:
            del kept[0]
        found.outlines = kept

    def _forget_old(self, now: float) -> None:
        while self._kept:
            oldest = next(iter(self._kept.values()))
            is_old = now - oldest.used > CONVERSATION_SECONDS
            if not is_old and len(self._kept) < MOST_CONVERSATIONS:
                return
            del self._kept[oldest.key]
            for name in oldest.names:
                if self._by_name.get(name) is oldest:
                    del self._by_name[name]


def _predecessor(found: _Conversation, outline: Outline) -> Outline | None:
    """Return the kept request that another one goes on from."""
    # Of several that share as much the newest one.
    shared = [(outline.shared_with(each), each) for each in reversed(found.outlines or [])]
    most, predecessor = max(shared, key=lambda pair: pair[0], default=(0, None))
    return predecessor if most else None


def _has_answers(messages: Sequence[Any]) -> bool:
    """Whether a model has answered before; examples that a prompt gives have no ids."""
    for message in messages[:_LAST]:
        if message.__dict__.get("id") and message.type in _ANSWERS:
            return True
    return False


def _keys(violations: Sequence[Violation], messages: Sequence[Any]) -> array[int]:
    """Return each violation as a number that stays the same while the thread grows."""
    return array("q", [_key(each, messages) for each in violations[:MOST_KEYS]])


def _key(violation: Violation, messages: Sequence[Any]) -> int:
    place = violation.call_message_index
    if place is None:
        place = violation.message_index
    own_id = getattr(messages[place], "id", None) if place < len(messages) else None
    own, other = violation.tool_call_id, violation.call_id
    # Where nothing has an id, the place is all there is: what stands before a breach stays there.
    where = place if own_id is None and not (own or other) else own_id
    return hash((violation.kind, own, other, where))


def _breach(found: _Conversation, keys: array[int], run_id: UUID) -> tuple[NotedBreach, bool]:
    """Return the breach of a request, and whether it is new."""
    known = found.breaches or []
    new: list[int] = []
    earlier: NotedBreach | None = None
    for key in keys:
        noted = _breach_with(key, known)
        if noted is None:
            new.append(key)
        earlier = earlier or noted
    if earlier is not None and not new:
        return earlier, False
    breach = NotedBreach(array("q", new), run_id, found.count)
    found.breaches = [*known[1 - MOST_BREACHES :], breach]
    return breach, True


def _breach_with(key: int, known: Sequence[NotedBreach]) -> NotedBreach | None:
    for breach in known:
        if key in breach.keys:
            return breach
    return None


CONVERSATIONS: Final = Conversations()
"""The conversations of this process."""
