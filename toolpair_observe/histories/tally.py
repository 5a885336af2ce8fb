"""Check histories, count the findings, and compare them with the providers' verdicts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.limits import PREFIX_WORK, UNPREFIXED
from toolpair_observe.histories.values import Unreadable
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.facts import Facts
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.shown import type_name
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from toolpair_observe.histories.reader import History
    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.report import PairingReport, Violation
    from toolpair_observe.pairing.words import ViolationKind

# Profiles of providers that rows call by a name other than the profile's.
PROFILE_OF_PROVIDER: Final[Mapping[str, str]] = {
    "openai": "openai-chat",
    "azure": "azure-openai-chat",
    "google": "google-genai",
    "google-vertex": "google-vertexai",
    "bedrock": "bedrock-converse",
    # DeepSeek's Responses endpoint wants results in place, as its chat endpoint does.
    "deepseek-responses": "deepseek",
}
# Profiles of providers that were reached through another API than their own.
PROFILE_OF_API: Final[Mapping[tuple[str, str], str]] = {
    ("bedrock", "anthropic"): "bedrock-invoke",
    ("bedrock", "openai-responses"): CONTRACT.name,
    ("cohere", "cohere-v1"): CONTRACT.name,
    ("deepseek", "openai-responses"): "deepseek",
    ("google", "openai-chat"): CONTRACT.name,
    ("ollama", "openai-chat"): "openai-compatible",
    ("xai", "openai-responses"): CONTRACT.name,
}
PAIRING_KINDS: Final = frozenset({"missing", "orphan", "duplicate", "mismatched", "misplaced"})

_ERRORS: Final = (Effect.REJECT, Effect.LOCAL_ERROR)


class ProviderVerdict(StrEnum):
    """The provider's recorded verdict on a request."""

    ACCEPTED = "accepted"
    REJECTED_PAIRING = "rejected_pairing"
    REJECTED_OTHER = "rejected_other"


VERDICT_TITLES: Final[Mapping[ProviderVerdict, str]] = {
    ProviderVerdict.ACCEPTED: "accepted by the provider",
    ProviderVerdict.REJECTED_PAIRING: "rejected for its pairing",
    ProviderVerdict.REJECTED_OTHER: "rejected for another reason",
}


class Agreement(StrEnum):
    """How a prediction compares with the provider's verdict."""

    AGREES = "agrees"
    UNDECIDED = "undecided"
    DISAGREES = "disagrees"


@dataclass(frozen=True, slots=True)
class Checked:
    """One request of a history, with its report."""

    history: History
    report: PairingReport

    @property
    def verdict(self) -> ProviderVerdict | None:
        """The provider's verdict, None if the row has none."""
        if self.history.verdict == "accepted":
            return ProviderVerdict.ACCEPTED
        if self.history.verdict is None or self.history.kind is None:
            return None
        is_pairing = self.history.kind in PAIRING_KINDS
        return ProviderVerdict.REJECTED_PAIRING if is_pairing else ProviderVerdict.REJECTED_OTHER

    @property
    def agreement(self) -> Agreement | None:
        """How the prediction compares with the verdict, None if there is no verdict."""
        if self.verdict is None:
            return None
        if self.report.effect is Effect.UNKNOWN:
            return Agreement.UNDECIDED
        predicts_error = self.report.effect in _ERRORS
        if predicts_error == (self.verdict is ProviderVerdict.REJECTED_PAIRING):
            return Agreement.AGREES
        return Agreement.DISAGREES


@dataclass(slots=True)
class Tally:
    """The totals over any number of files.

    Attributes:
        histories: Conversations read.
        requests: Requests checked; a conversation can consist of many.
        messages: Messages of the conversations read.
        effects: Requests by predicted effect.
        profiles: Requests by the profile that judged.
        kinds: Requests by kind of violation and that violation's predicted effect.
        verdicts: Requests by the provider's verdict and how the prediction compares.
        unreadable: Parts of files that could not be read.
    """

    histories: int = 0
    requests: int = 0
    messages: int = 0
    effects: Counter[Effect] = field(default_factory=Counter)
    profiles: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[ViolationKind, Effect]] = field(default_factory=Counter)
    verdicts: Counter[tuple[ProviderVerdict, Agreement]] = field(default_factory=Counter)
    unreadable: int = 0

    @property
    def near_misses(self) -> int:
        """Requests whose predicted effect is neither clean nor accept."""
        return sum(count for effect, count in self.effects.items() if effect.is_near_miss)

    def add_history(self, history: History) -> None:
        """Count one conversation."""
        self.histories += 1
        self.messages += len(history.messages)

    def add_request(self, checked: Checked) -> None:
        """Count one request."""
        report = checked.report
        self.requests += 1
        self.effects[report.effect] += 1
        self.profiles[report.profile] += 1
        self.kinds.update({(found.kind, found.effect) for found in report.violations})
        verdict, agreement = checked.verdict, checked.agreement
        if verdict is not None and agreement is not None:
            self.verdicts[verdict, agreement] += 1

    def to_dict(self) -> dict[str, Any]:
        """Return the totals as JSON-able data."""
        return {
            "histories": self.histories,
            "requests": self.requests,
            "messages": self.messages,
            "near_misses": self.near_misses,
            "unreadable": self.unreadable,
            "effects": {effect.value: self.effects[effect] for effect in Effect},
            "profiles": dict(self.profiles.most_common()),
            "kinds": [
                {"kind": kind.value, "effect": effect.value, "requests": count}
                for (kind, effect), count in self.kinds.most_common()
            ],
            "verdicts": [
                {"verdict": verdict.value, "prediction": agreement.value, "requests": count}
                for (verdict, agreement), count in sorted(self.verdicts.items())
            ],
        }


def profile_for(history: History) -> Profile:
    """Return the profile of the provider that the row names, or the contract if it names none."""
    own = PROFILE_OF_PROVIDER.get(history.provider, history.provider)
    name = PROFILE_OF_API.get((history.provider, history.api), own)
    return PROFILES.get(name, CONTRACT)


def check_requests(
    history: History, profile: Profile | None = None, name_id: Callable[[str], str] = str
) -> Iterator[Checked]:
    """Check every request of a history.

    Args:
        history: The history.
        profile: The profile to check against; None for that of the provider that the row names.
        name_id: Returns what a report has in place of a call's id.

    Raises:
        HistoryFileError: The check failed; the text names the class of the failure. Or the broken
            prefixes of the history take too much work.
    """
    profile = profile or profile_for(history)
    facts = Facts(server_state=history.has_server_state, model=history.model)
    work = 0
    for messages in history.requests():
        if work > PREFIX_WORK:
            msg = (
                f"its broken prefixes have more than {PREFIX_WORK:,} messages, calls and results "
                f"together; the longer ones were not checked: {UNPREFIXED}"
            )
            raise HistoryFileError(msg)
        try:
            report = check(messages, profile, facts, name_id)
        except Exception as error:
            # One bad history must not stop the others, and the error's text may quote content.
            msg = f"the history could not be checked ({type_name(error)})"
            raise HistoryFileError(msg) from error
        if report.violations:
            work += report.message_count + report.call_count + report.result_count
        yield Checked(history, report)


def tally_histories(
    found: Iterator[History | Unreadable],
    tally: Tally,
    profile: Profile | None = None,
    name_id: Callable[[str], str] = str,
) -> Iterator[Checked | Unreadable]:
    """Count the items of `read_histories`, and yield each request and each unreadable part.

    Args:
        found: The items.
        tally: What they are counted in.
        profile: See `check_requests`.
        name_id: Returns what stands in place of an id, of a call or of the row itself.
    """
    for item in found:
        if isinstance(item, Unreadable):
            tally.unreadable += 1
            yield item
            continue
        tally.add_history(item)
        try:
            named = replace(item, name=name_id(item.name))
            for checked in check_requests(named, profile, name_id):
                tally.add_request(checked)
                yield checked
        except HistoryFileError as error:
            tally.unreadable += 1
            yield Unreadable(item.path, item.line, str(error))


class NewViolations:
    """Finds the violations that earlier, shorter requests of the same history did not have."""

    def __init__(self) -> None:
        """Start with the first history."""
        self._history: History | None = None
        self._seen: set[tuple[ViolationKind, int, str]] = set()

    def of(self, checked: Checked) -> list[Violation]:
        """Return the new violations of a request that is a near miss."""
        if checked.history is not self._history:
            self._history, self._seen = checked.history, set()
        if checked.report.ok:
            return []
        # The likely cause of a violation may change as the history grows; the violation does not.
        new = {
            (found.kind, found.message_index, found.tool_call_id): found
            for found in checked.report.violations
        }
        fresh = [found for key, found in new.items() if key not in self._seen]
        self._seen.update(new)
        return fresh
