"""Every link of every page leads somewhere, and every page can be reached."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from docs.generate_llms import INDEX, sections
from docs.links import anchors, is_external, links, reachable, target
from tests.docs.pages import PAGES, ROOT, name_of

# For those who work on the tests.
APART = {"tests/data/README.md"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_link_within_the_repository_names_a_file_and_a_part_of_it(page):
    for link in links(page.read_text(encoding="utf-8")):
        if is_external(link):
            continue
        file, anchor = target(page, link)
        assert file.is_relative_to(ROOT), f"{link} leads out of the repository"
        assert not file.is_dir(), f"{link} is a folder: name its README.md, for the site's sake"
        assert file.is_file(), f"{link} is not there"
        if anchor:
            assert file.suffix == ".md", f"{link}: only a page has parts"
            assert anchor in anchors(file.read_text(encoding="utf-8")), f"{link}: no such part"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_link_to_elsewhere_is_well_formed(page):
    for link in filter(is_external, links(page.read_text(encoding="utf-8"))):
        parts = urlsplit(link)
        assert parts.scheme == "https", link
        assert parts.hostname, link
        assert re.fullmatch(r"(?!(?:.*\.)?example\.)[a-z0-9-]+(\.[a-z0-9-]+)+", parts.hostname), (
            link
        )
        assert not re.search(r"[.,;'`]$", link), f"{link} has taken the end of its sentence along"


def test_every_page_can_be_reached_from_the_index():
    found = {name_of(page) for page in reachable(INDEX) if page.suffix == ".md"}
    assert {name_of(page) for page in PAGES} - APART == found | {"README.md"}


def test_readme_leads_to_the_index():
    assert INDEX in reachable(ROOT / "README.md")


def test_the_index_lists_a_page_once_under_a_title_of_its_own_with_a_line():
    entries = [entry for each in sections().values() for entry in each]
    assert len(entries) > 40
    for of in ("path", "title"):
        assert len({getattr(entry, of) for entry in entries}) == len(entries), of
    for entry in entries:
        assert entry.description.endswith("."), entry
    listed = re.findall(r"^- ", INDEX.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(listed) == len(entries), "a line is not of the form `- [title](path): what it is.`"


@pytest.mark.parametrize(
    ("heading", "slug"),
    [
        ("## What a block looks like", "what-a-block-looks-like"),
        ("### `toolpair.check.duration`", "toolpaircheckduration"),
        ("# Who, when & why?", "who-when--why"),
        ("## [A link](to.md) of `check_messages()`", "a-link-of-check_messages"),
        ("## Is it on? ##", "is-it-on"),
    ],
)
def test_an_anchor_is_what_github_makes_of_a_heading(heading, slug):
    assert anchors(heading) == {slug}


def test_headings_that_are_alike_get_a_number_and_code_has_none():
    page = '# One\n## Two\n```bash\n# no heading\n```\n## Two\n<a id="three"></a>\n'
    assert anchors(page) == {"one", "two", "two-1", "three"}


def test_a_link_in_code_or_in_a_comment_is_none():
    page = (
        "[a](a.md) ![b](b.png) <!-- [c](c.md) --> `[d](d.md)`\n\n"
        '```text\n[e](e.md)\n```\n\n<img src="f.svg"> [![g](g.svg)](h.md "title")\n\n[i]: i.md\n'
    )
    assert sorted(links(page)) == ["a.md", "b.png", "f.svg", "g.svg", "h.md", "i.md"]
