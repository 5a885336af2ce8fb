"""The step that broke a thread: back from its head to the last checkpoint that was not broken."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from toolpair_observe.threads.diagnosis import BrokenStep, ThreadVerdict
from toolpair_observe.threads.roles import nodes_between

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from toolpair_observe.threads.stored import Stored

# Each turn of a broken thread adds a checkpoint or two, and each of them is judged.
_FARTHEST: Final = 1_000


def broken_step(
    head: Stored, history: Iterable[Stored], verdict_of: Callable[[Stored], ThreadVerdict]
) -> BrokenStep | None:
    """Return the step that broke a thread; None where its history does not tell.

    Args:
        head: The head, which is broken.
        history: The checkpoints of its namespace, the newest first.
        verdict_of: Returns the verdict on one of them.
    """
    broken = head
    for stored in islice(history, _FARTHEST):
        if stored.checkpoint_id != broken.parent_id:
            continue  # the head itself, or one of another branch
        if stored.unreadable:
            return None
        if verdict_of(stored) is not ThreadVerdict.POISONED:
            return _step(broken, stored)
        broken = stored
    # What came before is not stored (any more), unless it is the first one of all.
    return None if broken.parent_id else _step(broken, None)


def _step(broken: Stored, sound: Stored | None) -> BrokenStep:
    step = broken.metadata.get("step")
    source = broken.metadata.get("source")
    return BrokenStep(
        broken.checkpoint_id,
        sound.checkpoint_id if sound else "",
        step if isinstance(step, int) else None,
        source if isinstance(source, str) else "",
        nodes_between(sound, broken) if sound and source == "loop" else (),
    )
