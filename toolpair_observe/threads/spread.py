"""A diagnosis whose work is shared by processes: the same as that of one, in the same order."""

from __future__ import annotations

import atexit
from collections import deque
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING, Final

from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.hashed import share_key
from toolpair_observe.processes import process_pool
from toolpair_observe.threads.diagnose import diagnose_store
from toolpair_observe.threads.stores.opened import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from toolpair_observe.threads.diagnose import DiagnosisOptions
    from toolpair_observe.threads.diagnosis import ThreadDiagnosis
    from toolpair_observe.threads.stored import ThreadStore

CHUNK: Final = 256
"""How many threads one process diagnoses at a time."""

_AHEAD: Final = 2
"""How many chunks each process may be ahead of whoever takes the diagnoses."""


def diagnose_url(  # noqa: PLR0913 - each keyword is a choice of its own
    url: str,
    options: DiagnosisOptions,
    *,
    thread_ids: Sequence[str] | None = None,
    is_encrypted: bool = False,
    jobs: int = 1,
    progress: Callable[[int, int | None], None] | None = None,
) -> Iterator[ThreadDiagnosis]:
    """Diagnose the threads of a database, one after the other.

    Args:
        url: The database.
        options: How they are judged. More than one process needs options that can be pickled.
        thread_ids: The threads; None for all of them.
        is_encrypted: Whether values are encrypted, with the key in `LANGGRAPH_AES_KEY`.
        jobs: How many processes diagnose. Each reads the database by itself.
        progress: Told how many threads are done, and of how many.

    Raises:
        ThreadStoreError: The database can't be read, or a process was killed.
    """
    with open_store(url, is_encrypted=is_encrypted) as store:
        total = None
        if progress is not None:
            total = store.count() if thread_ids is None else len(thread_ids)
            progress(0, total)
        chunks = _chunks(store.thread_ids() if thread_ids is None else thread_ids)
        if jobs == 1:
            results = _alone(store, options, chunks)
        else:
            results = _shared(_Work(url, options, is_encrypted), jobs, chunks)
        done = 0
        for chunk, diagnoses in results:
            yield from diagnoses
            done += len(chunk)
            if progress is not None:
                progress(done, total)


def _chunks(thread_ids: Iterable[str]) -> Iterator[list[str]]:
    waiting = iter(thread_ids)
    while chunk := list(islice(waiting, CHUNK)):
        yield chunk


def _alone(
    store: ThreadStore, options: DiagnosisOptions, chunks: Iterable[list[str]]
) -> Iterator[tuple[list[str], Iterable[ThreadDiagnosis]]]:
    for chunk in chunks:
        yield chunk, diagnose_store(store, options, chunk)


def _shared(
    work: _Work, jobs: int, chunks: Iterator[list[str]]
) -> Iterator[tuple[list[str], Iterable[ThreadDiagnosis]]]:
    share_key()
    with process_pool(jobs, ThreadStoreError, _prepare, (work,)) as pool:
        waiting: deque[tuple[list[str], Future[list[ThreadDiagnosis]]]] = deque()
        while True:
            while len(waiting) < jobs * _AHEAD and (chunk := next(chunks, None)):
                waiting.append((chunk, pool.submit(_diagnosed, chunk)))
            if not waiting:
                return
            chunk, future = waiting.popleft()
            yield chunk, future.result()


class _Work:
    """What each process does.

    Args:
        url: The database.
        options: How threads are judged.
        is_encrypted: Whether values are encrypted.
    """

    def __init__(self, url: str, options: DiagnosisOptions, is_encrypted: bool) -> None:  # noqa: FBT001
        self._url = url
        self._options = options
        self._is_encrypted = is_encrypted
        self._store: ThreadStore | None = None

    def diagnosed(self, thread_ids: list[str]) -> list[ThreadDiagnosis]:
        """Diagnose threads. The database is open until the process ends."""
        if self._store is None:
            stack = ExitStack()
            atexit.register(stack.close)
            opened = open_store(self._url, is_encrypted=self._is_encrypted)
            self._store = stack.enter_context(opened)
        return list(diagnose_store(self._store, self._options, thread_ids))


_works: Final[list[_Work]] = []
"""What this process does, in one that shares the work."""


def _prepare(work: _Work) -> None:
    _works.append(work)


def _diagnosed(thread_ids: list[str]) -> list[ThreadDiagnosis]:
    return _works[-1].diagnosed(thread_ids)
