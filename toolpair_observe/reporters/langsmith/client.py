"""Feedback on its way: the request, and what an answer means for it."""

from __future__ import annotations

import email.utils
import json
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.reporters.delivery import Refused, TryLater
from toolpair_observe.reporters.langsmith.pages import Project, learn
from toolpair_observe.reporters.langsmith.transport import TransportError
from toolpair_observe.reporters.langsmith.workspace import Workspace

if TYPE_CHECKING:
    from toolpair_observe.reporters.langsmith.address import Address, Destination
    from toolpair_observe.reporters.langsmith.transport import Answer

# Seconds that a request may take in all.
TIMEOUT: Final = 4.0
# An answer is a project or a piece of feedback.
_MAX_BYTES: Final = 1_000_000
_MAX_WORKSPACES: Final = 8
_MAX_PROJECTS: Final = 256
# How long a project's id is kept even if requests fail.
_PROJECT_SECONDS: Final = 60.0

_CONFLICT: Final = 409
_NOT_FOUND: Final = 404
_BUSY: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500
_GOOD: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Submission:
    """One piece of feedback on its way.

    Attributes:
        address: The project of the run.
        body: The request, without the id of the project.
    """

    address: Address
    body: dict[str, Any] = field(repr=False)


class FeedbackApi:
    """Sends feedback, on one thread.

    Args:
        timeout: Seconds that a request may take in all.
    """

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
        self._workspaces: OrderedDict[Destination, Workspace] = OrderedDict()
        self._projects: OrderedDict[Address, tuple[str, float]] = OrderedDict()

    def send(self, submission: Submission) -> None:
        """Send one piece of feedback.

        Raises:
            Refused: The server will never take it.
            TryLater: It may take it later.
        """
        try:
            self._send(submission)
        except Refused:
            self._doubt(submission.address)
            raise
        except TransportError as error:
            self._doubt(submission.address)
            if error.is_final:
                raise Refused(error.reason) from None
            raise TryLater(error.reason, pause=True) from None

    def _send(self, submission: Submission) -> None:
        workspace = self._workspace(submission.address.destination)
        project_id = self._project_id(workspace, submission.address)
        body = submission.body | {"session_id": project_id}
        answer = workspace.request("POST", "/feedback", body)
        if answer.status != _CONFLICT:  # the server has it already
            _expect_good(answer)

    def forget(self) -> None:
        """Forget connections, for a forked child: the parent has them, and goes on with them."""
        self.close()
        self._projects.clear()

    def close(self) -> None:
        """Close all connections."""
        while self._workspaces:
            self._workspaces.popitem()[1].close()

    def _workspace(self, destination: Destination) -> Workspace:
        workspace = self._workspaces.get(destination)
        if workspace is None:
            workspace = Workspace(destination, timeout=self._timeout, max_bytes=_MAX_BYTES)
            self._workspaces[destination] = workspace
            if len(self._workspaces) > _MAX_WORKSPACES:
                self._workspaces.popitem(last=False)[1].close()
        self._workspaces.move_to_end(destination)
        return workspace

    def _project_id(self, workspace: Workspace, address: Address) -> str:
        if address.project_id is not None:
            return str(address.project_id)
        if address.project_name is None:
            reason = "NoProject"
            raise Refused(reason)
        if address not in self._projects:
            # A project is created with its first run, which may be on its way. So a project that
            # is missing now is looked for again.
            project = _project_named(workspace, address.project_name)
            learn(address, project)
            self._projects[address] = project.project_id, monotonic()
            if len(self._projects) > _MAX_PROJECTS:
                self._projects.popitem(last=False)
        return self._projects[address][0]

    def _doubt(self, address: Address) -> None:
        """Forget an old id of a project, which may have been deleted and created again."""
        _, since = self._projects.get(address, ("", 0.0))
        if monotonic() - since > _PROJECT_SECONDS:
            self._projects.pop(address, None)


def _project_named(workspace: Workspace, name: str) -> Project:
    answer = workspace.request("GET", "/sessions", name=name, limit=1, include_stats="false")
    _expect_good(answer)
    found = json.loads(answer.body)
    if not found:
        # For a project that does not exist the server returns an empty list, not a 404.
        raise TryLater(str(_NOT_FOUND), pause=False)
    return Project(str(found[0].get("tenant_id") or ""), str(found[0]["id"]))


def _expect_good(answer: Answer) -> None:
    """Raise what an answer means for the item, unless the server has taken it."""
    status = answer.status
    if status in _GOOD:
        return
    if answer.is_redirect:
        # A proxy that sends the request elsewhere, such as to its login page.
        reason = "Redirected"
        raise Refused(reason)
    if status == _NOT_FOUND:
        raise TryLater(str(status), pause=False)
    if status in _BUSY or status >= _SERVER_ERROR:
        raise TryLater(str(status), after=_retry_after(answer.retry_after), pause=True)
    raise Refused(str(status))


def _retry_after(value: str) -> float | None:
    value = value.strip()
    if value.isdecimal() and value.isascii():
        return float(value[:16])
    try:
        when = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
