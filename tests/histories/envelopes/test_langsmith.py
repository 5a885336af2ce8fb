"""Runs and dataset examples of LangSmith, from LangChain's own tracer and in each export."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.load import dumpd
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    messages_to_dict,
)
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import Client
from langsmith.schemas import Example, Run

from tests.histories.envelopes.reading import judged, told
from toolpair_observe.histories.unit import Layer, Recorded
from toolpair_observe.pairing.words import ViolationKind

CALL = {"name": "find", "args": {}, "id": "call_1", "type": "tool_call"}
HUMAN = HumanMessage("Look.")
SOUND = [HUMAN, AIMessage("", tool_calls=[CALL]), ToolMessage("11", tool_call_id="call_1")]
BROKEN = [*SOUND[:2], HumanMessage("And?")]
REFUSED = (
    "BadRequestError(\"Error code: 400 - {'error': {'message': \\\"An assistant message with "
    "'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The "
    'following tool_call_ids did not have response messages: call_1\\"}}")Traceback (most recent '
    'call last):\\n\\n  File "x.py", line 1'
)
OPENAI_CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


class Model(BaseChatModel):
    """A model that answers, or raises what it is given."""

    error: str = ""

    @property
    def _llm_type(self) -> str:
        return "fake"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        if self.error:
            raise ValueError(self.error)
        return ChatResult(generations=[ChatGeneration(message=AIMessage("Fine."))])


class Collector(Client):
    """A client of LangSmith that keeps what it is to post."""

    def __init__(self) -> None:
        super().__init__(api_url="http://localhost:9", api_key="x", auto_batch_tracing=False)
        self.posted: dict[str, dict[str, Any]] = {}

    def create_run(self, name: str, inputs: Any, run_type: Any, **fields: Any) -> None:
        row = {"name": name, "inputs": inputs, "run_type": run_type, **fields}
        self.posted[str(fields["id"])] = row

    def update_run(self, run_id: Any, **fields: Any) -> None:
        given = {key: value for key, value in fields.items() if value is not None}
        self.posted[str(run_id)] |= given


def traced(history: list[BaseMessage], error: str = "", *, in_chain: bool = False) -> Any:
    """The row that a client posts for a run, as JSON, with its children."""
    client = Collector()
    config = {"callbacks": [LangChainTracer(client=client)], "metadata": {"thread_id": "t1"}}
    model = Model(error=error)
    runnable = RunnableLambda(lambda _: model.invoke(history)) if in_chain else model
    try:
        runnable.invoke(history, config=config)
    except ValueError:
        assert error
    first, *others = json.loads(json.dumps(list(client.posted.values()), default=str))
    return {**first, "child_runs": others}


def row(**fields: Any) -> dict[str, Any]:
    """An llm run as LangSmith's API gives it."""
    return {
        "id": "r1",
        "run_type": "llm",
        "trace_id": "x",
        "status": "success",
        "error": None,
        "inputs": {"messages": [dumpd(SOUND)]},
        **fields,
    }


def test_a_traced_run_is_a_request(tmp_path):
    (one,) = judged(tmp_path, traced(BROKEN))

    assert told(one) == ("checked", 1, ["missing_result"])
    unit = one.unit
    assert (unit.row, unit.format, unit.layer) == (
        "inputs.messages[0]",
        "langsmith.run",
        Layer.LANGCHAIN,
    )
    assert unit.recorded is Recorded.ACCEPTED
    assert unit.thread_id == "t1"
    assert unit.run_id
    assert unit.at
    assert unit.origin.serialized["id"][-1] == "Model"
    assert unit.origin.params["_type"] == "fake"
    assert unit.origin.provider == "model"
    assert unit.origin.versions["langchain-core"]


def test_a_failed_run_is_none_that_was_answered_though_it_may_have_outputs(tmp_path):
    failed = traced(BROKEN, "Connection reset")
    refused = row(status="error", error=REFUSED, outputs={"generations": [[{"text": ""}]]})
    units = judged(tmp_path, failed, refused, row(status="error"))

    assert [each.unit.recorded for each in units] == [
        Recorded.FAILED,
        Recorded.REJECTED,
        Recorded.FAILED,
    ]
    assert units[1].unit.rejected_kind is ViolationKind.MISSING_RESULT


@pytest.mark.parametrize("status", ["pending", "interrupted", None])
def test_a_run_that_has_not_ended_tells_nothing(tmp_path, status):
    (one,) = judged(tmp_path, row(status=status))
    assert one.unit.recorded is None


def test_a_chain_is_no_request_and_its_child_is(tmp_path):
    chain = traced(SOUND, in_chain=True)
    assert chain["run_type"] == "chain"

    units = judged(tmp_path, chain)

    assert [told(each)[:2] for each in units] == [("not_a_request", 0), ("checked", 1)]
    assert units[0].unit.reason == "chain run"
    assert units[1].unit.row == "child_runs[0].inputs.messages[0]"


def test_each_prompt_of_a_batch_is_a_unit(tmp_path):
    inputs = {"messages": [dumpd(SOUND), dumpd(BROKEN), []]}
    units = judged(tmp_path, {"runs": [row(inputs=inputs)], "cursors": {}})
    assert [(each.unit.row, *told(each)) for each in units] == [
        ("runs[0].inputs.messages[0]", "checked", 1, []),
        ("runs[0].inputs.messages[1]", "checked", 1, ["missing_result"]),
        ("runs[0].inputs.messages[2]", "unreadable", 0, []),
    ]


def test_rows_of_the_sdk_and_of_the_bulk_export_read_alike(tmp_path):
    data = row(id="01a226b2-894c-72af-bd47-22bfd6d1c095", name="x", start_time="2026-01-01")
    data |= {"trace_id": data["id"], "extra": {"metadata": {"ls_provider": "openai"}}}
    sdk = json.loads(Run(**data).model_dump_json())
    bulk = {
        key: json.dumps(value) if isinstance(value, dict) else value for key, value in data.items()
    }
    assert isinstance(bulk["inputs"], str)

    units = judged(tmp_path, data, sdk, bulk)

    assert {told(each)[:2] for each in units} == {("checked", 1)}
    assert {each.unit.origin.provider for each in units} == {"openai"}
    assert {each.unit.run_id for each in units} == {data["id"]}


@pytest.mark.parametrize(
    "run_type", ["tool", "chain", "retriever", "prompt", "parser", "embedding"]
)
def test_other_runs_are_no_requests(tmp_path, run_type):
    (one,) = judged(tmp_path, row(run_type=run_type, inputs={"messages": dumpd(BROKEN)}))
    assert told(one) == ("not_a_request", 0, [])
    assert one.unit.reason == f"{run_type} run"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"inputs": {}}, "exported without inputs"),
        ({"inputs": None}, "exported without inputs"),
        ({"inputs": {}, "inputs_s3_urls": {"ROOT": "x"}}, "inputs_s3_urls"),
        ({"inputs": "{cut"}, "no JSON object"),
        ({"inputs": [1]}, "a list, not an object"),
        ({"inputs": {"question": "x"}}, "'question'"),
        ({"inputs": {"messages": "***"}}, "'inputs.messages' is a string"),
        ({"inputs": {"messages": []}}, "the list of messages is empty"),
        ({"inputs": {"messages": [[1]]}}, "expected an object, got a number"),
        ({"inputs": {"messages": [], "history": messages_to_dict(BROKEN)}}, "'history'"),
        ({"run_type": "swarm"}, "'swarm'"),
        ({"child_runs": [3]}, "expected a run, got a number"),
    ],
)
def test_what_is_not_understood_is_unreadable_and_named(tmp_path, fields, reason):
    units = judged(tmp_path, row(**fields))
    assert told(units[-1])[0] == "unreadable"
    assert reason in units[-1].unit.reason


@pytest.mark.parametrize("inputs", [{"prompts": ["a"]}, {"prompt": "a", "model": "davinci"}])
def test_a_completion_is_no_chat_request(tmp_path, inputs):
    (one,) = judged(tmp_path, row(inputs=inputs))
    assert told(one) == ("not_a_request", 0, [])


def wrapped(inputs: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    extra = {"metadata": {"ls_method": "traceable", "ls_model_type": "chat", **metadata}}
    return row(inputs=inputs, extra=extra, serialized=None)


def test_a_wrapped_client_records_its_own_call(tmp_path):
    history = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [OPENAI_CALL]}]
    inputs = {"messages": [*history, history[0]], "model": "gpt-4o", "tools": [{"x": 1}]}

    (one,) = judged(tmp_path, wrapped(inputs, ls_provider="openai", ls_model_name="gpt-4o"))

    assert told(one) == ("checked", 1, ["missing_result"])
    assert one.unit.layer is Layer.WIRE
    origin = one.unit.origin
    assert (one.unit.row, origin.provider, origin.api, origin.model, origin.tools_bound) == (
        "inputs.messages",
        "openai",
        "chat",
        "gpt-4o",
        True,
    )


@pytest.mark.parametrize(
    ("given", "calls"),
    [
        ("Look.", []),
        ([{"type": "function_call_output", "call_id": "c", "output": "x"}], ["orphan_result"]),
    ],
)
def test_a_wrapped_responses_call_may_build_on_earlier_ones(tmp_path, given, calls):
    inputs = {"input": given, "model": "gpt-4o"}
    later = {**inputs, "previous_response_id": "resp_1"}

    alone, built_on = judged(
        tmp_path,
        wrapped(inputs, ls_provider="openai"),
        wrapped(later, ls_provider="openai"),
    )

    assert told(alone) == ("checked", 1, calls)
    assert told(built_on)[:2] == ("checked", 1)
    assert (alone.unit.layer, alone.unit.origin.api) == (Layer.WIRE, "responses")
    assert not alone.unit.origin.server_state
    assert built_on.unit.origin.server_state


def test_before_core_1_8_the_runtime_tells_the_version(tmp_path):
    runtime = {"langchain_core_version": "0.3.1", "langchain_version": "0.3.0", "sdk": "x"}
    (one,) = judged(tmp_path, row(extra={"runtime": runtime}))
    assert one.unit.origin.versions == {"langchain-core": "0.3.1", "langchain": "0.3.0"}


# --- examples -------------------------------------------------------------------------------------

DATASET = "01a226b2-894c-72af-bd47-22bfd6d1c095"


def example(inputs: Any, **fields: Any) -> dict[str, Any]:
    made = Example(id=DATASET, dataset_id=DATASET, inputs=inputs, **fields)
    return json.loads(made.model_dump_json())


@pytest.mark.parametrize(
    ("inputs", "place"),
    [
        ({"messages": messages_to_dict(BROKEN)}, "inputs.messages"),
        ({"messages": [dumpd(BROKEN)]}, "inputs.messages[0]"),
        ({"input": messages_to_dict(BROKEN), "functions": []}, "inputs.input"),
        ({"question": "x", "chat_history": dumpd(BROKEN)}, "inputs.chat_history"),
    ],
)
def test_an_examples_inputs_are_a_request_and_its_outputs_none(tmp_path, inputs, place):
    data = example(inputs, outputs={"output": dumpd(AIMessage("x"))})
    (one,) = judged(tmp_path, data)
    assert told(one) == ("checked", 1, ["missing_result"])
    assert (one.unit.row, one.unit.format, one.unit.name) == (place, "langsmith.example", DATASET)


@pytest.mark.parametrize("inputs", [{"question": "x"}, {"input": "x"}, {}, None])
def test_an_example_without_messages_is_no_request(tmp_path, inputs):
    (one,) = judged(tmp_path, example(inputs))
    assert told(one) == ("not_a_request", 0, [])


@pytest.mark.parametrize(
    "inputs", [{"state": {"messages": dumpd(BROKEN)}}, {"messages": [{"a": 1}]}]
)
def test_an_example_whose_messages_are_not_found_is_unreadable(tmp_path, inputs):
    (one,) = judged(tmp_path, example(inputs))
    assert told(one) == ("unreadable", 0, [])


def test_a_line_of_inputs_and_outputs_is_an_example(tmp_path):
    line = {"inputs": {"messages": messages_to_dict(SOUND)}, "outputs": {"output": None}}
    (one,) = judged(tmp_path, line)
    assert told(one) == ("checked", 1, [])
    (other,) = judged(tmp_path, {**line, "reference_outputs": {}})
    assert other.unit.format != "langsmith.example"


@pytest.mark.parametrize(
    "inputs",
    [
        {"messages": [["system", "x"], ["human", "y"]]},
        {"messages": dumpd(SOUND), "tools": [{"name": "f", "args": {}}]},
    ],
)
def test_an_example_may_be_of_pairs_or_have_tools(tmp_path, inputs):
    (one,) = judged(tmp_path, example(inputs))
    assert told(one) == ("checked", 1, [])


@pytest.mark.parametrize(
    "inputs",
    [
        {"messages": []},
        {"log": [{"who": "bot", "toolCalls": [{"id": "x"}]}]},
        {"messages": dumpd(SOUND), "state": {"messages": dumpd(BROKEN)}},
    ],
)
def test_an_example_in_which_calls_may_hide_is_unreadable(tmp_path, inputs):
    (one,) = judged(tmp_path, example(inputs))
    assert told(one) == ("unreadable", 0, [])


def test_a_line_of_inputs_alone_is_an_example(tmp_path):
    (one,) = judged(tmp_path, {"inputs": {"messages": messages_to_dict(BROKEN)}})
    assert told(one) == ("checked", 1, ["missing_result"])
    assert one.unit.format == "langsmith.example"


# --- what tells the API --------------------------------------------------------------------------

LATE = [HUMAN, SOUND[1], HumanMessage("And?"), SOUND[2]]
OF_OPENAI = {
    "metadata": {"ls_provider": "openai", "ls_model_name": "gpt-4o"},
    "invocation_params": {"_type": "openai-chat", "model": "gpt-4o"},
}


def answered(**metadata: Any) -> dict[str, Any]:
    message = AIMessage("x", response_metadata=metadata)
    return {"generations": [[{"text": "x", "message": dumpd(message)}]]}


@pytest.mark.parametrize(
    ("fields", "profile"),
    [
        ({"outputs": answered(id="resp_1")}, "openai-responses"),
        ({"outputs": answered(object="response")}, "openai-responses"),
        ({"outputs": answered(id="chatcmpl-1")}, "openai-chat"),
        ({"outputs": {"generations": [3]}}, "openai-chat"),
        ({"outputs": {"generations": [[{"message": 3}, 4]]}}, "openai-chat"),
    ],
)
def test_the_answer_tells_the_api_where_the_class_is_not_there(tmp_path, fields, profile):
    inputs = {"messages": [dumpd(LATE)]}
    (one,) = judged(tmp_path, row(inputs=inputs, extra=OF_OPENAI, **fields))
    assert told(one) == ("checked", 1, ["misplaced_result"])
    assert one.target.profile.name == profile


@pytest.mark.parametrize(
    ("fields", "profile"),
    [
        ({}, "openai-responses"),
        (
            {
                "serialized": {
                    "id": ["langchain", "chat_models", "openai", "ChatOpenAI"],
                    "kwargs": {"model_name": "gpt-4o"},
                }
            },
            "openai-chat",
        ),
    ],
)
def test_so_does_the_last_answer_before_a_failed_run(tmp_path, fields, profile):
    earlier = AIMessage("x", response_metadata={"id": "resp_1"})
    inputs = {"messages": [dumpd([HUMAN, earlier, *LATE])]}
    (one,) = judged(tmp_path, row(inputs=inputs, extra=OF_OPENAI, error="x", **fields))
    assert one.target.profile.name == profile


@pytest.mark.parametrize(
    ("extra", "profile"),
    [
        # Before langchain-core 1.8 no versions stand there.
        (OF_OPENAI["invocation_params"] | {"reasoning": {"effort": "low"}}, "openai-responses"),
        ({}, "openai-chat"),
    ],
)
def test_a_run_of_langchain_is_told_by_its_params_or_messages(tmp_path, extra, profile):
    extra = {**OF_OPENAI, "invocation_params": extra}
    (one,) = judged(tmp_path, row(extra=extra, serialized=None))
    assert one.unit.origin.api == ""
    assert one.target.profile.name == profile


def test_results_of_calls_that_lie_with_the_provider_are_sound(tmp_path):
    params = {**OF_OPENAI["invocation_params"], "previous_response_id": "resp_1"}
    inputs = {"messages": [dumpd(SOUND[2:])]}
    of_langchain = row(inputs=inputs, extra={**OF_OPENAI, "invocation_params": params})
    items = [{"type": "function_call_output", "call_id": "c", "output": "x"}]
    later = {"input": items, "model": "gpt-4o", "previous_response_id": "resp_1"}

    units = judged(tmp_path, of_langchain, wrapped(later, ls_provider="openai"))

    assert list(map(told, units)) == [("checked", 1, [])] * 2


def test_messages_deeper_in_a_runs_inputs_are_named(tmp_path):
    inputs = {"messages": [dumpd(SOUND)], "state": {"messages": dumpd(BROKEN)}}
    (one,) = judged(tmp_path, row(inputs=inputs))
    assert told(one) == ("unreadable", 0, [])
    assert "'state'" in one.unit.reason


def test_an_empty_page_has_no_requests(tmp_path):
    (one,) = judged(tmp_path, {"runs": [], "cursors": {"next": None}})
    assert told(one) == ("not_a_request", 0, [])
    (other,) = judged(tmp_path, {"runs": [], "more": [1]})
    assert told(other) == ("unreadable", 0, [])
