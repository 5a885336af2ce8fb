"""What a URL tells: who is asked, by which API, for which model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote

from toolpair_observe.pairing.providers.places import host_of, lies_in
from toolpair_observe.pairing.providers.spellings import Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

# Hosts with several APIs, none of them OpenAI's own; `hosts` knows those that speak OpenAI's.
_OWN_HOSTS: Final[Mapping[str, str]] = {
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "google",
    "aiplatform.googleapis.com": "vertex_ai",
    "amazonaws.com": "bedrock",
    "amazonaws.com.cn": "bedrock",
    "api.aws": "bedrock",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
}
_PATHS: Final = tuple(
    (re.compile(path), protocol)
    for path, protocol in (
        (r"/chat/completions/?$", Protocol.CHAT),
        (r"/responses(?:/compact)?/?$", Protocol.RESPONSES),
        (r"/messages/?$", Protocol.MESSAGES),
        (r":(?:streamG|g)enerateContent$", Protocol.GENERATE_CONTENT),
        (r"/publishers/anthropic/.*:(?:streamR|r)awPredict$", Protocol.MESSAGES),
        (r"/converse(?:-stream)?$", Protocol.CONVERSE),
        (r"/invoke(?:-with-response-stream)?$", Protocol.INVOKE),
        (r"/v2/chat/?$", Protocol.COHERE),
        (r"cohere\.(?:com|ai)/v1/chat/?$", Protocol.COHERE_V1),
        (r"/api/chat/?$", Protocol.OLLAMA),
    )
)
_MODEL: Final = re.compile(r"/(?:models|model|deployments)/([^/]+?)(?::\w+)?(?:/|$)")
_LONGEST: Final = 2048


class Endpoint(NamedTuple):
    """Where a request went.

    Attributes:
        host: The host, `""` where a path alone is told.
        provider: Whose host it is, in one of the known spellings; `""` where it is not told.
        protocol: The API, None where the path does not tell.
        model: The model in the path, `""` where there is none.
        is_batch: Whether it is a path as OpenAI's batches write it.
    """

    host: str
    provider: str
    protocol: Protocol | None
    model: str
    is_batch: bool


def endpoint_of(url: str) -> Endpoint:
    """Return what the URL, host or path tells."""
    place = url[:_LONGEST].partition("?")[0].partition("#")[0]
    host = "" if place.startswith("/") else host_of(place)
    path = place.partition("://")[2] or place
    protocol = next((each for pattern, each in _PATHS if pattern.search(path)), None)
    model = _MODEL.search(path)
    provider = next((name for own, name in _OWN_HOSTS.items() if _is_at(host, own)), "")
    is_batch = place in ("/v1/chat/completions", "/v1/responses")
    return Endpoint(host, provider, protocol, unquote(model[1]) if model else "", is_batch)


def _is_at(host: str, domain: str) -> bool:
    # Google writes the region before the host: us-east5-aiplatform.googleapis.com.
    return lies_in(host, frozenset({domain})) or host.endswith(f"-{domain}")
