"""What a program's graph lives in: its model, whether it is lived for the first time, and signals.

A program makes a thread in one world, where its tools fail, hang and kill as the program wants.
Whoever continues the thread does so in another one, where every tool works.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from tests.loopback.scripted_provider import Conversation, async_client, scripted_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from langchain_openai import ChatOpenAI
    from openai import DefaultAsyncHttpxClient

PATIENCE = 20.0
MODEL_SPOKE, MODEL_ANSWERED = "the model's calls", "the model's answer"


@dataclass(slots=True)
class World:
    """What a program's graph lives in.

    Attributes:
        base_url: Where the provider is.
        conversation: The provider's script.
        responses_url: Where it is for clients of the Responses API.
        live: Whether the program is being run, and not continued.
        last_step: Kill this process as soon as this step is stored, and what is awaited.
        awaited: What has to be stored as a write before that; None for the step alone.
    """

    base_url: str
    conversation: Conversation
    responses_url: str = ""
    live: bool = True
    last_step: int | None = None
    awaited: tuple[str, ...] | None = None
    _client: DefaultAsyncHttpxClient = field(default_factory=async_client)
    _stored: dict[str, threading.Event] = field(
        default_factory=lambda: defaultdict(threading.Event)
    )

    def model(self, **options: Any) -> ChatOpenAI:
        """Return a client of the provider."""
        given = {"base_url": self.base_url, "http_async_client": self._client, **options}
        return scripted_model(self.conversation.key, **given)

    async def aclose(self) -> None:
        """Close the connections of asynchronous requests."""
        await self._client.aclose()

    def stored(self, what: str) -> threading.Event:
        """Return the event of a result's being stored as a write, by the call's id."""
        return self._stored[what]

    def await_stored(self, what: str) -> None:
        """Wait until a result is stored as a write."""
        if not self.stored(what).wait(PATIENCE):
            msg = f"{what} was never stored"
            raise TimeoutError(msg)

    def saw(self, writes: Iterable[tuple[str, Any]]) -> None:
        """Take note of writes that have been stored."""
        for channel, value in writes:
            self.stored(channel).set()
            if isinstance(value, list) and all(isinstance(each, str) for each in value):
                for each in value:
                    self.stored(each).set()
            for message in _messages(value):
                if isinstance(message, ToolMessage):
                    self.stored(message.tool_call_id).set()
                elif isinstance(message, HumanMessage):
                    self.stored(str(message.content)).set()
                elif isinstance(message, AIMessage):
                    self.stored(MODEL_SPOKE if message.tool_calls else MODEL_ANSWERED).set()

    def dies_before(self, step: int, *awaited: str) -> None:
        """Kill this process when a step is about to be stored, and these writes are."""
        self.last_step, self.awaited = step - 1, awaited

    def dies_after(self, step: int) -> None:
        """Kill this process as soon as a step is stored."""
        self.last_step, self.awaited = step, None

    def watch(self, saver: Any) -> Any:
        """Return the saver, which tells this world from now on what it has stored."""
        saver.put = self._mortal(saver.put)
        saver.put_writes = self._watched(saver.put_writes)
        saver.aput_writes = self._awatched(saver.aput_writes)
        return saver

    def _watched(self, put: Callable[..., None]) -> Callable[..., None]:
        @wraps(put)
        def put_writes(config: Any, writes: Any, *rest: Any, **named: Any) -> None:
            put(config, writes, *rest, **named)
            self.saw(writes)

        return put_writes

    def _mortal(self, put: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(put)
        def put_checkpoint(config: Any, checkpoint: Any, metadata: Any, *rest: Any) -> Any:
            self._before(metadata["step"])
            made = put(config, checkpoint, metadata, *rest)
            self.stored(f"step {metadata['step']}").set()
            if metadata["step"] == self.last_step and self.awaited is None:
                die()
            return made

        return put_checkpoint

    def _before(self, step: int) -> None:
        if self.last_step is None or self.awaited is None or step <= self.last_step:
            return
        for each in self.awaited:
            self.await_stored(each)
        die()

    def _awatched(self, put: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(put)
        async def aput_writes(config: Any, writes: Any, *rest: Any, **named: Any) -> None:
            await put(config, writes, *rest, **named)
            self.saw(writes)

        return aput_writes


def die() -> None:
    """End this process as the kernel's memory killer does."""
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()


@contextmanager
def fails(*errors: type[BaseException]) -> Iterator[None]:
    """Expect one of the errors."""
    try:
        yield
    except errors:
        return
    msg = f"none of {errors} was raised"
    raise AssertionError(msg)


def _messages(value: object) -> Iterator[BaseMessage]:
    if isinstance(value, BaseMessage):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _messages(each)
    elif isinstance(value, dict):
        yield from _messages(list(value.values()))
