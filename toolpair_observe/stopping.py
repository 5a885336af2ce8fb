"""What strict mode stops: the effects for which a request may not leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Iterable


def stopping_effects(
    block_on: Iterable[Effect], *, block_unidentified: bool, profile: str, identified: bool
) -> frozenset[Effect]:
    """Return the effects of which a request's worst one stops it.

    Args:
        block_on: The setting of that name.
        block_unidentified: The setting of that name.
        profile: Name of the profile that judges the request.
        identified: Whether its model is identified. One that is not is held to the contract, under
            which every violation is `unknown`.
    """
    # Only a near miss asks.
    from toolpair_observe.pairing.providers.contract import CONTRACT  # noqa: PLC0415

    effects = frozenset(block_on)
    held_to_contract = not identified or profile == CONTRACT.name
    return effects | {Effect.UNKNOWN} if held_to_contract and block_unidentified else effects
