"""The site of all pages: what it holds, how one finds it, and what makes its build fail."""

from __future__ import annotations

import re
import runpy
from itertools import pairwise

import pytest

from docs.build_site import files, navigation, problems
from docs.generate_llms import INDEX, PAGE, page, sections
from docs.links import links, without_code
from tests.docs.pages import PAGES, ROOT, name_of
from tests.docs.test_links import APART


def places(tree):
    """The pages in a tree of the navigation."""
    for branch in tree:
        if isinstance(branch, str):
            yield branch
        elif isinstance(branch, dict):
            for below in branch.values():
                yield from places([below] if isinstance(below, str) else below)


def test_every_page_is_in_the_navigation_once():
    found = list(places(navigation()))
    assert sorted(found) == sorted({name_of(each) for each in PAGES} - APART)


def test_the_sections_of_the_navigation_are_those_of_the_index():
    home, index, *groups = navigation()
    assert (home, index) == ({"Home": "README.md"}, {"All pages": "docs/README.md"})
    assert [section for group in groups for section in group] == list(sections())


def test_the_site_holds_what_its_pages_link_to_and_nothing_else():
    names = {each.relative_to(ROOT).as_posix() for each in files()}
    assert {"docs/images/performance.svg", "docs/llms.txt", "docs/providers/ollama.md"} <= names
    assert not {name for name in names if name.startswith(("tests/", "docs/generate_"))}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_list_is_one_on_the_site_as_well(page):
    """GitHub's Markdown is content with less space above a list and in front of a nested one."""
    lines = ["", *without_code(page.read_text(encoding="utf-8")).splitlines()]
    for above, line in pairwise(lines):
        if re.match(r"(?:[-*+]|\d+\.) ", line):
            assert not re.match(r"[^\s|#<*+\d-]", above), f"no empty line above {line!r}"
        assert not re.match(r" {1,3}(?:[-*+]|\d+\.) ", line), f"not by four spaces: {line!r}"


def test_the_index_for_programs_is_what_the_index_makes_it():
    made = runpy.run_path(str(ROOT / "docs" / "generate_llms.py"))["page"]()
    assert PAGE.read_text(encoding="utf-8") == made, "run: python docs/generate_llms.py"


@pytest.mark.parametrize(("folder", "root"), [("", INDEX.parent), ("docs", ROOT)])
def test_the_index_for_programs_leads_to_pages(folder, root):
    text = page(folder)
    title, _, summary, *_ = text.splitlines()
    assert title == "# toolpair_observe"
    assert summary.startswith("> toolpair_observe ")
    found = list(links(text))
    assert len(found) > 40
    assert [link for link in found if not (root / link).is_file()] == []


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ('<a href="b.html#there">', None),
        ("<a href=b.html>", None),
        ('<a href="https://docs.python.org">', None),
        ('<a href="/b.html">', None),
        ('<a href="c.html">', "there is no c.html"),
        ('<img src="c.png">', "there is no c.png"),
        ('<a href="b.html#nowhere">', "there is no such part: b.html#nowhere"),
        ('<link href="https://fonts.example/a.css">', "<link> asks another host"),
        ('<script async src="//cdn.example/a.js">', "<script> asks another host"),
    ],
)
def test_a_built_page_may_not_lead_nowhere_nor_ask_another_host(html, problem, tmp_path):
    (tmp_path / "a.html").write_text(html, encoding="utf-8")
    (tmp_path / "b.html").write_text('<h2 id="there">', encoding="utf-8")
    found = list(problems(tmp_path))
    assert [problem] == [None] if not found else problem in found[0]
