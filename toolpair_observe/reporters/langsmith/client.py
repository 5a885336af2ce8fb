"""The address of feedback, which is the endpoint and key of a run, and the request itself.

The address is read from the run's own tracer, but nothing is sent through the tracer's client: its
session retries for minutes, and its `create_feedback` logs each failure with a traceback. Our
clients have short timeouts, never retry, and are used by the worker only.
"""

from __future__ import annotations

import email.utils
import functools
import inspect
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.reporters.delivery import Refused, TryLater

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from langsmith import Client
    from requests import Response, Session

    from toolpair_observe.record import TraceLink

# Milliseconds to connect and to read.
TIMEOUTS_MS: Final = (1000, 3000)
_MAX_CLIENTS: Final = 8
_MAX_PROJECTS: Final = 256
# How long a project's id is kept even if requests fail.
_PROJECT_SECONDS: Final = 60.0

_REDIRECT: Final = 300
_CONFLICT: Final = 409
_NOT_FOUND: Final = 404
_BUSY: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Destination:
    """A LangSmith workspace, with what it takes to write to it.

    Attributes:
        api_url: The endpoint.
        api_key: The key, or None where the client finds other credentials by itself.
        workspace_id: The workspace, where the key is good for several.
        headers: The application's own headers.
        session: Whose proxies and certificates apply.
    """

    api_url: str
    api_key: str | None = field(repr=False)
    workspace_id: str | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    session: Session | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Address:
    """The project of a run.

    Attributes:
        destination: Where the project is.
        project_name: Its name.
        project_id: Its id, where the run knows it.
    """

    destination: Destination
    project_name: str | None
    project_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """One piece of feedback on its way.

    Attributes:
        address: The project of the run.
        body: The request, without the id of the project.
    """

    address: Address
    body: dict[str, Any] = field(repr=False)


def address_of(link: TraceLink, client: Client | None) -> Address | None:
    """Return where the run is written under the id that LangChain gave it.

    Args:
        link: LangSmith's side of the run.
        client: The application's own client for feedback, or None for the tracer's.

    Returns:
        None where the run is not written under that id at all: sampled out, sent as an
        OpenTelemetry span only, or copied to other projects under new ids.
    """
    tracer_client: Any = link.client
    if not is_sampled(tracer_client, link.trace_id):
        return None
    if getattr(tracer_client, "tracing_mode", None) == "otel":
        return None
    tree: Any = link.run_tree
    replica: Mapping[str, Any] = {}
    replicas = getattr(tree, "replicas", None) or ()
    if replicas:
        found = _replica_with_our_ids(replicas, link.project_name)
        if found is None:
            return None
        replica = found
    return Address(
        _destination(client or replica.get("client") or tracer_client, replica),
        replica.get("project_name") or link.project_name,
        getattr(tree, "session_id", None),
    )


def _replica_with_our_ids(
    replicas: Any,  # noqa: ANN401 -- of a library in motion
    project_name: str | None,
) -> Mapping[str, Any] | None:
    """Return the first copy of the run that keeps its ids; the tracer gives others new ones."""
    known = [replica for replica in replicas if isinstance(replica, Mapping)]
    primary = [replica for replica in known if replica.get("primary")]
    same_project = [
        replica
        for replica in known
        if replica.get("primary") is None
        and replica.get("address") is None
        and replica.get("project_name") in (None, project_name)
    ]
    for replica in primary or same_project:
        if replica.get("api_key") or not replica.get("api_url"):
            return replica
    return None


def _destination(client: Any, replica: Mapping[str, Any]) -> Destination:  # noqa: ANN401
    headers = getattr(client, "headers", None)
    session = getattr(client, "session", None)
    workspace_id = None if replica.get("api_url") else getattr(client, "workspace_id", None)
    return Destination(
        api_url=replica.get("api_url") or client.api_url,
        api_key=replica.get("api_key") or client.api_key,
        workspace_id=workspace_id,
        headers=tuple(sorted(headers.items())) if isinstance(headers, Mapping) else (),
        session=session,
    )


def is_sampled(client: object, trace_id: UUID) -> bool:
    """Whether the tracer's client sends this trace at all.

    Newer clients decide by the trace's id, older ones keep the ids of the traces they left out.
    """
    decide = getattr(client, "_should_sample", None)
    if decide is not None and _takes_an_id(getattr(decide, "__func__", decide)):
        return bool(decide(trace_id))
    return trace_id not in getattr(client, "_filtered_post_uuids", ())


@functools.lru_cache(maxsize=8)
def _takes_an_id(method: Callable[..., object]) -> bool:
    return len(inspect.signature(method).parameters) > 1


class FeedbackApi:
    """Sends feedback, on one thread.

    Args:
        timeouts_ms: Milliseconds to connect and to read.
    """

    def __init__(self, timeouts_ms: tuple[int, int] = TIMEOUTS_MS) -> None:
        self._timeouts_ms = timeouts_ms
        self._clients: OrderedDict[Destination, Client] = OrderedDict()
        self._projects: OrderedDict[Address, tuple[UUID, float]] = OrderedDict()

    def send(self, submission: Submission) -> None:
        """Send one piece of feedback.

        Raises:
            Refused: The server will never take it.
            TryLater: It may take it later.
        """
        try:
            client = self._client(submission.address.destination)
            project_id = self._project_id(client, submission.address)
            body = submission.body | {"session_id": str(project_id)}
            answer = client.request_with_retries(
                "POST",
                "/feedback",
                request_kwargs={
                    "data": json.dumps(body).encode(),
                    "headers": {"Content-Type": "application/json"},
                },
                stop_after_attempt=1,
            )
            _expect_no_redirect(answer)
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001 -- told apart by what the server answered
            verdict = verdict_on(error)
            if verdict is not None:
                self._doubt(submission.address)
                # Not chained: the client's errors quote the request's headers and bodies.
                raise verdict from None

    def forget(self) -> None:
        """Forget connections, for a forked child."""
        self._clients.clear()
        self._projects.clear()

    def close(self) -> None:
        """Close all connections."""
        while self._clients:
            close_client(self._clients.popitem()[1])

    def _client(self, destination: Destination) -> Client:
        client = self._clients.get(destination)
        if client is None:
            client = self._clients[destination] = new_client(destination, self._timeouts_ms)
            if len(self._clients) > _MAX_CLIENTS:
                close_client(self._clients.popitem(last=False)[1])
        self._clients.move_to_end(destination)
        return client

    def _project_id(self, client: Client, address: Address) -> UUID:
        if address.project_id is not None:
            return address.project_id
        if address.project_name is None:
            reason = "NoProject"
            raise Refused(reason)
        if address not in self._projects:
            # A project is created with its first run, which may be on its way. So a project that
            # is missing now is looked for again.
            project = client.read_project(project_name=address.project_name)
            self._projects[address] = project.id, monotonic()
            if len(self._projects) > _MAX_PROJECTS:
                self._projects.popitem(last=False)
        return self._projects[address][0]

    def _doubt(self, address: Address) -> None:
        """Forget an old id of a project, which may have been deleted and created again."""
        _, since = self._projects.get(address, (None, 0.0))
        if monotonic() - since > _PROJECT_SECONDS:
            self._projects.pop(address, None)


def new_client(destination: Destination, timeouts_ms: tuple[int, int]) -> Client:
    """Make a client that starts no thread, asks the server nothing and never retries.

    Args:
        destination: Where it writes.
        timeouts_ms: Milliseconds to connect and to read.
    """
    from langsmith import Client  # noqa: PLC0415 -- off the caller's thread
    from urllib3 import Retry  # noqa: PLC0415

    wanted: dict[str, Any] = {
        "api_key": destination.api_key,
        "retry_config": Retry(0, redirect=0, raise_on_status=False),
        "timeout_ms": timeouts_ms,
        "session": _session_like(destination.session),
        "auto_batch_tracing": False,
        "info": {},
        "tracing_sampling_rate": 1.0,
        "workspace_id": destination.workspace_id,
        "headers": dict(destination.headers),
    }
    known = inspect.signature(Client.__init__).parameters
    # Else `LANGSMITH_OTEL_ENABLED` would have the client set up a tracer provider.
    wanted |= {"tracing_mode": "langsmith"} if "tracing_mode" in known else {"otel_enabled": False}
    return Client(
        destination.api_url, **{name: value for name, value in wanted.items() if name in known}
    )


def _session_like(donor: Session | None) -> Session:
    from requests import Session  # noqa: PLC0415

    session = Session()
    for name in ("verify", "cert", "proxies", "trust_env", "auth", "headers", "cookies", "hooks"):
        if hasattr(donor, name):
            setattr(session, name, getattr(donor, name))
    # The client puts its own ones at the two shortest prefixes.
    for prefix, adapter in getattr(donor, "adapters", {}).items():
        if prefix not in session.adapters:
            session.mount(prefix, adapter)
    return session


def _expect_no_redirect(response: Response) -> None:
    """Raise if a proxy has sent the request elsewhere, such as to its login page."""
    if response.status_code >= _REDIRECT or response.request.method != "POST":
        reason = "Redirected"
        raise Refused(reason)


def close_client(client: Client) -> None:
    """Close the connections of a client that `new_client` made."""
    # `Client.close`, where there is one, also stops it from being kept until the process ends.
    getattr(client, "close", client.session.close)()


def verdict_on(error: Exception) -> Refused | None:
    """Return what an error of the client means for the item; None if the server has it already."""
    response = response_of(error)
    status = None if response is None else response.status_code
    if status is None and type(error).__name__ == "LangSmithNotFoundError":
        # For a project that does not exist the server returns an empty list, not a 404.
        status = _NOT_FOUND
    if status is None:
        name = transport_failure(error)
        return Refused(type(error).__name__) if name is None else TryLater(name, pause=True)
    if status == _CONFLICT:
        return None
    if status == _NOT_FOUND:
        return TryLater(str(status), pause=False)
    if status in _BUSY or status >= _SERVER_ERROR:
        return TryLater(str(status), after=_retry_after(response), pause=True)
    return Refused(str(status))


def _chain(error: BaseException) -> list[BaseException]:
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) and cause not in chain:
        chain.append(cause)
    return chain


def response_of(error: Exception) -> Response | None:
    """Return the server's answer, which only the causes of the client's errors have."""
    for each in _chain(error):
        response: Response | None = getattr(each, "response", None)
        if response is not None:
            return response
    return None


def transport_failure(error: Exception) -> str | None:
    """Return the name of the connection's failure, or None where the error has another reason."""
    from requests import ConnectionError, Timeout  # noqa: A004, PLC0415
    from requests.exceptions import ChunkedEncodingError  # noqa: PLC0415

    for each in _chain(error):
        if isinstance(each, ConnectionError | Timeout | ChunkedEncodingError):
            return type(each).__name__
    return None


def _retry_after(response: Response | None) -> float | None:
    value = "" if response is None else response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        when = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
