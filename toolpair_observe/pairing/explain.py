"""A report as text for people: the timeline first, then each violation."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from toolpair_observe.pairing.cause_info import OR
from toolpair_observe.pairing.cause_notes import CAUSES
from toolpair_observe.pairing.report import describe

if TYPE_CHECKING:
    from toolpair_observe.pairing.report import PairingReport, Violation
    from toolpair_observe.pairing.transcript import Entry, Transcript

# Sound stretches longer than this many messages are folded into one line.
_CONTEXT = 2
_MOST_VIOLATIONS = 20
_MOST = 8  # calls, and results, on a line
_EFFECTS = {
    "local_error": "the integration raises before any request is sent",
    "reject": "the provider answers with an error",
    "silent_loss": "the request goes through, but the model sees something else",
    "unknown": "nobody has shown what happens",
    "accept": "the provider takes it",
    "clean": "nothing to complain about",
}


def explain(report: PairingReport) -> str:
    """Render `report` for a terminal or a failure message."""
    lines = [
        report.summary(),
        f"predicted effect: {report.effect} ({_EFFECTS[report.effect]})",
    ]
    if report.transcript is not None:
        lines += ["", *_timeline(report.transcript, report.violations)]
    for number, violation in enumerate(report.violations[:_MOST_VIOLATIONS], start=1):
        lines += ["", *_violation(number, violation)]
    left_out = report.violation_count - _MOST_VIOLATIONS
    if left_out > 0:
        held = f"the {len(report.violations)} foremost" if report.more_violations else "them all"
        lines += ["", f"and {left_out} more violations; report.violations has {held}"]
    return "\n".join(lines)


def _timeline(transcript: Transcript, violations: tuple[Violation, ...]) -> list[str]:
    marks: dict[int, list[str]] = defaultdict(list)
    shown: set[int] = set()
    for violation in violations[:_MOST_VIOLATIONS]:
        marks[violation.message_index].append(violation.kind)
        for index in {violation.message_index, violation.call_message_index}:
            if index is not None:
                shown.update(range(index - _CONTEXT, index + _CONTEXT + 1))
    lines: list[str] = []
    folded = 0
    for entry in transcript.entries:
        if entry.index not in shown:
            folded += 1
            continue
        lines += _fold_line(folded)
        folded = 0
        lines.append(_entry(entry, marks.get(entry.index, [])))
    return lines + _fold_line(folded)


def _fold_line(folded: int) -> list[str]:
    return [f"        … {folded} more message{'s' if folded > 1 else ''}"] if folded else []


def _entry(entry: Entry, marks: list[str]) -> str:
    parts = [f"calls {call.name or '?'} ({call.id or 'no id'})" for call in entry.calls[:_MOST]]
    parts += [f"and {len(entry.calls) - _MOST} more"] * (len(entry.calls) > _MOST)
    parts += [f"answers {result.id or 'no id'}" for result in entry.results[:_MOST]]
    parts += [f"and {len(entry.results) - _MOST} more"] * (len(entry.results) > _MOST)
    flag = f"   <-- {', '.join(dict.fromkeys(marks))}" if marks else ""
    return f"{'>' if marks else ' '} {entry.index:>4}  {entry.role:<8}  {'; '.join(parts)}{flag}"


def _violation(number: int, violation: Violation) -> list[str]:
    info = CAUSES[violation.cause]
    lines = [f"{number}. {describe(violation)}", f"   effect: {violation.effect}"]
    if violation.lost:
        lines.append(f"   lost: {violation.lost}")
    if violation.expected_error:
        lines.append(f"   expected error: {violation.expected_error}")
    lines.append(f"   likely cause: {violation.cause} ({info.title})")
    if len(info.mechanisms) > 1:
        lines.append(f"   which can be: {'; '.join(info.mechanisms)}")
    lines += [f"   to do: {hint}" for hint in violation.hint.split(OR)]
    return lines
