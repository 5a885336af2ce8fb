"""One request on a thread of its own, which is given up when its time is over.

No client's timeout bounds an answer that comes byte by byte, and no thread can be stopped: so a
request that takes too long is left to itself. The thread has a context of its own in which tracing
is off, and keeps the process from nothing.
"""

from __future__ import annotations

import threading
from contextvars import Context
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langsmith import tracing_context
from opentelemetry import context as otel

from toolpair_observe import foreign
from toolpair_observe.deadline import Deadline
from toolpair_observe.probing.record import CURRENT, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.probing.subject import Subject


@dataclass(slots=True)
class Heard:
    """What came of one request.

    Attributes:
        record: What is known of its way.
        message: The answer, None where there is none.
        error: What was raised in its place; None also where the request was given up.
    """

    record: Record
    message: BaseMessage | None = None
    error: BaseException | None = None


def heard_of(subject: Subject, messages: Sequence[BaseMessage], seconds: float) -> Heard:
    """Ask once.

    Args:
        subject: Who is asked.
        messages: What is sent.
        seconds: When the request is given up.
    """
    heard = Heard(Record(Deadline(seconds)))
    is_done = threading.Event()

    def ask() -> None:
        try:
            heard.message = _answer(subject, messages, heard.record)
        except BaseException as error:  # noqa: BLE001 -- a foreign client's; it is looked at below
            heard.error = error
        finally:
            is_done.set()

    threading.Thread(target=Context().run, args=(ask,), name="probe", daemon=True).start()
    if is_done.wait(seconds):
        return heard
    return Heard(heard.record)


def _answer(subject: Subject, messages: Sequence[BaseMessage], record: Record) -> BaseMessage:
    CURRENT.set(record)
    for key in (foreign.NO_SPANS.of(otel), foreign.NO_HTTP_SPANS.of(otel)):
        if key is not None:
            otel.attach(otel.set_value(key, value=True))
    with tracing_context(enabled=False):
        return subject.call(messages)
