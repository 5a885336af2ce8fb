"""The loss detector has to see each kind of loss, and nothing where nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest

from .generate import DAMAGE, Seeded, generated, sound
from .histories import messages_of, text_of, timeline
from .losses import losses
from .named import NAMED
from .wire import parse


def _body(text: str, *sent: int) -> dict[str, Any]:
    """Write what an OpenAI-like request of a history looks like if only some messages are sent."""
    messages = messages_of(timeline(text))
    return {"messages": [_wire_message(messages[at]) for at in sent]}


def _wire_message(message: Any) -> dict[str, Any]:
    if message.type == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
    if message.type == "human":
        return {"role": "user", "content": message.content}
    calls = [
        {"id": call["id"], "function": {"name": call["name"], "arguments": str(call["args"])}}
        for call in message.tool_calls
    ]
    return {"role": "assistant", "content": message.content, "tool_calls": calls}


def _found(text: str, body: dict[str, Any], wire: str = "openai") -> list[str]:
    return [str(loss) for loss in losses(wire, messages_of(timeline(text)), parse(wire, body))]


TEXT = "H A(a,b) T(a) T(b) H A(c) T(c)"


def test_nothing_is_lost_where_everything_is_sent():
    assert _found(TEXT, _body(TEXT, 0, 1, 2, 3, 4, 5, 6)) == []


def test_a_dropped_result_is_seen():
    assert _found(TEXT, _body(TEXT, 0, 1, 2, 4, 5, 6)) == ["result_dropped@3(call_b)"]


def test_a_replayed_result_is_seen():
    assert _found(TEXT, _body(TEXT, 0, 1, 2, 2, 3, 4, 5, 6)) == [
        "result_replayed@2(call_a)->2 times"
    ]


def test_a_result_that_passes_a_human_message_has_moved():
    assert _found(TEXT, _body(TEXT, 0, 1, 2, 4, 3, 5, 6)) == ["result_moved@3(call_b)->text@4"]


def test_results_of_one_block_may_change_places():
    assert _found(TEXT, _body(TEXT, 0, 1, 3, 2, 4, 5, 6)) == ["result_reordered@3(call_b)"]


def test_a_dropped_call_is_a_loss_only_with_its_result():
    assert "call_dropped@5(call_c)" in _found(TEXT, _body(TEXT, 0, 1, 2, 3, 4, 6))
    unanswered = "H A(a) H"
    assert _found(unanswered, _body(unanswered, 0, 2)) == ["unanswered_call_dropped@1(call_a)"]


def test_results_without_ids_belong_to_calls_by_their_place():
    text = "H A(a,b) T(b) T(a)"
    assert _found(text, _body(text, 0, 1, 2, 3), "ollama") == [
        "result_mispaired@2(call_b)->call_a@1",
        "result_mispaired@3(call_a)->call_b@1",
    ]


@pytest.mark.parametrize("text", NAMED.values())
def test_a_timeline_reads_as_it_is_written(text: str):
    assert text_of(timeline(text)) == text


def test_a_seed_gives_one_history_whose_text_says_all():
    for seed in range(200):
        steps = generated(seed)
        assert steps == generated(seed)
        assert timeline(text_of(steps)) == steps
        assert messages_of(steps)


@pytest.mark.parametrize("name", DAMAGE)
def test_each_way_of_damage_does_damage(name: str):
    changed = 0
    for seed in range(50):
        steps = sound(Seeded(seed))
        changed += DAMAGE[name](list(steps), Seeded(seed)) != steps
    assert changed > 10
