"""`toolpair-observe check`: exit codes, the listing, JSON, faults with file and line."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys

import pytest

from tests.cli.process import environment, run_cli, run_python
from toolpair_observe.cli.main import main
from toolpair_observe.hashed import hashed

CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
CLEAN = [
    {"role": "user", "content": "SECRET question"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "content": "SECRET answer", "tool_call_id": "call_a"},
]
BROKEN = [*CLEAN[:2], {"role": "user", "content": "SECRET again"}]


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name, *values):
        text = "".join(f"{v if isinstance(v, str) else json.dumps(v)}\n" for v in values)
        data = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
        (tmp_path / name).write_bytes(data)
        return name

    return write


def test_clean_histories_end_with_0(write, capsys):
    code = main(["check", write("a.jsonl", CLEAN, CLEAN), write("b.jsonl.gz", CLEAN)])

    out, err = capsys.readouterr()
    assert code == 0
    assert err == ""
    assert "checked 3 requests in 3 conversations of 2 files: 0 near misses" in out


def test_near_misses_end_with_1_and_are_named_by_file_and_line(write, capsys):
    code = main(["check", write("a.jsonl", CLEAN, {"id": "row-7", "messages": BROKEN})])

    out, err = capsys.readouterr()
    assert code == 1
    assert err == ""
    assert out.startswith(
        "a.jsonl:2 (messages, row-7): unknown: missing_result at message 1: call call_a"
    )
    assert "checked 2 requests in 2 conversations of 1 file: 1 near miss\n" in out
    assert "  judged under: contract 2\n" in out
    assert "  missing_result, unknown: 1 request\n" in out


def test_the_profile_decides_the_effect(write, capsys):
    code = main(["check", write("a.jsonl", BROKEN), "--profile", "openai-chat"])

    assert code == 1
    assert "a.jsonl:1: reject: missing_result" in capsys.readouterr().out


def test_the_profile_auto_is_that_of_the_provider_that_each_row_names(write, capsys):
    row = {"provider": "openai", "messages": BROKEN}
    main(["check", write("a.jsonl", row), "--profile", "auto"])

    assert "judged under: openai-chat 1\n" in capsys.readouterr().out


def test_an_unknown_profile_is_named_with_the_choices(write, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["check", write("a.jsonl", CLEAN), "--profile", "gpt"])

    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert "'gpt'" in error
    assert "openai-chat" in error


def test_explain_shows_timeline_cause_and_remedy_without_content(write, capsys):
    main(["check", write("a.jsonl", BROKEN), "--profile", "openai-chat", "--explain"])

    out = capsys.readouterr().out
    assert "╭───    1 ai     call_a  weather" in out
    assert "╰╌╌╌ ✗           call_a  no result  ← missing_result" in out
    assert "likely cause:" in out
    assert "to do:" in out
    assert "SECRET" not in out


def test_bad_input_ends_with_2_and_the_rest_is_counted(write, capsys):
    path = write("a.jsonl", CLEAN, "{broken", BROKEN, '{"messages": 3}')

    code = main(["check", "missing.json", path])

    out, err = capsys.readouterr()
    assert code == 2
    assert err.splitlines() == [
        "toolpair-observe: missing.json: no such file",
        "toolpair-observe: a.jsonl:2: not JSON: Expecting property name enclosed in double quotes "
        "(column 2)",
        "toolpair-observe: a.jsonl:4: 'messages' is a number, no list of messages",
    ]
    assert "2 requests in 2 conversations of 2 files: 1 near miss, 3 unreadable" in out


def test_many_bad_lines_do_not_bury_the_report(write, capsys):
    code = main(["check", write("a.jsonl", CLEAN, *["oops"] * 500)])

    out, err = capsys.readouterr()
    assert code == 2
    assert len(err.splitlines()) == 21
    assert err.splitlines()[-1] == "toolpair-observe: a.jsonl: and 480 more unreadable parts"
    assert "500 unreadable" in out


def test_json_gives_one_object_a_unit(write, capsys):
    row = {"provider": "openai", "messages": BROKEN, "verdict": "accepted", "langchain": BROKEN}
    code = main(["check", "--json", write("a.jsonl", CLEAN, row, "oops", {"question": "SECRET"})])

    out, _ = capsys.readouterr()
    clean, broken, cut, unknown = map(json.loads, out.splitlines())
    assert code == 2
    assert [each["line"] for each in (clean, broken, cut, unknown)] == [1, 2, 3, 4]
    assert (clean["status"], clean["effect"], clean["requests"]) == ("checked", "clean", 1)
    assert (clean["kinds"], clean["violations"]) == ([], [])
    assert (broken["effect"], broken["kinds"]) == ("reject", ["missing_result"])
    assert (broken["profile"], broken["recorded"]) == ("openai-chat", "accepted")
    assert broken["violations"][0]["tool_call_id"] == "call_a"
    assert (cut["status"], cut["reason"]) == (
        "unreadable",
        "not JSON: Expecting value (column 1)",
    )
    assert unknown["status"] == "unreadable"
    assert "'question'" in unknown["reason"]
    assert "SECRET" not in out


def test_explain_shows_the_same_breaches_once_and_says_how_often_they_came(write, capsys):
    other = [{**each, "content": "another text"} for each in BROKEN]
    longer = [*BROKEN, {"role": "assistant", "content": "later"}]
    main(
        ["check", write("a.jsonl", BROKEN, other, longer), "--profile", "openai-chat", "--explain"]
    )

    out = capsys.readouterr().out
    assert out.count("INVALID_TOOL_RESULTS") == 1
    assert "the same as a.jsonl:1: 2 more, the last one a.jsonl:3\n" in out


def test_explain_is_colored_only_where_somebody_sees_it(write, monkeypatch, capsys):
    file = write("a.jsonl", BROKEN)
    for name, value in (("NO_COLOR", "1"), ("NO_COLOR", ""), ("FORCE_COLOR", "1")):
        monkeypatch.setenv(name, value)
        main(["check", file, "--explain"])
        assert ("\x1b[1;31m" in capsys.readouterr().out) is (name == "FORCE_COLOR")


@pytest.mark.parametrize("extra", [[], ["--explain"], ["--json"]])
def test_ids_that_hold_control_characters_can_not_touch_the_terminal(write, capsys, extra):
    evil = "\x1b[2J\x1b]0;owned\x07\u202e\ud800"
    calls = [{**CALL, "id": evil}]
    history = [BROKEN[0], {"role": "assistant", "tool_calls": calls}, BROKEN[2]]

    code = main(["check", write("a.jsonl", {"id": evil, "messages": history}), *extra])

    out = capsys.readouterr().out
    assert code == 1
    assert not set(out) & set("\x1b\x07\u202e\ud800")
    assert "\\x1b" in out or "\\u001b" in out


def test_prefixes_are_listed_once_and_counted_as_requests(write, capsys):
    messages = [*BROKEN, *[{"role": r, "content": "x"} for r in ("assistant", "user") * 3]]
    row = {"prefixes": True, "provider": "openai", "verdict": "accepted", "messages": messages}

    main(["check", write("a.jsonl", row)])

    out = capsys.readouterr().out
    assert out.count("reject: missing_result at") == 1
    assert "checked 4 requests in 1 conversation of 1 file: 3 near misses" in out
    assert "accepted by the provider: 1 as predicted, 0 undecided, 3 not as predicted" in out


def test_the_standard_input_is_read_as_a_dash(tmp_path):
    done = run_cli("check", "-", input=json.dumps(BROKEN).encode(), cwd=tmp_path)

    assert done.returncode == 1
    assert done.stdout.startswith(b"standard input:1: unknown: missing_result")


def test_a_packed_standard_input_is_unpacked(tmp_path):
    packed = gzip.compress(f"{json.dumps(BROKEN)}\noops\n".encode())

    done = run_cli("check", "-", input=packed, cwd=tmp_path)

    assert done.returncode == 2
    assert done.stdout.startswith(b"standard input:1: unknown: missing_result")
    assert done.stderr.startswith(b"toolpair-observe: standard input:2: not JSON")


def test_histories_of_one_line_are_told_apart_by_their_number(write, capsys):
    row = {"id": "row-7", "messages": BROKEN}
    code = main(["check", write("a.json", [CLEAN, BROKEN, 42, row])])

    out, err = capsys.readouterr()
    assert code == 2
    assert "a.json:1 ([1]): unknown: missing_result" in out
    assert "a.json:1 ([3].messages, row-7): unknown: missing_result" in out
    assert "checked 3 requests in 3 conversations" in out
    assert err.startswith(
        "toolpair-observe: a.json:1 ([2]): expected an object or a list, got a number"
    )


def test_output_that_nobody_reads_on_ends_quietly(write):
    path = write("a.jsonl", *[BROKEN] * 5000)
    command = [sys.executable, "-m", "toolpair_observe", "check", path]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        error = process.stderr.read()
        code = process.wait(60)

    assert error == b""
    assert code == 141


def test_an_output_that_lacks_a_character_gets_its_escape(write):
    path = write("a.jsonl", {"id": "caf\u00e9 \u2713", "messages": BROKEN})

    done = run_cli("check", path, env=environment(PYTHONIOENCODING="ascii"))

    assert done.returncode == 1
    assert done.stdout.startswith(rb"a.jsonl:1 (messages, caf\xe9 \u2713): ")


def test_check_needs_no_extra(write):
    """Neither rich nor langchain-openai is imported."""
    path = write("a.jsonl", CLEAN)
    program = (
        "import sys; sys.modules.update(rich=None, langchain_openai=None, openai=None)\n"
        f"from toolpair_observe.cli.main import main; sys.exit(main(['check', {path!r}]))"
    )

    done = run_python("-c", program)

    assert done.returncode == 0


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["check", "--help"]])
def test_help_and_version_end_with_0(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 0
    assert "toolpair-observe" in capsys.readouterr().out


def test_without_a_command_the_usage_is_shown(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])

    assert caught.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_what_ends_the_reading_is_shown_behind_many_complaints(write, capsys):
    code = main(["check", write("a.jsonl.gz", *["{}"] * 20_000), write("b.jsonl", CLEAN)])

    out, err = capsys.readouterr()
    assert code == 2
    assert "a.jsonl.gz:10000: 10,000 parts of the file can't be read; the rest was not read" in err
    assert len(err.splitlines()) == 22
    assert "and 9,980 more unreadable parts" in err
    assert "checked 1 request in 1 conversation of 2 files" in out


HOSTILE = "x\n::error::y\r\x1b]0;t\x07\u202e##[group]\u200b"


@pytest.mark.parametrize("options", [[], ["--explain"], ["--json"]])
def test_ids_names_and_file_names_are_nothing_but_text(write, options, capsys):
    call = {**CALL, "id": HOSTILE, "function": {"name": HOSTILE, "arguments": "{}"}}
    messages = [BROKEN[0], {**BROKEN[1], "tool_calls": [call]}, BROKEN[2]]
    name = write("::error::a\n::b.jsonl", {"id": HOSTILE, "messages": messages}, "{")
    main(["check", name, *options])

    out, err = capsys.readouterr()
    lines = [*out.splitlines(), *err.splitlines()]
    assert len(lines) == len((out + err).split("\n")) - 1
    for line in lines:
        assert line.isprintable()
        assert not line.startswith("::")
        assert "##[" not in line
    if "--json" in options:
        near_miss = json.loads(out.splitlines()[0])
        assert near_miss["violations"][0]["tool_call_id"] == HOSTILE


@pytest.mark.parametrize("options", [["--explain"], ["--json"]])
def test_a_huge_id_makes_no_huge_output(write, options, capsys):
    call = {**CALL, "id": "x" * 5_000_000}
    main(["check", write("a.jsonl", [BROKEN[0], {**BROKEN[1], "tool_calls": [call]}]), *options])

    out, _ = capsys.readouterr()
    assert len(out) < 5_000


@pytest.mark.parametrize("options", [[], ["--explain"], ["--json"]])
def test_ids_are_hashed_where_the_environment_asks_for_it(write, monkeypatch, capsys, options):
    monkeypatch.setenv("TOOLPAIR_HASH_IDS", "true")
    row = {"id": "thread_raw", "messages": BROKEN}
    unreadable = {"id": "thread_raw", "messages": [{"role": "thread_raw"}]}
    main(["check", write("a.jsonl", row, [row], unreadable), *options])

    out, err = capsys.readouterr()
    assert "call_a" not in out + err
    assert "thread_raw" not in out + err
    # With --explain the second of two histories with the same breaches names the first.
    times = {"--json": 0, "--explain": 3}
    assert out.count(hashed("thread_raw")) == times.get("".join(options), 2)
    assert out.count("hmac:") >= 2


def test_a_complaint_about_arguments_is_one_line(capsys):
    with pytest.raises(SystemExit):
        main(["check", "a", "--profile", "x\n::error::y"])

    _, err = capsys.readouterr()
    assert not [line for line in err.splitlines() if line.startswith("::")]
