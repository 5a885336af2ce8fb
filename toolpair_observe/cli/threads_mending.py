"""`toolpair-observe threads --mend`: what would mend the threads, and the mends themselves."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.cli.threads_output import summary
from toolpair_observe.console import ExitCode, show, show_json, show_line
from toolpair_observe.errors import MendError
from toolpair_observe.pairing.shown import shown, type_name
from toolpair_observe.threads.diagnosis import ThreadVerdict
from toolpair_observe.threads.graphs import opened_graph
from toolpair_observe.threads.plan_text import explain, rollback_line
from toolpair_observe.threads.text import place_of

if TYPE_CHECKING:
    import argparse

    from langchain_core.runnables import RunnableConfig

    from toolpair_observe.cli.threads_reading import Reading
    from toolpair_observe.pairing.shown import ShowId
    from toolpair_observe.threads.diagnosis import ThreadDiagnosis
    from toolpair_observe.threads.graphs import Mender, Prepared
    from toolpair_observe.threads.plan import MendPlan

_MENDED: Final = "mended"
_PLANNED: Final = "can be mended"
_LEFT: Final = "left alone"
_FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class _Target:
    """A history to mend. The diagnosis is let go, as there may be many."""

    thread_id: str
    namespace: str
    checkpoint_id: str

    @property
    def config(self) -> RunnableConfig:
        return {
            "configurable": {
                "thread_id": self.thread_id,
                "checkpoint_ns": self.namespace,
                "checkpoint_id": self.checkpoint_id,
            }
        }


def run_mending(arguments: argparse.Namespace, reading: Reading, name_id: ShowId) -> int:
    """Plan the mend of each finding, and carry it out where `--apply` says so.

    Args:
        arguments: The arguments of the command.
        reading: What reads the threads.
        name_id: Returns what stands in place of an id.
    """
    with opened_graph(arguments.graph) as mender:
        # All of it is read before the first mend: a writer must not wait for this reader.
        targets = [
            _Target(each.thread_id, each.namespace, each.checkpoint_id)
            for each in reading.diagnoses()
            if _is_meant(each, arguments)
        ]
        done = _Mending(arguments, mender, name_id).mend(targets)
    if not arguments.json:
        show_line(summary(reading.tally))
        show_line(_total(done, applies=arguments.apply))
    if done[_FAILED] or not reading.is_complete:
        return ExitCode.BAD_INPUT
    return ExitCode.FOUND if reading.tally.findings > done[_MENDED] else ExitCode.OK


def _is_meant(diagnosis: ThreadDiagnosis, arguments: argparse.Namespace) -> bool:
    if arguments.only and diagnosis.verdict not in arguments.only:
        return False
    # A question is dropped only where both it and its thread are named.
    is_named = arguments.drop_questions and arguments.thread_ids
    return diagnosis.verdict.is_finding or (
        bool(is_named) and diagnosis.verdict is ThreadVerdict.WAITING
    )


class _Mending:
    """Mends one history after the other; one that can't be mended stops nothing."""

    def __init__(self, arguments: argparse.Namespace, mender: Mender, name_id: ShowId) -> None:
        self._arguments = arguments
        self._mender = mender
        self._name_id = name_id
        self._options: dict[str, Any] = {
            "profile": arguments.profile,
            "idle": arguments.idle,
            "drop_questions": arguments.drop_questions,
        }

    def mend(self, targets: list[_Target]) -> Counter[str]:
        done: Counter[str] = Counter()
        for target in targets:
            if self._arguments.max is not None and done[_PLANNED] + done[_MENDED] >= (
                self._arguments.max
            ):
                break
            done[self._mend(target)] += 1
        return done

    def _mend(self, target: _Target) -> str:
        try:
            prepared = self._mender(target.config, self._options)
            plan = prepared.plan
            if plan.checkpoint_id != target.checkpoint_id:
                plan.refused = _other_head(plan, target)
            if self._arguments.apply and plan.can_be_applied:
                self._apply(prepared)
        except MendError as error:
            return self._fail(target, str(error))
        except Exception as error:  # noqa: BLE001 - the user's graph: one thread stops no other
            return self._fail(target, f"it could not be mended ({type_name(error)})")
        self._show(plan)
        if plan.new_checkpoint_id:
            return _MENDED
        return _PLANNED if plan.can_be_applied else _LEFT

    @staticmethod
    def _apply(prepared: Prepared) -> None:
        try:
            prepared.apply()
        except MendError as error:
            # It is as it was: the same as if it had been refused before.
            prepared.plan.refused = str(error)

    def _show(self, plan: MendPlan) -> None:
        if self._arguments.json:
            show_json(plan.to_dict(self._name_id))
            return
        show(explain(plan, self._name_id))
        if plan.new_checkpoint_id:
            show_line(f"  to roll back: {rollback_line(plan, self._name_id)}")
        show("")

    def _fail(self, target: _Target, why: str) -> str:
        place = place_of(target.thread_id, target.namespace, self._name_id)
        show_line(f"toolpair-observe: {place}: {why}", sys.stderr)
        return _FAILED


def _other_head(plan: MendPlan, target: _Target) -> str:
    return (
        f"its head is {shown(plan.checkpoint_id)} where --graph writes, and "
        f"{shown(target.checkpoint_id)} in the database that was read: it has moved on, or these "
        "are two databases"
    )


def _total(done: Counter[str], *, applies: bool) -> str:
    counts = ", ".join(f"{count:,} {what}" for what, count in done.items() if count) or "none"
    hint = "" if applies else "; nothing was written: --apply writes"
    return f"mends: {counts}{hint}"
