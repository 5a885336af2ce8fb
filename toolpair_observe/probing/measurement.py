"""What an endpoint answered when it was asked, and what was made of it: plain data.

`asking` gets the answers, `fit` makes rules of them, `file` keeps it all, `profile` judges by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from toolpair_observe.pairing.words import Case


class Verdict(StrEnum):
    """What an endpoint did with one history."""

    ACCEPT = "accept"
    REJECT = "reject"
    SILENT_LOSS = "silent_loss"
    LOCAL_ERROR = "local_error"
    UNSTABLE = "unstable"
    UNTOLD = "untold"


EFFECTS = {
    Verdict.ACCEPT: Effect.ACCEPT,
    Verdict.REJECT: Effect.REJECT,
    Verdict.SILENT_LOSS: Effect.SILENT_LOSS,
    Verdict.LOCAL_ERROR: Effect.LOCAL_ERROR,
}
"""The effect that each verdict shows; `UNSTABLE` and `UNTOLD` show none."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who was asked.

    Attributes:
        host: The host that the model object shows, with its port where it shows one; `""` where the
            integration goes to its own default.
        model: The model as requested.
        integration: The integration's type name (`_type` of the invocation parameters).
        profile: Name of the built-in profile of which the integration's own steps are taken.
    """

    host: str
    model: str
    integration: str
    profile: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What one probe was answered.

    Attributes:
        probe: The probe's name, such as `missing/all_human`.
        history: What was sent, in the short form of `requests`.
        verdict: What came of it.
        text: The endpoint's words of a refusal, cut, on one line, ids blanked; else `""`.
        times: How often it was asked.
    """

    probe: str
    history: str
    verdict: Verdict
    text: str = ""
    times: int = 1


@dataclass(frozen=True, slots=True)
class Learned:
    """What the answers show of one case.

    Attributes:
        effect: What the endpoint does.
        text: Its words, `""` where it says none.
        probes: The probes that show it.
    """

    effect: Effect
    text: str = ""
    probes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LearnedMechanism:
    """A mechanism that explains some of the answers.

    Attributes:
        name: Its name among `pairing.mechanisms.table.MECHANISMS`.
        effect: What the endpoint does where it holds.
        value: The mechanism's number, such as a length; None where it has none.
        text: The endpoint's words, `""` where it says none.
        probes: The probes that it explains.
    """

    name: str
    effect: Effect
    value: int | None = None
    text: str = ""
    probes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """What was made of the answers.

    Attributes:
        cases: Each case that was shown by probes of its own, where cases explain the answers.
        mechanisms: What explains the rest, or all where cases do not.
        elsewhere: `ACCEPT` where all answers are explained, so that what is not named is accepted;
            else `UNKNOWN`.
        unexplained: Probes whose answers nothing explains.
    """

    cases: Mapping[Case, Learned] = field(default_factory=dict)
    mechanisms: tuple[LearnedMechanism, ...] = ()
    elsewhere: Effect = Effect.UNKNOWN
    unexplained: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measurement:
    """An endpoint, its answers, and what was made of them.

    Attributes:
        endpoint: Who was asked.
        asked_on: The day, UTC.
        packages: Versions of the distributions that took part, by name.
        requests: How many requests were sent.
        input_tokens: How many tokens they took, as the endpoint counts; None where it does not say.
        answers: What each probe was answered.
        findings: What was made of the answers.
    """

    endpoint: Endpoint
    asked_on: date
    packages: Mapping[str, str]
    requests: int
    input_tokens: int | None
    answers: tuple[Answer, ...]
    findings: Findings
