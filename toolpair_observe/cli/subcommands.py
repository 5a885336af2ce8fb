"""The subcommands of a parser, to which each command adds itself."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NoReturn

from toolpair_observe.pairing.shown import line

if TYPE_CHECKING:
    from argparse import _SubParsersAction


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, whatever the arguments are that they quote.

    Attributes:
        summary: What a command does, in one line.
    """

    summary = ""

    def error(self, message: str) -> NoReturn:
        """End the process with a complaint."""
        super().error(line(message))


class Subcommands:
    """The subcommands of a parser.

    Attributes:
        parser: The parser.
    """

    def __init__(self, parser: Parser) -> None:
        """Give `parser` subcommands."""
        self.parser = parser
        self._parsers: _SubParsersAction[Parser] = parser.add_subparsers(
            title="commands", metavar="COMMAND", required=True, parser_class=Parser
        )

    def parser_of(self, name: str) -> Parser | None:
        """Return the parser of a command, or None if there is no such command."""
        return self._parsers.choices.get(name)

    def add(self, name: str, summary: str) -> Parser:
        """Add a command and return its parser."""
        made = self._parsers.add_parser(
            name,
            help=summary,
            description=summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.summary = summary
        return made
