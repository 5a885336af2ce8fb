"""Whose fault it is that a history which the check had passed was refused for its pairing."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from toolpair_observe.pairing.refusals.recognize import Rejection
    from toolpair_observe.pairing.report import PairingReport


class Fault(StrEnum):
    """Who has to change something, so that it does not happen again."""

    CHECK = "check"
    SERVER = "server"


# Profiles that say how an integration sends a history, and not who answers: a gateway, whatever
# server somebody runs, a host that passes on to others, or nobody knows.
STAND_FOR_OTHERS: Final = frozenset(
    {
        "contract",
        "huggingface",
        "litellm",
        "nvidia",
        "ollama",
        "openai-compatible",
        "openrouter",
    }
)


def fault_of(rejection: Rejection, report: PairingReport, *, identified: bool) -> Fault:
    """Return whose fault an escape is.

    The rule: a server broke a sound history where the history keeps LangChain's contract, so that
    the report has no violation at all, and either the refusal is a converter's or a chat
    template's own sentence, which no first-party API says, or what answers is not a known
    provider's own API (a gateway, a self-hosted server, a model that was not identified). Then the
    pair was lost behind the wire, or a template wants more than pairs, and no rule of a profile
    could have known. In every other case the check should have known: a provider that we know by
    name refused what its profile passes, or the profile passed a breach of the contract. So should
    a measured profile: it was made of what this very endpoint answers.

    Args:
        rejection: What the provider's error says.
        report: The verdict on the history.
        identified: Whether the provider is known.
    """
    if report.violations or report.base:
        return Fault.CHECK
    is_first_party = identified and report.profile not in STAND_FOR_OTHERS
    return Fault.CHECK if is_first_party and not rejection.by_converter else Fault.SERVER
