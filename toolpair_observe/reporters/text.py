"""Make strings of unknown origin safe to export and to log."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.refusals.fault import Fault

if TYPE_CHECKING:
    from toolpair_observe.observation import Observation
    from toolpair_observe.pairing.report import PairingReport

MAX_TEXT: Final = 256
MAX_LINE: Final = 2000
_HASH_DIGITS: Final = 16


def clean(text: str) -> str:
    """Return `text` bounded in length and encodable.

    Ids, tool names and model names come out of histories and configurations. A lone surrogate in
    one of them would make an exporter drop the attribute, and a Prometheus scrape fail as a whole.

    Args:
        text: Any string.

    Returns:
        At most `MAX_TEXT` characters of it, with what UTF-8 cannot carry replaced.
    """
    if len(text) > MAX_TEXT:
        text = f"{text[: MAX_TEXT - 1]}…"
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def shown_id(identifier: str, *, hashed: bool) -> str:
    """Return an id as it may be shown.

    The same id has the same hash wherever it is shown, so spans, events and log lines can still
    be tied together.

    Args:
        identifier: A tool call id or a conversation id, as given.
        hashed: Whether ids have to be hashed (`Settings.hash_ids`).

    Returns:
        The id, bounded and encodable, or its hash. `""` stays `""`.
    """
    if not hashed or not identifier:
        return clean(identifier)
    digest = sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()
    return f"sha256:{digest[:_HASH_DIGITS]}"


def one_line(text: str) -> str:
    """Return `text` without line breaks and other control characters.

    Otherwise an id with a line break in it could forge a log line.

    Args:
        text: A line made of parts of unknown origin.

    Returns:
        At most `MAX_LINE` characters of it, each unprintable one replaced by a space.
    """
    if len(text) > MAX_LINE:
        text = f"{text[: MAX_LINE - 1]}…"
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else " " for each in text)


def without_ids(report: PairingReport) -> PairingReport:
    """Return the report with its tool call ids hashed, for a summary that may be shown."""
    return replace(
        report,
        violations=tuple(
            replace(
                violation,
                tool_call_id=shown_id(violation.tool_call_id, hashed=True),
                call_id=shown_id(violation.call_id, hashed=True),
            )
            for violation in report.violations
        ),
    )


def escape(observation: Observation) -> str:
    """Return what an escape says, and who has to change something."""
    report = observation.report
    said = (
        f"the provider refused a history that the check called {report.effect}; its error says "
        f"{observation.named_kind}"
    )
    if observation.escape_fault == Fault.SERVER:
        return (
            f"{said}. The history keeps LangChain's contract, so what answers behind profile "
            f"{report.profile} lost a pair or wants more than pairs"
        )
    return f"{said}. Profile {report.profile} lacks a rule"
