"""The service: each worker is a fork of gunicorn, and pushes its metrics to the one collector."""

import json
import os
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_openai import ChatOpenAI
from openai import BadRequestError
from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from pydantic import SecretStr

from toolpair_observe import instrument

CALL = {"name": "get_weather", "args": {"city": "Oslo"}, "id": "call_oslo"}
SOUND: list[AnyMessage] = [HumanMessage("Is it late?")]
BROKEN = [HumanMessage("Weather?"), AIMessage("", tool_calls=[CALL]), HumanMessage("Well?")]
URL, KEY = os.environ["PROVIDER_URL"], SecretStr("none")

# Before the fork: the workers inherit it. (For a real endpoint the profile is found out.)
instrument(profile="openai-chat")
model = ChatOpenAI(model="gpt-4o-mini", base_url=URL, api_key=KEY, max_retries=0)


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Ask the model, and say which process did."""
    try:
        model.invoke(BROKEN if environ["PATH_INFO"] == "/broken" else SOUND)
        status = "200 OK"
    except BadRequestError:
        status = "502 Bad Gateway"
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps({"pid": os.getpid()}).encode()]


# What follows are gunicorn's own hooks: this file is its configuration as well.
wsgi_app = "service:app"
workers = 2
preload_app = True


def post_fork(server: object, worker: object) -> None:  # noqa: ARG001 - gunicorn counts them
    """Give each worker a provider, and an id of its own: two with one id overwrite each other."""
    about = {"service.name": "shop", "service.instance.id": str(uuid4())}
    resource = Resource.create({**about, "process.pid": os.getpid()})
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    metrics.set_meter_provider(MeterProvider([reader], resource=resource))


def worker_exit(server: object, worker: object) -> None:  # noqa: ARG001 - see above
    """Push what is left, without waiting for the next of the regular pushes."""
    provider = metrics.get_meter_provider()
    if isinstance(provider, MeterProvider):
        provider.shutdown()
