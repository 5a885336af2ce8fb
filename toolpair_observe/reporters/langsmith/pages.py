"""The page of a run in LangSmith, without asking LangSmith.

Its address consists of the ids of the workspace and of the project. A client knows them only where
the application has told it, or where it has asked for something before; feedback that was delivered
has taught them, too. There is no address that needs the run's id alone.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from toolpair_observe import foreign
from toolpair_observe.reporters.langsmith.address import address_of
from toolpair_observe.reporters.langsmith.spans import run_written_as_span

if TYPE_CHECKING:
    from uuid import UUID

    from toolpair_observe.record import TraceLink
    from toolpair_observe.reporters.langsmith.address import Address

_MAX_PROJECTS: Final = 256


class Project(NamedTuple):
    """A project, as LangSmith's pages name it.

    Attributes:
        tenant_id: The id of its workspace, `""` where that was not told.
        project_id: Its own.
    """

    tenant_id: str
    project_id: str


# Of the process: there may be a reporter for each call. Each use is one operation on it.
_learned: OrderedDict[Address, Project] = OrderedDict()


def learn(address: Address, project: Project) -> None:
    """Remember the ids of a project that a server told."""
    _learned[address] = project
    if len(_learned) > _MAX_PROJECTS:
        _learned.popitem(last=False)


def page_of(link: TraceLink, run_id: UUID) -> str | None:
    """Return the URL of a run's page, None where a part of it is not known.

    Args:
        link: LangSmith's side of the run.
        run_id: The run, by LangChain's id.
    """
    address = address_of(link, None)
    if address is None:
        written = run_written_as_span(link, run_id)
        if written is None:
            return None
        address, run_id = written.address, written.run_id
    client: Any = link.client
    if address.destination.api_url != client.api_url:
        return None  # a copy elsewhere, whose pages are not those of the client
    learned = _learned.get(address, Project("", ""))
    tenant = learned.tenant_id or foreign.TENANT_ID.of(client) or address.destination.workspace_id
    project = address.project_id or learned.project_id
    host = foreign.HOST_URL.of(client)
    if not (tenant and project and host):
        return None
    return f"{_without_user(str(host))}/o/{tenant}/projects/p/{project}/r/{run_id}?poll=true"


def _without_user(url: str) -> str:
    parts = urlsplit(url.rstrip("/"))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
