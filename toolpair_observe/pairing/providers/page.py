"""A profile as a page for people: what is sent, what each breach leads to, and who has shown it."""

from __future__ import annotations

import re
from string import Formatter
from typing import TYPE_CHECKING, Final

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from toolpair_observe.pairing.check_messages import check_messages
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.profile import Grade
from toolpair_observe.pairing.words import Case, Effect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.pairing.providers.profile import Profile, Row, Rule
    from toolpair_observe.pairing.report import PairingReport

_GRADES: Final = {
    Grade.DOCUMENTED: "documented",
    Grade.REPORTED: "reported",
    Grade.EXECUTED: "executed",
    Grade.MEASURED: "measured",
    Grade.INFERRED: "inferred",
}
_EXAMPLES: Final = {
    "a call without a result, then a new question": "H A(a) H",
    "one of two results missing": "H A(a,b) T(a) H",
    "the history ends with a call": "H A(a)",
    "a result at the head (trimmed)": "T(a) H",
    "a result without a call, after a question": "H T(a) H",
    "a second result for a call": "H A(a) T(a) T(a)",
    "a result with another id": "H A(a) T(x)",
    "a human message between call and result": "H A(a) H T(a)",
    "a system message between call and result": "S H A(a) S T(a)",
    "two AI messages, then both results": "H A(a) A(b) T(a) T(b)",
    "a late result": "H A(a) H A H T(a)",
    "results of one tool in another order": "H A(a,b) T(b) T(a)",
    "an id used again in a later turn": "H A(a) T(a) A(a) T(a)",
    "two calls of one message under one id": "H A(a,a) T(a) T(a)",
    "a call with bad arguments, answered": "H A(!a) T(a)",
    "a call with bad arguments, unanswered": "H A(!a) H",
    "empty ids": "H A(-) T()",
}
# What a text from outside could be in a page: HTML, a link, code.
_MARKUP: Final = re.compile(r"[<>`\[\]*\\]")
_TICKS: Final = re.compile("`+")


def profile_page(profile: Profile, note: str) -> str:
    """Return a profile's page.

    Args:
        profile: What the page is about.
        note: Who made the page, as a line of it.
    """
    return "\n".join(
        [
            f"# {plain(profile.name)}",
            "",
            note,
            "",
            f"{plain(profile.title[0].upper())}{plain(profile.title[1:])}.",
            "",
            *_facts(profile),
            "",
            *_examples(profile),
            *_steps(profile),
            *_rules(profile),
            *_demands(profile),
            *(line for row in profile.rows for line in _row(profile, row)),
        ]
    )


def example_effect(profile: Profile, title: str) -> Effect:
    """Return what a profile does with one of the histories that each page shows."""
    return _report(profile, _EXAMPLES[title]).effect


def row_of(*cells: str) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(map(_cell, cells))} |"


def plain(text: str) -> str:
    """Return a text from outside so that it is nothing but text in a page."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", text)


def code(text: str) -> str:
    """Return a text from outside as code, which nothing in it can end."""
    if not text:
        return ""
    ticks = "`" * (1 + max(map(len, _TICKS.findall(text)), default=0))
    blank = " " if len(ticks) > 1 else ""
    return f"{ticks}{blank}{text}{blank}{ticks}"


def _messages(example: str) -> list[BaseMessage]:
    """Read `H A(a,!b) T(a)`: speakers, ids, and `!` before a call with bad arguments."""
    return [_message(word[0], word[2:-1].split(",")) for word in example.split()]


def _with_long_ids(example: str) -> str:
    """Give each id nine letters, as what an endpoint was asked with has."""
    return re.sub("[a-z]", lambda found: 9 * found[0], example)


def _message(speaker: str, ids: list[str]) -> BaseMessage:
    if speaker == "T":
        return ToolMessage("18 degrees", tool_call_id=ids[0])
    if speaker == "A":
        given = ids if len(ids) > 1 or ids[0] else []
        return AIMessage("" if given else "Well.", **_calls(given))
    return (HumanMessage if speaker == "H" else SystemMessage)("Go on.")


def _calls(ids: list[str]) -> dict[str, list[dict[str, object]]]:
    named = [(id_.lstrip("!-"), id_.startswith("!")) for id_ in ids]
    return {
        "tool_calls": [
            {"name": "get_weather", "args": {}, "id": id_} for id_, is_bad in named if not is_bad
        ],
        "invalid_tool_calls": [
            {"name": "get_weather", "args": "{", "id": id_, "error": None}
            for id_, is_bad in named
            if is_bad
        ],
    }


def _report(profile: Profile, example: str) -> PairingReport:
    # A demand on ids would hide all others.
    return check_messages(_messages(_with_long_ids(example) if profile.base else example), profile)


def _examples(profile: Profile) -> Iterator[str]:
    yield "## The effect of each history"
    yield ""
    yield "H human, A AI with its calls (`!` bad arguments), T result, S system."
    yield ""
    yield "| history | | effect | lost data or error text |"
    yield "| --- | --- | --- | --- |"
    for title, example in _EXAMPLES.items():
        report = _report(profile, example)
        worst = min(report.violations, key=lambda v: v.effect is not report.effect, default=None)
        consequence = (worst.lost or worst.expected_error) if worst else ""
        # A measured endpoint may say anything.
        told = code(consequence) if profile.base else consequence
        yield row_of(title, f"`{example}`", f"**{report.effect}**", told)
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|") or "-"


def _facts(profile: Profile) -> Iterator[str]:
    yield f"- package: `{profile.package}`" if profile.package else "- package: any"
    if profile.client:
        yield f"- the underlying client, whose version decides: `{profile.client}`"
    yield (
        f"- `gen_ai.provider.name`: `{profile.provider}`"
        if profile.provider
        else ("- `gen_ai.provider.name`: not known")
    )
    yield f"- sent as calls: {', '.join(sorted(profile.calls))}"
    yield f"- sent as results: {', '.join(sorted(profile.results))}"
    if profile.id_max or profile.id_pattern:
        length = f"at most {profile.id_max} characters" if profile.id_max else ""
        pattern = f"only `[{profile.id_pattern}]`" if profile.id_pattern else ""
        yield f"- ids: {' and '.join(filter(None, (length, pattern)))}"
    if profile.pairs_anywhere:
        yield "- pairs by id over the whole request, in any position"
    if not profile.ids_matter:
        yield "- does not refuse an empty id as such"


def _steps(profile: Profile) -> Iterator[str]:
    if not profile.steps:
        return
    yield "## What the integration does before the request leaves"
    yield ""
    for number, step in enumerate(profile.steps, start=1):
        summary = step.says.rstrip(".")
        yield f"{number}. {summary[0].lower()}{summary[1:]}"
    yield ""


def _rules(profile: Profile) -> Iterator[str]:
    if not profile.rules:
        if not profile.demands:
            yield "It refuses nothing; the steps above list its silent changes."
            yield ""
        return
    yield "## What the provider does with a breach"
    yield ""
    yield "| breach | kind | effect | evidence | source | the provider's error text |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for case in Case:
        rule = profile.rules.get(case)
        if rule is not None:
            yield row_of(case.value, f"`{case.kind}`", *_evidence(profile, rule))
    yield ""
    yield "A breach that is not listed is accepted."
    yield ""
    yield from _open_questions(profile)


def _demands(profile: Profile) -> Iterator[str]:
    if not profile.demands:
        return
    yield "## What the server asks of the turns that reach it"
    yield ""
    yield "| what is asked | where it is not met | evidence | source | the server's error text |"
    yield "| --- | --- | --- | --- | --- |"
    for each in profile.demands:
        yield row_of(each.says, *_evidence(profile, each.rule))
    yield ""


def _evidence(profile: Profile, rule: Rule) -> tuple[str, str, str, str]:
    """The effect, how well it is known, from where, and the words."""
    parts = Formatter().parse(rule.text)
    words = "".join(said + (f"{{{name}}}" if name else "") for said, name, _, _ in parts)
    source = rule.source
    if profile.base:
        source, words = plain(source), code(words)
    return f"**{rule.effect}**", _GRADES[rule.grade], source, words


def _open_questions(profile: Profile) -> Iterator[str]:
    """Say what is not known, and what would settle it."""
    rules = profile.rules.values()
    unknown = [rule for rule in rules if rule.effect is Effect.UNKNOWN]
    if not unknown or profile is CONTRACT:
        return
    counted = f"{len(unknown)} of these {len(rules)} are `unknown`"
    if profile.base:
        yield (
            f"{counted}: no probe can ask it, or the answers do not settle it, so no refusal is "
            "predicted."
        )
    else:
        yield (
            f"{counted}: no documentation, no reported error text and no execution shows what the "
            "provider does, so no refusal is predicted. Sending such a history to the endpoint "
            "settles it."
        )
    yield ""


def _row(profile: Profile, row: Row) -> Iterator[str]:
    conditions = [
        f"`{profile.versioned}` before {row.before}" if row.before else "",
        f"models that match `{row.models}`" if row.models else "",
    ]
    yield f"## With {' and '.join(filter(None, conditions))}"
    yield ""
    yield from _facts(row.profile)
    yield ""
    if row.profile.steps != profile.steps:
        yield from _steps(row.profile)
    if row.profile.demands != profile.demands:
        yield from _demands(row.profile)
    if row.profile.rules != profile.rules:
        yield from _rules(row.profile)
