"""Beside the real OpenInference instrumentor: whose child our span is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from langchain_core.callbacks import BaseCallbackHandler, CallbackManager
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry import trace

from tests.reporters.samples import record, violation
from toolpair_observe import Outcome


class Watcher(BaseCallbackHandler):
    """The smallest handler: a near miss at the start, its outcome at the end."""

    run_inline = True

    def __init__(self, pipeline):
        self.pipeline = pipeline
        self.taken = {}

    def on_chat_model_start(self, serialized, messages, *, run_id, **kwargs):
        context = self.pipeline.context_of(run_id)
        taken = record([violation()], run_id=run_id, context=context)
        self.taken[run_id] = taken
        self.pipeline.checked(taken)

    def on_llm_end(self, response, *, run_id, **kwargs):
        taken = self.taken.pop(run_id)
        taken.outcome = Outcome.ACCEPTED
        self.pipeline.finished(taken)


@pytest.fixture
def instrumented(sdk):
    """OpenInference writing to the same provider."""
    instrumentor = LangChainInstrumentor()
    instrumentor.instrument(tracer_provider=sdk.tracer_provider, skip_dep_check=True)
    yield sdk
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


@pytest.fixture
def model():
    """A model that answers once."""
    return GenericFakeChatModel(messages=iter([AIMessage("It is sunny.")]))


def ours_and_theirs(sdk):
    ours = [span for span in sdk.spans if span.name == "check tool_pairing"]
    theirs = [span for span in sdk.spans if span.name == "GenericFakeChatModel"]
    assert len(ours) == len(theirs) == 1
    return ours[0], theirs[0]


def test_handler_that_starts_before_openinference(instrumented, model):
    """At the check there is no span to find yet; when the outcome is known there still is."""
    model.invoke("hi", config={"callbacks": [Watcher(instrumented.pipeline())]})

    ours, theirs = ours_and_theirs(instrumented)
    assert ours.parent.span_id == theirs.context.span_id
    assert ours.context.trace_id == theirs.context.trace_id


async def test_handler_that_starts_before_openinference_async(instrumented, model):
    """The same where OpenInference runs in another thread."""
    await model.ainvoke("hi", config={"callbacks": [Watcher(instrumented.pipeline())]})

    ours, theirs = ours_and_theirs(instrumented)
    assert ours.parent.span_id == theirs.context.span_id


def test_handler_that_starts_after_openinference(instrumented, model):
    """When the outcome is known its span is gone: it has to be remembered from the check."""
    manager = CallbackManager([])
    manager.add_handler(Watcher(instrumented.pipeline()), inherit=True)
    assert type(manager.handlers[0]).__name__ == "OpenInferenceTracer"

    model.invoke("hi", config={"callbacks": manager})

    ours, theirs = ours_and_theirs(instrumented)
    assert ours.parent.span_id == theirs.context.span_id


def test_a_span_of_the_application_comes_first(instrumented, model):
    """What is current at the callback is the parent, OpenInference or not."""
    tracer = instrumented.tracer_provider.get_tracer("application")
    with tracer.start_as_current_span("request") as request:
        model.invoke("hi", config={"callbacks": [Watcher(instrumented.pipeline())]})

    ours, _ = ours_and_theirs(instrumented)
    assert ours.parent.span_id == request.get_span_context().span_id


def test_exemplar_and_events_are_in_openinferences_trace(instrumented, model):
    """All three signals of a request lie in one trace."""
    manager = CallbackManager([])
    manager.add_handler(Watcher(instrumented.pipeline()), inherit=True)
    model.invoke("hi", config={"callbacks": manager})

    _, theirs = ours_and_theirs(instrumented)
    (event,) = instrumented.events("toolpair.violation")
    (point,) = instrumented.metrics()["toolpair.check.duration"].data.data_points
    assert event.trace_id == theirs.context.trace_id
    assert [exemplar.trace_id for exemplar in point.exemplars] == [theirs.context.trace_id]


def test_after_uninstrument_our_span_is_a_root(instrumented, model, capsys):
    """And nothing is printed: OpenInference prints a complaint when asked without its tracer."""
    LangChainInstrumentor().uninstrument()

    model.invoke("hi", config={"callbacks": [Watcher(instrumented.pipeline())]})

    (ours,) = instrumented.spans
    assert ours.parent is None
    assert capsys.readouterr().out == ""


def test_openinference_is_not_imported_for_this():
    """A process that does not use it does not pay for it."""
    code = (
        "import sys\n"
        "from tests.reporters.samples import record, settings, violation\n"
        "from toolpair_observe.reporters.pipeline import Pipeline\n"
        "pipeline = Pipeline(settings(feedback='off'))\n"
        "taken = record([violation()], context=pipeline.context_of(None))\n"
        "pipeline.checked(taken)\n"
        "pipeline.finished(taken)\n"
        "assert trace.get_current_span() is trace.INVALID_SPAN\n"
        "assert not [name for name in sys.modules if name.startswith('openinference')]\n"
    )
    subprocess.run(  # noqa: S603 -- our own interpreter and text
        [sys.executable, "-c", "from opentelemetry import trace\n" + code],
        cwd=Path(__file__).resolve().parents[2],
        check=True,
        timeout=60,
    )


def test_nothing_becomes_current(instrumented, model):
    """A handler that attaches a context loses it sooner or later."""
    model.invoke("hi", config={"callbacks": [Watcher(instrumented.pipeline())]})

    assert trace.get_current_span() is trace.INVALID_SPAN
