"""What is said of a database that has not the tables of a checkpointer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST: Final = 8


def told_lack(name: str, needed: Iterable[str], there: Sequence[str]) -> str:
    """Say that a database has no checkpoints, and what it has.

    Args:
        name: What the database is called.
        needed: The tables that a checkpointer makes.
        there: The tables that it has.
    """
    some = ", ".join(map(shown, there[:_MOST])) + (", …" if len(there) > _MOST else "")
    return (
        f"{name} holds no threads of LangGraph's: its tables are {some or 'none'}, and a "
        f"checkpointer's are {', '.join(needed)}; name the database that the checkpointer has"
    )
