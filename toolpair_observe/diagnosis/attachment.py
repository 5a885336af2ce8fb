"""Whether every chat model of this process is checked, and who asked for that."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from toolpair_observe.attach.instrument import instrumented_by
from toolpair_observe.diagnosis.findings import Finding, note, ok, problem
from toolpair_observe.settings import MODE_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.attach.handler import ToolPairHandler
    from toolpair_observe.diagnosis.subject import Subject

AREA: Final = "attached"
_DISABLED: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
_ENTRY_POINT: Final = "toolpair"
_ALL: Final = "*"
_LOADER: Final = "opentelemetry.instrumentation.auto_instrumentation"
_WAYS: Final = (
    "call toolpair_observe.instrument(), or start the program with toolpair-observe run or "
    "opentelemetry-instrument"
)


def look(subject: Subject) -> Iterator[Finding]:
    """Look at the handler of the process, and at those that were given."""
    if subject.attached is not None:
        text = f"stands in every chat model of process {os.getpid()}, attached by"
        yield _standing(subject.attached, f"{text} {instrumented_by()}")
    for handler in subject.given:
        if handler is not subject.attached:
            yield _standing(handler, "checks the chat models that have it as a callback")
    if not subject.handlers:
        yield _unattached(in_program=subject.in_program)
    yield from _kept_out(subject)


def _standing(handler: ToolPairHandler, where: str) -> Finding:
    settings = handler.settings
    if settings.mode != "off":
        return ok(AREA, f"{handler!r} {where}")
    checked = "nothing"
    if settings.request_mode != "ignore":
        checked = f"only requests whose metadata asks for it ({MODE_KEY})"
    text = f"{handler!r} {where}; its mode is off: it checks {checked}"
    return note(AREA, text, "set mode to observe or strict")


def _kept_out(subject: Subject) -> Iterator[Finding]:
    """Say why opentelemetry-instrument attaches nothing."""
    named = {each.strip() for each in os.environ.get(_DISABLED, "").split(",")}
    names = " and ".join(sorted(named & {_ENTRY_POINT, _ALL}))
    if not names:
        return
    text = f"{_DISABLED} names {names}: opentelemetry-instrument does not attach toolpair_observe"
    fix = f"take {names} out of it, or attach in code"
    is_missing = not subject.handlers and _LOADER in sys.modules
    yield problem(AREA, text, fix) if is_missing else note(AREA, text, fix)


def _unattached(*, in_program: bool) -> Finding:
    if in_program:
        text = f"no handler checks the chat models of process {os.getpid()}"
        return problem(AREA, text, f"{_WAYS}; where handlers are callbacks, doctor(handler=...)")
    text = "no handler is attached here: this command looks at its environment, not at a program"
    fix = "toolpair-observe run toolpair-observe doctor, or doctor() in the program"
    return note(AREA, text, fix)
