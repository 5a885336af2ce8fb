"""What an application hands over and can't work fails at once, in one line that names it."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import pydoc

import pytest
from langchain.agents.middleware import ModelRequest, ModelResponse
from langchain_core.messages import AIMessage
from langsmith import AsyncClient, Client
from opentelemetry import _logs, metrics, trace

from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN
from toolpair_observe import (
    InvalidToolResultsError,
    SettingsError,
    ToolPairHandler,
    check_messages,
    doctor,
    fail_open,
    guard,
    instrument,
    once,
    repair_messages,
    uninstrument,
)
from toolpair_observe.attach import as_class
from toolpair_observe.attach.instrument import instrumented_with
from toolpair_observe.middleware import ToolPairMiddleware

MODEL = CountingModel()
MAKERS = {
    "ToolPairHandler": ToolPairHandler,
    "instrument": instrument,
    "guard": functools.partial(guard, MODEL),
    "ToolPairMiddleware": ToolPairMiddleware,
}


def nothing():
    """Take no argument."""


def two(first, second):
    """Take two arguments."""


def by_name(*, observation):
    """Take the argument by name only."""


def generator(_):
    """Never run: nobody asks for its items."""
    yield


async def async_generator(_):
    yield


async def coroutine(_):
    """Run where it is awaited."""


class Tool:
    def method(self):
        """Take nothing but the instance."""


NO_HOOKS = {
    "text": ("x", "is not callable"),
    "number": (7, "is not callable"),
    "list": ([print], "is not callable"),
    "no argument": (nothing, "does not take one argument"),
    "two arguments": (two, "does not take one argument"),
    "by name": (by_name, "does not take one argument"),
    "method": (Tool().method, "does not take one argument"),
    "partial": (functools.partial(two, 1, 2), "does not take one argument"),
    "class": (Tool, "does not take one argument"),
    "generator": (generator, "is a generator"),
    "asynchronous generator": (async_generator, "is a generator"),
}


def fault_of(make, **options):
    with pytest.raises(SettingsError) as caught:
        make(**options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("case", NO_HOOKS)
def test_a_hook_that_can_not_be_called_fails_where_it_is_given(maker, case):
    hook, said = NO_HOOKS[case]

    text = fault_of(MAKERS[maker], on_near_miss=hook)

    assert text.startswith(f"your on_near_miss {said}")
    assert instrumented_with() is None


def test_a_function_that_is_no_hook_is_named_with_its_place():
    place = f"{__file__}:{inspect.getsourcelines(nothing)[1]}"

    assert f"it is the function nothing ({place})" in fault_of(
        ToolPairHandler, on_near_miss=nothing
    )


@pytest.mark.parametrize("case", NO_HOOKS)
def test_on_repair_is_looked_at_too(case):
    hook, said = NO_HOOKS[case]

    assert fault_of(ToolPairMiddleware, on_repair=hook).startswith(f"your on_repair {said}")


@pytest.mark.parametrize("case", [name for name, (hook, _) in NO_HOOKS.items() if callable(hook)])
def test_a_function_that_tells_what_is_pending_is_looked_at_too(case):
    hook, said = NO_HOOKS[case]

    assert fault_of(ToolPairMiddleware, pending=hook).startswith(f"your pending {said}")


@pytest.mark.parametrize("name", ["on_repair", "pending"])
def test_a_coroutine_function_that_nothing_would_await_is_refused(name):
    text = fault_of(ToolPairMiddleware, **{name: coroutine})

    assert text.startswith(f"your {name} is a coroutine function")


@pytest.mark.parametrize(
    "hook",
    [
        [].append,
        print,
        functools.partial(two, 1),
        coroutine,
        lambda *anything: None,
        lambda observation, more=None: None,
        dict,
    ],
)
def test_a_hook_that_can_be_called_is_taken(hook):
    ToolPairHandler(on_near_miss=hook).close()


@pytest.mark.parametrize("pending", [7, [7], [{"id": "call_1"}], [None], b"call_1", object()])
def test_pending_calls_are_ids(pending):
    for make in (ToolPairMiddleware, functools.partial(repair_messages, [])):
        assert "expected tool call ids" in fault_of(make, pending=pending)


def test_pending_calls_can_become_more_later():
    waiting: set[str] = set()
    middleware = ToolPairMiddleware(mode="observe", pending=waiting, repair="insert_error_results")
    waiting.add("call_bergen")
    sent = []
    middleware.wrap_model_call(request(BROKEN), lambda asked: answer(sent, asked))

    assert sent == BROKEN


# --- Providers and clients -----------------------------------------------------------------------

ROLES = {
    "tracer_provider": trace.get_tracer_provider(),
    "meter_provider": metrics.get_meter_provider(),
    "logger_provider": _logs.get_logger_provider(),
    "langsmith_client": Client("http://localhost:1", api_key="x", auto_batch_tracing=False),
}
SECRET = "lsv2_pt_secret"
NO_ROLES = (SECRET, 7, object(), Client, type(trace.get_tracer_provider()), {"get_tracer": 1})


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("name", ROLES)
@pytest.mark.parametrize("number", range(len(NO_ROLES)))
def test_what_is_no_provider_fails_where_it_is_given(maker, name, number):
    text = fault_of(MAKERS[maker], **{name: NO_ROLES[number]})

    assert text.startswith(f"argument {name} is ")
    assert "expected a" in text
    assert SECRET not in text


@pytest.mark.parametrize("name", ROLES)
def test_one_that_is_given_as_another_fails(name):
    for other in ROLES.keys() - {name}:
        assert f"argument {name} is an object of type" in fault_of(
            ToolPairHandler, **{name: ROLES[other]}
        )
    ToolPairHandler(**{name: ROLES[name]}).close()


def test_an_asynchronous_client_is_none_that_feedback_can_use():
    client = AsyncClient("http://localhost:1", api_key=SECRET)

    assert "a langsmith.Client" in fault_of(ToolPairHandler, langsmith_client=client)


# --- Handlers ------------------------------------------------------------------------------------

TAKERS = {
    "guard": functools.partial(guard, MODEL),
    "instrument()": instrument,
    "ToolPairMiddleware": ToolPairMiddleware,
}


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("strict", "an object of type str; write mode='strict'"),
        ("x", "an object of type str"),
        (7, "an object of type int"),
        ([], "an object of type list"),
        (ToolPairHandler, "the class ToolPairHandler, not an instance of it"),
        (MODEL, "an object of type CountingModel"),
    ],
)
def test_what_is_no_handler_fails_where_it_is_given(taker, given, said):
    for options in ({}, {"mode": "strict"}):
        with pytest.raises(TypeError) as caught:
            TAKERS[taker](given, **options)
        assert str(caught.value) == f"{taker} takes a ToolPairHandler, not {said}"
    assert instrumented_with() is None


@pytest.mark.parametrize("mode", [7, None.__class__, ["strict"], object(), MODEL])
def test_what_is_no_mode_fails_where_it_is_given(mode):
    for make in MAKERS.values():
        assert fault_of(make, mode=mode).endswith("expected observe, strict or off")


def test_what_is_no_model_is_not_guarded():
    with pytest.raises(TypeError, match=r"guard\(\) needs a chat model, not str"):
        guard("gpt-4o")


@pytest.fixture
def _warns_again():
    as_class._warn.cache_clear()
    yield
    as_class._warn.cache_clear()


class OwnHandler(ToolPairHandler):
    """A subclass of an application."""


@pytest.mark.usefixtures("_warns_again")
@pytest.mark.parametrize("handler", [ToolPairHandler, OwnHandler])
def test_the_class_in_place_of_an_instance_says_once_that_it_checks_nothing(handler, caplog):
    config = {"callbacks": [handler]}
    with caplog.at_level(logging.WARNING, "toolpair_observe"):
        assert CountingModel().invoke(BROKEN, config).content
        assert asyncio.run(CountingModel().ainvoke(BROKEN, config)).content

    assert caplog.messages == [
        f"callbacks hold the class {handler.__name__}, not an instance of it, so it checks "
        f"nothing: write callbacks=[{handler.__name__}()]"
    ]


@pytest.mark.usefixtures("_warns_again")
def test_who_only_reads_the_class_is_told_nothing(caplog):
    inspect.getmembers(ToolPairHandler)
    pydoc.render_doc(ToolPairHandler)

    assert not caplog.messages


# --- What the application's functions raise ------------------------------------------------------


def request(messages):
    return ModelRequest(model=CountingModel(), messages=messages, system_prompt=None, tools=[],
                        tool_choice=None, response_format=None, state={}, runtime=None)  # fmt: skip


def answer(sent, asked):
    sent[:] = asked.messages
    return ModelResponse([AIMessage("All is well.")])


def raises(_):
    msg = "the content of a message"
    raise LookupError(msg)


LINE = inspect.getsourcelines(raises)[1] + 2


@pytest.fixture
def _logs_again(monkeypatch):
    monkeypatch.setattr(fail_open, "_logged", set())


@pytest.mark.usefixtures("_logs_again")
@pytest.mark.parametrize("name", ["on_repair", "pending"])
def test_a_function_of_a_middleware_that_raises_is_named_once_with_its_place(name, caplog):
    middleware = ToolPairMiddleware(mode="observe", repair="insert_error_results", **{name: raises})
    for _ in range(2):
        middleware.wrap_model_call(request(BROKEN), lambda asked: answer([], asked))

    (line,) = [line for line in caplog.messages if line.startswith("your ")]
    assert line.startswith(f"your {name} raised LookupError at {__file__}:{LINE};")
    assert "content" not in line


@pytest.mark.usefixtures("_logs_again")
def test_a_function_that_returns_no_ids_leaves_the_request_as_it_is(caplog):
    middleware = ToolPairMiddleware(
        mode="strict", profile="openai-chat", repair="insert_error_results", pending=lambda _: 7
    )
    with pytest.raises(InvalidToolResultsError):
        middleware.wrap_model_call(request(BROKEN), lambda asked: answer([], asked))

    assert any(line.startswith("your pending raised SettingsError at ") for line in caplog.messages)


@pytest.mark.parametrize("value", ["false", "no", "true", 1, 0, [], object()])
@pytest.mark.parametrize("name", ["drop_unpaired", "sync_encodings"])
def test_a_choice_of_a_repair_is_true_or_false_and_nothing_that_counts_as_it(name, value):
    expected = f"argument {name} is .*; expected True or False"
    with pytest.raises(SettingsError, match=expected):
        ToolPairMiddleware(repair="insert_error_results", **{name: value})
    with pytest.raises(TypeError, match=expected):
        repair_messages(BROKEN, **{name: value})


@pytest.mark.parametrize("value", ["false", "no", 1, 0, [], object()])
@pytest.mark.parametrize("function", [check_messages, repair_messages])
@pytest.mark.parametrize("name", ["tools_bound", "server_state", "resumes_response"])
def test_a_fact_of_a_request_is_true_or_false(function, name, value):
    with pytest.raises(TypeError, match=f"argument {name} is .*; expected True or False"):
        function(BROKEN, **{name: value})


def test_the_doctor_asks_nobody_where_online_is_no_answer():
    with pytest.raises(TypeError, match="argument online is 'no'; expected True or False"):
        doctor(online="no")


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"drop_unpaired": True}, "drop_unpaired is"),
        ({"on_repair": print, "thinking": "strip"}, "thinking and on_repair are"),
        ({"pending": ["a"]}, "pending is"),
        ({"pending": lambda _: []}, "pending is"),
        ({"sync_encodings": True}, "sync_encodings is"),
    ],
)
def test_choices_of_a_repair_without_a_repair_are_warned_of_once(
    choices, said, caplog, monkeypatch
):
    monkeypatch.setattr(once, "_said", set())
    for _ in range(2):
        ToolPairMiddleware(feedback="off", **choices)
    assert caplog.messages == [
        f"ToolPairMiddleware repairs nothing, so {said} of no use: write "
        'repair="insert_error_results"'
    ]


@pytest.mark.parametrize(
    ("timeout", "error"),
    [
        (None, TypeError),
        ("x", TypeError),
        ([], TypeError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
        (10**5_000, ValueError),
    ],
    ids=["nothing", "a text", "a list", "NaN", "infinite", "digits"],
)
def test_a_timeout_that_is_none_is_refused_in_one_line(timeout, error, make_handler):
    handler = make_handler(feedback="off")
    attached = instrument(feedback="off")
    for wait in (handler.flush, handler.close, uninstrument):
        with pytest.raises(error, match=r"^timeout is .*; expected ") as caught:
            wait(timeout)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 200
    assert instrumented_with() is attached


def test_no_time_is_a_timeout_too(make_handler):
    handler = make_handler(feedback="off")
    assert handler.flush(0)
    assert handler.close(-1)


@pytest.mark.parametrize("name", [" openai-chat ", "openai-chat\n", "auto", " AUTO"])
def test_a_name_of_a_profile_means_the_same_wherever_it_is_given(name):
    plain = None if "auto" in name.lower() else name.strip()
    assert ToolPairHandler(profile=name).settings == ToolPairHandler(profile=plain).settings
    assert check_messages(BROKEN, name) == check_messages(BROKEN, plain)
    assert repair_messages(BROKEN, name) == repair_messages(BROKEN, plain)
