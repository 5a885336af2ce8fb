"""What the causes look at: a history with what pairs in it, and facts derived once a history."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar, cast

from toolpair_observe.pairing.late_pattern import LatePattern
from toolpair_observe.pairing.signs import BEFORE_TOOLS, Sign
from toolpair_observe.pairing.transcript import NotReadError
from toolpair_observe.pairing.words import BAD_CALLS, Case, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from toolpair_observe.pairing.left_out import LeftOut
    from toolpair_observe.pairing.transcript import Call, Entry, Result
    from toolpair_observe.pairing.turns import Block, Finding, Pairing

T = TypeVar("T")


@dataclass
class Scene:
    """What the predicates look at; derived facts are worked out once a history."""

    entries: Sequence[Entry]
    pairing: Pairing
    _left_out: LeftOut | None = None
    _learned: dict[tuple[object, Block], object] = field(default_factory=dict)

    @cached_property
    def first_call(self) -> int:
        """Index of the first AI message with calls, or past the end."""
        blocks = self.pairing.blocks
        return blocks[0].turn.index if blocks else len(self.entries)

    @cached_property
    def first_answered(self) -> int:
        """Index of the first AI message with an answered call, or past the end."""
        answered = (block.turn.index for block in self.pairing.blocks if block.answered)
        return next(answered, len(self.entries))

    @cached_property
    def first_summary(self) -> int:
        """Index of the first summary message, or past the end."""
        if self._left_out is not None and self._left_out.has_summary:
            raise NotReadError
        return next((e.index for e in self.entries if e.is_summary), len(self.entries))

    @cached_property
    def has_results(self) -> bool:
        """Whether any message carries a result."""
        return any(entry.results for entry in self.entries)

    @cached_property
    def only_results(self) -> bool:
        """Whether nothing but results is there."""
        return all(entry.results and not entry.has_text for entry in self.entries)

    @cached_property
    def bad_call_ids(self) -> frozenset[str]:
        """Ids of calls whose arguments are not JSON."""
        calls = (call for entry in self.entries for call in entry.calls)
        return frozenset(call.id for call in calls if call.carriers & BAD_CALLS)

    @cached_property
    def first_made(self) -> dict[str, Call]:
        """For each id the first call that bears it, whether this client reads it or not."""
        made: dict[str, Call] = {}
        for entry in self.entries:
            for call in entry.calls:
                made.setdefault(call.id, call)
        return made

    @cached_property
    def edited(self) -> frozenset[int]:
        """Indices of the AI messages whose calls stand in different places."""
        return frozenset(
            entry.index
            for entry in self.entries
            if len({call.carriers for call in entry.calls}) > 1
        )

    @cached_property
    def leading_examples(self) -> int:
        """How many wholly unanswered calls stand before the first answered one.

        Where no call at all is answered they are examples if a person's message follows each, and
        none says which model made it.
        """
        blocks = self.pairing.blocks
        if self.first_answered < len(self.entries):
            return sum(block.turn.index < self.first_answered for block in blocks)
        made = [self.entries[block.turn.index] for block in blocks]
        written = not any(entry.made_by or entry.response_id for entry in made)
        asked = all(self.follows(block, Role.HUMAN) for block in blocks)
        return len(blocks) if written and asked else 0

    @cached_property
    def answered_names(self) -> frozenset[str]:
        """Names of the tools of which some call is answered."""
        names = frozenset(call.name for call in self.pairing.answer if call.name)
        return names if self._left_out is None else names | self._left_out.answered_names

    @cached_property
    def has_class_names(self) -> bool:
        """Whether a tool that is answered is named as classes are."""
        return any(map(is_class_name, self.answered_names))

    @cached_property
    def lost_names(self) -> frozenset[str]:
        """Names of the tools that several AI messages call and no result answers."""
        several: Counter[str] = Counter()
        for block in self.pairing.blocks:
            several.update({call.name for call in block.missing if call.name})
        lost = {name for name, times in several.items() if times > 1}
        return frozenset(lost - self.answered_names)

    @cached_property
    def agents(self) -> frozenset[str]:
        """Names of the AI messages' authors, as agents of one graph have them."""
        names = frozenset(e.name.lower() for e in self.entries if e.role is Role.AI and e.name)
        return names if self._left_out is None else names | self._left_out.agents

    @cached_property
    def beside_handoffs(self) -> frozenset[int]:
        """Indices of the results among which one says that a hand-off took place."""
        beside: set[int] = set()
        run: list[Entry] = []
        for entry in [*self.entries, None]:
            if entry is not None and entry.results:
                run.append(entry)
                continue
            results = [result for held in run for result in held.results]
            if any(self._tells_handoff(result) for result in results):
                beside.update(held.index for held in run)
            run = []
        return frozenset(beside)

    def _tells_handoff(self, result: Result) -> bool:
        if result.sign is Sign.HANDED_OFF:
            return True
        return is_handoff_name(result.name) and names_an_agent(result.name, self.agents)

    @cached_property
    def has_whole_group(self) -> bool:
        """Whether some AI message with several calls has them all answered."""
        if any(b.answered == len(b.turn.calls) > 1 for b in self.pairing.blocks):
            return True
        return self._left_out is not None and self._left_out.has_several_calls

    @cached_property
    def block_of(self) -> dict[Result, Block]:
        """For each result in place the block that it belongs to."""
        owner = {call: block for block in self.pairing.blocks for call in block.turn.calls}
        return {result: owner[call] for call, result in self.pairing.answer.items()}

    @cached_property
    def broken(self) -> dict[Block, Finding]:
        """For each broken block the first finding about it."""
        first: dict[Block, Finding] = {}
        for finding in self.pairing.findings:
            if finding.block is not None:
                first.setdefault(finding.block, finding)
        return first

    def after(self, block: Block) -> Entry | None:
        """The message that follows the block's results, or None."""
        return self.entries[block.end] if block.end < len(self.entries) else None

    def follows(self, block: Block | None, *roles: Role) -> bool:
        """Whether a message of one of these roles follows the block's results."""
        follower = self.after(block) if block is not None else None
        return follower is not None and follower.role in roles

    def learn(self, what: Callable[[Block, Scene], T], block: Block) -> T:
        """What holds of a block, worked out once: a message may have thousands of findings."""
        key = (what, block)
        if key not in self._learned:
            self._learned[key] = what(block, self)
        return cast("T", self._learned[key])

    def signs_of(self, block: Block) -> frozenset[Sign | None]:
        """How the block's results came about."""
        return self.learn(_signs_of, block)

    def ran_nothing(self, block: Block) -> bool:
        """Whether all results of the block were written before its tools could run."""
        signs = self.signs_of(block)
        return bool(signs) and signs <= BEFORE_TOOLS

    @cached_property
    def _after_askers(self) -> dict[int, int]:
        """For each AI message with calls the index behind all of those that follow one another."""
        return _ends(e.index for e in self.entries if e.role is Role.AI and e.calls)

    @cached_property
    def _after_answers(self) -> dict[int, int]:
        """For each message with results the index behind all of those that follow one another."""
        return _ends(e.index for e in self.entries if e.results and not e.calls)

    def is_split(self, call: Call, result: Result) -> bool:
        """Whether AI messages with calls follow one another, and then come results alone."""
        behind = self._after_askers[call.index]
        if behind == call.index + 1 or behind == len(self.entries):
            return False
        return behind <= result.index < self._after_answers.get(behind, behind)

    def root_of(self, finding: Finding) -> Finding:
        """What is broken in the history where that is the ground of what is found on the way.

        Where an integration pairs by position, a result behind an unanswered call goes to the wrong
        one: the order is right, and what broke the history is whatever lost the result before it.
        """
        if finding.case not in _FOLLOWING or finding.result is None:
            return finding
        block = self.block_of.get(finding.result)
        return self.broken.get(block, finding) if block is not None else finding


def _signs_of(block: Block, scene: Scene) -> frozenset[Sign | None]:
    if block.turn.last + 1 == block.end:
        return frozenset()
    entries = scene.entries[block.turn.last + 1 : block.end]
    return frozenset(result.sign for entry in entries for result in entry.results)


def _ends(places: Iterable[int]) -> dict[int, int]:
    """For each place the end of the run of places that it is part of."""
    ends: dict[int, int] = {}
    for place in sorted(places, reverse=True):
        ends[place] = ends.get(place + 1, place + 1)
    return ends


_FOLLOWING: Final = frozenset(
    {
        Case.RESULT_ORDER,
        Case.RESULT_OF_OTHER_TOOL,
        Case.HUMAN_AFTER_TOOL,
        Case.SYSTEM_AFTER_TOOL,
    }
)


_LEAST_CHARACTERS = 16
_LEAST_DIGITS = 3


def is_random_id(call: Call) -> bool:
    """Whether a call's id is one that nobody gives out twice.

    Ids that a server counts up or takes from the tool's name are short or speak.
    """
    plain = [character for character in call.id if character.isalnum()]
    digits = sum(character.isdigit() for character in plain)
    speaks = bool(call.name) and str(call.name) in call.id
    return len(plain) >= _LEAST_CHARACTERS and digits >= _LEAST_DIGITS and not speaks


# Names of tools. Arguments are never looked at.

_HANDOFF = LatePattern(
    r"(?:transfer(?:_back)?_to|transfer_control|hand_?off|hand_?over|assign_to|delegate_to)_?(.*)"
)
_AGENT = LatePattern(
    r"(?:.*_)?(?:agent|assistant|expert|specialist|team|bot|support|supervisor|advisor|manager"
    r"|researcher|writer|coder|planner|human|triage)"
)
_TELLING = frozenset(
    {
        "finalresult",
        "finalanswer",
        "finalresponse",
        "finaloutput",
        "structuredoutput",
        "structuredresponse",
        "responseformat",
        "setmodelresponse",
        "attemptcompletion",
        "jsontoolcall",
        "jsonresponse",
    }
)
_NUMBERED = LatePattern(r"extract-\d+")  # LangChain.js
_CAMEL = LatePattern(r"[A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)?")
_SCHEMA = LatePattern(
    r"[A-Z]\w*[a-z0-9](?:Response|Output|Result|Answer|Schema|Format|Report|Decision|Extraction"
    r"|Classification|Evaluation|Assessment)s?"
)


def is_handoff_name(name: str | None) -> bool:
    """Whether a tool is named as hand-off tools are."""
    return name is not None and _HANDOFF.match(name.lower()) is not None


def names_an_agent(name: str | None, agents: frozenset[str]) -> bool:
    """Whether the name of a hand-off tool ends with an agent's, known or called so."""
    found = _HANDOFF.match((name or "").lower())
    target = found.group(1) if found else ""
    return target in agents or _AGENT.fullmatch(target) is not None


def is_schema_name(call: Call, scene: Scene) -> bool:
    """Whether a call's name is that of a structured output: by itself, or beside the others.

    Frameworks name the tool of a structured output after its class. Where the tools that were
    answered are named otherwise, a class's name stands out.
    """
    name = call.name or ""
    tells, is_class = tells_schema(name), is_class_name(name)
    if not (tells or is_class) or name in scene.answered_names:
        return False
    return tells or (bool(scene.answered_names) and not scene.has_class_names)


def tells_schema(name: str) -> bool:
    """Whether a name by itself is that of a structured output."""
    if name.replace("_", "").lower() in _TELLING:
        return True
    return _SCHEMA.fullmatch(name) is not None or _NUMBERED.fullmatch(name) is not None


def is_class_name(name: str) -> bool:
    """Whether a name is written as classes are."""
    return _CAMEL.fullmatch(name) is not None
