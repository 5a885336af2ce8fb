"""A mend writes back what was stored: classes of the application, in every channel and message."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import uuid
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph.message import add_messages
from pydantic import BaseModel

from tests.threads.broken import CONFIG, poisoned, sqlite_saver, stalled, verdict
from toolpair_observe.threads.mend import mend_thread


class Money(BaseModel):
    """An object of an application, in a state."""

    amount: decimal.Decimal = decimal.Decimal("1.50")
    at: dt.datetime = dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC)


@dataclass
class Order:
    """Another one."""

    money: Money = field(default_factory=Money)
    tags: set[str] = field(default_factory=lambda: {"a", "b"})


class Reading(ToolMessage):
    """A result of an application's own class."""

    unit: str = "none"


class Pickled:
    """What no serializer but pickle takes."""

    def __eq__(self, other: object) -> bool:
        return type(other) is Pickled

    __hash__ = None  # type: ignore[assignment]


class State(TypedDict):
    """A state of an application."""

    messages: Annotated[list[AnyMessage], add_messages]
    order: Order
    others: list[Any]
    seen: set[int]


def result(call_id: str, **more: Any) -> Reading:
    return Reading("18", tool_call_id=call_id, name="good", unit="degrees", **more)


def values() -> dict[str, Any]:
    others = [
        dt.timedelta(days=1),
        decimal.Decimal("0.1"),
        uuid.UUID(int=7),
        frozenset({1}),
        Money(),
    ]
    return {"order": Order(), "others": others, "seen": {1, 2}}


def mended(saver: Any, broken: Any, **parts: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Mend a thread, and return its values before and after."""
    made = broken(saver, **{"state": State, "result": result, "more": values, **parts})
    before = made.get_state(CONFIG).values
    mend_thread(made, CONFIG, idle=0, apply=True)
    assert made.get_state(CONFIG).next == (("model",) if broken is stalled else ())
    return before, made.get_state(CONFIG).values


def found(after: dict[str, Any]) -> Any:
    (good,) = [m for m in after["messages"] if getattr(m, "tool_call_id", "") == "call_good"]
    return good


@contextlib.contextmanager
def memory(_):
    yield InMemorySaver()


@contextlib.contextmanager
def sqlite(_):
    yield sqlite_saver()


@contextlib.contextmanager
def encrypted(_):
    yield sqlite_saver(serde=EncryptedSerializer.from_pycryptodome_aes(key=b"0" * 16))


@contextlib.contextmanager
def postgres(request):
    with PostgresSaver.from_conn_string(request.getfixturevalue("postgres_url")) as saver:
        saver.setup()
        yield saver


@pytest.mark.parametrize("broken", [stalled, poisoned], ids=["stalled", "poisoned"])
@pytest.mark.parametrize("opened", [memory, sqlite, encrypted, postgres])
def test_what_an_application_has_stored_is_what_it_reads_after_a_mend(opened, broken, request):
    with opened(request) as saver:
        before, after = mended(saver, broken)
        assert verdict(saver) == "sound"
    assert type(found(after)) is Reading
    assert found(after).unit == "degrees"
    assert after["order"] == Order()
    for channel in ("order", "others", "seen"):
        assert after[channel] == before[channel]
        assert type(after[channel]) is type(before[channel])
    spoken = [m for m in after["messages"] if not isinstance(m, ToolMessage)]
    assert spoken == [m for m in before["messages"] if not isinstance(m, ToolMessage)]
    assert [type(m) for m in spoken[:2]] == [HumanMessage, AIMessage]


@pytest.mark.parametrize("broken", [stalled, poisoned], ids=["stalled", "poisoned"])
def test_a_thread_of_pickles_is_mended_with_its_own_checkpointer(broken):
    # A diagnosis opens no pickle; the application, whose graph it is, does so in every turn.
    saver = sqlite_saver(serde=JsonPlusSerializer(pickle_fallback=True))
    made = broken(saver, result=lambda call_id: result(call_id, artifact=Pickled()))
    plan = mend_thread(made, CONFIG, idle=0, apply=True)

    assert found(made.get_state(CONFIG).values).artifact == Pickled()
    assert [each.tool_call_id for each in plan.found] == ["call_good"]


@pytest.mark.parametrize("broken", [stalled, poisoned], ids=["stalled", "poisoned"])
def test_a_list_that_is_stored_as_changes_keeps_the_classes_of_its_messages(broken):
    delta = pytest.importorskip("langgraph.channels.delta")
    from langgraph.graph.message import _messages_delta_reducer

    channel = delta.DeltaChannel(_messages_delta_reducer, snapshot_frequency=50)
    state = TypedDict(  # noqa: UP013 - its annotations are made here
        "State", {"messages": Annotated[list[AnyMessage], channel]}
    )
    saver = sqlite_saver()
    _, after = mended(saver, broken, state=state, more=dict)

    assert type(found(after)) is Reading
    assert verdict(saver) == "sound"
