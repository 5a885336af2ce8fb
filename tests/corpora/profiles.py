"""Which profile, with which facts, judges the rows of which provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolpair_observe.pairing.providers.recorded import Origin, target_of_row

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
    return target_of_row(origin_of(row), on_wire=False).profile.name


def origin_of(row: Row) -> Origin:
    """Return what the row tells of who was asked."""
    return Origin(
        provider=row.provider,
        api=row.meta.get("format") or "",
        model=row.meta.get("model") or "",
        url=row.meta.get("url") or "",
        server_state="server_state" in row.meta,
    )


def facts_of(row: Row) -> dict[str, Any]:
    """Return the facts that a live call would have besides the messages."""
    return {
        "server_state": "server_state" in row.meta,
        "model": row.meta.get("model"),
    }
