"""What an integration sends: the turns after its merging, dropping and moving.

Each step mirrors one thing that integrations do to a history before the request leaves. A profile
lists its steps in order. Steps change the turns and note what the model will no longer see as it
was given (`lose`), where the integration raises (`fail`) or where the server refuses (`refuse`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolpair_observe.pairing.words import Case, Effect

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolpair_observe.pairing.facts import Facts
    from toolpair_observe.pairing.first_look import Trait
    from toolpair_observe.pairing.shown import Words
    from toolpair_observe.pairing.transcript import Call, Result, Transcript
    from toolpair_observe.pairing.turns import Finding, Pairing, Turn


@dataclass(slots=True)
class Note:
    """Something that a step does to a call, result or message, or an error that it raises.

    Attributes:
        case: The breach that this amounts to where the history is sound otherwise; None for what
            matters only where it is not.
        effect: `SILENT_LOSS`, `LOCAL_ERROR`, `REJECT`, or `UNKNOWN` for what could not be told.
        text: What is lost, or the error.
        call: The call concerned, or None.
        result: The result concerned, or None.
        index: Position of the message at which it happens.
    """

    case: Case | None
    effect: Effect
    text: Words
    call: Call | None
    result: Result | None
    index: int


@dataclass(slots=True)
class Wire:
    """The turns on their way out.

    Attributes:
        transcript: The history as it was given.
        given: Its pairing, as it was given.
        facts: What only a live call knows.
        turns: What is sent, so far.
        notes: What was lost or raised on the way.
        findings: Breaches that a step sees and pairing would not.
        keys: What calls and results are matched by, where that is not their ids.
        resumes: Whether the provider adds earlier turns that it has kept.
        unsent_uses: Calls of the provider's own tools that are left out.
        texts_lead: Whether the integration puts texts before all else in a turn.
        filled: Positions of the messages that get a filler for content.
        left: The turns as they leave, where the provider joins some of them afterwards; else None.
        own_results: Results in AI messages that are the provider's own.
    """

    transcript: Transcript
    given: Pairing
    facts: Facts
    turns: list[Turn]
    notes: list[Note] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    keys: dict[Call | Result, str] = field(default_factory=dict)
    resumes: bool = False
    unsent_uses: set[Call] = field(default_factory=set)
    texts_lead: bool = False
    filled: set[int] = field(default_factory=set)
    left: list[Turn] | None = None
    own_results: set[Result] = field(default_factory=set)

    def lose(
        self, case: Case | None, text: Words, call: Call | None, result: Result | None
    ) -> None:
        """Note that the request goes out without, or with a changed, call or result."""
        bearer = result if result is not None else call
        index = bearer.index if bearer is not None else 0
        self.notes.append(Note(case, Effect.SILENT_LOSS, text, call, result, index))

    def fail(
        self,
        case: Case | None,
        text: Words,
        index: int,
        call: Call | None = None,
        result: Result | None = None,
    ) -> None:
        """Note that the integration raises before any request."""
        self.notes.append(Note(case, Effect.LOCAL_ERROR, text, call, result, index))

    def refuse(
        self,
        case: Case,
        text: Words,
        index: int,
        call: Call | None = None,
        result: Result | None = None,
    ) -> None:
        """Note that the server refuses the request."""
        self.notes.append(Note(case, Effect.REJECT, text, call, result, index))


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One thing that an integration does to a history.

    Attributes:
        run: Does it to what is on its way out.
        says: What it does, as a sentence for people.
        minds: Traits of a plainly sound history that it looks at; without one of them it leaves
            such a history as it is.
        only_notes: Whether it leaves the turns as they are, and only notes what it sees.
    """

    run: Callable[[Wire], None]
    says: str
    minds: frozenset[Trait] = frozenset()
    only_notes: bool = False


def step(
    says: str, *minds: Trait, only_notes: bool = False
) -> Callable[[Callable[[Wire], None]], Step]:
    """Make a step of the function that is decorated.

    Args:
        says: What it does, as a sentence for people.
        *minds: Traits of a plainly sound history that it looks at.
        only_notes: Whether it leaves the turns as they are, and only notes what it sees.
    """

    def made(run: Callable[[Wire], None]) -> Step:
        return Step(run, says, frozenset(minds), only_notes)

    return made
