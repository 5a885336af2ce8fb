"""Decide what of a history is repaired, and whether that makes it better.

A repair does only a few things, and reports each of them:

- It moves a late result back to its call: the newest earlier call with its id. If two open calls
  share the id, or the result comes before the call, it guesses nothing and moves nothing.
- It inserts an error result for a call without one, after the results of its sibling calls, unless
  the caller names the call as pending, or the call runs on in the background.
- It keeps orphans and duplicates, because they hold data of the application; an option drops them.
- It takes away stale copies of calls, and signed thinking behind a change, where an option asks
  for that.

Beyond that, human, AI and system messages keep their content and order. A repair never invents or
changes an id, and never matches by position.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from langchain_core.messages import SystemMessage

from toolpair_observe.arguments import ids_in
from toolpair_observe.errors import SettingsError
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.flags import check_flags
from toolpair_observe.pairing.inputs import as_messages
from toolpair_observe.pairing.providers.given import judge_given
from toolpair_observe.pairing.shown import quoted
from toolpair_observe.repair.copies import without_stale_copies
from toolpair_observe.repair.plan import Draft, Plan
from toolpair_observe.repair.report import Repair
from toolpair_observe.repair.thinking import settle_thinking

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessage
    from langchain_core.runnables import Runnable

    from toolpair_observe.pairing.facts import Facts
    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.repair.report import Change, ThinkingPolicy
    from toolpair_observe.repair.thinking import SignedAnswers


@dataclass(frozen=True, slots=True)
class Choices:
    """What the caller allows a repair to do. See `repair_messages`.

    Attributes:
        pending: Ids of calls whose results are still to come.
        drop_unpaired: Whether results that answer nothing are dropped.
        sync_encodings: Whether stale copies of calls are taken away.
        thinking: What is done with signed thinking behind a change.
        name_id: Returns what the reports have in place of an id, such as its hash.
    """

    pending: Collection[str] = ()
    drop_unpaired: bool = False
    sync_encodings: bool = False
    thinking: ThinkingPolicy = "keep"
    name_id: Callable[[str], str] = str

    def __post_init__(self) -> None:
        object.__setattr__(self, "pending", ids_in("pending", self.pending))
        if self.thinking not in ("keep", "strip"):
            msg = f"argument thinking is {quoted(self.thinking)}; expected keep or strip"
            raise SettingsError(msg)


def repair_messages(  # noqa: PLR0913 -- each keyword is a separate fact
    messages: LanguageModelInput,
    profile: str | Profile | Runnable[LanguageModelInput, AIMessage] | None = None,
    *,
    pending: Collection[str] = (),
    drop_unpaired: bool = False,
    sync_encodings: bool = False,
    thinking: ThinkingPolicy = "keep",
    tools_bound: bool | None = None,
    server_state: bool | None = None,
    resumes_response: bool | None = None,
    integration_version: str | None = None,
    model: str | None = None,
) -> Repair:
    """Repair what can be repaired without losing a message, and report the changes.

    The given messages are never changed. docs/attach/create-agent.md lists what a repair does and
    what it never does.

    Args:
        messages: What LangChain takes as chat input: messages, `(role, content)` tuples, message
            dicts (also in OpenAI format), a `PromptValue`.
        profile: Who judges the history: a name, a `Profile`, or a chat model (see
            `check_messages`); None is LangChain's contract.
        pending: Ids of calls whose results are still to come, such as an interrupted tool's. They
            stay open.
        drop_unpaired: Whether results that answer no call, and further results of an answered
            call, are dropped. That loses data.
        sync_encodings: Whether copies of calls are taken away that an AI message carries in its
            content or in `additional_kwargs`, but no longer in `tool_calls` and
            `invalid_tool_calls`. A copy that a result answers is a call, and stays.
        thinking: What is done with signed thinking behind a change, which Claude 5.1 and later
            refuse: `"keep"` leaves it and sets `breaks_thinking`, `"strip"` takes it away.
        tools_bound: Whether the request carries tool definitions. None takes it, like each of the
            following, from the model that is given as `profile`; without one it is True.
        server_state: Whether earlier turns may lie with the provider (`previous_response_id`,
            `conversation`); by default not.
        resumes_response: Whether only what follows the last response is sent
            (`use_previous_response_id`); by default not.
        integration_version: Version of the integration package (of `openrouter`, the client
            beneath it, for the profile of that name); by default the newest known.
        model: The model as requested.

    Returns:
        The repair. It leaves a history unchanged if the profile accepts it and nothing is out of
        sync, or if every possible change would make it worse.

    Raises:
        TypeError: `messages` is not chat input, `profile` is nothing that can judge, or what is
            True or False is given as something else.
        ValueError: A message, the profile's name or the value of `thinking` is not known, or
            `pending` holds no ids; the text says which.
    """
    check_flags(
        tools_bound=tools_bound,
        server_state=server_state,
        resumes_response=resumes_response,
        drop_unpaired=drop_unpaired,
        sync_encodings=sync_encodings,
    )
    judge, told = judge_given(profile)
    facts = told.but(
        tools_bound=tools_bound,
        server_state=server_state,
        resumes_response=resumes_response,
        version=integration_version,
        model=model,
    )
    choices = Choices(pending, drop_unpaired, sync_encodings, thinking)
    return repair_history(messages, judge, facts, choices)


def repair_history(
    messages: LanguageModelInput,
    profile: Profile,
    facts: Facts,
    choices: Choices,
    signed: SignedAnswers | None = None,
) -> Repair:
    """Repair a history for a request whose profile and facts are known. See `repair_messages`.

    Args:
        messages: The history.
        profile: Who will judge it.
        facts: What only a live call knows.
        choices: What the caller allows.
        signed: Answers to earlier repaired requests, whose thinking fits the same repair.
    """
    given = as_messages(messages)
    if isinstance(messages, list) and all(a is b for a, b in zip(messages, given, strict=True)):
        given = messages
    before = check(given, profile, facts, choices.name_id)
    best, after = Draft(given), before
    best, after = _synced(best, after, profile, facts, choices)
    best, after = _paired(best, after, profile, facts, choices)
    if best.origins:
        # The result that a copy had may be gone to a call, or dropped.
        best, after = _synced(best, after, profile, facts, choices)
    if not best.changes:
        return Repair(given, (), before, before)
    settled, broken = settle_thinking(given, best, profile, choices.thinking, signed)
    if settled.messages is not best.messages:
        after = check(settled.messages, profile, facts, choices.name_id)
    changes = sorted(settled.changes, key=_in_order)
    return Repair(settled.messages, tuple(changes), before, after, broken)


def _synced(
    start: Draft, before: PairingReport, profile: Profile, facts: Facts, choices: Choices
) -> tuple[Draft, PairingReport]:
    """Return the draft without stale copies of calls, if that is asked for and does no harm."""
    synced = Draft(start.messages)
    if choices.sync_encodings:
        synced = without_stale_copies(start.messages, choices.pending)
    if not synced.changes:
        return start, before
    after = check(synced.messages, profile, facts, choices.name_id)
    if _severity(after) > _severity(before):
        return start, before
    made = [replace(one, message_index=start.origin(one.message_index)) for one in synced.changes]
    return Draft(synced.messages, (*start.changes, *made), start.origins), after


def _paired(
    start: Draft, before: PairingReport, profile: Profile, facts: Facts, choices: Choices
) -> tuple[Draft, PairingReport]:
    """Return the best that moving, inserting and dropping results makes of the draft."""
    best, best_report = start, before
    if before.ok:
        return best, best_report
    plan = Plan(
        start.messages, profile.row(facts), choices.pending, drop_unpaired=choices.drop_unpaired
    )
    for in_call_order, each_call in plan.ways:
        draft = plan.apply(in_call_order=in_call_order, each_call=each_call)
        # A provider takes no empty list, and nearly none a system prompt alone.
        if not draft.changes or all(isinstance(one, SystemMessage) for one in draft.messages):
            continue
        after = check(draft.messages, profile, facts, choices.name_id)
        # What is more than the least has to improve the report; the least must not worsen it.
        if _severity(after) < _severity(best_report) or (
            not (in_call_order or each_call) and _severity(after) == _severity(before)
        ):
            best, best_report = draft, after
    if best is not start and start.changes:
        places = {origin: at for at, origin in enumerate(best.origins)}
        earlier = [replace(one, new_index=places[one.message_index]) for one in start.changes]
        best = replace(best, changes=(*earlier, *best.changes))
    return best, best_report


def _in_order(change: Change) -> tuple[bool, int]:
    return change.new_index is None, change.new_index or 0


def _severity(report: PairingReport) -> tuple[int, int]:
    near_misses = sum(violation.effect.is_near_miss for violation in report.violations)
    # Nothing that a report only counts is worse than what it holds.
    return -report.effect.rank, near_misses + report.more_violations
