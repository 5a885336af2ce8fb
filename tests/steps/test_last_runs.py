"""How runs left their threads: what is kept of it, and how much."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage

from tests.forking import in_child, needs_fork
from tests.steps.journaled import Journaled, history
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.steps import by_steps, last_runs
from toolpair_observe.steps.blamed import BETWEEN_RUNS, Blame, BlameChange
from toolpair_observe.steps.by_steps import blame_by_steps
from toolpair_observe.steps.journal import Journal
from toolpair_observe.steps.last_runs import LastRun, LastRuns


@pytest.fixture(name="kept")
def _kept(monkeypatch: pytest.MonkeyPatch) -> LastRuns:
    kept = LastRuns()
    monkeypatch.setattr(by_steps, "LAST_RUNS", kept)
    return kept


def ended(kept: LastRuns, messages: list[BaseMessage], thread_id: str | None = "thread") -> None:
    """Run an agent that leaves these messages."""
    run = Journaled(Journal(kept.note), thread_id).start({"messages": messages[-1:]})
    run.step("model", {"messages": messages[:-1]}, {"messages": messages[-1:]})
    run.end({"messages": messages})


def blamed(messages: list[BaseMessage], given: int = 1, thread_id: str = "thread") -> Blame | None:
    """Run an agent of the same thread, and return what it is told at its first request."""
    run = Journaled(Journal(), thread_id).start({"messages": messages[-given:]})
    asks = run.open_step("model", {"messages": messages})
    report = check(messages, CONTRACT)
    assert not report.ok

    def check_again(others: object) -> object:
        return check(others, CONTRACT)  # type: ignore[arg-type]

    return blame_by_steps(messages, report, check_again, run.root, asks, str)  # type: ignore[arg-type]


def without(messages: list[BaseMessage], place: int) -> list[BaseMessage]:
    return [*messages[:place], *messages[place + 1 :], HumanMessage("And now?", id="new")]


def test_what_is_gone_since_the_last_run_was_removed_between_the_two(kept: LastRuns):
    ended(kept, history(2))

    blame = blamed(without(history(2), 5))

    assert blame is not None
    assert (blame.step, blame.change, blame.removed) == (BETWEEN_RUNS, BlameChange.REMOVED, (5,))


@pytest.mark.parametrize("place", [5, 6])
def test_what_is_older_than_what_is_kept_was_removed_between_the_two(kept: LastRuns, place: int):
    ended(kept, history(100))

    blame = blamed(without(history(100), place))

    assert blame is not None
    assert (blame.step, blame.change) == (BETWEEN_RUNS, BlameChange.REMOVED)


def test_another_thread_of_the_same_name_tells_nothing(kept: LastRuns):
    ended(kept, [HumanMessage("Other", id="other"), AIMessage("x", id="lc_run--other")])

    blame = blamed(without(history(2), 5))

    assert blame is not None
    assert (blame.step, blame.began_elsewhere) == (None, True)


def test_a_thread_that_went_on_in_another_process_says_so(kept: LastRuns):
    ended(kept, history(2))
    later = history(4)

    blame = blamed(without(later, 13))

    assert blame is not None
    assert (blame.step, blame.began_elsewhere) == (None, True)


def test_what_the_last_step_broke_is_told_at_the_next_request(kept: LastRuns):
    run = Journaled(Journal(kept.note)).start()
    run.step("model", {"messages": history(1)[:3]}, {"messages": history(1)[3:]})
    run.step("tidy", {"messages": history(1)}, {"messages": [RemoveMessage(id="tool-0")]})
    run.end({"messages": [*history(1)[:2], *history(1)[3:]]})

    blame = blamed(without(history(1), 2))

    assert blame is not None
    assert (blame.step, blame.change, blame.removed) == ("tidy", BlameChange.REMOVED, (2,))


def test_threads_are_bounded(kept: LastRuns, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(last_runs, "MOST_THREADS", 3)
    for n in range(5):
        ended(kept, history(1), f"t{n}")

    assert len(kept) == 3


def test_a_last_run_ages_out(kept: LastRuns, monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr(last_runs, "monotonic", lambda: now[0])
    ended(kept, history(1), "old")
    now[0] = last_runs.KEEP_SECONDS + 1
    ended(kept, history(1), "new")

    assert len(kept) == 1


def test_nothing_of_a_message_is_kept(kept: LastRuns):
    secret = [HumanMessage("my password is hunter2"), AIMessage("hunter2", id="lc_run--1")]
    ended(kept, secret)
    run = kept._runs["thread"]

    told = [getattr(run, name) for name in LastRun.__slots__]
    told += [getattr(each, name) for each in run.outlines for name in type(each).__slots__]
    assert "hunter2" not in repr(told)


@needs_fork
def test_a_forked_child_knows_no_last_runs(kept: LastRuns):
    ended(kept, history(1))

    assert in_child(lambda: len(kept)) == "0"


def test_what_a_request_had_is_neither_traced_again_nor_blamed_on_the_application(kept: LastRuns):
    broken = without(history(2), 5)
    run = Journaled(Journal(kept.note)).start({"messages": broken[-1:]})
    removes = {"messages": [RemoveMessage(id=history(2)[5].id)]}
    run.step("trim", {"messages": [*history(2), broken[-1]]}, removes)
    asks = run.open_step("model", {"messages": broken})
    report = check(broken, CONTRACT)
    blame_by_steps(broken, report, lambda each: check(each, CONTRACT), run.root, asks, str)
    run.journal.chain_ended(asks, {"messages": [AIMessage("Fine.", id="lc_run--new")]})
    answered = [*broken, AIMessage("Fine.", id="lc_run--new")]
    run.step("tidy", {"messages": answered})
    run.end({"messages": answered})

    assert kept._runs["thread"].traced == ()
    assert blamed([*answered, HumanMessage("Hello?", id="newer")]) is None


def test_what_stands_at_the_end_of_a_run_is_traced_once_a_request_has_not_had_it(kept: LastRuns):
    run = Journaled(Journal(kept.note)).start()
    run.step("tidy", {"messages": history(1)}, {"messages": [RemoveMessage(id="tool-0")]})
    run.end({"messages": [*history(1)[:2], *history(1)[3:]]})

    (traced,) = kept._runs["thread"].traced
    assert (traced.ids, traced.found.step) == ({"call_0"}, "tidy")


def test_a_graph_without_messages_and_thread_leaves_nothing(kept: LastRuns):
    run = Journaled(Journal(kept.note), None).start({"number": 1})
    run.step("count", {"number": 1}, {"number": 2})
    run.end({"number": 2})

    assert len(kept) == 0
