"""Every option: its value given in code, else in the environment, else the default.

`Settings` is the one place that lists them. Each field carries its environment variable, its kind
of value and its documentation in its metadata, so that errors, the table in the docs and the
reading of the environment can't drift apart.
"""

from __future__ import annotations

import os
from dataclasses import Field, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, TypedDict, cast, get_args

from toolpair_observe import option_values as read
from toolpair_observe.arguments import described, nearest
from toolpair_observe.deployment import Environment, environment_of
from toolpair_observe.errors import SettingsError
from toolpair_observe.hashed import KEY_VARIABLE
from toolpair_observe.once import warn_once
from toolpair_observe.option_values import (
    BlameMode,
    BlockableEffect,
    Mode,
    OnInternalError,
    RequestMode,
    RequestSelection,
)
from toolpair_observe.pairing.shown import MAX_TEXT, quoted, shown, told
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessage
    from langchain_core.runnables import Runnable

    from toolpair_observe.pairing.providers.profile import Profile

PREFIX: Final = "TOOLPAIR_"
MODE_KEY: Final = "toolpair_mode"

_PARSE, _CHOICES, DOC, NOTHING = "parse", "choices", "doc", "nothing"

BY_DEFAULT: Final = "default"
"""The origin of an option that nobody has set."""

_STRICTNESS: Final = {"off": 0, "observe": 1, "strict": 2}
_mode = read.one_of(*get_args(Mode))
_selection = read.one_of(*get_args(RequestSelection))


def _about(
    parse: Callable[[object], object],
    choices: Callable[[], str] | str,
    doc: str,
    nothing: str = "`auto`",
) -> dict[str, object]:
    """Return the metadata of an option: how to read it, its values, its documentation, its None."""
    return {_PARSE: parse, _CHOICES: choices, DOC: doc, NOTHING: nothing}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Settings:
    """The options of one handler, as they were settled when it was made.

    docs/settings.md says what each field means, and its default. That page is made from the
    fields' metadata.
    """

    mode: Mode = field(
        default="observe",
        metadata=_about(
            _mode,
            read.listed(get_args(Mode)),
            "`observe` reports; `strict` also stops a request that will fail; `off` does nothing. "
            "`guard` is strict where neither this nor `strict_environments` is set "
            "([which mode holds](modes.md)).",
        ),
    )
    strict_environments: frozenset[str] = field(
        default=frozenset(),
        metadata=_about(
            read.names,
            f"names of up to {MAX_TEXT} printable characters, separated by commas",
            "Deployment environments in which the mode is `strict`; in others it is `observe`. "
            "Letter case does not matter. A mode that is given wins.",
        ),
    )
    environment: str | None = field(
        default=None,
        metadata=_about(
            read.name,
            f"a name of up to {MAX_TEXT} printable characters",
            "The name of the deployment environment. Without it, `deployment.environment.name` of "
            "OpenTelemetry's resource counts: of the providers given, of the global ones, or of "
            "`OTEL_RESOURCE_ATTRIBUTES`.",
            "from OpenTelemetry's resource",
        ),
    )
    request_mode: RequestMode = field(
        default="stricter",
        metadata=_about(
            read.one_of(*get_args(RequestMode)),
            read.listed(get_args(RequestMode)),
            "What a request's own mode, "
            f'`config={{"metadata": {{"{MODE_KEY}": "strict"}}}}`, may change. `stricter` ignores '
            "a weaker one, because remote callers can set metadata; `any` obeys it; `ignore` "
            "ignores every one.",
        ),
    )
    block_on: frozenset[Effect] = field(
        default=frozenset({Effect.REJECT, Effect.LOCAL_ERROR}),
        metadata=_about(
            read.effects,
            f"any of {', '.join(read.BLOCKABLE)}, separated by commas",
            "Predicted effects that strict mode blocks.",
        ),
    )
    block_unidentified: bool = field(
        default=True,
        metadata=_about(
            read.boolean,
            "true or false",
            "Whether strict mode holds a model that is not identified to LangChain's own contract.",
        ),
    )
    on_internal_error: OnInternalError = field(
        default="allow",
        metadata=_about(
            read.one_of(*get_args(OnInternalError)),
            read.listed(get_args(OnInternalError)),
            "What strict mode does with a request that could not be checked because of an error of "
            "toolpair_observe itself.",
        ),
    )
    profile: Profile | None = field(
        default=None,
        metadata=_about(
            read.profile,
            read.profiles,
            "The rules that judge; `auto` identifies the provider of each request. The file of a "
            "chat template stands for the server that renders it, a chat model for its provider.",
        ),
    )
    feedback: RequestSelection = field(
        default="near_miss",
        metadata=_about(
            _selection,
            read.listed(get_args(RequestSelection)),
            "Which requests get feedback in LangSmith. `all` can move traces to paid retention.",
        ),
    )
    spans: RequestSelection = field(
        default="near_miss",
        metadata=_about(
            _selection,
            read.listed(get_args(RequestSelection)),
            "Which requests get an OpenTelemetry span.",
        ),
    )
    evaluation_events: bool = field(
        default=False,
        metadata=_about(
            read.boolean,
            "true or false",
            "Whether each request also gets a `gen_ai.evaluation.result` event.",
        ),
    )
    hash_ids: bool = field(
        default=False,
        metadata=_about(
            read.boolean,
            "true or false",
            "Whether the ids of tool calls and conversations are hashed in all that is shown or "
            f"handed on. `{KEY_VARIABLE}` sets the key.",
        ),
    )
    blame: BlameMode = field(
        default="steps",
        metadata=_about(
            read.one_of(*get_args(BlameMode)),
            read.listed(get_args(BlameMode)),
            "How a near miss is traced to what broke the history, and a made-up result to who made "
            "it up. `steps` listens to the steps of an agent and to its tools, where these "
            "callbacks reach the handler; `requests` compares with earlier requests of the same "
            "conversation; `off` does neither.",
        ),
    )
    max_label_values: int = field(
        default=100,
        metadata=_about(
            read.whole_number,
            f"a whole number, {read.MOST:,} at most",
            "How many models and providers metrics keep apart; later ones are counted as `_OTHER`.",
        ),
    )
    max_runs: int = field(
        default=10_000,
        metadata=_about(
            read.whole_number,
            f"a whole number, {read.MOST:,} at most",
            "How many requests a handler remembers at a time; past that the oldest is given up as "
            "abandoned.",
        ),
    )
    run_timeout: float = field(
        default=600.0,
        metadata=_about(
            read.seconds,
            "seconds, more than 0",
            "After how long a request without an end is given up as abandoned.",
        ),
    )
    wrap_callbacks: bool = field(
        default=True,
        metadata=_about(
            read.boolean,
            "true or false",
            "Whether langchain-core's callback managers are wrapped where a chat model starts, in "
            "strict mode and for feedback. `false` leaves them alone, at a cost: a blocked request "
            "is raised from the callback, so LangSmith and other handlers keep a run of it that "
            "never ends; LangSmith gets no feedback and no tags; and a call that another handler's "
            "error stops at its start counts as abandoned, after `run_timeout`.",
        ),
    )
    docs_url: str = field(
        default=read.DOCS_URL,
        metadata=_about(
            read.name,
            f"an address of up to {MAX_TEXT} printable characters",
            "Where log lines find the page of causes; `#` and the cause are added to it.",
        ),
    )
    announce: bool = field(
        default=True,
        metadata=_about(
            read.boolean,
            "true or false",
            "Whether each process says once, at level INFO of the logger `toolpair_observe`, that "
            "it is attached, in which mode and why; under `toolpair-observe run` also on standard "
            "error.",
        ),
    )
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Where the value of each option comes from; not an option itself."""

    def __repr__(self) -> str:
        return told(self)

    @classmethod
    def resolve(cls, environ: Mapping[str, str] | None = None, **given: object) -> Settings:
        """Settle every option: what was given, else the environment, else the default.

        Args:
            environ: Environment variables with their values; None for the process's own.
            **given: Options by name; None means not given.

        Returns:
            The settings.

        Raises:
            SettingsError: An option is unknown or has a value that it can't have.
        """
        environ = os.environ if environ is None else environ
        known = {option.name: option for option in options()}
        for name in given:
            if name not in known:
                msg = f"no option is called {quoted(name)}{nearest(name, known)}"
                raise SettingsError(msg)
        mine = _own_variables(environ)
        values: dict[str, Any] = {}
        origins = dict.fromkeys(known, BY_DEFAULT)
        for name, option in known.items():
            variable = variable_of(name)
            if given.get(name) is not None:
                origins[name] = f"argument {name}"
                values[name] = _read(option, given[name], origins[name])
            elif mine and is_set(name, mine):
                origins[name] = f"environment variable {variable}"
                values[name] = _read(option, mine[variable], origins[name])
        settings = cls(**values, origins=origins)
        return in_environment(settings, named_environment(settings) or environment_of(environ))

    @property
    def follows_environment(self) -> bool:
        """Whether the deployment environment decides about the mode."""
        return bool(self.strict_environments) and self.origins.get("mode") == BY_DEFAULT

    def mode_for(self, metadata: Mapping[str, Any] | None) -> Mode:
        """Return the mode of one request: its own, where its metadata names one that may hold.

        Args:
            metadata: The metadata of the request; its key `toolpair_mode` holds the mode.

        Returns:
            The mode. One that is unknown, or weaker than the operator allows, is ignored, with one
            warning in the log.
        """
        asked = metadata.get(MODE_KEY) if metadata else None
        if asked is None or self.request_mode == "ignore":
            return self.mode
        try:
            wanted = cast("Mode", _mode(asked))
        except read.Unsuitable:
            _warn_of_request(asked, f"choose {read.listed(get_args(Mode))}")
            return self.mode
        if self.request_mode == "any" or _STRICTNESS[wanted] >= _STRICTNESS[self.mode]:
            return wanted
        _warn_of_request(
            wanted,
            f"it is weaker than mode {self.mode}, and {variable_of('request_mode')}=any, which "
            "would allow that, is not set",
        )
        return self.mode


class Options(TypedDict, total=False):
    """The options that can also be set in the environment, as keyword arguments.

    Each can be left out; None means the same. docs/settings.md says what each means.
    """

    strict_environments: Iterable[str] | str | None
    environment: str | None
    request_mode: RequestMode | None
    block_on: Iterable[Effect | BlockableEffect] | BlockableEffect | None
    block_unidentified: bool | None
    on_internal_error: OnInternalError | None
    profile: str | Profile | Runnable[LanguageModelInput, AIMessage] | None
    feedback: RequestSelection | None
    spans: RequestSelection | None
    evaluation_events: bool | None
    hash_ids: bool | None
    docs_url: str | None
    max_label_values: int | None
    max_runs: int | None
    run_timeout: float | None
    wrap_callbacks: bool | None
    announce: bool | None
    blame: BlameMode | None


def options() -> tuple[Field[Any], ...]:
    """Return the fields of `Settings` that are options."""
    return tuple(each for each in fields(Settings) if _PARSE in each.metadata)


def named_environment(settings: Settings) -> Environment | None:
    """Return the environment that the option `environment` names, or None."""
    if settings.environment is None:
        return None
    return Environment(settings.environment, settings.origins.get("environment", BY_DEFAULT))


def in_environment(settings: Settings, environment: Environment | None) -> Settings:
    """Return the settings as they are in a deployment environment; None where it has no name.

    Only the mode can change, and only where nobody has set it.
    """
    if not settings.follows_environment:
        return settings
    is_strict = environment is not None and environment.is_among(settings.strict_environments)
    mode: Mode = "strict" if is_strict else "observe"
    return settings if mode == settings.mode else replace(settings, mode=mode)


def variable_of(option: str) -> str:
    """Return the environment variable of an option."""
    return PREFIX + option.upper()


def is_set(option: str, environ: Mapping[str, str]) -> bool:
    """Whether the environment has a value for an option."""
    return bool(environ.get(variable_of(option), "").strip())


def from_environment(option: str, environ: Mapping[str, str]) -> Any:  # noqa: ANN401 -- its own type
    """Return one option as the environment has it, else its default."""
    variable = variable_of(option)
    return getattr(Settings.resolve({variable: environ.get(variable, "")}), option)


def choices_of(option: Field[Any]) -> str:
    """Return what an option may be, in words."""
    choices = option.metadata[_CHOICES]
    return str(choices() if callable(choices) else choices)


def _read(option: Field[Any], value: object, origin: str) -> object:
    try:
        return option.metadata[_PARSE](value)
    except read.Unsuitable as error:
        msg = f"{origin} is {described(value)}; {str(error) or f'expected {choices_of(option)}'}"
        raise SettingsError(msg) from None


def unknown_variables(names: Iterable[str]) -> dict[str, str]:
    """Return each variable that is meant for us and no option, with a hint at what it may be."""
    known = {KEY_VARIABLE, *(variable_of(option.name) for option in options())}
    mine = (name for name in names if name.startswith(PREFIX))
    return {each: nearest(each, known, PREFIX) for each in mine if each not in known}


def _own_variables(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables that begin as ours do, and warn of those that are none."""
    # To look at each name once costs less than to look each option up: handlers are made often.
    mine = {name: environ[name] for name in environ if name.startswith(PREFIX)}
    if mine:
        _warn_of_unknown_variables(mine)
    return mine


def _warn_of_unknown_variables(mine: Iterable[str]) -> None:
    for variable, hint in unknown_variables(mine).items():
        warn_once(
            variable,
            "environment variable %s is not an option of toolpair_observe and is ignored%s",
            shown(variable),
            hint,
        )


def _warn_of_request(asked: object, advice: str) -> None:
    warn_once(
        f"metadata {MODE_KEY}: {advice}",
        "metadata %s=%s is ignored: %s",
        MODE_KEY,
        described(asked),
        advice,
    )
