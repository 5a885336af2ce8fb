"""What broke a history, in words."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from tests.steps.broken_by_steps import BROKEN_BY_STEPS
from tests.steps.programs import recording_of
from tests.steps.watching import judged
from toolpair_observe import Blame, BlameChange, CallFate, Fate, check_messages
from toolpair_observe.steps.blamed import BETWEEN_RUNS, TOOLS
from toolpair_observe.steps.told import tell, where_to_look, with_hint

CALLS = AIMessage("", tool_calls=[{"name": "weather", "args": {}, "id": "call_b"}])
ORPHAN = check_messages([HumanMessage("Hi"), ToolMessage("18", tool_call_id="call_b")], "anthropic")
MISSING = check_messages([HumanMessage("Hi"), CALLS, HumanMessage("Hello?")], "anthropic")
FINISHED = CallFate("call_b", "weather", Fate.FINISHED)


@pytest.mark.parametrize(
    ("blame", "report", "sentence"),
    [
        (
            Blame(
                "Trim.before_model", BlameChange.REMOVED, (3,), fates=(FINISHED,), requests_ago=2
            ),
            ORPHAN,
            "node Trim.before_model removed message 3, the call of call_b, two requests ago; "
            "tool weather finished and its result was lost",
        ),
        (
            Blame(BETWEEN_RUNS, BlameChange.REMOVED, (2, 3, 4)),
            MISSING,
            "the application removed messages 2 to 4, the result of call_b between two runs",
        ),
        (
            Blame("tools", BlameChange.NOT_APPENDED, fates=(
                CallFate("call_b", "weather", Fate.RAISED, "TimeoutError"),
            )),
            MISSING,
            "the tools left call_b without a result; tool weather raised TimeoutError",
        ),
        (
            Blame("model", BlameChange.INSERTED, inserted=(2, 5), fates=(FINISHED,)),
            MISSING,
            "node model inserted messages 2, 5; tool weather finished",
        ),
        (
            Blame(None, BlameChange.REORDERED, requests_ago=1),
            MISSING,
            "a step that is not known changed the order of the messages, one request ago",
        ),
        (
            Blame(None, None, began_elsewhere=True),
            MISSING,
            "a step that is not known broke the history; this process did not see the "
            "conversation begin",
        ),
        (
            Blame("Renames.before_model", BlameChange.IDS_CHANGED, fates=(
                CallFate("call_b", None, Fate.CANCELLED),
            )),
            MISSING,
            "node Renames.before_model changed ids, so that call_b is not answered under its own; "
            "call call_b was canceled",
        ),
    ],
)  # fmt: skip
def test_a_sentence_says_who_did_what_and_what_became_of_the_calls(blame, report, sentence):
    assert tell(blame, report) == sentence


def test_a_name_with_a_line_break_stays_one_line():
    blame = Blame("Trim\n::error::x", BlameChange.REMOVED, (1,))

    assert tell(blame, MISSING).startswith("node Trim\\n")


def test_the_hint_of_the_foremost_violation_speaks_of_the_step():
    blame = Blame("Trim.before_model", BlameChange.REMOVED, (3,))

    report = with_hint(MISSING, blame)

    assert report.violations[0].hint.startswith("look at node Trim.before_model")
    assert report.violations[0].hint.endswith(MISSING.violations[0].hint)


def test_a_report_without_a_known_step_keeps_its_hints():
    assert with_hint(MISSING, Blame(None, BlameChange.REMOVED)) is MISSING
    assert not where_to_look(Blame(None, BlameChange.REMOVED))


def test_an_observation_explains_what_broke_its_history():
    program = BROKEN_BY_STEPS["a_window_before_the_model"]
    records = judged(recording_of(program, 1))
    observation = next(each for each in records if not each.report.ok).observation()

    text = " ".join(observation.explain().split())

    assert "broken by: node BeforeModel.before_model removed messages" in text
    assert "to do: look at node BeforeModel.before_model" in text


def test_an_observation_without_a_blame_explains_its_report():
    program = BROKEN_BY_STEPS["a_window_before_the_model"]
    records = judged(recording_of(program, 0), blame="off")
    observation = next(each for each in records if not each.report.ok).observation()

    assert observation.explain() == observation.report.explain()


def test_tools_are_not_looked_for_as_a_node():
    blame = Blame(TOOLS, BlameChange.NOT_APPENDED)
    renamed = Blame(TOOLS, BlameChange.IDS_CHANGED)

    assert where_to_look(blame) == (
        "look at what stopped the tools: calls were left without a result"
    )
    assert where_to_look(renamed) == "look at node tools: it changed ids"
