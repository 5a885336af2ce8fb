"""An application for servers, which asks a model what `zero_code` asks: ASGI and WSGI."""

from __future__ import annotations

import os

from tests.attach.zero_code import main


def answer() -> bytes:
    return f"{os.getpid()} {main()}".encode()


def wsgi(_, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer()]


async def asgi(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": answer()})
