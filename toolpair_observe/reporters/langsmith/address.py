"""The address of feedback: the endpoint and the credentials of a run, read from its own tracer.

Credentials go to the endpoint that they belong to. A copy of a run at an endpoint of its own is
given what stands beside that endpoint, and nothing of the client that the application traces with.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe import foreign

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from langsmith import Client

    from toolpair_observe.record import TraceLink

API_KEY: Final = "x-api-key"
TENANT: Final = "X-Tenant-Id"
# What a replica's own credentials may consist of, and the header that each is sent in.
_AUTH_HEADERS: Final = {
    "api_key": API_KEY,
    "service_key": "X-Service-Key",
    "tenant_id": TENANT,
    "authorization": "Authorization",
    "cookie": "Cookie",
}


@dataclass(frozen=True, slots=True)
class Destination:
    """A LangSmith workspace, with what it takes to write to it.

    Attributes:
        api_url: The endpoint.
        api_key: The key, or None for other credentials.
        workspace_id: The workspace, where the key is good for several.
        headers: The application's own headers.
        profile: What knows the credentials of the user's profile, or None.
        session: Whose proxies, certificates and credentials apply, or None.
        signer: Tells sessions with credentials of their own apart.
    """

    api_url: str = field(repr=False)
    api_key: str | None = field(default=None, repr=False)
    workspace_id: str | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    profile: object = field(default=None, repr=False)
    session: object = field(default=None, repr=False, compare=False)
    signer: int = field(default=0, repr=False)


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


def is_span_only(link: TraceLink) -> bool:
    """Whether LangSmith's client writes the run as an OpenTelemetry span, and in no other way."""
    return bool(foreign.TRACING_MODE.of(link.client) == "otel")


def address_of(link: TraceLink, client: Client | None) -> Address | None:
    """Return where the run is written under the id that LangChain gave it.

    Args:
        link: LangSmith's side of the run.
        client: The application's own client for feedback, or None for the tracer's.

    Returns:
        None where the run is not written under that id at all: sampled out, sent as an
        OpenTelemetry span only, or copied to other projects under new ids.
    """
    copy = copy_of(link)
    if copy is None:
        return None
    project_name = project_of(link, copy)
    if client is not None:
        # Another workspace knows the project by another id.
        return Address(destination_of(client), project_name)
    project_id = foreign.SESSION_ID.of(link.run_tree)
    return Address(_destination_of_copy(link.client, copy), project_name, project_id)


def copy_of(link: TraceLink) -> Mapping[str, Any] | None:
    """Return the copy of a run that keeps its ids, empty where there are no copies.

    Args:
        link: LangSmith's side of the run.

    Returns:
        None where the run is not written under the id that LangChain gave it.
    """
    if not is_sampled(link.client, link.trace_id) or is_span_only(link):
        return None
    replicas = foreign.REPLICAS.of(link.run_tree) or ()
    return _replica_with_our_ids(replicas, link.project_name) if replicas else {}


def project_of(link: TraceLink, copy: Mapping[str, Any]) -> str | None:
    """Return the name of the project that a copy of a run is in."""
    return copy.get("project_name") or link.project_name


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
    candidates = primary or same_project
    known_to_us = (each for each in candidates if not each.get("api_url") or _own_auth(each))
    return next(known_to_us, candidates[0] if candidates else None)


def _destination_of_copy(tracer_client: Any, replica: Mapping[str, Any]) -> Destination:  # noqa: ANN401
    client = replica.get("client") or tracer_client
    api_url, auth = replica.get("api_url"), _own_auth(replica)
    if not auth and (not api_url or _is_same(str(api_url), str(client.api_url))):
        return destination_of(client)
    # Credentials of its own take the place of all that the client would send.
    headers = tuple(sorted(auth.items()))
    return Destination(str(api_url or client.api_url), headers=headers)


def _own_auth(replica: Mapping[str, Any]) -> dict[str, str]:
    auth = replica.get("auth")
    given = auth if isinstance(auth, Mapping) else {"api_key": replica.get("api_key")}
    return {
        header: value
        for name, header in _AUTH_HEADERS.items()
        if isinstance(value := given.get(name), str) and value
    }


def _is_same(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")


def destination_of(client: Any) -> Destination:  # noqa: ANN401 -- any release's client
    """Return where a client writes, and with what."""
    headers = foreign.CUSTOM_HEADERS.of(client)
    session = foreign.SESSION.of(client)
    return Destination(
        api_url=client.api_url,
        api_key=client.api_key,
        workspace_id=foreign.WORKSPACE_ID.of(client),
        headers=tuple(sorted(headers.items())) if isinstance(headers, Mapping) else (),
        profile=None if client.api_key else foreign.PROFILE_AUTH.of(client),
        session=session,
        signer=id(auth) if (auth := getattr(session, "auth", None)) else 0,
    )


def is_sampled(client: object, trace_id: UUID) -> bool:
    """Whether the tracer's client sends this trace at all.

    Newer clients decide by the trace's id, older ones keep the ids of the traces they left out.
    """
    decide = foreign.SHOULD_SAMPLE.of(client)
    if decide is not None and _takes_an_id(getattr(decide, "__func__", decide)):
        return bool(decide(trace_id))
    return trace_id not in foreign.FILTERED_POST_UUIDS.of(client, ())


@functools.lru_cache(maxsize=8)
def _takes_an_id(method: Callable[..., object]) -> bool:
    return len(inspect.signature(method).parameters) > 1
