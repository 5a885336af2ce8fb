"""Contents of Gemini's API, whose calls and results may have no ids."""

from __future__ import annotations

from typing import Any

import pytest

from tests.histories.wire_rows import kinds_of
from toolpair_observe.histories.dialects.dialect import NotUnderstoodError
from toolpair_observe.histories.dialects.gemini import GEMINI, GEMINI_WITH_IDS, gemini_dialect
from toolpair_observe.histories.dialects.table import dialect_of
from toolpair_observe.pairing.words import Role

USER = {"role": "user", "parts": [{"text": "weather?"}]}


def call(name: str = "weather", **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {"city": "Rome"}, **more}}


def answer(name: str = "weather", **more: Any) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": {"output": "18"}, **more}}


def model(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


SOUND = [
    [USER, model(call()), user(answer())],
    [USER, model(call("a"), call("b")), user(answer("b"), answer("a"))],
    [USER, model(call("a"), call("a")), user(answer("a")), user(answer("a"))],
    [USER, model(call("a")), user(answer("called_otherwise"))],
    [USER, model(call()), user(answer()), model(call()), user(answer()), model({"text": "18"})],
    [USER, model(call(id="x")), user(answer(id="x"))],
    [USER, model(call("a", id="x"), call("b")), user(answer("b"), answer("a", id="x"))],
    [USER, model(call()), user(answer(id="x"))],
    [USER, model(call(id="x")), user(answer())],
    [USER, model(call(), {"thoughtSignature": "s"}), {"role": "function", "parts": [answer()]}],
    [
        USER,
        {"role": "model", "parts": [{"function_call": {"name": "a"}, "thought_signature": "s"}]},
        {"role": "user", "parts": [{"function_response": {"name": "a", "response": {}}}]},
    ],
    [
        USER,
        model(
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
            {"toolCall": {"id": "x", "tool_type": "GOOGLE_SEARCH_WEB", "args": {"q": ["a"]}}},
            {"toolResponse": {"id": "x", "response": {"a": 1}}},
        ),
        USER,
    ],
    ["weather?", {"text": "now"}, {"parts": [{"text": "x"}]}],
]
BROKEN = [
    ([USER, model(call()), USER], ["missing_result"]),
    ([USER, model(call("a"), call("b")), user(answer("a"))], ["missing_result"]),
    ([user(answer())], ["orphan_result"]),
    ([USER, user(answer())], ["orphan_result"]),
    ([USER, model(call("a")), user(answer("a"), answer("b"))], ["orphan_result"]),
    ([USER, model(call("a")), user(answer("a"), answer("a"))], ["duplicate_result"]),
    ([USER, model(call()), USER, user(answer())], ["misplaced_result"]),
    (
        [USER, model(call()), USER, model({"text": "x"}), user(answer())],
        ["misplaced_result"],
    ),
    ([USER, model(call(id="x")), user(answer(id="y"))], ["mismatched_result"]),
]


@pytest.mark.parametrize("contents", SOUND)
def test_what_pairs_by_names_and_count_is_sound(contents: list[Any]) -> None:
    assert kinds_of(gemini_dialect(contents), contents) == []


@pytest.mark.parametrize(("contents", "kinds"), BROKEN)
def test_what_does_not_pair_is_found(contents: list[Any], kinds: list[str]) -> None:
    assert kinds_of(gemini_dialect(contents), contents) == kinds


def test_made_up_ids_suit_every_provider_and_are_not_shown() -> None:
    entries = GEMINI.read([USER, model(call()), user(answer())]).entries
    made = entries[1].calls[0].id
    assert len(made) == 9
    assert made.isalnum()
    assert entries[2].results[0].id == made
    assert not GEMINI.has_ids


def test_ids_are_shown_where_there_are_some() -> None:
    assert dialect_of([USER, model(call())]) is GEMINI
    assert dialect_of([USER, model(call(id="x")), user(answer())]) is GEMINI_WITH_IDS
    assert GEMINI_WITH_IDS.has_ids


def test_results_alone_are_the_tools_turn() -> None:
    roles = [entry.role for entry in GEMINI.read([USER, user(answer()), model(call())]).entries]
    assert roles == [Role.HUMAN, Role.TOOL, Role.AI]
    mixed = GEMINI.read([user({"text": "x"}, answer())]).entries[0]
    assert mixed.role is Role.HUMAN
    assert mixed.behind_text == mixed.results


def test_a_dump_writes_null_for_what_a_part_is_not() -> None:
    dumped: dict[str, Any] = {
        "text": None,
        "function_call": {"id": None, "name": "a", "args": {}},
        "thought": None,
    }
    (entry,) = GEMINI.read([model(dumped)]).entries
    assert len(entry.calls) == 1


@pytest.mark.parametrize(
    "content",
    [
        {"role": "assistant", "parts": [{"type": "text", "content": "x"}]},
        {"role": "user", "parts": [{"type": "text", "text": "x"}]},
        {"role": "assistant", "parts": [{"text": "x"}]},
        {"role": {}, "parts": [{"text": "x"}]},
        {"parts": "x"},
        {"role": "user", "content": "x"},
        7,
    ],
)
def test_others_are_not_claimed(content: Any) -> None:
    assert not GEMINI.claims(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (model({"toolInvocation": {"id": 1}}), "parts[0]: unknown key 'toolInvocation'"),
        (model({"invocation": "x"}), "parts[0]: an unknown part with the key 'invocation'"),
        (model({**call(), "text": "x"}), "a part that is several things"),
        (model({"functionCall": []}), "parts[0].functionCall: expected an object, got a list"),
        (model(call(id=7)), "key 'id' is a number"),
        (model(call(calls=[{}])), "unknown key 'calls'"),
        (user(call()), "a call in a content that is not the model's"),
        ({"role": "system", "parts": []}, "a role that Gemini's contents do not have, 'system'"),
        ({"role": ["user"], "parts": []}, "a role that Gemini's contents do not have, a list"),
        ({"role": "model", "content": "x"}, "key 'content' where Gemini's contents have parts"),
        ({**USER, "calls": [{}]}, "unknown key 'calls'"),
        ({"role": "user", "parts": 3}, "parts: expected a list, got a number"),
        (None, "expected an object, got null"),
    ],
)
def test_what_is_not_known_is_refused(content: Any, reason: str) -> None:
    with pytest.raises(NotUnderstoodError) as refused:
        GEMINI.read([content])
    assert reason in str(refused.value)
