"""`callbacks=[ToolPairHandler]`, the class in place of an instance: it checks nothing, and says so.

langchain-core skips such a handler in silence, because a property of a class is true.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from toolpair_observe.attach.participant import Participant
from toolpair_observe.logs import warn
from toolpair_observe.pairing.shown import class_name


class _OfInstances(property):
    """A property that is true of the class itself, which it warns of."""

    def __get__(self, instance: Any, owner: type | None = None, /) -> Any:  # noqa: ANN401
        if instance is not None:
            return False
        # Whoever else looks at the class, such as a documentation tool, calls no model with it.
        caller = sys._getframe(1).f_globals.get("__name__", "")  # noqa: SLF001 -- as logging does
        if owner is not None and caller.startswith("langchain_core."):
            _warn(class_name(owner))
        return True


class InstancesOnly(Participant):
    """A handler whose class says so where it stands in place of an instance."""

    @_OfInstances
    def ignore_chat_model(self) -> bool:
        """Whether to ignore chat models."""
        return False


@cache
def _warn(name: str) -> None:
    warn(
        "callbacks hold the class %s, not an instance of it, so it checks nothing: write "
        "callbacks=[%s()]",
        name,
        name,
    )
