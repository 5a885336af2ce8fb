"""The position of the handler among its siblings, and the siblings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.strict.rig import Attached
from tests.strict.siblings import AsyncRogue, Rogue

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.callbacks import BaseCallbackHandler

    Handlers = list[BaseCallbackHandler]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """One order of handlers.

    Attributes:
        name: For the test's id.
        place: From ours, the tracers and the rogues to who is attached where.
        rogues: Makes the handlers that raise in `on_llm_error`.
    """

    name: str
    place: Callable[[BaseCallbackHandler, Handlers, Handlers], Attached]
    rogues: Callable[[], Handlers] = field(default=list)


def _first(ours, tracers, rogues):
    return Attached([], [ours, *tracers, *rogues])


def _last(ours, tracers, rogues):
    return Attached([], [*rogues, *tracers, ours])


def _on_the_model(ours, tracers, rogues):
    return Attached([ours], [*tracers, *rogues])


def _tracers_on_the_model(ours, tracers, rogues):
    return Attached([*rogues, *reversed(tracers)], [ours])


def _in_the_middle(ours, tracers, rogues):
    return Attached([], [tracers[0], *rogues, ours, *tracers[1:]])


ARRANGEMENTS = [
    Arrangement("first", _first),
    Arrangement("last", _last),
    Arrangement("on-the-model", _on_the_model),
    Arrangement("tracers-on-the-model", _tracers_on_the_model),
    Arrangement("last-behind-a-quiet-rogue", _last, lambda: [Rogue(raise_error=False)]),
    Arrangement("last-behind-a-loud-rogue", _last, lambda: [Rogue(raise_error=True)]),
    Arrangement(
        "first-before-loud-rogues",
        _first,
        lambda: [AsyncRogue(raise_error=True), Rogue(raise_error=True)],
    ),
    Arrangement(
        "in-the-middle-behind-loud-rogues",
        _in_the_middle,
        lambda: [Rogue(raise_error=True), AsyncRogue(raise_error=False)],
    ),
]
