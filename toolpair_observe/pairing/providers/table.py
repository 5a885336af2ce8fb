"""All profiles and all integrations, collected from the families' files."""

from __future__ import annotations

import copyreg
import pickle
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.providers import (
    anthropic,
    bedrock,
    cohere,
    converse,
    gateways,
    google,
    hosts,
    mistral,
    ollama,
    openai,
    openai_like,
)
from toolpair_observe.pairing.providers.bodies import on_wire
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.names import did_you_mean
from toolpair_observe.pairing.providers.profile import Profile
from toolpair_observe.pairing.shown import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.pairing.providers.integration import Integration

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            CONTRACT,
            openai.OPENAI_CHAT,
            openai.OPENAI_RESPONSES,
            openai.AZURE_OPENAI_CHAT,
            anthropic.ANTHROPIC,
            anthropic.ANTHROPIC_VERTEX,
            google.GOOGLE_GENAI,
            google.GOOGLE_VERTEXAI,
            converse.BEDROCK_CONVERSE,
            converse.BEDROCK_CONVERSE_OTHER,
            bedrock.BEDROCK_INVOKE,
            mistral.MISTRAL,
            cohere.COHERE,
            openai_like.DEEPSEEK,
            openai_like.GROQ,
            openai_like.XAI,
            openai_like.FIREWORKS,
            openai_like.TOGETHER,
            gateways.OPENROUTER,
            gateways.LITELLM,
            openai_like.HUGGINGFACE,
            openai_like.NVIDIA,
            ollama.OLLAMA,
            openai_like.OPENAI_COMPATIBLE,
            openai_like.DASHSCOPE,
            openai_like.MOONSHOT,
            openai_like.MINIMAX,
        )
    }
)
INTEGRATIONS: Final[tuple[Integration, ...]] = (
    *hosts.INTEGRATIONS,
    *anthropic.INTEGRATIONS,
    *google.INTEGRATIONS,
    *bedrock.INTEGRATIONS,
    *mistral.INTEGRATIONS,
    *cohere.INTEGRATIONS,
    *gateways.INTEGRATIONS,
    *ollama.INTEGRATIONS,
)

# How the names of files end that hold a chat template.
TEMPLATE_FILES: Final = (".jinja", ".jinja2", ".j2", ".json")


def is_auto(name: str) -> bool:
    """Whether the name stands for the profile of whoever is asked."""
    return name.strip().lower() == "auto"


def profile_named(name: str) -> Profile:
    """Return the profile called `name`, or that of the chat template in the file of that name.

    Blanks around the name do not count.

    Raises:
        ValueError: There is no such profile, and the message says which one was probably meant and
            lists the names; or the file holds no chat template that can be used
            (`ChatTemplateError`).
        MissingExtraError: It is a chat template's file, and Jinja is not installed.
    """
    name = name.strip()
    if name.endswith(TEMPLATE_FILES):
        from toolpair_observe.templates.profile import (  # noqa: PLC0415 - of an extra
            profile_from_chat_template,
        )

        return profile_from_chat_template(Path(name))
    try:
        return PROFILES[name]
    except KeyError:
        meant = did_you_mean(name, PROFILES)
        msg = f"no profile is called {quoted(name)}; {meant}choose one of: {', '.join(PROFILES)}"
        raise ValueError(msg) from None


def _reduced(profile: Profile) -> str | tuple[Any, ...]:
    """Pickle a profile of the table by its name: its steps hold functions, which have none."""
    named = PROFILES.get(profile.name)
    if named is profile:
        return profile_named, (profile.name,)
    if named is not None and on_wire(named) is profile:
        return on_wire, (named,)
    return object.__reduce_ex__(profile, pickle.HIGHEST_PROTOCOL)


copyreg.pickle(Profile, _reduced)
