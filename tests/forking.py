"""Work in a forked child, and what it returned."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def needs_fork(test: Any) -> Any:
    """Mark a test that forks."""
    # Newer versions of Python warn where other threads run, which some of these tests are about.
    test = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")(test)
    return pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")(test)


def in_child(work: Callable[[], object]) -> str:
    """Run `work` in a forked child and return what it returned, as text."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answer = repr(work())
        except BaseException as failure:  # noqa: BLE001 -- the parent has to learn of it
            answer = repr(failure)
        os.write(write, answer.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return answer
