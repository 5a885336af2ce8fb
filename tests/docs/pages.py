"""The Markdown pages of the repository."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
_FOLDERS = ("dashboards", "docs", "examples", "tests")
_NOT_OURS = {"node_modules", ".pytest_cache"}

PAGES = sorted(
    page
    for page in (
        *ROOT.glob("*.md"),
        *(page for folder in _FOLDERS for page in (ROOT / folder).rglob("*.md")),
    )
    if not _NOT_OURS & set(page.parts)
)


def name_of(page: Path) -> str:
    """Return the place of a page in the repository."""
    return page.relative_to(ROOT).as_posix()
