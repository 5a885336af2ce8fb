"""Write the index for programs from the one for people: `python docs/generate_llms.py`.

Its form is that of llmstxt.org: a title, a summary, and sections of links with a line each.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

INDEX: Final = Path(__file__).parent / "README.md"
PAGE: Final = Path(__file__).parent / "llms.txt"
_TITLE: Final = "toolpair_observe"
_SECTION = re.compile(r"^## (.+)$")
_ENTRY = re.compile(r"^- \[([^\]]+)\]\(([^)]+)\): (.+)$")


@dataclass(frozen=True, slots=True)
class Entry:
    """One page in the index.

    Attributes:
        title: Its short name.
        path: Where it lies, seen from `docs/`.
        description: One line on what is there.
    """

    title: str
    path: str
    description: str


def summary() -> str:
    """Return the first paragraph of the index."""
    return " ".join(INDEX.read_text(encoding="utf-8").split("\n\n")[1].split())


def sections() -> dict[str, list[Entry]]:
    """Return the entries of the index by their section."""
    found: dict[str, list[Entry]] = {}
    entries: list[Entry] = []
    for line in INDEX.read_text(encoding="utf-8").splitlines():
        if section := _SECTION.match(line):
            entries = found.setdefault(section[1], [])
        elif entry := _ENTRY.match(line):
            entries.append(Entry(*entry.groups()))
    return found


def page(folder: str = "") -> str:
    """Return the page.

    Args:
        folder: Where `docs/` is, seen from the page: `""` if the page is in it.
    """
    return "\n".join([f"# {_TITLE}", "", f"> {summary()}", *_lines(folder)])


def _lines(folder: str) -> Iterator[str]:
    for section, entries in sections().items():
        yield f"\n## {section}\n"
        for entry in entries:
            link = posixpath.normpath(posixpath.join(folder, entry.path))
            yield f"- [{entry.title}]({link}): {entry.description}"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
