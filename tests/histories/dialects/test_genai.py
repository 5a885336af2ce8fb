"""Messages of the GenAI conventions: every part is known or refused."""

from __future__ import annotations

import pytest

from toolpair_observe.histories.dialects.dialect import NotUnderstoodError
from toolpair_observe.histories.dialects.genai import GENAI
from toolpair_observe.histories.dialects.table import dialect_of
from toolpair_observe.pairing.closer_look import judge
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.words import Carrier, Role

ASKED = {"type": "tool_call", "id": "c1", "name": "w", "arguments": {}}
SECOND = {"type": "tool_call", "id": "c2", "name": "v", "arguments": {}}
ANSWER = {"type": "tool_call_response", "id": "c1", "response": "18"}
USER = {"role": "user", "parts": [{"type": "text", "content": "w?"}]}


def ai(*parts):
    return {"role": "assistant", "parts": list(parts)}


def tool(*parts, role="tool"):
    return {"role": role, "parts": list(parts)}


def kinds(messages, profile="openai-chat"):
    report = judge(GENAI.read(messages), PROFILES[profile])
    return [found.kind.value for found in report.violations]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([USER, ai(ASKED), tool(ANSWER)], []),
        ([USER, ai(ASKED), USER], ["missing_result"]),
        ([USER, tool(ANSWER)], ["orphan_result"]),
        ([USER, ai(ASKED, SECOND), tool(ANSWER, {**ANSWER, "id": "c2"})], []),
        ([USER, ai(ASKED, SECOND), tool(ANSWER), tool({**ANSWER, "id": "c2"})], []),
        ([USER, ai(ASKED, SECOND), tool(ANSWER)], ["missing_result"]),
        # pydantic-ai puts results into the user's message, with `result` and the tool's name.
        ([USER, ai(ASKED), tool({**ANSWER, "name": "w", "result": "18"}, role="user")], []),
        ([USER, ai(ASKED), tool(ANSWER, {"type": "text", "content": "so?"}, role="user")], []),
        # What the provider runs itself is no call of the client's.
        ([USER, ai({**ASKED, "builtin": True}, {**ANSWER, "builtin": True})], []),
        ([USER, ai(ASKED, ANSWER), USER], []),
        ([USER, ai({"type": "server_tool_call", "id": "s1", "name": "web"}), USER], []),
    ],
)
@pytest.mark.parametrize("profile", ["openai-chat", "anthropic", "google-genai", "nvidia"])
def test_pairs(messages, expected, profile):
    assert kinds(messages, profile) == expected


def test_a_result_of_the_providers_own_tool_is_missed_where_others_are_recorded():
    use = {"type": "server_tool_call", "id": "s1", "name": "web"}
    done = {"type": "server_tool_call_response", "id": "s1"}
    lost = ai({**use, "id": "s2"})

    assert kinds([USER, ai(use, done), USER], "anthropic") == []
    assert kinds([USER, ai(use, done), USER, lost, USER], "anthropic") == ["server_tool_unpaired"]


def test_ids_that_nobody_wrote_down_pair_in_order():
    nameless = [
        USER,
        ai({**ASKED, "id": None}, {**SECOND, "id": None}),
        tool({**ANSWER, "id": None, "name": "v"}, {**ANSWER, "id": None, "name": "w"}),
    ]

    assert kinds(nameless) == []
    assert kinds([*nameless, ai({**ASKED, "id": None}), USER]) == ["missing_result"]


def test_calls_that_nobody_answers_are_missed_without_an_id_as_well():
    assert kinds([USER, ai({**ASKED, "id": None}), USER]) == ["missing_result"]


def test_one_answer_too_many_repeats_one_of_its_name():
    twice = {**ANSWER, "id": None, "name": "w"}

    assert kinds([USER, ai({**ASKED, "id": None}), tool(twice, twice)]) == ["duplicate_result"]


def test_an_empty_id_was_written_down():
    assert kinds([USER, ai({**ASKED, "id": ""}), tool({**ANSWER, "id": ""})]) == ["missing_id"]
    assert kinds([USER, ai({**ASKED, "id": None}), tool({**ANSWER, "id": ""})]) == ["missing_id"]


def test_a_call_of_a_function_is_answered_by_its_message():
    said = {"role": "tool", "name": "w", "parts": [{"type": "text", "content": "18"}]}

    assert kinds([USER, ai({**ASKED, "id": None}), said]) == []


def test_blocks_that_were_written_as_texts():
    use = {"type": "text", "content": '{"type": "tool_use", "id": "c1", "name": "w", "input": {}}'}
    result = {
        "role": "user",
        "parts": [
            {
                "type": "text",
                "content": '{"type": "tool_result", "tool_use_id": "c1", "content": "18"}',
            }
        ],
    }

    assert kinds([USER, ai(use), USER], "anthropic") == ["missing_result"]
    assert kinds([USER, ai(use, ASKED), result], "anthropic") == []
    assert kinds([USER, ai(ASKED), result], "anthropic") == []


def test_a_message_of_which_nothing_is_left_may_have_had_the_results():
    with pytest.raises(NotUnderstoodError, match="nothing of it was recorded"):
        GENAI.read([USER, ai(ASKED), {"role": "user", "parts": []}])


def test_ids_of_items_are_no_ids_of_calls():
    calls = [ai({**ASKED, "id": "fc_1"}), ai({**SECOND, "id": "fc_2"})]
    results = [tool({**ANSWER, "id": "call_1"}), tool({**ANSWER, "id": "call_2"})]

    assert kinds([USER, *calls, *results], "openai-responses") == []
    assert kinds([USER, *calls, results[0], USER], "openai-responses") == ["missing_result"]


def test_an_id_that_is_missing_beside_others_is_a_breach():
    assert kinds([USER, ai(ASKED), tool({**ANSWER, "id": ""})]) != []


def test_a_function_message_has_text_alone():
    said = tool({"type": "text", "content": "18"})
    entry = GENAI.read([ai({**ASKED, "id": None}), said]).entries[1]

    assert entry.role is Role.FUNCTION
    assert [result.carrier for result in entry.results] == [Carrier.FUNCTION]


@pytest.mark.parametrize(
    ("message", "named"),
    [
        (ai({"type": "mystery_call", "id": "c1"}), "'mystery_call'"),
        (ai({"id": "c1"}), "parts[0]"),
        (ai("text"), "a string"),
        (tool({"type": ["tool_call"]}), "parts[0]"),
        ({"role": "assistant", "parts": [], "tool_calls": [ASKED]}, "'tool_calls'"),
        ({"role": "assistant", "parts": {}}, "'parts'"),
        ({"role": ["assistant"], "parts": []}, "'role'"),
        ({"role": "critic", "parts": []}, "'role'"),
        (tool(ASKED), "not the model's"),
        (tool({"type": "text", "content": "18"}), "without a part of type"),
        (ai(ANSWER), "not of its calls"),
        (ai({"type": "text", "content": "", "calls": [ASKED]}), "'calls'"),
        ("text", "'parts'"),
    ],
)
def test_what_is_not_understood_is_refused(message, named):
    with pytest.raises(NotUnderstoodError) as raised:
        GENAI.read([USER, message])

    assert "message 1" in str(raised.value)
    assert named in str(raised.value)


def test_calls_that_the_recorder_left_out():
    """Traceloop leaves calls with bad arguments out, and the client answers those, too."""
    with pytest.raises(NotUnderstoodError, match="its calls were not recorded"):
        GENAI.read([USER, ai(), tool(ANSWER)])


def test_an_empty_answer_to_a_known_call_is_no_loss():
    assert kinds([USER, ai(ASKED), tool(ANSWER), ai(), USER]) == []


@pytest.mark.parametrize(
    ("message", "is_ours"),
    [
        (ai(ASKED), True),
        (USER, True),
        (ai(), True),
        ({"role": "user", "parts": [{"text": "w?"}]}, False),  # Gemini's
        ({"role": "user", "parts": [{"type": "text", "text": "w?"}]}, False),  # the AI SDK's
        ({"role": "assistant", "parts": [{"type": "tool-w", "toolCallId": "c1"}]}, False),
        ({"role": "user", "content": "w?"}, False),
        ({"role": 1, "parts": []}, False),
        (None, False),
    ],
)
def test_claims(message, is_ours):
    assert GENAI.claims(message) == is_ours


def test_the_table_finds_the_dialect():
    assert dialect_of([USER, ai(ASKED), tool(ANSWER)]) is GENAI


def test_the_model_speaks():
    assert [GENAI.is_ai(each) for each in (USER, ai(), tool(ANSWER), None, {"role": []})] == [
        False,
        True,
        False,
        False,
        False,
    ]
