"""Under which profile a model is judged: the application's own object, or one made for a look."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableSequence, RunnableWithFallbacks
from langchain_core.runnables.base import RunnableBindingBase

from toolpair_observe.attach.guard import GuardedModel
from toolpair_observe.attach.handler import ToolPairHandler
from toolpair_observe.attach.request import request_to
from toolpair_observe.diagnosis.findings import Finding, note, ok, problem
from toolpair_observe.diagnosis.integrations import row_of, words_of
from toolpair_observe.diagnosis.makers import Unmade, made
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.identify import Target, identify
from toolpair_observe.pairing.shown import type_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessage
    from langchain_core.runnables import Runnable

    from toolpair_observe.diagnosis.subject import Subject
    from toolpair_observe.settings import Settings

AREA: Final = "model"


@dataclass(frozen=True, slots=True)
class Judged:
    """A model that the caller asks about.

    Attributes:
        name: What people call it.
        model: The chat model, or why there is none.
        arguments: What is bound to it, such as tools.
    """

    name: str
    model: BaseChatModel | Unmade
    arguments: Mapping[str, Any]


def models_of(model: str | Runnable[LanguageModelInput, AIMessage] | None) -> tuple[Judged, ...]:
    """Return the chat models that the caller means.

    Raises:
        SettingsError: There is no such provider.
        TypeError: It is no chat model.
    """
    if model is None:
        return ()
    if isinstance(model, str):
        return (Judged(model, made(model), {}),)
    return tuple(_inside(model, {}))


def handlers_in(model: object) -> tuple[ToolPairHandler, ...]:
    """Return the handlers that a model brings along, the one that reports first."""
    found = (each for each in _callbacks_in(model) if isinstance(each, ToolPairHandler))
    return tuple(dict.fromkeys(found))


def _callbacks_in(runnable: Any) -> Iterator[object]:  # noqa: ANN401 -- whatever a model is made of
    if isinstance(runnable, GuardedModel):
        yield runnable.handler
        yield from _callbacks_in(runnable.bound)
    elif isinstance(runnable, RunnableBindingBase):
        yield from _listed(runnable.config.get("callbacks"))
        yield from _callbacks_in(runnable.bound)
    elif isinstance(runnable, RunnableWithFallbacks):
        for each in (runnable.runnable, *runnable.fallbacks):
            yield from _callbacks_in(each)
    elif isinstance(runnable, RunnableSequence):
        yield from _callbacks_in(runnable.first)
    else:
        yield from _listed(getattr(runnable, "callbacks", None))


def _listed(callbacks: object) -> Iterable[object]:
    """Return the handlers of a list or of a callback manager."""
    handlers = getattr(callbacks, "handlers", callbacks)
    return handlers if isinstance(handlers, list | tuple) else ()


def _inside(runnable: Any, arguments: Mapping[str, Any]) -> Iterator[Judged]:  # noqa: ANN401
    if isinstance(runnable, RunnableBindingBase):
        yield from _inside(runnable.bound, {**runnable.kwargs, **arguments})
    elif isinstance(runnable, GuardedModel):
        yield from _inside(runnable._bound, arguments)  # noqa: SLF001 -- the model behind the guard
    elif isinstance(runnable, RunnableWithFallbacks):
        for each in (runnable.runnable, *runnable.fallbacks):
            yield from _inside(each, arguments)
    elif isinstance(runnable, RunnableSequence):
        yield from _inside(runnable.first, arguments)
    elif isinstance(runnable, BaseChatModel):
        yield Judged(type_name(runnable), runnable, arguments)
    else:
        msg = f"doctor() needs a chat model or its provider:name, not {type_name(runnable)}"
        raise TypeError(msg)


def look(subject: Subject) -> Iterator[Finding]:
    """Look at each model that the caller asks about."""
    for judged in subject.models:
        if isinstance(judged.model, Unmade):
            yield problem(AREA, judged.model.reason, judged.model.fix)
        else:
            yield _verdict(judged, judged.model, subject.settings)


def _verdict(judged: Judged, model: BaseChatModel, settings: Settings) -> Finding:
    with warnings.catch_warnings():
        # Integrations warn about models that they do not know.
        warnings.simplefilter("ignore")
        request = request_to(model, [], **judged.arguments)
    target = identify(
        request.serialized, request.metadata, request.invocation_params, settings.profile
    )
    said = f"{judged.name}: {_described(target)}"
    if settings.profile is not None and settings.profile.measured is not None and target.elsewhere:
        text = (
            f"{said}: the profile that profile= names ({settings.origins['profile']}) was measured "
            f"of {settings.profile.measured.subject}, and {target.elsewhere} is asked"
        )
        return note(AREA, text, "measure this model, too, or leave profile= out")
    if settings.profile is not None:
        return ok(AREA, f"{said}, as profile= says ({settings.origins['profile']})")
    if target.identified:
        return ok(AREA, said)
    fix = "set profile= to the API that answers, if it is one of docs/providers"
    return note(AREA, f"{judged.name}: not identified, so {_held_to(target, settings)}", fix)


def _described(target: Target) -> str:
    facts = target.facts
    words = words_of(row_of(target.profile, facts))
    details = [f"profile {target.profile.name} {words}".rstrip()]
    details += [f"provider {target.provider}"] if target.provider else []
    details += [f"model {target.model}"] if target.model else []
    if facts.version is not None:
        details.append(f"{target.profile.versioned} {facts.version}")
    details.append("tools bound" if facts.tools_bound else "no tools bound")
    return ", ".join(details)


def _held_to(target: Target, settings: Settings) -> str:
    judge = (
        "LangChain's own contract judges it"
        if target.profile is CONTRACT
        else f"profile {target.profile.name} judges it"
    )
    stops = "holds" if settings.block_unidentified else "does not hold"
    return f"{judge}, and strict mode {stops} it to that (block_unidentified)"
