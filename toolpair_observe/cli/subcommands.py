"""The subcommands of a parser, to which each command adds itself."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import _SubParsersAction


class Subcommands:
    """The subcommands of a parser."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        """Give `parser` subcommands."""
        self._parsers: _SubParsersAction[argparse.ArgumentParser] = parser.add_subparsers(
            title="commands", metavar="COMMAND", required=True
        )

    def add(self, name: str, summary: str) -> argparse.ArgumentParser:
        """Add a command and return its parser."""
        return self._parsers.add_parser(
            name,
            help=summary,
            description=summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
