"""Stored values are read as data: nothing that a row names is imported, called or unpickled."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import json
import logging
import os
import pickle
import sys
import uuid

import ormsgpack
import pytest
from langchain_core import messages
from langchain_core.documents import Document
from langgraph import types
from langgraph.checkpoint.serde import types as serde_types
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from toolpair_observe.errors import ThreadStoreError
from toolpair_observe.foreign import DELTA_SNAPSHOT
from toolpair_observe.threads.stores.serde import (
    DataSerializer,
    UnreadableError,
    data_only,
    read,
    with_key,
)

KEY = "0123456789abcdef"
CALL = {"name": "f", "args": {"a": 1}, "id": "c", "type": "tool_call"}
VALUES = (
    messages.HumanMessage("hi", id="1"),
    messages.AIMessage("", tool_calls=[CALL], response_metadata={"model_provider": "openai"}),
    messages.AIMessageChunk("a"),
    messages.ToolMessage([{"type": "text", "text": "x"}], tool_call_id="c", status="error"),
    messages.SystemMessage("s"),
    messages.ChatMessage("c", role="r"),
    messages.FunctionMessage("f", name="n"),
    messages.RemoveMessage(id="1"),
    Document("d", metadata={"a": 1}),
    types.Send("tools", {"call": CALL}),
    types.Interrupt("may I?", id="i"),
    types.Command(resume=True),
    *([types.Overwrite([messages.HumanMessage("hi")])] if hasattr(types, "Overwrite") else ()),
    dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
    dt.date(2026, 1, 2),
    dt.time(1, 2),
    dt.timedelta(1),
    dt.UTC,
    uuid.UUID(int=1),
    decimal.Decimal("1.5"),
    {1, 2},
    frozenset({1}),
    collections.deque([1]),
    b"bytes",
    bytearray(b"more"),
    None,
    {1: [True, None, 1.5], "a": ("b",)},
)


@pytest.fixture
def marked(tmp_path, monkeypatch):
    """A module that leaves a file behind when it is imported, and the file."""
    mark = tmp_path / "imported"
    module = tmp_path / "leaves_a_mark.py"
    module.write_text(
        f"open({str(mark)!r}, 'w').close()\n"
        f"class Thing:\n    def __init__(self, *a, **k): open({str(mark)!r}, 'w').close()\n"
        "    make = classmethod(lambda cls, *a: cls())\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield mark
    sys.modules.pop("leaves_a_mark", None)


def extension(code, *parts):
    return ormsgpack.packb(ormsgpack.Ext(code, ormsgpack.packb(parts)))


def loaded(packed, kind="msgpack"):
    return read(DataSerializer(), kind, packed)


def theirs(packed):
    """A value as LangGraph reads it: of its own messages, whether strict or not."""
    return JsonPlusSerializer().loads_typed(("msgpack", packed))


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_langgraph_writes_is_read_as_langgraph_reads_it(value):
    packed = JsonPlusSerializer().dumps_typed(value)
    expected = JsonPlusSerializer().loads_typed(packed)
    ours = DataSerializer().loads_typed(packed)
    assert ours == expected
    assert type(ours) is type(expected)


def test_a_snapshot_of_changes_is_what_it_holds():
    snapshot = DELTA_SNAPSHOT.of(serde_types)
    if snapshot is None:
        pytest.skip("this langgraph stores no changes")
    packed = JsonPlusSerializer().dumps_typed(snapshot([messages.HumanMessage("hi")]))
    assert DataSerializer().loads_typed(packed) == [messages.HumanMessage("hi")]


@pytest.mark.parametrize(
    ("code", "payload", "method"),
    [
        (0, "x", ()),
        (1, ["x"], ()),
        (2, {"a": 1}, ()),
        (3, "x", ("make",)),
        (4, {"a": 1}, ("construct",)),
        (5, {"a": 1}, ("model_validate_json",)),
    ],
)
def test_a_class_that_a_row_names_is_neither_imported_nor_made(marked, code, payload, method):
    value = loaded(extension(code, "leaves_a_mark", "Thing", payload, *method))
    assert value == payload
    assert not marked.exists()
    assert "leaves_a_mark" not in sys.modules


def test_a_function_that_a_row_names_is_not_called(tmp_path):
    touch = f"touch {tmp_path / 'called'}"
    assert loaded(extension(0, "os", "system", touch)) == touch
    assert loaded(extension(3, "builtins", "__import__", "os", "system")) == "os"
    assert not (tmp_path / "called").exists()


def test_what_stands_inside_a_message_is_not_imported(marked):
    inner = ormsgpack.Ext(0, ormsgpack.packb(("leaves_a_mark", "Thing", "x")))
    fields = {"content": "hi", "type": "human", "additional_kwargs": {"a": inner}}
    message = loaded(extension(5, "langchain_core.messages.human", "HumanMessage", fields))
    assert message.additional_kwargs == {"a": "x"}
    assert not marked.exists()


@pytest.mark.parametrize("lc", [1, 2])
def test_json_is_data_whatever_class_it_names(marked, lc):
    row = {
        "lc": lc,
        "type": "constructor",
        "id": ["leaves_a_mark", "Thing"],
        "kwargs": {"content": "hi"},
        "method": "make",
    }
    assert loaded(json.dumps([row]).encode(), "json") == [row]
    assert not marked.exists()


def test_a_pickle_is_not_opened(tmp_path):
    class Opened:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "opened"),)

    with pytest.raises(UnreadableError, match="pickle"):
        loaded(pickle.dumps(Opened()), "pickle")
    assert not (tmp_path / "opened").exists()


def test_an_array_of_numpy_does_not_import_numpy(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)  # an import would raise
    assert loaded(extension(6, "<f8", [1], "C", b"12345678")) is None


def test_a_message_that_its_class_refuses_is_what_langgraph_makes_of_it():
    fields = {"content": "hi", "type": "human", "id": ["no text"]}
    packed = extension(5, "langchain_core.messages.human", "HumanMessage", fields)
    assert loaded(packed).id == theirs(packed).id == ["no text"]


def test_a_subclass_of_a_message_is_its_fields():
    fields = {"content": "hi", "type": "human"}
    assert loaded(extension(5, "app.messages", "MyMessage", fields)) == fields


def test_what_is_not_known_is_not_logged_for_each_row(caplog):
    caplog.set_level(logging.DEBUG)
    for _ in range(3):
        loaded(extension(0, "app.things", "Thing", "x"))
        loaded(extension(3, "app.things", "Thing", "x", "make"))
    assert not caplog.records


@pytest.mark.parametrize(
    ("kind", "packed"),
    [
        ("msgpack", b"\xc1"),
        ("msgpack", b"\xdd\xff\xff\xff\xff"),
        ("msgpack", b"\x91" * 100_000),
        ("json", b"[" * 100_000),
        ("json", b"\xff"),
        ("cbor", b""),
        (None, None),
    ],
)
def test_a_broken_value_says_why_and_nothing_of_itself(kind, packed):
    with pytest.raises(UnreadableError) as caught:
        loaded(packed, kind)
    assert len(str(caught.value)) < 200
    assert caught.value.__cause__ is None


def test_an_encrypted_value_names_its_type_and_the_option():
    packed = EncryptedSerializer.from_pycryptodome_aes(key=KEY.encode()).dumps_typed("secret")
    with pytest.raises(UnreadableError, match=r"'msgpack\+aes'.*--encryption.*LANGGRAPH_AES_KEY"):
        read(DataSerializer(), *packed)


def test_the_key_is_read_from_where_langgraph_reads_it(monkeypatch, marked):
    encrypting = EncryptedSerializer.from_pycryptodome_aes(key=KEY.encode())
    packed = encrypting.dumps_typed([messages.HumanMessage("hi")])
    monkeypatch.setenv("LANGGRAPH_AES_KEY", KEY)
    assert read(with_key(), *packed) == [messages.HumanMessage("hi")]
    # What is not encrypted is read as well: an application may have begun to encrypt later.
    assert read(with_key(), "json", b"[1]") == [1]
    hidden = encrypting.cipher.encrypt(extension(0, "leaves_a_mark", "Thing", "x"))[1]
    assert read(with_key(), "msgpack+aes", hidden) == "x"
    assert not marked.exists()


def test_the_wrong_key_is_told(monkeypatch):
    packed = EncryptedSerializer.from_pycryptodome_aes(key=KEY.encode()).dumps_typed("secret")
    monkeypatch.setenv("LANGGRAPH_AES_KEY", KEY[::-1])
    with pytest.raises(UnreadableError, match="can't be decrypted"):
        read(with_key(), *packed)


@pytest.mark.parametrize("key", [None, "", "too short"])
def test_a_key_that_is_none_is_told_without_it(monkeypatch, key):
    monkeypatch.delenv("LANGGRAPH_AES_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("LANGGRAPH_AES_KEY", key)
    with pytest.raises(ThreadStoreError, match="LANGGRAPH_AES_KEY, 16, 24 or 32") as caught:
        with_key()
    assert not key or key not in str(caught.value)


def test_a_savers_cipher_is_kept_and_its_values_are_data(marked):
    encrypting = EncryptedSerializer.from_pycryptodome_aes(key=KEY.encode())
    hidden = encrypting.cipher.encrypt(extension(0, "leaves_a_mark", "Thing", "x"))[1]
    assert data_only(encrypting).loads_typed(("msgpack+aes", hidden)) == "x"
    assert not marked.exists()


def test_a_serializer_of_somebody_else_is_kept():
    class Own(JsonPlusSerializer):
        def loads_typed(self, data):
            return "own"

    own = Own()
    assert data_only(own) is own


def test_what_is_read_as_data_can_be_packed_anew():
    serde = data_only(JsonPlusSerializer())
    sends = [types.Send("a", 1)]
    assert serde.loads_typed(serde.dumps_typed(sends)) == sends


AI = messages.AIMessage("", tool_calls=[CALL], id="1").model_dump()
USAGE = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
ODD = {
    "as it is": {},
    "a list of content": {"content": ["a", {"type": "text", "text": "b"}]},
    "content of another kind": {"content": ["a", 1]},
    "usage": {"usage_metadata": {**USAGE, "input_token_details": {"cache_read": 1}}},
    "usage of another kind": {"usage_metadata": {"input_tokens": "1"}},
    "usage that is none": {"usage_metadata": [1]},
    "an id that is a number": {"id": 7},
    "a call with more": {"tool_calls": [{**CALL, "extras": {"a": 1}}]},
    "a call without a type": {"tool_calls": [{"name": "f", "args": {}, "id": "c"}]},
    "a call of another type": {"tool_calls": [{**CALL, "type": "other"}]},
    "a call without an id": {"tool_calls": [{**CALL, "id": None}]},
    "a call with text for arguments": {"tool_calls": [{**CALL, "args": "{}"}]},
    "calls of another kind": {"tool_calls": 1},
    "calls that are a tuple": {"tool_calls": ()},
    "calls of an older release": {
        "tool_calls": [],
        "additional_kwargs": {
            "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": '{"a": 1}'}}]
        },
    },
    "invalid calls": {"invalid_tool_calls": [{"name": "f", "args": "{", "id": "c", "error": None}]},
    "another type": {"type": "human"},
    "a field of another release": {"example": False},
    "a name that is a number": {"name": 1},
    "no additional arguments": {"additional_kwargs": None},
}


def parts_of(message):
    """Everything that a message consists of."""
    return (
        type(message),
        message.__dict__,
        message.model_fields_set,
        message.model_extra,
        message.__pydantic_private__,
    )


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_an_answer_is_made_as_langgraph_makes_it(change):
    packed = extension(5, "langchain_core.messages.ai", "AIMessage", {**AI, **change})
    assert parts_of(loaded(packed)) == parts_of(theirs(packed))


@pytest.mark.parametrize(
    "change", [{}, {"status": "other"}, {"tool_call_id": 1}, {"artifact": {"a": 1}}], ids=str
)
def test_a_result_is_made_as_langgraph_makes_it(change):
    fields = {**messages.ToolMessage("x", tool_call_id="c").model_dump(), **change}
    packed = extension(5, "langchain_core.messages.tool", "ToolMessage", fields)
    assert parts_of(loaded(packed)) == parts_of(theirs(packed))


def test_a_message_that_was_not_validated_is_like_any_other():
    packed = JsonPlusSerializer().dumps_typed(messages.AIMessage("a", tool_calls=[CALL], id="1"))
    message = DataSerializer().loads_typed(packed)
    assert pickle.loads(pickle.dumps(message)) == message
    assert message.model_copy(update={"id": "2"}).id == "2"
    message.content = "b"
    assert message.text == "b"
    assert messages.AIMessage.model_validate(message.model_dump()) == message


def test_most_messages_are_not_validated_anew(monkeypatch):
    def refused(*_, **__):
        pytest.fail("it is validated")

    of_each = [
        messages.AIMessage("a", tool_calls=[CALL], usage_metadata=USAGE),
        messages.ToolMessage("x", tool_call_id="c"),
        messages.HumanMessage("h"),
        messages.SystemMessage("s"),
    ]
    packed = [JsonPlusSerializer().dumps_typed(each) for each in of_each]
    for each in of_each:
        monkeypatch.setattr(type(each), "__init__", refused)
    assert [DataSerializer().loads_typed(each) for each in packed] == of_each
