"""Put real output into the pages that show some: `python docs/refresh_outputs.py`.

A comment says what the next block shows: `<!-- output: print(report) -->` what the Python blocks
before it print with that line behind them, `<!-- output: toolpair-observe check runs.jsonl -->`
what the command writes, and `<!-- file: runs.jsonl -->` what a file has that these may read.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from toolpair_observe.cli.main import main as run_command

PAGES: Final = ("check.md", "reading-a-report.md")
_FOLDER: Final = Path(__file__).parent
_COMMAND: Final = "toolpair-observe "
_PYTHON: Final = "python"
_BLOCK: Final = re.compile(
    r"(?:^<!-- (?P<word>output|file): (?P<what>[^\n]+) -->\n)?"
    r"^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def refreshed(page: str) -> str:
    """Return the text of a page with each output as it is now."""
    names: dict[str, Any] = {}

    def block(match: re.Match[str]) -> str:
        word, what, text = match["word"], match["what"], match["text"]
        if word == "file":
            Path(what).write_text(text, encoding="utf-8")
        elif word == "output":
            shown = "\n".join(each.rstrip() for each in _shown(what, names).strip("\n").split("\n"))
            return f"<!-- output: {what} -->\n```{match['language']}\n{shown}\n```"
        elif match["language"] == _PYTHON:
            _executed(text, names)
        return match[0]

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return _BLOCK.sub(block, page)


def _shown(what: str, names: dict[str, Any]) -> str:
    if not what.startswith(_COMMAND):
        return _executed(what, names)
    written = io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
        code = run_command(what.removeprefix(_COMMAND).split())
    return f"$ {what}\n{written.getvalue()}$ echo $?\n{code:d}"


def _executed(code: str, names: dict[str, Any]) -> str:
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        exec(compile(code, "page", "exec"), names)  # noqa: S102 -- our own pages
    return written.getvalue()


def main() -> None:
    """Write the pages anew."""
    for name in list(os.environ):
        if name.startswith("TOOLPAIR_"):
            del os.environ[name]
    for name in PAGES:
        path = _FOLDER / name
        path.write_text(refreshed(path.read_text(encoding="utf-8")), encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
