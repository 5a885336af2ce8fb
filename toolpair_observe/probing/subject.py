"""The user's model made fit for asking: a copy that traces nothing, tries once and says little."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import metadata as distributions
from typing import TYPE_CHECKING, Any, Final

from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel, Field, SecretStr

from toolpair_observe import foreign
from toolpair_observe._version import __version__
from toolpair_observe.errors import ProbeError
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.identify import HERE, identify
from toolpair_observe.pairing.providers.integration import ModelCall
from toolpair_observe.pairing.providers.models import told_of, unbound, unwrapped
from toolpair_observe.pairing.providers.shown_host import host_shown
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.shown import class_name, clean, type_name
from toolpair_observe.probing.base import base_of
from toolpair_observe.probing.clients import asking_once
from toolpair_observe.probing.measurement import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.providers.models import Told
    from toolpair_observe.pairing.providers.profile import Profile

MOST_OUTPUT_TOKENS: Final = 24
_SILENT: Final[Mapping[str, object]] = {
    "callbacks": [],
    "cache": False,
    "tags": None,
    "metadata": None,
    "verbose": False,
    "streaming": False,
    "disable_streaming": True,
    "use_previous_response_id": False,
}
# What is the user's own, or would make another request of ours.
_DROPPED: Final = frozenset(
    {
        "tools",
        "tool_choice",
        "toolConfig",
        "tool_config",
        "functions",
        "function_call",
        "parallel_tool_calls",
        "response_format",
        "response_schema",
        "response_mime_type",
        "response_json_schema",
        "output_config",
        "output_format",
        "strict",
        "ls_structured_output_format",
        "structured_output_format",
        "stop",
        "stream",
        "stream_options",
        "previous_response_id",
        "conversation",
        "metadata",
        "user",
    }
)
_LIMITS: Final = (
    "max_tokens",
    "max_output_tokens",
    "max_completion_tokens",
    "max_new_tokens",
    "max_tokens_to_sample",
    "num_predict",
)
_OF_A_LIMIT: Final = re.compile(
    r"max[\s_]?(?:completion|output|new)?[\s_]?tokens|num_predict|output limit", re.IGNORECASE
)
_SECRET_NAME: Final = re.compile(
    r"key|token|secret|password|authorization|credential|cookie|organization|project|account",
    re.IGNORECASE,
)
# Before the host of a URL, also of a proxy's.
_USER: Final = re.compile(r"://([^/@\s]+)@")
_SHORTEST_SECRET: Final = 6
_CLIENTS_OF: Final = {"google": "google-genai"}


class look_up(BaseModel):  # noqa: N801 -- a tool's name
    """Look up one thing."""

    # Some chat templates write the description out, and fail without one.
    what: str = Field(description="What to look up.")


@dataclass(frozen=True, slots=True)
class _Form:
    """Which arguments of ours a request bears, as far as the endpoint takes them.

    Attributes:
        is_cold: Whether the temperature is 0.
        limit: How the output is limited: by the class's own field, by `max_tokens` beside it, or
            as the user has it.
    """

    is_cold: bool = True
    limit: str = "own"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Subject:
    """A model that can be asked.

    Attributes:
        model: The copy that is asked.
        arguments: What it is called with, the made-up tool included.
        endpoint: Who is asked.
        base: What the integration does to a history, of the server nothing.
        packages: Versions of the distributions that take part, by name.
        is_watched: Whether the model's client is one that `clients` knows: it asks once, follows
            no redirect, and it is known of each request whether it left.
        secrets: Texts of the model that nothing may show.
    """

    model: BaseChatModel
    arguments: Mapping[str, Any]
    endpoint: Endpoint
    base: Profile
    packages: Mapping[str, str]
    is_watched: bool
    secrets: tuple[str, ...] = ()
    _given: BaseChatModel | None = None
    _bound: Mapping[str, Any] = field(default_factory=dict)
    _form: _Form = field(default_factory=_Form)

    def __repr__(self) -> str:
        return f"Subject({self.endpoint!r})"

    def call(self, messages: Sequence[BaseMessage]) -> BaseMessage:
        """Ask once, beneath callbacks, caches and tracers, and return the answer."""
        result = foreign.GENERATE.of(self.model)(list(messages), **self.arguments)
        message: BaseMessage = result.generations[0].message
        return message

    def without(self, words: str) -> Subject | None:
        """Return the same without the argument of ours that a refusal names, or None.

        Args:
            words: The words of the refusal.
        """
        form = self._form
        if form.limit != "user" and _OF_A_LIMIT.search(words):
            has_other = form.limit == "own" and _is_openai_like(self.model)
            return self._as(replace(form, limit="other" if has_other else "user"))
        if form.is_cold and "temperature" in words.lower():
            return self._as(replace(form, is_cold=False))
        return None

    def _as(self, form: _Form) -> Subject:
        given = self._given or self.model
        model, arguments, _ = _formed(given, self._bound, form)
        return replace(self, model=model, arguments=arguments, _form=form)


def subject_of(model: object) -> Subject:
    """Return what asks the endpoint of a model. Nothing of the model is changed.

    Args:
        model: A chat model, also with tools or arguments bound, with retries, with fallbacks (the
            one that is asked first), with configurable fields or behind a guard.

    Raises:
        ProbeError: There is no chat model in it, or one that takes no tools.
    """
    given, arguments, config = _model_in(model)
    told = told_of(given, config.get("metadata"), **arguments)
    target = identify(*told)
    bound = {name: value for name, value in arguments.items() if name not in _DROPPED}
    copy, call, clients = _formed(given, bound, _Form())
    built_in = _built_in(target.profile)
    kind = told.invocation_params.get("_type")
    endpoint = Endpoint(
        host=clean(host_shown(_call_of(told))),
        model=target.model,
        integration=clean(kind) if isinstance(kind, str) else type_name(given),
        profile=built_in.name,
    )
    return Subject(
        model=copy,
        arguments=call,
        endpoint=endpoint,
        # What is known of the server is what is asked for.
        base=base_of(built_in).row(target.facts),
        packages=_versions(given, clients),
        is_watched=bool(clients),
        secrets=tuple(dict.fromkeys(_secrets_of(given, arguments))),
        _given=given,
        _bound=bound,
    )


def _built_in(profile: Profile) -> Profile:
    """Return the profile of the table whose steps a profile has.

    Of a model that is not identified only the steps are left of it.
    """
    if PROFILES.get(profile.name) is profile:
        return profile
    same = (
        each
        for each in PROFILES.values()
        if (each.package, each.steps, each.calls) == (profile.package, profile.steps, profile.calls)
    )
    return next(same, CONTRACT)


def _model_in(model: object) -> tuple[BaseChatModel, dict[str, Any], Any]:
    if isinstance(model, type):
        name = class_name(model)
        msg = f"{name} is a class: give an instance of it, as {name}(model=...) makes one"
        raise ProbeError(msg)
    try:
        inner, arguments, config = unwrapped(model)
    except Exception as error:  # noqa: BLE001 -- a foreign wrapper's
        msg = f"the {type_name(model)} does not say which model it asks ({type_name(error)})"
        raise ProbeError(msg) from None
    if not isinstance(inner, BaseChatModel):
        msg = (
            f"there is no chat model in a {type_name(model)}: give a LangChain chat model, such as "
            "ChatOpenAI(...), also with tools or fallbacks"
        )
        raise ProbeError(msg)
    return inner, arguments, config


def _formed(
    given: BaseChatModel, bound: Mapping[str, Any], form: _Form
) -> tuple[BaseChatModel, dict[str, Any], tuple[str, ...]]:
    """Return the copy, what it is called with, and the packages of the clients that it has."""
    fields = type(given).model_fields
    changes = {name: value for name, value in _SILENT.items() if name in fields}
    ours: set[str] = set()
    if "max_retries" in fields:
        # Google counts the first try, and takes 0 for its own default.
        changes["max_retries"] = int(_is_of(given, "langchain_google"))
    if form.is_cold and "temperature" in fields:
        changes["temperature"] = 0
        ours.add("temperature")
    if form.limit != "user":
        names = [name for name in _LIMITS if name in fields]
        ours.update(_LIMITS)
        changes.update(dict.fromkeys(names))
        if form.limit == "own" and names:
            changes[names[0]] = MOST_OUTPUT_TOKENS
    if isinstance(own := getattr(given, "model_kwargs", None), dict):
        changes["model_kwargs"] = {n: own[n] for n in own if n not in _DROPPED | ours}
    copy = given.model_copy(update=changes)
    arguments = {name: value for name, value in bound.items() if name not in ours}
    if form.limit == "other":
        more = {**(getattr(given, "extra_body", None) or {}), **bound.get("extra_body", {})}
        arguments["extra_body"] = {**more, "max_tokens": MOST_OUTPUT_TOKENS}
    clients = tuple(_replace_clients(copy))
    return copy, {**arguments, **_tool_of(copy)}, clients


def _tool_of(copy: BaseChatModel) -> dict[str, Any]:
    try:
        _, arguments, _ = unbound(copy.bind_tools([look_up]))
    except Exception as error:  # noqa: BLE001 -- a foreign class's
        msg = (
            f"{type_name(copy)} takes no tools ({type_name(error)}), so there is nothing to probe: "
            "give a chat model whose bind_tools works"
        )
        raise ProbeError(msg) from None
    return arguments


def _replace_clients(copy: BaseChatModel) -> Iterator[str]:
    """Give a copy clients that ask once, and yield the package of each."""
    if _is_made_late(type(copy), foreign.CLIENT_BENEATH.name):
        # Now, unless the user's own is there.
        foreign.CLIENT_BENEATH.of(copy)
    held = vars(copy)
    private = copy.__pydantic_private__
    for holder in (held, private if private is not None else {}):
        for name, client in list(holder.items()):
            once = asking_once(client)
            if once is not None:
                holder[name] = once
                yield type(client).__module__.partition(".")[0]


def _is_made_late(cls: type, name: str) -> bool:
    return any(isinstance(vars(each).get(name), cached_property) for each in cls.__mro__)


def _is_openai_like(model: BaseChatModel) -> bool:
    return _is_of(model, "langchain_openai")


def _is_of(model: BaseChatModel, package: str) -> bool:
    return any(each.__module__.startswith(package) for each in type(model).__mro__)


def _call_of(told: Told) -> ModelCall:
    arguments = told.serialized.get("kwargs")
    versions = told.metadata.get("lc_versions")
    return ModelCall(
        (
            told.serialized,
            arguments if isinstance(arguments, dict) else {},
            told.metadata,
            told.invocation_params,
            versions if isinstance(versions, dict) else {},
            *HERE,
        )
    )


def _versions(model: BaseChatModel, clients: Sequence[str]) -> dict[str, str]:
    own = type(model).__module__.partition(".")[0]
    names = ["langchain-core", own, *(_CLIENTS_OF.get(each, each) for each in clients)]
    found = {name.replace("_", "-"): _version(name) for name in names}
    known = {name: version for name, version in found.items() if version is not None}
    return {"toolpair-observe": __version__, **known}


def _version(name: str) -> str | None:
    try:
        return distributions.version(name)
    except distributions.PackageNotFoundError:
        return None


def _secrets_of(model: BaseChatModel, arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of a model that are secret, or that bear a name as secrets do."""
    waiting: list[tuple[str, object]] = [*vars(model).items(), *arguments.items()]
    # What holds itself is looked into once.
    seen: set[int] = set()
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, SecretStr):
            name, value = "secret", value.get_secret_value()
        if isinstance(value, dict | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            items = value.items() if isinstance(value, dict) else ((name, each) for each in value)
            # Of headers and queries no value is anything to show.
            is_secret = re.search("header|query", name) or name == "secret"
            waiting += [("secret" if is_secret else str(key), each) for key, each in items]
        elif isinstance(value, str):
            if _is_secret(name, value):
                yield value
            for user in _USER.findall(value):
                yield from filter(None, (user, *user.split(":")))


def _is_secret(name: str, value: str) -> bool:
    return len(value) >= _SHORTEST_SECRET and _SECRET_NAME.search(name) is not None
