"""What is paired: turns with calls and results, and what pairing finds about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolpair_observe.pairing.transcript import Call, Result
    from toolpair_observe.pairing.words import Case, Role


@dataclass(slots=True)
class Turn:
    """What one speaker sends in one go: one message, or several that the integration merged.

    Attributes:
        index: Position of its (first) message in the list that was given.
        position: Position of the turn in what is sent.
        role: Who speaks; results alone are spoken by the tool.
        calls: Calls made.
        results: Results given.
        has_text: Whether it says anything else.
        behind_text: The results before which other content stands.
        results_lead: Whether the integration puts its results before the rest.
        text_last: Whether other content stands after a call.
        last: Position of its last message in the list that was given.
        behind: How many turns stand before it that pairing does not look at.
    """

    index: int
    position: int
    role: Role
    calls: list[Call] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    has_text: bool = True
    behind_text: list[Result] = field(default_factory=list)
    text_last: bool = False
    results_lead: bool = False
    last: int = 0
    behind: int = 0

    @property
    def only_answers(self) -> bool:
        """Whether it gives results and says nothing else."""
        return bool(self.results) and not self.calls and not self.has_text

    def copy(self) -> Turn:
        """Return a turn that may be changed; several times as fast as `copy.copy`."""
        return Turn(
            self.index,
            self.position,
            self.role,
            self.calls,
            self.results,
            self.has_text,
            self.behind_text,
            self.text_last,
            self.results_lead,
            self.last,
            self.behind,
        )


@dataclass(slots=True, eq=False)
class Block:
    """One AI turn with calls and the results that follow it at once.

    Attributes:
        turn: The AI turn.
        end: Index of the first message after the block's results.
        answered: How many of its calls are answered in place.
        at_end: Whether nothing at all follows the AI turn.
        unanswered: Calls that no result of the block answers.
        missing: Those of them that no result answers anywhere.
        strangers: Results of the block that name none of its calls.
    """

    turn: Turn
    end: int
    answered: int = 0
    at_end: bool = True
    unanswered: list[Call] = field(default_factory=list)
    missing: list[Call] = field(default_factory=list)
    strangers: list[Stray] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Finding:
    """A breach, with the calls and results that it concerns.

    Attributes:
        case: What is wrong.
        call: The call concerned, or None.
        result: The result concerned, or None.
        position: Position of the offending turn in what is sent.
        block: The block of the call, or None.
        gap: Indices of the messages between the call's block and the result.
        message: Index of the message, where it concerns neither a call nor a result.
    """

    case: Case
    call: Call | None
    result: Result | None
    position: int
    block: Block | None = None
    gap: range = range(0)
    message: int = 0

    @property
    def index(self) -> int:
        """Position of the offending message in the list that was given."""
        if self.result is not None:
            return self.result.index
        return self.call.index if self.call is not None else self.message


@dataclass(slots=True)
class Pairing:
    """Who answers whom.

    Attributes:
        findings: What does not pair, in the order of the messages.
        blocks: Every AI turn with calls.
        answer: For each answered call its result, in place or misplaced.
    """

    findings: list[Finding]
    blocks: list[Block]
    answer: dict[Call, Result]


@dataclass(slots=True)
class Stray:
    """A result that no open call of its block asked for.

    Attributes:
        result: The result.
        position: Position of its turn in what is sent.
        block: The block among whose results it stands, or None.
        before: Who spoke before it.
    """

    result: Result
    position: int
    block: Block | None
    before: Role | None
