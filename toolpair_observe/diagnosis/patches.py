"""Which other software observes chat models here, and which methods of langchain-core it wraps."""

from __future__ import annotations

import functools
import inspect
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from langchain_core.callbacks import AsyncCallbackManager, BaseCallbackManager, CallbackManager
from langchain_core.language_models import BaseChatModel

from toolpair_observe.diagnosis.findings import Finding, ok

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolpair_observe.diagnosis.subject import Subject

AREA: Final = "others"
_OWN: Final = ("langchain_core.", "toolpair_observe.")
_DEEPEST: Final = 20

_OBSERVERS: Final[Mapping[str, str]] = {
    "openinference.instrumentation.langchain": "OpenInference (Phoenix, Arize)",
    "opentelemetry.instrumentation.langchain": "OpenLLMetry (Traceloop)",
    "opentelemetry.instrumentation.genai.langchain": "OpenTelemetry's GenAI instrumentation",
    "opentelemetry.instrumentation.openai_v2": "OpenTelemetry's OpenAI instrumentation",
    "langfuse.langchain": "Langfuse",
    "ddtrace.contrib.internal.langchain": "Datadog",
    "logfire": "Logfire",
    "sentry_sdk.integrations.langchain": "Sentry",
    "mlflow.langchain": "MLflow",
    "weave.integrations.langchain": "Weave",
    "newrelic.hooks.mlmodel_langchain": "New Relic",
    "elasticotel": "Elastic",
    "openlit": "OpenLIT",
    "langwatch.langchain": "LangWatch",
    "agentops": "AgentOps",
}
_METHODS: Final[Mapping[type, tuple[str, ...]]] = {
    BaseCallbackManager: ("__init__", "add_handler"),
    CallbackManager: ("on_chat_model_start", "on_llm_start", "configure"),
    AsyncCallbackManager: ("on_chat_model_start", "on_llm_start", "configure"),
    BaseChatModel: (
        *("invoke", "ainvoke", "stream", "astream"),
        *("generate", "agenerate", "generate_prompt", "agenerate_prompt"),
    ),
}
_ENTRY_POINTS: Final = "opentelemetry_instrumentor"


class Layer(NamedTuple):
    """One function around a method.

    Attributes:
        function: The function.
        owner: The module that has put it there.
    """

    function: object
    owner: str


def look(_: Subject) -> Iterator[Finding]:
    """Look for what else observes chat models."""
    found = [*_loaded(), *_installed(), *_patches()]
    yield from found or [ok(AREA, "no other instrumentation is known to be in this process")]


def _loaded() -> Iterator[Finding]:
    for module, title in _OBSERVERS.items():
        if module in sys.modules:
            yield ok(AREA, f"{title} is loaded ({module})")


def _installed() -> Iterator[Finding]:
    for entry in metadata.entry_points(group=_ENTRY_POINTS):
        module = entry.value.partition(":")[0]
        if "langchain" in entry.value and module not in sys.modules:
            dist = f"{entry.dist.name} {entry.dist.version}" if entry.dist else module
            yield ok(AREA, f"{dist} is installed, and not loaded")


def _patches() -> Iterator[Finding]:
    for cls, names in _METHODS.items():
        for name in names:
            layers = layers_of(cls, name)
            owners = dict.fromkeys(layer.owner for layer in layers if not is_ours(layer.owner))
            if owners:
                yield ok(AREA, f"{cls.__name__}.{name} is patched by {', '.join(owners)}")


def is_ours(owner: str) -> bool:
    """Whether a module is langchain-core's or of this package."""
    return f"{owner}.".startswith(_OWN)


def layers_of(cls: type, name: str) -> list[Layer]:
    """Return what a method consists of, from the outside to langchain-core's own function."""
    layers: list[Layer] = []
    function: Any = inspect.getattr_static(cls, name, None)
    while function is not None and len(layers) < _DEEPEST:
        if isinstance(function, classmethod | staticmethod):
            function = function.__func__
        layers.append(Layer(function, _owner_of(function)))
        function = getattr(function, "__wrapped__", None)
    return layers


def _owner_of(function: Any) -> str:  # noqa: ANN401 -- whatever stands for a method
    # `wrapt` keeps what it wraps with there, and `functools.wraps` copies the module's name.
    wrapper = getattr(function, "_self_wrapper", function)
    while isinstance(wrapper, functools.partial):
        wrapper = wrapper.func
    names = getattr(wrapper, "__globals__", None)
    return str(names["__name__"] if isinstance(names, dict) else type(wrapper).__module__)
