"""The page on stored threads: its snippets run, its commands and tables are true."""

from __future__ import annotations

import re
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver

from tests.handler.models import CountingModel
from toolpair_observe import ThreadVerdict, diagnose_threads, mend_thread
from toolpair_observe.cli.dispatch import build_parser
from toolpair_observe.threads.diagnose import IDLE, MEND_MARK

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threads.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
COMMANDS = [
    line.partition("toolpair-observe ")[2]
    for language, text in BLOCKS
    if language == "bash"
    for line in text.splitlines()
]
THREAD: Any = {"configurable": {"thread_id": "42"}}
CALLS = AIMessage("", tool_calls=[{"name": "book", "args": {}, "id": "call_book"}])


@tool
def book() -> str:
    """Book a table."""
    raise ConnectionError


@pytest.fixture
def graph(tmp_path, monkeypatch):
    """A graph whose thread 42 broke an hour ago, in the file that the page names."""
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("app.db", check_same_thread=False)) as connection:
        made = create_agent(CountingModel(), [book], checkpointer=SqliteSaver(connection))
        made.update_state(THREAD, {"messages": [HumanMessage("Book it."), CALLS]}, as_node="model")
        with pytest.raises(ConnectionError):
            made.invoke(None, THREAD)
        made.invoke({"messages": [HumanMessage("Well?")]}, THREAD)
        yield made


def verdicts(graph: Any) -> list[ThreadVerdict]:
    return [each.verdict for each in diagnose_threads(graph.checkpointer, profile="openai-chat")]


def test_the_python_snippets_find_mend_and_roll_back(graph, monkeypatch, capsys):
    find, mend, undo = [text for language, text in BLOCKS if language == "python"]
    names: dict[str, Any] = {"graph": graph}

    def run(snippet: str) -> str:
        exec(compile(snippet, "threads.md", "exec"), names)  # noqa: S102 - our own page
        return capsys.readouterr().out

    assert run(find).startswith("42 poisoned ")
    run(mend)
    assert "may still be going on" in names["plan"].refused
    assert verdicts(graph) == [ThreadVerdict.POISONED]

    monkeypatch.setitem(mend_thread.__kwdefaults__, "idle", 0.0)  # as if ten minutes had passed
    shown = run(mend)
    assert "call_book" in shown
    assert "Book it." not in shown
    assert verdicts(graph) == [ThreadVerdict.SOUND]
    (mark,) = [
        each.metadata[MEND_MARK]
        for each in graph.checkpointer.list(None, filter={MEND_MARK: names["plan"].checkpoint_id})
    ]
    assert mark == names["plan"].checkpoint_id
    run(undo)
    assert verdicts(graph) == [ThreadVerdict.POISONED]


def test_its_commands_are_ones(tmp_path):
    assert len(COMMANDS) >= 5
    # The folder that node_exporter reads is there only where it is installed.
    commands = [re.sub(r"(?<=-textfile )\S+/", f"{tmp_path}/", each) for each in COMMANDS]
    parsed = [build_parser().parse_args(shlex.split(command)) for command in commands]
    assert {each.url.partition("://")[0] for each in parsed} == {"sqlite", "postgresql"}
    assert [each.apply for each in parsed if each.mend] == [False, True]


def test_every_option_of_its_table_is_one(capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["threads", "--help"])
    known = capsys.readouterr().out
    named = re.findall(r"(--[a-z][a-z-]+)", PAGE.partition("## What each verdict means")[0])
    assert len(named) >= 9
    assert [option for option in named if option not in known] == []


def test_it_explains_each_verdict():
    _, _, rest = PAGE.partition("## What each verdict means")
    assert re.findall(r"^\| `(\w+)` \|", rest, re.MULTILINE) == [*ThreadVerdict]


def test_it_tells_the_real_idle_time():
    assert IDLE == 600
    assert "`--idle` (ten minutes)" in PAGE
