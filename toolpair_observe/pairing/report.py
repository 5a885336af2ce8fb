"""What a check found: `Violation` and `PairingReport`.

Nothing here holds message content. Ids, tool names, positions and counts are all that a report
carries, so it can be logged, pickled and sent anywhere the host's ids may go. A `Violation` has ids
and names as they are; every text of a report shows them cut, on one line, as nothing but text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.masked import UNKNOWN_MENDER
from toolpair_observe.pairing.shown import clean, line, shown, told
from toolpair_observe.pairing.words import Cause, Effect, ViolationKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolpair_observe.pairing.masked import MaskedResult
    from toolpair_observe.pairing.timeline import Stop

CONTRACT_NAME: Final = "contract"
"""Name of the profile of LangChain's own rule, which judges where no provider is named."""

MAX_VIOLATIONS: Final = 2_000
"""Most violations that a report holds, of which it counts the others, and most made-up results."""


@dataclass(frozen=True, slots=True, repr=False)
class Violation:
    """One breach of the pairing rule.

    Attributes:
        kind: What is wrong.
        effect: What the profile is predicted to do about it.
        cause: Why it probably happened.
        message_index: Position of the offending message in the list that was given, from 0.
        call_message_index: Position of the AI message that made the call, or None.
        tool_call_id: The id on the offending message, as given, or its hash where `hash_ids` is
            on; `""` where there is none.
        tool_name: Name of the tool, or None where the history does not tell.
        expected_error: The provider's (or the integration's) own text as far as it is known,
            with the real ids and positions filled in; `""` where no error is expected.
        lost: What a silent loss does to the data, for example which result is dropped; `""`
            where nothing is lost.
        hint: What to change.
        call_id: For a mismatched result the id of the call that it should have named; `""`
            otherwise.
    """

    kind: ViolationKind
    effect: Effect
    cause: Cause
    message_index: int
    call_message_index: int | None
    tool_call_id: str
    tool_name: str | None
    expected_error: str = ""
    lost: str = ""
    hint: str = ""
    call_id: str = ""

    def __repr__(self) -> str:
        return told(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the violation as JSON-able data, each id and name cut."""
        return {
            "kind": self.kind.value,
            "effect": self.effect.value,
            "cause": self.cause.value,
            "message_index": self.message_index,
            "call_message_index": self.call_message_index,
            "tool_call_id": clean(self.tool_call_id),
            "tool_name": clean(self.tool_name) if self.tool_name else self.tool_name,
            "expected_error": self.expected_error,
            "lost": self.lost,
            "hint": self.hint,
            "call_id": clean(self.call_id),
        }


@dataclass(frozen=True, slots=True, repr=False)
class PairingReport:
    """The verdict on one history under one profile. `print(report)` shows `explain()`.

    Attributes:
        profile: Name of the profile that judged.
        violations: The breaches, in the order of the messages. Of more than 2,000 they are the
            first one of each kind and effect, and the worst ones.
        effect: The worst effect of all, `Effect.CLEAN` where there is no violation.
        message_count: Messages in the history.
        call_count: Tool calls that the client has to answer.
        result_count: Tool results.
        timeline: The messages around the violations, without their content, for `explain()`.
        more_violations: How many more breaches there are than `violations` holds.
        masked: Results that other software made up where the tool's own is missing, the last 2,000
            of them. They change no effect: for the provider the history is what it is. In a live
            request they are told once the model sees one of them for the first time.
        base: Name of the built-in profile whose integration sends, where the one that judged was
            measured; else `""`.
    """

    profile: str
    violations: tuple[Violation, ...]
    effect: Effect
    message_count: int
    call_count: int
    result_count: int
    timeline: tuple[Stop, ...] = field(default=(), repr=False, compare=False)
    more_violations: int = 0
    masked: tuple[MaskedResult, ...] = ()
    base: str = field(default="", repr=False)

    @property
    def violation_count(self) -> int:
        """How many breaches there are, whether `violations` holds them or not."""
        return len(self.violations) + self.more_violations

    @property
    def ok(self) -> bool:
        """Whether the provider is predicted to take the history as it is meant."""
        return not self.effect.is_near_miss

    def summary(self) -> str:
        """Return one line for a log: what is wrong first, where, and what will happen."""
        counts = {
            "message": self.message_count,
            "call": self.call_count,
            "result": self.result_count,
        }
        counted = ", ".join(f"{n} {noun}{'' if n == 1 else 's'}" for noun, n in counts.items())
        made_up = _made_up(self.masked)
        if not self.violations:
            told = f"tool calls and results pair ({counted}; profile {shown(self.profile)})"
            return line(f"{told}{made_up}") if made_up else told
        worst = worst_of(self.violations)
        more = self.violation_count - 1
        rest = f" (and {more} more)" if more else ""
        return line(
            f"INVALID_TOOL_RESULTS: {describe(worst)}{rest}; {self._predicted()}; likely cause "
            f"{worst.cause}; {counted}{made_up}"
        )

    def _predicted(self) -> str:
        if self.profile == CONTRACT_NAME and self.effect is Effect.UNKNOWN:
            return "breaks LangChain's rule (no provider is named)"
        return f"predicted effect {self.effect} under {shown(self.profile)}"

    def explain(self, *, width: int | None = None, color: bool = False) -> str:
        """Return the timeline, what the provider will say, what to do and the likely cause.

        Args:
            width: Columns, at least 60; None for those of the terminal, or 80 where there is none.
            color: Whether to color it for a terminal.
        """
        # Only for people.
        from toolpair_observe.pairing.explain import explain  # noqa: PLC0415
        from toolpair_observe.pairing.terminal import screen  # noqa: PLC0415

        return explain(self, screen=screen(width=width, color=color))

    def _repr_html_(self) -> str:
        from toolpair_observe.pairing.markup import as_html  # noqa: PLC0415 - only for people

        return as_html(self)

    def _repr_markdown_(self) -> str:
        from toolpair_observe.pairing.markup import as_markdown  # noqa: PLC0415 - only for people

        return as_markdown(self)

    def __str__(self) -> str:
        return self.explain()

    def __repr__(self) -> str:
        return told(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-able data without message content, each id and name cut."""
        return {
            "profile": clean(self.profile),
            "effect": self.effect.value,
            "ok": self.ok,
            "message_count": self.message_count,
            "call_count": self.call_count,
            "result_count": self.result_count,
            "violations": [violation.to_dict() for violation in self.violations],
            "more_violations": self.more_violations,
            "masked": [masked.to_dict() for masked in self.masked],
        }

    def raise_for_violations(self) -> None:
        """Raise where the history is a near miss; do nothing where it is accepted.

        Raises:
            InvalidToolResultsError: With this report.
        """
        __tracebackhide__ = True
        if not self.ok:
            from toolpair_observe.errors import InvalidToolResultsError  # noqa: PLC0415 - cycle

            raise InvalidToolResultsError(self)


def _made_up(masked: tuple[MaskedResult, ...]) -> str:
    """Say how many results were made up, and by whom, after what else a line says."""
    if not masked:
        return ""
    who = ", ".join(sorted({shown(each.by) for each in masked}))
    results = "1 result was" if len(masked) == 1 else f"{len(masked)} results were"
    return f"; {results} made up by {who}"


WHAT: Final[dict[ViolationKind, str]] = {
    ViolationKind.MISSING_RESULT: "has no result",
    ViolationKind.ORPHAN_RESULT: "answers no call",
    ViolationKind.DUPLICATE_RESULT: "answers a call that is answered already",
    ViolationKind.MISMATCHED_RESULT: "names an id that no call has, while its call has no result",
    ViolationKind.MISPLACED_RESULT: "does not stand where its call needs it",
    ViolationKind.DUPLICATE_CALL_ID: "shares its id with another call of the same message",
    ViolationKind.REUSED_CALL_ID: "bears the id of an earlier call",
    ViolationKind.MISSING_ID: "has no id",
    ViolationKind.INVALID_ID: "has an id that the provider refuses",
    ViolationKind.SERVER_TOOL_UNPAIRED: "is a provider-executed call without its result",
    ViolationKind.ROLE_ORDER: "stands where the provider does not take its role",
    ViolationKind.UNSUPPORTED_MESSAGE: "stands in a message that the integration cannot convert",
}


def worst_of(violations: Iterable[Violation]) -> Violation:
    """Return the violation with the worst effect: the first of those, of one at least."""
    return min(violations, key=lambda each: each.effect.rank)


def describe(violation: Violation) -> str:
    """Say in one clause what is wrong and where."""
    if not (violation.tool_call_id or violation.tool_name) and (
        violation.kind is ViolationKind.UNSUPPORTED_MESSAGE
    ):
        return (
            f"{violation.kind} at message {violation.message_index}: the integration cannot "
            "convert the message"
        )
    side = "call" if violation.message_index == violation.call_message_index else "result"
    what = WHAT[violation.kind]
    if violation.cause is Cause.CHAT_TEMPLATE:
        if violation.kind is ViolationKind.UNSUPPORTED_MESSAGE:
            what = "is not what the server takes"
        if not violation.tool_call_id:
            side = "message"  # it is about the message as such
    name = f" of tool {shown(violation.tool_name)}" if violation.tool_name else ""
    made = ""
    if side == "result" and violation.call_message_index is not None:
        called = f"call {shown(violation.call_id)}" if violation.call_id else "call"
        made = f" ({called} at message {violation.call_message_index})"
    bearer = f"{side} {shown(violation.tool_call_id)}" if violation.tool_call_id else f"a {side}"
    return f"{violation.kind} at message {violation.message_index}: {bearer}{name}{made} {what}"


def describe_masked(masked: MaskedResult) -> str:
    """Say in one clause which call has no result of its tool, and who made one up."""
    tool = f" of tool {shown(masked.tool_name)}" if masked.tool_name else ""
    call = shown(masked.tool_call_id) or "without an id"
    caller = masked.call_message_index
    made = "" if caller is None else f" (call at message {caller})"
    who = "other software" if masked.by == UNKNOWN_MENDER else shown(masked.by)
    step = f" in step {shown(masked.step)}" if masked.step else ""
    return (
        f"the result at message {masked.message_index} of call {call}{tool}{made} was made up by "
        f"{who}{step}: {masked.kind}, shown by its {masked.evidence}"
    )
