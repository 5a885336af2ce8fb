"""`--graph module:attribute`: what is taken for a graph, and what is said of everything else."""

from __future__ import annotations

import importlib
import sys

import pytest

from toolpair_observe.errors import SettingsError
from toolpair_observe.threads import graphs
from toolpair_observe.threads.graphs import opened_graph

APP = """
from contextlib import asynccontextmanager, contextmanager
from functools import partial

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

EVENTS = []
builder = StateGraph(MessagesState)
builder.add_node("model", lambda state: {})
builder.add_edge(START, "model")
graph = builder.compile(checkpointer=InMemorySaver())
bare = builder.compile()
below = builder.compile(checkpointer=True)
number = 7


class Holder:
    graph = graph


def factory():
    return graph


async def coroutine():
    EVENTS.append("made")
    return graph


@contextmanager
def context():
    EVENTS.append("opened")
    yield graph
    EVENTS.append("closed")


@asynccontextmanager
async def acontext():
    EVENTS.append("opened")
    yield graph
    EVENTS.append("closed")


def needs(config):
    return graph


bound = partial(needs, {})


def fails():
    raise RuntimeError("the password is hunter2")


async def afails():
    raise RuntimeError("the password is hunter2")


def makes_nothing():
    return None
"""


@pytest.fixture
def app(tmp_path, monkeypatch):
    """A module of a user, in a package of the current folder."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "agent.py").write_text(APP)
    (folder / "needy.py").write_text("import a_module_that_nobody_has\n")
    (folder / "raises.py").write_text('raise ValueError("hunter2")\n')
    (folder / "exits.py").write_text("raise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    known = set(sys.modules)
    yield lambda: importlib.import_module("shop.agent")
    for name in set(sys.modules) - known:
        if name.startswith("shop"):
            del sys.modules[name]


@pytest.fixture
def asked(monkeypatch):
    """What the functions that mend were asked, in place of mends."""
    calls = []

    class Plan:
        def apply(self):
            calls.append(("apply",))

        async def aapply(self):
            calls.append(("aapply",))

    def mend_thread(graph, config, **options):
        calls.append(("mend_thread", graph, config, options))
        return Plan()

    async def amend_thread(graph, config, **options):
        calls.append(("amend_thread", graph, config, options))
        return Plan()

    monkeypatch.setattr(graphs, "mend_thread", mend_thread)
    monkeypatch.setattr(graphs, "amend_thread", amend_thread)
    return calls


@pytest.mark.parametrize("name", ["graph", "Holder.graph", "factory", "bound", "context"])
def test_a_graph_and_what_makes_one_are_taken(app, asked, name):
    with opened_graph(f"shop.agent:{name}") as mender:
        mender({"configurable": {"thread_id": "t"}}, {"idle": 3.0}).apply()
    graph = app().graph
    assert asked == [
        ("mend_thread", graph, {"configurable": {"thread_id": "t"}}, {"idle": 3.0}),
        ("apply",),
    ]


@pytest.mark.parametrize("name", ["coroutine", "acontext"])
def test_what_is_asynchronous_is_mended_asynchronously(app, asked, name):
    with opened_graph(f"shop.agent:{name}") as mender:
        mender({"configurable": {"thread_id": "t"}}, {"idle": 3.0}).apply()
    graph = app().graph
    assert asked == [
        ("amend_thread", graph, {"configurable": {"thread_id": "t"}}, {"idle": 3.0}),
        ("aapply",),
    ]


@pytest.mark.parametrize("name", ["context", "acontext"])
def test_what_was_opened_is_closed_even_after_an_error(app, asked, name):
    with pytest.raises(KeyError), opened_graph(f"shop.agent:{name}"):
        raise KeyError
    assert app().EVENTS[0] == "opened"


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("shop.agent", "as in --graph my_agent.agent:graph"),
        ("shop/agent.py:graph", "as in --graph my_agent.agent:graph"),
        (":graph", "as in --graph my_agent.agent:graph"),
        ("nobody.has_it:graph", "there is no module 'nobody' here"),
        ("shop.other:graph", "there is no module 'shop.other' here"),
        ("shop.agent:grahp", "module 'shop.agent' has no attribute 'grahp'"),
        ("shop.agent:number", "is no compiled graph, it is of type int"),
        ("shop.agent:builder", "is not compiled"),
        ("shop.agent:bare", "has no checkpointer"),
        ("shop.agent:below", "has no checkpointer"),
        ("shop.agent:needs", "takes arguments; name a compiled graph, or a function without"),
        ("shop.agent:Holder", "is no compiled graph, it is of type Holder"),
        ("shop.agent:makes_nothing", "is no compiled graph, it is of type NoneType"),
        ("shop.agent:fails", "raises RuntimeError at "),
        ("shop.agent:afails", "raises RuntimeError at "),
        ("shop.needy:graph", "raises ModuleNotFoundError at "),
        ("shop.raises:graph", "raises ValueError at "),
        ("shop.exits:graph", "raises SystemExit at "),
    ],
)
def test_everything_else_is_one_clear_error(app, spec, told):
    with pytest.raises(SettingsError) as raised, opened_graph(spec):
        pass
    text = str(raised.value)
    assert text.startswith(f"--graph '{spec}'")
    assert told in text
    assert "hunter2" not in text


def test_the_place_of_an_error_is_that_in_the_users_file(app):
    with pytest.raises(SettingsError, match=r"shop/raises\.py:1;"), opened_graph("shop.raises:g"):
        pass
