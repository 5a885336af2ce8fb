"""The seam: every sibling of a blocked run sees its failure, and nothing else changes."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading

import pytest
from langchain_core.callbacks import AsyncCallbackManager, BaseCallbackHandler, CallbackManager
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.langchain import LangChainTracer
from langsmith.run_helpers import tracing_context

from tests.forking import in_child, needs_fork
from tests.handler.models import CountingModel, RefusedError, reached, refuse_pairing
from tests.handler.siblings import AsyncSibling, Sibling
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import InvalidToolResultsError
from toolpair_observe.attach import closing as closing_module
from toolpair_observe.attach import seam
from toolpair_observe.attach.closing import close_each
from toolpair_observe.attach.instrument import instrument, uninstrument

MANAGERS = (CallbackManager, AsyncCallbackManager)


def methods():
    return [manager.on_chat_model_start for manager in MANAGERS]


def depth(function):
    return 0 if not hasattr(function, "__wrapped__") else 1 + depth(function.__wrapped__)


def test_it_is_installed_once_by_whoever_needs_it(make_handler):
    before = methods()
    make_handler("off")
    make_handler("strict", wrap_callbacks=False)
    assert methods() == before
    make_handler("observe", feedback="off")  # a request may ask it for strict
    make_handler("strict", feedback="off")
    assert seam.is_active()
    assert [depth(new) - depth(old) for new, old in zip(methods(), before, strict=True)] == [1, 1]
    seam.uninstall()
    assert methods() == before


def test_a_wrapper_that_was_wrapped_again_stays_and_sleeps(make_handler, monkeypatch):
    strict = make_handler("strict")
    ours = CallbackManager.on_chat_model_start

    def theirs(self, *args, **kwargs):
        return ours(self, *args, **kwargs)

    monkeypatch.setattr(CallbackManager, "on_chat_model_start", theirs)
    seam.uninstall()
    assert CallbackManager.on_chat_model_start is theirs
    sibling = Sibling()
    with pytest.raises(InvalidToolResultsError):
        CountingModel().invoke(BROKEN, {"callbacks": [sibling, strict]})
    assert sibling.open

    sibling = Sibling()
    assert seam.install()
    assert CallbackManager.on_chat_model_start is theirs
    with pytest.raises(InvalidToolResultsError):
        CountingModel().invoke(BROKEN, {"callbacks": [sibling, strict]})
    assert not sibling.open
    monkeypatch.undo()


def test_calls_without_our_handler_are_left_alone(make_handler, monkeypatch):
    make_handler("strict")
    monkeypatch.setattr(seam, "StartCall", None)
    sibling = Sibling()
    CountingModel().invoke(BROKEN, {"callbacks": [sibling]})
    assert not sibling.open


@pytest.mark.parametrize("ours", [0, 1, 2], ids=["first", "between", "last"])
def test_siblings_are_told_in_reverse_order(make_handler, ours):
    journal = []
    handlers = [Sibling("a", journal), Sibling("b", journal)]
    first, second = handlers
    handlers.insert(ours, make_handler("strict"))
    with pytest.raises(InvalidToolResultsError) as caught:
        CountingModel().invoke(BROKEN, {"callbacks": handlers})
    assert journal == ["a starts", "b starts", "b ends", "a ends"]
    assert first.errors == second.errors == [caught.value]


def test_the_last_prompt_is_closed_first(make_handler):
    closed = []

    class Closing(Sibling):
        def on_llm_error(self, error, *, run_id, **kwargs):
            super().on_llm_error(error, run_id=run_id, **kwargs)
            closed.append(run_id)

        def on_chat_model_start(self, serialized, messages, *, run_id, **kwargs):
            super().on_chat_model_start(serialized, messages, run_id=run_id, **kwargs)
            started.append(run_id)

    started = []
    with pytest.raises(InvalidToolResultsError):
        CountingModel().generate(
            [SOUND, BROKEN, SOUND], callbacks=[Closing(), make_handler("strict")]
        )
    assert closed == started[::-1]


class Rude(BaseException):
    """Not even an Exception."""


@pytest.mark.parametrize("raises", [ValueError("no"), Rude("no"), asyncio.CancelledError()])
@pytest.mark.parametrize("lets_out", [True, False])
async def test_a_sibling_that_raises_starves_nobody(make_handler, raises, lets_out):
    quiet, loud, last = Sibling(), Sibling(at_error=raises, raise_error=lets_out), AsyncSibling()
    handlers = [quiet, loud, make_handler("strict"), last]
    model = CountingModel()
    with pytest.raises(InvalidToolResultsError):
        model.invoke(BROKEN, {"callbacks": handlers})
    with pytest.raises(InvalidToolResultsError):
        await model.ainvoke(BROKEN, {"callbacks": handlers})
    for sibling in (quiet, loud, last):
        assert not sibling.open
        assert len(sibling.errors) == 2
    assert model.requests == 0


def test_ctrl_c_in_a_sibling_is_obeyed_after_the_others_were_told(make_handler):
    first, second = Sibling(), Sibling(at_error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        CountingModel().invoke(BROKEN, {"callbacks": [first, second, make_handler("strict")]})
    assert not first.open


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_exit_in_an_async_sibling_is_obeyed_after_the_others_were_told(stop):
    """Without an event loop, which would stop at the exit and take the test with it."""
    told = []

    class Manager:
        def __init__(self):
            self.handlers = ["first", "rude", "last"]

        async def on_llm_error(self, *_, **__):
            told.extend(self.handlers)
            if self.handlers == ["rude"]:
                raise stop

    closing = close_each([Manager()], ValueError(), lambda handler: True)
    with pytest.raises(stop):
        closing.send(None)
    assert told == ["last", "rude", "first"]


async def test_a_cancel_while_closing_waits_for_the_siblings(make_handler):
    handler, waiting, quiet = make_handler("strict"), AsyncSibling(), Sibling()
    waiting.may_close.clear()
    task = asyncio.create_task(
        CountingModel().ainvoke(BROKEN, {"callbacks": [quiet, waiting, handler]})
    )
    await reached(waiting.closing, task)
    task.cancel()
    await asyncio.sleep(0)
    waiting.may_close.set()
    with pytest.raises(InvalidToolResultsError):
        await task
    assert not waiting.open
    assert not quiet.open
    assert handler.outcomes == {"blocked": 1}


async def test_a_second_cancel_does_not_wait_and_the_siblings_are_told_all_the_same(make_handler):
    handler, waiting, quiet = make_handler("strict"), AsyncSibling(), Sibling()
    waiting.may_close.clear()
    task = asyncio.create_task(
        CountingModel().ainvoke(BROKEN, {"callbacks": [quiet, waiting, handler]})
    )
    await reached(waiting.closing, task)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(InvalidToolResultsError):
        await task
    assert waiting.open
    waiting.may_close.set()
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
    assert not waiting.open
    assert not quiet.open
    assert not closing_module._unfinished
    assert handler.outcomes == {"blocked": 1}


@pytest.mark.parametrize("history", [SOUND, BROKEN], ids=["sound", "broken"])
async def test_a_sibling_that_raises_at_the_start_ends_our_run_as_cancelled(make_handler, history):
    handler = make_handler("strict")
    sibling = Sibling(at_start=ValueError("not today"), raise_error=True)
    model = CountingModel()
    for callbacks in ([handler, sibling], [sibling, handler]):
        with pytest.raises(ValueError, match="not today"):
            model.invoke(history, {"callbacks": callbacks})
        with pytest.raises(ValueError, match="not today"):
            await model.ainvoke(history, {"callbacks": callbacks})
    assert set(handler.outcomes) == {"cancelled"}
    assert handler.outcomes.total() == handler.checks
    assert handler.in_flight == 0


async def test_a_cancel_during_the_start_ends_our_run_as_cancelled(make_handler):
    handler, waiting = make_handler("strict"), AsyncSibling()
    waiting.may_start.clear()
    task = asyncio.create_task(CountingModel().ainvoke(BROKEN, {"callbacks": [waiting, handler]}))
    await reached(waiting.starting, task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert handler.outcomes == {"cancelled": 1}
    assert seam.current_call() is None


def test_a_task_that_outlives_the_start_has_no_start_any_more(make_handler):
    """A sibling may start other work, which then calls another model."""
    left = []

    class Leaves(BaseCallbackHandler):
        def on_chat_model_start(self, *args, **kwargs):
            left.append(__import__("contextvars").copy_context())

    strict = make_handler("strict")
    CountingModel().invoke(SOUND, {"callbacks": [Leaves(), strict]})
    assert left[0].run(seam.current_call) is None


@pytest.fixture
def changed_core(monkeypatch):
    def change(manager, method):
        monkeypatch.setattr(manager, "on_chat_model_start", method)

    return change


def warnings_in(caplog):
    return [line for line in caplog.messages if "has a shape" in line]


def test_a_core_without_the_method_is_named_once_and_strict_raises_from_the_callback(
    make_handler, changed_core, caplog
):
    real = AsyncCallbackManager.on_chat_model_start

    def not_a_coroutine(self, *args, **kwargs):
        return real(self, *args, **kwargs)

    changed_core(AsyncCallbackManager, not_a_coroutine)
    with caplog.at_level(logging.WARNING, "toolpair_observe"):
        strict = make_handler("strict")
        make_handler("strict")
    assert len(warnings_in(caplog)) == 1
    assert not seam.is_active()
    assert not hasattr(CallbackManager.on_chat_model_start, "__wrapped__")
    model = CountingModel()
    with pytest.raises(InvalidToolResultsError):
        model.invoke(BROKEN, {"callbacks": [strict]})
    assert model.requests == 0
    assert strict.outcomes == {"blocked": 1}


def test_what_is_no_run_manager_delays_no_near_miss(make_handler, changed_core, caplog):
    """The request is told of before it leaves, whatever langchain-core returns for it."""
    real = CallbackManager.on_chat_model_start
    kept = []

    def wrapped_up(self, *args, **kwargs):
        kept.extend(real(self, *args, **kwargs))
        return iter(kept)

    changed_core(CallbackManager, wrapped_up)
    handler = make_handler()
    with caplog.at_level(logging.WARNING, "toolpair_observe"):
        CallbackManager([handler]).on_chat_model_start({}, [BROKEN])
        assert [line for line in caplog.messages if line.startswith("near miss")]
    assert handler.checks == 1
    seam.uninstall()


def test_a_core_that_returns_something_else_is_noticed_at_the_call(
    make_handler, changed_core, caplog
):
    real = CallbackManager.on_chat_model_start

    def wrapped_up(self, *args, **kwargs):
        return [("run manager", manager) for manager in real(self, *args, **kwargs)]

    changed_core(CallbackManager, wrapped_up)
    strict = make_handler("strict")
    with caplog.at_level(logging.WARNING, "toolpair_observe"):
        with pytest.raises(InvalidToolResultsError):
            CallbackManager([strict]).on_chat_model_start({}, [BROKEN])
        CallbackManager([strict]).on_chat_model_start({}, [SOUND])
    assert len(warnings_in(caplog)) == 1
    assert not seam.is_active()
    with pytest.raises(InvalidToolResultsError):
        CallbackManager([strict]).on_chat_model_start({}, [BROKEN])
    assert strict.outcomes == {"blocked": 2}
    seam.uninstall()


class Kept:
    """Keeps what a tracer would send to LangSmith, whose client needs a server."""

    def __init__(self):
        self.updates = []
        self.tracing_error_callback = None

    def create_run(self, **run):
        pass

    def update_run(self, run_id, **run):
        self.updates.append(run)


class Linked:
    """A reporter that writes a tag, as the LangSmith one does."""

    def __init__(self, handler):
        self.links = []
        self.handler = handler

    wants_sound = True

    def flagged(self, observation, trace):
        pass

    def finished(self, observation, trace):
        self.links.append(trace.link)
        if trace.link is not None:
            tree = trace.link.run_tree
            tree.tags = [*tree.tags, "seen"]

    def mended(self, observation, trace):
        self.links.append(trace.link)


@pytest.fixture
def tracer():
    return LangChainTracer(client=Kept(), project_name="weather")


@pytest.fixture
def linked(make_handler):
    def make(mode="observe", **options):
        handler = make_handler(mode, **options)
        reporter = Linked(handler)
        handler._pipeline.report_to({"linked": reporter})
        reporter.flush = lambda _: True
        reporter.close = lambda: None
        return handler, reporter

    return make


@pytest.mark.parametrize("mode", ["observe", "strict"])
@pytest.mark.parametrize("ours_first", [True, False])
async def test_it_finds_langsmiths_run_and_is_there_before_its_last_word(
    linked, tracer, mode, ours_first
):
    handler, reporter = linked(mode)
    callbacks = [handler, tracer] if ours_first else [tracer, handler]
    chain = RunnableLambda(lambda messages: messages) | CountingModel()
    for call in (chain.invoke, chain.ainvoke):
        try:
            result = call(BROKEN, {"callbacks": callbacks})
            if asyncio.iscoroutine(result):
                await result
        except InvalidToolResultsError:
            assert mode == "strict"
    assert len(reporter.links) == 2
    for link in reporter.links:
        assert link.client is tracer.client
        assert link.project_name == "weather"
        assert link.trace_id == link.run_tree.trace_id != link.run_tree.id
    sent = [update for update in tracer.client.updates if update.get("run_type") == "llm"]
    sent = sent or [update for update in tracer.client.updates if "seen" in update["tags"]]
    assert len(sent) == 2
    assert all("seen" in update["tags"] for update in sent)


def test_the_hook_of_the_process_comes_before_a_tracer_of_the_model(linked, tracer):
    """Inside a chain, who hears of steps alone is inherited and stands before all others."""
    handler, _ = linked("observe")
    instrument(handler)
    try:
        (RunnableLambda(lambda messages: messages) | CountingModel(callbacks=[tracer])).invoke(
            BROKEN
        )
    finally:
        uninstrument()

    assert ["seen" in update["tags"] for update in tracer.client.updates] == [True]


def test_a_sound_run_is_linked_only_when_it_has_to_be(linked, tracer):
    handler, reporter = linked()
    CountingModel().invoke(SOUND, {"callbacks": [tracer, handler]})
    assert reporter.links == [None]
    handler, reporter = linked(feedback="all")
    CountingModel().invoke(SOUND, {"callbacks": [tracer, handler]})
    assert reporter.links[0].client is tracer.client


def test_an_escape_is_linked_when_it_is_known(linked, tracer):
    handler, reporter = linked()
    with pytest.raises(RefusedError):
        CountingModel(before=refuse_pairing).invoke(SOUND, {"callbacks": [tracer, handler]})
    assert handler.outcomes == {"escaped": 1}
    assert reporter.links[0].client is tracer.client


def test_a_disabled_tracer_is_no_link(linked, tracer):
    handler, reporter = linked()
    with tracing_context(enabled=False):
        CountingModel().invoke(BROKEN, {"callbacks": [tracer, handler]})
    assert reporter.links == [None]


def test_without_a_tracer_there_is_no_link(linked):
    handler, reporter = linked()
    CountingModel().invoke(BROKEN, {"callbacks": [handler]})
    assert reporter.links == [None]


@needs_fork
def test_a_child_that_is_forked_while_the_seam_is_locked_still_blocks(make_handler):
    model = CountingModel()

    def blocks():
        signal.alarm(30)  # ends the child where it waits for the lock
        try:
            model.invoke(BROKEN, {"callbacks": [make_handler("strict")]})
        except InvalidToolResultsError:
            return "blocked", seam.is_active()

    locked, forked = threading.Event(), threading.Event()

    def hold():
        with seam._Seam.lock:
            locked.set()
            forked.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    locked.wait()
    try:
        assert in_child(blocks) == repr(("blocked", True))
    finally:
        forked.set()
        holder.join()
