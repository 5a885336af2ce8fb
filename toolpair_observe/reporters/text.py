"""Sentences that several reporters say."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from toolpair_observe.hashed import is_hash
from toolpair_observe.pairing.refusals.fault import Fault
from toolpair_observe.pairing.shown import MAX_TEXT, shown
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from toolpair_observe.observation import Observation

_FAILS = frozenset({Effect.LOCAL_ERROR, Effect.REJECT})


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


def near_miss(observation: Observation) -> str:
    """Return what a near miss says, and whether its thread will stay as it is."""
    report = observation.report
    thread_id = observation.poisoned_thread_id
    if not thread_id:
        return report.summary()
    meets = "fails" if report.effect in _FAILS else "meets one"
    return (
        f"{report.summary()}; thread {shown(thread_id)} is stored with a breach, so every later "
        f"turn {meets} until it is mended: toolpair-observe threads DATABASE_URL"
        f"{_thread_option(thread_id)}"
    )


def _thread_option(thread_id: str) -> str:
    """Return the option for one thread, `""` where its real id is not known or can't be shown."""
    is_whole = len(thread_id) < MAX_TEXT and shown(thread_id) == thread_id
    if not is_whole or is_hash(thread_id):
        return ""
    # One that begins like an option would be taken for one.
    joint = "=" if thread_id.startswith("-") else " "
    return f" --thread{joint}{shlex.quote(thread_id)}"
