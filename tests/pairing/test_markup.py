"""A notebook shows a report as HTML or Markdown, and whatever stands in it stays text."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from toolpair_observe import check_messages
from toolpair_observe.pairing.timeline import Stop
from toolpair_observe.pairing.words import Role

EVIL = [
    "<script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "```\n# not a heading",
    "[link](http://evil.example)",
    "$x^2$ **bold** | `code`",
]


def report_of(call_id, name="look"):
    call = {"name": name, "args": {"secret": "hush"}, "id": call_id}
    messages = [HumanMessage("hush"), AIMessage("", tool_calls=[call]), HumanMessage("hush")]
    return check_messages(messages, profile="openai-chat")


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.add(tag)
        self.names.update(name for name, _ in attrs)

    def handle_data(self, data) -> None:
        self.text += data


@pytest.mark.parametrize("evil", EVIL)
def test_html_shows_ids_and_names_as_text(evil):
    report = report_of(evil, evil)
    page = _Text()
    page.feed(report._repr_html_())

    assert page.tags == {"div", "span", "pre"}
    assert page.names == {"class", "style"}
    assert "$" not in report._repr_html_()
    assert evil.split("\n")[0] in page.text
    assert "hush" not in page.text


def test_html_asks_nobody_for_anything():
    assert not re.search(r"https?:|url\(|@import|src=", report_of("call_a")._repr_html_())


@pytest.mark.parametrize("evil", EVIL)
def test_markdown_shows_ids_and_names_as_text(evil):
    text = report_of(evil, evil)._repr_markdown_()

    fence = re.search("^(`+)text$", text, flags=re.MULTILINE)[1]
    before, drawn, after = re.split(f"^{fence}(?:text)?$", text, flags=re.MULTILINE)
    assert "no result" in drawn
    for outside in (before, after):
        assert not re.search(r"(?<!\\)[<\[`$|]", outside)
    assert "hush" not in text


def test_both_say_what_the_text_says_in_its_order():
    report = report_of("call_a")
    page = _Text()
    page.feed(report._repr_html_())
    unescaped = report._repr_markdown_().replace("\\", "").replace("*", "")
    words = ("no result", "predicted:", "expected error:", "to do:", "likely cause:", "to rescue")
    for text in (report.explain(), page.text, unescaped):
        places = [text.index(word) for word in words]
        assert places == sorted(places)


def test_a_report_that_is_made_by_hand_shows_its_messages_as_text():
    evil = "\x1b]0;x\x07\n::error::x"
    stop = Stop(1, Role.AI, ((evil, evil),))
    report = replace(report_of("call_a"), timeline=(stop,))

    for text in (report.explain(), report._repr_html_(), report._repr_markdown_()):
        assert all(each.isprintable() for each in text.split("\n"))
        assert not re.search(r"^\s*::", text, flags=re.MULTILINE)
