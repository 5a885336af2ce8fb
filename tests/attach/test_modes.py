"""Which mode holds: the same settings for every way to attach, and the environment's own name."""

from __future__ import annotations

import logging

import pytest
from langchain.agents import create_agent
from opentelemetry import metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN
from toolpair_observe import InvalidToolResultsError, ToolPairHandler, deployment, guard, once
from toolpair_observe.attach.instrument import instrument, uninstrument
from toolpair_observe.middleware import ToolPairMiddleware

STAGING = Resource({"deployment.environment.name": "Staging"})
PRODUCTION = Resource({"deployment.environment.name": "production"})
PROVIDERS = {
    "tracer_provider": lambda resource: TracerProvider(resource=resource, shutdown_on_exit=False),
    "meter_provider": lambda resource: MeterProvider(resource=resource, shutdown_on_exit=False),
    "logger_provider": lambda resource: LoggerProvider(resource=resource, shutdown_on_exit=False),
}


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch):
    for variable in ("TOOLPAIR_MODE", "TOOLPAIR_ENVIRONMENT", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(once, "_said", set())


def handler_of(way, **options):
    """The handler that one of the ways makes of its options."""
    options = {"feedback": "off", "profile": "openai-chat", **options}
    if way == "handler":
        return ToolPairHandler(**options)
    if way == "instrument":
        return instrument(**options)
    if way == "guard":
        return guard(CountingModel(), **options).handler
    return ToolPairMiddleware(**options).handler


WAYS = ["handler", "instrument", "guard", "middleware"]


@pytest.fixture
def make():
    """Make handlers that are closed after the test."""
    made = []

    def make_one(way="handler", **options):
        made.append(handler_of(way, **options))
        return made[-1]

    yield make_one
    uninstrument()
    for handler in made:
        handler.close()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("environment", "mode"),
    [("staging", "strict"), ("STAGING", "strict"), ("production", "observe")],
)
def test_the_environment_decides_for_every_way(make, monkeypatch, way, environment, mode):
    options = {"strict_environments": "staging,ci", "environment": environment}
    handler = make(way, **options)
    assert handler.settings.mode == mode
    assert environment in handler.mode_reason
    uninstrument()
    for name, value in options.items():
        monkeypatch.setenv(f"TOOLPAIR_{name.upper()}", value)
    assert make(way).settings.mode == mode


@pytest.mark.parametrize("way", WAYS)
def test_a_mode_that_is_given_wins(make, monkeypatch, way):
    inside = {"strict_environments": "staging", "environment": "staging"}
    assert make(way, mode="off", **inside).settings.mode == "off"
    uninstrument()
    monkeypatch.setenv("TOOLPAIR_MODE", "observe")
    handler = make(way, **inside)
    assert handler.settings.mode == "observe"
    assert handler.mode_reason == "environment variable TOOLPAIR_MODE"


@pytest.mark.parametrize(
    ("way", "mode"),
    [
        ("handler", "observe"),
        ("instrument", "observe"),
        ("middleware", "observe"),
        ("guard", "strict"),
    ],
)
def test_without_any_of_it_each_way_has_its_default(make, way, mode):
    assert make(way).settings.mode == mode


def test_a_middleware_that_only_repairs_never_blocks():
    model = CountingModel()
    middleware = ToolPairMiddleware(
        repair="insert_error_results", feedback="off", profile="openai-chat"
    )
    beyond_repair = [BROKEN[0], BROKEN[2]]
    create_agent(model, [], middleware=[middleware]).invoke({"messages": beyond_repair})
    assert model.requests == 1
    middleware.handler.close()


@pytest.mark.parametrize("kind", PROVIDERS)
def test_the_environment_is_that_of_the_providers_that_are_given(make, kind):
    provider = PROVIDERS[kind](STAGING)
    handler = make(strict_environments="staging", **{kind: provider})
    assert handler.settings.mode == "strict"
    assert "provider that was given" in handler.mode_reason


@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_global_provider_that_is_set_afterwards_counts(make, monkeypatch, kind):
    handler = make("instrument", strict_environments="staging")
    model = CountingModel()
    model.invoke(BROKEN)
    assert handler.settings.mode == "observe"

    provider = PROVIDERS[kind](STAGING)
    monkeypatch.setattr(deployment, "_GLOBAL_PROVIDERS", (lambda: provider,))
    with pytest.raises(InvalidToolResultsError):
        model.invoke(BROKEN)
    assert handler.settings.mode == "strict"
    assert model.requests == 1
    assert "application's OpenTelemetry provider" in handler.mode_reason


def test_the_global_providers_are_those_of_the_api():
    assert deployment._GLOBAL_PROVIDERS[:2] == (
        trace.get_tracer_provider,
        metrics.get_meter_provider,
    )


def test_the_nearest_name_counts(make, monkeypatch):
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=ci")
    names = {"strict_environments": "ci,staging"}
    assert make(**names).settings.mode == "strict"
    of_production = {**names, "tracer_provider": PROVIDERS["tracer_provider"](PRODUCTION)}
    assert make(**of_production).settings.mode == "observe"
    assert make(**of_production, environment="staging").settings.mode == "strict"


class NoProvider:
    """A provider of another library, whose resource can't be read."""

    @property
    def resource(self):
        raise ZeroDivisionError

    def get_tracer(self, *args, **kwargs):
        return trace.NoOpTracer()


def test_a_provider_that_cannot_be_read_names_nothing(make):
    handler = make(strict_environments="staging", tracer_provider=NoProvider())
    assert handler.settings.mode == "observe"


def test_no_name_at_all_is_said_once_and_not_before_the_first_request(make, caplog):
    with caplog.at_level(logging.WARNING, "toolpair_observe"):
        handler = make(strict_environments="staging")
        assert "names the environment" not in caplog.text
        for _ in range(2):
            CountingModel().invoke(BROKEN, {"callbacks": [handler]})
    lines = [line for line in caplog.messages if "names the environment" in line]
    assert len(lines) == 1
    assert "strict_environments is staging" in lines[0]
    assert "TOOLPAIR_ENVIRONMENT" in lines[0]
    assert "has no name" in handler.mode_reason


def test_nothing_is_said_where_no_environment_is_asked_for(make, caplog):
    CountingModel().invoke(BROKEN, {"callbacks": [make()]})
    assert "names the environment" not in caplog.text
