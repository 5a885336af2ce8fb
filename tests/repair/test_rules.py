"""Each rule of the repair holds for every history: sound, repairable or beyond repair."""

from __future__ import annotations

import copy
from collections import Counter

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, ToolMessage

from tests.amounts import examples
from tests.oracle.histories import broken_histories, sound_histories
from tests.oracle.test_robustness import wild_messages
from tests.repair.histories import (
    crowded_histories,
    is_synthetic,
    mendable_histories,
    open_calls,
    others,
    real_results,
    same,
    same_set,
)
from toolpair_observe import Effect, check_messages
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.repair import RepairAction, repair_messages

wrecks = st.one_of(broken_histories(), mendable_histories().map(lambda pair: pair[0]))
profiles = st.sampled_from(sorted(PROFILES))
every_choice = st.fixed_dictionaries(
    {
        "drop_unpaired": st.booleans(),
        "sync_encodings": st.booleans(),
        "thinking": st.sampled_from(["keep", "strip"]),
    }
)
bounded = settings(
    max_examples=examples(150),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@bounded
@given(history=wrecks, profile=profiles, drop=st.booleans())
def test_it_works_on_a_copy(history, profile, drop):
    given_list, deep = list(history), copy.deepcopy(history)
    repair_messages(history, profile, drop_unpaired=drop)
    assert same(history, given_list)
    assert [m.model_dump() for m in history] == [m.model_dump() for m in deep]


@bounded
@given(history=wrecks, profile=profiles, drop=st.booleans())
def test_other_messages_stay_as_they_are_and_in_their_order(history, profile, drop):
    repaired = repair_messages(history, profile, drop_unpaired=drop).messages
    assert same(others(repaired), others(history))


@bounded
@given(history=wrecks, profile=profiles)
def test_no_real_result_is_lost_or_changed(history, profile):
    repaired = repair_messages(history, profile).messages
    assert same_set(real_results(repaired), real_results(history))


@bounded
@given(history=wrecks, profile=profiles)
def test_dropping_only_takes_what_is_reported(history, profile):
    repair = repair_messages(history, profile, drop_unpaired=True)
    dropped = [c for c in repair.changes if c.action is RepairAction.DROPPED]
    kept = [m for i, m in enumerate(history) if i not in {c.message_index for c in dropped}]
    assert same_set(real_results(repair.messages), real_results(kept))
    bearers = {call["id"]: i for i, m in enumerate(history) for call in _all_calls(m)}
    answers = Counter(m.tool_call_id for m in real_results(repair.messages))
    for change in dropped:
        answered = answers[change.tool_call_id] > 0
        assert (
            answered
            or bearers.get(change.tool_call_id, 10**9) > change.message_index
            or (change.tool_call_id not in bearers)
        )


def _all_calls(message):
    if not isinstance(message, AIMessage):
        return []
    return [*message.tool_calls, *message.invalid_tool_calls]


@bounded
@given(history=st.one_of(sound_histories(), wrecks), profile=profiles)
def test_what_the_profile_takes_comes_back_as_it_was(history, profile):
    repair = repair_messages(history, profile)
    if check_messages(history, profile).ok:
        assert repair.messages is history
        assert not repair.changed


@bounded
@given(history=wrecks, profile=profiles, drop=st.booleans())
def test_a_second_repair_changes_nothing(history, profile, drop):
    once = repair_messages(history, profile, drop_unpaired=drop)
    twice = repair_messages(once.messages, profile, drop_unpaired=drop)
    assert not twice.changed, twice.changes
    assert twice.messages is once.messages


@bounded
@given(history=wrecks, profile=profiles, choices=every_choice)
def test_whatever_goes_is_reported_and_what_is_left_broken_too(history, profile, choices):
    repair = repair_messages(history, profile, **choices)
    dropped = {c.message_index for c in repair.changes if c.action is RepairAction.DROPPED}
    kept = [m for i, m in enumerate(history) if i not in dropped]
    assert same_set(real_results(repair.messages), real_results(kept))
    assert repair.after == check_messages(repair.messages, profile)
    assert len(others(repair.messages)) == len(others(history))
    for old, new in zip(others(history), others(repair.messages), strict=True):
        assert new is old or history.index(old) in {c.message_index for c in repair.changes}
    again = repair_messages(repair.messages, profile, **choices)
    assert not again.changed, again.changes


@settings(bounded, max_examples=examples(400))
@given(history=st.lists(wild_messages(), max_size=6), profile=profiles, choices=every_choice)
def test_no_message_makes_the_repair_raise(history, profile, choices):
    """Fields may be assigned after a message was built, and then nobody has looked at them."""
    repair = repair_messages(history, profile, **choices)
    assert repair.summary()


@bounded
@given(history=wrecks, profile=profiles, drop=st.booleans())
def test_it_never_makes_matters_worse(history, profile, drop):
    repair = repair_messages(history, profile, drop_unpaired=drop)
    assert repair.before == check_messages(history, profile)
    assert repair.after == check_messages(repair.messages, profile)
    order = list(Effect)
    assert order.index(repair.after.effect) >= order.index(repair.before.effect)
    if repair.after.effect is repair.before.effect:
        assert near_misses(repair.after) <= near_misses(repair.before)


def near_misses(report):
    return sum(violation.effect.is_near_miss for violation in report.violations)


@bounded
@given(pair=mendable_histories())
def test_a_repair_without_loss_satisfies_the_contract(pair):
    history, _ = pair
    repair = repair_messages(history)
    assert repair.after.effect is Effect.CLEAN, repair.after.explain()


@bounded
@given(pair=mendable_histories(), profile=profiles)
def test_where_a_repair_without_loss_exists_it_passes_under_the_same_profile(pair, profile):
    history, ideal = pair
    assume(check_messages(ideal, profile).ok)
    repair = repair_messages(history, profile)
    assert repair.after.ok, repair.after.explain()


@bounded
@given(history=wrecks, profile=profiles)
def test_synthetic_results_are_marked_errors_behind_their_real_siblings(history, profile):
    repair = repair_messages(history, profile)
    synthetic = [i for i, m in enumerate(repair.messages) if is_synthetic(m)]
    inserted = [c for c in repair.changes if c.action is RepairAction.INSERTED]
    assert [change.new_index for change in inserted] == synthetic
    ids = {m.id for m in map(repair.messages.__getitem__, synthetic)}
    assert len(ids) == len(synthetic)
    for change in inserted:
        message = repair.messages[change.new_index]
        assert isinstance(message, ToolMessage)
        assert message.status == "error"
        maker = history[change.message_index]
        assert change.tool_call_id in _ids_on(maker)
        assert message.tool_call_id == change.tool_call_id
        following = repair.messages[change.new_index + 1 :][:1]
        own = _ids_on(maker)
        assert not any(m.tool_call_id in own for m in real_results(following))


def _ids_on(message: AIMessage) -> set[str]:
    blocks = message.content if isinstance(message.content, list) else []
    block_ids = {b.get("id") or b.get("call_id") for b in blocks if isinstance(b, dict)}
    # The client that sends these alone may be asked for their answers.
    raw_ids = {call.get("id") for call in message.additional_kwargs.get("tool_calls", [])}
    return {call["id"] for call in _all_calls(message)} | block_ids | raw_ids


@bounded
@given(history=wrecks, profile=profiles)
def test_the_same_history_is_repaired_the_same_way(history, profile):
    one = repair_messages(history, profile)
    other = repair_messages(copy.deepcopy(history), profile)
    assert one.changes == other.changes
    assert [m.model_dump() for m in one.messages] == [m.model_dump() for m in other.messages]


@bounded
@given(history=wrecks, profile=profiles, data=st.data())
def test_pending_calls_stay_open(history, profile, data):
    everyone = sorted({call["id"] for m in history for call in _all_calls(m) if call["id"]})
    pending = data.draw(st.sets(st.sampled_from(everyone))) if everyone else set()
    repaired = repair_messages(history, profile, pending=pending)
    inserted = {c.tool_call_id for c in repaired.changes if c.action is RepairAction.INSERTED}
    assert not inserted & pending


@bounded
@given(history=wrecks, profile=profiles)
def test_a_moved_result_answers_the_only_open_call_of_its_id(history, profile):
    """And that call is the newest with the id before the result."""
    repair = repair_messages(history, profile)
    for change in repair.changes:
        if change.action is not RepairAction.MOVED:
            continue
        moved = history[change.message_index]
        assert repair.messages[change.new_index] is moved
        bearers = [
            i
            for i, m in enumerate(history[: change.message_index])
            if isinstance(m, AIMessage) and change.tool_call_id in _ids_on(m)
        ]
        place = repair.messages.index(history[bearers[-1]])
        between = repair.messages[place + 1 : change.new_index]
        assert all(isinstance(m, ToolMessage) for m in between)


@bounded
@given(history=crowded_histories(), profile=profiles)
def test_where_open_calls_share_an_id_nothing_is_guessed(history, profile):
    changes = repair_messages(history, profile).changes
    unanswered = open_calls(history)
    # Answers in place may have been sorted; that is not a guess.
    late = [c for c in changes if c.action is RepairAction.MOVED and is_late(c, history)]
    for change in sorted(late, key=lambda each: each.message_index):
        earlier = [c for c in unanswered if c.id == change.tool_call_id]
        (answered,) = [c for c in earlier if c.index < change.message_index]
        bearers = [i for i, m in enumerate(history) if change.tool_call_id in _call_ids(m)]
        assert answered.index == max(i for i in bearers if i < change.message_index)
        unanswered.remove(answered)
    for change in changes:
        if change.action is RepairAction.INSERTED:
            if _call_ids(history[change.message_index]).count(change.tool_call_id) > 1:
                assert not is_answered(change, history)
            assert (change.message_index, change.tool_call_id) in [
                (c.index, c.id) for c in unanswered
            ]


def is_answered(change, history):
    """Whether a result bears the id between its call and the next call under the id."""
    for message in history[change.message_index + 1 :]:
        if change.tool_call_id in _call_ids(message):
            return False
        if isinstance(message, ToolMessage) and message.tool_call_id == change.tool_call_id:
            return True
    return False


def is_late(change, history):
    """Whether the call before the result's block is not the one that it answers."""
    before = history[: change.message_index]
    while before and isinstance(before[-1], ToolMessage):
        before.pop()
    block = history[len(before) : change.message_index]
    earlier = [m.tool_call_id for m in block].count(change.tool_call_id)
    return not before or _call_ids(before[-1]).count(change.tool_call_id) <= earlier


def _call_ids(message):
    return [call["id"] for call in _all_calls(message)]


@bounded
@given(history=wrecks, profile=profiles)
def test_ids_are_never_made_up_or_stripped(history, profile):
    repaired = repair_messages(history, profile).messages
    known = {id_ for m in history if isinstance(m, AIMessage) for id_ in _ids_on(m)}
    assert all(m.tool_call_id in known for m in repaired if is_synthetic(m))
