"""What an integration does, with the server's part left open: the ground of a measurement."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.providers.places import unproven
from toolpair_observe.pairing.providers.profile import Row
from toolpair_observe.pairing.providers.rules import NO_REPORT, unknown

if TYPE_CHECKING:
    from toolpair_observe.pairing.providers.profile import Profile

_OPEN: Final = unknown(NO_REPORT)


def base_of(built_in: Profile) -> Profile:
    """Return a built-in profile as far as it is about the integration.

    Each case that it knows is open, so that a history which has it is seen to have it.
    """
    return _opened(unproven(built_in, built_in.name), built_in)


def _opened(bare: Profile, built_in: Profile) -> Profile:
    rows = zip(bare.rows, built_in.rows, strict=True)
    return replace(
        bare,
        rules={**dict.fromkeys(built_in.rules, _OPEN), **bare.rules},
        rows=tuple(Row(_opened(b.profile, k.profile), b.before, b.models) for b, k in rows),
    )
