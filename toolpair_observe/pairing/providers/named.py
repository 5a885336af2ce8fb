"""Who was asked, where a row tells names and a URL but no class of LangChain's.

What tells more goes first: a host of a provider's own, then the provider's name, then an API that
one provider alone speaks, then a model's name. OpenAI's chat API is spoken by everybody, so a body
in its form tells nobody: it is somebody's who is compatible.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from toolpair_observe.pairing.providers.bedrock import maker_in
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.endpoints import Endpoint, endpoint_of
from toolpair_observe.pairing.providers.hosts import provider_at
from toolpair_observe.pairing.providers.openai import is_on_responses_only
from toolpair_observe.pairing.providers.openai_like import OPENAI_COMPATIBLE
from toolpair_observe.pairing.providers.places import is_own_name, maker_of
from toolpair_observe.pairing.providers.spellings import Known, Protocol, known_as, protocol_of
from toolpair_observe.pairing.providers.table import PROFILES

if TYPE_CHECKING:
    from collections.abc import Mapping


class Asked(NamedTuple):
    """Who was asked.

    Attributes:
        profile: Name of the profile that judges.
        provider: OpenTelemetry's name of the provider, or the row's own, or `""`.
        model: The model as requested.
        identified: Whether that is certain.
    """

    profile: str
    provider: str
    model: str
    identified: bool


_COMPATIBLE: Final = OPENAI_COMPATIBLE.name
_CONTRACT: Final = CONTRACT.name
_OPENAI_APIS: Final = frozenset({None, Protocol.CHAT, Protocol.RESPONSES})
_NOT_OPENAIS: Final = frozenset(Protocol) - _OPENAI_APIS
# Who speaks these, unless a name or a host says otherwise.
_SPEAKERS: Final[Mapping[Protocol, str]] = {
    Protocol.RESPONSES: "openai",
    Protocol.MESSAGES: "anthropic",
    Protocol.GENERATE_CONTENT: "google",
    Protocol.CONVERSE: "bedrock",
    Protocol.INVOKE: "bedrock",
    Protocol.COHERE: "cohere",
    Protocol.COHERE_V1: "cohere",
    Protocol.OLLAMA: "ollama",
}
# Nobody else speaks these.
_SOLE: Final = frozenset({Protocol.CONVERSE, Protocol.INVOKE, Protocol.COHERE, Protocol.OLLAMA})
# Models that their makers alone serve under these names.
_UNMISTAKABLE: Final = ("openai", "anthropic", "google", "xai")
_BEDROCK_MAKERS: Final = frozenset(
    {
        "ai21",
        "amazon",
        "anthropic",
        "cohere",
        "deepseek",
        "meta",
        "minimax",
        "mistral",
        "moonshot",
        "moonshotai",
        "nvidia",
        "openai",
        "qwen",
        "stability",
        "writer",
        "zai",
    }
)
_BEDROCK_ID: Final = re.compile(r"(?:.*/)?[\w-]+\.[a-z][\w.-]*(?::\d+)*$")


def asked_by_name(provider: str, api: str, model: str, url: str, *, on_wire: bool) -> Asked:
    """Return who was asked.

    Args:
        provider: The provider's name in any spelling, or `""`.
        api: The API, as the form tells it, or `""`.
        model: The model as requested, or `""`.
        url: The URL, host or path that was asked, or `""`.
        on_wire: Whether it is a captured body, so that its form is that of the API.
    """
    place = endpoint_of(url)
    known, named_protocol = known_as(provider)
    protocol = place.protocol or protocol_of(api) or named_protocol
    if place.provider and place.protocol is None and protocol is Protocol.CHAT:
        protocol = None  # a word that says "no completion model" everywhere
    model = model or place.model
    if place.host:
        at_host, is_certain = _at_host(place, protocol)
        # Everybody's client says that it asks OpenAI.
        says_openai = known is not None and known.told_as == "openai"
        if at_host is not None and (is_certain or known is None or says_openai):
            provider = "" if says_openai else provider
            return _judged(at_host, provider, protocol, model, is_certain=is_certain)
    if known is not None:
        return _judged(known, provider, protocol, model, is_certain=True)
    if provider:
        # The name of a profile is none of a provider's, but people write it.
        profile = PROFILES.get(provider, CONTRACT)
        return Asked(profile.name, profile.provider or provider, model, identified=False)
    if place.is_batch and maker_of(model) in ("", "openai"):
        return _judged(_named("openai"), "", protocol, model, is_certain=True)
    if protocol is not None and protocol in _SPEAKERS:
        known = _named(_SPEAKERS[protocol])
        is_certain = protocol in _SOLE or (not place.host and is_own_name(known.maker, model))
        return _judged(known, "", protocol, model, is_certain=is_certain)
    return _of_model(protocol, model, on_wire=on_wire)


def _at_host(place: Endpoint, protocol: Protocol | None) -> tuple[Known | None, bool]:
    """Return whose host that is, and whether it is known; None where the host tells nothing."""
    if protocol in _NOT_OPENAIS:
        # A host of nobody's passes it on to somebody who speaks it.
        known, _ = known_as(place.provider)
        return known, known is not None
    if place.provider and protocol is None:
        return _named(place.provider), True
    name = provider_at(place.host)
    known, _ = known_as(name)
    if known is not None and known.profile in _SPEAKS_OWN:
        # Its endpoint in OpenAI's form, with rules that nobody has shown.
        return _compatible(known.told_as), True
    if known is not None:
        return known, True
    return _compatible(""), False


_ON_CHAT: Final = frozenset({"openai-chat", "azure-openai-chat"})
_SPEAKS_OWN: Final = frozenset({"anthropic", "google-genai", "google-vertexai", "cohere"})


def _compatible(told_as: str) -> Known:
    return Known(_COMPATIBLE, told_as, "", others={Protocol.RESPONSES: _CONTRACT})


def _named(name: str) -> Known:
    known, _ = known_as(name)
    if known is None:  # a name of the tables above
        raise KeyError(name)
    return known


def _judged(
    known: Known, provider: str, protocol: Protocol | None, model: str, *, is_certain: bool
) -> Asked:
    profile = known.others.get(protocol, known.profile) if protocol else known.profile
    told_as = known.told_as or provider
    if known.told_as == "aws.bedrock" and profile != _CONTRACT:
        return _on_bedrock(profile, told_as, provider, protocol, model, is_certain=is_certain)
    if known.told_as == "gcp.vertex_ai" and profile == "google-vertexai":
        return _on_vertex(told_as, model, is_certain=is_certain)
    if profile == "anthropic-vertex":
        return Asked(profile, told_as, model, is_certain)
    if known.maker and maker_of(model) not in ("", known.maker):
        # Somebody else's model behind the class or client of that provider.
        elsewhere = _COMPATIBLE if known.maker in ("openai", "deepseek", "xai") else _CONTRACT
        told_as = "" if known.maker == "openai" or not is_certain else told_as
        return Asked(elsewhere, told_as, model, identified=False)
    if profile in _ON_CHAT and protocol is None and is_on_responses_only(model):
        profile, protocol = "openai-responses", Protocol.RESPONSES
    is_told = protocol is not None or "openai-responses" not in known.others.values()
    is_open = profile in (_CONTRACT, _COMPATIBLE)
    return Asked(profile, told_as, model, is_certain and is_told and not is_open)


def _on_bedrock(  # noqa: PLR0913 - what is known of the request
    profile: str,
    told_as: str,
    provider: str,
    protocol: Protocol | None,
    model: str,
    *,
    is_certain: bool,
) -> Asked:
    maker = maker_in(model) if maker_in(model) in _BEDROCK_MAKERS else maker_of(model)
    if profile == "bedrock-converse" and maker not in ("", "anthropic"):
        profile = "bedrock-converse-other"
    is_of_others = maker != "anthropic" and (maker or not provider)
    if profile == "bedrock-invoke" and protocol is Protocol.INVOKE and is_of_others:
        # Each maker has a form of its own there. Claude's body names no model, and the provider.
        return Asked(_CONTRACT, told_as, model, identified=False)
    return Asked(profile, told_as, model, is_certain and bool(maker))


def _on_vertex(told_as: str, model: str, *, is_certain: bool) -> Asked:
    maker = maker_of(model)
    if maker == "anthropic":
        return Asked("anthropic-vertex", told_as, model, is_certain)
    if maker not in ("", "google"):
        return Asked(_CONTRACT, told_as, model, identified=False)
    return Asked("google-vertexai", told_as, model, is_certain)


def _of_model(protocol: Protocol | None, model: str, *, on_wire: bool) -> Asked:
    """Return who is asked for a model, where nothing else is told."""
    if not model:
        return Asked(_CONTRACT, "", "", identified=False)
    if protocol is Protocol.CHAT:
        return Asked(_COMPATIBLE, "", model, identified=False)
    if maker_in(model) in _BEDROCK_MAKERS and _BEDROCK_ID.match(model):
        return _judged(_named("bedrock"), "", protocol, model, is_certain=False)
    maker = next((each for each in _UNMISTAKABLE if is_own_name(each, model)), "")
    if on_wire and maker in ("", "openai"):
        return Asked(_COMPATIBLE, "", model, identified=False)
    if not maker:
        return Asked(_CONTRACT, "", model, identified=False)
    return _judged(_named(maker), "", protocol, model, is_certain=False)
