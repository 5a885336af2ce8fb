"""Requests for the set-up of a LangSmith project, with errors that say what a person can do."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from toolpair_observe.errors import ToolPairError
from toolpair_observe.reporters.langsmith.client import response_of, transport_failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langsmith import Client

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
    REFUSED = "refused"


# After these every other request would fail in the same way.


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

    def __init__(self, client: Client) -> None:
        self._client = client
        # The platform's paths follow the host, or the `/api/v1` of a self-hosted server.
        ends_with_version = client.api_url.rstrip("/").endswith("/v1")
        self.platform = "/platform" if ends_with_version else "/v1/platform"

    def get(self, path: str, **params: Any) -> Any:  # noqa: ANN401 -- JSON
        """Return the answer to a GET request."""
        return self._request("GET", path, params=params)

    def post(self, path: str, body: Body) -> Any:  # noqa: ANN401 -- JSON
        """Return the answer to a POST request."""
        return self._request("POST", path, json=body)

    def patch(self, path: str, body: Body) -> Any:  # noqa: ANN401 -- JSON
        """Return the answer to a PATCH request."""
        return self._request("PATCH", path, json=body)

    def _request(self, method: Any, path: str, **request: Any) -> Any:  # noqa: ANN401
        try:
            return self._client.request_with_retries(method, path, request_kwargs=request).json()
        except Exception as error:  # noqa: BLE001 -- told apart by what the server answered
            # Not chained: the client's errors quote headers.
            raise self._problem(error, f"{method} {path}") from None

    def _problem(self, error: Exception, request: str) -> ApplyError:
        host = urlsplit(self._client.api_url).netloc
        response = response_of(error)
        if response is None:
            failure = transport_failure(error)
            if failure is None:
                message = f"{request}: the answer is not understood ({type(error).__name__})"
                return ApplyError(Reason.REFUSED, message)
            message = f"LangSmith at {host} is not reachable ({failure}): check LANGSMITH_ENDPOINT"
            return ApplyError(Reason.UNREACHABLE, message)
        status, detail = response.status_code, _detail(response.text)
        has_key = bool(self._client.api_key or "Authorization" in response.request.headers)
        reason = _reason(status, detail, has_key=has_key)
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


def _detail(text: str) -> str:
    """Return the server's explanation on one line."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = text
    if isinstance(answer, dict):
        answer = answer.get("detail") or answer.get("error") or answer
    line = " ".join(str(answer).split())
    return f" {line[:_MAX_DETAIL]}" if line else ""
