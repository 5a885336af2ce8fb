"""One chat-model class: what a callback tells of a call to it, and what it turns out to be."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.reads import (
    ARGUMENTS,
    ENVIRONMENT,
    METADATA,
    MODULES,
    PARAMS,
    SERIALIZED,
    VERSIONS,
    Answer,
    Reads,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.providers.reads import Source, Sources

# The invocation parameters that hold tool definitions.
TOOL_PARAMS: Final = frozenset({"tools", "toolConfig", "tool_config", "functions"})
_MAX_NAME: Final = 256


class Process(NamedTuple):
    """What the process that asks has set or installed, which no call tells.

    Attributes:
        environment: Its variables; clients read base URLs there.
        modules: What it has imported; LiteLLM keeps settings in its module.
        versions: The versions of the distributions installed, None of one that is not.
    """

    environment: Source
    modules: Source
    versions: Source


class ModelCall(Reads):
    """What the callback was given, for as much as is asked of it.

    Each question takes what makes its answer of the value: see `Reads.read`.

    Attributes:
        model: The model as requested.
    """

    __slots__ = ("model",)

    def __init__(self, sources: Sources) -> None:
        super().__init__(sources)
        self.model = self._model()

    def _model(self) -> str:
        return (
            self.metadata("ls_model_name", name_in)
            or self.param("model", name_in)
            or self.param("model_name", name_in)
            or self.param("model_id", name_in)
        )

    def argument(self, name: str, ask: Callable[[Any], Answer]) -> Answer:
        """Return an answer of a constructor's argument, where the class is serializable."""
        return self.read(ARGUMENTS, name, ask)

    def metadata(self, name: str, ask: Callable[[Any], Answer]) -> Answer:
        """Return an answer of the run's metadata."""
        return self.read(METADATA, name, ask)

    def param(self, name: str, ask: Callable[[Any], Answer]) -> Answer:
        """Return an answer of an invocation parameter."""
        return self.read(PARAMS, name, ask)

    def variable(self, name: str, ask: Callable[[Any], Answer]) -> Answer:
        """Return an answer of a variable of the process."""
        return self.read(ENVIRONMENT, name, ask)

    def module(self, name: str, ask: Callable[[Any], Answer]) -> Answer:
        """Return an answer of a module that the process has imported, or of None."""
        return self.read(MODULES, name, ask)

    def installed(self, package: str) -> str | None:
        """Return the version of a distribution as it is installed, or None."""
        return self.read(VERSIONS, package, _as_it_is)

    def text(self, ask: Callable[[str], Answer]) -> Answer:
        """Return an answer of the model's repr, `""` where the class is serializable.

        It shows what differs from the defaults.
        """
        return self.read(SERIALIZED, "repr", partial(_of_text, ask))

    @property
    def is_opaque(self) -> bool:
        """Whether the class is not serializable, so that its repr stands for its arguments."""
        return self.text(bool)

    def flag(self, name: str) -> bool | None:
        """Return the boolean constructor argument `name`, or None where it was not given."""
        value = self.argument(name, _flag_in)
        return self.text(partial(_flag_shown, name)) if value is None else value

    def string(self, name: str, ask: Callable[[Any], Answer]) -> Answer:
        """Return an answer of the constructor argument `name`, or of what the repr shows of it."""
        return self.argument(name, ask) or self.text(partial(_string_shown, name, ask))


def is_given(value: object) -> bool:
    """Whether a value is given."""
    return value is not None


def name_in(value: object) -> str:
    """Return `value` if it is a name of a bearable length, cut to it; `""` for anything else."""
    return value[:_MAX_NAME] if isinstance(value, str) else ""


def _as_it_is(version: str | None) -> str | None:
    return version


def _of_text(ask: Callable[[str], Answer], value: object) -> Answer:
    return ask(value if isinstance(value, str) else "")


def _flag_in(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _flag_shown(name: str, text: str) -> bool | None:
    return f"{name}=True" in text if f"{name}=" in text else None


def _string_shown(name: str, ask: Callable[[Any], Answer], text: str) -> Answer:
    # A repr is long, and most names do not stand in it.
    found = re.search(rf"\b{name}='([^']*)'", text) if f"{name}='" in text else None
    return ask(found[1] if found else None)


class Choice(NamedTuple):
    """What an integration turned out to be.

    Attributes:
        profile: Who judges.
        provider: The provider where it is not the profile's own; `""` where the call does not tell.
        identified: Whether that is certain.
        own_package: Whether the profile's package is the one that converts the messages.
    """

    profile: Profile
    provider: str | None = None
    identified: bool = True
    own_package: bool = True


UNKNOWN: Final = Choice(CONTRACT, identified=False)


class Chooser(Protocol):
    """Says what an integration is, from the call."""

    def __call__(self, call: ModelCall, /) -> Choice:
        """Return what it is."""


class Integration(NamedTuple):
    """One chat-model class.

    Attributes:
        type_name: `_type` of the invocation parameters.
        class_id: How it is serialized.
        ls_providers: The `ls_provider` values that go with it.
        choose: What it is, from the call.
    """

    type_name: str
    class_id: str
    ls_providers: frozenset[str]
    choose: Chooser


def always(profile: Profile, provider: str | None = None) -> Chooser:
    """Return the chooser of a class that is one thing only."""
    choice = Choice(profile, provider)
    return lambda _: choice
