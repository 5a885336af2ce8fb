"""Chat models that answer, fail, stream or wait as a test wants, and count their requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable  # noqa: TC003 -- pydantic reads the annotations
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field, PrivateAttr

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

WORDS = ("All ", "is ", "well.")

REFUSAL = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
    "'tool_call_id'. The following tool_call_ids did not have response messages: call_bergen"
)


class RefusedError(Exception):
    """What a provider's 400 looks like to LangChain."""

    status_code = 400


def refuse_pairing(_: list[BaseMessage]) -> None:
    raise RefusedError(REFUSAL)


def fail(_: list[BaseMessage]) -> None:
    msg = "the server is on fire"
    raise RuntimeError(msg)


async def reached(event: asyncio.Event, task: asyncio.Task[Any]) -> None:
    """Wait for an event that `task` should set, and fail where it ends without."""
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    assert event.is_set(), f"the task ended before that: {task!r}"


class CountingModel(BaseChatModel):
    """Stands for a provider: what reaches `_ask` would have been a request.

    Attributes:
        before: Called with the messages of each request; may raise.
        fail_after: How many words a stream yields before it raises, or None.
        waits: Whether an asynchronous request waits until it is cancelled or `release` is set.
    """

    before: Callable[[list[BaseMessage]], None] | None = Field(default=None, exclude=True)
    fail_after: int | None = None
    waits: bool = False
    _requests: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _asked: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)
    _release: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)

    @property
    def requests(self) -> int:
        return len(self._requests)

    @property
    def asked(self) -> asyncio.Event:
        return self._asked

    @property
    def release(self) -> asyncio.Event:
        return self._release

    @property
    def _llm_type(self) -> str:
        return "counting"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _ask(self, messages: list[BaseMessage]) -> None:
        self._requests.append(messages)
        if self.before is not None:
            self.before(messages)

    def _generate(self, messages, stop=None, run_manager=None, **kwargs: Any) -> ChatResult:
        self._ask(messages)
        return ChatResult(generations=[ChatGeneration(message=AIMessage("".join(WORDS)))])

    async def _agenerate(self, messages, stop=None, run_manager=None, **kwargs: Any) -> ChatResult:
        self._ask(messages)
        self._asked.set()
        if self.waits:
            await self._release.wait()
        return ChatResult(generations=[ChatGeneration(message=AIMessage("".join(WORDS)))])

    def _chunks(self) -> Iterator[ChatGenerationChunk]:
        for position, word in enumerate(WORDS):
            if self.fail_after == position:
                msg = "the connection broke"
                raise ConnectionError(msg)
            yield ChatGenerationChunk(message=AIMessageChunk(word))

    def _stream(self, messages, stop=None, run_manager=None, **kwargs) -> Iterator[Any]:
        self._ask(messages)
        yield from self._chunks()

    async def _astream(self, messages, stop=None, run_manager=None, **kwargs) -> AsyncIterator[Any]:
        self._ask(messages)
        self._asked.set()
        if self.waits:
            await self._release.wait()
        for chunk in self._chunks():
            yield chunk
