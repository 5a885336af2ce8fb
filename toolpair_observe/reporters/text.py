"""Sentences that several reporters say."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from toolpair_observe.hashed import is_hash
from toolpair_observe.observation import fresh_masked
from toolpair_observe.pairing.cause_info import OR
from toolpair_observe.pairing.refusals.fault import Fault
from toolpair_observe.pairing.report import describe_masked, worst_of
from toolpair_observe.pairing.shown import MAX_TEXT, shown
from toolpair_observe.pairing.words import Effect
from toolpair_observe.steps.told import tell

if TYPE_CHECKING:
    from toolpair_observe.observation import Observation
    from toolpair_observe.pairing.report import PairingReport

# Together they are shorter than what a log line is cut to.
_LONGEST: Final = 1_000
_LONGEST_HINT: Final = 500
_FAILS: Final = frozenset({Effect.LOCAL_ERROR, Effect.REJECT})


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
    if observation.report.base:
        return (
            f"{said}. The endpoint has changed since profile {profile} was measured, or has not "
            "shown that then"
        )
    return f"{said}. Profile {profile} lacks a rule"


def near_miss(observation: Observation) -> str:
    """Return what a near miss says: since when, what broke it, and whether its thread stays so."""
    report = observation.report
    thread_id = observation.poisoned_thread_id
    said = "; ".join(filter(None, (report.summary(), _again(observation), _blame(observation))))
    if not thread_id:
        return said
    meets = "fails" if report.effect in _FAILS else "meets one"
    thread = (
        f"; thread {shown(thread_id)} is stored with a breach, so every later "
        f"turn {meets} until it is mended: toolpair-observe threads DATABASE_URL"
        f"{_thread_option(thread_id)}"
    )
    # The command is to be run, so it is never cut.
    return f"{_cut(said, _LONGEST - len(thread))}{thread}"


def remedy(report: PairingReport, docs_url: str) -> str:
    """Return what to do about the worst breach first, and where to read on."""
    worst = worst_of(report.violations)
    hint = worst.hint.split(OR)[0]
    to_do = f"to do: {_cut(hint, _LONGEST_HINT)}; " if hint else ""
    return f"{to_do}see {docs_url}#{worst.cause}"


def bounded(text: str) -> str:
    """Return what a line says, so short that what it ends with is never cut."""
    return _cut(text, _LONGEST)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def masked(observation: Observation) -> str:
    """Return what the made-up results of a request say, and what the model lacks."""
    first, *others = fresh_masked(observation.report.masked)
    more = f" (and {len(others)} more)" if others else ""
    return (
        f"{describe_masked(first)}{more}; the history pairs, and the model goes on without what "
        "the tool would have found"
    )


def _again(observation: Observation) -> str:
    """Say since when a breach stands that is not new; `""` of one that is, or may be."""
    if observation.is_fresh is not False:
        return ""
    blame = observation.blame
    if blame is None or not blame.requests_ago:
        return "again, as in an earlier request of this conversation"
    count = f"{blame.requests_ago} request{'' if blame.requests_ago == 1 else 's'}"
    run = f" (run {blame.since_run_id})" if blame.since_run_id else ""
    return f"again, since {count} ago{run}"


def _blame(observation: Observation) -> str:
    blame = observation.blame
    if blame is None or (blame.step is None and blame.change is None):
        return ""
    return tell(blame, observation.report)


def _thread_option(thread_id: str) -> str:
    """Return the option for one thread, `""` where its real id is not known or can't be shown."""
    is_whole = len(thread_id) < MAX_TEXT and shown(thread_id) == thread_id
    if not is_whole or is_hash(thread_id):
        return ""
    # One that begins like an option would be taken for one.
    joint = "=" if thread_id.startswith("-") else " "
    return f" --thread{joint}{shlex.quote(thread_id)}"
