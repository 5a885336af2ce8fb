"""`[tool.toolpair_observe]` in pyproject.toml: who reads it, what it may say, and what it can't."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import toolpair_observe
from tests.cli.process import environment, run_cli, run_python
from toolpair_observe import ToolPairHandler
from toolpair_observe.cli import configured, demo
from toolpair_observe.cli.dispatch import _commands, dispatch
from toolpair_observe.errors import SettingsError
from toolpair_observe.project_file import COMMANDS, PYTEST, find
from toolpair_observe.project_options import adopted, project_options
from toolpair_observe.settings import options

CALL = {"id": "call_rome", "type": "function", "function": {"name": "f", "arguments": "{}"}}
BROKEN = {
    "messages": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "user", "content": "Well?"},
        {"role": "assistant", "content": "No idea."},
    ]
}
TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"


@pytest.fixture(autouse=True)
def _no_options_of_the_host(monkeypatch):
    for name in [name for name in os.environ if name.startswith("TOOLPAIR_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Write a pyproject.toml, and stand in a folder below it, beside a broken conversation."""
    below = tmp_path / "src" / "app"
    below.mkdir(parents=True)
    (below / "history.json").write_text(json.dumps(BROKEN))
    monkeypatch.chdir(below)

    def write(text, folder=tmp_path):
        (folder / "pyproject.toml").write_text(text)
        return folder / "pyproject.toml"

    return write


@pytest.fixture
def judged_under(capsys):
    """Check the conversation, and return the profiles that judged it."""

    def judged_under(*arguments):
        dispatch(["check", "history.json", "--json", *arguments])
        said = capsys.readouterr()
        assert said.err == ""
        return json.loads(said.out.splitlines()[0])["profile"]

    return judged_under


def test_a_command_takes_its_options_from_the_nearest_file_with_the_table(
    project, tmp_path, judged_under
):
    project('[tool.toolpair_observe.check]\nprofile = "anthropic"\n')
    # A file without the table, as a package of a monorepo has one, does not hide it.
    project("[project]\nname = 'app'\n", tmp_path / "src")
    assert judged_under() == "anthropic"
    project('[tool.toolpair_observe.check]\nprofile = "mistral"\n', tmp_path / "src")
    assert judged_under() == "mistral"


def test_an_argument_beats_the_file(project, judged_under):
    project('[tool.toolpair_observe.check]\nprofile = "anthropic"\n')
    assert judged_under("--profile", "mistral") == "mistral"
    assert judged_under("--profile", "auto") not in {"anthropic", "mistral"}


def test_a_file_of_a_profile_lies_beside_the_pyproject(project, tmp_path, judged_under):
    pytest.importorskip("jinja2")
    (tmp_path / "template.jinja").write_text(TEMPLATE)
    project('[tool.toolpair_observe.check]\nchat-template = "template.jinja"\n')
    assert "template" in judged_under()
    project('[tool.toolpair_observe.check]\nprofile = "template.jinja"\n')
    assert "template" in judged_under()


def test_the_environment_beats_the_file(project):
    found = find(project("[tool.toolpair_observe]\nspans = 'off'\nmax_runs = 7\n").parent)
    assert project_options(found, {"TOOLPAIR_SPANS": "all"}) == {"max_runs": 7}


def test_a_mode_of_the_file_does_not_weaken_what_the_environment_makes_strict(project):
    found = find(project("[tool.toolpair_observe]\nmode = 'observe'\n").parent)
    assert project_options(found, {}) == {"mode": "observe"}
    assert project_options(found, {"TOOLPAIR_STRICT_ENVIRONMENTS": "staging"}) == {}


def test_options_are_in_the_environment_while_a_command_runs_and_not_after():
    environ = {"TOOLPAIR_SPANS": "all"}
    given = {"block_on": ["reject", "silent_loss"], "spans": "off", "hash_ids": True}
    with adopted(given, environ):
        assert environ == {
            "TOOLPAIR_BLOCK_ON": "reject,silent_loss",
            "TOOLPAIR_SPANS": "off",
            "TOOLPAIR_HASH_IDS": "true",
        }
    assert environ == {"TOOLPAIR_SPANS": "all"}


def test_ids_are_hashed_where_the_file_says_so(project, capsys):
    project("[tool.toolpair_observe]\nhash_ids = true\n")
    assert dispatch(["check", "history.json"]) == 1
    told = capsys.readouterr().out
    assert "hmac:" in told
    assert "call_rome" not in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tool.toolpair_observe]\nmodes = 'off'", "modes is no option there; did you mean mode?"),
        ("[tool.toolpair_observe]\nmode = 'of'", "mode is 'of'; expected observe, strict or off"),
        ("[tool.toolpair_observe]\nblock_on = []", "block_on is empty"),
        (
            "[tool.toolpair_observe.chek]\nprofile = 'x'",
            "chek is no option there; did you mean che",
        ),
        ("[tool.toolpair_observe]\ncheck = 1", "check is 1; expected a table"),
        ("[tool]\ntoolpair_observe = 1", "tool.toolpair_observe is 1; expected a table"),
        ("[tool.toolpair_observe.check]\nprofil = 'x'", "did you mean profile?"),
        ("[tool.toolpair_observe.check]\nprofile = 'opnai-chat'", "openai-chat"),
        ("[tool.toolpair_observe.check]\nexplain = 'yes'", "is 'yes'; expected true or false"),
        ("[tool.toolpair_observe.check]\nmasked = 1", "masked is 1; expected true or false"),
        ("[tool.toolpair_observe.check]\njson = true", "can only be given on the command line"),
        (
            "[tool.toolpair_observe.check]\nprofile = 'mistral'\nchat_template = 'x'",
            "give one of them",
        ),
        ("[tool.toolpair_observe\n", "is no TOML that can be read"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_and_key(project, capsys, text, told):
    path = project(f"{text}\n")
    assert dispatch(["check", "history.json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"toolpair-observe: {path}")
    assert told in said.err
    assert said.err.count("\n") == 1


def test_help_needs_no_file_that_can_be_read(project, capsys):
    project("[tool.toolpair_observe\n")
    with pytest.raises(SystemExit) as ended:
        dispatch(["check", "--help"])
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_a_file_that_does_not_name_us_may_be_anything(project, judged_under):
    project("this is no TOML\n")
    assert judged_under()


@pytest.mark.parametrize("key", ["graph", "apply", "mend", "encryption"])
def test_nothing_is_imported_written_or_agreed_to_because_a_file_says_so(project, capsys, key):
    project(f"[tool.toolpair_observe.threads]\n{key} = 'os:getcwd'\n")
    assert dispatch(["threads", "nowhere.db"]) == 2
    assert f"{key} can only be given on the command line" in capsys.readouterr().err


def test_each_option_that_can_be_set_is_one_of_its_command():
    commands = _commands()
    assert tuple(configured.SETTABLE) == COMMANDS
    for name, settable in configured.SETTABLE.items():
        parser = commands.parser_of(name)
        named = [each for each in parser._actions if each.option_strings]
        assert {*settable} <= {*map(configured._key, named)}


@pytest.mark.parametrize(
    ("command", "table", "is_settled"),
    [
        ("audit", "as = ['mistral', 'anthropic']", lambda given: len(given.alternatives) == 2),
        ("audit", "fail_on = 'never'", lambda given: not given.fail_on),
        ("audit", "fail-on = ['silent_loss']", lambda given: [*given.fail_on] == ["silent_loss"]),
        ("check", "explain = true\nmasked = true", lambda given: given.explain and given.masked),
        ("repair", "profile = 'mistral'", lambda given: given.profile.name == "mistral"),
        ("threads", "idle = '5m'", lambda given: given.idle == 300),
        ("threads", "jobs = 2", lambda given: given.jobs == 2),
    ],
)
def test_a_value_of_the_file_is_read_as_the_command_reads_it(project, command, table, is_settled):
    found = find(project(f"[tool.toolpair_observe.{command}]\n{table}\n").parent)
    commands = _commands()
    configured.configure(commands.parser_of(command), command, found)
    assert is_settled(commands.parser.parse_args([command, "x"]))


def test_no_option_has_the_name_of_a_table():
    assert not {option.name for option in options()} & {*COMMANDS, PYTEST}


def test_what_is_attached_reads_no_file(project):
    project("[tool.toolpair_observe]\nmode = 'strict'\nno_such_option = 1\n")
    assert ToolPairHandler().settings.mode == "observe"


def test_run_hands_the_options_to_the_program_and_says_where_they_came_from(project, tmp_path):
    path = project("[tool.toolpair_observe]\nmode = 'strict'\nblock_on = ['silent_loss']\n")
    (tmp_path / "app.py").write_text(
        "import os\n"
        "from toolpair_observe.attach.instrument import instrumented_with\n"
        "print(instrumented_with().settings.mode, os.environ['TOOLPAIR_BLOCK_ON'])\n"
    )
    done = run_cli("run", "app.py", cwd=tmp_path, env=environment())
    assert done.stdout == b"strict silent_loss\n"
    assert f"toolpair-observe: mode, block_on as in {path}\n" in done.stderr.decode()
    observed = run_cli("run", "--mode", "observe", "app.py", cwd=tmp_path, env=environment())
    assert observed.stdout == b"observe silent_loss\n"


def test_the_doctor_names_the_file_and_looks_at_what_a_handler_sees(project, capsys):
    path = project("[tool.toolpair_observe]\nmode = 'strict'\n[tool.toolpair_observe.check]\n")
    dispatch(["doctor"])
    told = capsys.readouterr().out
    assert f"{path} sets mode, check: for the commands and pytest" in told
    assert "mode = observe (default)" in told


def test_a_command_without_a_file_says_nothing_of_it(project, capsys):
    dispatch(["doctor"])
    assert "pyproject.toml" not in capsys.readouterr().out


def test_a_file_that_is_too_large_is_named_and_not_read(project):
    path = project("[tool.toolpair_observe]\n" + "#" * 1024 * 1024)
    with pytest.raises(SettingsError, match="larger than 1,048,576 bytes"):
        find(path.parent)


def test_the_search_imports_nothing_slow(tmp_path):
    code = (
        "import sys; from pathlib import Path; from toolpair_observe.project_file import find;"
        "assert find(Path('.')) is None;"
        "print(*({'tomllib', 'langchain_core', 'pydantic'} & {*sys.modules}))"
    )
    done = run_python("-c", code, cwd=tmp_path, env=environment())
    assert (done.stdout, done.stderr) == (b"\n", b"")


DEEP = ".".join("a" * 45)
LONG = ".".join("a" * 20_000)
DIGITS = "1" * 5000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"[tool.toolpair_observe]\nmax_runs = {DIGITS}", "is no TOML that can be read: Exceeds"),
        (f"[tool.toolpair_observe]\nmax_runs = {'[' * 5000}", "is no TOML that can be read"),
        (f"[tool.toolpair_observe]\n{LONG} = 1", "a key has more than 50 parts"),
        (f"[tool.toolpair_observe]\nx = {{'' = '''''', {LONG} = 1}}", "more than 50 parts"),
        (f"[tool.toolpair_observe]\n\"a.b\".'c' . {LONG} = 1", "more than 50 parts"),
        (f"[[tool.toolpair_observe.check]]\n{DEEP} = 1", "expected a table"),
        (f"[tool.toolpair_observe.check]\nprofile = [{{{DEEP} = 1}}]", "expected a text, a number"),
        (f"[tool.toolpair_observe.check]\nprofile = 0x{'f' * 5000}", "profile is an object of"),
        ("[tool.toolpair_observe.check]\nprofile = 2020-01-01", "expected a text, a number"),
        ('[tool.toolpair_observe]\nmode = "a\\u0000b"', "mode is 'a\\x00b'"),
        ("[tool.toolpair_observe]\nblock_on = [' ']", "block_on is empty"),
        ("[tool.toolpair_observe]\nblock-on = 'reject'\nblock_on = 'unknown'", "there twice"),
        ("[tool.toolpair_observe.check]\nex-plain = 1\nex_plain = 1", "ex_plain is there twice"),
        ("[tool.toolpair-observe]\nmode = 'of'", "mode is 'of'"),
        ("[tool.toolpair_observe]\n[tool.toolpair-observe]", "keep one"),
    ],
    ids=[
        *("digits", "deep", "long", "inline", "quoted", "list", "item", "hex", "date", "nul"),
        *("blank", "twice", "twice-in-command", "hyphen", "both"),
    ],
)
def test_a_hostile_file_is_refused_in_one_line(project, capsys, text, told):
    path = project(f"{text}\n")
    assert dispatch(["check", "history.json"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"toolpair-observe: {path}")
    assert told in said.err
    assert said.err.count("\n") == 1


def test_keys_as_people_write_them_are_not_too_long(project, judged_under):
    project(
        f"# {'... ' * 100}\n[tool.other]\nversions = [{'1.0, ' * 200}]\ntext = '''\n{'.' * 200}\n"
        f"{'Foo. Bar, ' * 100}'''\n[tool.toolpair-observe.check]\nprofile = 'mistral'\n"
    )
    assert judged_under() == "mistral"


def test_a_mark_that_windows_puts_before_a_text_is_no_mistake(project, judged_under):
    project('\ufeff[tool.toolpair_observe.check]\nprofile = "mistral"\n')
    assert judged_under() == "mistral"


@pytest.mark.parametrize("kind", ["folder", "loop", "pipe"])
def test_what_is_no_file_is_passed_over(project, tmp_path, judged_under, kind):
    project('[tool.toolpair_observe.check]\nprofile = "mistral"\n')
    path = tmp_path / "src" / "pyproject.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    else:
        os.mkfifo(path)
    assert judged_under() == "mistral"


def test_a_folder_that_may_not_be_looked_into_is_passed_over(project, monkeypatch, judged_under):
    project('[tool.toolpair_observe.check]\nprofile = "mistral"\n')
    is_file = Path.is_file

    def guarded(path):
        if path.parent.name == "src":
            raise PermissionError(13, "Permission denied")
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", guarded)
    assert judged_under() == "mistral"


def test_a_folder_that_was_removed_holds_no_file(project, tmp_path, monkeypatch, judged_under):
    path = tmp_path / "gone"
    path.mkdir()
    monkeypatch.chdir(path)
    path.rmdir()
    assert dispatch(["check", str(tmp_path / "src" / "app" / "history.json")]) == 1


@pytest.mark.parametrize("text", ["[tool.toolpair_observe\n", "[tool.toolpair_observe]\nx = 1\n"])
def test_what_judges_nothing_minds_no_mistake(project, capsys, text):
    pytest.importorskip("shtab")
    project(text)
    assert dispatch(["completion", "bash"]) == 0
    assert capsys.readouterr().err == ""


def test_a_demo_shows_its_own_options(project, capsys, monkeypatch):
    project("[tool.toolpair_observe]\nmode = 'off'\n")
    seen = {}
    monkeypatch.setattr(demo, "run", lambda *_: seen.update(os.environ) or 0)
    assert dispatch(["demo"]) == 0
    assert "TOOLPAIR_MODE" not in seen


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tool.toolpair_observe\n", "is no TOML that can be read"),
        ("[tool.toolpair_observe]\nmodes = 'off'\n", "did you mean mode?"),
    ],
)
def test_the_doctor_says_what_is_wrong_with_the_file(project, capsys, text, told):
    path = project(text)
    assert dispatch(["doctor", "--json"]) == 1
    said = capsys.readouterr()
    (finding,) = [
        each
        for each in json.loads(said.out)["findings"]
        if each["area"] == "project" and each["status"] == "problem"
    ]
    assert finding["text"].startswith(str(path))
    assert told in finding["text"]
    assert finding["fix"]


def test_a_profile_to_compare_with_lies_beside_the_file(project, tmp_path):
    pytest.importorskip("jinja2")
    (tmp_path / "template.jinja").write_text(TEMPLATE)
    path = project("[tool.toolpair_observe.audit]\nas = ['template.jinja', 'mistral']\n")
    commands = _commands()
    configured.configure(commands.parser_of("audit"), "audit", find(path.parent))
    assert len(commands.parser.parse_args(["audit", "x"]).alternatives) == 2


def test_run_claims_no_mode_of_the_file_where_an_argument_sets_it(project, tmp_path):
    project("[tool.toolpair_observe]\nmode = 'strict'\nspans = 'off'\n")
    (tmp_path / "app.py").write_text("")
    done = run_cli("run", "--mode", "observe", "app.py", cwd=tmp_path, env=environment())
    assert b"toolpair-observe: spans as in" in done.stderr


def test_nothing_but_commands_and_the_plugin_reads_the_file():
    """No module of what is attached imports the reader, even late."""
    package = Path(toolpair_observe.__file__).parent
    readers = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if "toolpair_observe.project_" in path.read_text(encoding="utf-8")
    }
    assert readers == {"cli", "project_options.py", "pytest_plugin"}


def test_a_demo_of_own_histories_minds_the_file(project, capsys):
    pytest.importorskip("rich")
    project("[tool.toolpair_observe]\nhash_ids = 'maybe'\n")
    assert dispatch(["demo", "--histories", "history.json"]) == 2
    told = capsys.readouterr()
    assert "[tool.toolpair_observe] hash_ids is 'maybe'" in told.err
    assert not told.out
