"""`toolpair-observe completion`: each shell, asked as a person at it would ask."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys

import pytest

from tests.cli.process import ROOT, run_cli
from toolpair_observe.cli.dispatch import build_parser, dispatch
from toolpair_observe.install import install_line

pytest.importorskip("shtab")

IN_BASH = r"""
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_shtab_toolpair_observe toolpair-observe "${@: -1}" "${@: -2:1}"
printf '%s\n' "${COMPREPLY[@]}"
"""
# A terminal of its own, in which the key is pressed; it waits until the shell shows what it found.
IN_ZSH = r"""
zmodload zsh/zpty
zpty -b shell zsh -f -i
zpty -w shell "fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; print REA''DY"
zpty -r shell shown '*READY*'
zpty -w -n shell "$2"$'\t'
zpty -r -m shell shown "*$3*" && print found
zpty -d shell
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """Write the script of a shell, and return its file."""

    def script(shell):
        file = tmp_path_factory.mktemp(shell) / "_toolpair-observe"
        done = run_cli("completion", shell)
        assert (done.returncode, done.stderr) == (0, b"")
        file.write_bytes(done.stdout)
        return file

    return script


def in_shell(shell, *arguments, **options):
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run(  # noqa: S603 - a shell of this machine
        [program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (["ch"], ["check"]),
        (["check", "--pro"], ["--profile"]),
        (["check", "--profile", "openai-ch"], ["openai-chat"]),
        (["check", "--profile", "openai-chat", "LICEN"], ["LICENSE"]),
        (["langsmith", ""], ["apply"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
    ],
)
def test_bash_completes_and_starts_no_program(script, typed, found):
    words = ["toolpair-observe", *typed]
    # Without a PATH it can only do by itself what it does.
    told = in_shell(
        "bash", "-c", IN_BASH, "bash", script("bash"), *words, cwd=ROOT, env={"PATH": ""}
    )
    assert told.split() == found


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("toolpair-observe ch", "check"),
        ("toolpair-observe check --profile mist", "mistral"),
        ("toolpair-observe check LICEN", "LICENSE"),
    ],
)
def test_zsh_completes(script, tmp_path, typed, found):
    folder = script("zsh").parent
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "dumb"}
    told = in_shell("zsh", "-f", "-c", IN_ZSH, "zsh", folder, typed, found, cwd=ROOT, env=env)
    assert told.endswith("found\n")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("toolpair-observe ch", "check\tfind broken tool-call pairs in stored conversations"),
        ("toolpair-observe check --profile mist", "mistral\tthe rules that judge"),
        ("toolpair-observe check LICEN", "LICENSE"),
    ],
)
def test_fish_completes_and_says_what_it_is(script, tmp_path, typed, found):
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    command = 'source "$argv[1]"; complete -C "$argv[2]"'
    told = in_shell("fish", "--no-config", "-c", command, script("fish"), typed, cwd=ROOT, env=env)
    assert told == f"{found}\n"


def test_without_the_extra_the_error_names_the_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert dispatch(["completion", "bash"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "toolpair-observe: completion needs shtab, which is not installed: "
        f"{install_line('completion')}\n"
    )


def test_the_parser_of_the_other_commands_stays_as_it_is(capsys):
    """What shells are told of `--profile` is no rule: it may also be a file."""
    assert dispatch(["completion", "fish"]) == 0
    capsys.readouterr()
    given = build_parser().parse_args(["check", "--profile", "auto", "x"])
    assert given.profile is None


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_option_of_every_command_is_in_the_script(script, shell):
    text = script(shell).read_text()
    for name, parser in commands_of(build_parser()):
        # fish writes an option without its dashes.
        wanted = {option for each in parser._actions for option in each.option_strings}
        words = {each.lstrip("-") if shell == "fish" else each for each in wanted}
        assert [each for each in words if each not in text] == [], name


def commands_of(parser):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def test_bash_runs_nothing_that_a_file_is_named(script, tmp_path):
    for name in ("$(touch ran)", "`touch ran`", "x;touch ran", "*"):
        (tmp_path / name).write_text("")
    before = {each.name for each in tmp_path.iterdir()}
    for typed in ("", "$", "`", "x"):
        words = ["toolpair-observe", "check", typed]
        in_shell("bash", "-c", IN_BASH, "bash", script("bash"), *words, cwd=tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == before
