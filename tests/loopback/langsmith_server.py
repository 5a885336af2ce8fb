"""A LangSmith API on the loopback interface, as far as tracing, feedback and projects go.

It follows the published API and what the `langsmith` client sends, parses every body for real and
refuses what the service would refuse. `LangSmithServer` keeps what it was given and offers views
on it; faults and waiting come from `FaultyServer`.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4, uuid5

import zstandard
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.loopback.faulty_http import Answer, FaultyServer, Request
from tests.loopback.otlp_sink import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

API_KEY = "lsv2_pt_loopback_0123456789abcdef"
TENANT_ID = UUID("0190c1a0-0000-7000-8000-00000000beef")
MAX_KEY_LENGTH = 180
MAX_PAGE = 100
MAX_SCORE = 99_999.9999
RUN_FIELDS = ("inputs", "outputs", "extra", "events", "error", "serialized")
RUN_SELECT = {
    *RUN_FIELDS,
    "dotted_order",
    "end_time",
    "id",
    "name",
    "parent_run_id",
    "run_type",
    "session_id",
    "start_time",
    "status",
    "tags",
    "trace_id",
}
FILTER = re.compile(r"(?:eq|neq|gt|gte|lt|lte|has|and|or|not|search)\(.*\)")
PART_NAME = re.compile(
    r"(?P<kind>post|patch|feedback|attachment)\.(?P<id>[0-9a-f-]{36})(?:\.(?P<field>\w+))?"
)


class RefusedError(Exception):
    """The service says no, with a status."""

    def __init__(self, status: int, detail: object) -> None:
        super().__init__(f"{status}: {detail}")
        self.answer = Answer(status, {"detail": detail})


@dataclass(slots=True)
class Run:
    """One run, merged from what was posted and patched.

    Attributes:
        id: The run id.
        posts: Bodies that created it, in order.
        patches: Bodies that updated it, in order.
        data: Both merged, the last one winning.
    """

    id: str
    posts: list[dict[str, Any]] = field(default_factory=list)
    patches: list[dict[str, Any]] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def take(self, operation: str, body: dict[str, Any]) -> None:
        """Merge a body; a null changes nothing."""
        (self.posts if operation == "post" else self.patches).append(body)
        self.data |= {key: value for key, value in body.items() if value is not None}

    @property
    def name(self) -> str:
        """The run's name."""
        return str(self.data.get("name"))

    @property
    def run_type(self) -> str | None:
        """`"llm"`, `"chain"`, `"tool"` …"""
        return self.data.get("run_type")

    @property
    def trace_id(self) -> str | None:
        """Id of the root run."""
        return self.data.get("trace_id")

    @property
    def parent_run_id(self) -> str | None:
        """Id of the parent run, or None for a root."""
        return self.data.get("parent_run_id")

    @property
    def project(self) -> str | None:
        """Name of the project."""
        return self.data.get("session_name")

    @property
    def tags(self) -> list[str]:
        """The run's tags."""
        return list(self.data.get("tags") or [])

    @property
    def metadata(self) -> dict[str, Any]:
        """`extra.metadata`."""
        return dict((self.data.get("extra") or {}).get("metadata") or {})

    @property
    def error(self) -> str | None:
        """The error's text, or None."""
        return self.data.get("error")

    @property
    def end_time(self) -> str | None:
        """When the run ended, or None while it is pending."""
        return self.data.get("end_time")

    @property
    def is_pending(self) -> bool:
        """Whether LangSmith would show a spinner for ever."""
        return self.end_time is None


class LangSmithServer(FaultyServer):
    """The service. Use it as a context manager or through `start` and `stop`.

    Attributes:
        api_key: The only key that is let in.
        info: What `/info` answers; change it before the client asks.
        require_known_run: Answer 404 to feedback on a run that has not arrived yet.
        runs: By run id.
        feedback: By feedback id; a repeated id overwrites.
        feedback_configs: By feedback key.
        projects: Project bodies by name.
        sections: Chart sections by id.
        charts: Charts by id.
        alerts: Alert rules with their actions, by the id of the rule.
        filters: Saved filters by id.
    """

    def __init__(self, api_key: str = API_KEY) -> None:
        super().__init__()
        self.api_key = api_key
        self.info: dict[str, Any] = {
            "version": "0.13.40",
            "license_expiration_time": None,
            "instance_flags": {"zstd_compression_enabled": True},
            "batch_ingest_config": {
                "use_multipart_endpoint": True,
                "scale_up_qsize_trigger": 1000,
                "scale_up_nthreads_limit": 16,
                "scale_down_nempty_trigger": 4,
                "size_limit": 100,
                "size_limit_bytes": 20_971_520,
            },
        }
        self.require_known_run = False
        self.runs: dict[str, Run] = {}
        self.feedback: dict[str, dict[str, Any]] = {}
        self.feedback_configs: dict[str, dict[str, Any]] = {}
        self.projects: dict[str, dict[str, Any]] = {}
        self.sections: dict[str, dict[str, Any]] = {}
        self.charts: dict[str, dict[str, Any]] = {}
        self.alerts: dict[str, dict[str, Any]] = {}
        self.filters: dict[str, dict[str, Any]] = {}

    # Views

    def pending_runs(self) -> list[Run]:
        """Runs that were posted and never ended."""
        with self.changed:
            return [run for run in self.runs.values() if run.posts and run.is_pending]

    def ended_runs(self, run_type: str | None = None) -> list[Run]:
        """Runs that ended, in order of arrival."""
        with self.changed:
            return [
                run
                for run in self.runs.values()
                if not run.is_pending and run_type in (None, run.run_type)
            ]

    def feedback_for(self, run_id: UUID | str) -> list[dict[str, Any]]:
        """The feedback on one run."""
        with self.changed:
            return [item for item in self.feedback.values() if item.get("run_id") == str(run_id)]

    def wait_for_runs_to_end(self, count: int, timeout: float = 10.0) -> None:
        """Wait until `count` runs have arrived and none is pending."""
        self.wait_for(
            lambda: len(self.runs) >= count and not any(r.is_pending for r in self.runs.values()),
            timeout,
        )

    def wait_for_feedback(self, count: int, timeout: float = 10.0) -> None:
        """Wait until there are `count` pieces of feedback."""
        self.wait_for(lambda: len(self.feedback) >= count, timeout)

    def ensure_project(self, name: str) -> dict[str, Any]:
        """The project of that name, made where it does not exist yet."""
        with self.changed:
            if name not in self.projects:
                self.projects[name] = {
                    "id": str(uuid5(TENANT_ID, name)),
                    "tenant_id": str(TENANT_ID),
                    "name": name,
                    "start_time": _now(),
                    "reference_dataset_id": None,
                    "extra": None,
                }
            return self.projects[name]

    # Answering

    def answer(self, request: Request) -> Answer:
        """Route a request."""
        if request.path == "/info":
            return Answer(200, self.info)
        try:
            self._authenticate(request)
            for pattern, route in self._routes():
                method, path = pattern.split(" ")
                match = re.fullmatch(path, request.path)
                if method == request.method and match:
                    return route(request, **match.groupdict())
        except RefusedError as refused:
            return refused.answer
        return Answer(404, {"detail": "Not Found"})

    def _routes(self) -> Iterator[tuple[str, Callable[..., Answer]]]:
        yield "POST /runs/multipart", self._ingest_multipart
        yield "POST /runs/batch", self._ingest_batch
        yield "POST /runs", self._post_run
        yield "POST /otel/v1/traces", self._ingest_spans
        yield "POST /runs/query", self._query_runs
        yield r"PATCH /runs/(?P<run_id>[0-9a-f-]{36})", self._patch_run
        yield "POST /feedback", self._post_feedback
        yield "GET /feedback", self._list_feedback
        yield "GET /sessions", self._list_projects
        yield "POST /sessions", self._create_project
        yield r"GET /sessions/(?P<project_id>[0-9a-f-]{36})", self._read_project
        yield "GET /feedback-configs", self._list_feedback_configs
        yield "POST /feedback-configs", self._create_feedback_config
        yield "PATCH /feedback-configs", self._update_feedback_config
        id_ = "[0-9a-f-]{36}"
        yield "GET /charts/section", self._list_sections
        yield "POST /charts/section", self._create_section
        yield f"POST /charts/section/(?P<section_id>{id_})", self._read_section
        yield f"PATCH /charts/section/(?P<section_id>{id_})", self._update_section
        yield "POST /charts/create", self._create_chart
        yield f"PATCH /charts/(?P<chart_id>{id_})", self._update_chart
        yield "GET /platform/alerts", self._list_alerts
        yield f"POST /platform/alerts/(?P<project_id>{id_})", self._create_alert
        yield f"GET /platform/alerts/(?P<project_id>{id_})/(?P<rule_id>{id_})", self._read_alert
        yield f"PATCH /platform/alerts/(?P<project_id>{id_})/(?P<rule_id>{id_})", self._update_alert
        yield f"GET /sessions/(?P<project_id>{id_})/views", self._list_filters
        yield f"POST /sessions/(?P<project_id>{id_})/views", self._create_filter
        yield f"PATCH /sessions/(?P<project_id>{id_})/views/(?P<view_id>{id_})", self._update_filter

    def _authenticate(self, request: Request) -> None:
        if request.headers.get("x-api-key") != self.api_key:
            raise RefusedError(401, "Invalid token")

    # Runs

    def _ingest_multipart(self, request: Request) -> Answer:
        runs: dict[tuple[str, str], dict[str, Any]] = {}
        feedback = []
        for name, data in _multipart_parts(request):
            match = PART_NAME.fullmatch(name)
            if match is None:
                raise RefusedError(422, f"Invalid part name: {name}")
            kind, id_, field_name = match["kind"], match["id"], match["field"]
            if kind == "feedback":
                feedback.append(json.loads(data))
            elif field_name is None:
                runs[kind, id_] = json.loads(data)
            elif kind != "attachment":
                if (kind, id_) not in runs or field_name not in RUN_FIELDS:
                    raise RefusedError(422, f"Stray part: {name}")
                runs[kind, id_][field_name] = json.loads(data)
        for (kind, id_), body in runs.items():
            if not body.get("trace_id") or not body.get("dotted_order"):
                raise RefusedError(422, f"{kind}.{id_}: trace_id and dotted_order are required")
            self._take_run(kind, id_, body)
        for item in feedback:
            self._take_feedback(item)
        return Answer(202, {"message": "Runs batch ingested"})

    def _ingest_batch(self, request: Request) -> Answer:
        body = json.loads(_decoded(request))
        for operation in ("post", "patch"):
            for run in body.get(operation) or []:
                self._take_run(operation, run["id"], run)
        return Answer(202, {"message": "Runs batch ingested"})

    def _post_run(self, request: Request) -> Answer:
        body = json.loads(_decoded(request))
        self._take_run("post", body["id"], body)
        return Answer(202, {"message": "Run created"})

    def _patch_run(self, request: Request, run_id: str) -> Answer:
        self._take_run("patch", run_id, json.loads(_decoded(request)))
        return Answer(202, {"message": "Run updated"})

    def _ingest_spans(self, request: Request) -> Answer:
        """Make a run of each span, by the rules of the documentation and of the client.

        Its id is the span's, with zeros before it, unless the attributes of LangSmith say another.
        """
        for group in ExportTraceServiceRequest.FromString(request.body).resource_spans:
            for scope in group.scope_spans:
                for span in scope.spans:
                    self._take_span(span, plain(span.attributes))
        return Answer()

    def _take_span(self, span: Span, attributes: dict[str, Any]) -> None:
        run_id = attributes.get("langsmith.span.id") or _run_id_of(span.span_id)
        body = {
            "name": span.name,
            "run_type": attributes.get("langsmith.span.kind"),
            "parent_run_id": attributes.get("langsmith.span.parent_id")
            or _run_id_of(span.parent_span_id),
            "trace_id": attributes.get("langsmith.trace.id"),
            "dotted_order": attributes.get("langsmith.span.dotted_order"),
            "session_name": attributes.get("langsmith.trace.session_name"),
            "end_time": span.end_time_unix_nano,
            "tags": attributes.get("langsmith.span.tags", "").split(", "),
        }
        self._take_run("post", run_id, body)

    def _take_run(self, operation: str, run_id: str, body: dict[str, Any]) -> None:
        run = self.runs.setdefault(run_id, Run(run_id))
        run.take(operation, body)
        if body.get("session_name"):
            self.ensure_project(body["session_name"])

    def _query_runs(self, request: Request) -> Answer:
        """Answer a page of runs, the newest first, each with the fields that were asked for."""
        body = request.json
        unknown = set(body["select"]) - RUN_SELECT
        if unknown or not 1 <= body["limit"] <= MAX_PAGE:
            raise RefusedError(422, f"Unprocessable: {sorted(unknown)}, {body['limit']}")
        if body.get("filter") and not FILTER.fullmatch(body["filter"]):
            raise RefusedError(400, "Invalid filter")
        names = {each["name"]: each["id"] for each in self.projects.values()}
        rows = [self._row(run, names) for run in self.runs.values()]
        found = [
            row
            for row in rows
            if row["session_id"] in body["session"]
            and row["run_type"] == body.get("run_type", row["run_type"])
            and row["start_time"] >= body.get("start_time", "")[: len(row["start_time"])]
        ]
        found.sort(key=lambda row: row["start_time"], reverse=True)
        start = int(body.get("cursor", "next:0").removeprefix("next:"))
        end = start + body["limit"]
        page = [{name: row.get(name) for name in body["select"]} for row in found[start:end]]
        following = f"next:{end}" if end < len(found) else None
        return Answer(200, {"runs": page, "cursors": {"next": following, "prev": None}})

    @staticmethod
    def _row(run: Run, projects: dict[str, str]) -> dict[str, Any]:
        data = run.data
        status = "error" if data.get("error") else "pending" if run.is_pending else "success"
        return data | {"status": status, "session_id": projects.get(run.project or "")}

    # Feedback

    def _list_feedback(self, request: Request) -> Answer:
        runs, keys = request.query.get("run", []), request.query.get("key", [])
        limit = int(request.query.get("limit", ["100"])[0])
        offset = int(request.query.get("offset", ["0"])[0])
        if not 1 <= limit <= MAX_PAGE:
            raise RefusedError(422, "limit")
        found = [
            each
            for each in self.feedback.values()
            if each.get("run_id") in runs and each["key"] in keys
        ]
        return Answer(200, found[offset : offset + limit])

    def _post_feedback(self, request: Request) -> Answer:
        return Answer(200, self._take_feedback(request.json))

    def _take_feedback(self, body: dict[str, Any]) -> dict[str, Any]:
        _validate_feedback(body)
        run_id, session_id = body.get("run_id"), body.get("session_id")
        known_projects = {project["id"] for project in self.projects.values()}
        if session_id is not None and session_id not in known_projects:
            raise RefusedError(404, "Session not found")
        if run_id is not None and session_id is None and self._needs_session_id:
            raise RefusedError(422, "session_id is required")
        if self.require_known_run and run_id is not None and run_id not in self.runs:
            raise RefusedError(404, "Run not found")
        self.feedback[body["id"]] = body
        return body

    @property
    def _needs_session_id(self) -> bool:
        flags = self.info.get("instance_flags") or {}
        return bool(flags.get("sdb_query_enabled")) and not flags.get("ch_query_enabled", True)

    # Projects

    def _list_projects(self, request: Request) -> Answer:
        names = request.query.get("name")
        limit = int(request.query.get("limit", ["100"])[0])
        found = [p for p in self.projects.values() if names is None or p["name"] in names]
        return Answer(200, found[:limit])

    def _create_project(self, request: Request) -> Answer:
        if request.json["name"] in self.projects:
            raise RefusedError(409, "Session already exists.")
        return Answer(200, self.ensure_project(request.json["name"]))

    def _read_project(self, request: Request, project_id: str) -> Answer:
        for project in self.projects.values():
            if project["id"] == project_id:
                return Answer(200, project)
        raise RefusedError(404, f"Session {project_id} not found for {request.path}")

    # Feedback configs

    def _list_feedback_configs(self, request: Request) -> Answer:
        keys = request.query.get("key")
        limit = int(request.query.get("limit", ["100"])[0])
        offset = int(request.query.get("offset", ["0"])[0])
        found = [c for k, c in self.feedback_configs.items() if keys is None or k in keys]
        return Answer(200, found[offset : offset + limit])

    def _create_feedback_config(self, request: Request) -> Answer:
        body = request.json
        _validate_key(body.get("feedback_key"))
        existing = self.feedback_configs.get(body["feedback_key"])
        if existing is not None:
            if existing["feedback_config"] != body["feedback_config"]:
                raise RefusedError(400, "Feedback config already exists")
            return Answer(200, existing)
        config = {
            "id": str(uuid4()),
            "feedback_key": body["feedback_key"],
            "feedback_config": body["feedback_config"],
            "is_lower_score_better": body.get("is_lower_score_better", False),
            "is_enforced": body.get("is_enforced", False),
            "tenant_id": str(TENANT_ID),
            "modified_at": _now(),
        }
        self.feedback_configs[body["feedback_key"]] = config
        return Answer(200, config)

    def _update_feedback_config(self, request: Request) -> Answer:
        existing = self.feedback_configs.get(request.json.get("feedback_key"))
        if existing is None:
            raise RefusedError(404, "Feedback config not found")
        for name in ("feedback_config", "is_lower_score_better"):
            if name in request.json:
                existing[name] = request.json[name]
        existing["modified_at"] = _now()
        return Answer(200, existing)

    # Charts

    def _list_sections(self, request: Request) -> Answer:
        wanted = request.query.get("title_contains", [""])[0]
        return Answer(200, [s for s in self.sections.values() if wanted in s["title"]])

    def _create_section(self, request: Request) -> Answer:
        section = {"id": str(uuid4()), "index": 0, "description": None} | request.json
        _require(section, "title")
        self.sections[section["id"]] = section
        return Answer(200, section)

    def _read_section(self, request: Request, section_id: str) -> Answer:
        section = _known(self.sections, section_id)
        charts = [
            chart | {"data": []}
            for chart in self.charts.values()
            if chart["section_id"] == section_id
        ]
        _require(request.json, "start_time")
        return Answer(200, section | {"charts": charts})

    def _update_section(self, request: Request, section_id: str) -> Answer:
        _known(self.sections, section_id).update(request.json)
        return Answer(200, self.sections[section_id])

    def _create_chart(self, request: Request) -> Answer:
        chart = {"id": str(uuid4()), "index": 0} | request.json
        _require(chart, "title", "chart_type", "series")
        _known(self.sections, chart["section_id"])
        chart["series"] = [{"id": str(uuid4())} | _series(each) for each in chart["series"]]
        self.charts[chart["id"]] = chart
        return Answer(200, chart)

    def _update_chart(self, request: Request, chart_id: str) -> Answer:
        chart = _known(self.charts, chart_id) | request.json
        chart["series"] = [{"id": str(uuid4())} | _series(each) for each in chart["series"]]
        self.charts[chart_id] = chart
        return Answer(200, chart)

    # Alerts

    def _list_alerts(self, request: Request) -> Answer:
        offset = int(request.query.get("offset", ["0"])[0])
        limit = int(request.query.get("limit", ["100"])[0])
        every = list(self.alerts.values())
        page = every[offset : offset + limit]
        return Answer(200, {"session_alert_rules": page, "total": len(every)})

    def _create_alert(self, request: Request, project_id: str) -> Answer:
        alert = _alert(request.json)
        # The service creates ids.
        alert["rule"] |= {"id": str(uuid4()), "session_id": project_id, "created_at": _now()}
        self.alerts[alert["rule"]["id"]] = alert
        return Answer(201, alert)

    def _read_alert(self, request: Request, project_id: str, rule_id: str) -> Answer:
        return Answer(200, _known(self.alerts, rule_id))

    def _update_alert(self, request: Request, project_id: str, rule_id: str) -> Answer:
        alert = _known(self.alerts, rule_id)
        changed = _alert(request.json)
        alert["rule"] |= changed["rule"]
        alert["actions"] = changed["actions"]
        return Answer(200, alert)

    # Saved filters

    def _list_filters(self, request: Request, project_id: str) -> Answer:
        return Answer(200, [f for f in self.filters.values() if f["session_id"] == project_id])

    def _create_filter(self, request: Request, project_id: str) -> Answer:
        view = {"id": str(uuid4()), "session_id": project_id} | request.json
        _require(view, "display_name")
        self.filters[view["id"]] = view
        return Answer(200, view)

    def _update_filter(self, request: Request, project_id: str, view_id: str) -> Answer:
        _known(self.filters, view_id).update(request.json)
        return Answer(200, self.filters[view_id])


ALERT_CHOICES = {
    "type": {"threshold", "change"},
    "aggregation": {"avg", "sum", "pct"},
    "operator": {"gte", "lte", "gt", "lt"},
    "attribute": {
        "latency",
        "error_count",
        "feedback_score",
        "run_latency",
        "run_count",
        "total_cost",
    },
}
ALERT_TARGETS = {"pagerduty", "webhook", "dynatrace", "slack"}


def _known(store: dict[str, dict[str, Any]], id_: str) -> dict[str, Any]:
    if id_ not in store:
        raise RefusedError(404, "Not found")
    return store[id_]


def _require(body: dict[str, Any], *names: str) -> None:
    for name in names:
        if body.get(name) in (None, ""):
            raise RefusedError(422, [{"loc": ["body", name], "msg": "missing"}])


def _series(body: dict[str, Any]) -> dict[str, Any]:
    _require(body, "name")
    if not body.get("metric") and not body.get("metric_definition"):
        raise RefusedError(422, "a series needs a metric")
    return body


def _alert(body: dict[str, Any]) -> dict[str, Any]:
    rule, actions = body["rule"], body["actions"]
    _require(rule, "name", "description", *ALERT_CHOICES)
    if any(rule[name] not in choices for name, choices in ALERT_CHOICES.items()):
        raise RefusedError(400, "Invalid request: unknown choice")
    if not 1 <= rule["window_minutes"] <= 60:
        raise RefusedError(400, "Invalid request: window_minutes")
    if any(action["target"] not in ALERT_TARGETS for action in actions):
        raise RefusedError(400, "Invalid request: unknown target")
    return {"rule": dict(rule), "actions": actions}


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _run_id_of(span_id: bytes) -> str | None:
    return str(UUID(bytes=span_id.rjust(16, b"\0"))) if span_id else None


def _validate_key(key: object) -> None:
    if not isinstance(key, str) or not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise RefusedError(422, [{"loc": ["body", "key"], "msg": "1 to 180 characters"}])


def _validate_feedback(body: dict[str, Any]) -> None:
    _validate_key(body.get("key"))
    for name in ("id", "run_id", "trace_id", "session_id"):
        _validate_id(name, body.get(name))
    if body.get("run_id") is None and body.get("session_id") is None:
        raise RefusedError(422, "run_id or session_id is required")
    score = body.get("score")
    if score is not None and (
        not isinstance(score, int | float) or abs(score) > MAX_SCORE or round(score, 4) != score
    ):
        raise RefusedError(422, [{"loc": ["body", "score"], "msg": "at most 4 decimals"}])
    value = body.get("value")
    if value is not None and not isinstance(value, str | int | float | dict):
        raise RefusedError(422, [{"loc": ["body", "value"], "msg": "unknown type"}])


def _validate_id(name: str, value: object) -> None:
    if value is None:
        if name == "id":
            raise RefusedError(422, [{"loc": ["body", name], "msg": "missing"}])
        return
    try:
        UUID(str(value))
    except ValueError:
        raise RefusedError(422, [{"loc": ["body", name], "msg": "not a UUID"}]) from None


def _decoded(request: Request) -> bytes:
    if request.headers.get("content-encoding") != "zstd":
        return request.body
    reader = zstandard.ZstdDecompressor().stream_reader(
        io.BytesIO(request.body), read_across_frames=True
    )
    return bytes(reader.read())


def _multipart_parts(request: Request) -> Iterator[tuple[str, bytes]]:
    """Yield name and body of each part of a `multipart/form-data` body."""
    boundary = re.search(r'boundary="?([^";]+)', request.headers.get("content-type", ""))
    if boundary is None:
        raise RefusedError(422, "multipart/form-data with a boundary is required")
    delimiter = b"--" + boundary[1].encode()
    body = _decoded(request)
    position = body.find(delimiter)
    while position >= 0 and not body.startswith(delimiter + b"--", position):
        start = body.index(b"\r\n", position) + 2
        header_end = body.index(b"\r\n\r\n", start)
        headers = body[start:header_end].decode()
        content = header_end + 4
        length = re.search(r"(?im)^content-length:\s*(\d+)", headers)
        end = content + int(length[1]) if length else body.index(b"\r\n" + delimiter, content)
        name = re.search(r'name="([^"]*)"', headers)
        if name is None or not body.startswith(b"\r\n" + delimiter, end):
            raise RefusedError(422, "Malformed multipart body")
        yield name[1], body[content:end]
        position = end + 2
    if position < 0:
        raise RefusedError(422, "Multipart body without a closing boundary")
