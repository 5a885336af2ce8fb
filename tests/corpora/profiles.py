"""Which profile, with which facts, judges the rows of which provider.

This table is all that changes when a provider gets a profile of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.corpora.histories import Row

CONTRACT = "contract"
PROFILE_OF_PROVIDER = {
    "openai": "openai-chat",
    "azure": "azure-openai-chat",
}


def profile_of(row: Row) -> str:
    """Name the profile under which the row is judged."""
    return PROFILE_OF_PROVIDER.get(row.provider, CONTRACT)


def facts_of(row: Row) -> dict[str, Any]:
    """Return what a live call would have known beside the messages."""
    return {
        "server_state": "server_state" in row.meta,
        "model": row.meta.get("model"),
    }
