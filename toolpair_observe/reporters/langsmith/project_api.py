"""Requests for the set-up of a LangSmith project, with errors that say what a person can do."""

from __future__ import annotations

import contextlib
import json
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import ToolPairError
from toolpair_observe.pairing.shown import type_name
from toolpair_observe.reporters.langsmith.transport import TransportError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.reporters.langsmith.transport import Answer
    from toolpair_observe.reporters.langsmith.workspace import Workspace

_GOOD: Final = range(200, 300)
_MAX_DETAIL: Final = 300
_PLAN: Final = re.compile(
    r"\bplan\b|upgrade|limit reached|limit exceeded|quota|paid|billing", re.IGNORECASE
)

Body = dict[str, Any]


class Reason(StrEnum):
    """Why something could not be done."""

    MISSING_KEY = "missing key"
    WRONG_KEY = "wrong key"
    NO_PERMISSION = "no permission"
    PLAN_LIMIT = "plan limit"
    UNREACHABLE = "unreachable"
    NO_PROJECT = "no such project"
    BUSY = "server busy"
    REDIRECTED = "redirected"
    REFUSED = "refused"


class ApplyError(ToolPairError):
    """LangSmith could not be reached, or refused.

    Args:
        reason: Why.
        message: One line for a person, without the key.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ProjectApi:
    """Requests to LangSmith. Their errors say what a person can do about them."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        # The platform's paths follow the host, or the `/api/v1` of a self-hosted server.
        ends_with_version = workspace.server.path.endswith("/v1")
        self.platform = "/platform" if ends_with_version else "/v1/platform"

    def get(self, path: str, **params: str | int) -> Any:  # noqa: ANN401 -- JSON
        """Return the answer to a GET request."""
        return self._request("GET", path, None, **params)

    def post(self, path: str, body: Body) -> Any:  # noqa: ANN401 -- JSON
        """Return the answer to a POST request."""
        return self._request("POST", path, body)

    def patch(self, path: str, body: Body) -> Any:  # noqa: ANN401 -- JSON
        """Return the answer to a PATCH request."""
        return self._request("PATCH", path, body)

    def _request(self, method: str, path: str, body: Body | None, **params: str | int) -> Any:  # noqa: ANN401
        request = f"{method} {path}"
        try:
            answer = self._workspace.request(method, path, body, **params)
            if answer.status in _GOOD:
                return json.loads(answer.body)
        except TransportError as error:
            raise self._unreachable(request, error) from None
        except (ValueError, RecursionError, TypeError) as error:
            message = f"{request}: the answer is not understood ({type_name(error)})"
            raise ApplyError(Reason.REFUSED, message) from None
        raise self._problem(answer, request)

    def _unreachable(self, request: str, error: TransportError) -> ApplyError:
        host = self._workspace.server.netloc
        if error.is_final:
            message = f"{request}: the answer is not understood ({error.reason})"
            return ApplyError(Reason.REFUSED, message)
        message = f"LangSmith at {host} is not reachable ({error.reason}): check LANGSMITH_ENDPOINT"
        return ApplyError(Reason.UNREACHABLE, message)

    def _problem(self, answer: Answer, request: str) -> ApplyError:
        host, status = self._workspace.server.netloc, answer.status
        if answer.is_redirect:
            message = (
                f"{host} redirects {request}, and the key never follows ({status}): "
                "check LANGSMITH_ENDPOINT"
            )
            return ApplyError(Reason.REDIRECTED, message)
        # Before it is cut: half a key would not be found.
        detail = self._workspace.without_secrets(_detail(answer.body))[:_MAX_DETAIL]
        reason = _reason(status, detail, has_key=self._workspace.has_credentials)
        return ApplyError(reason, f"{_ADVICE[reason].format(host=host)}{request}: {status}{detail}")


_ADVICE: Final[Mapping[Reason, str]] = {
    Reason.MISSING_KEY: "{host} wants an API key: set LANGSMITH_API_KEY; ",
    Reason.WRONG_KEY: "{host} does not know this API key: check LANGSMITH_API_KEY, and "
    "LANGSMITH_ENDPOINT for the region; ",
    Reason.NO_PERMISSION: "the API key may not do this: its role in the workspace lacks the right "
    "(a key for several workspaces also needs LANGSMITH_WORKSPACE_ID); ",
    Reason.PLAN_LIMIT: "the LangSmith plan does not allow this, or not one more of it; ",
    Reason.UNREACHABLE: "",
    Reason.NO_PROJECT: "",
    Reason.BUSY: "{host} is busy or broken, try again later; ",
    Reason.REDIRECTED: "",
    Reason.REFUSED: "",
}


def _reason(status: int, detail: str, *, has_key: bool) -> Reason:
    unknown, forbidden, payment, many, broken = 401, 403, 402, 429, 500
    if status in (unknown, forbidden) and not has_key:
        return Reason.MISSING_KEY
    if status == unknown:
        return Reason.WRONG_KEY
    if status == payment or (status < broken and _PLAN.search(detail)):
        return Reason.PLAN_LIMIT
    if status == forbidden:
        return Reason.NO_PERMISSION
    if status == many or status >= broken:
        return Reason.BUSY
    return Reason.REFUSED


def _detail(body: bytes) -> str:
    """Return the server's explanation on one line."""
    answer: Any = body.decode("utf-8", "replace")
    with contextlib.suppress(ValueError, RecursionError):
        answer = json.loads(answer)
    if isinstance(answer, dict):
        answer = answer.get("detail") or answer.get("error") or answer
    line = " ".join(str(answer).split())
    return f" {line}" if line else ""
