"""Which host a call shows: what a measured profile goes by.

`places` asks whether that is the provider's own, so it takes no port and knows the hosts of each
provider. What was measured holds for one server, whoever runs it: its port tells it from others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.providers.integration import name_in
from toolpair_observe.pairing.providers.places import host_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.pairing.providers.integration import ModelCall

# The arguments of chat-model classes that hold a base URL, that of a class's own before those that
# it has from another class.
_ARGUMENTS: Final = (
    "azure_endpoint",
    "anthropic_api_url",
    "xai_api_base",
    "together_api_base",
    "groq_api_base",
    "fireworks_api_base",
    "openrouter_api_base",
    "api_base",
    "openai_api_base",
    "base_url",
    "endpoint_url",
    "endpoint",
    "api_endpoint",
    "client_options",
)
# What clients read themselves, by the integration's type name, where no argument says more.
_VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "openai-chat": ("OPENAI_BASE_URL",),
    "azure-openai-chat": ("AZURE_OPENAI_ENDPOINT",),
    "groq-chat": ("GROQ_BASE_URL",),
    "fireworks-chat": ("FIREWORKS_BASE_URL",),
    "huggingface-chat-wrapper": ("HF_INFERENCE_ENDPOINT",),
    "anthropic-chat": ("ANTHROPIC_API_URL", "ANTHROPIC_BASE_URL"),
    "anthropic-chat-vertexai": ("ANTHROPIC_VERTEX_BASE_URL",),
    "anthropic-bedrock-chat": ("ANTHROPIC_BEDROCK_BASE_URL",),
    "anthropic-mantle-chat": ("ANTHROPIC_BEDROCK_MANTLE_BASE_URL",),
    "amazon_bedrock_converse_chat": ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL"),
    "amazon_bedrock_chat": ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL"),
    "chat-google-generative-ai": ("GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL"),
    "vertexai": ("GOOGLE_VERTEX_BASE_URL",),
    "cohere-chat": ("CO_API_URL",),
    "chat-ollama": ("OLLAMA_HOST",),
}
# Where classes go that may show no URL, and may as well show this one.
_DEFAULTS: Final[Mapping[str, str]] = {
    "openai-chat": "api.openai.com",
    "anthropic-chat": "api.anthropic.com",
    "chat-deepseek": "api.deepseek.com",
    "cohere-chat": "api.cohere.com",
    "fireworks-chat": "api.fireworks.ai",
    "groq-chat": "api.groq.com",
    "mistralai-chat": "api.mistral.ai",
    "openrouter-chat": "openrouter.ai",
    "together-chat": "api.together.xyz",
    "xai-chat": "api.x.ai",
}
_PORTS: Final[Mapping[str, str]] = {"https": "443", "http": "80"}
_UNREADABLE: Final = "?"


def host_shown(call: ModelCall) -> str:
    """Return the host that a call shows, in lower case and without user info.

    Its port stands with it, unless it is the one of the URL's scheme.

    Returns:
        The host; `""` where none is shown, so that the integration's own default is asked, and `?`
        where one is shown that can't be read.
    """
    for name in _ARGUMENTS:
        found = call.string(name, _place_in)
        if found:
            return found
    for name in _VARIABLES.get(call.param("_type", name_in), ()):
        found = call.variable(name, _place_in)
        if found:
            return found
    return ""


def is_same_host(one: str, other: str, integration: str) -> bool:
    """Whether two hosts as `host_shown` returns them are one, as an integration takes them."""
    default = _DEFAULTS.get(integration, "")
    return (one or default) == (other or default)


def _place_in(value: Any) -> str:  # noqa: ANN401 -- whatever was given as an argument
    if isinstance(value, dict):
        value = value.get("api_endpoint")
    if not value:
        return ""
    return place_of(value) if isinstance(value, str) else _UNREADABLE


def place_of(url: str) -> str:
    """Return the host of a URL with its port, unless that is the one of its scheme.

    `?` where there is none.
    """
    scheme, has_scheme, rest = url.strip().partition("://")
    rest = rest if has_scheme else scheme
    # Whatever ends the host, so that nothing of a query is taken for a part of it.
    for end in "/?#":
        rest = rest.partition(end)[0]
    host = host_of(rest).lower()
    if not host:
        return _UNREADABLE
    _, _, port = rest.rpartition("@")[2].rpartition("]")[2].rpartition(":")
    is_default = has_scheme and _PORTS.get(scheme.lower()) == port
    host = f"[{host}]" if ":" in host else host
    return host if is_default or not port.isdecimal() or ":" not in rest else f"{host}:{port}"
