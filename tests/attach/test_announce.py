"""What a process says of itself: that requests are checked, in which mode and why. Once."""

from __future__ import annotations

import io
import logging
import os
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.attach.attachments import ATTACHMENTS, send
from tests.forking import in_child, needs_fork
from tests.handler.models import CountingModel
from tests.strict.conversations import SOUND
from toolpair_observe.attach import announce
from toolpair_observe.attach.guard import guard
from toolpair_observe.attach.handler import ToolPairHandler
from toolpair_observe.attach.instrument import attach, instrument, instrumented_by, uninstrument
from toolpair_observe.children import cover
from toolpair_observe.middleware import ToolPairMiddleware

PID = os.getpid()


@pytest.fixture(autouse=True)
def _process_that_has_said_nothing(monkeypatch, caplog):
    monkeypatch.setattr(announce.PROCESS, "is_due", True)
    caplog.set_level(logging.INFO, logger="toolpair_observe")


@pytest.fixture
def said(caplog):
    """Return what the process has said of itself so far."""

    def said() -> list[str]:
        return [
            each.getMessage()
            for each in caplog.records
            if each.levelno == logging.INFO and each.getMessage().startswith("toolpair_observe ")
        ]

    return said


def ask(*handlers: ToolPairHandler) -> None:
    CountingModel().invoke(SOUND, config={"callbacks": [*handlers]})


def test_instrument_says_once_that_it_is_attached_in_which_mode_and_why(monkeypatch, said):
    monkeypatch.setenv("TOOLPAIR_MODE", "strict")
    instrument(feedback="off")
    told = (
        f"toolpair_observe is attached: pid {PID}, "
        "mode strict (environment variable TOOLPAIR_MODE), by instrument()"
    )
    assert said() == [told]
    instrument()
    ask()
    ask(ToolPairHandler("observe", feedback="off"))
    assert said() == [told]


@pytest.mark.parametrize("attachment", ATTACHMENTS, ids=lambda each: each.name)
async def test_every_way_of_attaching_says_it_once(attachment, strict, said):
    with attachment.attached(strict) as callbacks:
        for _ in range(2):
            model = attachment.model(CountingModel(), strict)
            await send(attachment.ways[0], model, SOUND, callbacks)
    (line, *rest) = said()
    assert f"pid {PID}, mode strict (argument mode)" in line
    assert [each for each in rest if "is no longer attached" not in each] == []


def test_a_handler_that_is_built_for_each_call_says_it_once(said):
    for _ in range(50):
        ask(ToolPairHandler(feedback="off"))
    assert said() == [
        f"toolpair_observe is attached to single models or calls: pid {PID}, mode observe (default)"
    ]


def test_nothing_is_said_where_the_option_says_so(monkeypatch, said):
    monkeypatch.setenv("TOOLPAIR_ANNOUNCE", "false")
    instrument(feedback="off")
    instrument(mode="strict", feedback="off")
    ask(ToolPairHandler(feedback="off"))
    uninstrument()
    guard(CountingModel(), feedback="off").invoke(SOUND)
    ToolPairMiddleware(feedback="off")
    assert said() == []


def test_a_handler_that_says_nothing_leaves_the_line_to_the_next_one(said):
    ask(ToolPairHandler(announce=False, feedback="off"))
    ask(ToolPairHandler("strict", feedback="off"))
    assert [re.search(r"mode \w+", each)[0] for each in said()] == ["mode strict"]


def test_what_changes_later_is_said(said):
    instrument(mode="strict", feedback="off")
    instrument(ToolPairHandler("observe", feedback="off"))
    uninstrument()
    uninstrument()
    assert said()[1:] == [
        f"toolpair_observe is now attached: pid {PID}, mode observe (argument mode), "
        "by instrument()",
        f"toolpair_observe is no longer attached: pid {PID}",
    ]


def test_a_mode_that_changes_with_the_environment_s_name_is_said_once(monkeypatch, said):
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=dev")
    instrument(strict_environments="production", feedback="off")
    ask()
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=Production")
    ask()
    ask()
    first, second = said()
    assert "mode observe (argument strict_environments: production; the environment is dev" in first
    assert second == (
        f"toolpair_observe has another mode now: pid {PID}, mode strict (argument "
        "strict_environments: production; the environment is Production, says "
        "OTEL_RESOURCE_ATTRIBUTES)"
    )


def test_a_name_of_several_lines_forges_no_line(monkeypatch, said):
    forged = "deployment.environment.name=ci%0Atoolpair_observe is attached"
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", forged)
    instrument(strict_environments="ci", feedback="off")
    (line,) = said()
    assert len(line.splitlines()) == 1


@needs_fork
def test_a_forked_child_says_it_at_its_first_request_and_not_before(strict):
    class Heard(logging.Handler):
        def __init__(self) -> None:
            super().__init__()
            self.lines: list[str] = []

        def emit(self, record: logging.LogRecord) -> None:
            self.lines.append(record.getMessage())

    instrument(strict)
    heard = Heard()
    logging.getLogger("toolpair_observe").addHandler(heard)

    def work() -> bool:
        at_fork = list(heard.lines)
        ask(ToolPairHandler("observe", feedback="off"))
        ask()
        told = (
            f"toolpair_observe is attached: pid {os.getpid()}, mode strict (argument mode), "
            "by instrument()"
        )
        return (at_fork, heard.lines) == ([], [told])

    try:
        assert in_child(work) == "True"
    finally:
        logging.getLogger("toolpair_observe").removeHandler(heard)


def test_requests_that_start_at_once_say_it_once(said):
    handler = ToolPairHandler(feedback="off")
    threads = 16
    together = threading.Barrier(threads)

    def work(_: int) -> None:
        together.wait()
        ask(handler)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    assert len(said()) == 1


@pytest.mark.parametrize("stream", ["closed", None])
def test_a_stream_or_a_log_that_fails_reaches_nobody(stream, monkeypatch, capsys):
    closed = io.StringIO()
    closed.close()
    environ: dict[str, str] = {}
    cover(environ)
    monkeypatch.setenv("PYTHONPATH", environ["PYTHONPATH"])
    monkeypatch.setattr(sys, "stderr", closed if stream else None)

    def fail(_: logging.LogRecord) -> bool:
        raise RuntimeError

    logger = logging.getLogger("toolpair_observe")
    logger.addFilter(fail)
    try:
        instrument(feedback="off")
        ask()
    finally:
        logger.removeFilter(fail)
    assert capsys.readouterr().out == ""


def test_who_has_attached_can_be_asked():
    assert instrumented_by() is None
    attach("someone", feedback="off")
    instrument()
    assert instrumented_by() == "someone"
    instrument(mode="strict", feedback="off")
    assert instrumented_by() == "instrument()"
    uninstrument()
    assert instrumented_by() is None
