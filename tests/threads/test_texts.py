"""What is said of a diagnosis and of a plan, whatever their ids and names are."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from toolpair_observe import MendPlan, ThreadDiagnosis, ThreadVerdict, check_messages
from toolpair_observe.threads import plan_text, text
from toolpair_observe.threads.diagnosis import BrokenStep, FoundResult, Question, TaskError
from toolpair_observe.threads.plan import MadeUpResult

HOSTILE = "a\n##[error]b\x1b[2J"
SECRET = "SECRET"
CALLS = [{"name": "pay", "args": {"to": SECRET}, "id": f"call_{number}"} for number in range(2)]
LIST = [HumanMessage(SECRET), AIMessage("", tool_calls=CALLS), HumanMessage(SECRET)]
BROKEN = check_messages(LIST)
SOUND = check_messages(LIST[:1])


def found(call_id="call_0", **changes) -> FoundResult:
    return FoundResult(call_id, "pay", "1ef0", changes.pop("namespace", ""), **changes)


def diagnosis(**changes) -> ThreadDiagnosis:
    given = {
        "thread_id": "t",
        "namespace": "",
        "verdict": ThreadVerdict.POISONED,
        "checkpoint_id": "1ef9",
        "channel": "messages",
        "on_new": BROKEN,
        "on_resume": BROKEN,
        "profile": "contract",
    }
    return ThreadDiagnosis(**given | changes)


def plan(**changes) -> MendPlan:
    given = {
        "thread_id": "t",
        "namespace": "",
        "checkpoint_id": "1ef9",
        "verdict": ThreadVerdict.POISONED,
        "channel": "messages",
        "before": BROKEN,
        "after": SOUND,
    }
    return MendPlan(**given | changes)


class Surgeon:
    def apply(self) -> str:
        return "1efa"

    def rollback(self) -> str:
        return "1efb"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.2, "0 s"),
        (59.9, "59 s"),
        (60, "1 minute"),
        (7_199, "1 hour"),
        (7_200, "2 hours"),
        (86_400, "1 day"),
        (1e9, "11,574 days"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(seconds, told):
    assert text.age_of(seconds) == told


def test_results_are_counted_by_call_and_ambiguous_ones_are_none():
    recoverable = (
        found(),
        found(task_id="other"),
        found("call_1", is_ambiguous=True),
    )
    told = text.text_of(diagnosis(recoverable=recoverable))
    assert "; 1 of 2 results can be recovered" in told
    assert "several results differ" in text.explain(diagnosis(recoverable=recoverable))


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (
            BrokenStep("1ef3", "1ef2", 4, "loop", ("model", "tools")),
            "step 4 (the graph's own step of model, tools), checkpoint 1ef3; the last sound "
            "checkpoint is 1ef2",
        ),
        (
            BrokenStep("1ef3", "", None, "update", ()),
            "a step (update_state), checkpoint 1ef3; it is the first one",
        ),
        (BrokenStep("1ef3", "1ef2", -1, "odd", ()), "step -1 (odd), checkpoint 1ef3"),
    ],
)
def test_the_step_that_broke_it_is_named(step, told):
    assert f"broken by {told}" in text.explain(diagnosis(broken_by=step))


def test_an_unreadable_thread_tells_why_and_nothing_else():
    unread = diagnosis(
        verdict=ThreadVerdict.UNREADABLE,
        channel=None,
        on_new=None,
        on_resume=None,
        reason="it is encrypted",
    )
    assert text.text_of(unread) == "thread t: unreadable: it is encrypted"
    assert "it is encrypted" in text.explain(unread)
    assert "mend_thread" not in text.explain(unread)


def test_a_resume_is_told_by_the_list_that_it_makes():
    fine = text.explain(diagnosis(next=("tools",), on_resume=SOUND))
    broken = text.explain(diagnosis(next=("tools",)))
    assert "a resume runs tools, and then tool calls and results pair" in fine
    assert "a resume runs tools, and meets this list:" in broken
    assert "a resume runs nothing\n" in text.explain(diagnosis())


def test_questions_and_errors_are_told_without_their_texts():
    told = text.text_of(
        diagnosis(
            questions=(Question("q", "t1"), Question("r", "t2")),
            errors=(TaskError("ValueError", "t1"),) * 2,
            mended=True,
            age=90.0,
        )
    )
    assert "; 2 questions wait for an answer; its last step ended in ValueError; " in told
    assert told.endswith("; mended before; 1 minute old")


def test_a_history_below_the_root_is_named_and_mended_there():
    below = diagnosis(namespace="research")
    assert text.text_of(below).startswith("thread t in research: poisoned: ")
    config = '{"configurable": {"thread_id": "t", "checkpoint_ns": "research"}}'
    assert f"mend_thread(graph, {config})" in text.explain(below)


@pytest.mark.parametrize("name", ["plain", "it's", 'say "hi"', "back\\slash", HOSTILE, "ünïcödé"])
def test_the_lines_of_python_hold_the_id_itself(name):
    config = text.config_of(name, name, checkpoint_id="1ef9")
    assert eval(config) == {  # noqa: S307 - our own text
        "configurable": {"thread_id": name, "checkpoint_ns": name, "checkpoint_id": "1ef9"}
    }
    assert "\n" not in config


def test_a_diagnosis_and_a_plan_print_what_they_explain():
    assert str(diagnosis()) == diagnosis().explain() == text.explain(diagnosis())
    assert str(plan()) == plan().explain() == plan_text.explain(plan())


def test_a_plan_tells_before_and_after_and_where_each_result_comes_from():
    told = plan(
        found=(found(namespace="research", task_id="1a2b"),),
        made_up=(MadeUpResult("call_1", None),),
        restored_calls=("call_9",),
        next_before=("model",),
        next_after=("model",),
        as_node="tools",
        surgery=Surgeon(),
    ).explain()
    assert told.splitlines() == [
        "thread t: poisoned, nothing has been written yet",
        "  head:   checkpoint 1ef9, channel messages",
        f"  before: {BROKEN.summary()}",
        f"  after:  {SOUND.summary()}",
        "  real results that come back: 1",
        "    call call_0 of tool pay: checkpoint 1ef0 of research, task 1a2b",
        "  error results made up, since none is stored: 1",
        "    call call_1",
        "  call messages that come back for results that had lost them: 1",
        "    call call_9",
        "  a resume runs model before, model after",
        "  written in the name of tools",
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"refused": "a question waits", "surgery": Surgeon()}, "left alone: a question waits"),
        ({"new_checkpoint_id": "1efa", "surgery": Surgeon()}, "mended as checkpoint 1efa"),
        ({"verdict": ThreadVerdict.SOUND}, "nothing to mend"),
        ({"surgery": Surgeon()}, "nothing has been written yet"),
    ],
)
def test_a_plan_tells_what_became_of_it(changes, told):
    assert plan(**changes).explain().splitlines()[0].endswith(told)


def test_the_line_that_rolls_back_names_the_old_head():
    assert plan_text.rollback_line(plan()) == (
        'graph.update_state({"configurable": {"thread_id": "t", "checkpoint_id": "1ef9"}}, None, '
        'as_node="__copy__")'
    )


def test_no_id_and_no_name_is_more_than_text_in_a_line():
    hostile = found(HOSTILE, namespace=HOSTILE, task_id=HOSTILE)
    of_thread = diagnosis(
        thread_id=HOSTILE,
        namespace=HOSTILE,
        channel=HOSTILE,
        next=(HOSTILE,),
        recoverable=(hostile,),
        broken_by=BrokenStep(HOSTILE, HOSTILE, 1, HOSTILE, (HOSTILE,)),
        errors=(TaskError(HOSTILE, HOSTILE),),
    )
    of_plan = plan(
        thread_id=HOSTILE,
        found=(hostile,),
        made_up=(MadeUpResult(HOSTILE, HOSTILE),),
        next_after=(HOSTILE,),
        as_node=HOSTILE,
        refused=HOSTILE,
    )
    for told in (
        text.text_of(of_thread),
        of_thread.explain(),
        of_plan.explain(),
        repr(of_thread),
        repr(of_plan),
    ):
        assert "\x1b" not in told
        assert "##[" not in told
        assert SECRET not in told
    assert "\n" not in text.text_of(of_thread)
    assert len(of_plan.explain().splitlines()) == 10


def test_ids_are_told_by_the_name_they_are_given():
    def name_id(identifier: str) -> str:
        return f"<{len(identifier)}>"

    told = text.explain(diagnosis(recoverable=(found(),)), name_id)
    told += plan_text.explain(plan(found=(found(),), restored_calls=("call_7",)), name_id)
    told += plan_text.rollback_line(plan(), name_id)
    assert "thread <1>" in told
    assert "call <6> of tool pay" in told
    assert '"thread_id": "<1>"' in told
    assert "call_7" not in told
