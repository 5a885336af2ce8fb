"""The real `ChatOpenAI`, connected to a server on this machine regardless of the environment."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from langchain_openai import ChatOpenAI
from openai import DefaultAsyncHttpxClient, DefaultHttpxClient
from pydantic import SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.attach.handler import ToolPairHandler


@contextmanager
def loopback_model(
    name: str, base_url: str, handler: ToolPairHandler, *, uses_responses: bool = False
) -> Iterator[ChatOpenAI]:
    """Make a model that uses no proxy of the environment, not even a broken one.

    Args:
        name: The model's name.
        base_url: The server's base URL.
        handler: The handler that checks its requests.
        uses_responses: Whether the server speaks OpenAI's Responses API.
    """
    # Some versions warn about a proxy that they bypass, unless they get no socket options.
    knows_sockets = "http_socket_options" in ChatOpenAI.model_fields
    quiet: dict[str, Any] = {"http_socket_options": ()} if knows_sockets else {}
    # Nothing here speaks TLS, and loading the certificate authorities takes longer than a case.
    no_authorities = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with DefaultHttpxClient(trust_env=False, verify=no_authorities) as client:
        yield ChatOpenAI(
            model=name,
            base_url=base_url,
            api_key=SecretStr("none"),
            use_responses_api=uses_responses,
            max_retries=0,
            openai_proxy=None,
            http_client=client,
            # Never used, but without it the model makes one from the environment.
            http_async_client=DefaultAsyncHttpxClient(trust_env=False, verify=no_authorities),
            callbacks=[handler],
            **quiet,
        )
