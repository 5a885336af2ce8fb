"""Which profile, with which facts, judges the rows of which provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolpair_observe.histories.tally import PROFILE_OF_API
from toolpair_observe.histories.tally import PROFILE_OF_PROVIDER as OWN_PROFILE
from toolpair_observe.pairing.providers.table import PROFILES

if TYPE_CHECKING:
    from tests.corpora.histories import Row

CONTRACT = "contract"
UNKNOWN_SERVERS = frozenset({CONTRACT, "openai-compatible"})
"""Under these profiles a breach is `unknown`, because the server is not known."""
PROFILE_OF_PROVIDER = {
    "openai": "openai-chat",
    "azure": "azure-openai-chat",
}


def openai_or_contract(row: Row) -> str:
    """Judge OpenAI's and Azure's rows under their own profiles, all others under the contract."""
    return PROFILE_OF_PROVIDER.get(row.provider, CONTRACT)


def own_profile(row: Row) -> str:
    """Judge each row under its own provider's profile, as the command line does."""
    asked = (row.provider, row.meta.get("format"))
    name = PROFILE_OF_API.get(asked) or OWN_PROFILE.get(row.provider, row.provider)
    if name == "bedrock-converse" and _is_of_another_maker(row):
        return "bedrock-converse-other"
    return name if name in PROFILES else CONTRACT


def _is_of_another_maker(row: Row) -> bool:
    """Whether the address that was asked names a model that is not Claude."""
    model = str(row.meta.get("url", "")).partition("/model/")[2]
    return bool(model) and "anthropic." not in model


def facts_of(row: Row) -> dict[str, Any]:
    """Return the facts that a live call would have besides the messages."""
    return {
        "server_state": "server_state" in row.meta,
        "model": row.meta.get("model"),
    }
