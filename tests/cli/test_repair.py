"""`toolpair-observe repair`: mended in the form it came in, and the rest as it was."""

from __future__ import annotations

import json

import pytest
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage, messages_to_dict

from toolpair_observe.cli.main import main
from toolpair_observe.hashed import hashed

USER = {"role": "user", "content": "SECRET"}


def calls(*ids):
    made = [
        {"id": i, "type": "function", "function": {"name": "f", "arguments": "{}"}} for i in ids
    ]
    return {"role": "assistant", "content": None, "tool_calls": made, "loss_weight": 1}


def result(identifier, content="18"):
    return {"role": "tool", "tool_call_id": identifier, "content": content, "extra": 7}


def use(*ids):
    blocks = [{"type": "tool_use", "id": i, "name": "w", "input": {"a": 1}} for i in ids]
    return {"role": "assistant", "content": blocks}


def answer(identifier):
    return {"type": "tool_result", "tool_use_id": identifier, "content": "18"}


def text(words):
    return {"type": "text", "text": words}


@pytest.fixture
def repair(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def repair(given, *options, name="a.jsonl", code=0):
        written = given if isinstance(given, str) else json.dumps(given)
        (tmp_path / name).write_text(written)
        assert main(["repair", name, *options]) == code
        assert (tmp_path / name).read_text() == written
        out, err = capsys.readouterr()
        return out, err

    return repair


def is_made(message):
    return "no result of this tool call is available" in json.dumps(message)


def test_a_late_result_is_moved_as_it_was_written(repair):
    out, err = repair({"id": "row", "messages": [USER, calls("a"), USER, result("a")], "k": [1]})

    assert json.loads(out) == {
        "id": "row",
        "messages": [USER, calls("a"), result("a"), USER],
        "k": [1],
    }
    assert err.startswith("a.jsonl:1 (messages, row): 1 moved_result; before: INVALID_TOOL_RESULTS")
    assert "SECRET" not in err


def test_a_call_without_a_result_gets_one_of_the_same_form(repair):
    out, _ = repair([USER, calls("a", "b"), result("b"), USER])

    *before, made, last = json.loads(out)
    assert before == [USER, calls("a", "b"), result("b")]
    assert last == USER
    assert set(made) == {"role", "tool_call_id", "content"}
    assert made["tool_call_id"] == "a"
    assert is_made(made)


LIVE = [
    HumanMessage("x"),
    AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "a"}]),
    HumanMessage("y"),
]


@pytest.mark.parametrize(
    ("written", "id_of"),
    [
        ([m.model_dump(mode="json") for m in LIVE], lambda m: m["tool_call_id"]),
        (messages_to_dict(LIVE), lambda m: m["data"]["tool_call_id"]),
        (dumpd(LIVE), lambda m: m["kwargs"]["tool_call_id"]),
    ],
)
def test_langchains_messages_keep_their_form(repair, written, id_of):
    out, _ = repair(written)

    first, second, made, last = json.loads(out)
    assert [first, second, last] == written
    assert id_of(made) == "a"
    assert set(made) >= set(last) - {"example"}


def test_an_anthropic_result_goes_first_into_the_next_user_message(repair):
    body = {"model": "claude-x", "max_tokens": 9, "messages": [USER, use("a"), USER]}
    out, _ = repair(body)

    messages = json.loads(out)["messages"]
    assert messages[:2] == body["messages"][:2]
    made, rest = messages[2]["content"]
    assert (made["type"], made["tool_use_id"]) == ("tool_result", "a")
    assert is_made(made)
    assert rest == text("SECRET")
    assert len(messages) == 3


def test_anthropic_blocks_are_put_in_order_within_their_message(repair):
    content = [text("hm"), answer("b"), text("so")]
    user = {"role": "user", "content": content, "cache": 1}
    body = {"model": "claude-x", "max_tokens": 9, "messages": [USER, use("a", "b"), user]}
    out, _ = repair(body)

    (mended,) = json.loads(out)["messages"][2:]
    given, made, *rest = mended["content"]
    assert given == answer("b")
    assert made["tool_use_id"] == "a"
    assert rest == [text("hm"), text("so")]


def test_sound_conversations_are_printed_as_they_were_written(repair):
    sound = '{ "messages":[{"role":"user","content":"caf\\u00e9"} ] ,"x":1.50}'
    broken = json.dumps([USER, calls("a"), USER])
    out, _ = repair(f"{sound}\n{broken}\n")

    first, second = out.splitlines()
    assert first == sound
    assert len(json.loads(second)) == 4


def test_an_indented_document_stays_one(repair):
    out, _ = repair(json.dumps([[USER, calls("a"), USER], [USER]], indent=4), name="a.json")

    assert [len(each) for each in json.loads(out)] == [4, 1]
    assert out.startswith("[\n  [")


def test_the_training_target_is_no_call_without_a_result(repair):
    row = {"messages": [USER, calls("a"), USER, calls("b")], "tools": []}
    out, _ = repair(row)

    assert [each["role"] for each in json.loads(out)["messages"]] == [
        "user",
        "assistant",
        "tool",
        "user",
        "assistant",
    ]


def test_what_answers_nothing_is_left_unless_it_may_be_dropped(repair):
    given = {"messages": [USER, result("z")]}
    out, err = repair(given, code=1)
    assert json.loads(out) == given
    assert "nothing changed" in err

    out, _ = repair(given, "--drop-unpaired")
    assert json.loads(out) == {"messages": [USER]}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (f'{json.dumps([USER])}\n{{"mess', "a.jsonl:2: not JSON"),
        ('{"messages": [], "messages": []}', "a.jsonl:1: "),
        ("- role: user\n  content: x\n", "only JSON and JSON Lines are written again"),
    ],
)
def test_of_a_file_that_can_not_be_read_nothing_is_printed(repair, given, reason):
    out, err = repair(given, name="a.yaml" if given.startswith("-") else "a.jsonl", code=2)

    assert out == ""
    assert reason in err


def test_a_form_that_is_not_written_back_is_left_and_named(repair):
    parts = [{"text": "w?"}]
    broken = {
        "contents": [
            {"role": "user", "parts": parts},
            {"role": "model", "parts": [{"functionCall": {"name": "w", "args": {}}}]},
            {"role": "user", "parts": parts},
        ]
    }
    out, err = repair(broken, code=2)

    assert json.loads(out) == broken
    assert "are not mended; those that are: openai-chat, langchain, anthropic" in err


def test_messages_that_stand_a_line_each_are_left_and_named(repair):
    out, err = repair("\n".join(map(json.dumps, [USER, calls("a"), USER])), code=2)

    assert [json.loads(each) for each in out.splitlines()] == [USER, calls("a"), USER]
    assert err != ""


def test_ids_are_hashed_where_the_environment_asks_for_it(repair, monkeypatch):
    monkeypatch.setenv("TOOLPAIR_HASH_IDS", "true")
    _, err = repair({"id": "row_raw", "messages": [USER, calls("call_raw"), USER]})

    assert "call_raw" not in err
    assert "row_raw" not in err
    assert hashed("call_raw") in err


def test_what_was_printed_is_sound(repair, tmp_path):
    body = {"model": "claude-x", "max_tokens": 9, "messages": [USER, use("a", "b"), USER, use("c")]}
    rows = [[USER, calls("a"), USER, result("a")], body, {"messages": [USER, calls("a"), USER]}]
    out, _ = repair("\n".join(map(json.dumps, rows)))
    (tmp_path / "b.jsonl").write_text(out)

    assert main(["check", "b.jsonl"]) == 0


def test_no_result_is_moved_past_another_message_of_its_own_kind(repair):
    tool = ToolMessage("1", tool_call_id="a").model_dump(mode="json")
    given = [*[m.model_dump(mode="json") for m in LIVE], tool]
    out, _ = repair(given)

    assert [each["type"] for each in json.loads(out)] == ["human", "ai", "tool", "human"]
    assert json.loads(out)[2] == tool


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("none.jsonl", None, "none.jsonl: no such file"),
        ("zeros.jsonl", b"\0\0\0", "zeros.jsonl: this is binary data of no known kind"),
        ("half.jsonl", b'{"messages": []}\n{"messages"', "half.jsonl:2: not JSON"),
    ],
)
def test_what_can_not_be_read_is_named(name, data, reason, tmp_path, capsys):
    if data is not None:
        (tmp_path / name).write_bytes(data)

    assert main(["repair", str(tmp_path / name)]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"toolpair-observe: {tmp_path}/{reason}")
