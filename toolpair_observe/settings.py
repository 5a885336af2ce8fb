"""Every option: its value given in code, else in the environment, else the default.

`Settings` is the one place that lists them. Each field carries its environment variable, its kind
of value and its documentation in its metadata, so that errors, the table in the docs
(`options_table`) and the reading of the environment can't drift apart.
"""

from __future__ import annotations

import contextlib
import difflib
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Final, Literal, TypedDict, cast, get_args
from urllib.parse import unquote

from toolpair_observe.errors import ChatTemplateError, MissingExtraError, SettingsError
from toolpair_observe.hashed import KEY_VARIABLE
from toolpair_observe.pairing.providers.profile import Profile
from toolpair_observe.pairing.providers.table import PROFILES, profile_named
from toolpair_observe.pairing.shown import quoted, shown
from toolpair_observe.pairing.words import Effect

_logger = logging.getLogger("toolpair_observe")

PREFIX: Final = "TOOLPAIR_"
MODE_KEY: Final = "toolpair_mode"

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_ENVIRONMENT_KEYS = ("deployment.environment.name", "deployment.environment")
_PARSE, _CHOICES, _DOC = "parse", "choices", "doc"

Mode = Literal["observe", "strict", "off"]
"""What a handler does: report, also stop requests, or nothing."""

RequestSelection = Literal["near_miss", "all", "off"]
"""Which requests get feedback or a span: near misses and escapes, all, or none."""

OnInternalError = Literal["allow", "block"]
"""What strict mode does with a request that could not be checked."""

BlockableEffect = Literal["local_error", "reject", "silent_loss", "unknown"]
"""The values of the `Effect` members that strict mode can block."""

_BLOCKABLE: Final = tuple(map(Effect, get_args(BlockableEffect)))


class _Unsuitable(Exception):  # noqa: N818 -- never leaves this module
    """The value is not one that the option can have; its text, if it has one, says why."""


def _one_of(*choices: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if isinstance(value, str) and value.strip().lower() in choices:
            return value.strip().lower()
        raise _Unsuitable

    return parse


_mode = _one_of(*get_args(Mode))
_selection = _one_of(*get_args(RequestSelection))


def _listed(choices: Iterable[str]) -> str:
    """Return the choices as people write them: `a, b or c`."""
    *others, last = choices
    return f"{', '.join(others)} or {last}"


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _TRUE | _FALSE:
        return value.strip().lower() in _TRUE
    raise _Unsuitable


def _whole_number(value: object) -> int:
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise _Unsuitable


def _seconds(value: object) -> float:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            seconds = float(value)
        except ValueError:
            raise _Unsuitable from None
        if 0 < seconds < float("inf"):
            return seconds
    raise _Unsuitable


def _names(value: object) -> frozenset[str]:
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, Iterable):
        raise _Unsuitable
    names = list(value)
    if not all(isinstance(name, str) for name in names):
        raise _Unsuitable
    return frozenset(stripped for name in names if (stripped := name.strip()))


def _effects(value: object) -> frozenset[Effect]:
    names = {name.lower() for name in _names(value)}
    if not names <= set(_BLOCKABLE):
        raise _Unsuitable
    return frozenset(map(Effect, names))


def _profile(value: object) -> Profile | None:
    if isinstance(value, Profile):
        return value
    if isinstance(value, str):
        if value.strip().lower() == "auto":
            return None
        try:
            return profile_named(value.strip())
        except (ChatTemplateError, MissingExtraError) as error:
            raise _Unsuitable(str(error)) from None
        except ValueError:
            raise _Unsuitable from None
    raise _Unsuitable


def _about(
    parse: Callable[[object], object], choices: Callable[[], str] | str, doc: str
) -> dict[str, object]:
    """Return the metadata of an option: how to read it, its values and its documentation."""
    return {_PARSE: parse, _CHOICES: choices, _DOC: doc}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options of one handler, as they were settled when it was made.

    docs/settings.md says what each field means, and its default. That page is made from the
    fields' metadata.
    """

    mode: Mode = field(
        default="observe",
        metadata=_about(
            _mode,
            _listed(get_args(Mode)),
            "`observe` reports; `strict` also stops a request that will fail; `off` does nothing. "
            "A single request can have its own: "
            f'`config={{"metadata": {{"{MODE_KEY}": "observe"}}}}`.',
        ),
    )
    strict_environments: frozenset[str] = field(
        default=frozenset(),
        metadata=_about(
            _names,
            "names, separated by commas",
            "Deployment environments in which the default mode is `strict`. The environment's name "
            "is `deployment.environment.name` in `OTEL_RESOURCE_ATTRIBUTES`. A mode that is given "
            "wins.",
        ),
    )
    block_on: frozenset[Effect] = field(
        default=frozenset({Effect.REJECT, Effect.LOCAL_ERROR}),
        metadata=_about(
            _effects,
            f"any of {', '.join(_BLOCKABLE)}, separated by commas",
            "Predicted effects that strict mode blocks.",
        ),
    )
    block_unidentified: bool = field(
        default=True,
        metadata=_about(
            _boolean,
            "true or false",
            "Whether strict mode holds a model that is not identified to LangChain's own contract.",
        ),
    )
    on_internal_error: OnInternalError = field(
        default="allow",
        metadata=_about(
            _one_of(*get_args(OnInternalError)),
            _listed(get_args(OnInternalError)),
            "What strict mode does with a request that could not be checked because of an error of "
            "toolpair_observe itself.",
        ),
    )
    profile: Profile | None = field(
        default=None,
        metadata=_about(
            _profile,
            lambda: f"auto, one of {', '.join(PROFILES)}, or a chat template's file",
            "The rules that judge; `auto` identifies the provider of each request. The file of a "
            "chat template stands for the server that renders it.",
        ),
    )
    feedback: RequestSelection = field(
        default="near_miss",
        metadata=_about(
            _selection,
            _listed(get_args(RequestSelection)),
            "Which requests get feedback in LangSmith. `all` can move traces to paid retention.",
        ),
    )
    spans: RequestSelection = field(
        default="near_miss",
        metadata=_about(
            _selection,
            _listed(get_args(RequestSelection)),
            "Which requests get an OpenTelemetry span.",
        ),
    )
    evaluation_events: bool = field(
        default=False,
        metadata=_about(
            _boolean,
            "true or false",
            "Whether each request also gets a `gen_ai.evaluation.result` event.",
        ),
    )
    hash_ids: bool = field(
        default=False,
        metadata=_about(
            _boolean,
            "true or false",
            "Whether the ids of tool calls and conversations are hashed in all that is shown or "
            f"handed on. `{KEY_VARIABLE}` sets the key.",
        ),
    )
    max_label_values: int = field(
        default=100,
        metadata=_about(
            _whole_number,
            "a whole number, 1 or more",
            "How many models and providers metrics keep apart; later ones are counted as `_OTHER`.",
        ),
    )
    max_runs: int = field(
        default=10_000,
        metadata=_about(
            _whole_number,
            "a whole number, 1 or more",
            "How many requests a handler remembers at a time; past that the oldest is given up as "
            "abandoned.",
        ),
    )
    run_timeout: float = field(
        default=600.0,
        metadata=_about(
            _seconds,
            "seconds, more than 0",
            "After how long a request without an end is given up as abandoned.",
        ),
    )
    wrap_callbacks: bool = field(
        default=True,
        metadata=_about(
            _boolean,
            "true or false",
            "Whether langchain-core's callback managers are wrapped where a chat model starts, in "
            "strict mode and for feedback. `false` leaves them alone, at a cost: a blocked request "
            "is raised from the callback, so LangSmith and other handlers keep a run of it that "
            "never ends; LangSmith gets no feedback and no tags; and a call that another handler's "
            "error stops at its start counts as abandoned, after `run_timeout`.",
        ),
    )

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
        known = {option.name: option for option in fields(cls)}
        for name in given:
            if name not in known:
                msg = f"no option is called {quoted(name)}{_nearest(name, known)}"
                raise SettingsError(msg)
        mine = _own_variables(environ)
        values: dict[str, Any] = {}
        for name, option in known.items():
            variable = variable_of(name)
            if given.get(name) is not None:
                values[name] = _read(option, given[name], f"argument {name}")
            elif mine and is_set(name, mine):
                values[name] = _read(option, mine[variable], f"environment variable {variable}")
        if "mode" not in values and environment_name(environ) in values.get(
            "strict_environments", ()
        ):
            values["mode"] = "strict"
        return cls(**values)

    def mode_for(self, metadata: Mapping[str, Any] | None) -> Mode:
        """Return the mode of one request: its own, where its metadata names one.

        Args:
            metadata: The metadata of the request; its key `toolpair_mode` holds the mode.

        Returns:
            The mode. An unknown one is ignored, with one warning in the log.
        """
        asked = metadata.get(MODE_KEY) if metadata else None
        if asked is None:
            return self.mode
        with contextlib.suppress(_Unsuitable):
            return cast("Mode", _mode(asked))
        _warn_once(
            f"metadata {MODE_KEY}",
            "metadata %s=%s is ignored: choose %s",
            MODE_KEY,
            quoted(asked),
            _listed(get_args(Mode)),
        )
        return self.mode


class Options(TypedDict, total=False):
    """The options that can also be set in the environment, as keyword arguments.

    Each can be left out; None means the same. docs/settings.md has the meaning, the default and
    the environment variable of each.
    """

    strict_environments: Iterable[str] | str | None
    block_on: Iterable[Effect | BlockableEffect] | BlockableEffect | None
    block_unidentified: bool | None
    on_internal_error: OnInternalError | None
    profile: str | Profile | None
    feedback: RequestSelection | None
    spans: RequestSelection | None
    evaluation_events: bool | None
    hash_ids: bool | None
    max_label_values: int | None
    max_runs: int | None
    run_timeout: float | None
    wrap_callbacks: bool | None


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


def environment_name(environ: Mapping[str, str]) -> str | None:
    """Return `deployment.environment.name` of `OTEL_RESOURCE_ATTRIBUTES`, or None."""
    pairs = (pair.partition("=") for pair in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    attributes = {key.strip(): unquote(value.strip()) for key, _, value in pairs}
    return next((attributes[key] for key in _ENVIRONMENT_KEYS if attributes.get(key)), None)


def options_table() -> str:
    """Return every option as a Markdown table."""
    lines = ["| option | environment | values | default | meaning |", "|---|---|---|---|---|"]
    lines += [
        f"| `{option.name}` | `{variable_of(option.name)}` | {_choices(option)} "
        f"| {_default(option)} | {option.metadata[_DOC]} |"
        for option in fields(Settings)
    ]
    return "\n".join(lines)


def _default(option: Field[Any]) -> str:
    value = option.default
    if value is None:
        return "`auto`"
    if isinstance(value, frozenset):
        return f"`{','.join(sorted(value))}`" if value else "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _choices(option: Field[Any]) -> str:
    choices = option.metadata[_CHOICES]
    return str(choices() if callable(choices) else choices)


def _read(option: Field[Any], value: object, origin: str) -> object:
    try:
        return option.metadata[_PARSE](value)
    except _Unsuitable as error:
        msg = f"{origin} is {quoted(value)}; {str(error) or f'expected {_choices(option)}'}"
        raise SettingsError(msg) from None


def _nearest(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Suggest the name that was probably meant; the common prefix of all names does not count."""
    ends = [other.removeprefix(prefix) for other in known]
    nearest = difflib.get_close_matches(name.removeprefix(prefix), ends, n=1)
    return f"; did you mean {prefix}{nearest[0]}?" if nearest else ""


def _own_variables(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables that begin as ours do, and warn of those that are none."""
    # To look at each name once costs less than to look each option up: handlers are made often.
    mine = {name: environ[name] for name in environ if name.startswith(PREFIX)}
    if mine:
        _warn_of_unknown_variables(mine)
    return mine


def _warn_of_unknown_variables(mine: Iterable[str]) -> None:
    known = {KEY_VARIABLE, *(variable_of(option.name) for option in fields(Settings))}
    for variable in mine:
        if variable not in known:
            _warn_once(
                variable,
                "environment variable %s is not an option of toolpair_observe and is ignored%s",
                shown(variable),
                _nearest(variable, known, PREFIX),
            )


_warned: set[str] = set()


def _warn_once(subject: str, message: str, *details: object) -> None:
    """Log a warning about `subject` once a process.

    Through the logger and not `warnings.warn`, which would raise in a host that turns warnings
    into errors.
    """
    if subject not in _warned:
        _warned.add(subject)
        _logger.warning(message, *details)
