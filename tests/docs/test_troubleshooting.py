"""The page on troubleshooting has a row for everything that the doctor finds wrong."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("## What the doctor says")[2]
MAKERS = ("note", "problem", "_off")
# What each function of the diagnosis finds: one text for each note and problem that it makes.
FOUND = {
    "attachment._kept_out": ["opentelemetry-instrument does not attach toolpair_observe"],
    "attachment._standing": ["its mode is off"],
    "attachment._unattached": ["no handler is attached here", "no handler checks the chat models"],
    "doctor._unseen": ["could not be looked at"],
    "integrations._without_profile": ["has no profile"],
    "integrations.look": ["no chat-model integration is installed here"],
    "langsmith._admitted": ["refuses the key", "takes the key is not known"],
    "langsmith._endpoint": ["the key goes there unencrypted"],
    "langsmith._key": ["will be refused"],
    "langsmith._no_endpoint": ["is no http or https URL", "a user or password that is not escaped"],
    "langsmith._reached": ["is not reached", "which LangSmith does not"],
    "langsmith._spans_only": ["runs are written as OpenTelemetry spans only"],
    "langsmith._tracing": ["tracing is off, so", "is not true as the client writes it"],
    "late._finding": ["was set", "was unset"],
    "measured._age": ["providers change their rules"],
    "measured._file": [
        "has changed since the handler read it",
        "a handler that is made from now on will fail",
    ],
    "mode._among": ["which is another: mode observe"],
    "mode._environment": ["nothing names this environment"],
    "mode._mode": [
        "no handler can be made with the value of",
        ": nothing is checked",
        "strict_environments has no effect",
    ],
    "mode._strict": [
        "because block_on is empty",
        "lets the metadata of any request switch strict mode off",
    ],
    "models._verdict": ["not identified, so", "was measured of"],
    "models.look": ["is not installed"],
    "options._variables": ["is not an option, and is ignored", "environment variable"],
    "seam_state._idle": ["off, although a handler is there"],
    "seam_state._surroundings": ["has been replaced by"],
    "seam_state.look": [
        "off, because wrap_callbacks is false",
        "off, because langchain-core has changed",
    ],
    "steps.look": ["hears none of those around it"],
    "telemetry._described": ["go nowhere: no", "which has no exporter"],
    "telemetry._nothing_set": ["no OpenTelemetry provider is set"],
    "telemetry._reached": ["is not reached"],
    "telemetry._unloaded": ["can be loaded by that"],
    "telemetry.look": ["=true: nothing is recorded"],
    "versions._standing": ["has no readable version", "is older than"],
    "versions.too_new": ["is newer than"],
}
MODULES = {
    path.stem: ast.parse(path.read_text(encoding="utf-8"))
    for path in (ROOT / "toolpair_observe" / "diagnosis").glob("*.py")
}


def made_in(function: ast.FunctionDef) -> int:
    """Count the notes and problems of a function; a choice between the two is one."""
    calls = sum(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS
        for node in ast.walk(function)
    )
    choices = sum(
        isinstance(node, ast.IfExp)
        and {getattr(getattr(each, "func", None), "id", "") for each in (node.body, node.orelse)}
        == {"note", "problem"}
        for node in ast.walk(function)
    )
    return calls - choices


def test_each_note_and_problem_of_the_doctor_is_listed_here():
    made = Counter(
        {
            f"{module}.{function.name}": made_in(function)
            for module, tree in MODULES.items()
            for function in ast.walk(tree)
            # `_off` is what the others of its module make one with.
            if isinstance(function, ast.FunctionDef) and function.name != "_off"
        }
    )
    assert +made == Counter({name: len(texts) for name, texts in FOUND.items()})


@pytest.mark.parametrize("text", sorted({text for texts in FOUND.values() for text in texts}))
def test_the_page_has_a_row_for_each_text_of_the_doctor(text):
    said = [
        node.value
        for tree in MODULES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert any(text in each for each in said), "the doctor no longer says so"
    assert any(text in row.split("|")[2] for row in TABLE.splitlines() if row.startswith("| "))


def test_every_symptom_has_a_section_that_says_how_to_see_it_and_what_to_do():
    symptoms = PAGE.partition("| what you see | read |")[2].partition("\n\n")[0]
    titles = re.findall(r"\[([^\]]+)\]\(#", symptoms)
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
    assert list(sections) == titles
    for title in titles[:-1]:
        assert "**See it.**" in sections[title], title
        assert "**Do.**" in sections[title] or "| do |" in sections[title], title
