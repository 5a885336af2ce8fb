"""All mechanisms by their names, the simple ones first."""

from __future__ import annotations

import copyreg
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.mechanisms.calls import CALLS
from toolpair_observe.pairing.mechanisms.ids import IDS
from toolpair_observe.pairing.mechanisms.mechanism import Mechanism
from toolpair_observe.pairing.mechanisms.results import RESULTS
from toolpair_observe.pairing.mechanisms.roles import ROLES
from toolpair_observe.pairing.mechanisms.spans import SPANS

if TYPE_CHECKING:
    from collections.abc import Mapping

MECHANISMS: Final[Mapping[str, Mechanism]] = MappingProxyType(
    {each.name: each for each in (*ROLES, *RESULTS, *CALLS, *SPANS, *IDS)}
)


def _named(name: str) -> Mechanism:
    return MECHANISMS[name]


def _reduced(each: Mechanism) -> tuple[Any, ...]:
    """Pickle a mechanism by its name: what it finds with is a function that may have none."""
    return _named, (each.name,)


# A profile goes to other processes with its demands.
copyreg.pickle(Mechanism, _reduced)
