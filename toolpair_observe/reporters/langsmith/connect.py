"""The workspace that the environment, or the user's LangSmith profile, says to set up."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from toolpair_observe.reporters.langsmith.address import destination_of
from toolpair_observe.reporters.langsmith.project_api import ApplyError, Reason
from toolpair_observe.reporters.langsmith.route import BadProxyError, BadUrlError
from toolpair_observe.reporters.langsmith.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.reporters.langsmith.address import Destination

# Seconds that a request may take in all. A person waits for the answer.
_TIMEOUT: Final = 15.0
# A page of a hundred objects is far from it.
_MAX_BYTES: Final = 20_000_000


@contextmanager
def connect(api_url: str | None = None, api_key: str | None = None) -> Iterator[Workspace]:
    """Open a workspace for `apply`, and close it afterward.

    Args:
        api_url: The endpoint; None for `LANGSMITH_ENDPOINT`, the LangSmith profile or the hosted
            service.
        api_key: The key; None for `LANGSMITH_API_KEY` or the LangSmith profile.

    Raises:
        ApplyError: The endpoint or the proxy is none that can be used, or LangSmith's client
            refuses its settings.
    """
    destination = _destination(api_url, api_key)
    try:
        workspace = Workspace(destination, timeout=_TIMEOUT, max_bytes=_MAX_BYTES)
    except BadUrlError as error:
        raise ApplyError(Reason.UNREACHABLE, _complaint(destination.api_url, error)) from None
    except OSError as error:
        message = f"the certificates named in the environment can't be read ({error.strerror})"
        raise ApplyError(Reason.UNREACHABLE, message) from None
    try:
        yield workspace
    finally:
        workspace.close()


def _destination(api_url: str | None, api_key: str | None) -> Destination:
    """Ask LangSmith's own client where to write and with what: it knows profiles, too."""
    from langsmith import Client, utils  # noqa: PLC0415 -- takes longer than the command line

    try:
        # It starts no thread, asks the server nothing, and sets no tracer provider up.
        client = Client(
            api_url,
            api_key=api_key,
            auto_batch_tracing=False,
            info={},
            tracing_mode="langsmith",
            tracing_sampling_rate=1.0,
        )
    except utils.LangSmithError as error:
        raise ApplyError(Reason.REFUSED, str(error)) from None
    try:
        return destination_of(client)
    finally:
        client.close()


def _complaint(api_url: str, error: BadUrlError) -> str:
    if isinstance(error, BadProxyError):
        return "the proxy is not one that can be used; expected http://HOST:PORT in HTTPS_PROXY"
    # What stands before an `@` may be a password.
    shown = "not a URL" if "@" in api_url else repr(api_url)
    return f"LANGSMITH_ENDPOINT is {shown}; expected http://… or https://…"
