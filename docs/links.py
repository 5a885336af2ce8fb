"""The links and anchors of a Markdown page, as GitHub reads them."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]

_FENCE = re.compile(
    r"^(?P<mark> *(?:`{3,}|~{3,}))[^`\n]*\n.*?^(?P=mark)`* *$\n?", re.MULTILINE | re.DOTALL
)
_CODE = re.compile(r"(?P<mark>`+)(?!`).+?(?<!`)(?P=mark)(?!`)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_INLINE = re.compile(r"\]\(\s*<?([^\s)>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_HTML = re.compile(r"<\w[^>]*?\s(?:href|src|srcset)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#{1,6} +(.*?)(?: +#+)? *$", re.MULTILINE)
_LABEL = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_ID = re.compile(r"<\w[^>]*?\s(?:id|name)=\"([^\"]+)\"")


def without_code(text: str) -> str:
    """Return a page without its fenced blocks and comments."""
    return _COMMENT.sub("", _FENCE.sub("", text))


def links(text: str) -> Iterator[str]:
    """Yield the target of each link and picture of a page, in no code and no comment."""
    prose = _CODE.sub("", without_code(text))
    for pattern in (_INLINE, _REFERENCE, _HTML):
        yield from pattern.findall(prose)


def is_external(link: str) -> bool:
    """Say whether a link leads out of the repository."""
    return re.match(r"[a-z][a-z0-9+.-]*:|//", link, re.IGNORECASE) is not None


def anchors(text: str) -> set[str]:
    """Return what a link to a part of the page can name: GitHub's slugs, and ids in HTML."""
    found = set(_ID.findall(text))
    seen: Counter[str] = Counter()
    for heading in _HEADING.findall(without_code(text)):
        slug = _slug(heading)
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def _slug(heading: str) -> str:
    words = _LABEL.sub(r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")


def target(page: Path, link: str) -> tuple[Path, str]:
    """Return the file that a relative link of a page names, and the anchor in it or `""`."""
    path, _, anchor = unquote(link).partition("#")
    return (page.parent / path).resolve() if path else page, anchor


def linked(page: Path) -> Iterator[Path]:
    """Yield the files of the repository that a page links to."""
    for link in links(page.read_text(encoding="utf-8")):
        if not is_external(link):
            yield target(page, link)[0]


def reachable(start: Path) -> list[Path]:
    """Return what can be reached from a page, itself included: other pages, and files."""
    found = [start]
    seen = {start}
    for each in found:
        if each.suffix == ".md" and each.is_file():
            new = [file for file in dict.fromkeys(linked(each)) if file not in seen]
            seen.update(new)
            found += new
    return found
