"""The journal of steps: bounded, and gone with its runs."""

from __future__ import annotations

import gc
import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from pydantic import BaseModel

from tests.forking import in_child, needs_fork
from tests.steps.journaled import Journaled, history
from toolpair_observe.steps import journal as journals
from toolpair_observe.steps.fates import Tools
from toolpair_observe.steps.journal import Journal
from toolpair_observe.steps.states import messages_in

if TYPE_CHECKING:
    from collections.abc import Callable


class Talk(BaseModel):
    talk: list[BaseMessage]


@dataclass
class Spoken:
    number: int = 1
    talk: list[BaseMessage] = field(default_factory=list)


SAID = [HumanMessage("Hi"), AIMessage("Hello")]


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ({"messages": SAID}, SAID),
        ({"messages": []}, []),
        ({"messages": [], "talk": SAID}, SAID),
        ({"talk": SAID, "messages": "none"}, SAID),
        ({"one": SAID[:1], "two": SAID}, SAID),
        (Talk(talk=SAID), SAID),
        (Spoken(talk=SAID), SAID),
        ([{"role": "user", "content": "Hi"}], [{"role": "user", "content": "Hi"}]),
        ([{"name": "weather", "args": {}, "id": "a", "type": "tool_call"}], None),
        ([("user", "Hi")], [("user", "Hi")]),
        ([{"type": "human", "content": "Hi"}], [{"type": "human", "content": "Hi"}]),
        ({"messages": "Hi"}, None),
        ({"numbers": [1, 2]}, None),
        ("Hi", None),
        (None, None),
    ],
)
def test_a_history_is_found_by_what_it_holds(state, found):
    assert messages_in(state) == found


def test_a_run_that_ends_is_forgotten_with_its_states():
    run = Journaled().start()
    state = [HumanMessage("Hi", id="h")]
    kept = weakref.ref(state[0])
    run.step("model", {"messages": state})
    run.end({"messages": state})
    del state
    gc.collect()

    assert (len(run.journal), kept()) == (0, None)


def test_a_long_run_keeps_its_last_steps():
    run = Journaled().start()
    for _ in range(journals.MOST_STEPS):
        run.step("model", {"messages": SAID})
    last = run.step("last", {"messages": SAID})

    assert len(run.root.steps) == journals.MOST_STEPS
    assert last in run.root.steps


def test_a_process_keeps_its_last_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journals, "MOST_ROOTS", 3)
    journal = Journal()
    began = [Journaled(journal, f"t{n}").start() for n in range(5)]

    assert len(journal) == 3
    assert journal.root_of(began[0].run_id) is None
    assert journal.root_of(began[4].run_id) is not None


def test_a_tool_that_ends_after_its_run_is_noted_all_the_same():
    run = Journaled().start()
    step = run.open_step("tools", [])
    tool = uuid4()
    run.journal.tool_started(tool, step, "call_a", "weather")
    kept = run.root.tools[tool]
    run.end(error="CancelledError")

    run.journal.tool_ended(tool, "call_a", "TimeoutError")

    assert (kept.is_over, kept.error) == (True, "TimeoutError")


def test_tools_that_never_end_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journals, "MOST_LATE", 2)
    journal = Journal()
    for n in range(5):
        run = Journaled(journal, f"t{n}").start()
        step = run.open_step("tools", [])
        journal.tool_started(uuid4(), step, f"call_{n}", "weather")
        run.end(error="CancelledError")

    assert len(journal._late) == 2


def test_of_a_run_that_is_over_no_tool_is_kept_that_never_ended(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journals, "MOST_TOOLS", 2)
    run = Journaled().start()
    step = run.open_step("tools", [])
    for n in range(4):
        run.journal.tool_started(uuid4(), step, f"call_{n}", "weather")
    run.end()

    assert run.journal._root_of == {}


class Waiting:
    """An object in a state whose attributes take as long as another run does."""

    def __init__(self, other: Journaled) -> None:
        self.other = other
        self.waited: list[bool] = []

    def __getattr__(self, name: str) -> None:
        worker = threading.Thread(target=self.other.start, daemon=True)
        worker.start()
        worker.join(5)
        self.waited.append(not worker.is_alive())
        raise AttributeError(name)


def test_an_attribute_that_waits_for_another_run_does_not_wait_for_ever():
    journal = Journal()
    run = Journaled(journal).start()
    given, read, returned = (Waiting(Journaled(journal)) for _ in range(3))
    run.journal.chain_started(uuid4(), run.run_id, "chain", [given], {})
    graph, node = uuid4(), uuid4()
    run.journal.chain_started(graph, run.run_id, "LangGraph", None, {})
    about = {"langgraph_node": "model"}
    run.journal.chain_started(node, graph, "model", {"things": [read]}, about)
    run.journal.chain_ended(graph, [returned])

    assert [set(each.waited) for each in (given, read, returned)] == [{True}] * 3


def test_an_agent_that_is_a_node_of_its_own_name_is_one_step():
    run = Journaled().start()
    node = run.open_step("alice", {"messages": SAID})
    about = {"langgraph_node": "alice", "langgraph_checkpoint_ns": f"alice:{node}"}
    graph = uuid4()
    run.journal.chain_started(graph, node, "alice", {"messages": SAID}, about)

    assert [each.name for each in run.root.steps.values()] == ["alice"]
    assert graph in run.root.graphs


@needs_fork
def test_a_forked_child_begins_with_an_empty_journal():
    run = Journaled().start()

    assert in_child(lambda: len(run.journal)) == "0"
    assert len(run.journal) == 1


def test_runs_of_several_threads_do_not_mix():
    journal = Journal()
    made: list[Journaled] = []

    def work(name: str) -> None:
        run = Journaled(journal, name).start()
        for n in range(50):
            run.step(f"{name}-{n}", {"messages": history(1)})
        made.append(run)

    workers = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(8)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()

    for run in made:
        names = [each.name for each in run.root.steps.values()]
        assert names == [f"{run.thread_id}-{n}" for n in range(50)]


class Slow(UUID):
    """A run id in whose hash, which is Python code, another thread can have its turn."""

    turn: Callable[[], object] | None = None

    def __hash__(self) -> int:
        turn, Slow.turn = Slow.turn, None
        if turn is not None:
            turn()
        return super().__hash__()


def test_what_a_run_keeps_can_be_read_while_another_thread_writes():
    run = Journaled().start()
    for _ in range(3):
        step = Slow(int=uuid4().int)
        run.journal.chain_started(step, run.run_id, "a", SAID, {"langgraph_node": "a"})
        run.journal.tool_started(Slow(int=uuid4().int), step, f"call_{step}", "weather")

    def write() -> None:
        run.journal.tool_started(uuid4(), run.open_step("b", SAID), "call_b", "weather")

    Slow.turn = write
    assert len(run.root.steps_of(run.run_id)) >= 3
    Slow.turn = write
    assert len(Tools.of(run.root).by_call) >= 3
    Slow.turn = None
