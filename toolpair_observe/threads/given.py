"""What callers give to diagnoses and mends: whether it is what its argument needs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from toolpair_observe.arguments import described, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONFIG: Final = 'expected {"configurable": {"thread_id": …}}'


def check_idle(idle: object) -> None:
    """Refuse what is no number of seconds.

    Raises:
        TypeError: It is no number.
        ValueError: It is less than 0, or no number that others can be compared with.
    """
    expected = "expected seconds, 0 or more"
    if isinstance(idle, bool) or not isinstance(idle, int | float):
        msg = f"argument idle is {described(idle)}; {expected}"
        raise TypeError(msg)
    if math.isnan(idle) or idle < 0:
        msg = f"argument idle is {described(idle)}; {expected}"
        raise ValueError(msg)


def check_channel(channel: object) -> None:
    """Refuse what is no name of a channel. None stands for not given.

    Raises:
        TypeError: It is no text.
    """
    if channel is not None and not isinstance(channel, str):
        msg = f"argument channel is {described(channel)}; expected the name of a channel, or None"
        raise TypeError(msg)


def check_checkpointer(checkpointer: object) -> None:
    """Refuse what is no checkpointer.

    Raises:
        TypeError: The text says what to give in place of it.
    """
    needed = ("get_tuple", "list", "serde")
    if not isinstance(checkpointer, type) and all(hasattr(checkpointer, each) for each in needed):
        return
    # A string in its place may be a URL with a password.
    msg = f"argument checkpointer is {kind_of(checkpointer)}; expected a checkpointer"
    if hasattr(checkpointer, "checkpointer"):
        msg = f"{msg}: give the graph's own (graph.checkpointer)"
    elif isinstance(checkpointer, str):
        msg = f"{msg}; `toolpair-observe threads` takes a URL"
    raise TypeError(msg)


def thread_ids_in(given: object) -> Iterable[str] | None:
    """Return the threads of an argument. None stands for all of them.

    Raises:
        TypeError: It is no collection of ids, be it that only one of them is none.
    """
    if given is None:
        return None
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        msg = (
            f"argument thread_ids is {described(given)}; expected a collection of ids, such as a "
            "list, or None for all threads"
        )
        raise TypeError(msg)
    return _each_id(given)


def _each_id(given: Iterable[Any]) -> Iterator[str]:
    for each in given:
        if not isinstance(each, str):
            msg = f"argument thread_ids holds {described(each)}; expected ids, which are str"
            raise TypeError(msg)
        yield each


def check_config(config: object) -> None:
    """Refuse what names no thread.

    Raises:
        TypeError: It, or a part of it, is of another type.
        ValueError: It names no thread.
    """
    if not isinstance(config, Mapping):
        msg = f"argument config is {described(config)}; {_CONFIG}"
        raise TypeError(msg)
    where = config.get("configurable")
    if not isinstance(where, Mapping | None):
        msg = f'config["configurable"] is {described(where)}; {_CONFIG}'
        raise TypeError(msg)
    thread_id = (where or {}).get("thread_id")
    if thread_id is None or thread_id == "":
        msg = f"config names no thread; {_CONFIG}"
        raise ValueError(msg)
    if isinstance(thread_id, bool) or not isinstance(thread_id, str | int | UUID):
        msg = f"thread_id in config is {described(thread_id)}; expected a str"
        raise TypeError(msg)
    for name in ("checkpoint_ns", "checkpoint_id"):
        value = (where or {}).get(name)
        if not isinstance(value, str | None):
            msg = f"{name} in config is {described(value)}; expected a str"
            raise TypeError(msg)


def check_graph(graph: object) -> None:
    """Refuse what is no compiled graph with a checkpointer of its own.

    Raises:
        TypeError: The text says what to give in place of it.
    """
    if not hasattr(graph, "update_state") or not hasattr(graph, "checkpointer"):
        msg = f"argument graph is {kind_of(graph)}; expected a compiled graph (builder.compile(…))"
        raise TypeError(msg)
    if graph.checkpointer is True:
        msg = (
            "the graph is a part of another one (checkpointer=True), which stores its threads: "
            "give that one, with this one's checkpoint_ns in config"
        )
        raise TypeError(msg)
    if not hasattr(graph.checkpointer, "get_tuple"):
        msg = (
            "the graph has no checkpointer, so that it stores no threads: compile it with the one "
            "that stored them"
        )
        raise TypeError(msg)
