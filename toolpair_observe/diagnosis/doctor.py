"""`doctor`: whether this process is protected, how and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.attach.handler import ToolPairHandler
from toolpair_observe.attach.instrument import instrumented_with
from toolpair_observe.diagnosis import (
    attachment,
    integrations,
    langsmith,
    measured,
    mode,
    models,
    options,
    patches,
    seam_state,
    steps,
    telemetry,
    versions,
)
from toolpair_observe.diagnosis.findings import Diagnosis, Finding, problem
from toolpair_observe.diagnosis.reach import Question, ask_all
from toolpair_observe.diagnosis.subject import Subject
from toolpair_observe.pairing.flags import check_flags
from toolpair_observe.pairing.shown import type_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessage
    from langchain_core.runnables import Runnable

_AREAS: Final = (
    versions,
    integrations,
    models,
    measured,
    attachment,
    mode,
    options,
    seam_state,
    steps,
    patches,
    telemetry,
    langsmith,
)
_ASKED: Final = (telemetry, langsmith)


def doctor(
    model: str | Runnable[LanguageModelInput, AIMessage] | None = None,
    *,
    handler: ToolPairHandler | None = None,
    online: bool = False,
) -> Diagnosis:
    """Say whether this process is protected, how and why, and what is wrong.

    It changes nothing, calls no model, and shows no key, password or message.

    Args:
        model: A chat model, or its `provider:name`, to say under which profile it is judged; it may
            have tools bound.
        handler: The handler to look at; None for the one that `model` brings along, or else the one
            of `instrument`.
        online: Whether to ask LangSmith and the servers of OpenTelemetry's exporters, too: for 5
            seconds at most.

    Returns:
        What was found. A process without a handler is a problem.

    Raises:
        SettingsError: There is no such provider.
        TypeError: `model` is no chat model, `handler` no handler, or `online` neither True nor
            False.
    """
    check_flags(online=online)
    return diagnose(model, handler=handler, online=online, in_program=True)


def diagnose(
    model: str | Runnable[LanguageModelInput, AIMessage] | None,
    *,
    handler: ToolPairHandler | None,
    online: bool,
    in_program: bool,
) -> Diagnosis:
    """Do what `doctor` does, also where the process is no application.

    Args:
        model: See `doctor`.
        handler: See `doctor`.
        online: See `doctor`.
        in_program: Whether a process without a handler is a problem.
    """
    _check_handler(handler)
    given = (*((handler,) if handler is not None else ()), *models.handlers_in(model))
    subject = Subject(
        given=tuple(dict.fromkeys(given)),
        attached=instrumented_with(),
        models=models.models_of(model),
        in_program=in_program,
        online=online,
    )
    found = [finding for area in _AREAS for finding in _looked(area, subject)]
    return Diagnosis((*found, *_asked(subject)))


def _check_handler(handler: object) -> None:
    if handler is not None and not isinstance(handler, ToolPairHandler):
        msg = f"handler is {type_name(handler)}; doctor() needs a ToolPairHandler"
        raise TypeError(msg)


def _looked(area: Any, subject: Subject) -> Iterator[Finding]:  # noqa: ANN401 -- a module
    """Yield what is found in an area; one that can't be looked at says so and stops no other."""
    try:
        yield from area.look(subject)
    except Exception as error:  # noqa: BLE001 -- other libraries' objects
        yield _unseen(area.AREA, error)


def _asked(subject: Subject) -> Iterator[Finding]:
    if not subject.online:
        return
    questions: list[Question] = []
    for area in _ASKED:
        try:
            questions += area.questions(subject)
        except Exception as error:  # noqa: BLE001 -- other libraries' objects
            yield _unseen(area.AREA, error)
    yield from ask_all(questions)


def _unseen(area: str, error: Exception) -> Finding:
    fix = "mend the other problems first; if it stays, look for a newer toolpair-observe"
    return problem(area, f"could not be looked at ({type_name(error)})", fix)
