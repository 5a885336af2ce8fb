"""The closer look: what a history that is not plainly sound has, under a profile."""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.cause_signs import hint_of
from toolpair_observe.pairing.causes import cause_of, sign_behind
from toolpair_observe.pairing.expected_error import Places, expected_error
from toolpair_observe.pairing.facts import NO_FACTS, Facts
from toolpair_observe.pairing.masked_find import masked_in
from toolpair_observe.pairing.predict import predict
from toolpair_observe.pairing.reading import read_transcript
from toolpair_observe.pairing.report import MAX_VIOLATIONS, PairingReport, Violation
from toolpair_observe.pairing.scene import Scene
from toolpair_observe.pairing.shown import line, said, shown
from toolpair_observe.pairing.timeline import timeline
from toolpair_observe.pairing.transcript import NotReadError
from toolpair_observe.pairing.window import read_window
from toolpair_observe.pairing.words import Cause, Effect, ViolationKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.predict import Breach
    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.shown import ShowId
    from toolpair_observe.pairing.transcript import Transcript


def look_closer(
    messages: Sequence[BaseMessage],
    profile: Profile,
    facts: Facts,
    rename: Callable[[str], str],
    *,
    only_fresh: bool,
) -> PairingReport:
    """Read a history, or what its breaches depend on, and judge it. See `check`."""
    window = read_window(messages, profile, facts)
    if window is not None:
        try:
            return judge(window, profile, facts, rename, only_fresh=only_fresh)
        except NotReadError:
            pass
    return judge(read_transcript(messages), profile, facts, rename, only_fresh=only_fresh)


def judge(
    transcript: Transcript,
    profile: Profile,
    facts: Facts = NO_FACTS,
    rename: Callable[[str], str] = str,
    *,
    only_fresh: bool = False,
) -> PairingReport:
    """Judge a history that has been read already. See `check`."""

    def show_id(identifier: str) -> str:
        return shown(rename(identifier))

    profile = profile.row(facts)
    given, breaches, turns, sent, filled = predict(transcript, profile, facts)
    scene = Scene(transcript.entries, given, transcript.left_out)
    places = Places(transcript, sent, filled)
    effects = [breach.effect for breach in breaches]
    held = _foremost(breaches, effects)
    violations = tuple([_violation(each, scene, places, rename, show_id) for each in held])
    left_out = transcript.left_out.call_count if transcript.left_out is not None else 0
    masked = masked_in(transcript.entries, rename)
    if only_fresh and not any(each.fresh for each in masked):
        masked = ()
    return PairingReport(
        profile=profile.name,
        violations=violations,
        effect=Effect.worst(*effects),
        message_count=len(transcript.entries),
        call_count=left_out + sum([len(turn.calls) for turn in turns]),
        result_count=left_out + sum([len(turn.results) for turn in turns]),
        timeline=timeline(transcript.entries, violations, masked, show_id),
        more_violations=len(breaches) - len(held),
        masked=masked,
        base=profile.base,
    )


def _foremost(breaches: list[Breach], effects: list[Effect]) -> list[Breach]:
    """As many breaches as a report holds: one of each kind and effect, then the worst ones."""
    if len(breaches) <= MAX_VIOLATIONS:
        return breaches
    firsts: dict[tuple[ViolationKind, Effect], int] = {}
    for place, breach in enumerate(breaches):
        firsts.setdefault((breach.finding.case.kind, effects[place]), place)
    leading = set(firsts.values())
    kept = nsmallest(
        MAX_VIOLATIONS,
        range(len(breaches)),
        key=lambda place: (place not in leading, effects[place].rank),
    )
    return [breaches[place] for place in sorted(kept)]


# An id of the provider's own tools says more than that nothing answers it.
_SAID_BY_CAUSE = {Cause.SERVER_TOOL_AS_CALL: ViolationKind.SERVER_TOOL_UNPAIRED}


def _violation(
    breach: Breach,
    scene: Scene,
    places: Places,
    rename: Callable[[str], str],
    show_id: ShowId,
) -> Violation:
    finding = breach.finding
    cause = cause_of(finding, scene)
    call, result = finding.call, finding.result
    offender = call if result is None else result
    return Violation(
        kind=_SAID_BY_CAUSE.get(cause, finding.case.kind),
        effect=breach.effect,
        cause=cause,
        message_index=finding.index,
        call_message_index=call.index if call else None,
        tool_call_id=rename(offender.id) if offender else "",
        tool_name=(call and call.name) or (result and result.name) or None,
        expected_error=line(expected_error(breach, scene.pairing, places, show_id)),
        lost=line(_lost(breach, show_id)) if breach.notes or breach.met else "",
        hint=hint_of(cause, sign_behind(finding, scene), finding.case),
        call_id=rename(call.id) if call and result and call.id != result.id else "",
    )


# Where a rule says so, nothing but the endpoint has shown it.
_LOST_BY_SERVER: Final = "the server leaves it out of what the model reads"


def _lost(breach: Breach, show_id: ShowId) -> str:
    lost = [note for note in breach.notes if note.effect is Effect.SILENT_LOSS]
    if not lost and breach.effect is Effect.SILENT_LOSS:
        return _LOST_BY_SERVER
    return "; ".join(said(note.text, show_id) for note in lost)
