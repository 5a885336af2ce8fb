"""Endpoints of this machine, each with rules of its own that the probe does not know.

    with served(OpenAIRules()) as url:
        model = ChatOpenAI(model="gpt-5", base_url=url, api_key="none")

A behaviour is a callable `(request, number) -> Reply`: the request's body, and how many came before
it. Behaviours share no code with `toolpair_observe.pairing`. Any path is answered, so that the URL
is the base URL of each client.
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.loopback.server import LoopbackHandler, LoopbackServer
from toolpair_observe.demo.loopback.judge import judge

DRIP_SECONDS = 0.02
Message = dict[str, Any]


class Request(dict[str, Any]):
    """A request's body, with its path and its headers (names in lower case)."""

    path: str = ""
    headers: Mapping[str, str] = {}

    @property
    def messages(self) -> list[Message]:
        return list(self.get("messages") or ())


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered.

    Attributes:
        status: The HTTP status.
        body: The body: text or bytes as they are, anything else as JSON.
        headers: Further headers.
        pieces: Yields the body piece by piece instead, as chunks.
        resets: Whether the connection is reset instead.
    """

    status: int = 200
    body: object = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Callable[[threading.Event], Iterator[bytes]] | None = None
    resets: bool = False


Behaviour = Callable[[Request, int], Reply]


class Recording:
    """A behaviour that keeps the requests of another one."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self.requests: list[Request] = []

    def __call__(self, request: Request, number: int) -> Reply:
        self.requests.append(request)
        return self._behaviour(request, number)


@contextmanager
def served(behaviour: Behaviour) -> Iterator[str]:
    """Serve a behaviour while the block lasts, and yield the URL.

    An error of the behaviour's own is raised when the block ends.
    """
    with _Server(behaviour) as server:
        yield server.url
        server.over.set()
    if server.errors:
        raise server.errors[0]


# --- What is answered ----------------------------------------------------------------------------


def accepted(request: Request, prompt: object = None) -> Reply:
    """An answer whose usage counts the words of the prompt, or of the messages as they came."""
    tokens = len(str(request.messages if prompt is None else prompt).split())
    message = {"role": "assistant", "content": "Clear."}
    return Reply(
        body={
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": str(request.get("model")),
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": tokens,
                "completion_tokens": 1,
                "total_tokens": tokens + 1,
            },
        }
    )


def refused(message: str, status: int = 400, **more: object) -> Reply:
    """A refusal in OpenAI's form."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return Reply(status, {"error": {**error, **more}})


# --- Behaviours ----------------------------------------------------------------------------------


class Takes:
    """Takes everything, and counts the words of all of it."""

    def __call__(self, request: Request, _: int) -> Reply:
        return accepted(request)


class OpenAIRules:
    """OpenAI's own rules, with its texts."""

    def __call__(self, request: Request, _: int) -> Reply:
        error = judge(request.messages)
        return accepted(request) if error is None else Reply(400, error.body())


class Template:
    """Wants an open call before a result, as many templates do; says so as llama.cpp does.

    Args:
        status: The status of the refusal.
    """

    def __init__(self, status: int = 500) -> None:
        self._status = status

    def __call__(self, request: Request, _: int) -> Reply:
        is_open = False
        for message in request.messages:
            if message["role"] == "assistant":
                is_open = bool(message.get("tool_calls"))
            elif message["role"] == "tool" and not is_open:
                words = "Jinja Exception: Message has tool role, but there was no previous call!"
                return refused(words, self._status, type="server_error")
        return accepted(request)


class LosesLateResults:
    """Takes everything, but leaves out of the prompt what no call stands right before.

    Args:
        counts: Whether usage is reported.
        cached: How many of the tokens are reported as cached, at most.
    """

    def __init__(self, *, counts: bool = True, cached: int = 0) -> None:
        self._counts = counts
        self._cached = cached

    def __call__(self, request: Request, _: int) -> Reply:
        kept: list[Message] = []
        for message in request.messages:
            if message["role"] != "tool" or (kept and kept[-1]["role"] in ("assistant", "tool")):
                kept.append(message)
        reply = accepted(request, kept)
        body: dict[str, Any] = reply.body  # type: ignore[assignment]
        if not self._counts:
            del body["usage"]
        elif self._cached:
            cached = min(self._cached, body["usage"]["prompt_tokens"])
            body["usage"]["prompt_tokens_details"] = {"cached_tokens": cached}
        return reply


class KeepsFirstResultOnly:
    """Takes everything; of several results behind one message only the first is in the prompt."""

    def __call__(self, request: Request, _: int) -> Reply:
        kept: list[Message] = []
        for message in request.messages:
            if message["role"] != "tool" or not kept or kept[-1]["role"] != "tool":
                kept.append(message)
        return accepted(request, kept)


class Faltering:
    """Answers 429 and 503 in between.

    Args:
        behaviour: What answers otherwise.
        every: Each that many requests one fails.
        retry_after: The header's value, None for none.
    """

    def __init__(self, behaviour: Behaviour, every: int = 3, retry_after: str | None = "0") -> None:
        self._behaviour = behaviour
        self._every = every
        self._headers = {} if retry_after is None else {"Retry-After": retry_after}

    def __call__(self, request: Request, number: int) -> Reply:
        turn, rest = divmod(number, self._every)
        if rest:
            return self._behaviour(request, number)
        status = (429, 503)[turn % 2]
        return Reply(status, {"error": {"message": "Try again later."}}, self._headers)


class Router:
    """Sends each request at random to one of several behaviours.

    Args:
        *behaviours: Where to.
        seed: What chance starts from.
    """

    def __init__(self, *behaviours: Behaviour, seed: int = 7) -> None:
        self._behaviours = behaviours
        self._random = random.Random(seed)  # noqa: S311 - no secret

    def __call__(self, request: Request, number: int) -> Reply:
        return self._random.choice(self._behaviours)(request, number)


class Echoing:
    """Refuses what has an unanswered call, and repeats the whole request and its key.

    Args:
        before: Words that stand before what is repeated.
    """

    def __init__(self, before: str = "Invalid messages") -> None:
        self._before = before

    def __call__(self, request: Request, _: int) -> Reply:
        if judge(request.messages) is None:
            return accepted(request)
        key = request.headers.get("authorization", "")
        return refused(f"{self._before}: {key} {json.dumps(request)}")


class NoTools:
    """Takes no tools."""

    def __call__(self, request: Request, _: int) -> Reply:
        if request.get("tools"):
            return refused("This model does not support tools.")
        return accepted(request)


class Refuses:
    """Refuses a member of the request by name, as a model does that does not know it.

    Args:
        *names: The members.
        behaviour: What answers otherwise.
    """

    def __init__(self, *names: str, behaviour: Behaviour) -> None:
        self._names = names
        self._behaviour = behaviour

    def __call__(self, request: Request, number: int) -> Reply:
        for name in self._names:
            if request.get(name) is not None:
                words = f"Unsupported parameter: '{name}' is not supported with this model."
                return refused(words, param=name, code="unsupported_parameter")
        return self._behaviour(request, number)


class Says:
    """Always gives the same answer.

    Args:
        reply: The answer.
    """

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def __call__(self, _: Request, __: int) -> Reply:
        return self._reply


def huge(status: int = 200) -> Behaviour:
    """A body without end."""

    def pieces(over: threading.Event) -> Iterator[bytes]:
        yield b'{"error": {"message": "'
        while not over.is_set():
            yield b"x" * 65_536

    return Says(Reply(status, pieces=pieces, headers={"Content-Type": "application/json"}))


def slow(status: int = 200) -> Behaviour:
    """A body that comes byte by byte and never ends."""

    def pieces(over: threading.Event) -> Iterator[bytes]:
        yield b'{"id": "'
        while not over.wait(DRIP_SECONDS):
            yield b"x"

    return Says(Reply(status, pieces=pieces, headers={"Content-Type": "application/json"}))


def redirecting(url: str, status: int = 307) -> Behaviour:
    """Sends the client elsewhere."""
    return Says(Reply(status, headers={"Location": url}))


def resetting() -> Behaviour:
    """Resets each connection."""
    return Says(Reply(resets=True))


# --- The server ----------------------------------------------------------------------------------


class _Server(LoopbackServer):
    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(_Handler)
        self._behaviour = behaviour
        self._lock = threading.Lock()
        self._number = 0
        self.over = threading.Event()
        self.errors: list[BaseException] = []

    def stop(self) -> None:
        self.over.set()
        super().stop()

    def failed(self, error: BaseException) -> None:
        self.errors.append(error)

    def reply(self, request: Request) -> Reply:
        with self._lock:
            number = self._number
            self._number += 1
            return self._behaviour(request, number)


class _Handler(LoopbackHandler):
    server: Any

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        self._answer()

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        self._answer()

    def _answer(self) -> None:
        raw = self.read_body()
        request = Request(json.loads(raw) if raw else {})
        request.path = self.path
        request.headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.owner.reply(request)
        if reply.resets:
            self._reset()
        elif reply.pieces is not None:
            self._send_pieces(reply)
        else:
            body = reply.body
            if isinstance(body, str):
                body = body.encode()
            elif not isinstance(body, bytes):
                body = json.dumps(body).encode()
            self.send(reply.status, body, {"Content-Type": "application/json", **reply.headers})

    def _send_pieces(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in {**reply.headers, "Transfer-Encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        # A client that has had enough goes away.
        with contextlib.suppress(OSError):
            for piece in reply.pieces(self.server.owner.over):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.close_connection = True

    def _reset(self) -> None:
        self.close_connection = True
        at_once = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.connection.close()
