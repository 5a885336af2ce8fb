"""`toolpair-observe probe`: what it shows, sends, writes and refuses to write."""

from __future__ import annotations

import json
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.probe.scripted import ENDPOINT, WORDS, measurement
from toolpair_observe.cli.dispatch import build_parser
from toolpair_observe.cli.main import main
from toolpair_observe.errors import ProbeError
from toolpair_observe.probing import probe as probing
from toolpair_observe.probing.asking import INTERRUPTED
from toolpair_observe.probing.file import read_measurement, write_measurement
from toolpair_observe.probing.measurement import Answer, Verdict
from toolpair_observe.probing.requests import CONTROLS, PROBES

SOUND = [each.name for each in CONTROLS]
BROKEN = [each for each in PROBES if each not in CONTROLS]
FILE = "toolpair-profile.toml"
APP = """
from langchain_core.runnables import RunnableLambda

model = RunnableLambda(lambda _: "never called")
number = 7


class Holder:
    model = model


def factory():
    return model


def needs(name):
    return model


def fails():
    raise RuntimeError("sk-hunter2")


def makes_nothing():
    return None
"""


@pytest.fixture
def folder(tmp_path, monkeypatch, script):
    """The folder of an application with a model in `probe_app`, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    for name, text in {
        "probe_app": APP,
        "probe_raises": 'raise ValueError("sk-hunter2")',
        "probe_needy": "import nobody_has_this",
    }.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    for name in ("probe_app", "probe_raises", "probe_needy"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


@pytest.fixture
def run(folder, capsys):
    """Run the command, and return its status, output and errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(["probe", *arguments])
        except SystemExit as error:
            code = int(str(error.code))
        return (code, *capsys.readouterr())

    return run


MODEL = "probe_app:model"


# What is shown, and what is sent


def test_without_yes_nothing_is_sent_or_written(run, script, folder):
    code, out, err = run(MODEL)

    assert (code, err) == (0, "")
    assert script.asked == []
    assert not (folder / FILE).exists()
    assert "gpt-oss-20b at llm.example.com:8000" in out
    assert re.search(r"\d+ made-up histories, and more .*\n +in about [\d,]+ requests", out)
    assert "Nothing of yours is sent" in out
    assert len(out.splitlines()) < 25
    assert max(map(len, out.splitlines())) <= 80


def test_the_line_that_sends_is_the_one_that_was_given_and_yes(run):
    given = [MODEL, "--only", "miss*/*", "--repeat", "3", "--rate", "20", "--output", "a b.toml"]
    _, out, _ = run(*given)

    words = shlex.split(out.splitlines()[-1])
    assert words[:2] == ["toolpair-observe", "probe"]
    assert words[-1] == "--yes"
    parser = build_parser()
    said, meant = (
        vars(parser.parse_args(words[1:])),
        vars(parser.parse_args(["probe", *given, "--yes"])),
    )
    assert {**said, "run": None} == {**meant, "run": None}


def test_a_plan_is_one_object_for_programs(run, script):
    code, out, _ = run(MODEL, "--json")

    told = json.loads(out)
    assert (code, script.asked) == (0, [])
    assert told["sent"] is False
    assert (told["host"], told["model"]) == ("llm.example.com:8000", "gpt-oss-20b")
    assert {each["probe"] for each in told["probes"]} == {each.name for each in PROBES}
    assert told["requests"] >= len(PROBES)


def test_yes_sends_and_writes_the_file(run, script, folder):
    script.verdicts[BROKEN[0].name] = Verdict.REJECT
    code, out, err = run(MODEL, "--yes")

    assert (code, err) == (0, "")
    kept = read_measurement(folder / FILE)
    assert [each.probe for each in kept.answers] == script.asked
    assert f"written to {FILE}" in out
    assert f'profile="./{FILE}"' in out
    assert f"toolpair-observe probe --explain {FILE}" in out
    assert "refuses (1 of " in out
    assert f"spent: {kept.requests:,} requests" in out
    assert len(out.splitlines()) < 25
    assert max(map(len, out.splitlines())) <= 80


def test_the_variable_is_shown_as_a_shell_takes_it(run, script):
    _, out, _ = run(MODEL, "--yes", "--output", "my profile.toml")

    assert "or TOOLPAIR_PROFILE='./my profile.toml'\n" in out


def test_a_result_is_one_object_for_programs(run, script, folder):
    script.verdicts[BROKEN[0].name] = Verdict.REJECT
    code, out, _ = run(MODEL, "--yes", "--json", "--output", "other.toml")

    told = json.loads(out)
    assert code == 0
    assert told["file"] == "other.toml"
    assert (told["complete"], told["stopped"]) == (True, "")
    assert [each["probe"] for each in told["answers"] if each["verdict"] == "reject"] == [
        BROKEN[0].name
    ]
    assert (folder / "other.toml").exists()


def test_only_asks_for_less_and_the_sound_ones(run, script):
    group = BROKEN[0].name.partition("/")[0]
    assert run(MODEL, "--yes", "--only", f"{group}/*")[0] == 0
    assert script.asked[: len(SOUND)] == SOUND
    assert {name.partition("/")[0] for name in script.asked[len(SOUND) :]} == {group}


def test_numbers_reach_what_asks(run, script):
    run(MODEL, "--yes", "--repeat", "3", "--rate", "20", "--timeout", "7.5")
    assert (script.options.repeat, script.options.rate, script.options.timeout) == (3, 20, 7.5)


@pytest.mark.parametrize(
    "wrong",
    [
        ("--repeat", "0"),
        ("--rate", "-1"),
        ("--rate", "nan"),
        ("--timeout", "soon"),
        ("--only", "mising/*"),
        ("--output", "nowhere/file.toml"),
    ],
)
def test_a_wrong_option_is_2_and_names_it(run, script, wrong):
    option, value = wrong
    code, out, err = run(MODEL, "--yes", *wrong)

    assert (code, out) == (2, "")
    assert option.removeprefix("--") in err.splitlines()[-1]
    assert value in err.splitlines()[-1]
    assert script.asked == []


# The model


@pytest.mark.parametrize("spec", ["probe_app:model", "probe_app:Holder.model", "probe_app:factory"])
def test_a_model_and_what_makes_one_are_taken(run, spec):
    assert run(spec)[0] == 0


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("probe_app", "as in toolpair-observe probe my_app:model"),
        ("probe_app.py:model", "as in toolpair-observe probe my_app:model"),
        ("nobody_here:model", "there is no module 'nobody_here' here"),
        ("probe_app:modle", "module 'probe_app' has no attribute 'modle'"),
        ("probe_app:number", "is no chat model, it is of type int"),
        ("probe_app:makes_nothing", "is no chat model, it is of type NoneType"),
        ("probe_app:needs", "takes arguments; name a chat model, or a function without arguments"),
        ("probe_app:fails", "raises RuntimeError at "),
        ("probe_raises:model", "raises ValueError at "),
        ("probe_needy:model", "raises ModuleNotFoundError at "),
    ],
)
def test_anything_else_is_2_and_one_clear_line(run, spec, told):
    code, out, err = run(spec)

    assert (code, out) == (2, "")
    (said,) = err.splitlines()
    assert said.startswith(f"toolpair-observe: model '{spec}'")
    assert told in said
    assert "hunter2" not in said


def test_without_a_model_it_says_what_to_name(run):
    code, _, err = run()
    assert code == 2
    assert "name the chat model as MODULE:MODEL" in err


def test_an_endpoint_that_can_not_be_asked_is_2_and_nothing_is_written(run, script, folder):
    script.verdicts[SOUND[0]] = ProbeError(f"it takes no tools: {WORDS}")
    code, out, err = run(MODEL, "--yes")

    assert (code, out) == (2, "")
    (said,) = err.splitlines()
    assert WORDS in said
    assert not (folder / FILE).exists()


# The file


def test_what_was_measured_of_the_same_endpoint_is_replaced(run, folder):
    write_measurement(measurement(Answer("sound/one", "H A(x) T(x)", Verdict.ACCEPT)), FILE)
    assert run(MODEL, "--yes")[0] == 0
    assert len(read_measurement(FILE).answers) >= len(PROBES)


@pytest.mark.parametrize("sends", [(), ("--yes",)])
def test_what_was_measured_elsewhere_is_not_replaced(run, script, sends):
    other = replace(ENDPOINT, host="other.example.com")
    write_measurement(measurement(endpoint=other), FILE)
    before = Path(FILE).read_bytes()

    code, out, err = run(MODEL, *sends)
    assert (code, out) == (2, "")
    assert "gpt-oss-20b at other.example.com" in err
    assert "--force replaces" in err
    assert script.asked == []
    assert Path(FILE).read_bytes() == before

    assert run(MODEL, *sends, "--force")[0] == 0
    assert bool(sends) is (read_measurement(FILE).endpoint == ENDPOINT)


def test_a_file_of_something_else_is_not_replaced(run, script):
    Path(FILE).write_text("[mine]\n", encoding="utf-8")
    code, _, err = run(MODEL, "--yes")

    assert (code, script.asked) == (2, [])
    assert "is no measured profile" in err
    assert Path(FILE).read_text(encoding="utf-8") == "[mine]\n"


def test_a_part_does_not_replace_the_whole(run, script):
    run(MODEL, "--yes")
    before = Path(FILE).read_bytes()
    script.asked.clear()
    group = BROKEN[0].name.partition("/")[0]

    code, _, err = run(MODEL, "--yes", "--only", f"{group}/*")
    assert (code, script.asked) == (2, [])
    assert "--only would put a part in its place" in err
    assert Path(FILE).read_bytes() == before


# Interrupted


def test_an_interrupt_keeps_what_was_learned_and_is_130(run, script):
    script.verdicts[BROKEN[-1].name] = INTERRUPTED
    code, out, err = run(MODEL, "--yes")

    assert code == 130
    assert f"since {INTERRUPTED}; {FILE} holds what was learned" in err
    assert "not all was asked" in out
    assert [each.probe for each in read_measurement(FILE).answers] == script.asked


def test_an_interrupt_leaves_the_file_that_is_there(run, script):
    run(MODEL, "--yes")
    before = Path(FILE).read_bytes()
    script.verdicts[BROKEN[-1].name] = INTERRUPTED

    code, out, err = run(MODEL, "--yes", "--json")
    assert code == 130
    assert Path(FILE).read_bytes() == before
    partial = "toolpair-profile.partial.toml"
    assert (json.loads(out)["file"], json.loads(out)["stopped"]) == (partial, INTERRUPTED)
    assert partial in err
    assert len(read_measurement(partial).answers) < len(PROBES)


def test_an_endpoint_that_no_longer_answers_keeps_what_was_learned_and_is_2(run, script):
    script.verdicts[BROKEN[-1].name] = "the endpoint no longer answers"
    code, _, err = run(MODEL, "--yes")

    assert code == 2
    assert f"the endpoint no longer answers; {FILE} holds what was learned" in err
    assert [each.probe for each in read_measurement(FILE).answers] == script.asked


def test_an_interrupt_before_anything_was_learned_writes_nothing(run, script):
    script.verdicts[SOUND[0]] = INTERRUPTED
    code, out, err = run(MODEL, "--yes")

    assert (code, out) == (130, "")
    assert "interrupted" in err
    assert not Path(FILE).exists()


# A page


def test_explain_prints_the_page_and_asks_nobody(run, script):
    run(MODEL, "--yes")
    script.asked.clear()
    code, out, err = run("--explain", FILE)

    assert (code, err, script.asked) == (0, "", [])
    assert "gpt-oss-20b" in out


def test_explain_of_no_such_file_is_2_and_one_line(run):
    code, out, err = run("--explain", "nowhere.toml")
    assert (code, out) == (2, "")
    (said,) = err.splitlines()
    assert "nowhere.toml" in said


# Asked again


@pytest.fixture
def measured(run, script):
    """A file in which one history is refused, and nothing asked since."""
    script.verdicts[BROKEN[0].name] = Verdict.REJECT
    assert run(MODEL, "--yes")[0] == 0
    script.asked.clear()
    return BROKEN[0].name


def test_check_sends_nothing_without_yes(run, script, measured):
    code, out, _ = run("--check", FILE, MODEL)

    assert (code, script.asked) == (0, [])
    assert (
        out.splitlines()[-1].split()
        == f"toolpair-observe probe {MODEL} --check {FILE} --yes".split()
    )


def test_check_of_an_endpoint_that_does_the_same_is_0(run, script, measured):
    before = Path(FILE).read_bytes()
    code, out, err = run("--check", FILE, MODEL, "--yes")

    assert (code, err) == (0, "")
    assert script.asked == [each.probe for each in read_measurement(FILE).answers]
    assert f"0 of {len(script.asked)} histories are answered otherwise" in out
    assert "spent: " in out
    assert Path(FILE).read_bytes() == before


def test_check_shows_what_changed_and_is_1(run, script, measured):
    script.verdicts = {BROKEN[1].name: Verdict.REJECT}
    code, out, _ = run("--check", FILE, MODEL, "--yes")

    assert code == 1
    assert f"changed: {measured}, {BROKEN[0].history}\n  then  refuses it: {WORDS}\n" in out
    assert f"changed: {BROKEN[1].name}" in out
    assert f"  now   refuses it: {WORDS}" in out
    assert "2 of " in out


def test_other_words_are_shown_and_0(run, script, measured):
    script.words = "Not like this."
    code, out, _ = run("--check", FILE, MODEL, "--yes")

    assert code == 0
    assert f"other words: {measured}" in out
    assert "Not like this." in out


def test_what_is_not_answered_now_is_2(run, script, measured):
    script.verdicts[BROKEN[1].name] = Verdict.UNTOLD
    code, out, _ = run("--check", FILE, MODEL, "--yes")

    assert code == 2
    assert f"not told: {BROKEN[1].name}" in out


def test_a_loss_that_can_not_be_seen_now_is_no_change_and_2(run, script):
    script.verdicts[BROKEN[0].name] = Verdict.SILENT_LOSS
    assert run(MODEL, "--yes")[0] == 0
    script.verdicts = {}
    assert run("--check", FILE, MODEL, "--yes")[0] == 1
    code, out, _ = run("--check", FILE, MODEL, "--yes", "--repeat", "1")

    assert code == 2
    assert f"not told: {BROKEN[0].name}" in out
    assert "now   not told: it takes it, and shows no loss" in out
    assert "0 of " in out
    assert ", 1 are not told\n" in out


def test_check_is_one_object_for_programs(run, script, measured):
    script.verdicts = {}
    code, out, _ = run("--check", FILE, MODEL, "--yes", "--json")

    told = json.loads(out)
    assert code == 1
    assert told["file"] == FILE
    assert told["asked"] == told["of"] == len(script.asked)
    (change,) = told["changes"]
    assert (change["probe"], change["changed"]) == (measured, True)
    assert change["before"] == {"verdict": "reject", "text": WORDS}
    assert change["after"] == {"verdict": "accept", "text": ""}


def test_check_of_another_endpoint_is_2_and_asks_nobody(run, script, measured):
    script.endpoint = replace(ENDPOINT, model="other")
    code, out, err = run("--check", FILE, MODEL, "--yes")

    assert (code, out, script.asked) == (2, "", [])
    assert "the model goes to other at llm.example.com:8000" in err


def test_check_that_is_interrupted_compares_what_was_asked(run, script, measured):
    script.verdicts = {BROKEN[-1].name: INTERRUPTED}
    code, out, err = run("--check", FILE, MODEL, "--yes")

    assert code == 130
    assert f"changed: {measured}" in out
    assert "the rest was not asked" in err


@pytest.mark.parametrize(
    "odd",
    [
        ("--explain", FILE, "--yes"),
        ("--explain", FILE, "--json"),
        ("--explain", FILE, "--repeat", "2"),
        ("--explain", FILE, MODEL),
        ("--check", FILE),
        ("--check", FILE, "--explain", FILE, MODEL),
        ("--check", FILE, MODEL, "--only", "missing/*"),
        ("--check", FILE, MODEL, "--output", "a.toml"),
        ("--check", FILE, MODEL, "--force"),
    ],
)
def test_options_that_would_not_be_minded_are_2(run, script, odd):
    code, out, err = run(*odd)
    assert (code, out, script.asked) == (2, "", [])
    assert "error: " in err


def test_a_bar_is_told_of_each_history(run, script, monkeypatch):
    told = []

    class Bar:
        def __enter__(self):
            return lambda done, total: told.append((done, total))

        def __exit__(self, *_):
            return None

    monkeypatch.setattr("toolpair_observe.cli.probe.counting_bar", lambda what: Bar())
    run(MODEL, "--yes")
    assert [done for done, _ in told] == list(range(1, len(script.asked) + 1))


def test_the_name_of_the_function_is_not_hidden_by_its_room(script):
    import toolpair_observe

    assert probing.__name__ == "toolpair_observe.probing.probe"
    assert callable(toolpair_observe.probe)
