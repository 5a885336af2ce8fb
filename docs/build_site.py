"""Build the site of all pages: `python -m docs.build_site [FOLDER]`, `build/site` if none is named.

The pages are those that can be reached from the index, at the same places as in the repository, so
that a link that works there works on the site. The navigation is the index's own. The build stops
at a link that leads nowhere, and at anything that a browser would ask of another host.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from docs.generate_llms import INDEX, page, sections
from docs.links import ROOT, linked, reachable

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE: Final = Path(__file__).parent
HOME: Final = ROOT / "README.md"
_LINK = re.compile(r"<(\w+)\s[^>]*?\b(?:href|src)=\"?([^\s\">]*)")
_ID = re.compile(r"\s(?:id|name)=\"?([^\s\">]+)")
_OTHER_HOST = re.compile(r"(?:[a-z]+:)?//", re.IGNORECASE)


def files() -> list[Path]:
    """Return what the site holds: pages, pictures, and the files that pages link to."""
    found = dict.fromkeys([*reachable(HOME), *reachable(INDEX)])
    return [file for file in found if file.is_file() and file.is_relative_to(ROOT)]


def navigation() -> list[dict[str, Any]]:
    """Return the tree of pages: the home, then the sections of the index."""
    tree: list[dict[str, Any]] = [{"Home": _place(HOME)}, {"All pages": _place(INDEX)}]
    for section, entries in sections().items():
        pages = {entry.title: (HERE / entry.path).resolve() for entry in entries}
        tree.append({section: [{title: _branch(file)} for title, file in pages.items()]})
    return tree


def _place(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def _branch(file: Path) -> str | list[str | dict[str, str]]:
    """Return a page, or with the pages of its folder that only it lists."""
    listed = {(HERE / entry.path).resolve() for each in sections().values() for entry in each}
    below = [
        each
        for each in dict.fromkeys(linked(file))
        if each.suffix == ".md" and each.parent == file.parent and each not in {*listed, file}
    ]
    if file.name != "README.md" or not below:
        return _place(file)
    return [{"Overview": _place(file)}, *map(_place, below)]


def build(target: Path) -> None:
    """Write the site.

    Args:
        target: Its folder, which is replaced.

    Raises:
        SystemExit: The site does not hold together.
    """
    with TemporaryDirectory() as folder:
        work = Path(folder).resolve()
        for file in files():
            copy = work / "pages" / _place(file)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
        shutil.copy(HERE / "site.css", work / "pages")
        config = tomllib.loads((HERE / "site.toml").read_text(encoding="utf-8"))
        # JSON is YAML, too.
        text = json.dumps({**config, "nav": navigation()})
        (work / "mkdocs.yml").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "zensical", "build", "--strict"]
        subprocess.run([*command, "-f", "mkdocs.yml"], cwd=work, check=True)  # noqa: S603 -- ours
        _add_sources(work / "site")
        if found := list(problems(work / "site")):
            sys.exit("\n".join(found))
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(work / "site", target)


def _add_sources(site: Path) -> None:
    """Add the index for programs, and the Markdown that it leads to."""
    (site / "llms.txt").write_text(page("docs"), encoding="utf-8")
    for file in files():
        if file.suffix == ".md":
            shutil.copy(file, site / _place(file))


def problems(site: Path) -> Iterator[str]:
    """Yield what is wrong in the pages of a built site, a line each."""
    texts = {file: file.read_text(encoding="utf-8") for file in sorted(site.rglob("*.html"))}
    known = {file: set(_ID.findall(text)) for file, text in texts.items()}
    for file, text in texts.items():
        where = file.relative_to(site)
        for tag, link in _LINK.findall(text):
            path, _, anchor = unquote(link).partition("#")
            # The page for what is not found names the site's root.
            base = site if path.startswith("/") else file.parent
            to = (base / path.lstrip("/")).resolve() if path else file
            if _OTHER_HOST.match(link) or ":" in link:
                if tag != "a":
                    yield f"{where}: <{tag}> asks another host: {link}"
            elif not to.is_file():
                yield f"{where}: there is no {link}"
            elif anchor and to in known and anchor not in known[to]:
                yield f"{where}: there is no such part: {link}"


if __name__ == "__main__":
    build(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "build" / "site")
