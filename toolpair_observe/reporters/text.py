"""Sentences that several reporters say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolpair_observe.pairing.refusals.fault import Fault
from toolpair_observe.pairing.shown import shown

if TYPE_CHECKING:
    from toolpair_observe.observation import Observation


def escape(observation: Observation) -> str:
    """Return what an escape says, and who has to change something."""
    profile = shown(observation.report.profile)
    said = (
        f"the provider refused a history that the check called {observation.report.effect}; its "
        f"error says {observation.named_kind}"
    )
    if observation.escape_fault == Fault.SERVER:
        return (
            f"{said}. The history keeps LangChain's contract, so what answers behind profile "
            f"{profile} lost a pair or wants more than pairs"
        )
    return f"{said}. Profile {profile} lacks a rule"
