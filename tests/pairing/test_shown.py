"""Ids and names that come from outside are text, and no more than text, wherever they are shown."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import replace
from uuid import UUID

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from tests.pairing.build import H
from toolpair_observe import (
    Accuracy,
    AccuracyRow,
    Effect,
    Observation,
    Outcome,
    check_messages,
    repair_messages,
)
from toolpair_observe.errors import InvalidToolResultsError, SettingsError
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.shown import clean, line, lines, quoted, shown
from toolpair_observe.settings import Settings

HOSTILE = {
    "a line of its own": "x\nCRITICAL all is lost",
    "a carriage return": "x\rCRITICAL",
    "other line ends": "x\x85y\u2028z\u2029\x0b\x0c",
    "an escape sequence": "\x1b[2J\x1b]0;title\x07",
    "a one-byte escape": "\x9b31m",
    "a bidi override": "\u202egnp.\u202c",
    "a bidi isolate": "\u2066x\u2069\u200f",
    "zero width": "a\u200bb\u200d\ufeff\u2060",
    "fillers": "a\u3164b\u2800\ufe0f\U000e0041",
    "a lone surrogate": "x\ud800y",
    "a command of GitHub": "\n::error file=a::b",
    "a command at the start": "::set-output name=a::b",
    "an old command of GitHub": "##[add-mask]x",
    "a command of Azure": "##vso[task.setvariable variable=a]b",
    "NUL": "a\0b",
    "5 MB": "x" * 5_000_000,
}
VISIBLE = re.compile(
    r"[^\x00-\x1f\x7f-\xa0\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ud800-\udfff]*"
)


def history(hostile: str) -> list:
    """Calls that nobody answers, results that nobody asked for, one read as another's."""
    return [
        HumanMessage("go"),
        AIMessage(
            "",
            tool_calls=[
                {"name": hostile, "args": {}, "id": hostile},
                {"name": "b", "args": {}, "id": f"{hostile}b"},
            ],
        ),
        ToolMessage("r", tool_call_id=f"{hostile}c", name=hostile),
        HumanMessage("and?"),
        AIMessage("", tool_calls=[{"name": hostile, "args": {}, "id": "y"}]),
        HumanMessage("and?"),
        ToolMessage("late", tool_call_id=hostile),
    ]


def assert_is_text(text: str, most: int) -> None:
    assert len(text) <= most
    for each in text.split("\n"):
        assert VISIBLE.fullmatch(each), ascii(each)
        assert not each.lstrip().startswith("::")
        assert not re.search(r"##\w*\[", each)
    text.encode()


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("profile", PROFILES)
def test_every_text_of_a_report_is_text(profile, hostile):
    report = check_messages(history(hostile), profile=profile)

    assert report.violations
    assert_is_text(report.summary(), 2_000)
    assert "\n" not in report.summary()
    assert_is_text(report.explain(), 100_000)
    for violation in report.violations:
        assert_is_text(violation.expected_error, 2_000)
        assert_is_text(violation.lost, 2_000)
        assert_is_text(repr(violation), 25_000)
    error = InvalidToolResultsError(report)
    assert_is_text(str(error), 2_500)
    assert_is_text(repr(error), 2_500)


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_data_is_bounded_and_can_be_encoded(hostile):
    report = check_messages(history(hostile), profile="google-vertexai")

    text = json.dumps(report.to_dict(), ensure_ascii=False)
    assert len(text.encode()) < 100_000


def test_an_ordinary_id_is_shown_and_carried_as_it_is():
    identifier = "call_Äé:1-functions.look/up|fc_1::x"

    assert shown(identifier) == clean(identifier) == identifier
    violation = check_messages([H, *history(identifier)[1:2], H], "openai-chat").violations[0]
    assert violation.tool_call_id == identifier
    assert violation.expected_error.endswith(f"{identifier}, {identifier}b")


def test_what_is_shown_of_a_violation_does_not_change_the_violation():
    identifier = HOSTILE["a line of its own"]
    report = check_messages(history(identifier), "openai-chat")

    assert identifier in {violation.tool_call_id for violation in report.violations}


def test_an_escape_tells_which_character_it_was():
    assert shown("a\nb\x1b\u202e\ud800") == r"a\nb\x1b\u202e\ud800"
    assert line("::error::x") == r"\x3a:error::x"
    assert line("  ::x") == r"  \x3a:x"
    assert line("####[x]") == r"##\x23#[x]"
    assert lines("a ::b\n::c\r") == "a ::b\n\\x3a:c\\r"


def test_a_cut_says_that_it_is_one():
    assert shown("x" * 256) == "x" * 256
    assert shown("x" * 257) == "x" * 255 + "…"
    assert len(shown("\x1b" * 300)) == 256
    assert len(quoted("x" * 300)) == 80


def test_a_report_carries_no_more_of_the_history_than_it_shows():
    """What is pickled or kept holds neither names of messages nor ids of responses."""
    many = [
        HumanMessage("go", name="secret-speaker", id="secret-message"),
        AIMessage(
            "",
            id="msg_secret",
            name="secret-agent",
            response_metadata={"id": "resp_secret", "model_provider": "secret-maker"},
            tool_calls=[{"name": "look", "args": {"at": "secret-place"}, "id": "call_1"}],
        ),
        *[HumanMessage("secret-text")] * 400,
    ]
    report = check_messages(many, profile="openai-responses")

    carried = pickle.dumps(report)
    assert b"secret" not in carried
    assert len(carried) < 4_000
    assert pickle.loads(carried).explain() == report.explain()
    assert "… 398 more messages" in report.explain()


def test_a_message_with_thousands_of_calls_is_one_line():
    calls = [{"name": "look", "args": {}, "id": f"call_{n}"} for n in range(3_000)]
    report = check_messages([H, AIMessage("", tool_calls=calls), H], profile="openai-chat")

    assert "and 2992 more calls" in report.explain()
    assert max(map(len, report.explain().splitlines())) < 2_000


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_the_repr_of_what_is_handed_out_is_one_line(hostile):
    repair = repair_messages(history(hostile), "openai-chat")
    report = repair.before
    assert repair.changes
    observation = Observation(
        run_id=UUID(int=1),
        report=report,
        mode=hostile,
        provider=hostile,
        model=hostile,
        conversation_id=hostile,
        start_ns=1,
        check_ns=1,
        identified=True,
        node=hostile,
    )
    row = AccuracyRow(hostile, hostile, Effect.CLEAN, {Outcome.ACCEPTED: 1})
    profile = replace(PROFILES["openai-chat"], name=hostile)
    settings = Settings(profile=profile, environment=hostile, strict_environments={hostile})
    handed_out = [repair, *repair.changes, report, *report.violations, *report.timeline]
    for each in (*handed_out, observation, row, Accuracy((row,) * 100), profile, settings):
        assert_is_text(repr(each), 40_000)
        assert "\n" not in repr(each)
    assert str(repair) == repr(repair)


def test_the_repr_of_many_changes_is_short():
    calls = [{"name": "look", "args": {}, "id": f"call_{n}"} for n in range(2_000)]
    repair = repair_messages([H, AIMessage("", tool_calls=calls), H], profile="openai-chat")

    assert len(repair.changes) == 2_000
    assert len(repr(repair)) < 20_000
    assert "… 1,992 more" in repr(repair)


def test_the_repr_of_an_ordinary_result_is_that_of_a_dataclass():
    change = repair_messages([H, *history("a")[1:2], H], "openai-chat").changes[0]

    assert repr(change) == (
        "Change(action=<RepairAction.INSERTED: 'inserted_error_result'>, tool_call_id='a', "
        "tool_name='a', message_index=1, new_index=2, place=None, breaks_thinking=False)"
    )


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_an_error_quotes_what_it_was_given_as_text(hostile):
    for wrong in (
        lambda: check_messages([H], profile=hostile),
        lambda: Settings.resolve(environ={}, mode=hostile),
        lambda: Settings.resolve(environ={}, **{hostile: 1}),
        lambda: Settings.resolve(environ={"TOOLPAIR_MODE": hostile}),
    ):
        with pytest.raises((ValueError, SettingsError)) as caught:
            wrong()
        assert_is_text(str(caught.value), 2_000)
        assert "\n" not in str(caught.value)
