"""From what a callback is given to the profile that judges the request.

`on_chat_model_start` sees the serialized model, the run's metadata and the invocation parameters.
The type name identifies the integration, and has to agree with `ls_provider`: the base class
derives that one from the class name, so any class called `ChatMistral` would look like Mistral. The
host and the model's name tell whether the provider itself is asked: `places` says what it takes. A
wrong guess is worse than none: where two readings are possible the target is not identified.

Nothing here raises, touches the network, or keeps anything but names, versions and truth values.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata as distributions
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe import foreign
from toolpair_observe.pairing.facts import NO_FACTS, Facts
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.gateways import as_configured
from toolpair_observe.pairing.providers.integration import (
    TOOL_PARAMS,
    UNKNOWN,
    Integration,
    ModelCall,
    Process,
    name_in,
)
from toolpair_observe.pairing.providers.measured import asked
from toolpair_observe.pairing.providers.openai import start_after_last_response
from toolpair_observe.pairing.providers.reads import SERIALIZED, TOLD_VERSIONS, Memory
from toolpair_observe.pairing.providers.shown_host import host_shown, is_same_host
from toolpair_observe.pairing.providers.table import INTEGRATIONS
from toolpair_observe.pairing.shown import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolpair_observe.pairing.providers.measured import Measured
    from toolpair_observe.pairing.providers.profile import Profile

_NOTHING: Final[Mapping[str, Any]] = {}
# `_type` of the invocation parameters, as recorded from the real integrations.
_BY_TYPE: Final[Mapping[str, Integration]] = {each.type_name: each for each in INTEGRATIONS}
_BY_CLASS: Final[Mapping[str, Integration]] = {each.class_id: each for each in INTEGRATIONS}


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is judged by.

    Attributes:
        profile: The profile; the contract where nothing better is known.
        facts: What this call tells beside the history.
        model: The model as requested, `""` where the call does not say; as it may be exported, as
            the provider is.
        provider: The OpenTelemetry semantic conventions' provider name, or LangChain's own name of
            a provider that has no profile, or `""`.
        identified: Whether the provider behind the integration is known.
        elsewhere: Where a measured profile was set that does not hold for this call: who is asked
            instead of whom it was measured of, for people; else `""`.
    """

    profile: Profile
    facts: Facts
    model: str
    provider: str
    identified: bool
    elsewhere: str = ""


def identify(
    serialized: Mapping[str, Any] | None,
    metadata: Mapping[str, Any] | None,
    invocation_params: Mapping[str, Any] | None,
    override: Profile | None = None,
    process: Process | None = None,
) -> Target:
    """Return what the request is judged by. Never raises.

    Args:
        serialized: The model, as `on_chat_model_start` gets it.
        metadata: The run's metadata.
        invocation_params: The parameters of the call.
        override: The profile that the operator set; it is taken at its word, unless it was
            measured: then it holds for the same integration, host and model alone, and for any
            other call is as if it were not set.
        process: The process that asks; None for this one.
    """
    try:
        return _identify(serialized, metadata, invocation_params, override, process or HERE)
    except Exception:  # noqa: BLE001 - whatever a foreign integration hands over, judge by the contract
        if override is not None and override.measured is not None:
            override = None
        profile = override or CONTRACT
        return Target(profile, NO_FACTS, "", profile.provider, identified=override is not None)


def _identify(
    serialized: Mapping[str, Any] | None,
    metadata: Mapping[str, Any] | None,
    params: Mapping[str, Any] | None,
    override: Profile | None,
    process: Process,
) -> Target:
    if not isinstance(serialized, dict):
        serialized = _NOTHING
    if not isinstance(metadata, dict):
        metadata = _NOTHING
    if not isinstance(params, dict):
        params = _NOTHING
    arguments, versions = serialized.get("kwargs"), metadata.get("lc_versions")
    sources = (
        serialized,
        arguments if isinstance(arguments, dict) else _NOTHING,
        metadata,
        params,
        versions if isinstance(versions, dict) else _NOTHING,
        *process,
    )
    if not params:
        # It is rare, and that there are none is nothing that can be asked for.
        return _concluded(ModelCall(sources), override, tools_bound=True)
    key = (override, name_in(params.get("_type")), name_in(metadata.get("ls_model_name")))
    target = _MEMORY.recall(key, sources)
    if target is None:
        call = ModelCall(sources)
        target = _concluded(call, override)
        _MEMORY.add(key, call, target)
    return target


def _concluded(call: ModelCall, override: Profile | None, *, tools_bound: bool = False) -> Target:
    integration = _integration_of(call)
    choice = UNKNOWN if integration is None else integration.choose(call)
    elsewhere = ""
    if override is not None and override.measured is not None:
        elsewhere = _other_than(override, override.measured, choice.profile, call)
        override = None if elsewhere else override
    profile = override or choice.profile
    provider = choice.provider
    if provider is None:
        provider = profile.provider or call.metadata("ls_provider", name_in)
    elif not provider and override is not None:
        # The call does not tell; the operator's own choice does.
        provider = override.provider
    # A repr is searched only where it can matter.
    is_stateful = not call.is_opaque or start_after_last_response in profile.steps
    facts = _facts(
        tools_bound or any(call.param(name, bool) for name in TOOL_PARAMS),
        call.param("previous_response_id", bool) or call.param("conversation", bool),
        is_stateful and bool(call.flag("use_previous_response_id")),
        _version(call, profile.versioned, own_package=choice.own_package),
        call.model,
    )
    identified = choice.identified or override is not None
    return _target(as_configured(profile, call), facts, provider, identified, elsewhere)


def _other_than(override: Profile, measured: Measured, usual: Profile, call: ModelCall) -> str:
    """Return who is asked, for people, or `""` where that is whom the profile was measured of."""
    integration, host = call.param("_type", name_in), host_shown(call)
    is_same = (integration, call.model) == (measured.integration, measured.model)
    if not (is_same and is_same_host(host, measured.host, integration)):
        return asked(integration, host, call.model)
    # One class may speak several APIs, and does other things to a history for each.
    if (usual.steps, usual.calls) != (override.steps, override.calls):
        return f"{asked(integration, host, call.model)} on another API"
    return ""


def _integration_of(call: ModelCall) -> Integration | None:
    type_name = call.param("_type", _name_or_none)
    if type_name is None:
        found = _BY_CLASS.get(call.read(SERIALIZED, "id", _class_in))
    else:
        found = _BY_TYPE.get(type_name)
    if found is None:
        return None
    ls_provider = call.metadata("ls_provider", _text_in)
    return found if ls_provider is None or ls_provider in found.ls_providers else None


def _name_or_none(value: object) -> str | None:
    return name_in(value) if isinstance(value, str) else None


def _class_in(value: object) -> str:
    return name_in(".".join(map(str, value))) if isinstance(value, list | tuple) else ""


def _text_in(value: object) -> str | None:
    """Return None for None, and `""` for what is no text."""
    return None if value is None else name_in(value)


@lru_cache(maxsize=512)
def _facts(
    tools_bound: bool,  # noqa: FBT001 - the cache takes positions only cheaply
    server_state: bool,  # noqa: FBT001
    resumes_response: bool,  # noqa: FBT001
    version: str | None,
    model: str,
) -> Facts:
    return Facts(
        tools_bound=tools_bound,
        server_state=server_state,
        resumes_response=resumes_response,
        version=version,
        model=model or None,
    )


@lru_cache(maxsize=512)
def _target(
    profile: Profile,
    facts: Facts,
    provider: str,
    identified: bool,  # noqa: FBT001
    elsewhere: str,
) -> Target:
    return Target(profile, facts, clean(facts.model or ""), clean(provider), identified, elsewhere)


def _version(call: ModelCall, package: str, *, own_package: bool) -> str | None:
    """Return the version of the distribution, as the run tells it or as it is installed."""
    version = call.read(TOLD_VERSIONS, package, _name_or_none)
    # Where another process converts the messages, nothing is known of it but what the row tells.
    return call.installed(package) if version is None and package and own_package else version


@lru_cache(maxsize=64)
def _installed_version(package: str) -> str | None:
    try:
        return distributions.version(package)
    except distributions.PackageNotFoundError:
        return None


class _Installed:
    """The versions of the distributions of this process: there is an answer to any name."""

    def __contains__(self, _: str) -> bool:
        return True

    def __getitem__(self, package: str) -> str | None:
        return _installed_version(package)


class _Environment:
    """The environment variables of this process, as they are at each time.

    To say that there is no such variable, `os.environ` raises and catches an error, which takes as
    long as all other questions together.
    """

    def __init__(self) -> None:
        self._values = foreign.VARIABLES.of(os.environ, os.environ)
        as_it_is: Callable[[str], Any] = str
        self._encoded = lru_cache(maxsize=64)(
            as_it_is if self._values is os.environ else os.environ.encodekey
        )

    def __contains__(self, name: str) -> bool:
        return self._encoded(name) in self._values

    def __getitem__(self, name: str) -> str:
        return os.environ[name]


HERE: Final = Process(_Environment(), sys.modules, _Installed())
# Another process asked, at another time: nothing is known of it but what the row tells.
UNSEEN: Final = Process({}, {}, {})
# An application asks for few models, and each of them in few ways.
_MEMORY: Final[Memory[Target]] = Memory(most_keys=256, most=4)
