"""`toolpair-observe demo` as a person calls it."""

from __future__ import annotations

import gzip
import json
import socket
from functools import partial

import pytest

from tests.cli.process import environment, run_cli, run_python
from toolpair_observe.cli.main import main
from toolpair_observe.complaints import Complaints
from toolpair_observe.demo.cases import show
from toolpair_observe.demo.cases.histories_view import check_files
from toolpair_observe.demo.cases.render import new_console
from toolpair_observe.demo.loopback.provider import LoopbackProvider
from toolpair_observe.install import install_line

CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
ANSWERED = [
    {"role": "user", "content": "SECRET"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "content": "SECRET", "tool_call_id": "call_a"},
]
OPEN = [*ANSWERED[:2], {"role": "user", "content": "SECRET"}]


def row(messages, verdict="accepted", kind=None):
    return {"provider": "openai", "verdict": verdict, "kind": kind, "messages": messages}


@pytest.fixture
def histories(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [row(ANSWERED), row(OPEN, "rejected", "missing"), row(OPEN)]
    lines = "".join(json.dumps(each) + "\n" for each in rows)
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "list.json").write_text(json.dumps(ANSWERED, indent=2))
    (tmp_path / "bad.jsonl").write_text(f"{json.dumps(ANSWERED)}\n{{oops\n")
    return tmp_path


def flat(output):
    return " ".join(output.split())


def test_it_runs_without_a_key_and_ends_with_0():
    done = run_cli("demo")

    assert done.stderr == b""
    assert done.returncode == 0
    output = done.stdout.decode()
    assert "\x1b" not in output
    assert "In all 4 cases the provider did what was predicted." in output
    assert "Your conversations" not in output


def test_a_proxy_of_the_environment_is_no_matter(fork_server):
    env = environment(ALL_PROXY="socks5://127.0.0.1:9")
    done = fork_server.run("-m", "toolpair_observe", "demo", env=env)

    assert (done.returncode, done.stderr) == (0, b"")


def test_a_prediction_that_fails_ends_with_1(monkeypatch, capsys):
    lax = partial(LoopbackProvider, judge=lambda _: None)
    monkeypatch.setattr(show, "LoopbackProvider", lax)

    assert main(["demo"]) == 1
    assert "Only 1 of 4 cases" in capsys.readouterr().out


def test_histories_are_checked_and_counted(histories, capsys):
    code = main(["demo", "--width", "90", "--histories", "rows.jsonl.gz", "list.json"])

    out, err = capsys.readouterr()
    _, _, totals = flat(out).partition("Your conversations")
    assert code == 0
    assert err == ""
    assert "4 requests in 4 conversations of 2 files" in totals
    assert "judged under openai-chat 3, contract 1" in totals
    assert "predicted effect requests clean 2 reject 2" in totals
    assert "kind reject missing_result 2" in totals
    assert "accepted by the provider 1 0 1" in totals
    assert "rejected for their pairing 1 0 0" in totals
    assert "missing_result at message 1 rows.jsonl.gz:2" in totals
    assert "SECRET" not in out


def test_histories_of_one_line_are_told_apart_by_their_number(histories, capsys):
    (histories / "lists.json").write_text(json.dumps([ANSWERED, OPEN]))

    main(["demo", "--histories", "lists.json"])

    assert "lists.json:1 ([1])" in capsys.readouterr().out


def test_a_given_profile_judges_every_row(histories, capsys):
    main(["demo", "--profile", "contract", "--histories", "rows.jsonl.gz"])

    out = flat(capsys.readouterr().out)
    assert "judged under contract 3" in out
    assert "unknown 2" in out


def test_bad_input_ends_with_2_and_the_rest_is_counted(histories, capsys):
    code = main(["demo", "--histories", "missing.json", "bad.jsonl", "list.json"])

    out, err = capsys.readouterr()
    assert code == 2
    assert err.splitlines() == [
        "toolpair-observe: missing.json: no such file",
        "toolpair-observe: bad.jsonl:2: not JSON: Expecting property name enclosed in double "
        "quotes (column 2)",
    ]
    assert "2 requests in 2 conversations of 3 files, 2 unreadable" in flat(out)


def test_many_bad_lines_do_not_bury_the_demo(histories, capsys):
    (histories / "worse.jsonl").write_text("oops\n" * 100)

    main(["demo", "--histories", "worse.jsonl"])

    err = capsys.readouterr().err.splitlines()
    assert len(err) == 21
    assert err[-1] == "toolpair-observe: worse.jsonl: and 80 more unreadable parts"


def test_no_trace_leaves_although_tracing_is_switched_on():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        tracing = environment(
            LANGSMITH_TRACING="true",
            LANGSMITH_API_KEY="none",
            LANGSMITH_ENDPOINT=f"http://{host}:{port}",
        )

        done = run_cli("demo", env=tracing)

        # A connection would be waiting by now.
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert done.returncode == 0


def test_nothing_readable_at_all_is_no_crash(histories, capsys):
    code = main(["demo", "--histories", "missing.json"])

    assert code == 2
    assert "0 requests in 0 conversations of 1 file, 1 unreadable" in flat(capsys.readouterr().out)


def test_a_terminal_sees_a_progress_bar_that_ends_full(histories, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    console = new_console(width=80)

    check_files(console, ["rows.jsonl.gz", "list.json"], None, Complaints())

    out = capsys.readouterr().out
    assert "checking" in out
    assert "100%" in out


def test_ids_in_histories_can_not_style_or_move_the_output(histories, capsys):
    evil = "[bold red]\x1b[2J.jsonl"
    (histories / evil).write_text(json.dumps(OPEN))

    main(["demo", "--width", "100", "--histories", evil])

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[bold red]\\x1b[2J.jsonl:1" in out


@pytest.mark.parametrize("module", ["rich", "langchain_openai"])
def test_a_missing_extra_is_one_clear_line(module):
    program = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from toolpair_observe.cli.main import main; sys.exit(main(['demo']))"
    )

    done = run_python("-c", program)

    assert done.returncode == 2
    assert done.stderr.decode() == (
        f"toolpair-observe: the demo needs {module.replace('_', '-')}, which is not installed: "
        f"{install_line('demo')}\n"
    )


@pytest.mark.parametrize("port", ["0", "65536", "1.5", "-1", "http", "", "٣", "9" * 5000])
def test_a_port_that_there_is_not_is_refused(port, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["demo", "--live", f"--port={port}"])

    assert caught.value.code == 2
    assert "a port is a whole number from 1 to 65535" in capsys.readouterr().err


def test_a_port_that_is_in_use_is_one_line_that_names_it_and_the_option(capsys):
    pytest.importorskip("opentelemetry.exporter.prometheus", reason="needs toolpair-observe[live]")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code = main(["demo", "--live", "--port", str(port)])

    said = capsys.readouterr().err
    assert code == 2
    assert said.startswith(f"toolpair-observe: port {port} of 127.0.0.1 can't serve the metrics (")
    assert said.endswith("): choose another one with --port\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("width", "reason"),
    [
        ("many", "'many' is not a number of columns"),
        ("20", "20 columns are too few; the demo needs at least 60"),
        ("1001", "'1001' columns are too many; the demo takes at most 1000"),
        ("99999999999", "'99999999999' columns are too many; the demo takes at most 1000"),
        ("9" * 5_000, "columns are too many; the demo takes at most 1000"),
    ],
)
def test_a_useless_width_is_refused(width, reason, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["demo", "--width", width])

    assert caught.value.code == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--live", "--histories", "f"], "--histories: not used with --live"),
        (["--live", "--width", "80"], "--width: not used with --live"),
        (["--live", "--no-color"], "--no-color: not used with --live"),
        (["--live", "--profile", "mistral"], "--profile and --chat-template: not used with --live"),
        (["--port", "1"], "--port: not used without --live"),
        (["--minutes", "1"], "--minutes: not used without --live"),
    ],
)
def test_an_option_of_the_other_demo_is_refused(arguments, reason, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["demo", *arguments])

    assert caught.value.code == 2
    assert reason in capsys.readouterr().err


def test_no_color_wins_over_a_terminal(histories, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")

    main(["demo", "--no-color"])

    assert "\x1b[3" not in capsys.readouterr().out
