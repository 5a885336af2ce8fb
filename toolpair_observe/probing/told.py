"""Plans, results and changes for people, in few lines, and as values for programs."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.mechanisms.table import MECHANISMS
from toolpair_observe.pairing.shown import line, shown
from toolpair_observe.pairing.words import Effect
from toolpair_observe.probing.layout import case_name
from toolpair_observe.probing.measurement import EFFECTS, Verdict
from toolpair_observe.probing.requests import messages_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.probing.compare import AnswerChange
    from toolpair_observe.probing.measurement import Answer, Endpoint, Findings, Measurement
    from toolpair_observe.probing.requests import Probe

_WIDTH: Final = 80
# All lines on what it does, and those that each of refusing, losing and accepting has in any case.
_MOST_ITEMS: Final = 10
_LEAST_ITEMS: Final = 2
_MOST_CHANGES: Final = 20
_HEADS: Final = {
    Verdict.REJECT: "refuses",
    Verdict.SILENT_LOSS: "loses a result without a word",
    Verdict.LOCAL_ERROR: "is not reached, since its integration raises",
    Verdict.ACCEPT: "accepts",
}
_WORDS: Final = {
    Verdict.ACCEPT: "accepts it",
    Verdict.REJECT: "refuses it",
    Verdict.SILENT_LOSS: "loses a result",
    Verdict.LOCAL_ERROR: "raises in the integration",
    Verdict.UNSTABLE: "answers now so, now so",
    Verdict.UNTOLD: "not told",
}


def whom(host: str, model: str) -> str:
    """Return whom a request goes to."""
    return f"{shown(model) or 'a model without a name'} at {shown(host) or 'the default host'}"


def asked_through(endpoint: Endpoint) -> str:
    """Return whom a request goes to, and through what."""
    through = f"{shown(endpoint.integration)}, profile {shown(endpoint.profile)}"
    return f"{whom(endpoint.host, endpoint.model)} through {through}"


# --- A plan --------------------------------------------------------------------------------------


def plan_lines(
    endpoint: Endpoint,
    costs: Mapping[str, Any],
    asked: Sequence[Probe],
    *,
    goes_on: bool = True,
) -> list[str]:
    """Return a plan as lines: who would be asked, how much, and with what.

    Args:
        endpoint: Who would be asked.
        costs: `requests` and `input_tokens`.
        asked: What would be asked.
        goes_on: Whether more may be asked.
    """
    more = ", and more where explanations stay open," if goes_on else ""
    lines = [
        f"asks      {whom(endpoint.host, endpoint.model)}",
        f"through   {shown(endpoint.integration)}, profile {shown(endpoint.profile)}",
        f"sends     {len(asked):,} made-up histories{more}",
        f"          in about {costs['requests']:,} requests at most",
        f"          with about {round(costs['input_tokens'], -2):,} input tokens at most",
    ]
    if asked:
        example = next((each for each in asked if not each.name.startswith("sound/")), asked[0])
        lines += [f"one is    {shown(example.name)}: {line(example.history)}"]
        lines += [f"            {_message(each)}" for each in messages_of(example.history)]
    return [*lines, "Nothing of yours is sent: no message, no tool, no name."]


def _message(message: BaseMessage) -> str:
    calls = getattr(message, "tool_calls", [])
    named = ", ".join(f"call {each['id']} of {each['name']}" for each in calls)
    of = f" for {answers}" if (answers := getattr(message, "tool_call_id", "")) else ""
    text = f"{message.type}{of}: {', '.join(filter(None, [str(message.content), named]))}"
    return textwrap.shorten(line(text), _WIDTH - 12, placeholder="…")


# --- A result ------------------------------------------------------------------------------------


def result_lines(measurement: Measurement, *, is_complete: bool, sees_losses: bool) -> list[str]:
    """Return a result as at most 20 lines.

    Args:
        measurement: The answers, and what was made of them.
        is_complete: Whether all was asked.
        sees_losses: Whether a loss would have been seen.
    """
    endpoint, answers = measurement.endpoint, measurement.answers
    counts = Counter(answer.verdict for answer in answers)
    lines = textwrap.wrap(f"{whom(endpoint.host, endpoint.model)}:", _WIDTH, max_lines=2)
    left = _MOST_ITEMS
    heads = [verdict for verdict in _HEADS if counts[verdict]]
    for number, verdict in enumerate(heads, 1):
        room = left - _LEAST_ITEMS * (len(heads) - number)
        items = _fitting(list(_items(measurement.findings, verdict)), room)
        left -= len(items)
        count = f"({counts[verdict]:,} of {len(answers):,} histories)"
        lines += [f"{_HEADS[verdict]} {count}", *items]
    lines += _unsettled(measurement, is_complete=is_complete)
    if not sees_losses:
        lines.append(
            "no loss was to be seen: tokens are not counted, or each history was sent once"
        )
    return [*lines, spent(measurement)]


def _fitting(items: Sequence[str], most: int) -> list[str]:
    """Return the lines of as many items as fit, and how many are left."""
    lines: list[str] = []
    for number, item in enumerate(items):
        more = _item(item)
        if len(lines) + len(more) + (number < len(items) - 1) > most:
            return [*lines, f"  - {len(items) - number:,} more, which --explain lists"]
        lines += more
    return lines


def _items(findings: Findings, verdict: Verdict) -> Iterator[str]:
    """Yield, in words, when an endpoint does something."""
    effect = EFFECTS[verdict]
    for each in findings.mechanisms:
        if each.effect is effect and each.name in MECHANISMS:
            says = MECHANISMS[each.name].says.format(value=each.value)
            yield f"whatever breaks this demand: {says[0].lower()}{says[1:]}"
    for case, learned in findings.cases.items():
        if learned.effect is effect:
            yield case.value
    if effect is findings.elsewhere:
        yield "whatever else is not named here"


def _item(text: str) -> list[str]:
    return textwrap.wrap(
        line(text),
        _WIDTH,
        initial_indent="  - ",
        subsequent_indent="    ",
        max_lines=3,
        placeholder="…",
    )


def _unsettled(measurement: Measurement, *, is_complete: bool) -> Iterator[str]:
    answers, findings = measurement.answers, measurement.findings
    for verdict, head in (
        (Verdict.UNSTABLE, "answered now so, now so"),
        (Verdict.UNTOLD, "not answered"),
    ):
        if names := [answer.probe for answer in answers if answer.verdict is verdict]:
            yield f"{head}: {_names(names)}"
    explained = len(answers) - len(findings.unexplained)
    what = f": {_names(findings.unexplained)} not" if findings.unexplained else ""
    yield f"explained: {explained:,} of {len(answers):,} answers{what}"
    if not is_complete:
        yield "not all was asked: what was not, and what is not explained, is unknown"
    elif findings.elsewhere is not Effect.ACCEPT:
        yield "whatever nothing here speaks of is unknown"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - 2:,} more" if len(names) > 2 else ""  # noqa: PLR2004 - two fit
    return f"{', '.join(map(shown, names[:2]))}{more}"


def spent(measurement: Measurement) -> str:
    """Return what the asking has taken."""
    tokens = measurement.input_tokens
    told = "tokens are not told" if tokens is None else f"{tokens:,} input tokens"
    return f"spent: {measurement.requests:,} requests, {told}"


def as_dict(measurement: Measurement) -> dict[str, Any]:
    """Return a measurement as JSON-able values."""
    findings = measurement.findings
    return {
        **asdict(measurement.endpoint),
        "asked_on": measurement.asked_on.isoformat(),
        "packages": dict(measurement.packages),
        "requests": measurement.requests,
        "input_tokens": measurement.input_tokens,
        "answers": [asdict(answer) for answer in measurement.answers],
        "cases": [
            {"case": case_name(case), **asdict(learned)} for case, learned in findings.cases.items()
        ],
        "mechanisms": [asdict(each) for each in findings.mechanisms],
        "elsewhere": findings.elsewhere,
        "unexplained": list(findings.unexplained),
    }


# --- Changes -------------------------------------------------------------------------------------


def change_lines(changed: Sequence[AnswerChange]) -> list[str]:
    """Return what is different now, each probe with what came of it then and now."""
    lines = [each for change in changed[:_MOST_CHANGES] for each in _change(change)]
    if len(changed) > _MOST_CHANGES:
        lines.append(f"and {len(changed) - _MOST_CHANGES:,} more, which --json lists")
    return lines


def _change(change: AnswerChange) -> Iterator[str]:
    yield line(f"{_kind(change)}: {change.before.probe}, {change.before.history}")
    for when, answer in (("then", change.before), ("now", change.after)):
        yield from textwrap.wrap(
            line(f"{when:<5} {_answer(answer)}"),
            _WIDTH,
            initial_indent="  ",
            subsequent_indent=" " * 8,
            max_lines=3,
            placeholder="…",
        )


def _kind(change: AnswerChange) -> str:
    if change.is_of_verdict:
        return "changed"
    if change.is_lost:
        return "not told"
    return "other words" if change.is_told else "not told then"


def _answer(answer: Answer) -> str:
    words = f": {answer.text}" if answer.text else ""
    return f"{_WORDS[answer.verdict]}{words}"


def change_dict(change: AnswerChange) -> dict[str, Any]:
    """Return a change as JSON-able values."""
    return {
        "probe": change.before.probe,
        "history": change.before.history,
        "changed": change.is_of_verdict,
        "before": {"verdict": change.before.verdict, "text": change.before.text},
        "after": {"verdict": change.after.verdict, "text": change.after.text},
    }
