"""Channels that are stored as changes (`DeltaChannel`): their values, put together again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from langgraph.checkpoint.serde import types

from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.foreign import DELTA_SNAPSHOT, MESSAGES_REDUCER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from toolpair_observe.threads.stored import Stored, Write

_TOO_OLD: Final = (
    "its messages are stored as changes (DeltaChannel), which the installed langgraph can't put "
    "together: install the release that the application has"
)


def replayed(
    stored: Stored, channels: Sequence[str], ancestors: Iterable[Stored]
) -> Mapping[str, Any]:
    """Return the values of channels that hold messages and are stored as changes.

    Args:
        stored: The checkpoint. What its own tasks wrote is not part of its values.
        channels: The channels.
        ancestors: The checkpoints that it was made from, the nearest first.

    Raises:
        ThreadStoreError: The installed LangGraph has no such channels, or a checkpoint that is
            needed can't be read.
    """
    values = {name: stored.values[name] for name in channels if name in stored.values}
    open_ones = {name for name in channels if name not in values}
    seeds: dict[str, Any] = {}
    writes: dict[str, list[list[Write]]] = {name: [] for name in open_ones}
    steps = iter(ancestors)
    while open_ones and (step := next(steps, None)) is not None:
        if step.unreadable:
            msg = f"its messages are made of older ones that can't be read: {step.unreadable}"
            raise ThreadStoreError(msg)
        for name in list(open_ones):
            writes[name].append([each for each in step.writes if each.channel == name])
            if name in step.values:
                seeds[name] = step.values[name]
                open_ones.remove(name)
    for name, changes in writes.items():
        oldest_first = [each for step in reversed(changes) for each in step]
        values[name] = _value(seeds.get(name), oldest_first)
    return values


def without_snapshots(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of channels, those that are marked as snapshots without the mark."""
    mark = DELTA_SNAPSHOT.of(types)
    if mark is None or not any(isinstance(value, mark) for value in values.values()):
        return values
    return {
        name: value.value if isinstance(value, mark) else value for name, value in values.items()
    }


def _value(seed: object, writes: Sequence[Write]) -> Any:  # noqa: ANN401 - a channel's
    try:
        from langgraph.channels.delta import (  # noqa: PLC0415 - newer than the oldest LangGraph
            DeltaChannel,
        )
    except ImportError:
        raise ThreadStoreError(_TOO_OLD) from None
    from langgraph.graph import message  # noqa: PLC0415 - of the extra

    reducer = MESSAGES_REDUCER.of(message)
    if reducer is None:
        raise ThreadStoreError(_TOO_OLD)
    channel: DeltaChannel[Any] = DeltaChannel(reducer).from_checkpoint(seed)
    channel.replay_writes([(each.task_id, each.channel, each.value) for each in writes])
    return channel.get()
