"""Profiles of captured bodies: what a provider itself asks of a request, whoever wrote it.

An integration has dropped, moved and merged before a body is captured, and an error of its own has
kept the body from ever leaving. So neither its steps nor its errors nor its losses judge, and every
call and result that is written down was sent.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.providers.profile import Row
from toolpair_observe.pairing.providers.rules import NO_REPORT, unknown
from toolpair_observe.pairing.words import EVERY_RESULT, Carrier, Effect

if TYPE_CHECKING:
    from toolpair_observe.pairing.providers.profile import Profile

_CALLS: Final = frozenset(Carrier) - {Carrier.LEGACY_CALL}
_RESULTS: Final = EVERY_RESULT | {Carrier.OUTPUT_IN_TOOL}
# OpenAI's functions, before there were tools: they have no ids, and nobody pairs them but who sees
# no ids at all.
_WITHOUT_IDS: Final = (frozenset({Carrier.LEGACY_CALL}), frozenset({Carrier.FUNCTION}))


@lru_cache(maxsize=256)
def on_wire(profile: Profile) -> Profile:
    """Return what judges a captured body in place of the profile, under the same name."""
    server = profile.server
    calls, results = _CALLS, _RESULTS
    if Carrier.FUNCTION in profile.results:
        calls, results = calls | _WITHOUT_IDS[0], results | _WITHOUT_IDS[1]
    left = {
        # What the server does where the integration raises is said by the server's own rules.
        case: unknown(NO_REPORT) if rule.effect is Effect.LOCAL_ERROR else rule
        for case, rule in profile.rules.items()
    }
    return replace(
        profile,
        calls=calls,
        spare_calls={},
        results=results,
        rules={**left, **server.rules},
        steps=server.steps,
        id_max=profile.id_max if server.id_max is None else server.id_max,
        id_pattern=server.id_pattern or profile.id_pattern,
        # What depends on a version is the integration's.
        rows=tuple(
            Row(on_wire(row.profile), models=row.models) for row in profile.rows if not row.before
        ),
    )
