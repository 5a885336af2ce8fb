"""The steps that several integrations take; what one family alone does stands in its own file."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.first_look import Trait
from toolpair_observe.pairing.providers.wire import Step, Wire, step
from toolpair_observe.pairing.shown import shown
from toolpair_observe.pairing.turns import Finding, Turn
from toolpair_observe.pairing.words import Carrier, Case, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from toolpair_observe.pairing.shown import ShowId
    from toolpair_observe.pairing.transcript import Call, Result

USER_ROLES: Final = frozenset({Role.HUMAN, Role.TOOL, Role.FUNCTION})
# A plain history may repeat calls in these blocks.
_REPEATING: Final = {
    Carrier.TOOL_USE: Trait.TOOL_USE_BLOCK,
    Carrier.STANDARD_BLOCK: Trait.TOOL_CALL_BLOCK,
    Carrier.V1_BLOCK: Trait.TOOL_CALL_BLOCK,
    Carrier.FUNCTION_CALL_BLOCK: Trait.FUNCTION_CALL_BLOCK,
}


def is_blank(turn: Turn) -> bool:
    """Whether the turn says, calls and answers nothing."""
    return not turn.has_text and not turn.calls and not turn.results


@step("Leave out human messages without content")
def drop_blank_humans(wire: Wire) -> None:
    wire.turns = [t for t in wire.turns if t.role is not Role.HUMAN or not is_blank(t)]


@step("Send a human message without content with a filler in its place")
def fill_blank_humans(wire: Wire) -> None:
    _fill_blanks(wire, Role.HUMAN)


@step("Move system messages out of the list, wherever they stand")
def take_out_systems(wire: Wire) -> None:
    wire.turns = [turn for turn in wire.turns if turn.role is not Role.SYSTEM]


@step("Join human and tool messages that follow each other into one user turn")
def merge_users(wire: Wire) -> None:
    wire.turns = merge(wire.turns, lambda turn: turn.role in USER_ROLES)


@step("Send an AI message without content and calls with a filler in its place")
def fill_blank_ais(wire: Wire) -> None:
    _fill_blanks(wire, Role.AI)


def _fill_blanks(wire: Wire, role: Role) -> None:
    for turn in wire.turns:
        if turn.role is role and is_blank(turn):
            turn.has_text = True
            wire.filled.add(turn.index)


@step("Send that; the provider joins turns of one side that follow each other")
def leave(wire: Wire) -> None:
    wire.left = [turn.copy() for turn in wire.turns]


@step("Join AI messages that follow each other into one turn")
def merge_ais(wire: Wire) -> None:
    wire.turns = merge(wire.turns, lambda turn: turn.role is Role.AI)


def merge(turns: list[Turn], takes: Callable[[Turn], bool]) -> list[Turn]:
    """Join turns that follow each other, as far as `takes` takes both."""
    merged: list[Turn] = []
    joins = False  # whether the last one is a joined turn, whose lists may grow
    for turn in turns:
        if merged and takes(turn) and takes(merged[-1]):
            if not joins:
                merged[-1] = _with_own_lists(merged[-1])
            _join(merged[-1], turn)
            joins = True
        else:
            merged.append(turn)
            joins = False
    return merged


def _with_own_lists(turn: Turn) -> Turn:
    own = turn.copy()
    own.results_lead = False
    own.calls, own.results, own.behind_text = [*turn.calls], [*turn.results], [*turn.behind_text]
    return own


def _join(first: Turn, second: Turn) -> None:
    """Add the second turn to the first."""
    first.behind_text += second.results if first.has_text else second.behind_text
    first.text_last |= second.text_last or (bool(first.calls) and second.has_text)
    if first.role is not Role.AI and not first.has_text:
        first.role = second.role
    first.calls += second.calls
    first.results += second.results
    first.has_text |= second.has_text
    first.last = second.last


def lose_blocks(*carriers: Carrier) -> Step:
    """Make the step that sends result blocks without what they say."""

    @step(f"Send without its content: {listed(carriers)}", only_notes=True)
    def send_without(wire: Wire) -> None:
        lose_each(wire, set(carriers))

    return send_without


def forward_blocks(*carriers: Carrier) -> Step:
    """Make the step that sends result blocks as they are to a server that does not know them."""

    @step(f"Send as it is: {listed(carriers)}", only_notes=True)
    def send_as_is(wire: Wire) -> None:
        wire.findings += [
            Finding(Case.UNSUPPORTED_RESULT, None, result, entry.index)
            for entry in wire.transcript.entries
            for result in entry.results
            if result.carrier in carriers
        ]

    return send_as_is


def lose_each(wire: Wire, carriers: set[Carrier]) -> None:
    """Note that results which stand there lose their content."""
    for entry in wire.transcript.entries:
        for result in entry.results:
            if result.carrier in carriers:
                wire.lose(Case.UNSUPPORTED_RESULT, "the result's content is dropped", None, result)


def answers_by_turn(
    turns: list[Turn], *, past_text: bool = False
) -> list[tuple[Turn, list[Result]]]:
    """For each AI turn with calls the results until the next AI turn, or the next with calls."""
    found: list[tuple[Turn, list[Result]]] = []
    current: list[Result] = []
    for turn in turns:
        if turn.role is Role.AI:
            if turn.calls or not past_text:
                current = []
            if turn.calls:
                found.append((turn, current))
        else:
            current += turn.results
    return found


# Results that name no call cannot go to another one than they name.
_NAMELESS = frozenset({Carrier.CHAT_TOOL, Carrier.FUNCTION})


def tie(wire: Wire, result: Result, call: Call) -> None:
    """Have the result answer the call, whatever its id says."""
    wire.keys[call] = wire.keys[result] = f"{call.index}/{len(wire.keys)}"


def match(wire: Wire, result: Result, call: Call) -> None:
    """Have the result answer the call, and note where its id says otherwise."""
    tie(wire, result, call)
    if call.id != result.id and result.carrier not in _NAMELESS:
        misread(wire, result, call)


def misread(wire: Wire, result: Result, call: Call) -> None:
    """Note that the model takes the result for that of the call."""

    def says(show_id: ShowId) -> str:
        made = f"call {show_id(call.id) or 'without id'} of tool {shown(call.name or '?')}"
        return f"the model reads the result as that of {made}"

    wire.lose(Case.RESULT_ORDER, says, None, result)


def refuse(texts: Mapping[Carrier, str], *, only_with_tools: bool = False) -> Step:
    """Make the step that raises on results which the integration cannot convert."""
    raised = "; ".join(f"{carrier}: {text}" for carrier, text in texts.items())

    @step(f"Raise where there is a {raised}", only_notes=True)
    def refuse_results(wire: Wire) -> None:
        if only_with_tools and not wire.facts.tools_bound:
            return
        for entry in wire.transcript.entries:
            for result in entry.results:
                if result.carrier in texts:
                    text = texts[result.carrier]
                    wire.fail(Case.UNSUPPORTED_RESULT, text, entry.index, result=result)

    return refuse_results


def refuse_messages(text: str, *roles: Role) -> Step:
    """Make the step that raises on messages of these roles, whatever they say."""

    @step(f"Raise where there is a message of {listed(roles)}: {text}", only_notes=True)
    def refuse_roles(wire: Wire) -> None:
        for entry in wire.transcript.entries:
            if entry.role in roles and not entry.results:
                wire.fail(Case.UNSUPPORTED_CLASS, text, entry.index)

    return refuse_roles


def send_also(carrier: Carrier, beside: Collection[Carrier], what: str) -> Step:
    """Make the step that sends a copy of a call beside the call itself."""
    sent = frozenset(beside)

    @step(
        f"Send the copy of a call in {carrier} beside the call itself",
        Trait.LEGACY_CALL,
        only_notes=True,
    )
    def send_copy(wire: Wire) -> None:
        for turn in wire.turns:
            for call in turn.calls:
                if carrier in call.carriers and call.carriers & sent:
                    wire.lose(Case.CALL_SENT_TWICE, what, call, None)

    return send_copy


def refuse_blocks(
    text: str,
    *carriers: Carrier,
    server_calls: bool = False,
    unpacks_standard: bool = False,
    only_alone: bool = False,
) -> Step:
    """Make the step that raises on calls in content blocks which the integration cannot convert.

    Some integrations take of content that is written in LangChain's own blocks what they know, and
    leave the rest out (`unpacks_standard`). Some look at blocks only where `tool_calls` is empty
    (`only_alone`).
    """
    refused = frozenset(carriers)
    asked = [*carriers, *["provider-executed call"] * server_calls]
    minds = [] if only_alone else [_REPEATING[each] for each in carriers if each in _REPEATING]
    where = " outside LangChain's own blocks" * unpacks_standard + " beside no other" * only_alone

    @step(f"Raise where there is a {listed(asked)}{where}: {text}", *minds, only_notes=True)
    def refuse_calls(wire: Wire) -> None:
        for entry in wire.transcript.entries:
            if unpacks_standard and entry.is_standard:
                continue
            if only_alone and any(Carrier.TOOL_CALL in call.carriers for call in entry.calls):
                continue
            bad = [call for call in entry.calls if call.carriers & refused]
            if server_calls:
                bad += entry.server_uses
            for call in bad:
                wire.fail(Case.UNSUPPORTED_CALL, text, entry.index, call=call)

    return refuse_calls


def refuse_null_ids(text: str) -> Step:
    """Make the step that raises on calls whose id is None."""

    @step(f"Raise where a call's id is None: {text}", only_notes=True)
    def refuse_calls(wire: Wire) -> None:
        for turn in wire.turns:
            for call in turn.calls:
                if call.null_id:
                    wire.fail(Case.CALL_WITHOUT_ID, text, turn.index, call=call)

    return refuse_calls


def refuse_nameless(text: str) -> Step:
    """Make the step that raises on calls whose tool is None, as those with bad arguments may be."""

    @step(f"Raise where a call names no tool: {text}", Trait.NAMELESS, only_notes=True)
    def refuse_calls(wire: Wire) -> None:
        for turn in wire.turns:
            for call in turn.calls:
                if call.name is None:
                    wire.fail(Case.UNSUPPORTED_CALL, text, turn.index, call=call)

    return refuse_calls


def refuse_last(text: str, *roles: Role) -> Step:
    """Make the step that raises where one of these speaks last."""

    @step(f"Raise where the last turn is of {listed(roles)}: {text}", only_notes=True)
    def refuse_ending(wire: Wire) -> None:
        last = wire.turns[-1] if wire.turns else None
        if last is None or last.role not in roles:
            return
        made = wire.transcript.entries[last.index].calls
        sent = set(last.calls)
        unsent = next((call for call in made if call not in sent), None)
        case = None if unsent is None else Case.MISSING_AT_END
        wire.fail(case, text, last.index, call=unsent)

    return refuse_ending


@step(
    "Take a call with an empty id for unanswered where no result follows at once", only_notes=True
)
def miss_empty_ids(wire: Wire) -> None:
    for turn, after in zip_longest(wire.turns, wire.turns[1:]):
        if after is None or not after.results:
            case = Case.MISSING_AT_END if after is None else Case.MISSING_ALL
            wire.findings += [
                Finding(case, call, None, turn.index)
                for call in turn.calls
                if not call.id and not call.null_id
            ]


@step(
    "Take an empty id of a result for none, even where its call has an empty one too",
    only_notes=True,
)
def find_empty_ids(wire: Wire) -> None:
    for turn in wire.turns:
        wire.findings += [
            Finding(Case.RESULT_WITHOUT_ID, None, result, turn.index)
            for result in turn.results
            if not result.id
        ]


def listed(carriers: Iterable[str]) -> str:
    """Name carriers or roles, for what a step says."""
    return ", ".join(carriers)
