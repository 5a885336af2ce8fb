"""Each request ends in exactly one outcome."""

from __future__ import annotations

import asyncio
import gc
import uuid

import pytest
from langchain_core.callbacks import CallbackManager
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.outputs import LLMResult
from langchain_core.rate_limiters import BaseRateLimiter

from tests.handler.models import (
    REFUSAL,
    CountingModel,
    RefusedError,
    fail,
    reached,
    refuse_pairing,
)
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import InvalidToolResultsError

EMPTY = LLMResult(generations=[])


def config(*handlers, **metadata):
    return {"callbacks": list(handlers), "metadata": metadata}


@pytest.fixture
def handler(make_handler):
    return make_handler()


def test_an_answer_is_accepted(handler):
    GenericFakeChatModel(messages=iter([AIMessage("yes")])).invoke(SOUND, config(handler))
    assert handler.predictions == {("clean", "accepted"): 1}


def test_a_wrong_prediction_shows_as_reject_and_accepted(handler):
    CountingModel().invoke(BROKEN, config(handler))
    assert handler.predictions == {("reject", "accepted"): 1}
    assert handler.accuracy().false_alarms == 1


def test_the_providers_pairing_error_confirms_a_flag(handler):
    with pytest.raises(RefusedError):
        CountingModel(before=refuse_pairing).invoke(BROKEN, config(handler))
    assert handler.predictions == {("reject", "rejected"): 1}
    assert handler.accuracy().hits == 1


async def test_the_providers_pairing_error_of_a_sound_history_escaped_us(handler):
    with pytest.raises(RefusedError):
        await CountingModel(before=refuse_pairing).ainvoke(SOUND, config(handler))
    assert handler.predictions == {("clean", "escaped"): 1}
    assert handler.accuracy().misses == 1


@pytest.mark.parametrize(
    ("profile", "text", "misses", "server_faults"),
    [
        ("openai-chat", REFUSAL, 1, 0),
        ("openai-compatible", REFUSAL, 0, 1),
        ("litellm", REFUSAL, 0, 1),
        ("openai-responses", "No call message found for call_bergen", 0, 1),
        (None, "No call message found for call_bergen", 0, 1),
    ],
)
def test_a_server_that_broke_a_sound_history_is_told_from_a_miss(
    make_handler, profile, text, misses, server_faults
):
    def refuse(_):
        raise RefusedError(text)

    told = []
    handler = make_handler(profile=profile, on_near_miss=told.append)
    with pytest.raises(RefusedError):
        CountingModel(before=refuse).invoke(SOUND, config(handler))
    handler.close()

    assert handler.predictions == {("clean", "escaped"): 1}
    accuracy = handler.accuracy()
    assert (accuracy.misses, accuracy.server_faults) == (misses, server_faults)
    assert [each.escape_fault for each in told] == ["check" if misses else "server"]


@pytest.mark.parametrize("history", [SOUND, BROKEN], ids=["sound", "broken"])
def test_a_refused_companion_of_a_call_is_a_failure_that_is_named(make_handler, caplog, history):
    def refuse(_):
        msg = (
            "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to "
            "a different conversation."
        )
        raise RefusedError(msg)

    handler = make_handler()
    with pytest.raises(RefusedError):
        CountingModel(before=refuse).invoke(history, config(handler))

    assert handler.outcomes == {"failed": 1}
    assert "companion of a call refused: thinking signature" in caplog.text


def test_another_error_is_a_failure(handler):
    with pytest.raises(RuntimeError, match="fire"):
        CountingModel(before=fail).invoke(BROKEN, config(handler))
    assert handler.predictions == {("reject", "failed"): 1}


class ValidationError(ValueError):
    """Has the name of the one that pydantic raises before anything is sent."""


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ValidationError("validation error for Unmarshaller"), "rejected"),
        (ValidationError("2 validation errors for Unmarshaller"), "rejected"),
        (ValueError("validation error for Unmarshaller"), "failed"),
    ],
    ids=repr,
)
def test_the_integrations_own_error_confirms_the_flag_that_foresaw_it(make_handler, error, outcome):
    def refuse(_):
        raise error

    history = [
        HumanMessage("?"),
        AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": None}]),
        ToolMessage("4", tool_call_id=""),
    ]
    handler = make_handler(profile="openrouter")
    with pytest.raises(type(error)):
        CountingModel(before=refuse).invoke(history, config(handler))
    assert handler.predictions == {("local_error", outcome): 1}


def test_our_own_error_is_never_taken_for_the_providers(make_handler):
    strict = make_handler("strict")
    with pytest.raises(InvalidToolResultsError) as caught:
        CountingModel().invoke(BROKEN, config(strict))

    def raise_ours(_):
        raise caught.value

    observing = make_handler()
    with pytest.raises(InvalidToolResultsError):
        CountingModel(before=raise_ours).invoke(SOUND, config(observing))
    assert observing.outcomes == {"cancelled": 1}


@pytest.mark.parametrize("keeps", ["cause", "text"])
def test_our_own_error_is_no_local_error_that_was_foreseen(make_handler, keeps):
    """A model that asks another one, and raises as its integration would."""
    strict = make_handler("strict", profile="openrouter")
    history = [
        HumanMessage("?"),
        AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": None}]),
        ToolMessage("4", tool_call_id=""),
    ]

    def ask_another(_):
        try:
            CountingModel().invoke(history, config(strict))
        except InvalidToolResultsError as block:
            error = ValidationError("no" if keeps == "cause" else str(block))
            raise error from (block if keeps == "cause" else None)

    observing = make_handler(profile="openrouter")
    with pytest.raises(ValidationError):
        CountingModel(before=ask_another).invoke(history, config(observing))
    assert observing.predictions == {("local_error", "failed"): 1}


def test_a_stream_that_breaks_before_its_first_word_failed(handler):
    with pytest.raises(ConnectionError):
        list(CountingModel(fail_after=0).stream(SOUND, config(handler)))
    assert handler.outcomes == {"failed": 1}


async def test_a_stream_that_breaks_later_was_accepted(handler):
    with pytest.raises(ConnectionError):
        list(CountingModel(fail_after=1).stream(BROKEN, config(handler)))
    with pytest.raises(ConnectionError):
        [_ async for _ in CountingModel(fail_after=2).astream(BROKEN, config(handler))]
    assert handler.predictions == {("reject", "accepted"): 2}


def test_a_refusal_in_words_that_a_stream_yields_first_counts_as_accepted(handler):
    class Talkative(CountingModel):
        def _chunks(self):
            yield from list(super()._chunks())[:1]
            raise RefusedError(REFUSAL)

    with pytest.raises(RefusedError):
        list(Talkative().stream(BROKEN, config(handler)))
    assert handler.outcomes == {"accepted": 1}


def test_a_closed_stream_was_accepted(handler):
    stream = CountingModel().stream(SOUND, config(handler))
    next(stream)
    stream.close()
    assert handler.outcomes == {"accepted": 1}


def test_a_dropped_stream_was_accepted(handler):
    next(CountingModel().stream(SOUND, config(handler)))
    gc.collect()
    assert handler.outcomes == {"accepted": 1}
    assert handler.in_flight == 0


async def test_a_dropped_async_stream_was_accepted(handler):
    stream = CountingModel().astream(SOUND, config(handler))
    await anext(stream)
    await stream.aclose()
    assert handler.outcomes == {"accepted": 1}


def test_a_stream_that_nobody_reads_was_never_sent_nor_checked(handler):
    CountingModel().stream(SOUND, config(handler)).close()
    assert handler.checks == 0


async def test_the_innocent_prompts_beside_a_block_are_cancelled(make_handler):
    handler = make_handler("strict")
    model = CountingModel()
    with pytest.raises(InvalidToolResultsError):
        model.generate([SOUND, BROKEN, SOUND], callbacks=[handler])
    with pytest.raises(InvalidToolResultsError):
        await model.agenerate([BROKEN, SOUND], callbacks=[handler])
    assert model.requests == 0
    assert handler.predictions == {("reject", "blocked"): 2, ("clean", "cancelled"): 3}


def test_the_innocent_prompts_beside_a_failure_are_cancelled(handler):
    def fail_second(messages):
        if messages[0].content == "second":
            fail(messages)

    prompts = [[HumanMessage(text)] for text in ("first", "second", "third")]
    with pytest.raises(RuntimeError, match="fire"):
        CountingModel(before=fail_second).generate(prompts, callbacks=[handler])
    assert handler.outcomes == {"failed": 1, "cancelled": 2}


async def test_an_async_generate_tells_each_prompts_own_outcome(handler):
    def fail_second(messages):
        if messages[0].content == "second":
            fail(messages)

    prompts = [[HumanMessage(text)] for text in ("first", "second", "third")]
    with pytest.raises(RuntimeError, match="fire"):
        await CountingModel(before=fail_second).agenerate(prompts, callbacks=[handler])
    assert handler.outcomes == {"failed": 1, "accepted": 2}


def test_every_attempt_of_a_retry_is_a_request(handler):
    model = CountingModel(before=fail).with_retry(
        stop_after_attempt=3, wait_exponential_jitter=False
    )
    with pytest.raises(RuntimeError):
        model.invoke(SOUND, config(handler))
    assert handler.outcomes == {"failed": 3}


def test_a_fallback_model_is_a_request_of_its_own(handler):
    CountingModel(before=fail).with_fallbacks([CountingModel()]).invoke(SOUND, config(handler))
    assert handler.outcomes == {"failed": 1, "accepted": 1}


def test_a_batch_tells_each_inputs_own_outcome(make_handler):
    handler = make_handler("strict")
    results = CountingModel().batch([SOUND, BROKEN, SOUND], config(handler), return_exceptions=True)
    assert [type(result).__name__ for result in results] == [
        "AIMessage",
        "InvalidToolResultsError",
        "AIMessage",
    ]
    assert handler.outcomes == {"accepted": 2, "blocked": 1}


def test_the_second_end_of_a_run_changes_nothing(handler):
    """Some integrations report one failure twice."""
    (manager,) = CallbackManager([handler]).on_chat_model_start({}, [SOUND])
    manager.on_llm_error(RefusedError(REFUSAL), response=EMPTY)
    manager.on_llm_error(RefusedError(REFUSAL), response=EMPTY)
    manager.on_llm_end(EMPTY)
    assert handler.outcomes == {"escaped": 1}
    assert handler.in_flight == 0


def test_ends_of_runs_that_never_started_are_ignored(handler):
    unknown = uuid.uuid4()
    handler.on_llm_new_token("word", run_id=unknown)
    handler.on_llm_end(EMPTY, run_id=unknown)
    handler.on_llm_error(RefusedError(REFUSAL), run_id=unknown)
    assert not handler.outcomes
    assert not handler.internal_errors


def test_a_text_model_is_not_our_business(handler):
    (manager,) = CallbackManager([handler]).on_llm_start({}, ["Once upon a time"])
    manager.on_llm_end(EMPTY)
    assert handler.checks == 0


class _Limited(BaseRateLimiter):
    def acquire(self, *, blocking=True):
        msg = "no tokens left"
        raise RuntimeError(msg)

    async def aacquire(self, *, blocking=True):
        return self.acquire(blocking=blocking)


async def test_a_call_that_dies_outside_of_the_cores_try_is_cancelled(handler):
    """langchain-core asks a stream's rate limiter between the start and the `try`."""
    model = CountingModel(rate_limiter=_Limited())
    with pytest.raises(RuntimeError, match="no tokens left"):
        list(model.stream(SOUND, config(handler)))
    with pytest.raises(RuntimeError, match="no tokens left"):
        [_ async for _ in model.astream(SOUND, config(handler))]
    gc.collect()
    handler.flush()
    assert handler.outcomes == {"cancelled": 2}
    assert handler.in_flight == 0


async def test_a_cancelled_call_is_cancelled_with_its_task(handler):
    model = CountingModel(waits=True)
    task = asyncio.create_task(model.ainvoke(SOUND, config(handler)))
    await reached(model.asked, task)
    assert handler.in_flight == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert handler.outcomes == {"cancelled": 1}
    assert handler.in_flight == 0


async def test_a_call_that_times_out_inside_a_living_task_is_cancelled(handler):
    model = CountingModel(waits=True)

    async def give_up():
        try:
            async with asyncio.timeout(None) as limit:
                asyncio.get_running_loop().call_soon(limit.reschedule, 0)
                await model.ainvoke(SOUND, config(handler))
        except TimeoutError:
            return True

    assert await give_up()
    assert model.requests == 1
    # The event loop keeps what woke the task up until the task's next turn.
    await asyncio.sleep(0)
    gc.collect()
    handler.flush()
    assert handler.outcomes == {"cancelled": 1}


async def test_a_cancelled_batch_is_cancelled_prompt_by_prompt(handler):
    model = CountingModel(waits=True)
    task = asyncio.create_task(model.agenerate([SOUND, BROKEN], callbacks=[handler]))
    await reached(model.asked, task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert handler.predictions == {("clean", "cancelled"): 1, ("reject", "cancelled"): 1}


async def test_a_cancelled_stream_is_cancelled_before_its_first_word_and_accepted_after(handler):
    async def read(model):
        async for _ in model.astream(SOUND, config(handler)):
            await asyncio.Event().wait()

    waiting = CountingModel(waits=True)
    task = asyncio.create_task(read(waiting))
    await reached(waiting.asked, task)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert handler.outcomes == {"cancelled": 1}

    talking = CountingModel()
    task = asyncio.create_task(read(talking))
    await reached(talking.asked, task)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await _settle()
    assert handler.outcomes == {"cancelled": 1, "accepted": 1}


async def _settle():
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))


async def test_a_stream_handed_on_by_a_task_that_ends_is_not_cancelled(handler):
    """A web framework looks at the first word in one task and sends the rest from another."""
    stream = CountingModel().astream(SOUND, config(handler))

    async def look():
        return await anext(stream)

    await asyncio.create_task(look())
    # The callbacks of a task run in the turn after the one that wakes its waiter.
    await asyncio.sleep(0)
    handler.flush()
    assert not handler.outcomes
    assert [chunk async for chunk in stream]
    assert handler.outcomes == {"accepted": 1}


async def test_many_calls_in_one_task_leave_no_callback_on_it(handler):
    for _ in range(20):
        await CountingModel().ainvoke(SOUND, config(handler))
    await CountingModel().agenerate([SOUND] * 20, callbacks=[handler])
    assert handler.outcomes == {"accepted": 40}
    assert "_task_done" not in repr(asyncio.current_task())


def test_what_is_still_open_at_close_was_abandoned(handler):
    (manager,) = CallbackManager([handler]).on_chat_model_start({}, [SOUND])
    stream = CountingModel().stream(SOUND, config(handler))
    next(stream)
    handler.close()
    assert handler.outcomes == {"abandoned": 1, "accepted": 1}
    manager.on_llm_end(EMPTY)
    assert list(stream)
    assert handler.outcomes == {"abandoned": 1, "accepted": 1}
    assert handler.in_flight == 0
