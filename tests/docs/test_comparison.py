"""The page that compares: what it says of each library, that library does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage, trim_messages

from tests.docs.peers import HISTORIES, PEERS, done
from toolpair_observe import check_messages

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
ROWS = [
    [each.strip() for each in row.strip("|").split(" | ")]
    for row in re.findall(r"^\| .* \|$", PAGE, re.MULTILINE)
]
# What a row is about; the others are about this package, or langchain, which is always there.
ABOUT = {"react": "langgraph-prebuilt", "deepagents": "deepagents", "LiteLLM": "litellm"}
TRACERS = ("langsmith", "langfuse", "openinference-instrumentation-langchain")
VERSIONS = dict(
    re.findall(r"([\w-]+) (\d[\w.]*\d)", PAGE.partition("Versions: ")[2].partition(".\n\n")[0])
)


def skip_unless_tried(distribution: str) -> None:
    """Skip where a library is missing, or older than the page is about.

    A newer one is tried: where it does something else, the page wants another look.
    """
    try:
        there = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{distribution} is not installed")
    if _numbers(there) < _numbers(VERSIONS[distribution]):
        pytest.skip(f"the page is about {distribution} {VERSIONS[distribution]}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", version))


def test_every_peer_and_history_is_on_the_page():
    assert [row[1:] for row in ROWS if row[1:2] == ["no result"]] == [[*HISTORIES]]
    assert [row[0] for row in ROWS if len(row) == len(HISTORIES) + 1 and row[0] in PEERS] == [
        *PEERS
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_does_with_each_history_what_the_page_says(peer):
    about = [each for word, each in ABOUT.items() if word in peer]
    for distribution in about or ["langchain"]:
        skip_unless_tried(distribution)
    (row,) = (row for row in ROWS if row[0] == peer and len(row) > len(HISTORIES))
    found = [done(peer, history) for history in HISTORIES]
    assert [each.cell for each in found] == row[1:]
    assert all(f"`{each.error}`" in PAGE for each in found if each.error)


def test_tracers_show_what_the_page_says():
    for distribution in TRACERS:
        skip_unless_tried(distribution)
    told = subprocess.run(
        [sys.executable, "-m", "tests.docs.watched"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = json.loads(told.stdout)
    assert {row[0]: row[1:] for row in ROWS if row[0] in found and len(row) == 3} == found


def test_a_cut_of_trim_messages_may_begin_with_a_result():
    history = [
        HumanMessage("Weather?"),
        AIMessage("", tool_calls=[{"name": "get_weather", "args": {}, "id": "a"}]),
        ToolMessage("18 degrees", tool_call_id="a"),
        AIMessage("It is warm."),
        HumanMessage("Thanks."),
    ]

    cut = trim_messages(history, max_tokens=3, token_counter=len, strategy="last")
    at_human = trim_messages(
        history, max_tokens=3, token_counter=len, strategy="last", start_on="human"
    )
    whole = trim_messages(
        HISTORIES["no result"], max_tokens=9, token_counter=len, strategy="last", start_on="human"
    )

    assert cut[0].type == "tool"
    assert check_messages(at_human).ok
    assert not check_messages(whole).ok


def test_the_error_of_the_older_agent_quotes_arguments():
    secret = "c4n4ry"
    calls = [{"name": "get_weather", "args": {"city": secret}, "id": "a"}]
    history = [HumanMessage("Weather?"), AIMessage("", tool_calls=calls), HumanMessage("Well?")]
    from langgraph.prebuilt import create_react_agent

    from tests.docs.peers import get_weather
    from tests.handler.models import CountingModel

    with pytest.warns(DeprecationWarning, match="create_react_agent"):
        agent = create_react_agent(CountingModel(), [get_weather])
    with pytest.raises(ValueError, match=secret):
        agent.invoke({"messages": history})
