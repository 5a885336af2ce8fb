"""`toolpair-observe completion`: what lets a shell complete commands, options and profiles."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from toolpair_observe.console import ExitCode, show
from toolpair_observe.errors import MissingExtraError
from toolpair_observe.install import install_line
from toolpair_observe.pairing.providers.table import PROFILES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from toolpair_observe.cli.subcommands import Subcommands

_DESCRIPTION: Final = """\
Print a script that lets your shell complete commands, options, profiles and files. Pressing the key
then starts no Python. Print it again after an update. Needs the extra completion.

  bash   toolpair-observe completion bash > ~/.toolpair-completion.bash
         echo 'source ~/.toolpair-completion.bash' >> ~/.bashrc
  zsh    toolpair-observe completion zsh > ~/.zfunc/_toolpair-observe
         (~/.zshrc: fpath+=~/.zfunc, and below it: autoload -Uz compinit; compinit)
  fish   toolpair-observe completion fish > ~/.config/fish/completions/toolpair-observe.fish

exit status: 0; 2 if the extra is missing or the shell is unknown
"""
_SHELLS: Final = ("bash", "zsh", "fish")
# What stands for a file, or for something that may be one, in the usage of our commands.
_FILES: Final = frozenset({"FILE", "FILE.prom", "PROGRAM", "SOURCE", "URL"})


def register(commands: Subcommands) -> None:
    """Add the command to the parser."""
    parser = commands.add("completion", "let your shell complete commands and options")
    parser.description = _DESCRIPTION
    parser.add_argument("shell", choices=_SHELLS, metavar="SHELL", help=", ".join(_SHELLS))
    parser.set_defaults(run=partial(run, commands.parser))


def run(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> int:
    """Print the script for one shell."""
    try:
        import shtab  # noqa: PLC0415 - of the extra
    except ImportError:
        msg = f"completion needs shtab, which is not installed: {install_line('completion')}"
        raise MissingExtraError(msg) from None

    for action in _actions(parser):
        if action.dest == "profile" and action.metavar == "NAME":
            action.choices, action.help = ("auto", *PROFILES), "the rules that judge"
        elif action.metavar in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined] # where shtab looks
    show(shtab.complete(parser, shell=arguments.shell))
    return ExitCode.OK


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield every option and argument of a parser and of its commands.

    What describes a command becomes its summary: shells show one line.
    """
    for action in parser._actions:  # noqa: SLF001 - argparse shows its actions nowhere else
        yield action
        commands = action.choices.values() if isinstance(action.choices, dict) else ()
        for command in commands:
            command.description = command.summary
            yield from _actions(command)
