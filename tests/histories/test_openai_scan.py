"""The fast pass over OpenAI's messages says yes only where the closer look finds nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import SHARED_DIR
from tests.pairing.test_mechanisms import DEMANDING
from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.dialects.dialect import NotUnderstoodError
from toolpair_observe.histories.dialects.openai_chat import OPENAI_CHAT, read
from toolpair_observe.histories.dialects.openai_scan import owns, plain_calls
from toolpair_observe.histories.dialects.table import DIALECTS, dialect_of
from toolpair_observe.pairing.closer_look import judge
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from toolpair_observe.pairing.providers.profile import Profile

Message = dict[str, Any]


def _rows(profile: Profile) -> list[Profile]:
    return [profile, *(inner for row in profile.rows for inner in _rows(row.profile))]


EVERY = [row for profile in PROFILES.values() for row in _rows(profile)]
EVERY += [profile for profile in DEMANDING if profile.plain is not None]

# --- messages near a sound list ------------------------------------------------------------------

_PARTS = st.sampled_from(
    [
        {"type": "text", "text": "hi"},
        {"type": "text", "text": ""},
        {"type": "image_url", "image_url": {"url": "x"}},
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "tool_use", "id": "a", "name": "f", "input": {}},
        {"type": "tool_result", "tool_use_id": "a"},
        {"toolUse": {"toolUseId": "a"}},
        "bare",
        "",
    ]
)
# What a sound list may have, and some profiles mind.
_TEXTS = st.sampled_from(["hi", "", "Summary of the conversation:"])
_IDS = st.sampled_from(["a", "b", "c", "call_1", "123456789", "x" * 41, "y" * 65, "a b"])
_NAMES = st.sampled_from(["f", "g"])
_ARGUMENTS = st.sampled_from(["{}", '{"x":1}', "", "{", "[]", {"x": 1}])
# What takes a closer look, or is not understood.
_KEYS_OF_FAULTS: dict[str, list[Any]] = {
    "content": [None, [], {}, 7],
    "role": ["human", "tool", "user", "critic", None],
    "name": ["f", "g", "", ["f"]],
    "weight": [1],
    "refusal": [None, "no"],
    "annotations": [[], [{"type": "url_citation"}]],
    "unknown": [{"a": 1}, []],
    "function_call": [{"name": "f", "arguments": "{}"}, None],
    "tool_call_id": ["a", "", None, 7],
    "tool_calls": [[], None, "[]", {}],
    "invalid_tool_calls": [[{"id": "a", "name": "f"}], []],
    "type": ["tool", "message"],
    "tool_name": ["g"],
}
_KEYS_OF_CALL_FAULTS: dict[str, list[Any]] = {
    "id": ["a", "b", "", None, 7],
    "type": [None, "custom", "other"],
    "index": [0],
    "extra": [{"a": 1}, 1],
    "async": [True],
    "function": [{}, {"name": "f"}, {"name": "", "arguments": "{}"}, {"name": None}, "f"],
    "custom": [{"name": "f", "input": "x"}],
}


@st.composite
def _turn(draw: st.DrawFn) -> list[Message]:
    """A message with calls, and a result for each."""
    ids = draw(st.lists(_IDS, min_size=1, max_size=3, unique=True))
    calls = [
        {
            "id": call_id,
            "type": "function",
            "function": {"name": draw(_NAMES), "arguments": draw(_ARGUMENTS)},
        }
        for call_id in ids
    ]
    head: Message = {"role": "assistant", "tool_calls": calls}
    if draw(st.booleans()):
        head["content"] = draw(st.one_of(_TEXTS, st.none()))
    answers = [
        {"role": "tool", "content": draw(_TEXTS), "tool_call_id": each}
        for each in draw(st.permutations(ids))
    ]
    if draw(st.booleans()):
        answers[0]["name"] = draw(_NAMES)
    return [head, *answers]


@st.composite
def _messages(draw: st.DrawFn) -> list[Message]:
    """A sound list, with a fault or two in some."""
    said = st.sampled_from(["user", "system", "developer", "assistant"])
    turns = st.one_of(
        _turn(), st.builds(lambda role, text: [{"role": role, "content": text}], said, _TEXTS)
    )
    messages = [message for turn in draw(st.lists(turns, max_size=5)) for message in turn]
    for _ in range(draw(st.integers(0, 2)) if messages else 0):
        place = draw(st.integers(0, len(messages) - 1))
        message = dict(messages[place])
        kind = draw(st.sampled_from(["key", "key", "parts", "gone", "twice", "lost", "call"]))
        calls = message.get("tool_calls")
        if kind == "gone" and len(messages) > 1:
            del messages[place]
            continue
        if kind == "twice":
            messages.insert(place, message)
            continue
        if kind == "lost":
            message.pop(draw(st.sampled_from(sorted(message))))
        elif kind == "parts":
            message["content"] = draw(st.lists(_PARTS, max_size=2))
        elif kind == "call" and isinstance(calls, list) and calls:
            key = draw(st.sampled_from(sorted(_KEYS_OF_CALL_FAULTS)))
            changed = {**calls[0], key: draw(st.sampled_from(_KEYS_OF_CALL_FAULTS[key]))}
            message["tool_calls"] = [changed, *calls[1:]]
        else:
            key = draw(st.sampled_from(sorted(_KEYS_OF_FAULTS)))
            message[key] = draw(st.sampled_from(_KEYS_OF_FAULTS[key]))
        messages[place] = message
    return messages


@given(_messages())
def test_a_yes_is_what_the_closer_look_says_under_every_profile(messages: list[Message]) -> None:
    for profile in EVERY:
        calls = profile.plain and plain_calls(messages, profile.plain)
        if calls is not None and profile.plain is not None:
            report = judge(read(messages), profile)
            assert report.effect is Effect.CLEAN, (profile.name, messages)
            assert report.violations == ()
            assert report.call_count == calls


@given(_messages())
def test_what_is_passed_or_owned_is_claimed_by_no_other_dialect(messages: list[Message]) -> None:
    others = [dialect for dialect in DIALECTS if dialect is not OPENAI_CHAT]
    passed = plain_calls(messages, CONTRACT.plain) is not None if CONTRACT.plain else False
    for message in messages:
        if passed or owns(message):
            assert OPENAI_CHAT.claims(message)
            assert not [d.name for d in others if d.claims(message)]


_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3))
_KEYS = st.sampled_from(
    ["role", "content", "tool_calls", "tool_call_id", "id", "type", "function", "name", "arguments"]
)
_WORDS = st.sampled_from(["user", "assistant", "tool", "system", "function", "text", "a"])
_JSON = st.recursive(
    st.one_of(_SCALARS, _WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=5)),
    max_leaves=12,
)


@given(st.lists(_JSON, max_size=4))
def test_hostile_values_raise_nothing_but_what_names_them(messages: list[Any]) -> None:
    plain = CONTRACT.plain
    assert plain is not None
    assert plain_calls(messages, plain) in (None, *range(100))
    for message in messages:
        owns(message)
        OPENAI_CHAT.is_ai(message)
    try:
        dialect_of(messages).read(messages)
    except HistoryFileError as error:
        assert isinstance(error, NotUnderstoodError)  # noqa: PT017 - both ends are right


# --- that it says yes at all ---------------------------------------------------------------------

_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
_SOUND: list[Message] = [
    {"role": "system", "content": "s"},
    {"role": "user", "content": "u"},
    {"role": "assistant", "content": None, "tool_calls": [_CALL, {**_CALL, "id": "c2"}]},
    {"role": "tool", "tool_call_id": "c1", "name": "f", "content": "r"},
    {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "r"}]},
    {"role": "assistant", "tool_calls": [{**_CALL, "id": "c3", "index": 0}], "refusal": None},
    {"role": "tool", "tool_call_id": "c3", "content": "r"},
    {"role": "assistant", "content": "done", "annotations": [], "reasoning_content": "hm"},
]


@pytest.mark.parametrize("name", ["contract", "openai-chat", "anthropic", "google-genai"])
def test_a_plainly_sound_list_needs_no_closer_look(name: str) -> None:
    plain = PROFILES[name].plain
    assert plain is not None
    assert plain_calls(_SOUND, plain) == 3


def test_arguments_matter_only_to_profiles_that_leave_such_calls_out() -> None:
    broken = {**_CALL, "function": {"name": "f", "arguments": "{"}}
    messages = [{"role": "assistant", "tool_calls": [broken]}, _SOUND[3]]
    minding = [p for p in EVERY if p.plain is not None and p.plain.valid_arguments]
    assert minding, "no profile is left to tell"
    for profile in EVERY:
        if profile.plain is not None and not profile.plain.human_first:
            said = plain_calls(messages, profile.plain)
            assert (said is None) == (profile in minding or profile.plain.calls_as_raw)


@pytest.mark.parametrize(
    "text", ['<tool_call>{"name": "f"}</tool_call>', "<tool_response>1</tool_response>"]
)
@pytest.mark.parametrize("role", ["assistant", "user"])
def test_calls_in_text_are_left_to_their_dialect(role: str, text: str) -> None:
    message = {"role": role, "content": text}
    assert CONTRACT.plain is not None
    assert plain_calls([message], CONTRACT.plain) is None
    assert not owns(message)


def test_most_real_lists_are_plain() -> None:
    path = SHARED_DIR / "corpora" / "traj__tau-bench.jsonl.gz"
    if not path.is_file():
        pytest.skip("the real histories are not here")
    import gzip

    plain = CONTRACT.plain
    assert plain is not None
    with gzip.open(path, "rt") as lines:
        lists = [json.loads(line)["wire"] for line in lines]
    assert all(plain_calls(messages, plain) is not None for messages in lists)
    assert all(owns(message) for messages in lists for message in messages)
