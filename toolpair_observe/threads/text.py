"""A diagnosis as text for people: one line of a list, or all that is known of a thread.

Ids and names come out of a database, so that each line passes `pairing.shown`.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from textwrap import indent
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.explain import explain as explain_report
from toolpair_observe.pairing.report import describe, worst_of
from toolpair_observe.pairing.shown import MAX_LINE, line, quoted, shown
from toolpair_observe.pairing.terminal import Screen
from toolpair_observe.pairing.words import ViolationKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from toolpair_observe.pairing.report import PairingReport, Violation
    from toolpair_observe.pairing.shown import ShowId
    from toolpair_observe.threads.diagnosis import BrokenStep, FoundResult, ThreadDiagnosis

_INDENT: Final = "  "
_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60))
_LACKS_A_RESULT: Final = (ViolationKind.MISSING_RESULT, ViolationKind.MISMATCHED_RESULT)
_SOURCES: Final[Mapping[str, str]] = {
    "input": "a new message",
    "loop": "the graph's own step",
    "update": "update_state",
    "fork": "a fork",
}
# By the verdict's value: the module of diagnoses imports this one.
_MEANINGS: Final[Mapping[str, str]] = {
    "sound": "a new message and a resume both go on",
    "waiting": "whoever resumes it goes on",
    "stalled": "a resume goes on, a new message fails",
    "poisoned": "every turn fails until it is mended",
    "unreadable": "nothing is known of it",
}


def text_of(diagnosis: ThreadDiagnosis, name_id: ShowId = str) -> str:
    """Return one line: which thread, its verdict, what is wrong where, and what can be done.

    Args:
        diagnosis: The diagnosis.
        name_id: Returns what stands in place of an id.
    """
    parts = [place_of(diagnosis.thread_id, diagnosis.namespace, name_id), diagnosis.verdict.value]
    if diagnosis.reason:
        parts.append(diagnosis.reason)
    else:
        parts.append("; ".join(_clauses(diagnosis)))
    return line(": ".join(filter(None, parts)))


def explain(diagnosis: ThreadDiagnosis, name_id: ShowId = str) -> str:
    """Return all that is known of a thread, and the lines of Python that mend it.

    Args:
        diagnosis: The diagnosis.
        name_id: Returns what stands in place of an id.
    """
    place = place_of(diagnosis.thread_id, diagnosis.namespace, name_id)
    verdict = f"{diagnosis.verdict.value} ({_MEANINGS[diagnosis.verdict.value]})"
    lines = [line(f"{place}: {verdict}"), *map(line, _head(diagnosis))]
    if diagnosis.reason:
        return "\n".join([*lines, line(f"  {diagnosis.reason}")])
    if diagnosis.on_new is not None:
        lines += [
            "a new message, which is the last of these, makes this list:",
            _indented(diagnosis.on_new),
        ]
    lines += _resume(diagnosis)
    lines += map(line, _waiting(diagnosis))
    lines += map(line, _recoverable(diagnosis, name_id))
    if diagnosis.broken_by is not None:
        sound = diagnosis.broken_by.sound_id
        since = f"the last sound checkpoint is {shown(sound)}" if sound else "it is the first one"
        lines.append(line(f"broken by {_broken(diagnosis.broken_by)}; {since}"))
    if diagnosis.verdict.is_finding:
        lines += ["to mend it:", indent(mending_lines(diagnosis, name_id), _INDENT)]
    return "\n".join(lines)


def _indented(report: PairingReport) -> str:
    screen = Screen.of(sys.stdout)
    narrower = replace(screen, width=screen.width - len(_INDENT))
    return indent(explain_report(report, of_thread=True, screen=narrower), _INDENT)


def place_of(thread_id: str, namespace: str, name_id: ShowId = str) -> str:
    """Return which history of which thread is meant."""
    where = f" in {shown(name_id(namespace))}" if namespace else ""
    return f"thread {shown(name_id(thread_id))}{where}"


def mending_lines(diagnosis: ThreadDiagnosis, name_id: ShowId = str) -> str:
    """Return the lines of Python that mend a thread."""
    config = config_of(diagnosis.thread_id, diagnosis.namespace, name_id)
    return "\n".join(
        (
            "from toolpair_observe import mend_thread",
            f"plan = mend_thread(graph, {config})",
            "print(plan)",
            "plan.apply()",
        )
    )


def config_of(
    thread_id: str, namespace: str, name_id: ShowId = str, checkpoint_id: str = ""
) -> str:
    """Return the config of a thread, or of one of its checkpoints, as Python."""
    entries = [("thread_id", name_id(thread_id))]
    if namespace:
        entries.append(("checkpoint_ns", name_id(namespace)))
    if checkpoint_id:
        entries.append(("checkpoint_id", checkpoint_id))
    inside = ", ".join(f'"{name}": {_literal(value)}' for name, value in entries)
    return f'{{"configurable": {{{inside}}}}}'


def found_line(result: FoundResult, name_id: ShowId = str) -> str:
    """Say whose result was found, and where."""
    name = f" of tool {shown(result.tool_name)}" if result.tool_name else ""
    where = f"checkpoint {shown(result.checkpoint_id)}"
    if result.namespace:
        where += f" of {shown(name_id(result.namespace))}"
    if result.task_id:
        where += f", task {shown(result.task_id)}"
    doubt = "; several results differ, so that none is taken" if result.is_ambiguous else ""
    return f"call {shown(name_id(result.tool_call_id))}{name}: {where}{doubt}"


def nodes(names: Iterable[str]) -> str:
    """Return names of nodes as a list, or that there are none."""
    return ", ".join(map(shown, names)) or "nothing"


def _literal(text: str) -> str:
    """Return a text as Python reads it, in the quotes that the line around it has."""
    plain = quoted(text, MAX_LINE)
    inner = plain[1:-1]
    return f'"{inner}"' if '"' not in inner and "\\" not in inner else plain


def _clauses(diagnosis: ThreadDiagnosis) -> Iterator[str]:
    """Yield what is known of a thread that could be read, each in a few words."""
    channel = f"channel {shown(diagnosis.channel)}" if diagnosis.channel else "no messages"
    worst = _worst(diagnosis.on_new)
    if diagnosis.verdict.is_finding and worst is not None and diagnosis.on_new is not None:
        more = diagnosis.on_new.violation_count - 1
        rest = f" (and {more:,} more)" if more else ""
        yield f"{channel}: {describe(worst)}{rest}"
        if lacking := _lacking(diagnosis):
            yield f"{_taken(diagnosis)} of {lacking} results can be recovered"
    else:
        # The calls that are open while somebody is asked, or before the tools run, are no fault.
        yield channel
        if diagnosis.next:
            yield f"a resume runs {nodes(diagnosis.next)}"
    yield from _waiting(diagnosis)
    if diagnosis.broken_by is not None:
        yield f"broken by {_broken(diagnosis.broken_by)}"
    if diagnosis.mended:
        yield "mended before"
    if diagnosis.age is not None:
        yield f"{age_of(diagnosis.age)} old"


def _worst(report: PairingReport | None) -> Violation | None:
    if report is None or not report.violations:
        return None
    return worst_of(report.violations)


def _lacking(diagnosis: ThreadDiagnosis) -> int:
    """How many calls have no result."""
    report = diagnosis.on_new
    if report is None:
        return 0
    kinds = [violation.kind for violation in report.violations]
    return max(sum(kind in _LACKS_A_RESULT for kind in kinds), _taken(diagnosis))


def _taken(diagnosis: ThreadDiagnosis) -> int:
    return len({each.tool_call_id for each in diagnosis.recoverable if not each.is_ambiguous})


def _head(diagnosis: ThreadDiagnosis) -> Iterator[str]:
    parts = [f"checkpoint {shown(diagnosis.checkpoint_id)}"]
    if diagnosis.channel:
        parts.append(f"channel {shown(diagnosis.channel)}")
    if diagnosis.age is not None:
        parts.append(f"{age_of(diagnosis.age)} old")
    if diagnosis.profile:
        parts.append(f"judged under {shown(diagnosis.profile)}")
    if diagnosis.mended:
        parts.append("mended before")
    yield f"  {', '.join(parts)}"


def _resume(diagnosis: ThreadDiagnosis) -> Iterator[str]:
    runs = f"a resume runs {nodes(diagnosis.next)}"
    report = diagnosis.on_resume
    if report is None or not diagnosis.next:
        yield line(runs)
    elif report.ok:
        yield line(f"{runs}, and then {report.summary()}")
    else:
        yield line(f"{runs}, and meets this list:")
        yield _indented(report)


def _waiting(diagnosis: ThreadDiagnosis) -> Iterator[str]:
    if asked := len(diagnosis.questions):
        yield f"{asked:,} {'question waits' if asked == 1 else 'questions wait'} for an answer"
    if diagnosis.errors:
        types = ", ".join(dict.fromkeys(shown(each.type) for each in diagnosis.errors))
        yield f"its last step ended in {types}"


def _recoverable(diagnosis: ThreadDiagnosis, name_id: ShowId) -> Iterator[str]:
    if lacking := _lacking(diagnosis):
        yield f"results that can be recovered: {_taken(diagnosis)} of {lacking}"
    for result in diagnosis.recoverable:
        yield f"  {found_line(result, name_id)}"


def _broken(step: BrokenStep) -> str:
    number = "a step" if step.step is None else f"step {step.step}"
    who = _SOURCES.get(step.source, shown(step.source))
    ran = f" of {nodes(step.nodes)}" if step.nodes else ""
    return f"{number} ({who}{ran}), checkpoint {shown(step.checkpoint_id)}"


def age_of(seconds: float) -> str:
    """Return an age in its largest unit."""
    for name, size in _UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count:,} {name}{'' if count == 1 else 's'}"
    return f"{max(0, int(seconds))} s"
