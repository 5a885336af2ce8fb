"""One chat-model class: what a callback tells of a call to it, and what it turns out to be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from toolpair_observe.pairing.providers.contract import CONTRACT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolpair_observe.pairing.providers.profile import Profile

# The invocation parameters that hold tool definitions.
TOOL_PARAMS: Final = frozenset({"tools", "toolConfig", "tool_config", "functions"})
_MAX_NAME: Final = 256


class Process(NamedTuple):
    """What the process that asks has set or installed, which no call tells.

    Attributes:
        environment: Its variables; clients read base URLs there.
        modules: What it has imported; LiteLLM keeps settings in its module.
        version_of: Returns the version of an installed distribution, or None.
    """

    environment: Mapping[str, str]
    modules: Mapping[str, object]
    version_of: Callable[[str], str | None]


class ModelCall(NamedTuple):
    """What the callback was given.

    Attributes:
        arguments: The constructor's arguments, where the class is serializable.
        text: The model's repr, where it is not; it shows what differs from the defaults.
        metadata: The run's metadata.
        params: The invocation parameters.
        model: The model as requested.
        process: The process that asks.
    """

    arguments: Mapping[str, Any]
    text: str
    metadata: Mapping[str, Any]
    params: Mapping[str, Any]
    model: str
    process: Process

    def flag(self, name: str) -> bool | None:
        """Return the boolean constructor argument `name`, or None where it was not given."""
        value = self.arguments.get(name)
        if isinstance(value, bool):
            return value
        if self.text and f"{name}=" in self.text:
            return f"{name}=True" in self.text
        return None

    def string(self, name: str) -> str:
        """Return the constructor argument `name`, or `""` where it was not given as a string."""
        value = self.arguments.get(name)
        if isinstance(value, str):
            return value
        # A repr is long, and most names do not stand in it.
        if not self.text or f"{name}='" not in self.text:
            return ""
        found = re.search(rf"\b{name}='([^']*)'", self.text)
        return found[1] if found else ""


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


def name_in(value: object) -> str:
    """Return `value` if it is a name of a bearable length, cut to it; `""` for anything else."""
    return value[:_MAX_NAME] if isinstance(value, str) else ""
