"""The list of messages that a mend writes: what is stored, with real results put back in place.

Nothing real is lost by it. A result comes from the thread's own rows before one is made up, and a
result that has lost its call gets the call's message back. A result that stands twice is taken out
only where the other one says the same, or where it is an error beside a success.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from toolpair_observe.pairing.masked_texts import REPAIR_MARK
from toolpair_observe.pairing.shown import shown
from toolpair_observe.repair.mend import Choices, repair_history
from toolpair_observe.threads.diagnose import missing_calls
from toolpair_observe.threads.plan import MadeUpResult
from toolpair_observe.threads.recover import name_of
from toolpair_observe.threads.state import with_invalid_answered

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.threads.diagnosis import FoundResult
    from toolpair_observe.threads.judge import Judge
    from toolpair_observe.threads.recover import Caller, Recovered

_TURN: Final = HumanMessage("x")  # what a person says next
_SEVERAL: Final = 2


class NotMendableError(Exception):
    """The list can't be put right without a guess or a loss. The text says why."""


@dataclass(slots=True, kw_only=True)
class Wanted:
    """The list to write, and how it came about.

    Attributes:
        messages: The list.
        found: Real results that were put back.
        made_up: Calls that got an error result.
        restored_calls: Ids of the calls whose message was put back.
        after: The check of the list with a new message.
    """

    messages: list[BaseMessage]
    found: tuple[FoundResult, ...] = ()
    made_up: tuple[MadeUpResult, ...] = ()
    restored_calls: tuple[str, ...] = ()
    after: PairingReport


@dataclass(frozen=True, slots=True)
class _Doubtful:
    """A result of which it may have to be found out which call it is of.

    Attributes:
        index: Its position.
        result: The result.
        place: The position of the last message before it that makes a call of its id.
        is_late: Whether more than results stands between the two.
        makers: The positions of all messages that do.
    """

    index: int
    result: ToolMessage
    place: int | None
    is_late: bool
    makers: tuple[int, ...] = ()


@dataclass(slots=True)
class Mending:
    """A list on its way to the wanted one.

    Attributes:
        is_by_agent: Returns whether create_agent sends it.
        judge: Who judges it.
        recover: Returns what the rows of the thread hold of some calls.
        name_id: Returns what the reports have in place of an id.
    """

    is_by_agent: Callable[[], bool]
    judge: Judge
    recover: Callable[[AbstractSet[str]], Recovered]
    name_id: Callable[[str], str] = str
    _found: list[FoundResult] = field(default_factory=list)
    _restored: list[str] = field(default_factory=list)

    def wanted(self, messages: Sequence[BaseMessage]) -> Wanted:
        """Return the list that pairs.

        Raises:
            NotMendableError: There is none without a guess or a loss.
        """
        made = self._with_calls(list(messages))
        made = self._with_each_at_its_call(made)
        made = self._without_duplicates(made)
        made = self._with_results(made)
        choices = Choices(self._left_open(made), name_id=self.name_id)
        made = repair_history(made, self.judge.profile, self.judge.facts, choices).messages
        after = self.judge.check(self._sent(made), self.name_id)
        if not after.ok:
            msg = f"it can't be put right without a loss: {after.summary()}"
            raise NotMendableError(msg)
        known = {id(message) for message in messages}
        return Wanted(
            messages=made,
            found=tuple(self._found),
            made_up=tuple(
                MadeUpResult(message.tool_call_id, message.name)
                for message in made
                if isinstance(message, ToolMessage)
                and REPAIR_MARK in message.additional_kwargs
                and id(message) not in known
            ),
            restored_calls=tuple(dict.fromkeys(self._restored)),
            after=after,
        )

    def _sent(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        return [*with_invalid_answered(messages, self.is_by_agent), _TURN]

    def _left_open(self, messages: Sequence[BaseMessage]) -> set[str]:
        """Return the ids of the calls that create_agent answers anew in each request."""
        known = {id(message) for message in messages}
        return {
            message.tool_call_id
            for message in with_invalid_answered(messages, self.is_by_agent)
            if isinstance(message, ToolMessage) and id(message) not in known
        }

    def _with_calls(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        """Put the messages back that make the calls of results that have lost them."""
        doubtful = self._doubtful(messages)
        recovered = self.recover({each.result.tool_call_id for each in doubtful})
        lost: dict[int, Caller] = {}
        for each in doubtful:
            call_id = each.result.tool_call_id
            known = recovered.makers.get(call_id, {})
            if each.place is not None and len(known) < _SEVERAL:
                continue
            caller = recovered.caller_of(each.result)
            if caller is None and not (each.makers and len(known) < _SEVERAL):
                why = "several messages make a call of its id" if known else "no checkpoint has it"
                name = shown(self.name_id(call_id))
                msg = f"nothing tells which call is the one of result {name}: {why}"
                raise NotMendableError(msg)
            if caller is not None and name_of(caller.message) not in {
                name_of(messages[place]) for place in each.makers
            }:
                lost[each.index] = caller
                self._restored.append(call_id)
        return _with_callers(messages, lost)

    def _doubtful(self, messages: Sequence[BaseMessage]) -> list[_Doubtful]:
        """Return the results that are not the only ones right behind a call of their id.

        Servers use ids again, so that older checkpoints have to tell which call they are of.
        """
        report = self.judge.check(self._sent(messages))
        broken = {found.tool_call_id for found in report.violations} - {""}
        makers: dict[str, list[int]] = defaultdict(list)
        for index, message in enumerate(messages):
            for call in _calls_of(message):
                makers[call["id"] or ""].append(index)
        answers = [each for each in _answers(messages) if each.result.tool_call_id in broken]
        count = Counter((each.result.tool_call_id, each.place) for each in answers)
        return [
            replace(each, makers=tuple(makers[call_id]))
            for each in answers
            if (call_id := each.result.tool_call_id)
            and (
                each.place is None
                or each.is_late
                or count[call_id, each.place] > _count_of(call_id, messages[each.place])
            )
        ]

    def _with_each_at_its_call(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        """Move results behind their calls that stand before them, or behind another of that id."""
        doubtful = self._doubtful(messages)
        recovered = self.recover(
            {each.result.tool_call_id for each in doubtful if len(each.makers) > 1}
        )
        back: dict[int, list[ToolMessage]] = defaultdict(list)
        moved: set[int] = set()
        for each in doubtful:
            places = each.makers
            if len(places) > 1:
                caller = recovered.caller_of(each.result)
                name = caller and name_of(caller.message)
                places = tuple(place for place in places if name_of(messages[place]) == name)
            if places and places[0] != each.place:
                back[places[0]].append(each.result)
                moved.add(each.index)
        return _inserted(messages, back, moved)

    def _without_duplicates(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        """Leave out results of calls that have another result, where nothing is lost by that."""
        report = self.judge.check(self._sent(messages))
        twice = {found.tool_call_id for found in report.violations}
        rivals: dict[tuple[str, int], list[int]] = defaultdict(list)
        for each in _answers(messages):
            if each.result.tool_call_id in twice and each.place is not None:
                rivals[each.result.tool_call_id, each.place].append(each.index)
        gone = {
            index
            for (call_id, caller), indexes in rivals.items()
            if len(indexes) > _count_of(call_id, messages[caller])
            for index in self._beaten(call_id, messages, indexes)
        }
        return [each for index, each in enumerate(messages) if index not in gone]

    def _beaten(
        self, call_id: str, messages: Sequence[BaseMessage], indexes: Sequence[int]
    ) -> list[int]:
        """Return the results of one call that give way to another one of it."""
        done = [index for index in indexes if not _is_error(messages[index])]
        kept = (done or list(indexes))[0]
        contents = {repr(messages[index].content) for index in done or indexes}
        if len(contents) > 1:
            msg = (
                f"call {shown(self.name_id(call_id))} has {len(indexes)} results that differ, and "
                "nothing tells which one counts: remove one with update_state"
            )
            raise NotMendableError(msg)
        return [index for index in indexes if index != kept]

    def _with_results(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        """Put the results back that the rows of the thread have."""
        sent = self._sent(messages)
        missing = missing_calls(sent, self.judge.check(sent))
        # What is here already, though late, only has to be moved.
        places = {id(message): index for index, message in enumerate(messages)}
        here = {(each.result.tool_call_id, each.place) for each in _answers(messages)}
        recovered = self.recover({call_id for call_id, _ in missing})
        back: dict[int, list[ToolMessage]] = defaultdict(list)
        for call_id, caller in missing:
            place = places[id(caller)]
            found = recovered.result(call_id, name_of(caller))
            if found is None or (call_id, place) in here:
                continue
            if found[1].is_ambiguous:
                msg = (
                    f"call {shown(self.name_id(call_id))} has several results in the rows of the "
                    "thread, and nothing tells which one counts"
                )
                raise NotMendableError(msg)
            back[place].append(found[0])
            self._found.append(found[1])
        return _inserted(messages, back, ())


def _with_callers(messages: Sequence[BaseMessage], lost: Mapping[int, Caller]) -> list[BaseMessage]:
    """Put messages that make calls before results that have lost them.

    They come behind the other results that stand there, which would else seem to be theirs.
    """
    taken = {name_of(each) for each in messages}
    made: list[BaseMessage] = []
    back: set[str] = set()
    for is_result, run in groupby(enumerate(messages), lambda each: each[1].type == "tool"):
        orphans: dict[str, list[int]] = defaultdict(list)
        for index, message in run:
            if is_result and index in lost:
                orphans[name_of(lost[index].message)].append(index)
            else:
                made.append(message)
        for name, indexes in sorted(orphans.items(), key=lambda each: lost[each[1][0]].place):
            caller = lost[indexes[0]]
            if name not in back:
                # Where the list begins with it, all of its turn comes back.
                if all(map(_is_system, made)):
                    made += [each for each in caller.opening if name_of(each) not in taken]
                made.append(_beside(caller.message, taken))
                back |= set(map(name_of, (*caller.opening, caller.message)))
            made += [messages[index] for index in indexes]
    return made


def _beside(caller: AIMessage, taken: Collection[str]) -> AIMessage:
    """Return a message that comes back; without its id where an edited one bears that by now."""
    is_taken = bool(caller.id) and caller.id in taken
    return caller.model_copy(update={"id": None}) if is_taken else caller


def _inserted(
    messages: Sequence[BaseMessage],
    back: Mapping[int, Sequence[ToolMessage]],
    gone: Collection[int],
) -> list[BaseMessage]:
    """Put results behind those that stand behind their call already, and leave messages out."""
    made: list[BaseMessage] = []
    due: list[ToolMessage] = []
    for index, message in enumerate(messages):
        if due and not isinstance(message, ToolMessage):
            made += due
            due = []
        if index not in gone:
            made.append(message)
        due += back.get(index, ())
    return [*made, *due]


def _answers(messages: Sequence[BaseMessage]) -> Iterator[_Doubtful]:
    """Yield each result, with the position of the last call of its id before it."""
    caller_of: dict[str, int] = {}
    last = -1
    for index, message in enumerate(messages):
        for call in _calls_of(message):
            caller_of[call["id"] or ""] = index
        if isinstance(message, ToolMessage):
            place = caller_of.get(message.tool_call_id)
            yield _Doubtful(index, message, place, place is not None and place < last)
        else:
            last = index


def _count_of(call_id: str, caller: BaseMessage) -> int:
    return sum(call["id"] == call_id for call in _calls_of(caller))


def _calls_of(message: BaseMessage) -> list[dict[str, str | None]]:
    if not isinstance(message, AIMessage):
        return []
    calls = [*message.tool_calls, *message.invalid_tool_calls]
    return [{"id": call["id"]} for call in calls]


def _is_error(message: BaseMessage) -> bool:
    return isinstance(message, ToolMessage) and message.status == "error"


def _is_system(message: BaseMessage) -> bool:
    return message.type == "system"
