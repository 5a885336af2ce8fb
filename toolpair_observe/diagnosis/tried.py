"""The newest versions of other packages that this release was tried with.

`tests/integrations/test_tried.py` fails where a newer one is installed, as `nox -s integrations`
does. The oldest supported versions stand in the package's own requirements.
"""

from __future__ import annotations

import re
from importlib import metadata
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.providers.profile import release_of

if TYPE_CHECKING:
    from collections.abc import Mapping

DISTRIBUTION: Final = "toolpair-observe"

NEWEST_TRIED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "langchain-core": "1.8.3",
        "langsmith": "0.15.1",
        "opentelemetry-api": "1.45.2",
        "opentelemetry-sdk": "1.45.2",
        "langchain-anthropic": "1.7.10",
        "langchain-aws": "1.9.1",
        "langchain-cohere": "0.6.0",
        "langchain-deepseek": "1.1.1",
        "langchain-fireworks": "1.7.1",
        "langchain-google-genai": "4.4.3",
        "langchain-google-vertexai": "3.2.5",
        "langchain-groq": "1.1.3",
        "langchain-huggingface": "1.2.3",
        "langchain-litellm": "0.11.2",
        "langchain-mistralai": "1.1.6",
        "langchain-nvidia-ai-endpoints": "1.5.0",
        "langchain-ollama": "1.1.0",
        "langchain-openai": "1.7.4",
        "langchain-openrouter": "0.2.9",
        "langchain-together": "0.4.0",
        "langchain-xai": "1.3.0",
        "openrouter": "0.11.46",
    }
)


def installed(distribution: str) -> str | None:
    """Return the version of a distribution, or None where it is not installed."""
    try:
        # A broken installation has no version.
        return metadata.version(distribution) or None
    except Exception:  # noqa: BLE001 -- whatever lies in site-packages
        return None


def is_newer(version: str, than: str) -> bool:
    """Whether a version is of a later release."""
    return release_of(version) > release_of(than)


def floors() -> Mapping[str, str]:
    """Return the oldest version of each required distribution that is supported."""
    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return {}
    found = (re.match(r"([\w.-]+)[^;]*?>=\s*([\w.]+)(?!.*;.*extra)", line) for line in lines)
    return {each[1]: each[2] for each in found if each is not None}
