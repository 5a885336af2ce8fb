"""Processes of this machine that share a command's work."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolpair_observe.errors import ToolPairError


@contextmanager
def process_pool(
    jobs: int,
    killed: type[ToolPairError],
    prepare: Callable[..., None] | None = None,
    given: tuple[Any, ...] = (),
) -> Iterator[ProcessPoolExecutor]:
    """Hold processes, which end with what is done inside.

    Args:
        jobs: How many.
        killed: What is raised where one of them is killed.
        prepare: What each calls when it starts. It must not raise.
        given: The arguments for it.

    Raises:
        ToolPairError: The error `killed`.
    """
    # Started afresh: a fork would have the locks of this process's threads, but not them.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, prepare, given) as pool:
        try:
            yield pool
        except BrokenProcessPool:
            msg = "a process of --jobs was killed, perhaps for want of memory; try again with fewer"
            raise killed(msg) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
