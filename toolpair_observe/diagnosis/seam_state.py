"""Whether the seam around langchain-core's callback managers is in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolpair_observe.attach import seam
from toolpair_observe.diagnosis.findings import Finding, note, ok, problem
from toolpair_observe.diagnosis.patches import layers_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.diagnosis.subject import Subject

AREA: Final = "seam"
_COST: Final = "strict mode raises from the callback, and LangSmith gets no feedback"


def look(subject: Subject) -> Iterator[Finding]:
    """Look at the seam."""
    settings = subject.settings
    if not settings.wrap_callbacks:
        yield _off(subject, "off, because wrap_callbacks is false", "leave wrap_callbacks out")
    elif seam.is_broken():
        fix = "look for a newer toolpair-observe, or pin langchain-core to the version it knows"
        yield _off(subject, "off, because langchain-core has changed", fix)
    elif seam.is_active():
        yield from _surroundings(subject)
    elif subject.handlers:
        yield _idle(subject)
    else:
        yield ok(AREA, "not in place, as no handler has been made here")


def _idle(subject: Subject) -> Finding:
    if subject.ruling.now().mode == "off":
        return ok(AREA, "not in place, as the mode is off")
    return _off(subject, "off, although a handler is there", "make the handler anew")


def _off(subject: Subject, state: str, fix: str) -> Finding:
    text = f"{state}: {_COST}"
    return problem(AREA, text, fix) if subject.is_strict else note(AREA, text, fix)


def _surroundings(subject: Subject) -> Iterator[Finding]:
    for manager, ours in seam.wrappers().items():
        name = f"{manager.__name__}.{ours.__name__}"
        layers = layers_of(manager, ours.__name__)
        functions = [layer.function for layer in layers]
        if ours in functions:
            others = [layer.owner for layer in layers[: functions.index(ours)]]
            yield ok(AREA, f"on: {name}{', wrapped by ' if others else ''}{', '.join(others)}")
        else:
            others = [layer.owner for layer in layers] or ["other software"]
            state = f"{name} has been replaced by {', '.join(others)}"
            yield _off(subject, state, "attach toolpair_observe after it")
