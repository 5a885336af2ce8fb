"""What a template does with a history is what the report says."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("jinja2")

from langchain_core.messages import ChatMessage, RemoveMessage, SystemMessage

from tests.templates import samples
from tests.templates.histories import HISTORIES, SECRET, SOUND, id_of, messages
from toolpair_observe import check_messages, profile_from_chat_template

PROFILES = {
    name: profile_from_chat_template(text)
    for name, text in vars(samples).items()
    if name.isupper() and not name.startswith("_")
}
NO_CALL_BEFORE = {
    *("orphan/start", "orphan/start_then_sound", "orphan/first_system", "orphan/human"),
    *("orphan/human_late", "orphan/ai", "duplicate/later", "misplaced/ai", "misplaced/late"),
    *("misplaced/early", "mix/late_then_human", "mix/orphan_between_humans", "mix/only_tool"),
}
NOT_ALTERNATING = {
    *("beyond/human_after_tool", "beyond/system_after_tool", "missing/all_human"),
    *("missing/all_two", "missing/some", "orphan/start_then_sound", "misplaced/human"),
    *("misplaced/system", "misplaced/late", "misplaced/early", "mix/orphan_human_open"),
    *("mix/late_next_block", "mix/late_then_human", "mix/orphan_between_humans", "mix/ai_first"),
    *("mix/two_humans", "mix/system_then_human", "mix/missing_then_system"),
}
NOT_NINE = {
    *("id/call_24", "id/41", "id/65", "id/chars", "mix/id_7", "mismatch/no_id", "noid/call"),
    *("noid/result", "mix/id_missing_unanswered"),
}
SEVERAL_CALLS = {
    *("sound/two", "beyond/order", "missing/all_two", "missing/some", "missing/some_ai"),
    *("missing/some_end", "mismatch/of_two", "callid/twice", "callid/twice_one"),
}
# The templates that can hold tools: what they refuse, what they lose.
REFUSED = {
    "PLAIN": set(),
    "NEEDS_CALL": NO_CALL_BEFORE,
    "FIRST_CALL": NO_CALL_BEFORE,
    "ALTERNATES": NOT_ALTERNATING,
    "NINE": NOT_ALTERNATING | NOT_NINE,
    "ONE_CALL": SEVERAL_CALLS,
    "WITH_CALLS": set(),
    "INSIDE_ASSISTANT": {
        *("beyond/system_after_tool", "orphan/start", "orphan/start_then_sound"),
        *("orphan/first_system", "orphan/human", "orphan/human_late", "duplicate/later"),
        *("misplaced/human", "misplaced/system", "misplaced/late", "misplaced/early"),
        *("mix/orphan_human_open", "mix/orphan_between_humans", "mix/only_tool"),
        *("mix/system_then_human", "mix/missing_then_system", "mix/late_then_human"),
    }
    - {"mix/late_then_human"},
    "HUMAN_NEEDED": {
        *("beyond/system_after_tool", "beyond/call_first", "misplaced/system", "mix/only_tool"),
        *("mix/system_then_human", "mix/missing_then_system"),
    },
    "PARTS": set(),
    "MUTATES": set(),
    "TEXT_ARGUMENTS": set(),
}
LOST = {
    "WITH_CALLS": {
        *("orphan/start", "orphan/start_then_sound", "orphan/first_system", "orphan/human"),
        *("orphan/human_late", "orphan/ai", "duplicate/later", "misplaced/human"),
        *("misplaced/system", "misplaced/ai", "misplaced/late", "misplaced/early"),
        *("mix/orphan_human_open", "mix/late_then_human", "mix/orphan_between_humans"),
        *("mix/only_tool",),
    },
}
# Where ids do not show, a result is read as that of the call at whose place it stands.
MISREAD = set(REFUSED) - {"NINE", "ONE_CALL"}
BAD_ARGUMENTS = set(REFUSED) - {"TEXT_ARGUMENTS", "MUTATES"}
# The real template that each is modelled on.
MODELS = {
    "PLAIN": "Qwen-Qwen3-0.6B",
    "NEEDS_CALL": "xinf-MiniMax-M2",
    "FIRST_CALL": "xinf-gpt-oss",
    "ALTERNATES": "mistralai-Ministral-3-14B-Reasoning-2512",
    "NINE": "mistralai-Mistral-Nemo-Instruct-2407",
    "ONE_CALL": "meta-llama-Llama-3.1-8B-Instruct",
    "INSIDE_ASSISTANT": "Apertus-8B-Instruct",
    "HUMAN_NEEDED": "Qwen3.5-4B",
}


def expected(template, name):
    if name in REFUSED[template] or (name == "args/not_json" and template in BAD_ARGUMENTS):
        return "reject"
    if name in LOST.get(template, ()) or (name == "beyond/order" and template in MISREAD):
        return "silent_loss"
    return "accept"


def checked(template, history, **how):
    return check_messages(messages(history, **how), PROFILES[template])


def effect(report):
    return "accept" if report.ok else report.effect


@pytest.mark.parametrize("template", REFUSED)
def test_every_history_has_the_effect_that_the_template_has(template):
    found = {name: effect(checked(template, text)) for name, text in HISTORIES.items()}

    assert found == {name: expected(template, name) for name in HISTORIES}


@pytest.mark.parametrize("template", MODELS)
def test_each_sample_does_what_the_template_that_it_is_modelled_on_did(template, shared_dir):
    lines = (shared_dir / "chat-templates.jsonl").read_text("utf-8").splitlines()
    (row,) = (row for row in map(json.loads, lines) if row["template"] == MODELS[template])
    measured = {
        name: "reject" if verdict[0] == "frontend" else verdict[0]
        for name, verdict in row["verdicts"].items()
    }

    assert measured.keys() == HISTORIES.keys()
    # What was measured is whether a result is drawn, not for whose it is taken.
    measured["beyond/order"] = expected(template, "beyond/order")
    assert measured == {name: effect(checked(template, text)) for name, text in HISTORIES.items()}


@pytest.mark.parametrize("template", REFUSED)
@pytest.mark.parametrize("name", SOUND)
def test_a_sound_history_that_is_accepted_is_clean(template, name):
    if name not in REFUSED[template]:
        assert checked(template, HISTORIES[name]).effect == "clean"


# --- The place and the words ---------------------------------------------------------------------

PLACES = {
    "a call too many": (
        "ONE_CALL",
        "S H A(x,y) T(x) T(y)",
        [("unsupported_message", 2, "yabcdef12", "one call at a time")],
    ),
    "twice a call too many": (
        "ONE_CALL",
        "H A(x,y) T(x) T(y) A H A(x,y) T(x) T(y)",
        [
            ("unsupported_message", 1, "yabcdef12", "one call at a time"),
            ("unsupported_message", 6, "yabcdef12", "one call at a time"),
        ],
    ),
    "a human after a result": (
        "ALTERNATES",
        "S H A(x) T(x) H",
        [("role_order", 4, "", "user and assistant have to alternate")],
    ),
    "an AI message first": (
        "ALTERNATES",
        "A H",
        [("role_order", 0, "", "user and assistant have to alternate")],
    ),
    "a late system message": (
        "HUMAN_NEEDED",
        "S H A S H A S H",
        [
            ("role_order", 3, "", "the system message comes first"),
            ("role_order", 6, "", "the system message comes first"),
        ],
    ),
    "a trimmed question": (
        "HUMAN_NEEDED",
        "A(x) T(x) A(y) T(y)",
        [("role_order", 0, "xabcdef12", "no question")],
    ),
    "an id": (
        "NINE",
        "H A(x) T(x) A H A(c) T(c)",
        [("invalid_id", 5, "call_a1B2c3D4e5F6a1B2c3D4", "ids have nine characters")],
    ),
    "an orphan": (
        "NEEDS_CALL",
        "S T(z) H A(x) T(x)",
        [
            (
                "orphan_result",
                1,
                "zabcdef12",
                "a result, but no assistant message with a call before it",
            )
        ],
    ),
    "a result outside": (
        "INSIDE_ASSISTANT",
        "H A(x) H T(x)",
        [("misplaced_result", 3, "xabcdef12", "a tool message outside of the assistant")],
    ),
    "no result at all": (
        "NO_RESULTS",
        "H A(x) T(x) A H",
        [("role_order", 2, "xabcdef12", "what is a tool?")],
    ),
}


@pytest.mark.parametrize(("template", "history", "refused"), PLACES.values(), ids=PLACES)
def test_the_refused_message_and_the_templates_words_are_named(template, history, refused):
    report = checked(template, history)

    assert refused == [
        (each.kind, each.message_index, each.tool_call_id, each.expected_error)
        for each in report.violations
        if each.effect == "reject"
    ]


def test_each_breach_is_judged_in_a_history_that_is_sound_otherwise():
    report = checked("NEEDS_CALL", "T(z) H A(x) H A(y) T(y) A T(z) H A(y) H T(y)")

    assert [(each.message_index, each.kind, each.effect) for each in report.violations] == [
        (0, "orphan_result", "reject"),
        (2, "missing_result", "accept"),
        (7, "orphan_result", "reject"),
        (11, "misplaced_result", "accept"),
    ]


def test_more_breaches_than_are_tried_are_not_called_accepted():
    report = checked("NEEDS_CALL", " ".join(["H T(z)"] * 40))

    effects = [each.effect for each in report.violations]
    assert effects == ["reject"] * 16 + ["unknown"] * 24
    assert report.effect == "reject"


def test_a_refusal_that_no_breach_makes_alone_is_tied_to_the_last_one():
    text = (
        "{% if messages | selectattr('role', 'equalto', 'tool') | list | length > 1 %}"
        "{{ raise_exception('one result only') }}{% endif %}" + samples.PLAIN
    )

    report = check_messages(messages("T(z) H T(x) H"), profile_from_chat_template(text))

    assert [(v.message_index, v.effect) for v in report.violations] == [
        (0, "accept"),
        (2, "reject"),
    ]
    assert report.violations[1].expected_error == "one result only"


def test_arguments_that_are_not_json_are_refused_before_the_template():
    (violation,) = checked("PLAIN", "H A(x!) T(x)").violations

    assert (violation.kind, violation.effect) == ("unsupported_message", "reject")
    assert violation.cause == "invalid_arguments"
    assert checked("TEXT_ARGUMENTS", "H A(x!) T(x)").effect == "clean"


def test_arguments_that_are_kept_raw_beside_are_refused_alike():
    human, ai, tool = messages("H A(x!) T(x)")
    raw = {"id": id_of("x"), "type": "function", "function": {"name": "look", "arguments": "{"}}
    ai.additional_kwargs["tool_calls"] = [raw]

    assert check_messages([human, ai, tool], PROFILES["PLAIN"]).effect == "reject"


# --- What the model does not see -----------------------------------------------------------------


def test_a_result_that_is_not_drawn_is_named():
    (violation,) = checked("WITH_CALLS", "H A(x) H T(x)").violations

    assert (violation.kind, violation.effect) == ("misplaced_result", "silent_loss")
    assert violation.lost == "the chat template leaves the result out of the prompt"


@pytest.mark.parametrize(
    ("template", "tools", "verdict"),
    [
        ("PLAIN", "look", "silent_loss"),
        ("PLAIN", "look find", "silent_loss"),
        ("SHOWS_TOOL", "look", "silent_loss"),
        ("SHOWS_TOOL", "look find", "clean"),
        ("NINE", "look", "clean"),
        ("SORTS", "look", "clean"),
    ],
)
def test_results_in_another_order_are_misread_where_nothing_in_the_prompt_tells(
    template, tools, verdict
):
    report = checked(template, HISTORIES["beyond/order"], tools=tools)

    assert report.effect == verdict
    if verdict == "silent_loss":
        assert [(v.kind, v.cause, v.message_index) for v in report.violations] == [
            ("misplaced_result", "result_order", 2),
            ("misplaced_result", "result_order", 3),
        ]
        assert "call xabcdef12" in report.violations[0].lost


@pytest.mark.parametrize(
    ("template", "verdict"), [("TEXT_ONLY", "silent_loss"), ("NO_CALLS", "unknown")]
)
@pytest.mark.parametrize("name", sorted(set(SOUND) - {"sound/plain"}))
def test_a_template_that_is_not_for_tools_calls_nothing_with_calls_clean(template, verdict, name):
    report = checked(template, HISTORIES[name])

    assert report.effect == verdict
    assert {violation.cause for violation in report.violations} == {"chat_template"}


def test_what_it_says_without_tools_is_clean_even_so():
    assert checked("TEXT_ONLY", "S H A H").effect == "clean"


# --- What gets to the template -------------------------------------------------------------------


def test_no_content_reaches_the_template_or_the_report():
    text = "{{ raise_exception(messages | tojson) }}"

    report = check_messages(messages("S H A(x) T(x) T(z)"), profile_from_chat_template(text))

    assert report.effect == "reject"
    assert SECRET not in repr(report.to_dict()) + report.explain()


def test_words_of_the_template_are_cut_to_one_line_without_placeholders():
    text = "{{ raise_exception('bad:\n' + messages[0].content + ' ' + 'x' * 9000) }}"

    (violation,) = check_messages(messages("H"), profile_from_chat_template(text)).violations

    assert violation.expected_error.startswith("bad: … xxx")
    assert len(violation.expected_error) == 500


def test_roles_are_those_that_are_sent():
    first = SystemMessage(SECRET, additional_kwargs={"__openai_role__": "developer"})
    asked = [ChatMessage(SECRET, role="user"), *messages("A(x) T(x) A")]

    # A template that takes a system message at the head only takes a developer's anywhere.
    assert check_messages([*messages("S"), first], PROFILES["ALTERNATES"]).effect == "clean"
    assert check_messages(asked, PROFILES["HUMAN_NEEDED"]).effect == "clean"
    asked.append(ChatMessage(SECRET, role="critic"))
    assert check_messages(asked, PROFILES["HUMAN_NEEDED"]).effect == "clean"


def test_a_role_that_the_history_does_not_tell_is_not_guessed():
    given = [*messages("H A(x) T(x)"), RemoveMessage("1")]

    assert check_messages(given, PROFILES["ALTERNATES"]).effect == "unknown"


def test_an_empty_list_is_clean():
    assert check_messages([], PROFILES["HUMAN_NEEDED"]).effect == "clean"


def test_tools_are_given_where_they_are_bound():
    text = (
        "{% if tools %}{{ raise_exception('no tools: ' + tools[0].function.name) }}{% endif %}"
        + (samples.PLAIN)
    )
    profile = profile_from_chat_template(text)

    bound = check_messages(messages("H A(x) T(x)"), profile)
    assert [v.expected_error for v in bound.violations] == ["no tools: look"]
    assert check_messages(messages("H A(x) T(x)"), profile, tools_bound=False).effect == "clean"
