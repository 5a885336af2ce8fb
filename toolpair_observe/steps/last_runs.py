"""How the last run of each thread left its history, for the first request of the next run.

It holds hashes, ids of tool calls and names, never a message, and is bounded in threads and in
bytes a thread.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from itertools import pairwise
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.forks import reset_in_child
from toolpair_observe.steps.at_end import traced_at_end
from toolpair_observe.steps.fates import HANDOFF, Tools
from toolpair_observe.steps.outline import Outline, ids_of, key_of, text_key_of
from toolpair_observe.steps.states import readable
from toolpair_observe.steps.updates import REMOVE, messages_below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from toolpair_observe.steps.at_end import Traced
    from toolpair_observe.steps.runs import Root, Step

MOST_THREADS: Final = 1_024
"""Threads whose last run is kept."""
MOST_MESSAGES: Final = 64
"""Messages that are kept of a history: its last ones."""
KEEP_SECONDS: Final = 86_400.0
"""After how long a last run is forgotten."""
MOST_SUBGRAPHS: Final = 4
"""Subgraphs whose histories are kept of a run."""
MOST_MARKS: Final = 8
"""Messages of a history by which its next run is found without a thread: its last ones."""


class LastRun:
    """How a run left its history.

    Attributes:
        outlines: The last state of its graph, and of the last of its subgraphs; where the
            application carries the history, the first one once more by its texts.
        tools: Its tool runs.
        died_in: The innermost node that ended with an error or not at all, `""` where none did.
        error: The class of what the run itself raised, `""` where nothing.
        traced: What was broken when it ended, and by whom.
        replies: What tells the answers of its models from other messages.
        had: The ids of the calls and results whose breaches its requests had.
        marks: What its next run is found by where the application carries a history without ids.
        ended: When it ended, on a clock that never goes back.
    """

    __slots__ = (
        "died_in",
        "ended",
        "error",
        "had",
        "marks",
        "outlines",
        "replies",
        "tools",
        "traced",
    )

    def __init__(self, root: Root, traced: Sequence[Traced] = ()) -> None:
        # The root's own first, then those of the graphs and tasks within it.
        graphs = [each for each in _graphs_of(root) if each != root.run_id][-MOST_SUBGRAPHS:]
        states = [last_state(root, each) for each in (root.run_id, *graphs)]
        self.outlines = [Outline(end, before=before) for before, end in states]
        self.marks: list[int] = []
        if _may_lose_ids(root):
            before, end = states[0]
            self.outlines.append(Outline(end, before=before, by_text=True))
            self.marks = _pairs(end)
        self.tools = Tools.of(root)
        died = next(filter(_has_died_in(root), reversed(root.steps.values())), None)
        self.died_in = died.name if died is not None else ""
        self.error = root.error
        self.replies = frozenset(root.replies)
        self.traced = traced
        self.had = frozenset(root.traced)
        self.ended = monotonic()

    def akin_to(self, state: Sequence[Any]) -> Outline | None:
        """Return how the run left the history that another one begins with, None if it had none."""
        keys = {key_of(message) for message in state}
        texts = {text_key_of(message) for message in state}
        shared = [
            # What shares ids with it is told by these.
            (len(keys.intersection(each.keys)), len(texts.intersection(each.keys)), each)
            for each in self.outlines
        ]
        by_id, by_text, outline = max(shared, key=lambda found: found[:2])
        return outline if by_id or (by_text and outline.by_text) else None


def _may_lose_ids(root: Root) -> bool:
    """Whether the application carries the history and keeps no ids: each run gives it new ones."""
    given = root.messages or ()
    if len(given) > 1:
        return not getattr(given[0], "id", None)
    return root.thread_id is None


def has_died(step: Step) -> bool:
    """Whether a node ended with an error, or not at all."""
    return (bool(step.error) and step.error != HANDOFF) or not step.is_over


def _has_died_in(root: Root) -> Callable[[Step], bool]:
    """Return what tells whether a node died; a recording may have the ends of none."""
    is_told = any(step.is_over for step in [*root.steps.values()])
    return has_died if is_told else lambda step: bool(step.error)


def _graphs_of(root: Root) -> list[UUID]:
    """Return the runs of the graphs that steps of a root run belong to, in their order."""
    return list(dict.fromkeys(each.graph_id for each in [*root.steps.values()] if each.graph_id))


def last_state(root: Root, graph_id: UUID) -> tuple[int, Sequence[Any]]:
    """Return the end of a graph's last history: what it returned, or what its steps tell of it.

    A history may have grown for months, and a run ends with each turn: no more is looked at.

    Args:
        root: The root run.
        graph_id: The run of the graph, which may be the root's.

    Returns:
        How many messages stand before the end, and the end.
    """
    steps = root.steps_of(graph_id)
    given, returned = root.ends_of(graph_id)
    # A run that pauses returns what some nodes did, and writes none of it to the state.
    died = _has_died_in(root)
    if returned is not None and not any(map(died, steps)):
        return _end_of(returned)
    known: Sequence[Any] = given or ()
    following: list[Step] = []
    for step in steps:
        if step.messages is not None:
            known, following = step.messages, []
        following.append(step)
    # Of a superstep of which one node died, nothing is written to the state.
    lost = {step.number for step in following if died(step)}
    written = [step for step in following if step.number not in lost or step.number is None]
    added = [each for step in written for each in messages_below(step.output)]
    before, end = _end_of(known)
    return before, [*end, *_new(added, end)]


def _end_of(history: Sequence[Any]) -> tuple[int, Sequence[Any]]:
    before = max(0, len(history) - MOST_MESSAGES)
    return before, readable(history[before:])


def _new(added: Sequence[Any], known: Sequence[Any]) -> Iterator[Any]:
    keys = {key_of(each) for each in known}
    for message in added:
        if message.type != REMOVE and key_of(message) not in keys:
            yield message


class LastRuns:
    """The last run of each thread. Every method may be called from any thread."""

    def __init__(self) -> None:
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Forget every run."""
        self._lock = threading.RLock()
        self._runs: OrderedDict[object, LastRun] = OrderedDict()

    def __len__(self) -> int:
        return len(self._runs)

    def note(self, root: Root) -> None:
        """Note how a run ends."""
        if not root.steps:
            return
        run = LastRun(root, traced_at_end(root))
        names: list[object] = [*run.outlines[0].keys[-MOST_MARKS:], *run.marks]
        if root.thread_id is not None:
            names = [root.thread_id]
        with self._lock:
            for name in names:
                self._runs[name] = run
                self._runs.move_to_end(name)
            while self._runs and (len(self._runs) > MOST_THREADS or self._is_oldest_old()):
                self._runs.popitem(last=False)

    def _is_oldest_old(self) -> bool:
        return monotonic() - next(iter(self._runs.values())).ended > KEEP_SECONDS

    def before(self, root: Root, state: Sequence[Any]) -> LastRun | None:
        """Return the run before another one of the same thread, or None where it is not known.

        Args:
            root: The run that asks. Where it names no thread, its messages tell.
            state: Its first state. One that shares nothing with how the run before left its history
                is of another thread of the same name.
        """
        if not self._runs:
            return None  # of a process without graphs: what a history is found by costs more
        names = [root.thread_id] if root.thread_id is not None else _keys(state)
        with self._lock:
            run = next((self._runs[name] for name in names if name in self._runs), None)
        return run if run is not None and run.akin_to(state) is not None else None


def _keys(state: Sequence[Any]) -> Iterator[object]:
    yield from map(key_of, reversed(state))
    yield from _pairs(state)


def _pairs(state: Sequence[Any]) -> list[int]:
    """Return what tells the last messages that follow one another from others, by their texts.

    Some models number their calls anew in each conversation, and many texts are alike.
    """
    found: list[int] = []
    for one, following in pairwise(reversed(state)):
        if ids_of(one) or ids_of(following):
            # In whatever order they are now.
            found.append(hash(tuple(sorted((text_key_of(following), text_key_of(one))))))
        if len(found) == MOST_MARKS:
            break
    return found


LAST_RUNS: Final = LastRuns()
"""The last runs of this process."""
