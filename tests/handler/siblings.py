"""Other people's handlers."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler


class Sibling(BaseCallbackHandler):
    """Remembers which runs it has seen begin and end, and may raise at either.

    Args:
        name: What it is called in `journal`.
        journal: Where it writes down what happens, in order.
        at_start: Raised when a run starts.
        at_error: Raised when a run fails.
        raise_error: Whether langchain-core lets that out.
    """

    def __init__(
        self,
        name: str = "sibling",
        journal: list[str] | None = None,
        *,
        at_start: BaseException | None = None,
        at_error: BaseException | None = None,
        raise_error: bool = False,
    ) -> None:
        self.name = name
        self.journal = [] if journal is None else journal
        self.at_start = at_start
        self.at_error = at_error
        self.raise_error = raise_error
        self.open: set[Any] = set()
        self.errors: list[BaseException] = []

    def on_chat_model_start(self, serialized, messages, *, run_id, **kwargs):
        self.open.add(run_id)
        self.journal.append(f"{self.name} starts")
        if self.at_start is not None:
            raise self.at_start

    def on_llm_end(self, response, *, run_id, **kwargs):
        self.open.discard(run_id)

    def on_llm_error(self, error, *, run_id, **kwargs):
        self.open.discard(run_id)
        self.errors.append(error)
        self.journal.append(f"{self.name} ends")
        assert kwargs["response"].generations == []
        if self.at_error is not None:
            raise self.at_error


class AsyncSibling(AsyncCallbackHandler):
    """The same as a coroutine, which can be made to wait at either end."""

    def __init__(self) -> None:
        self.open: set[Any] = set()
        self.errors: list[BaseException] = []
        self.starting = asyncio.Event()
        self.closing = asyncio.Event()
        self.may_start = asyncio.Event()
        self.may_close = asyncio.Event()
        self.may_start.set()
        self.may_close.set()

    async def on_chat_model_start(self, serialized, messages, *, run_id, **kwargs):
        self.open.add(run_id)
        self.starting.set()
        await self.may_start.wait()

    async def on_llm_end(self, response, *, run_id, **kwargs):
        self.open.discard(run_id)

    async def on_llm_error(self, error, *, run_id, **kwargs):
        self.closing.set()
        await self.may_close.wait()
        self.open.discard(run_id)
        self.errors.append(error)
