"""The JSON for LangSmith: what the client's own schema types and the published API allow."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from langsmith import schemas
from pydantic import TypeAdapter

from tests.loopback.langsmith_server import ALERT_CHOICES
from toolpair_observe.pairing.words import Effect, Outcome, ViolationKind
from toolpair_observe.reporters.langsmith import feedback as langsmith
from toolpair_observe.reporters.langsmith.apply import PROJECT_ID, load

section_types = pytest.importorskip(
    "langsmith.types.custom_charts_section", reason="langsmith before 0.14 has no chart types"
)

FILES = Path(__file__).resolve().parents[2] / "dashboards" / "langsmith"
NAMES = sorted(path.name for path in FILES.glob("*.json"))


def texts(value: Any) -> list[str]:
    """Every string in a JSON value."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [value] if isinstance(value, str) else []


def every_filter() -> list[str]:
    found = [text for name in NAMES for text in texts(load(name))]
    return [text for text in found if re.match(r"(and|eq|has)\(", text)]


def test_every_file_is_known_and_loads_from_the_package() -> None:
    assert NAMES == ["alerts.json", "charts.json", "feedback-config.json", "filters.json"]
    for name in NAMES:
        assert load(name) == json.loads((FILES / name).read_text())


def test_the_feedback_config_is_one_of_the_client() -> None:
    config = load("feedback-config.json")
    assert config["feedback_key"] == langsmith.KEY
    assert config["is_lower_score_better"] is True
    known = schemas.FeedbackConfigSchema.model_fields
    assert set(config) <= set(known)
    adapter: TypeAdapter[Any] = TypeAdapter(schemas.FeedbackConfig)
    checked = adapter.validate_python(config["feedback_config"], strict=True)
    assert checked == {"type": "continuous", "min": 0.0, "max": 1.0}


def test_the_charts_are_those_of_the_client() -> None:
    wanted = load("charts.json")
    answered = wanted["section"] | {
        "id": str(uuid4()),
        "charts": [
            chart
            | {
                "id": str(uuid4()),
                "data": [],
                "series": [{"id": str(uuid4()), **series} for series in chart["series"]],
            }
            for chart in wanted["charts"]
        ],
    }
    # The generated models take what they do not know, so compare what comes out again.
    section = section_types.CustomChartsSection.model_validate(answered)
    for chart, given in zip(section.charts, answered["charts"], strict=True):
        assert type(chart) is section_types.ChartSingleCustomChartResponseSerialized
        assert chart.__pydantic_extra__ in (None, {})
        for series, wanted_series in zip(chart.series, given["series"], strict=True):
            assert series.__pydantic_extra__ in (None, {})
            assert series.model_dump(exclude_none=True, mode="json") == wanted_series


def test_each_kind_has_its_series() -> None:
    (by_kind,) = (c for c in load("charts.json")["charts"] if c["title"].endswith("by kind"))
    assert [series["name"] for series in by_kind["series"]] == [
        kind.value for kind in ViolationKind
    ]
    for series in by_kind["series"]:
        assert f'"{langsmith.KIND_TAG_PREFIX}{series["name"]}"' in series["filters"]["filter"]


def test_each_series_looks_at_one_project_and_measures_something() -> None:
    for chart in load("charts.json")["charts"]:
        for series in chart["series"]:
            assert PROJECT_ID in texts(series)
            assert "metric" in series or "metric_definition" in series


def test_the_alerts_keep_to_the_published_choices() -> None:
    for rule in load("alerts.json"):
        assert all(rule[name] in choices for name, choices in ALERT_CHOICES.items())
        assert 1 <= rule["window_minutes"] <= 60
        assert rule["name"]
        assert rule["description"].endswith(".")
        assert rule["filter"]


def test_filters_name_only_what_the_reporter_writes() -> None:
    tags = {langsmith.TAG, langsmith.MASKED_TAG} | {
        langsmith.KIND_TAG_PREFIX + kind for kind in ViolationKind
    }
    values = {
        langsmith.METADATA_OUTCOME: set(map(str, Outcome)),
        langsmith.METADATA_EFFECT: set(map(str, Effect)),
    }
    assert len(every_filter()) > 10
    for text in every_filter():
        assert text.count("(") == text.count(")")
        assert set(re.findall(r'has\(tags, "([^"]*)"\)', text)) <= tags
        pairs = re.findall(r'eq\(metadata_key, "([^"]*)"\), eq\(metadata_value, "([^"]*)"\)', text)
        assert len(pairs) == text.count("metadata_key")
        for key, value in pairs:
            assert value in values[key]
        assert set(re.findall(r'eq\(feedback_key, "([^"]*)"\)', text)) <= {langsmith.KEY}


def test_charts_group_by_what_somebody_writes() -> None:
    paths = {
        series["group_by"]["path"]
        for chart in load("charts.json")["charts"]
        for series in chart["series"]
        if "group_by" in series
    }
    by_tracer = {"ls_model_name"}
    assert paths == by_tracer | {langsmith.METADATA_OUTCOME, langsmith.METADATA_MASKED_BY}


def test_names_are_unique() -> None:
    names = (
        [chart["title"] for chart in load("charts.json")["charts"]],
        [rule["name"] for rule in load("alerts.json")],
        [view["display_name"] for view in load("filters.json")],
    )
    for each in names:
        assert len(set(each)) == len(each)
