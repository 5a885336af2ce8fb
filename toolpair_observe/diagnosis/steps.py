"""Whether the steps of agents are heard, which tell what broke a history and who mended one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolpair_observe.diagnosis.findings import Finding, note, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.diagnosis.subject import Subject

AREA: Final = "steps"
_FIX: Final = (
    'config={"callbacks": [handler]} on the agent\'s call, instrument(), or blame="requests"'
)


def look(subject: Subject) -> Iterator[Finding]:
    """Look at the option `blame`, and at where the handlers stand."""
    settings = subject.settings
    said = f"blame = {settings.blame} ({settings.origins['blame']})"
    if settings.blame == "off":
        yield ok(AREA, f"{said}: what broke a history is not looked for")
    elif settings.blame == "requests":
        yield ok(AREA, f"{said}: earlier requests are compared, and no step is named")
    elif subject.attached is not None and subject.attached.hears_steps:
        yield ok(AREA, f"{said}: those of every agent in this process are heard")
    elif subject.given and subject.models:
        yield note(AREA, f"{said}: a handler on a model hears none of those around it", _FIX)
    else:
        where = "a handler hears those of an agent whose call has it among its callbacks"
        yield ok(AREA, f"{said}: {where}")
