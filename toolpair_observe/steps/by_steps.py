"""`blame_by_steps`: the blame for a near miss, as the journal of steps tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.report import worst_of
from toolpair_observe.steps.blame import Found, Walk
from toolpair_observe.steps.blamed import Blame, BlameChange, CallFate, Fate
from toolpair_observe.steps.breach import Breach, ids_in
from toolpair_observe.steps.fates import Tools, fates_of
from toolpair_observe.steps.last_runs import LAST_RUNS, LastRun

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any
    from uuid import UUID

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.steps.breach import Check
    from toolpair_observe.steps.runs import Root

MOST_TRACED: Final = 256
"""Ids of a run that are kept of the breaches that were traced."""
MOST_FATES: Final = 16
"""Calls whose fate is told."""


def blame_by_steps(  # noqa: PLR0913, PLR0917 -- a request, and where it stands
    messages: Sequence[BaseMessage],
    report: PairingReport,
    check: Check,
    root: Root,
    parent_id: UUID | None,
    rename: Callable[[str], str],
) -> Blame | None:
    """Return what broke a history, or None where its steps don't tell.

    Args:
        messages: The request.
        report: Its report, a near miss, with the ids as the messages have them.
        check: Checks another list as the request was checked.
        root: The root run that the request is part of.
        parent_id: The run that asks.
        rename: Returns what is carried in place of an id.
    """
    violation = worst_of(report.violations)
    if len(root.traced) < MOST_TRACED:
        root.traced |= ids_in(violation)
    if not root.steps and root.messages is None:
        return None  # a chain without nodes that was given no history
    breach = Breach.of(violation, messages, check)
    runs: list[LastRun | None] = []

    def before(state: Sequence[Any]) -> LastRun | None:
        runs.append(LAST_RUNS.before(root, state))
        return runs[-1]

    found = Walk(root, breach, messages, before).back_from(parent_id)
    if found is None:
        return None
    run = runs[-1] if runs else LAST_RUNS.before(root, messages)
    return Blame(
        found.step,
        found.difference.change,
        found.difference.removed,
        found.difference.inserted,
        _fates(report, root, run, found, rename),
        began_elsewhere=found.is_elsewhere,
    )


def stood_before(messages: Sequence[BaseMessage], report: PairingReport, root: Root) -> bool | None:
    """Whether the run before had a breach already, where its texts alone tell which run that is.

    Args:
        messages: A request that does not say its thread.
        report: Its report, a near miss, with the ids as the messages have them.
        root: The root run that it is part of.

    Returns:
        None where the run before is not known, or known by the ids of its messages.
    """
    run = LAST_RUNS.before(root, messages)
    outline = run.akin_to(messages) if run is not None else None
    if run is None or outline is None or not outline.by_text:
        return None
    return not run.had.isdisjoint(ids_in(worst_of(report.violations)))


def _fates(
    report: PairingReport,
    root: Root,
    run: LastRun | None,
    found: Found,
    rename: Callable[[str], str],
) -> tuple[CallFate, ...]:
    tools = Tools.of(root)
    if run is not None:
        tools = tools.and_earlier(run.tools)
    concerned: dict[str, str | None] = {}
    for each in report.violations:
        if each.effect.is_near_miss and len(concerned) < MOST_FATES:
            identifier = each.call_id or each.tool_call_id
            if identifier:
                concerned.setdefault(identifier, each.tool_name)
    return fates_of(concerned.items(), tools, _unseen(found), rename)


def _unseen(found: Found) -> Fate | None:
    """What became of calls whose tools were never heard of, as far as that tells anything."""
    if found.difference.change is not BlameChange.NOT_APPENDED or found.is_elsewhere:
        return None
    return Fate.NEVER_STARTED
