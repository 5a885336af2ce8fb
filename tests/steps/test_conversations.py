"""The memory of conversations: which requests are of one, what is new in it, and its bounds."""

from __future__ import annotations

import threading
import tracemalloc
from typing import Any
from uuid import UUID, uuid4

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from tests.forking import in_child, needs_fork
from toolpair_observe import check_messages
from toolpair_observe.steps import conversations as memory
from toolpair_observe.steps.conversations import Conversations, Seen

CALL = {"name": "weather", "args": {}, "id": "call_1", "type": "tool_call"}


@pytest.fixture
def kept() -> Conversations:
    return Conversations()


def note(
    kept: Conversations, messages: list[BaseMessage], thread_id: str | None = "t", **options: Any
) -> tuple[UUID, Seen]:
    run_id = uuid4()
    violations = check_messages(messages).violations
    return run_id, kept.note(run_id, thread_id, messages, violations, **options)


def broken(call_id: str = "call_1") -> list[BaseMessage]:
    asked = AIMessage("", tool_calls=[{**CALL, "id": call_id}], id=f"m-{call_id}")
    return [HumanMessage("Hi", id="h"), asked, HumanMessage("Hello?", id="h2")]


SOUND: list[BaseMessage] = [HumanMessage("Hi", id="h")]


def test_the_first_request_with_a_breach_is_fresh_and_the_rest_are_not(kept: Conversations):
    sound, _ = note(kept, SOUND)
    first, seen = note(kept, broken())
    _, again = note(kept, [*broken(), AIMessage("Well"), HumanMessage("?")])

    assert (seen.is_fresh, seen.since_run_id, seen.requests_ago) == (True, first, 0)
    assert (again.is_fresh, again.since_run_id, again.requests_ago) == (False, first, 1)
    assert seen.last_sound_run_id == again.last_sound_run_id == sound


def test_a_breach_stays_the_same_when_messages_before_it_are_summarized(kept: Conversations):
    note(kept, broken())
    _, seen = note(kept, [HumanMessage("A summary"), HumanMessage("And"), *broken()[1:]])

    assert seen.is_fresh is False


def test_another_call_without_a_result_is_a_new_breach(kept: Conversations):
    note(kept, broken())
    second, seen = note(kept, [*broken(), *broken("call_2")[1:]])
    _, again = note(kept, [*broken(), *broken("call_2")[1:]])

    assert (seen.is_fresh, seen.since_run_id) == (True, second)
    assert again.is_fresh is False


def test_a_call_id_that_a_later_turn_uses_again_is_a_new_breach(kept: Conversations):
    note(kept, broken())
    later = AIMessage("", tool_calls=[CALL], id="another")
    _, seen = note(kept, [HumanMessage("Hi"), later, HumanMessage("Hello?")])

    assert seen.is_fresh is True


def test_what_a_breach_was_blamed_on_is_there_when_it_is_met_again(kept: Conversations):
    blame: Any = object()
    _, seen = note(kept, broken())
    assert seen.breach is not None
    seen.breach.blame = blame
    _, again = note(kept, broken())

    assert again.breach is not None
    assert again.breach.blame is blame


def test_threads_are_kept_apart(kept: Conversations):
    note(kept, broken(), "a")
    _, seen = note(kept, broken(), "b")

    assert seen.is_fresh is True


def test_without_a_thread_the_ids_of_messages_tell_the_conversation(kept: Conversations):
    _, first = note(kept, broken(), None)
    _, again = note(kept, [*broken(), HumanMessage("?", id="h3")], None)
    _, other = note(kept, [HumanMessage("Hi", id="x"), *broken()[1:2]], None)

    assert (first.is_fresh, again.is_fresh, other.is_fresh) == (True, False, False)


def test_without_a_thread_and_a_known_message_it_is_another_conversation(kept: Conversations):
    history = [m.model_copy(update={"id": None}) for m in broken()]
    _, first = note(kept, broken(), None)
    _, seen = note(kept, [HumanMessage("Else", id="e"), *history], None)

    assert (first.is_fresh, seen.is_fresh) == (True, True)
    assert len(kept) == 2


def test_nothing_is_said_to_be_new_where_no_message_has_an_id(kept: Conversations):
    history = [m.model_copy(update={"id": None}) for m in broken()]
    first, seen = note(kept, history, None)
    reply = AIMessage("Well", id=f"lc_run--{first}-0")
    _, again = note(kept, [*history, reply, HumanMessage("?")], None)

    assert seen.is_fresh is None
    assert (again.is_fresh, again.since_run_id) == (False, first)


def test_a_reply_is_known_by_the_run_that_made_it(kept: Conversations):
    """The id that langchain-core gives to a reply names its run."""
    runs: list[UUID] = []

    class Notes(BaseCallbackHandler):
        def on_chat_model_start(self, *_: Any, run_id: UUID, **__: Any) -> None:
            runs.append(run_id)

    model = FakeListChatModel(responses=["Fine."])
    reply = model.invoke("Hi", {"callbacks": [Notes()]})
    kept.note(runs[0], None, [HumanMessage("Hi")])
    kept.note(uuid4(), None, [HumanMessage("Hi"), reply, HumanMessage("And?")])

    assert len(kept) == 1


def test_a_conversation_that_another_process_began_says_so(kept: Conversations):
    _, own = note(kept, SOUND, "own")
    _, seen = note(kept, broken(), "own")
    _, other = note(kept, broken(), "other")

    assert not own.began_elsewhere
    assert not seen.began_elsewhere
    assert other.began_elsewhere


def test_conversations_are_bounded(kept: Conversations, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "MOST_CONVERSATIONS", 10)
    for n in range(100):
        note(kept, broken(), f"t{n}")
        note(kept, [HumanMessage("Hi", id=f"h{n}")], None)

    assert len(kept) == 10
    assert len(kept._by_name) <= 10 * 6
    _, newest = note(kept, broken(), "t99")
    _, oldest = note(kept, broken(), "t0")
    assert (newest.is_fresh, oldest.is_fresh) == (False, True)


def test_a_quiet_conversation_ages_out(kept: Conversations, monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr(memory, "monotonic", lambda: now[0])
    note(kept, broken(), "quiet")
    now[0] = memory.CONVERSATION_SECONDS / 2
    note(kept, broken(), "busy")
    now[0] = memory.CONVERSATION_SECONDS + 1
    _, seen = note(kept, broken(), "busy")

    assert (seen.is_fresh, len(kept)) == (False, 1)


@pytest.mark.parametrize("outlined", [0, memory.FEW_OUTLINED, memory.MOST_OUTLINED])
def test_a_conversation_of_any_length_keeps_a_bounded_number_of_bytes(outlined: int):
    kept = Conversations()
    long: list[BaseMessage] = [AIMessage("x", id=str(n)) for n in range(1_000)]
    many = [AIMessage("", tool_calls=[{**CALL, "id": f"c{n}"}], id=f"m{n}") for n in range(100)]
    violations = check_messages([*many, HumanMessage("?")]).violations
    threads = 200

    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    for n in range(threads):
        for history, found in ((long, ()), (many, violations)):
            for _ in range(12):
                run_id = uuid4()
                kept.note(run_id, f"t{n}", history, found, outlined=outlined)
                kept.replied(run_id, long[0])
    grown = tracemalloc.take_snapshot().compare_to(before, "filename")
    tracemalloc.stop()

    own = sum(each.size_diff for each in grown if "toolpair_observe" in str(each.traceback))
    assert own / threads < (3 * 1024 if outlined else 1024)


@needs_fork
def test_a_forked_child_has_seen_nothing(kept: Conversations):
    note(kept, broken())

    def work() -> tuple[bool | None, bool]:
        seen = note(kept, broken())[1]
        return seen.is_fresh, seen.began_elsewhere

    assert in_child(work) == "(True, True)"


def test_counts_are_exact_under_threads(kept: Conversations):
    fresh: list[bool | None] = []
    histories = [broken(f"call_{n}") for n in range(20)]
    reports = [check_messages(each).violations for each in histories]

    # More breaches than are kept would be new again.
    for begin in range(0, 20, memory.MOST_BREACHES):
        part = slice(begin, begin + memory.MOST_BREACHES)
        workers = [
            threading.Thread(target=_ask, args=(kept, histories[part], reports[part], fresh))
            for _ in range(8)
        ]
        for each in workers:
            each.start()
        for each in workers:
            each.join()

    assert fresh.count(True) == 20
    assert fresh.count(False) == 20 * 7


def _ask(kept: Conversations, histories: Any, reports: Any, fresh: list[bool | None]) -> None:
    for history, violations in zip(histories, reports, strict=True):
        fresh.append(kept.note(uuid4(), "t", history, violations).is_fresh)
