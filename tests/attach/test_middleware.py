"""The middleware of `create_agent`: block, or repair the outgoing copy and not the state."""

from __future__ import annotations

import logging

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain.chat_models import init_chat_model
from langchain_core.messages import AIMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from tests.handler.models import CountingModel
from tests.repair.histories import calls, human, is_synthetic, result, shape
from tests.strict.siblings import AsyncSibling
from tests.strict.ways import get_weather
from toolpair_observe import InvalidToolResultsError
from toolpair_observe.attach.instrument import instrument
from toolpair_observe.errors import SettingsError
from toolpair_observe.middleware import ToolPairMiddleware

LOST_AND_LATE = [human(), calls("lost", "late", "there"), result("there"), human(), result("late")]
MENDED = ["human", "ai", "success there", "success late", "error lost", "human"]


@pytest.fixture
def repairs_of():
    """Make a middleware that repairs, with what its repairs leave behind."""
    handlers, providers = [], []

    def make(**options):
        exporter = InMemoryLogRecordExporter()
        provider = LoggerProvider(shutdown_on_exit=False)
        provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
        told = []
        middleware = ToolPairMiddleware(
            mode="observe",
            profile="anthropic",
            feedback="off",
            logger_provider=provider,
            repair="insert_error_results",
            on_repair=told.append,
            **options,
        )
        handlers.append(middleware.handler)
        providers.append(provider)

        def events():
            records = [one.log_record for one in exporter.get_finished_logs()]
            return [dict(r.attributes) for r in records if r.event_name == "toolpair.repair"]

        return middleware, events, told

    yield make
    for handler in handlers:
        handler.close()
    for provider in providers:
        provider.shutdown()


def agent_with(model, *middleware, **options):
    return create_agent(model, [get_weather], middleware=middleware, **options)


def test_the_mended_copy_is_sent_checked_and_counted_once(strict):
    model = CountingModel(callbacks=[strict])
    middleware = ToolPairMiddleware(strict, repair="insert_error_results")
    agent_with(model, middleware).invoke({"messages": LOST_AND_LATE})
    assert shape(model._requests[0]) == MENDED
    assert strict.predictions == {("clean", "accepted"): 1}


async def test_it_mends_asynchronous_requests_too(strict):
    model = CountingModel()
    middleware = ToolPairMiddleware(strict, repair="insert_error_results")
    await agent_with(model, middleware).ainvoke({"messages": LOST_AND_LATE})
    assert shape(model._requests[0]) == MENDED
    assert strict.predictions == {("clean", "accepted"): 1}


def test_the_stored_state_is_not_mended(strict):
    model = CountingModel()
    middleware = ToolPairMiddleware(strict, repair="insert_error_results")
    agent = agent_with(model, middleware, checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": LOST_AND_LATE}, thread)
    stored = agent.get_state(thread).values["messages"]
    assert shape(stored) == [*shape(LOST_AND_LATE), "ai"]
    assert not any(map(is_synthetic, stored))
    agent.invoke({"messages": [human()]}, thread)
    assert shape(model._requests[1]) == [*MENDED, "ai", "human"]


def test_the_same_request_is_mended_in_the_same_way_each_time(strict):
    model = CountingModel()
    middleware = ToolPairMiddleware(strict, repair="insert_error_results")
    agent = agent_with(model, middleware)
    for _ in range(2):
        agent.invoke({"messages": LOST_AND_LATE})
    once, again = ([m for m in request if is_synthetic(m)] for request in model._requests)
    assert [m.tool_call_id for m in once] == [m.tool_call_id for m in again] == ["lost"]


def test_the_system_prompt_stays_where_it_is(strict):
    model = CountingModel()
    middleware = ToolPairMiddleware(strict, repair="insert_error_results")
    agent_with(model, middleware, system_prompt="Be brief.").invoke({"messages": LOST_AND_LATE})
    request = model._requests[0]
    assert [m.content for m in request if isinstance(m, SystemMessage)] == ["Be brief."]
    assert shape(request) == ["system", *MENDED]


def test_without_repair_a_broken_request_is_blocked_before_any_callback(strict):
    sibling, model = AsyncSibling(), CountingModel()
    with pytest.raises(InvalidToolResultsError):
        agent_with(model, ToolPairMiddleware(strict)).invoke(
            {"messages": LOST_AND_LATE}, {"callbacks": [sibling]}
        )
    assert sibling.started == 0
    assert strict.outcomes == {"blocked": 1}


def test_what_cannot_be_mended_is_still_blocked(strict):
    model = CountingModel()
    middleware = ToolPairMiddleware(strict, repair="insert_error_results")
    with pytest.raises(InvalidToolResultsError):
        agent_with(model, middleware).invoke({"messages": [result("orphan"), human()]})
    assert model.requests == 0
    assert strict.outcomes == {"blocked": 1}


def test_dropping_is_a_choice(strict):
    model = CountingModel()
    middleware = ToolPairMiddleware(strict, repair="insert_error_results", drop_unpaired=True)
    agent_with(model, middleware).invoke({"messages": [result("orphan"), human()]})
    assert shape(model._requests[0]) == ["human"]


def test_pending_calls_stay_open(observing):
    model = CountingModel()
    middleware = ToolPairMiddleware(
        observing,
        repair="insert_error_results",
        pending=lambda request: {m.tool_calls[0]["id"] for m in request.messages[1:2]},
    )
    history = [human(), calls("asks", "lost"), human()]
    agent_with(model, middleware).invoke({"messages": history})
    assert shape(model._requests[0]) == ["human", "ai", "error lost", "human"]


def test_off_for_one_request_means_that_nothing_is_mended(make_handler):
    model, strict = CountingModel(), make_handler("strict", request_mode="any")
    middleware = ToolPairMiddleware(strict, repair="insert_error_results")
    agent_with(model, middleware).invoke(
        {"messages": LOST_AND_LATE}, {"metadata": {"toolpair_mode": "off"}}
    )
    assert shape(model._requests[0]) == shape(LOST_AND_LATE)
    assert strict.checks == 0


def test_it_sees_what_other_middleware_made_of_the_history(strict):
    class Trimming(AgentMiddleware):
        def wrap_model_call(self, request, handler):
            return handler(request.override(messages=request.messages[1:]))

    history = [calls("a"), result("a"), human()]
    model = CountingModel()
    with pytest.raises(InvalidToolResultsError):
        agent_with(model, Trimming(), ToolPairMiddleware(strict)).invoke({"messages": history})


def test_each_mended_request_is_told_and_logged_once(strict, caplog):
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    told = []
    middleware = ToolPairMiddleware(
        mode="strict",
        profile="openai-chat",
        feedback="off",
        logger_provider=provider,
        repair="insert_error_results",
        on_repair=told.append,
    )
    agent = agent_with(CountingModel(), middleware)
    with caplog.at_level(logging.WARNING, logger="toolpair_observe"):
        for _ in range(2):
            agent.invoke({"messages": LOST_AND_LATE})
    middleware.handler.close()
    lines = [r.getMessage() for r in caplog.records if "mended request" in r.getMessage()]
    assert len(lines) == 1
    assert "1 inserted_error_result, 1 moved_result" in lines[0]
    assert [repair.changed for repair in told] == [True, True]
    records = [one.log_record for one in exporter.get_finished_logs()]
    repairs = [record for record in records if record.event_name == "toolpair.repair"]
    assert [dict(record.attributes) for record in repairs[:2]] == [
        {
            "toolpair.repair.action": "moved_result",
            "toolpair.message.index": 4,
            "gen_ai.tool.call.id": "late",
            "gen_ai.tool.name": "tool_late",
        },
        {
            "toolpair.repair.action": "inserted_error_result",
            "toolpair.message.index": 1,
            "gen_ai.tool.call.id": "lost",
            "gen_ai.tool.name": "tool_lost",
        },
    ]
    provider.shutdown()


def test_a_repair_that_fails_leaves_the_request_to_the_check(strict, monkeypatch):
    monkeypatch.setattr(
        "toolpair_observe.middleware.repair_history",
        lambda *_, **__: (_ for _ in ()).throw(RuntimeError("ours")),
    )
    middleware = ToolPairMiddleware(strict, repair="insert_error_results")
    with pytest.raises(InvalidToolResultsError):
        agent_with(CountingModel(), middleware).invoke({"messages": LOST_AND_LATE})
    assert strict.internal_errors == {("RuntimeError", "repair"): 1}


def test_a_request_of_another_shape_is_let_through_to_the_callback(strict, monkeypatch):
    """An agent library that changes must not break an agent; the callback still checks."""
    monkeypatch.setattr(
        "toolpair_observe.middleware._request",
        lambda _: (_ for _ in ()).throw(AttributeError("model")),
    )
    agent = agent_with(CountingModel(), ToolPairMiddleware(strict))
    agent.invoke({"messages": [human()]})
    assert strict.outcomes == {"accepted": 1}
    with pytest.raises(InvalidToolResultsError):
        agent.invoke({"messages": LOST_AND_LATE})


def test_a_sound_request_is_the_request_that_was_given(strict):
    seen = []

    class Looking(AgentMiddleware):
        def wrap_model_call(self, request, handler):
            seen.append(request)
            return handler(request)

    class LookingAgain(Looking):
        pass

    middleware = ToolPairMiddleware(strict, repair="insert_error_results")
    history = [human(), calls("a"), result("a")]
    agent_with(CountingModel(), Looking(), middleware, LookingAgain()).invoke({"messages": history})
    assert seen[0] is seen[1]


def test_the_process_is_counted_once(strict, observing):
    instrument(observing)
    agent_with(CountingModel(), ToolPairMiddleware(strict)).invoke({"messages": [human()]})
    CountingModel().invoke([human()])
    assert strict.checks == 1
    assert observing.checks == 1


def test_an_unknown_repair_is_named_with_the_choices(strict):
    with pytest.raises(SettingsError, match="repair is 'yes'; expected off or insert_error"):
        ToolPairMiddleware(strict, repair="yes")


def test_real_tool_messages_are_the_very_objects_of_the_state(strict):
    model = CountingModel()
    middleware = ToolPairMiddleware(strict, repair="insert_error_results")
    answered = result("there")
    history = [human(), calls("lost", "there", id="m1"), answered, human()]
    agent_with(model, middleware).invoke({"messages": history})
    sent = [m for m in model._requests[0] if isinstance(m, ToolMessage) and not is_synthetic(m)]
    assert [m.content for m in sent] == [answered.content]
    assert isinstance(model._requests[0][1], AIMessage)


def test_a_model_that_the_config_chooses_is_known_and_its_requests_are_mended(
    make_handler, counting_provider
):
    handler = make_handler("strict", feedback="off", profile="auto")
    middleware = ToolPairMiddleware(handler, repair="insert_error_results")
    chosen = {
        "model": "gpt-test",
        "model_provider": "openai",
        "base_url": counting_provider.base_url,
        "api_key": "test",
        "max_retries": 0,
    }
    model = init_chat_model(configurable_fields=tuple(chosen))
    agent_with(model, middleware).invoke({"messages": LOST_AND_LATE}, {"configurable": chosen})
    (sent,) = counting_provider.requests
    roles = [message["role"] for message in sent["messages"]]
    assert roles == ["user", "assistant", "tool", "tool", "tool", "user"]
    assert handler.predictions == {("clean", "accepted"): 1}
    assert not handler.internal_errors
    with pytest.raises(InvalidToolResultsError) as caught:
        agent_with(model, middleware).invoke(
            {"messages": [result("orphan"), human()]},
            {"configurable": chosen | {"base_url": None}},
        )
    assert caught.value.report.profile == "openai-chat"


SIGNED = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
TEXT = {"type": "text", "text": "Well."}


class ThinkingModel(CountingModel):
    """A model that thinks before each answer, and signs what it thinks."""

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        return self._thinking(super()._generate(messages, stop, run_manager, **kwargs))

    async def _agenerate(self, messages, stop=None, run_manager=None, **kwargs):
        return self._thinking(await super()._agenerate(messages, stop, run_manager, **kwargs))

    def _thinking(self, done):
        block = {**SIGNED, "signature": f"signature {self.requests}"}
        done.generations[0].message.content = [block, TEXT]
        return done


def thoughts(messages):
    blocks = [b for m in messages if isinstance(m, AIMessage) for b in m.content]
    return [block["signature"] for block in blocks if block["type"] == "thinking"]


def test_a_repair_before_signed_thinking_is_logged_and_told(caplog, repairs_of):
    history = [*LOST_AND_LATE, AIMessage([SIGNED, TEXT]), human()]
    middleware, events, told = repairs_of()
    model = CountingModel()
    with caplog.at_level(logging.WARNING, logger="toolpair_observe"):
        for _ in range(2):
            agent_with(model, middleware).invoke({"messages": history})
    assert thoughts(model._requests[0]) == ["c2ln"]
    lines = [r.getMessage() for r in caplog.records if "mended request" in r.getMessage()]
    assert len(lines) == 1
    assert "signed thinking in message 6 follows a change" in lines[0]
    assert [repair.broken_thinking for repair in told] == [(6,), (6,)]
    assert [event.get("toolpair.repair.breaks_thinking") for event in events()] == [True] * 4


def test_signed_thinking_behind_a_repair_is_taken_away_where_that_is_asked_for(repairs_of):
    history = [*LOST_AND_LATE, AIMessage([SIGNED, TEXT]), human()]
    middleware, events, told = repairs_of(thinking="strip")
    model = CountingModel()
    agent_with(model, middleware).invoke({"messages": history})
    assert thoughts(model._requests[0]) == []
    assert not told[0].breaks_thinking
    assert events()[-1] == {
        "toolpair.repair.action": "stripped_thinking",
        "toolpair.repair.place": "thinking content block",
        "toolpair.message.index": 5,
    }


@pytest.mark.parametrize("thinking", ["keep", "strip"])
def test_thinking_that_answers_a_repaired_request_fits_the_next_one(thinking, repairs_of):
    """The state stays broken, so the same repair stands before it each time."""
    middleware, _, told = repairs_of(thinking=thinking)
    model = ThinkingModel()
    agent = agent_with(model, middleware, checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": LOST_AND_LATE}, thread)
    agent.invoke({"messages": [human()]}, thread)
    agent.invoke({"messages": [human()]}, thread)
    assert thoughts(model._requests[2]) == ["signature 1", "signature 2"]
    assert len(told) == 3
    assert not any(repair.breaks_thinking for repair in told)


async def test_that_holds_for_asynchronous_requests_too(repairs_of):
    middleware, _, told = repairs_of(thinking="strip")
    model = ThinkingModel()
    agent = agent_with(model, middleware, checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    await agent.ainvoke({"messages": LOST_AND_LATE}, thread)
    await agent.ainvoke({"messages": [human()]}, thread)
    assert thoughts(model._requests[1]) == ["signature 1"]
    assert len(told) == 2


def test_thinking_of_another_middleware_is_not_known_to_fit(repairs_of):
    model, saver = ThinkingModel(), InMemorySaver()
    thread = {"configurable": {"thread_id": "1"}}
    agent_with(model, repairs_of()[0], checkpointer=saver).invoke(
        {"messages": LOST_AND_LATE}, thread
    )
    other, _, told = repairs_of()
    agent_with(model, other, checkpointer=saver).invoke({"messages": [human()]}, thread)
    assert told[0].breaks_thinking


def test_stale_copies_of_calls_are_taken_away_where_that_is_asked_for(repairs_of):
    raw = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    copied = AIMessage("Well.", additional_kwargs={"tool_calls": raw}).model_copy(
        update={"tool_calls": []}
    )
    middleware, events, _ = repairs_of(sync_encodings=True)
    model = CountingModel()
    agent_with(model, middleware).invoke({"messages": [human(), copied, human()]})
    assert model._requests[0][1].additional_kwargs == {}
    assert events()[0]["toolpair.repair.place"] == 'additional_kwargs["tool_calls"]'


def test_an_unknown_policy_for_thinking_is_named_with_the_choices(strict):
    with pytest.raises(SettingsError, match="thinking is 'drop'; expected keep or strip"):
        ToolPairMiddleware(strict, thinking="drop")


def test_an_on_repair_that_fails_does_not_undo_the_repair(strict):
    model = CountingModel()
    told = []

    def on_repair(repair):
        told.append(repair)
        msg = "the application's own"
        raise RuntimeError(msg)

    middleware = ToolPairMiddleware(strict, repair="insert_error_results", on_repair=on_repair)
    agent_with(model, middleware).invoke({"messages": LOST_AND_LATE})
    assert shape(model._requests[0]) == MENDED
    assert len(told) == 1
    assert strict.internal_errors == {("RuntimeError", "on_repair"): 1}
