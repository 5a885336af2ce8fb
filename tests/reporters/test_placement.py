"""Where the telemetry of a request belongs, beside the real OpenInference and without anything.

`tests/attach/test_placement.py` has all instrumentors.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from langchain_core.callbacks import CallbackManager
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry import trace

from tests.handler.models import CountingModel, RefusedError, refuse_pairing
from tests.handler.siblings import Sibling
from tests.reporters.samples import NOWHERE, record, violation
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import Outcome, ToolPairHandler, semconv
from toolpair_observe.attach import seam
from toolpair_observe.logs import LOGGER_NAME
from toolpair_observe.reporters import placement


@pytest.fixture
def instrumented(sdk):
    """OpenInference writing to the same provider."""
    instrumentor = LangChainInstrumentor()
    instrumentor.instrument(tracer_provider=sdk.tracer_provider, skip_dep_check=True)
    yield sdk
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


@pytest.fixture
def ask(sdk):
    """Ask a model that answers."""
    handlers = []

    def ask(messages=BROKEN, model=None, callbacks=None, **options):
        handler = ToolPairHandler(
            **{"profile": "openai-chat", "feedback": "off"} | options,
            tracer_provider=sdk.tracer_provider,
            meter_provider=sdk.meter_provider,
            logger_provider=sdk.logger_provider,
        )
        handlers.append(handler)
        answering = GenericFakeChatModel(messages=iter([AIMessage("It is sunny.")]))
        if callbacks is not None:
            callbacks.add_handler(handler)
        (model or answering).invoke(messages, {"callbacks": callbacks or [handler]})

    yield ask
    for handler in handlers:
        handler.close()
    seam.uninstall()


def ours_and_theirs(sdk):
    (ours,) = [span for span in sdk.spans if span.name == semconv.SPAN_CHECK]
    (theirs,) = [span for span in sdk.spans if span.name == "GenericFakeChatModel"]
    return ours, theirs


def test_exemplars_and_events_are_in_the_trace_of_the_model_call(instrumented, ask):
    """All three signals of a near miss lead to one place, also without a span that is current."""
    ask()

    ours, theirs = ours_and_theirs(instrumented)
    (event,) = instrumented.events(semconv.EVENT_VIOLATION)
    (point,) = instrumented.metrics()["toolpair.check.duration"].data.data_points
    assert event.span_id == ours.context.span_id
    assert [exemplar.span_id for exemplar in point.exemplars] == [theirs.context.span_id]


@pytest.mark.parametrize("spans", ["near_miss", "all"])
def test_who_writes_nothing_of_a_sound_request_does_not_look_for_its_place(
    sdk, ask, monkeypatch, spans
):
    asked = []
    monkeypatch.setattr(placement, "_READERS", [lambda *_: asked.append(1)])
    ask(SOUND, spans=spans)

    assert bool(asked) is (spans == "all")


def test_an_escape_is_placed_although_it_looked_sound(instrumented, ask):
    """Nobody has looked for its place at the start, and the run has not ended yet."""

    with pytest.raises(RefusedError):
        ask(SOUND, CountingModel(before=refuse_pairing))

    ours, theirs = (span for span in instrumented.spans)
    assert ours.attributes[semconv.OUTCOME] == Outcome.ESCAPED
    assert ours.parent.span_id == theirs.context.span_id


def test_a_handler_after_the_others_finds_the_span_at_the_check_without_the_seam(instrumented, ask):
    """When the outcome is known, OpenInference has ended its span."""
    manager = CallbackManager([])
    assert type(manager.handlers[0]).__name__ == "OpenInferenceTracer"
    ask(callbacks=manager, wrap_callbacks=False)

    ours, theirs = ours_and_theirs(instrumented)
    assert ours.parent.span_id == theirs.context.span_id


def test_after_uninstrument_our_span_is_a_root(instrumented, ask, capsys):
    """And nothing is printed: OpenInference prints a complaint when asked without its tracer."""
    LangChainInstrumentor().uninstrument()
    ask()

    (ours,) = instrumented.spans
    assert ours.parent is None
    assert capsys.readouterr().out == ""


def test_nothing_becomes_current(instrumented, ask):
    """A handler that attaches a context loses it sooner or later."""
    ask()

    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_reader_that_fails_is_counted_and_the_next_one_is_asked(sdk, monkeypatch):
    def fail(*_):
        raise LookupError

    span = sdk.tracer_provider.get_tracer("theirs").start_span("chat")
    monkeypatch.setattr(placement, "_READERS", [fail, lambda *_: None, lambda *_: span])
    taken = record([violation()])
    sdk.pipeline().place(taken, [])

    assert trace.get_current_span(taken.place.context).get_span_context() == span.context
    assert sdk.points("toolpair.internal.errors") == {("LookupError", "otel"): 1}


@pytest.mark.parametrize("broken", [trace.INVALID_SPAN, object()], ids=["invalid", "no-span"])
def test_what_is_no_span_is_no_parent(sdk, monkeypatch, broken):
    monkeypatch.setattr(placement, "_READERS", [lambda *_: broken])
    taken = record([violation()])
    sdk.pipeline().place(taken, [])

    assert not taken.place.is_model


def test_the_span_that_is_current_after_the_start_comes_before_that_of_the_check(sdk, monkeypatch):
    monkeypatch.setattr(placement, "_READERS", [])
    tracer = sdk.tracer_provider.get_tracer("theirs")
    pipeline, taken = sdk.pipeline(), record([violation()])
    with tracer.start_as_current_span("chain") as chain:
        taken.place = placement.at_check()
    pipeline.place(taken, [])
    assert trace.get_current_span(taken.place.context) is chain
    with tracer.start_as_current_span("chat") as chat:
        pipeline.place(taken, [])
    assert trace.get_current_span(taken.place.context) is chat


def test_a_near_miss_is_told_once_its_handlers_have_started_and_before_it_leaves(sdk, ask, caplog):
    """Only then is its place known; a handler of another library still starts after ours."""
    order = []

    def told():
        return sum(each.name == LOGGER_NAME for each in caplog.records)

    class Late(Sibling):
        def on_chat_model_start(self, *args, **kwargs):
            order.append(told())
            super().on_chat_model_start(*args, **kwargs)

    class Asked(GenericFakeChatModel):
        def _generate(self, *args, **kwargs):
            order.append(told())
            return super()._generate(*args, **kwargs)

    ask(BROKEN, Asked(messages=iter([AIMessage("yes")]), callbacks=[Late()]))

    assert order == [0, 1]


def test_a_place_at_the_end_is_looked_for_only_where_none_is_known(sdk, monkeypatch):
    asked = []
    monkeypatch.setattr(placement, "_READERS", [lambda *_: asked.append(1)])
    guard = sdk.pipeline()._otel_guard
    known = NOWHERE._replace(is_model=True)
    assert placement.at_end(record(place=known), guard) is known
    assert placement.at_end(record(is_left_open=True), guard) is NOWHERE
    assert asked == []
    assert placement.at_end(record(), guard) is NOWHERE
    assert asked == [1]


@pytest.mark.parametrize("is_sent", [True, False])
def test_a_span_that_nobody_will_end_is_no_parent(sdk, monkeypatch, is_sent):
    """No callback tells of the end of a call that is canceled."""
    span = sdk.tracer_provider.get_tracer("theirs").start_span("chat")
    monkeypatch.setattr(placement, "_READERS", [lambda *_: span])
    pipeline, taken = sdk.pipeline(), record([violation()], is_left_open=True)
    pipeline.place(taken, [])
    assert taken.place.is_model
    if is_sent:
        span.end()

    assert placement.at_end(taken, pipeline._otel_guard).is_model is is_sent


def test_no_instrumentor_is_imported_for_this():
    """A process that does not use them does not pay for them."""
    code = (
        "import sys\n"
        "from tests.reporters.samples import record, settings, violation\n"
        "from toolpair_observe.reporters.pipeline import Pipeline\n"
        "pipeline = Pipeline(settings(feedback='off'))\n"
        "taken = record([violation()])\n"
        "pipeline.place(taken)\n"
        "pipeline.checked(taken)\n"
        "pipeline.finished(taken)\n"
        "theirs = 'openinference', 'langfuse', 'opentelemetry.instrumentation'\n"
        "assert not [name for name in sys.modules if name.startswith(theirs)]\n"
    )
    subprocess.run(  # noqa: S603 -- our own interpreter and text
        [sys.executable, "-c", code],
        cwd=Path(__file__).resolve().parents[2],
        check=True,
        timeout=60,
    )
