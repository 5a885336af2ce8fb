"""From what a stored row tells of who was asked to the profile that judges its requests."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.facts import NO_FACTS
from toolpair_observe.pairing.providers.bodies import on_wire as as_body
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.identify import UNSEEN, Target, identify
from toolpair_observe.pairing.providers.integration import TOOL_PARAMS, ModelCall, name_in
from toolpair_observe.pairing.providers.named import asked_by_name
from toolpair_observe.pairing.providers.shown_host import host_shown, is_same_host, place_of
from toolpair_observe.pairing.providers.spellings import Protocol, known_as, protocol_of
from toolpair_observe.pairing.providers.table import PROFILES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.pairing.providers.measured import Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a row tells of who was asked. Whatever it does not tell is empty.

    Attributes:
        serialized: The model, as `on_chat_model_start` got it (LangSmith, OpenInference).
        metadata: The run's metadata (`ls_provider`, `ls_model_name`, `lc_versions`).
        params: The invocation parameters (`_type`, `tools`).
        provider: The provider's name in any spelling (`azure_openai`, `amazon_bedrock`,
            `gcp.gemini`).
        api: What the provider was asked by, as far as the form tells (a `spellings.Protocol`):
            `"chat"`, `"responses"`, `"messages"`, `"generate_content"`, `"converse"`, `"invoke"`,
            or `""`. A log that writes all providers' messages in one form does not tell it.
        model: The model as requested.
        url: The URL or host that was asked.
        versions: Versions of distributions (`lc_versions`).
        server_state: Whether the provider may hold earlier turns.
        tools_bound: Whether the request carried tool definitions; None where that is not told.
    """

    serialized: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    provider: str = ""
    api: str = ""
    model: str = ""
    url: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    server_state: bool = False
    tools_bound: bool | None = None


NO_ORIGIN: Final = Origin()

_NOTHING: Final[Mapping[str, Any]] = {}


def target_of_row(origin: Origin, *, on_wire: bool) -> Target:
    """Return what a stored request is judged by. Never raises.

    Args:
        origin: What the row tells.
        on_wire: Whether the messages are a captured body: then the provider's rules alone judge,
            since the integration has dropped and merged already.
    """
    if origin is NO_ORIGIN:
        return _OF_BODY if on_wire else _OF_NOBODY
    serialized, params = _mapping(origin.serialized), _mapping(origin.params)
    metadata = _mapping(origin.metadata)
    versions = _versions_of(metadata, origin) if metadata or origin.versions else ()
    tells_class = isinstance(params.get("_type"), str) or isinstance(serialized.get("id"), list)
    if tells_class and not on_wire:
        return _of_class(origin, serialized, {**metadata, "lc_versions": dict(versions)}, params)
    bound = origin.tools_bound
    if bound is None and any(map(params.get, TOOL_PARAMS)):
        bound = True  # where none stand, they may stand elsewhere
    return _of_names(
        name_in(origin.provider) or name_in(metadata.get("ls_provider")),
        name_in(origin.api),
        name_in(origin.model)
        or name_in(metadata.get("ls_model_name"))
        or name_in(params.get("model")),
        origin.url if isinstance(origin.url, str) else "",
        versions,
        bool(
            origin.server_state or params.get("previous_response_id") or params.get("conversation")
        ),
        bound,
        on_wire,
    )


def is_told_elsewhere(origin: Origin, measured: Measured) -> bool:
    """Whether a row tells that another host or model was asked than a profile was measured of.

    What a row does not tell is no other.
    """
    serialized, params = _mapping(origin.serialized), _mapping(origin.params)
    metadata = _mapping(origin.metadata)
    model = (
        name_in(origin.model)
        or name_in(metadata.get("ls_model_name"))
        or name_in(params.get("model"))
    )
    if model and model != measured.model:
        return True
    url = origin.url if isinstance(origin.url, str) else ""
    # A path alone tells no host.
    host = place_of(url) if url and not url.startswith("/") else ""
    if not host and serialized:
        arguments = _mapping(serialized.get("kwargs"))
        call = ModelCall((serialized, arguments, metadata, params, _NOTHING, *UNSEEN))
        host = host_shown(call)
    return bool(host) and not is_same_host(host, measured.host, measured.integration)


def _of_class(
    origin: Origin,
    serialized: Mapping[str, Any],
    metadata: dict[str, Any],
    params: Mapping[str, Any],
) -> Target:
    """Return the target of a row that tells LangChain's class."""
    if not name_in(metadata.get("ls_model_name")) and name_in(origin.model):
        metadata["ls_model_name"] = name_in(origin.model)
    serialized = _with_protocol(serialized, protocol_of(name_in(origin.api)))
    target = identify(serialized, metadata, params, process=UNSEEN)
    return _completed(
        target, name_in(origin.provider), bool(origin.server_state), origin.tools_bound
    )


@lru_cache(maxsize=512)
def _completed(
    target: Target,
    provider: str,
    server_state: bool,  # noqa: FBT001 - the cache takes positions only cheaply
    tools_bound: bool | None,  # noqa: FBT001
) -> Target:
    """Return the target with what the row tells beside the class."""
    facts = target.facts.but(server_state=server_state or None, tools_bound=tools_bound)
    provider = target.provider or provider
    known, _ = known_as(provider)
    # Outside the conventions LangChain's own name stands there.
    return replace(target, facts=facts, provider=known.told_as if known else provider)


def _with_protocol(serialized: Mapping[str, Any], protocol: Protocol | None) -> Mapping[str, Any]:
    """Return the class with the API that the row tells elsewhere, such as by an answer's form."""
    arguments = _mapping(serialized.get("kwargs"))
    is_told = isinstance(arguments.get("use_responses_api"), bool)
    if is_told or protocol not in (Protocol.CHAT, Protocol.RESPONSES):
        return serialized
    told = {"use_responses_api": protocol is Protocol.RESPONSES}
    return {**serialized, "kwargs": {**arguments, **told}}


@lru_cache(maxsize=2048)
def _of_names(  # noqa: PLR0913, PLR0917 - the cache takes positions only cheaply
    provider: str,
    api: str,
    model: str,
    url: str,
    versions: tuple[tuple[str, str], ...],
    server_state: bool,  # noqa: FBT001
    tools_bound: bool | None,  # noqa: FBT001
    on_wire: bool,  # noqa: FBT001
) -> Target:
    """Return the target of a row that tells no class, or of a captured body."""
    told = dict(versions)
    asked = asked_by_name(provider, api, model, url, on_wire=on_wire)
    profile = PROFILES[asked.profile]
    if on_wire:
        profile = as_body(profile)
    elif profile is PROFILES["google-vertexai"] and _tells_genai(told):
        profile = PROFILES["google-genai"]
    facts = NO_FACTS.but(
        server_state=server_state,
        tools_bound=tools_bound,
        version=None if on_wire else told.get(profile.versioned),
        model=asked.model or None,
    )
    return Target(profile, facts, asked.model, asked.provider, asked.identified)


def _tells_genai(versions: Mapping[str, str]) -> bool:
    """Whether Vertex AI was reached by the class that took over from ChatVertexAI."""
    return "langchain-google-genai" in versions and "langchain-google-vertexai" not in versions


def _versions_of(metadata: Mapping[str, Any], origin: Origin) -> tuple[tuple[str, str], ...]:
    told = {**_mapping(metadata.get("lc_versions")), **_mapping(origin.versions)}
    return tuple(
        (name, version)
        for name, version in told.items()
        if isinstance(name, str) and isinstance(version, str)
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NOTHING


_OF_NOBODY: Final = Target(CONTRACT, NO_FACTS, "", "", identified=False)
_OF_BODY: Final = Target(as_body(CONTRACT), NO_FACTS, "", "", identified=False)
