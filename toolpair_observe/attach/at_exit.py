"""What is closed when the process ends, within one deadline."""

from __future__ import annotations

import atexit
import weakref
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from toolpair_observe.attach import runs
from toolpair_observe.deadline import Deadline
from toolpair_observe.reporters.log import write_pending_at_exit
from toolpair_observe.reporters.worker import close_all, has_owners

if TYPE_CHECKING:

    class Closable(Protocol):
        """What delivers what it has queued, and stops."""

        def close(self, timeout: float) -> bool:
            """Close within `timeout` seconds; say whether everything was delivered."""


# What the exit waits in all, so that with what Python itself takes it is over within three seconds.
# Workers are at work meanwhile, also those whose turn comes later.
_SECONDS: Final = 2.0


class _ClosedAtExit:
    """What to close at the end of the process; none of it is kept alive for that."""

    members: ClassVar[weakref.WeakSet[Closable]] = weakref.WeakSet()
    is_registered: ClassVar[bool] = False


def close_at_exit(member: Closable) -> None:
    """Have `member` closed at the end of the process, unless it is gone by then."""
    _ClosedAtExit.members.add(member)
    if not _ClosedAtExit.is_registered:
        # Not at import: what is registered later runs earlier, and the application usually sets
        # its exporters up before it makes a handler.
        _ClosedAtExit.is_registered = True
        atexit.register(_close_all)


def _close_all() -> None:
    deadline = Deadline(_SECONDS)
    runs.abandon_everything(deadline)
    for member in list(_ClosedAtExit.members):
        member.close(timeout=deadline.left)
    if has_owners():
        # What handlers have queued that are gone already; most processes queue nothing at all.
        from toolpair_observe.reporters.delivery import Delivery  # noqa: PLC0415
        from toolpair_observe.reporters.hook import HookReporter  # noqa: PLC0415

        for sort in (Delivery, HookReporter):
            close_all(sort, deadline)
    write_pending_at_exit()
