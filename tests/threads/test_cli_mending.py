"""`toolpair-observe threads --mend`: what would be done, what is done, and what is left alone."""

from __future__ import annotations

import json
import re

import pytest
from langgraph.checkpoint.postgres import PostgresSaver

from tests.threads import agent_app
from tests.threads.agent_app import DATABASE, SECRET, agent, fill, opened_saver, say
from toolpair_observe import diagnose_threads
from toolpair_observe.cli.main import main
from toolpair_observe.hashed import hashed

URL = f"sqlite:///{DATABASE}"
APP = agent_app.__name__
MEND = ("--idle", "0s", "--mend", "--graph", f"{APP}:opened_agent")


@pytest.fixture
def database(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with opened_saver() as saver:
        fill(saver)
    return tmp_path / DATABASE


def verdicts() -> dict[str, str]:
    with opened_saver() as saver:
        return {each.thread_id: each.verdict.value for each in diagnose_threads(saver, idle=0)}


def messages(thread_id: str) -> list:
    with opened_saver() as saver:
        state = agent(saver).get_state({"configurable": {"thread_id": thread_id}})
        return [(each.type, getattr(each, "status", None)) for each in state.values["messages"]]


def heads() -> dict[str, str]:
    with opened_saver() as saver:
        return {each.thread_id: each.checkpoint_id for each in diagnose_threads(saver, idle=0)}


BEFORE = {each: each for each in ("sound", "waiting", "stalled", "poisoned")}
AFTER = BEFORE | {"stalled": "sound", "poisoned": "sound"}


def test_a_dry_run_shows_the_plans_and_writes_nothing(database, capsys):
    before = heads()
    assert main(["threads", URL, *MEND]) == 1
    out, err = capsys.readouterr()

    assert heads() == before
    for name in ("poisoned", "stalled"):
        assert f"thread {name}: {name}, nothing has been written yet" in out
    assert out.count("real results that come back: 1\n    call call_weather of tool weather:") == 2
    assert out.count("error results made up, since none is stored: 1\n    call call_broken") == 2
    assert "mends: 2 can be mended; nothing was written: --apply writes\n" in out
    assert "roll back" not in out
    assert err == ""
    assert SECRET not in out


@pytest.mark.parametrize("factory", ["opened_agent", "async_agent"])
def test_apply_mends_and_tells_how_to_roll_back(database, capsys, factory):
    before = heads()
    assert main(["threads", URL, *MEND[:-1], f"{APP}:{factory}", "--apply"]) == 0
    out, err = capsys.readouterr()

    assert verdicts() == AFTER
    assert "mends: 2 mended\n" in out
    assert err == ""
    assert SECRET not in out
    results = [("tool", "success"), ("tool", "error")]
    for name in ("poisoned", "stalled"):
        assert f"thread {name}: {name}, mended as checkpoint {heads()[name]}" in out
        assert messages(name)[2:4] == results
        with opened_saver() as saver:
            say(agent(saver), name, "and now?")
        assert messages(name)[-1] == ("ai", None)

    (line,) = (each for each in out.splitlines() if before["poisoned"] in each and "graph." in each)
    with opened_saver() as saver:
        graph = agent(saver)
        eval(line.partition("to roll back: ")[2], {"graph": graph})  # noqa: S307 - what we print
    assert verdicts()["poisoned"] == "poisoned"


def test_json_is_one_plan_for_each(database, capsys):
    assert main(["threads", URL, *MEND, "--apply", "--json"]) == 0
    plans = map(json.loads, capsys.readouterr().out.splitlines())
    told = {each["thread_id"]: each for each in plans}
    assert {name: each["new_checkpoint_id"] for name, each in told.items()} == {
        name: heads()[name] for name in ("poisoned", "stalled")
    }
    assert told["poisoned"]["after"]["ok"]


def test_only_and_thread_choose_and_the_status_tells_of_the_others(database, capsys):
    assert main(["threads", URL, *MEND, "--apply", "--only", "stalled"]) == 1
    assert verdicts() == BEFORE | {"stalled": "sound"}
    assert main(["threads", URL, *MEND, "--apply", "--thread", "poisoned"]) == 0
    assert verdicts() == AFTER


def test_max_is_the_most_that_are_mended(database, capsys):
    assert main(["threads", URL, *MEND, "--apply", "--max", "1"]) == 1
    assert sorted(verdicts().values()).count("sound") == 2
    assert "mends: 1 mended" in capsys.readouterr().out
    main(["threads", URL, *MEND, "--max", "1"])
    assert "mends: 1 can be mended" in capsys.readouterr().out


def test_a_question_is_dropped_only_where_its_thread_is_named(database, capsys):
    assert main(["threads", URL, *MEND, "--apply", "--drop-questions"]) == 0
    assert verdicts() == AFTER
    options = ["--thread", "waiting", "--apply"]
    assert main(["threads", URL, *MEND, *options]) == 0
    assert verdicts() == AFTER
    assert main(["threads", URL, *MEND, *options, "--drop-questions"]) == 0
    assert verdicts() == AFTER | {"waiting": "sound"}


def test_another_database_is_told_from_this_one(database, capsys):
    with opened_saver("other.db") as saver:
        fill(saver)
    before = heads()
    graph = f"{APP}:other_agent"
    assert main(["threads", URL, "--idle", "0s", "--mend", "--apply", "--graph", graph]) == 1
    out, _ = capsys.readouterr()
    assert out.count("it has moved on, or these are two databases") == 2
    assert "mends: 2 left alone\n" in out
    assert heads() == before


def test_a_database_without_the_thread_is_an_error(database, capsys):
    graph = f"{APP}:other_agent"
    assert main(["threads", URL, "--idle", "0s", "--mend", "--graph", graph]) == 2
    assert "thread poisoned is not stored by the graph's checkpointer" in capsys.readouterr().err


def test_one_thread_that_fails_stops_no_other(database, capsys):
    graph = f"{APP}:faulty_agent"
    assert main(["threads", URL, "--idle", "0s", "--mend", "--apply", "--graph", graph]) == 2
    out, err = capsys.readouterr()
    assert verdicts() == BEFORE | {"stalled": "sound"}
    assert "thread poisoned could not be read by the graph's checkpointer (OSError)" in err
    assert SECRET not in out + err
    assert re.search(r"mends: 1 (mended|failed), 1 (mended|failed)\n", out)


def test_a_graph_that_is_none_is_told_before_anything_is_read(database, capsys):
    assert main(["threads", "sqlite:///gone.db", "--mend", "--graph", f"{APP}:SECRET"]) == 2
    err = capsys.readouterr().err
    assert "is no compiled graph, it is of type str" in err
    assert "gone.db" not in err


def test_ids_are_hashed_in_plans(database, capsys, monkeypatch):
    monkeypatch.setenv("TOOLPAIR_HASH_IDS", "true")
    monkeypatch.setenv("TOOLPAIR_HASH_KEY", "k")
    for options in ([], ["--json"], ["--apply"]):
        main(["threads", URL, *MEND, *options])
        out, err = capsys.readouterr()
        assert hashed("poisoned") in out
        assert hashed("call_broken") in out
        assert "call_broken" not in out + err
        assert "call_weather" not in out + err


def test_it_is_the_same_in_postgresql(postgres_url, monkeypatch, capsys):
    monkeypatch.setenv(agent_app.POSTGRES, postgres_url)
    with PostgresSaver.from_conn_string(postgres_url) as saver:
        saver.setup()
        fill(saver)
    command = ["threads", postgres_url, "--idle", "0s"]
    assert main(command) == 1
    assert "4 threads: 1 sound, 1 waiting, 1 stalled, 1 poisoned, 0 unreadable" in (
        capsys.readouterr().out
    )
    mend = ["--mend", "--apply", "--graph", f"{APP}:postgres_agent"]
    assert main([*command, *mend]) == 0
    assert "mends: 2 mended\n" in capsys.readouterr().out
    assert main(command) == 0
    assert "4 threads: 3 sound, 1 waiting, 0 stalled, 0 poisoned" in capsys.readouterr().out
