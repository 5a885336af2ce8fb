"""Names of classes, files and environments come from outside: they are text wherever they show."""

from __future__ import annotations

import ast
import logging
import pickle
from pathlib import Path

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from tests.handler.models import CountingModel
from tests.pairing.build import H
from tests.pairing.test_shown import HOSTILE, assert_is_text
from tests.strict.conversations import BROKEN
from toolpair_observe import (
    ChatTemplateError,
    check_messages,
    doctor,
    fail_open,
    guard,
    instrument,
    profile_from_chat_template,
)
from toolpair_observe.attach import closing
from toolpair_observe.attach.handler import ToolPairHandler
from toolpair_observe.autostart import sitecustomize
from toolpair_observe.errors import CheckFailedError, SettingsError
from toolpair_observe.pairing.shown import type_name
from toolpair_observe.settings import Settings

PACKAGE = Path(__file__).parents[1] / "toolpair_observe"
# No class can have these in its name.
NO_NAME = {"NUL", "a lone surrogate"}
NAMES = {what: name for what, name in HOSTILE.items() if what not in NO_NAME}
each_name = pytest.mark.parametrize("hostile", NAMES.values(), ids=NAMES)
each_text = pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)


def assert_is_line(text: str, most: int = 2_500) -> None:
    assert_is_text(text, most)
    assert "\n" not in text


def raising(failure: Exception, file: str):
    """Return a function of a file of this name that raises."""
    names = {"failure": failure}
    exec(compile("def hook(_):\n    raise failure", file, "exec"), names)  # noqa: S102 -- its own text
    return names["hook"]


def texts_of(caplog) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "toolpair_observe"]


@each_name
def test_a_log_line_of_a_failure_is_one_line(hostile, caplog, monkeypatch):
    monkeypatch.setattr(fail_open, "_logged", set())
    failure = type(hostile, (Exception,), {})()
    handler = ToolPairHandler(feedback="off", on_near_miss=raising(failure, hostile))
    try:
        CountingModel().invoke(BROKEN, {"callbacks": [handler]})
        assert handler.flush()
    finally:
        handler.close()

    (told,) = [text for text in texts_of(caplog) if "on_near_miss raised" in text]
    assert_is_line(told)


@each_name
def test_a_class_in_place_of_a_handler_is_warned_of_on_one_line(hostile, caplog):
    cls = type(hostile, (ToolPairHandler,), {})
    CountingModel().invoke([H], {"callbacks": [cls]})

    (told,) = [text for text in texts_of(caplog) if "callbacks hold the class" in text]
    assert_is_line(told)


@each_name
def test_a_handler_of_others_that_fails_at_a_refusal_is_named_on_one_line(hostile, caplog):
    caplog.set_level(logging.DEBUG, "toolpair_observe")

    class View:
        handlers = (type(hostile, (BaseCallbackHandler,), {})(),)

    closing._log_failure(View(), type(hostile, (Exception,), {})())

    (told,) = texts_of(caplog)
    assert_is_line(told)


@each_name
def test_a_check_that_failed_names_its_failure_on_one_line(hostile):
    error = CheckFailedError(hostile)

    for text in (str(error), repr(error), error.failure):
        assert_is_line(text)
    assert pickle.loads(pickle.dumps(error)).failure == error.failure


@each_name
def test_an_argument_of_another_type_is_named_on_one_line(hostile):
    cls = type(hostile, (), {})
    thing = cls()
    wrongs = (
        lambda: check_messages([H], thing),
        lambda: check_messages([H], cls),
        lambda: check_messages(thing),
        lambda: check_messages([thing]),
        lambda: ToolPairHandler(tracer_provider=thing),
        lambda: ToolPairHandler(tracer_provider=cls),
        lambda: ToolPairHandler(on_near_miss=thing),
        lambda: ToolPairHandler(max_runs=thing),
        lambda: doctor(thing),
        lambda: doctor(handler=thing),
    )
    for wrong in wrongs:
        with pytest.raises((TypeError, ValueError)) as caught:
            wrong()
        assert_is_line(str(caught.value))


@each_text
def test_what_is_given_beside_a_handler_is_named_on_one_line(hostile):
    handler = ToolPairHandler(feedback="off")
    for take in (instrument, guard):
        with pytest.raises(TypeError, match="not both") as caught:
            take(*[CountingModel()] * (take is guard), handler, **{hostile: 1})
        assert_is_line(str(caught.value))


def test_a_chat_template_that_is_none_is_refused_on_one_line():
    for text in (f"{{% {'x' * 100_000} %}}", "{{ '\x1b[31m ##vso[a]' }", "{% ##vso[a]\x1b %}"):
        with pytest.raises(ChatTemplateError) as caught:
            profile_from_chat_template(text)
        assert_is_line(str(caught.value), 500)


@each_text
def test_a_start_that_fails_says_so_on_one_line(hostile, capsys):
    for error in (ImportError(hostile), ValueError(hostile)):
        sitecustomize._complain(error)
        (told,) = capsys.readouterr().err.splitlines()
        assert_is_line(told)


@each_text
def test_a_function_is_named_with_its_file_on_one_line(hostile):
    if "\0" in hostile:
        pytest.skip("no file has such a name")
    hook = raising(ValueError(), "f")
    hook.__code__ = hook.__code__.replace(co_filename=hostile, co_argcount=0, co_nlocals=1)
    hook.__name__ = hostile
    with pytest.raises(SettingsError) as caught:
        ToolPairHandler(on_near_miss=hook)
    assert_is_line(str(caught.value))


@each_name
def test_the_repr_of_a_handler_of_another_class_is_one_line(hostile):
    assert_is_line(repr(type(hostile, (ToolPairHandler,), {})(feedback="off")))


def test_a_class_that_lies_about_its_name_is_named_by_its_own():
    class Liar(type):
        @property
        def __name__(cls) -> str:
            raise RuntimeError

    assert type_name(Liar("Real", (), {})()) == "Real"


@each_text
def test_the_reason_of_a_mode_is_one_line(hostile, monkeypatch):
    attributes = f"deployment.environment.name={hostile}".encode("utf-8", "replace").decode()
    if "\0" not in attributes:
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", attributes)
    many = [f"environment-{n}-{'x' * 200}" for n in range(300)]
    handler = ToolPairHandler(strict_environments=many, feedback="off")

    assert_is_line(handler.mode_reason)


@pytest.mark.parametrize("option", ["environment", "strict_environments"])
@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31m", "x" * 257, "\u202ex"])
def test_a_name_that_is_none_is_refused(option, name):
    for given in (name, f"staging,{name}"):
        with pytest.raises(SettingsError) as caught:
            Settings.resolve({f"TOOLPAIR_{option.upper()}": given})
        assert_is_line(str(caught.value))


def test_a_mode_is_announced_on_one_line(monkeypatch, caplog):
    caplog.set_level(logging.INFO, "toolpair_observe")
    monkeypatch.setenv("TOOLPAIR_STRICT_ENVIRONMENTS", "##vso[a]b,::error::x,staging")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=x%0A::error::y")
    CountingModel().invoke([H], {"callbacks": [ToolPairHandler(feedback="off")]})

    for told in texts_of(caplog):
        assert_is_line(told)


def test_every_line_of_the_log_goes_through_one_door():
    loggers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "getLogger"
    }

    # The demos only silence it, and what counts threads only listens to an exporter.
    quiet = {"demo/cases/run.py", "demo/live/show.py", "threads/gauge.py"}
    assert loggers == {"logs.py", *quiet}
