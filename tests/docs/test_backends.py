"""What the pages on backends say of Langfuse, Datadog's metrics and LangSmith is what happens."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from langchain_openai import ChatOpenAI
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from pydantic import SecretStr

from tests.handler.models import CountingModel
from tests.loopback.otlp_sink import OtlpSink, plain
from tests.strict.conversations import BROKEN
from toolpair_observe import ToolPairHandler, semconv
from toolpair_observe.demo.loopback.provider import LoopbackProvider
from toolpair_observe.reporters.langsmith import feedback

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
LANGFUSE_PATH = "/api/public/otel"


class LangfuseSink(OtlpSink):
    """An OTLP endpoint behind Langfuse's path."""

    def take(self, path: str, body: bytes) -> bytes:
        return super().take(path.removeprefix(LANGFUSE_PATH), body)

    def serves(self, path: str) -> bool:
        return path.startswith(LANGFUSE_PATH) and super().serves(path.removeprefix(LANGFUSE_PATH))


@pytest.fixture
def provider() -> Iterator[LoopbackProvider]:
    """A server that refuses what does not pair."""
    with LoopbackProvider() as provider:
        yield provider


def test_langfuse_is_sent_the_check_below_its_generation(provider):
    langfuse = pytest.importorskip("langfuse")
    from langfuse.langchain import CallbackHandler

    spans = TracerProvider(shutdown_on_exit=False)
    with LangfuseSink() as sink:
        client = langfuse.Langfuse(
            public_key="pk-page", secret_key="sk", base_url=sink.url, tracer_provider=spans
        )
        handler = ToolPairHandler(
            profile="openai-chat", feedback="off", tracer_provider=spans, announce=False
        )
        model = ChatOpenAI(
            model="gpt-4o-mini", base_url=provider.base_url, api_key=SecretStr("none")
        )
        langfuses = CallbackHandler(public_key="pk-page")
        with pytest.raises(Exception, match="must be followed by tool messages"):
            model.invoke(BROKEN, config={"callbacks": [langfuses, handler]})
        handler.close()
        client.flush()
        client.shutdown()
        sent = {span.name: span for span in sink.spans}

    check, generation = sent[semconv.SPAN_CHECK], sent["ChatOpenAI"]
    assert check.parent_span_id == generation.span_id
    assert plain(check.attributes)[semconv.OPENINFERENCE_SPAN_KIND] == "GUARDRAIL"
    assert plain(check.attributes)[semconv.OUTCOME] == "rejected"
    assert not sink.log_records
    assert not sink.metrics


def test_delta_metrics_hold_what_was_counted_in_their_interval(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")
    with OtlpSink() as sink:
        exporter = OTLPMetricExporter(sink.endpoint("metrics"))
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
        meters = MeterProvider([reader], shutdown_on_exit=False)
        handler = ToolPairHandler(meter_provider=meters, feedback="off", announce=False)
        for _ in range(2):
            CountingModel().invoke(BROKEN, config={"callbacks": [handler]})
            meters.force_flush()
        counted = [
            sum(point.as_int for point in metric.sum.data_points)
            for metric in sink.metrics
            if metric.name == semconv.CHECKS.name
        ]
        handler.close()
        meters.shutdown()

    assert counted == [1, 1]


def test_the_page_on_langsmith_names_what_is_written_there():
    page = (ROOT / "docs" / "langsmith.md").read_text(encoding="utf-8")
    metadata = [value for name, value in vars(feedback).items() if name.startswith("METADATA_")]
    words = {*re.findall(r"`([^`\n]+)`", page)}

    assert len(metadata) >= 5
    assert {*metadata, feedback.KEY, feedback.TAG, feedback.MASKED_TAG} <= words
    filters: list[dict[str, Any]] = json.loads(
        (ROOT / "dashboards" / "langsmith" / "filters.json").read_text(encoding="utf-8")
    )
    assert filters[0]["filter_string"] in page
