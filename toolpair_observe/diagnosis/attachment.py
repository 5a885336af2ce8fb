"""Whether every chat model of this process is checked, and who asked for that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from toolpair_observe.attach.instrument import instrumented_by
from toolpair_observe.diagnosis.findings import Finding, note, ok, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.diagnosis.subject import Subject

AREA: Final = "attached"
_DISABLED: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
_ENTRY_POINT: Final = "toolpair"
_WAYS: Final = (
    "call toolpair_observe.instrument(), or start the program with toolpair-observe run or "
    "opentelemetry-instrument"
)


def look(subject: Subject) -> Iterator[Finding]:
    """Look at the handler of the process, and at the one that was given."""
    if subject.attached is not None:
        text = f"{subject.attached!r} stands in every chat model of process {os.getpid()}"
        yield ok(AREA, f"{text}, attached by {instrumented_by()}")
    if subject.given is not None and subject.given is not subject.attached:
        yield ok(AREA, f"{subject.given!r} checks the chat models that have it as a callback")
    if subject.attached is None and subject.given is None:
        yield _unattached(in_program=subject.in_program)
    if _ENTRY_POINT in map(str.strip, os.environ.get(_DISABLED, "").split(",")):
        text = f"{_DISABLED} names {_ENTRY_POINT}: opentelemetry-instrument does not attach it"
        yield note(AREA, text, f"take {_ENTRY_POINT} out of it, or attach in code")


def _unattached(*, in_program: bool) -> Finding:
    if in_program:
        text = f"no handler checks the chat models of process {os.getpid()}"
        return problem(AREA, text, f"{_WAYS}; where handlers are callbacks, doctor(handler=...)")
    text = "no handler is attached here: this command looks at its environment, not at a program"
    fix = "toolpair-observe run toolpair-observe doctor, or doctor() in the program"
    return note(AREA, text, fix)
