"""A mend is carried out as a whole, or the thread is what it was, whatever happens meanwhile."""

from __future__ import annotations

import traceback

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.types import Command, interrupt

from tests.threads.broken import (
    CONFIG,
    SECRET,
    Between,
    graph,
    messages,
    poisoned,
    rows,
    say,
    sqlite_saver,
    stalled,
    told,
    verdict,
)
from toolpair_observe.errors import MendError
from toolpair_observe.threads.mend import mend_thread

both = pytest.mark.parametrize("broken", [stalled, poisoned], ids=["stalled", "poisoned"])
alone = pytest.mark.parametrize("calls", [("good", "bad"), ("bad",)], ids=["beside", "alone"])


def planned(made, **options):
    plan = mend_thread(made, CONFIG, idle=0, **options)
    assert plan.can_be_applied, plan.refused
    return plan


@both
def test_a_plan_changes_not_a_byte_and_a_mend_no_row(broken):
    saver = sqlite_saver()
    made = broken(saver)
    before = rows(saver)

    plan = planned(made)
    assert rows(saver) == before

    plan.apply()
    assert set(before) < set(rows(saver))


@both
@alone
def test_what_is_rolled_back_is_what_it_was(broken, calls):
    made = broken(saver := sqlite_saver(), calls=calls)
    before, metadata = told(made), saver.get_tuple(CONFIG).metadata

    plan = planned(made)
    plan.apply()
    assert verdict(saver) == "sound"
    plan.rollback()

    assert told(made) == before
    assert (
        saver.get_tuple(CONFIG).metadata.items()
        >= {k: v for k, v in metadata.items() if k not in {"step", "source"}}.items()
    )
    assert "toolpair_rolled_back" in saver.get_tuple(CONFIG).metadata


@both
@alone
def test_a_plan_that_was_rolled_back_can_be_applied_and_rolled_back_again(broken, calls):
    made = broken(saver := InMemorySaver(), calls=calls)
    before = told(made)
    plan = planned(made)
    plan.apply()
    after = messages(made)
    plan.rollback()

    plan.apply()
    assert verdict(saver) == "sound"
    assert messages(made) == after
    plan.rollback()
    assert told(made) == before


@both
def test_a_plan_is_applied_once(broken):
    made = broken(saver := sqlite_saver())
    plan = planned(made)
    plan.apply()
    before = rows(saver)

    with pytest.raises(MendError, match="has been applied already"):
        plan.apply()
    assert rows(saver) == before


def test_a_thread_that_has_moved_on_is_not_written_to():
    made = poisoned(saver := sqlite_saver())
    plan = planned(made)
    say(made, "bye")
    before = rows(saver)

    with pytest.raises(MendError, match="has moved on"):
        plan.apply()
    assert rows(saver) == before


def test_what_was_said_since_a_mend_is_not_rolled_back():
    made = poisoned(InMemorySaver())
    plan = planned(made)
    plan.apply()
    say(made, "bye")
    before = told(made)

    with pytest.raises(MendError, match="has gone on"):
        plan.rollback()
    assert told(made) == before


def test_what_a_task_has_written_since_a_mend_is_not_rolled_back():
    # A run that ended before its checkpoint has left its task's writes on the mend.
    made = stalled(saver := InMemorySaver())
    plan = planned(made)
    plan.apply()
    state = made.get_state(CONFIG)
    answer = [("messages", [HumanMessage("written")])]
    saver.put_writes(state.config, answer, state.tasks[0].id)

    with pytest.raises(MendError, match="has gone on"):
        plan.rollback()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("broken", "nth"), [(stalled, 1), (stalled, 2), (poisoned, 1)])
def test_a_run_that_goes_on_meanwhile_wins(broken, nth, when):
    made = broken(saver := Between())
    plan = planned(made)
    saver.arm(when, nth, lambda: _goes_on(made, plan))

    with pytest.raises(MendError, match="a run has gone on with the thread meanwhile"):
        plan.apply()
    assert messages(made)[-1] == ("human", "of a run", None)


@pytest.mark.parametrize("goes_on", [False, True], ids=["alone", "beside a run"])
@pytest.mark.parametrize(("broken", "nth"), [(stalled, 1), (stalled, 2), (poisoned, 1)])
def test_a_database_that_fails_leaves_the_thread_as_it_was(broken, nth, goes_on):
    made = broken(saver := Between())
    plan = planned(made)
    before = told(made)

    def fail() -> None:
        if goes_on:
            _goes_on(made, plan)
        raise OSError(SECRET)

    saver.arm("before", nth, fail)
    with pytest.raises(MendError) as raised:
        plan.apply()
    if goes_on:
        assert messages(made)[-1] == ("human", "of a run", None)
    else:
        assert "the graph refused the update (OSError); the thread is as it was" in str(
            raised.value
        )
        assert told(made) == before
    assert SECRET not in "".join(traceback.format_exception(raised.value))


def test_a_mend_that_can_not_be_undone_says_which_checkpoint_was_the_head():
    made = stalled(saver := Between())
    plan = planned(made)

    def fail() -> None:
        saver.arm("before", 1, fail)
        raise OSError(SECRET)

    saver.arm("before", 2, fail)
    with pytest.raises(MendError, match="could not be made the head again") as raised:
        plan.apply()
    assert plan.checkpoint_id in str(raised.value)
    assert SECRET not in "".join(traceback.format_exception(raised.value))


def test_an_interrupted_mend_is_undone():
    made = stalled(saver := Between())
    plan = planned(made)
    before = told(made)

    def stop() -> None:
        raise KeyboardInterrupt

    saver.arm("before", 2, stop)
    with pytest.raises(KeyboardInterrupt):
        plan.apply()
    assert told(made) == before


def _goes_on(made, plan) -> None:
    """Store what a run stores that was in flight, and knows nothing of the mend."""
    where = {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": plan.checkpoint_id}
    values = {"messages": [HumanMessage("of a run")]}
    made.update_state({"configurable": where}, values, as_node="model")


def asks() -> str:
    return f"they said {interrupt('May I?')} and {interrupt('Really?')}"


@pytest.mark.parametrize("answers", [[], ["yes"]], ids=["first", "second"])
def test_a_question_that_comes_back_is_answered_by_its_id(answers):
    made = graph(saver := sqlite_saver(), asks)
    say(made)
    for each in answers:
        made.invoke(Command(resume=each), CONFIG)
    before = told(made)

    mend_thread(made, CONFIG, idle=0, drop_questions=True, apply=True).rollback()
    assert told(made) == before
    while questions := made.get_state(CONFIG).interrupts:
        made.invoke(Command(resume={each.id: "sure" for each in questions}), CONFIG)

    said = {call: text for _, text, call in messages(made) if call}
    assert said["call_bad"] == f"they said {[*answers, 'sure'][0]} and sure"
    assert verdict(saver) == "sound"


def test_of_two_questions_the_answered_one_stays_answered():
    made = graph(InMemorySaver(), lambda: interrupt("Whom?"), calls=("bad", "bad too"))
    say(made)
    first = made.get_state(CONFIG).interrupts[0]
    made.invoke(Command(resume={first.id: "one"}), CONFIG)
    before = told(made)

    mend_thread(made, CONFIG, idle=0, drop_questions=True, apply=True).rollback()
    assert told(made) == before
    made.invoke(Command(resume={i.id: "two" for i in made.get_state(CONFIG).interrupts}), CONFIG)
    assert [text for _, text, call in messages(made) if call] == ["one", "two"]


def test_a_rollback_restores_the_places_of_what_tasks_have_written(postgres_url):
    with PostgresSaver.from_conn_string(postgres_url) as saver:
        saver.setup()
        made = stalled(saver, calls=("good", "other", "more", "bad"))
        before, written = told(made), _written(saver)
        plan = planned(made)
        plan.apply()
        plan.rollback()

        assert told(made) == before
        assert _written(saver) == written
        assert len({path for path, *_ in written}) == 4


def _written(saver) -> list[tuple]:
    """Where each task of the head stands in its superstep, and what it has written."""
    head = saver.get_tuple(CONFIG).config["configurable"]["checkpoint_id"]
    rows = saver.conn.execute(
        "select task_path, idx, channel, blob from checkpoint_writes where checkpoint_id = %s",
        (head,),
    )
    return sorted(tuple(map(str, row.values())) for row in rows)
