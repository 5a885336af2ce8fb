"""What the pages show as Python runs, and what they show as a command is one."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.process import environment
from tests.docs.pages import PAGES, ROOT, name_of
from tests.docs.snippets import blocks
from tests.probe.scripted import measurement
from toolpair_observe.cli.dispatch import build_parser
from toolpair_observe.cli.probe import FILE
from toolpair_observe.probing.file import written
from toolpair_observe.probing.measurement import Answer, Verdict

# A page that needs more than `tests.docs.snippets` has, and the test that has it.
RUN_ELSEWHERE = {
    "README.md": "tests/docs/test_readme.py",
    "docs/probe.md": "tests/docs/test_probe.py",
    "docs/threads.md": "tests/docs/test_threads.py",
}
# Signatures, which are no programs.
NO_PROGRAMS = {"docs/api.md"}
SHELLS = {"bash", "sh"}
# Other names of languages that are looked at, under which a block would not be.
ALIKE = {"py", "python3", "pycon", "shell", "zsh"}

PROGRAMS = [
    page
    for page in PAGES
    if name_of(page) not in {*RUN_ELSEWHERE, *NO_PROGRAMS}
    if any(block.language == "python" and not block.reason for block in blocks(page))
]
COMMANDS = [
    pytest.param(command, id=f"{name_of(page)}:{block.line}")
    for page in PAGES
    for block in blocks(page)
    if block.language in SHELLS and not block.reason
    for command in re.sub(r"\\\n\s*", " ", block.text).splitlines()
    if "toolpair-observe " in command
]


def calls_in(line: str) -> list[list[str]]:
    """The arguments of each `toolpair-observe` in a line of a shell."""
    # The folder that node_exporter reads is there only where it is installed.
    here = re.sub(r"(?<=-textfile )\S+/", "", line)
    words = shlex.shlex(here, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    calls: list[list[str]] = [[]]
    for word in words:
        if set(word) <= set("();<>|&"):
            calls.append([])
        else:
            calls[-1].append(word)
    command = "toolpair-observe"
    return [call[call.index(command) + 1 :] for call in calls if command in call]


@pytest.mark.parametrize("page", PROGRAMS, ids=name_of)
def test_the_python_of_a_page_runs_in_order(page, fork_server, counting_provider, tmp_path):
    env = environment(
        OPENAI_API_KEY="none",
        OPENAI_API_BASE=counting_provider.base_url,
        # The handler recognizes real endpoints; for a local one it needs the profile.
        TOOLPAIR_PROFILE="openai-chat",
        LANGSMITH_TRACING="false",
    )
    done = fork_server.run("-m", "tests.docs.snippets", str(page), env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture
def _files(tmp_path, monkeypatch):
    """The files that an option has to be able to read."""
    monkeypatch.chdir(tmp_path)
    answers = [Answer("sound/one", "H A(x) T(x)", Verdict.ACCEPT)]
    Path(FILE).write_text(written(measurement(*answers)), encoding="utf-8")
    Path("template.jinja").write_text("{{ messages }}", encoding="utf-8")


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_a_page_is_one(line, capsys):
    calls = calls_in(line)
    assert calls, "no command is recognized"
    for call in calls:
        try:
            build_parser().parse_args(call)
        except SystemExit:
            pytest.fail(capsys.readouterr().err)


def test_a_page_whose_snippets_run_elsewhere_names_its_test():
    for page, test in RUN_ELSEWHERE.items():
        assert Path(page).name in (ROOT / test).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_block_is_known_by_its_language_and_says_why_it_is_not_run(page):
    for block in blocks(page):
        assert block.language not in ALIKE, block.line
        assert block.reason is None or len(block.reason.split()) > 2, block.line
