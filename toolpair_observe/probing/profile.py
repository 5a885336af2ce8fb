"""The profile that a measurement makes: the integration's own steps, and what was measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.mechanisms.table import MECHANISMS
from toolpair_observe.pairing.providers.measured import Measured
from toolpair_observe.pairing.providers.profile import Demand, Grade, Row, Rule
from toolpair_observe.pairing.providers.rules import unknown
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.shown import line, shown
from toolpair_observe.pairing.words import Case, Effect
from toolpair_observe.probing.base import base_of
from toolpair_observe.probing.measurement import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.probing.measurement import (
        Findings,
        Learned,
        LearnedMechanism,
        Measurement,
    )

# What no probe has: blocks, tools of the provider's own, several tools.
OUT_OF_REACH: Final = frozenset(
    {
        Case.CALL_NOT_SENT,
        Case.CALL_SENT_TWICE,
        Case.CONTENT_AFTER_CALL,
        Case.RESULT_IN_AI_TURN,
        Case.RESULT_OF_OTHER_TOOL,
        Case.RESULT_WITHOUT_NAME,
        Case.SERVER_RESULT_UNPAIRED,
        Case.SERVER_TOOL_UNPAIRED,
        Case.UNDOCUMENTED_ID,
        Case.UNSUPPORTED_CALL,
        Case.UNSUPPORTED_CLASS,
        Case.UNSUPPORTED_RESULT,
    }
)
_SAYS: Final = frozenset({Effect.REJECT, Effect.LOCAL_ERROR})
# A person reads a few.
_MOST_NAMED: Final = 4


def measured_profile(measurement: Measurement, path: str = "") -> Profile:
    """Return the profile of an endpoint that was asked.

    It has the steps of the built-in profile that sends to it, and its local errors; of the server
    it knows what was measured and nothing else. What was asked and not explained is unknown.

    Args:
        measurement: The endpoint's answers, and what was made of them.
        path: The file that it was read from, as it was given; `""` where it was read from none.

    Raises:
        KeyError: There is no such built-in profile, or no such mechanism.
    """
    endpoint = measurement.endpoint
    base = PROFILES[endpoint.profile]
    on = f"measured on {measurement.asked_on}"
    findings = measurement.findings
    unstable = {each.probe for each in measurement.answers if each.verdict is Verdict.UNSTABLE}
    return _with(
        base_of(base),
        _elsewhere(findings, on),
        {case: _rule(each, on, unstable) for case, each in findings.cases.items()},
        name=f"measured:{shown(endpoint.host) or base.name}/{shown(endpoint.model)}",
        title=_title(measurement),
        provider=base.provider,
        demands=tuple(
            Demand(MECHANISMS[each.name], _rule(each, on, unstable), each.value or 0)
            for each in findings.mechanisms
        ),
        base=base.name,
        measured=Measured(
            endpoint.host, endpoint.model, endpoint.integration, measurement.asked_on, path
        ),
    )


def _title(measurement: Measurement) -> str:
    endpoint = measurement.endpoint
    where = shown(endpoint.host) or f"that {shown(endpoint.integration)} goes to by default"
    return (
        f"the endpoint {where} with the model {shown(endpoint.model)}, as measured on "
        f"{measurement.asked_on}"
    )


def _with(
    profile: Profile,
    elsewhere: Rule,
    learned: Mapping[Case, Rule],
    **others: Any,  # noqa: ANN401 -- fields of a profile
) -> Profile:
    """Add what was measured to what is left of a profile, in each of its rows."""
    # An error of the integration's own is none of the endpoint's: only having been seen not to
    # come ends it.
    raised = {
        case: rule for case, rule in profile.rules.items() if rule.effect is Effect.LOCAL_ERROR
    }
    return replace(
        profile,
        rules={
            **dict.fromkeys(profile.rules.keys() - OUT_OF_REACH, elsewhere),
            **{case: profile.rules[case] for case in profile.rules.keys() & OUT_OF_REACH},
            **raised,
            **learned,
        },
        rows=tuple(
            Row(_with(row.profile, elsewhere, learned, **others), row.before, row.models)
            for row in profile.rows
        ),
        **others,
    )


def _elsewhere(findings: Findings, on: str) -> Rule:
    """The rule of the cases that no finding names."""
    if findings.elsewhere is Effect.ACCEPT:
        return Rule(Effect.ACCEPT, Grade.MEASURED, f"{on}: nothing against it")
    return unknown(f"{on}: not explained")


def _rule(learned: Learned | LearnedMechanism, on: str, unstable: AbstractSet[str]) -> Rule:
    more = len(learned.probes) - _MOST_NAMED
    named = [shown(each) for each in learned.probes[:_MOST_NAMED]]
    source = f"{on}: {', '.join(named)}{f' and {more} more' if more > 0 else ''}"
    if learned.effect is Effect.UNKNOWN and unstable.isdisjoint(learned.probes):
        # Nothing was shown, as against both the one and the other.
        return unknown(source)
    # What is no placeholder of ours is to be none.
    text = line(learned.text).replace("{", "{{").replace("}", "}}")
    return Rule(learned.effect, Grade.MEASURED, source, text if learned.effect in _SAYS else "")
