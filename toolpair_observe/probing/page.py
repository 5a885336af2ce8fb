"""The page of a measurement: what docs/providers says of others, and each answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.providers.page import code, plain, profile_page, row_of
from toolpair_observe.pairing.shown import line
from toolpair_observe.pairing.words import Effect
from toolpair_observe.probing.profile import measured_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.probing.measurement import Answer, Measurement

_NOTE: Final = (
    "<!-- Made by `toolpair-observe probe --explain` from what one endpoint answered. -->"
)
_LETTERS: Final = (
    "H human, S system, A AI text, A(x) AI with the call x, `!` behind it bad arguments, T(x) "
    "result for x, `-` no id."
)


def page_of(measurement: Measurement) -> str:
    """Return the page of an endpoint that was asked, as Markdown in the form of docs/providers."""
    return "\n".join(
        [
            profile_page(measured_profile(measurement), _NOTE),
            *_asked(measurement),
            *_answers(measurement.answers),
            *_unexplained(measurement),
        ]
    )


def _asked(measurement: Measurement) -> Iterator[str]:
    endpoint = measurement.endpoint
    tokens = measurement.input_tokens
    packages = (
        f"{code(line(name))} {plain(line(version))}"
        for name, version in sorted(measurement.packages.items())
    )
    yield "## Who was asked"
    yield ""
    yield f"- host: {code(line(endpoint.host)) or 'where the integration goes by default'}"
    yield f"- model: {code(line(endpoint.model)) or 'not named'}"
    yield f"- integration: {code(line(endpoint.integration)) or 'not named'}"
    yield f"- its steps are those of: `{endpoint.profile}`"
    yield f"- asked on: {measurement.asked_on}"
    yield f"- requests: {measurement.requests:,}"
    yield f"- input tokens: {'not told' if tokens is None else f'{tokens:,}'}"
    yield f"- packages: {', '.join(packages) or 'not told'}"
    yield ""


def _answers(answers: tuple[Answer, ...]) -> Iterator[str]:
    yield "## What it answered"
    yield ""
    yield _LETTERS
    yield ""
    yield "| probe | history | answer | asked | its words |"
    yield "| --- | --- | --- | --- | --- |"
    for each in answers:
        yield row_of(
            plain(line(each.probe)),
            code(line(each.history)),
            f"**{each.verdict}**",
            "once" if each.times == 1 else f"{each.times:,} times",
            code(line(each.text)),
        )
    yield ""


def _unexplained(measurement: Measurement) -> Iterator[str]:
    findings = measurement.findings
    yield "## What stayed unexplained"
    yield ""
    for each in findings.unexplained:
        yield f"- {plain(line(each))}"
    if not findings.unexplained:
        yield "Nothing: rules and demands explain each answer that was told."
    yield ""
    if findings.elsewhere is Effect.UNKNOWN:
        yield "So what no rule and no demand names is `unknown`, and no refusal of it is predicted."
        yield ""
