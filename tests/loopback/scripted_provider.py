"""One OpenAI-compatible loopback server with the pairing rules, for many conversations at once.

Each conversation has a script of its own, and is told from the others by the query of its URL. It
is a `LoopbackProvider` otherwise, so starting and stopping it costs a whole catalog of programs no
more than one test.
"""

from __future__ import annotations

import ssl
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from langchain_openai import ChatOpenAI
from openai import DefaultAsyncHttpxClient, DefaultHttpxClient
from pydantic import SecretStr

from tests.loopback.scripted_responses import ScriptedResponses
from toolpair_observe.demo.loopback.judge import WireError, judge
from toolpair_observe.demo.loopback.provider import LoopbackProvider, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

QUERY = "script"
DONE = Reply("It is done.")


@dataclass(slots=True)
class Conversation:
    """What one script's models are answered, and what they asked.

    Attributes:
        key: Tells it from the others.
        replies: The answers, one per accepted request; `DONE` after the last one. An error is
            answered with status 400, whether or not the request pairs.
        judge: Returns the refusal of a list of messages, or None.
        requests: The messages of each request, in order.
        refusals: What was refused because it does not pair, in order.
    """

    key: str
    replies: deque[Reply | WireError]
    judge: Callable[[Sequence[dict[str, Any]]], WireError | None] = judge
    requests: list[list[dict[str, Any]]] = field(default_factory=list)
    refusals: list[WireError] = field(default_factory=list)

    def next_reply(self) -> Reply | WireError:
        """Take the next answer from the script."""
        return self.replies.popleft() if self.replies else DONE


class ScriptedProvider(LoopbackProvider):
    """A server of many conversations. Used as a context manager."""

    def __init__(self) -> None:
        super().__init__()
        self._keys = count()
        self._conversations: dict[str, Conversation] = {}
        self._responses = ScriptedResponses(self._found)

    @property
    def responses_url(self) -> str:
        """The base URL for a client of the Responses API."""
        return f"{self._responses.origin}/v1"

    def __enter__(self) -> Self:
        self._responses.__enter__()
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._responses.__exit__(*error)

    def conversation(
        self,
        replies: Iterable[Reply | WireError] = (),
        judge: Callable[[Sequence[dict[str, Any]]], WireError | None] = judge,
    ) -> Conversation:
        """Begin a conversation."""
        made = Conversation(str(next(self._keys)), deque(replies), judge)
        self._conversations[made.key] = made
        return made

    def complete(self, path: str, body: dict[str, Any]) -> Reply | WireError:
        """Answer one request by its conversation's script."""
        conversation, reply = self._found(path)
        messages = body["messages"]
        with self._lock:
            conversation.requests.append(messages)
            if error := conversation.judge(messages):
                conversation.refusals.append(error)
                return error
            return reply()

    def _found(self, path: str) -> tuple[Conversation, Callable[[], Any]]:
        conversation = self._conversations[path.rpartition(f"{QUERY}=")[2]]
        return conversation, conversation.next_reply


# Nothing here speaks TLS, and loading the certificate authorities takes longer than a program.
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_CLIENT = DefaultHttpxClient(trust_env=False, verify=_NO_AUTHORITIES)


def async_client() -> DefaultAsyncHttpxClient:
    """Return a client of asynchronous requests, whose connections belong to one event loop."""
    return DefaultAsyncHttpxClient(trust_env=False, verify=_NO_AUTHORITIES)


def scripted_model(
    key: str, *, base_url: str, http_async_client: DefaultAsyncHttpxClient, **options: Any
) -> ChatOpenAI:
    """Return the real client, connected to a conversation."""
    knows_sockets = "http_socket_options" in ChatOpenAI.model_fields
    quiet: dict[str, Any] = {"http_socket_options": ()} if knows_sockets else {}
    return ChatOpenAI(
        **{
            "model": "gpt-4o-mini",
            "base_url": base_url,
            "api_key": SecretStr("none"),
            "max_retries": 0,
            "default_query": {QUERY: key},
            "openai_proxy": None,
            "http_client": _CLIENT,
            "http_async_client": http_async_client,
            **quiet,
            **options,
        }
    )
