"""The page of an audit, in a real browser: pictures, filters, keyboard, and nothing but text."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.audit.samples import (
    LOST,
    MISSING,
    ORPHAN,
    SECRET,
    SOUND,
    asks,
    calls,
    judged,
    says,
    unit,
    unread,
)
from toolpair_observe.audit.aggregate import Aggregate
from toolpair_observe.audit.options import AuditOptions, alternative
from toolpair_observe.audit.page import page_of
from toolpair_observe.audit.told import tell
from toolpair_observe.errors import MissingExtraError
from toolpair_observe.histories.judging import judge_unit
from toolpair_observe.histories.limits import DEFAULT_LIMITS
from toolpair_observe.histories.unit import Recorded, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
EVIL = '</script><script>document.title="owned"</script><img src=x onerror=document.title="owned">'
evil_call = {"name": EVIL, "args": {}, "id": "call_evil", "type": "tool_call"}
MADE_UP = {"type": "tool", "content": "Tool was interrupted.", "tool_call_id": "call_made"}
EVIL_HISTORY = (
    *(asks(), calls("call_made"), MADE_UP, says(), asks()),
    *({"type": "ai", "content": "", "tool_calls": [evil_call]}, asks()),
)


def told() -> dict[str, Any]:
    aggregate = Aggregate(AuditOptions())
    other = alternative("google-genai")
    cases = [
        (SOUND, "openai-chat", "gpt-4o", "2026-11-01", Recorded.ACCEPTED),
        (MISSING, "openai-chat", "gpt-4o", "2026-11-01", Recorded.REJECTED),
        (MISSING, "anthropic", "claude-sonnet-4-5", "2026-11-02", Recorded.ACCEPTED),
        (ORPHAN, "anthropic", "claude-sonnet-4-5", "2026-11-02", None),
        (LOST, "google-genai", EVIL, "2026-11-03", None),
        (EVIL_HISTORY, "openai-chat", EVIL, "2026-11-03", None),
    ]
    for line, (messages, profile, model, day, recorded) in enumerate(cases, start=1):
        one = unit(messages, line=line, at=f"{day}T10:00:00Z", recorded=recorded, thread_id=EVIL)
        found = judged(one, profile)
        found = replace(found, target=replace(found.target, model=model))
        aggregate.add(found, "runs.jsonl")
        aggregate.add_other(found, judge_unit(one, DEFAULT_LIMITS, other.profile), other)
    aggregate.add(judged(unread(f"unknown key {EVIL}")), "runs.jsonl")
    aggregate.add(judged(unread("tool run", Status.NOT_A_REQUEST)), "runs.jsonl")
    return tell(aggregate)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page_of(told()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None and not os.environ.get("CI"):
        pytest.skip("chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        with driver.chromium.launch(executable_path=CHROMIUM, args=arguments) as opened:
            yield opened


@pytest.fixture
def show(browser: Browser, file: Path):
    """Open the page. It must have asked nobody for anything and complained of nothing."""
    faults: list[str] = []
    contexts = []

    def show(**context: Any) -> Page:
        contexts.append(browser.new_context(**context))
        page = contexts[-1].new_page()
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: asked(request.url))
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready=yes]")
        return page

    def asked(url: str) -> None:
        if url != file.as_uri() and not url.startswith(("data:", "blob:")):
            faults.append(url)

    yield show
    for each in contexts:
        each.close()
    assert faults == []


def conversations(page: Page) -> list[str]:
    return page.locator("#conversations li").all_inner_texts()


def test_the_sentence_stands_on_top(show):
    page = show()

    assert page.locator("h1").inner_text() == told()["sentence"]
    assert "6" in page.locator("#cards .card").first.inner_text()


def test_each_picture_has_bars_and_says_what_it_shows(show):
    page = show()

    for picture in ("by-day", "by-kind", "by-model", "by-provider"):
        assert page.locator(f"#{picture} .bars path").count() > 0
        assert re.search(r": .*\d", page.locator(f"#{picture}").get_attribute("aria-label"))


def test_markup_in_ids_and_names_stays_text(show):
    page = show()

    assert page.title() == "Tool-call pairs: audit"
    assert page.locator("img").count() == 0
    page.locator("#search").fill("call_evil")
    assert EVIL in page.locator("#detail").inner_text()
    assert EVIL in page.locator("#unreadable").inner_text()
    assert page.title() == "Tool-call pairs: audit"


def test_results_that_others_made_up_are_counted_by_whom_and_marked_where_they_stand(show):
    page = show()

    assert "1\nresults made up" in page.locator("#cards").inner_text()
    assert page.locator("#masked td").all_inner_texts() == ["strands", "missing", "1", "0"]
    page.locator("#search").fill("call_evil")
    row = page.locator("#detail .stop", has_text="made up by strands")
    assert [" ".join(each.split()) for each in row.all_inner_texts()] == [
        "╰─── ! 2 tool call_made ← made up by strands (missing)"
    ]


def test_no_content_is_in_the_page(file):
    assert SECRET not in file.read_text(encoding="utf-8")


def test_a_filter_narrows_pictures_and_conversations(show):
    page = show()
    assert len(conversations(page)) == 5
    page.locator("[name=provider]").select_option("anthropic")

    assert page.locator("#showing").inner_text() == "2 of 6 requests"
    assert len(conversations(page)) == 2
    page.locator("[name=kind]").select_option("orphan_result")
    (left,) = conversations(page)
    assert "orphan_result" in left
    assert page.locator("#by-kind").get_attribute("aria-label").endswith("trimmed_head 1")
    page.get_by_role("button", name="Reset").click()
    assert len(conversations(page)) == 5


def test_an_effect_counts_its_requests(show):
    page = show()
    page.locator("[name=effect]").select_option("silent_loss")

    assert page.locator("#showing").inner_text() == "1 of 6 requests"
    assert len(conversations(page)) == 1


def test_days_are_a_range(show):
    page = show()
    page.locator("[name=from]").select_option("2026-11-02")
    page.locator("[name=to]").select_option("2026-11-02")

    assert page.locator("#showing").inner_text() == "2 of 6 requests"


def test_a_conversation_opens_as_a_timeline(show):
    page = show()
    page.locator("[name=provider]").select_option("openai")
    page.locator("#conversations li", has_text="runs.jsonl:2").click()

    detail = page.locator("#detail").inner_text()
    assert "runs.jsonl:2" in detail
    rows = page.locator("#detail .stop").all_inner_texts()
    assert [" ".join(row.split()) for row in rows] == [
        "0 human",
        "╭─── 1 ai call_a look",
        "╰╌╌╌ ✗ call_a no result ← missing_result",
        "2 human",
    ]
    assert "must be followed by tool messages" in detail


def test_everything_is_reached_by_the_keyboard(show):
    page = show()
    first = page.locator("#detail h3").inner_text()
    page.keyboard.press("j")
    second = page.locator("#detail h3").inner_text()
    page.keyboard.press("ArrowUp")

    assert second != first
    assert page.locator("#detail h3").inner_text() == first
    page.keyboard.press("/")
    page.keyboard.type("call_evil")
    assert len(conversations(page)) == 1
    page.keyboard.press("Escape")
    assert len(conversations(page)) == 5
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "detail"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_is_the_systems_until_a_key_changes_it(show, scheme):
    page = show(color_scheme=scheme)

    def is_dark() -> bool:
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(map(int, re.findall(r"\d+", ground)[:3])) < 3 * 128

    assert is_dark() == (scheme == "dark")
    page.keyboard.press("t")
    assert is_dark() == (scheme == "light")


def test_a_phone_shows_it_without_scrolling_sideways(show):
    page = show(viewport={"width": 360, "height": 740})

    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_other_profiles_have_a_table(show):
    page = show()

    assert page.locator("#others-table tbody tr").count() == len(told()["as"])


def test_an_audit_of_nothing_is_a_page_too(browser, tmp_path):
    path = tmp_path / "empty.html"
    path.write_text(page_of(tell(Aggregate(AuditOptions()))), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready=yes]")

    assert page.locator("#by-day").inner_text() == "none"
    page.close()


def test_without_plotly_the_install_line_is_named(monkeypatch):
    monkeypatch.setattr("toolpair_observe.audit.page.find_spec", lambda _: None)

    with pytest.raises(MissingExtraError, match=r"the page needs plotly.*\[page\]"):
        page_of(told())
