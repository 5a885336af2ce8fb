"""`toolpair-observe threads`: what it prints, its exit status, and what it refuses."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.cli.process import run_cli, run_python
from tests.threads.agent_app import DATABASE, SECRET, agent, fill, opened_saver, poison, say
from toolpair_observe.cli.main import main
from toolpair_observe.cli.threads import _DEFAULT_IDLE, _span
from toolpair_observe.hashed import hashed
from toolpair_observe.threads.diagnose import IDLE
from toolpair_observe.threads.diagnosis import ThreadVerdict
from toolpair_observe.threads.stores import opened

if TYPE_CHECKING:
    from pathlib import Path

URL = f"sqlite:///{DATABASE}"
NOW = ("--idle", "0s")
AGE = re.compile(r"\d+ (?:s|minutes?) old|\"age_seconds\": [\d.]+")


@pytest.fixture
def database(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with opened_saver() as saver:
        fill(saver)
    return tmp_path / DATABASE


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def spoil(path: Path, thread_id: str) -> None:
    """Make every row of a thread one that no reader understands."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "update checkpoints set checkpoint = x'c1' where thread_id = ?", (thread_id,)
        )
        connection.commit()


def objects(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_finding_is_a_line_and_the_numbers_come_last(database, capsys):
    assert main(["threads", URL, *NOW]) == 1
    out, err = capsys.readouterr()

    poisoned, stalled, numbers, to_do, to_resume = out.splitlines()
    for verdict, told in (("poisoned", poisoned), ("stalled", stalled)):
        assert told.startswith(
            f"thread {verdict}: {verdict}: channel messages: missing_result at message 1: "
            "call call_weather of tool weather has no result (and 1 more); "
            "1 of 2 results can be recovered; "
        )
    assert "; broken by step 2 (a new message), checkpoint " in poisoned
    assert "; its last step ended in ValueError; " in stalled
    assert numbers == "4 threads: 1 sound, 1 waiting, 1 stalled, 1 poisoned, 0 unreadable"
    assert "--explain" in to_do
    assert "--mend --graph" in to_do
    assert "graph.invoke(None, config)" in to_resume
    assert err == ""
    assert SECRET not in out


def test_a_run_that_may_still_go_on_has_not_stalled(database, capsys):
    main(["threads", URL, "--thread", "stalled"])
    assert "1 waiting, 0 stalled" in capsys.readouterr().out


def test_the_default_of_idle_is_that_of_the_function():
    assert _span(_DEFAULT_IDLE) == IDLE


def test_a_time_without_a_unit_is_in_seconds():
    assert _span("90") == _span("90s")


def test_a_database_of_sound_threads_is_fine(empty_folder, capsys):
    with opened_saver() as saver:
        say(agent(saver), "one", "weather")
        say(agent(saver), "two", "ask")

    assert main(["threads", DATABASE]) == 0
    out, err = capsys.readouterr()
    assert out == "2 threads: 1 sound, 1 waiting, 0 stalled, 0 poisoned, 0 unreadable\n"
    assert err == ""


@pytest.mark.parametrize(
    ("only", "listed"),
    [
        ("poisoned", ["poisoned"]),
        ("stalled, poisoned", ["poisoned", "stalled"]),
        ("waiting", ["waiting"]),
        ("sound,waiting", ["sound", "waiting"]),
    ],
)
def test_only_chooses_what_is_listed_and_not_the_status(database, capsys, only, listed):
    assert main(["threads", URL, *NOW, "--only", only]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert sorted(each.split()[1].rstrip(":") for each in lines[:-3]) == listed

    assert main(["threads", URL, *NOW, "--only", only, "--json"]) == 1
    told = objects(capsys.readouterr().out)
    assert sorted(each["verdict"] for each in told) == listed


def test_what_is_no_fault_is_not_told_as_one(database, capsys):
    main(["threads", URL, *NOW, "--only", "waiting,sound"])
    out = capsys.readouterr().out
    assert "missing_result" not in out
    assert "waiting: channel messages; a resume runs tools; 1 question waits for an answer" in out


def test_json_is_one_object_for_each_thread_and_namespace(database, capsys):
    assert main(["threads", URL, *NOW, "--json"]) == 1
    out, err = capsys.readouterr()

    told = {each["thread_id"]: each for each in objects(out)}
    assert {name: each["verdict"] for name, each in told.items()} == {
        verdict: verdict for verdict in set(ThreadVerdict) - {ThreadVerdict.UNREADABLE}
    }
    assert told["poisoned"]["namespace"] == ""
    assert told["poisoned"]["on_new"]["ok"] is False
    assert told["stalled"]["on_resume"]["ok"] is True
    assert [each["tool_call_id"] for each in told["stalled"]["recoverable"]] == ["call_weather"]
    assert SECRET not in out
    assert err == ""


def test_explain_shows_the_list_what_can_be_recovered_and_the_lines_that_mend_it(database, capsys):
    assert main(["threads", URL, *NOW, "--explain"]) == 1
    out, _ = capsys.readouterr()

    poisoned, stalled = out.split("\nthread ")
    assert "thread poisoned: poisoned (every turn fails until it is mended)" in poisoned
    assert "call_weather  no result  ← missing_result" in out
    assert "call_broken   no result  ← missing_result" in out
    assert "a resume runs nothing" in poisoned
    assert "a resume runs tools, and then tool calls and results pair" in stalled
    for told in (poisoned, stalled):
        assert "results that can be recovered: 1 of 2\n  call call_weather of tool weather:" in told
    assert "broken by step 2 (a new message)" in poisoned
    assert 'plan = mend_thread(graph, {"configurable": {"thread_id": "poisoned"}})' in poisoned
    assert SECRET not in out


def test_mend_without_a_graph_prints_what_mends_and_says_what_it_needs(database, capsys):
    assert main(["threads", URL, *NOW, "--mend"]) == 1
    out, err = capsys.readouterr()
    for thread_id in ("poisoned", "stalled"):
        assert f'mend_thread(graph, {{"configurable": {{"thread_id": "{thread_id}"}}}})' in out
    assert "--mend needs --graph" in err


def test_one_thread_and_one_that_is_not_there(database, capsys):
    assert main(["threads", URL, *NOW, "--thread", "poisoned", "--json"]) == 1
    assert [each["thread_id"] for each in objects(capsys.readouterr().out)] == ["poisoned"]

    assert main(["threads", URL, *NOW, "--thread", "sound", "--thread", "Sound"]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("1 thread: 1 sound,")
    assert err == "toolpair-observe: --thread 'Sound': no such thread is stored\n"


@pytest.mark.parametrize(("option", "value"), [("channel", "mesages"), ("namespace", "weather")])
def test_a_name_that_no_thread_has_is_no_good_news(database, capsys, option, value):
    assert main(["threads", URL, f"--{option}", value]) == 2
    err = capsys.readouterr().err
    assert err == f"toolpair-observe: --{option} '{value}': no thread has such a {option}\n"


def test_the_root_can_be_asked_for(database, capsys):
    assert main(["threads", URL, *NOW, "--namespace", "", "--channel", "messages"]) == 1
    assert capsys.readouterr().err == ""


def test_a_thread_that_cannot_be_read_stops_no_other(database, capsys):
    spoil(database, "sound")
    assert main(["threads", URL, *NOW]) == 2
    out, err = capsys.readouterr()
    assert "1 stalled, 1 poisoned, 1 unreadable" in out
    assert err.startswith("toolpair-observe: thread sound: ")
    assert len(err.splitlines()) == 1

    main(["threads", URL, "--json", "--only", "unreadable"])
    (told,) = objects(capsys.readouterr().out)
    assert (told["thread_id"], told["verdict"]) == ("sound", "unreadable")
    assert told["reason"]


def test_several_processes_tell_what_one_tells(database, capsys, monkeypatch):
    monkeypatch.setenv("TOOLPAIR_HASH_IDS", "true")
    spoil(database, "sound")
    told = []
    for jobs in ("1", "2"):
        assert main(["threads", URL, *NOW, "--json", "--jobs", jobs]) == 2
        out, err = capsys.readouterr()
        told.append((AGE.sub("", out), err))
    assert told[0] == told[1]
    assert "hmac:" in told[0][0]


def test_many_unreadable_threads_are_counted_and_not_all_told(empty_folder, capsys):
    with opened_saver() as saver:
        for number in range(25):
            say(agent(saver), f"t{number}", "hi")
            spoil(empty_folder / DATABASE, f"t{number}")
    assert main(["threads", URL]) == 2
    out, err = capsys.readouterr()
    assert "25 unreadable" in out
    assert len(err.splitlines()) == 21
    assert err.endswith("and 5 more that can't be read\n")


def test_ids_are_hashed_where_the_operator_wants_that(database, capsys, monkeypatch):
    monkeypatch.setenv("TOOLPAIR_HASH_IDS", "true")
    monkeypatch.setenv("TOOLPAIR_HASH_KEY", "k")
    for options in ([], ["--json"], ["--explain"], ["--mend"]):
        main(["threads", URL, *NOW, "--only", "poisoned", *options])
        out, _ = capsys.readouterr()
        assert hashed("poisoned") in out
        assert hashed("call_weather") in out or options == ["--mend"]
        assert "call_weather" not in out
        assert '"poisoned"}}' not in out


def test_an_id_cannot_command_a_build_server_nor_add_a_line(empty_folder, capsys):
    name = "t\n##[error]x\x1b[2J"
    with opened_saver() as saver:
        poison(agent(saver), name)
    for options in ([], ["--json"], ["--explain"], ["--mend"]):
        main(["threads", URL, *NOW, *options])
        out, _ = capsys.readouterr()
        assert "\x1b" not in out
        assert "##[" not in out
        assert not any(each.startswith("##") for each in out.splitlines())


def test_nothing_is_written(database, capsys):
    before = {path.name: path.read_bytes() for path in database.parent.iterdir()}
    for options in ([], ["--json"], ["--explain"], ["--mend"]):
        main(["threads", URL, *NOW, *options])
    assert database.read_bytes() == before[DATABASE]


def test_a_misspelt_path_is_an_error_and_makes_no_database(empty_folder, capsys):
    assert main(["threads", "sqlite:///ap.db"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "ap.db" in err
    assert not list(empty_folder.iterdir())


def test_without_the_extra_one_line_says_what_to_install(database, capsys, monkeypatch):
    monkeypatch.setattr(opened, "_is_there", lambda name: name != "langgraph")
    assert main(["threads", URL]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert "langgraph" in line
    assert "[threads]" in line


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--apply"], "--apply: only with --mend and --graph"),
        (["--graph", "app:graph"], "--graph: only with --mend"),
        (["--max", "3"], "--max: only with --mend and --graph"),
        (["--drop-questions"], "--drop-questions: only with --mend and --graph"),
        (["--mend", "--apply"], "--apply: only with --mend and --graph"),
        (["--mend", "--graph", "app:graph", "--explain"], "--explain: not with --graph"),
        (["--only", "broken"], "choose from sound, waiting, stalled, poisoned, unreadable"),
        (["--only", ","], "choose from sound"),
        (["--idle", "soon"], "expected a time such as 90 (seconds), 10m, 2h or 1d"),
        (["--idle", "-1s"], "expected"),
        (["--jobs", "0"], "expected a whole number from 1 to 512"),
        (["--json", "--explain"], "not allowed with"),
        (["--profile", "gpt"], "gpt"),
        (["--prometheus-textfile", "a.txt"], "node_exporter reads only files that end in .prom"),
        (["--prometheus-textfile", "gone/a.prom"], "there is no folder 'gone'"),
        (["--otlp", "--thread", "t"], "--thread: not with --otlp"),
        (["--prometheus-textfile", "a.prom", "--namespace", ""], "--namespace: not with --otlp"),
        (["--prometheus-textfile", "a.prom", "--mend"], "--mend: not with --otlp"),
    ],
)
def test_options_that_would_not_be_minded_are_refused(empty_folder, capsys, options, told):
    with pytest.raises(SystemExit) as stopped:
        main(["threads", URL, *options])
    assert stopped.value.code == 2
    assert told in capsys.readouterr().err


def test_other_commands_import_nothing_of_the_extra():
    done = run_python(
        "-c",
        "import sys\n"
        "from toolpair_observe.cli.dispatch import build_parser\n"
        "build_parser()\n"
        "extra = ('langgraph', 'psycopg', 'opentelemetry.sdk')\n"
        "assert not [name for name in sys.modules if name.startswith(extra)]\n",
    )
    assert done.returncode == 0, done.stderr


def test_the_command_runs_as_a_program(database):
    done = run_cli("threads", URL, "--only", "poisoned", cwd=database.parent)
    assert done.returncode == 1
    assert done.stdout.decode().startswith("thread poisoned: poisoned: channel messages: ")
    assert done.stderr == b""
