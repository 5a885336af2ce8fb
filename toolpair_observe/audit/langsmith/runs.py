"""The model runs of a LangSmith project, page by page, through LangSmith's own client."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from toolpair_observe import foreign
from toolpair_observe.audit.trouble import AuditError
from toolpair_observe.pairing.shown import quoted, type_name
from toolpair_observe.reporters.langsmith.feedback import KEY, feedback_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langsmith import Client

# What tells of a request, of who was asked, and of the answer. The answer itself is not fetched.
FIELDS: Final = (
    "id",
    "trace_id",
    "session_id",
    "run_type",
    "start_time",
    "status",
    "error",
    "inputs",
    "extra",
    "serialized",
)
_PAGE: Final = 100
# Their ids stand in the URL.
_ASKED_RUNS: Final = 50
# A server that minds no offset would go on for ever.
_MOST_FEEDBACK: Final = 10_000
# The client itself waits a second, two, four … where there is no connection.
_ATTEMPTS: Final = 5
_LONGEST_WAIT: Final = 120.0
_FIRST_WAIT: Final = 1.0
_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_GOOD: Final = range(200, 300)

Sleep = Callable[[float], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which runs of a project are audited.

    Attributes:
        project: The project's name.
        since: When the first of them began; None for all.
        filter: LangSmith's own filter expression; `""` for none.
        limit: How many at most; None for all.
    """

    project: str
    since: datetime | None = None
    filter: str = ""
    limit: int | None = None


class Page(NamedTuple):
    """Some runs.

    Attributes:
        runs: The runs, as the service gives them; a broken one may be anything.
        cursor: What to ask for the runs that follow; `""` after the last page.
    """

    runs: list[Any]
    cursor: str


class Project:
    """Reads the runs of a project.

    Args:
        client: LangSmith's client.
        name: The project.
        sleep: Waits for some seconds.

    Attributes:
        name: The project's name.
        id: Its id.
    """

    def __init__(self, client: Client, name: str, sleep: Sleep = time.sleep) -> None:
        self.name = name
        self._client = client
        self._sleep = sleep
        found = self._ask("GET", "/sessions", params={"name": name, "limit": 1})
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise AuditError(_NOT_LANGSMITH)
        if not found:
            msg = f"there is no project {quoted(name)} in this workspace"
            raise AuditError(msg)
        self.id = str(found[0].get("id"))

    def pages(self, query: Query, cursor: str = "", left: int | None = None) -> Iterator[Page]:
        """Yield the model runs, the newest first.

        Args:
            query: Which.
            cursor: Where to go on.
            left: How many at most; None for all.

        Raises:
            AuditError: The service can't be reached, or refuses.
        """
        while left is None or left > 0:
            count = _PAGE if left is None else min(_PAGE, left)
            page = self._page(query, cursor, count)
            if left is not None:
                page = page._replace(runs=page.runs[:left])
                left -= len(page.runs)
            yield page
            if not page.cursor:
                return
            cursor = page.cursor

    def runs_with_feedback(self, run_ids: list[str]) -> set[str]:
        """Return which of these runs have feedback of this package.

        Raises:
            AuditError: The service can't be reached, or refuses.
        """
        found = set()
        for start in range(0, len(run_ids), _ASKED_RUNS):
            some = run_ids[start : start + _ASKED_RUNS]
            ours = {feedback_id(UUID(run_id)): run_id for run_id in some}
            for each in self._feedback_of(some):
                # Another author may have used the key.
                identifier = each.get("id") if isinstance(each, dict) else None
                if isinstance(identifier, str) and identifier in ours:
                    found.add(ours[identifier])
        return found

    def _feedback_of(self, run_ids: list[str]) -> Iterator[Any]:
        """Yield the feedback on these runs that has our key, whoever has written it."""
        for offset in range(0, _MOST_FEEDBACK, _PAGE):
            params = {"run": run_ids, "key": KEY, "limit": _PAGE, "offset": offset}
            answer = self._ask("GET", "/feedback", params=params)
            if not isinstance(answer, list):
                raise AuditError(_NOT_LANGSMITH)
            yield from answer
            if len(answer) < _PAGE:
                return

    def _page(self, query: Query, cursor: str, count: int) -> Page:
        body: dict[str, Any] = {
            "session": [self.id],
            "run_type": "llm",
            "select": list(FIELDS),
            "limit": count,
        }
        if query.since is not None:
            body["start_time"] = query.since.isoformat()
        if query.filter:
            body["filter"] = query.filter
        if cursor:
            body["cursor"] = cursor
        answer = self._ask("POST", "/runs/query", data=json.dumps(body))
        runs = answer.get("runs") if isinstance(answer, dict) else None
        if not isinstance(runs, list):
            raise AuditError(_NOT_LANGSMITH)
        cursors = answer.get("cursors")
        following = cursors.get("next") if isinstance(cursors, dict) and runs else None
        return Page(runs, following if isinstance(following, str) else "")

    def _ask(self, method: str, path: str, **content: Any) -> Any:  # noqa: ANN401 - JSON
        from langsmith import utils  # noqa: PLC0415 - takes longer than the command line

        waits = _Waits(self._sleep)
        try:
            response = self._client.request_with_retries(
                method,  # type: ignore[arg-type]
                path,
                # A key goes to the endpoint that it belongs to and nowhere else.
                request_kwargs={"allow_redirects": False, **content},
                stop_after_attempt=_ATTEMPTS,
                handle_response=waits.before_another,
            )
        except utils.LangSmithError as error:
            # The client's own texts quote the answer, and a part of the key.
            raise AuditError(_complaint(waits.status, error)) from None
        except OSError as error:
            raise AuditError(_complaint(0, error)) from None
        if response.status_code not in _GOOD:
            raise AuditError(_complaint(response.status_code, None))
        try:
            return response.json()
        except ValueError:
            raise AuditError(_NOT_LANGSMITH) from None


class _Waits:
    """Waits as long as a busy server asks to, and remembers what it has answered."""

    def __init__(self, sleep: Sleep) -> None:
        self._sleep = sleep
        self.status = 0

    def before_another(self, response: Any, attempt: int) -> bool:  # noqa: ANN401 - of requests
        """Return whether to try again, after a wait."""
        self.status = response.status_code
        if self.status not in _BUSY:
            return False
        asked = _retry_after(response.headers.get("Retry-After", ""))
        self._sleep(
            min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt - 1) if asked is None else asked)
        )
        return True


def _retry_after(value: str) -> float | None:
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return float(value[:16])
    try:
        when = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (when.astimezone(UTC) - datetime.now(UTC)).total_seconds())


_NOT_LANGSMITH: Final = "the answers are not those of LangSmith's API: check LANGSMITH_ENDPOINT"
_STATUS: Final = {
    400: "LangSmith does not understand the question (400): check --filter",
    401: "LangSmith refuses the key (401): check LANGSMITH_API_KEY",
    403: "the key may not read this project (403): check LANGSMITH_API_KEY and "
    "LANGSMITH_WORKSPACE_ID",
    404: "LangSmith does not know the project (404)",
    422: "LangSmith does not understand the question (422): check --filter",
    429: "LangSmith says that there are too many requests (429); go on later",
}


def _complaint(status: int, error: Exception | None) -> str:
    if 300 <= status < 400:  # noqa: PLR2004 - the redirects
        return (
            "LangSmith's endpoint sends requests elsewhere, where the key never follows: check "
            "LANGSMITH_ENDPOINT"
        )
    if status in _STATUS:
        return _STATUS[status]
    if status:
        return f"LangSmith answers with status {status}; go on later"
    return f"LangSmith is not reachable ({type_name(error)}): check LANGSMITH_ENDPOINT"


@contextmanager
def langsmith_client() -> Iterator[Client]:
    """Open LangSmith's client with the key and the endpoint of the environment or the profile.

    Raises:
        AuditError: The client refuses its settings, or there is no key.
    """
    from langsmith import Client, utils  # noqa: PLC0415 - takes longer than the command line

    try:
        # It only asks: it starts no thread and sets no tracer provider up.
        client = Client(
            auto_batch_tracing=False, info={}, tracing_mode="langsmith", tracing_sampling_rate=1.0
        )
    except utils.LangSmithError as error:
        raise AuditError(str(error)) from None
    for adapter in foreign.SESSION.of(client).adapters.values():
        # It would wait by itself, for as long as a server likes.
        adapter.max_retries = adapter.max_retries.new(
            total=0, status_forcelist=(), respect_retry_after_header=False
        )
    try:
        yield client
    finally:
        client.close()
