"""The command line: `toolpair-observe COMMAND …`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from toolpair_observe.console import ExitCode, show

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: The arguments; None for those of the process.

    Returns:
        The exit code.
    """
    try:
        # Imports langchain-core, which takes so long that a user may interrupt it.
        from toolpair_observe.cli.dispatch import dispatch  # noqa: PLC0415

        return dispatch(argv)
    except KeyboardInterrupt:
        # The terminal has echoed the key in the middle of a line.
        gap = "\n" if sys.stderr is not None and sys.stderr.isatty() else ""
        show(f"{gap}toolpair-observe: interrupted", sys.stderr)
        return ExitCode.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
