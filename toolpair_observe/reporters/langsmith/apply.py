"""Create or update feedback config, charts, alerts and saved filters in a LangSmith project.

The JSON files of `dashboards/langsmith` define the objects. Each object is looked up by its name,
compared field by field, and only written where it differs, so applying twice changes nothing.
Fields that the files do not name are left as they are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from toolpair_observe.pairing.shown import type_name
from toolpair_observe.reporters.langsmith.project_api import ApplyError, Body, ProjectApi, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from toolpair_observe.reporters.langsmith.workspace import Workspace

PROJECT_ID: Final = "$PROJECT_ID"
PROJECT_NAME: Final = "$PROJECT_NAME"
_MAX_ALERTS: Final = 10_000
# After these every other request would fail in the same way.
_FATAL: Final = frozenset(
    {
        Reason.MISSING_KEY,
        Reason.WRONG_KEY,
        Reason.UNREACHABLE,
        Reason.NO_PROJECT,
        Reason.BUSY,
        Reason.REDIRECTED,
    }
)


class Action(StrEnum):
    """What is done with one object."""

    CREATE = "create"
    UPDATE = "update"
    KEEP = "keep"
    SKIP = "skip"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class AppliedStep:
    """One object and what is done with it.

    Attributes:
        action: What is done.
        what: The sort of object and its name.
        detail: The fields that differ, or why it is left out or failed; `""` otherwise.
        reason: Why it failed, else None.
    """

    action: Action
    what: str
    detail: str = ""
    reason: Reason | None = None


def load(name: str) -> Any:  # noqa: ANN401 -- JSON
    """Read one of the JSON files, from the installed package or from the source tree."""
    installed = resources.files("toolpair_observe").joinpath("_dashboards/langsmith", name)
    if installed.is_file():
        return json.loads(installed.read_text(encoding="utf-8"))
    source = Path(__file__).resolve().parents[3] / "dashboards" / "langsmith" / name
    return json.loads(source.read_text(encoding="utf-8"))


def apply(
    workspace: Workspace, project: str, *, dry_run: bool = False, webhook: str | None = None
) -> Iterator[AppliedStep]:
    """Bring a project to what the files say, one step at a time.

    Args:
        workspace: The workspace of the project.
        project: Name of the project.
        dry_run: Only read, and yield what would be done.
        webhook: URL that alerts are sent to; None leaves the alerts out.

    Yields:
        Each object with what is done, or would be done, with it.

    Raises:
        ApplyError: Nothing more can be done at all.
    """
    try:
        yield from steps(ProjectApi(workspace), project, dry_run=dry_run, webhook=webhook)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        message = (
            f"the answers of {workspace.server.netloc} are not those of LangSmith's API "
            f"({type_name(error)}): check LANGSMITH_ENDPOINT"
        )
        raise ApplyError(Reason.REFUSED, message) from None


class Api(Protocol):
    """What the steps need of LangSmith, whether it is there or not."""

    platform: str

    def get(self, path: str, **params: str | int) -> Any:  # noqa: ANN401 -- JSON
        """Return the answer to a GET request."""

    def post(self, path: str, body: Body) -> Any:  # noqa: ANN401 -- JSON
        """Return the answer to a POST request."""

    def patch(self, path: str, body: Body) -> Any:  # noqa: ANN401 -- JSON
        """Return the answer to a PATCH request."""


def steps(api: Api, project: str, *, dry_run: bool, webhook: str | None) -> Iterator[AppliedStep]:
    """Yield what is done, or would be done, with each object; see `apply`."""
    project_id = _project_id(api, project)
    fill = partial(_fill, values={PROJECT_ID: project_id, PROJECT_NAME: project})
    applier = _Applier(api, dry_run=dry_run)
    yield from _feedback_config(applier, fill(load("feedback-config.json")))
    yield from _charts(applier, fill(load("charts.json")))
    yield from _alerts(applier, fill(load("alerts.json")), project_id, webhook)
    yield from _filters(applier, fill(load("filters.json")), project_id)


@dataclass(frozen=True, slots=True)
class _Applier:
    """Brings one object after the other to what the files define."""

    api: Api
    dry_run: bool

    def settle(
        self,
        what: str,
        wanted: Body,
        existing: Body | None,
        create: Callable[[], Any],
        update: Callable[[Body], Any],
    ) -> tuple[AppliedStep, Any]:
        """Create, update or keep an object; return the step and the object, as far as known."""
        changes = sorted(k for k in wanted if existing is None or _differs(wanted[k], existing[k]))
        if existing is not None and not changes:
            return AppliedStep(Action.KEEP, what), existing
        action = Action.CREATE if existing is None else Action.UPDATE
        detail = "" if existing is None else ", ".join(changes)
        if self.dry_run:
            return AppliedStep(action, what, detail), existing
        try:
            made = create() if existing is None else update(existing)
        except ApplyError as error:
            return _failed(what, error), None
        return AppliedStep(action, what, detail), made


def _patching(api: Api, path_of: Callable[[Body], str], body: Body) -> Callable[[Body], Any]:
    return lambda old: api.patch(path_of(old), body)


def _failed(what: str, error: ApplyError) -> AppliedStep:
    if error.reason in _FATAL:
        raise error
    return AppliedStep(Action.FAIL, what, str(error), error.reason)


def _project_id(api: Api, name: str) -> str:
    try:
        found = api.get("/sessions", name=name, limit=1, include_stats="false")
    except ApplyError as error:
        if error.reason is Reason.NO_PERMISSION:
            # The hosted service answers so to a key that it does not know, too.
            raise ApplyError(Reason.WRONG_KEY, f"wrong API key, or {error}") from None
        raise
    if not found:
        message = f"there is no project {name!r}: it comes into being with its first traced run"
        raise ApplyError(Reason.NO_PROJECT, message)
    return str(found[0]["id"])


def _feedback_config(applier: _Applier, wanted: Body) -> Iterator[AppliedStep]:
    key = wanted["feedback_key"]
    what = f"feedback config {key}"
    try:
        found = applier.api.get("/feedback-configs", key=key, limit=100)
    except ApplyError as error:
        yield _failed(what, error)
        return
    existing = next((each for each in found if each["feedback_key"] == key), None)
    step, _ = applier.settle(
        what,
        wanted,
        existing and _with_all(wanted, existing),
        create=lambda: applier.api.post("/feedback-configs", wanted),
        update=lambda _: applier.api.patch("/feedback-configs", wanted),
    )
    yield step


def _charts(applier: _Applier, wanted: Body) -> Iterator[AppliedStep]:
    section_wanted, charts_wanted = wanted["section"], wanted["charts"]
    title = section_wanted["title"]
    what = f"chart section {title!r}"
    try:
        found = applier.api.get("/charts/section", title_contains=title, limit=100)
        existing = next((each for each in found if each["title"] == title), None)
        charts = [] if existing is None else _charts_of(applier.api, existing["id"])
    except ApplyError as error:
        yield _failed(what, error)
        return
    step, section = applier.settle(
        what,
        section_wanted,
        existing and _with_all(section_wanted, existing),
        create=lambda: applier.api.post("/charts/section", section_wanted),
        update=_patching(applier.api, lambda old: f"/charts/section/{old['id']}", section_wanted),
    )
    yield step
    for chart in charts_wanted:
        name = f"chart {chart['title']!r}"
        if section is None and not applier.dry_run:
            yield AppliedStep(Action.SKIP, name, "its section could not be made")
            continue
        body = chart if section is None else chart | {"section_id": section["id"]}
        present = next((each for each in charts if each["title"] == chart["title"]), None)
        step, _ = applier.settle(
            name,
            chart,
            present and _with_all(chart, present),
            create=partial(applier.api.post, "/charts/create", body),
            update=_patching(applier.api, lambda old: f"/charts/{old['id']}", body),
        )
        yield step


def _charts_of(api: Api, section_id: str) -> list[Body]:
    now = datetime.now(UTC)
    period = {
        "start_time": (now - timedelta(hours=1)).isoformat(),
        "end_time": now.isoformat(),
        "timezone": "UTC",
        "omit_data": True,
    }
    answer = api.post(f"/charts/section/{section_id}", period)
    return [chart for chart in answer.get("charts") or () if "title" in chart]


def _alerts(
    applier: _Applier, wanted: list[Body], project_id: str, webhook: str | None
) -> Iterator[AppliedStep]:
    names = {rule["name"]: f"alert {rule['name']!r}" for rule in wanted}
    if webhook is None:
        for what in names.values():
            yield AppliedStep(Action.SKIP, what, "nowhere to send it: give a webhook")
        return
    path = f"{applier.api.platform}/alerts"
    try:
        every = _every_alert(applier.api, path)
    except ApplyError as error:
        for what in names.values():
            yield _failed(what, error)
        return
    actions = [{"target": "webhook", "config": {"url": webhook}}]
    for rule in wanted:
        body = {"rule": rule, "actions": actions}
        present = next(
            (
                each
                for each in every
                if each["rule"]["name"] == rule["name"]
                and each["rule"].get("session_id") == project_id
            ),
            None,
        )
        step, _ = applier.settle(
            names[rule["name"]],
            body,
            present and _with_all(body, present),
            create=partial(applier.api.post, f"{path}/{project_id}", body),
            update=_patching(
                applier.api, lambda old: f"{path}/{project_id}/{old['rule']['id']}", body
            ),
        )
        yield step


def _every_alert(api: Api, path: str) -> list[Body]:
    every: list[Body] = []
    while True:
        page = api.get(path, limit=100, offset=len(every))
        found = page.get("session_alert_rules") or []
        every += found
        if not found or len(every) >= min(page.get("total", 0), _MAX_ALERTS):
            return every


def _filters(applier: _Applier, wanted: list[Body], project_id: str) -> Iterator[AppliedStep]:
    path = f"/sessions/{project_id}/views"
    try:
        found = applier.api.get(path)
    except ApplyError as error:
        yield _failed("saved filters", error)
        return
    for view in wanted:
        name = view["display_name"]
        present = next((each for each in found if each["display_name"] == name), None)
        step, _ = applier.settle(
            f"saved filter {name!r}",
            view,
            present and _with_all(view, present),
            create=partial(applier.api.post, path, view),
            update=_patching(applier.api, lambda old: f"{path}/{old['id']}", view),
        )
        yield step


def _with_all(wanted: Body, existing: Body) -> Body:
    """Return the object with None for each field that an older server leaves out."""
    return dict.fromkeys(wanted) | existing


def _differs(wanted: object, existing: object) -> bool:
    """Whether `existing`, which may have more fields, differs in a field of `wanted`."""
    if isinstance(wanted, dict):
        if not isinstance(existing, dict):
            return True
        return any(_differs(value, existing.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        if not isinstance(existing, list) or len(wanted) != len(existing):
            return True
        return any(map(_differs, wanted, existing))
    return wanted != existing


def _fill(template: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401 -- JSON
    if isinstance(template, dict):
        return {key: _fill(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [_fill(value, values) for value in template]
    if isinstance(template, str):
        for name, value in values.items():
            template = template.replace(name, value)
    return template
