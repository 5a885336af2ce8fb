"""All profiles and all integrations, collected from the families' files."""

from __future__ import annotations

import copyreg
import pickle
from dataclasses import fields, replace
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
from toolpair_observe.pairing.providers.profile import Profile

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


def _built_in(name: str) -> Profile:
    """Return a profile of the table, where one is unpickled."""
    return PROFILES[name]


def _reduced(profile: Profile) -> str | tuple[Any, ...]:
    """Pickle a profile of the table by its name: its steps hold functions, which have none."""
    named = PROFILES.get(profile.name)
    if named is profile:
        return _built_in, (profile.name,)
    if named is not None and on_wire(named) is profile:
        return on_wire, (named,)
    base = PROFILES.get(profile.base)
    if base is not None and len(base.rows) == len(profile.rows):
        return _changed, (base, _changes(base, profile))
    return object.__reduce_ex__(profile, pickle.HIGHEST_PROTOCOL)


def _changes(base: Profile, profile: Profile) -> dict[str, Any]:
    """Return what a profile has that its base has not, its steps not among it."""
    changes = {
        each.name: getattr(profile, each.name)
        for each in fields(profile)
        if each.init and getattr(profile, each.name) is not getattr(base, each.name)
    }
    pairs = zip(base.rows, profile.rows, strict=True)
    return {**changes, "rows": [_changes(old.profile, new.profile) for old, new in pairs]}


def _changed(base: Profile, changes: dict[str, Any]) -> Profile:
    rows = zip(base.rows, changes["rows"], strict=True)
    changed = tuple(replace(row, profile=_changed(row.profile, new)) for row, new in rows)
    return replace(base, **{**changes, "rows": changed})


copyreg.pickle(Profile, _reduced)
