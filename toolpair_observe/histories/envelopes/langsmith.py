"""Rows of LangSmith: runs, from its API, its SDK and its bulk export, and examples of datasets.

Only a run of the type `llm` is a request. Chains, tools and graphs keep messages in their inputs as
well, which were never sent as they stand there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.dialects.dialect import json_type, keys_text
from toolpair_observe.histories.dialects.langchain import LANGCHAIN
from toolpair_observe.histories.dialects.responses import RESPONSES, RESUMED_RESPONSES
from toolpair_observe.histories.dialects.table import is_message
from toolpair_observe.histories.envelopes.cells import as_object, as_text, first_text, unpacked
from toolpair_observe.histories.envelopes.envelope import each_row
from toolpair_observe.histories.envelopes.second_lists import reason_of_others
from toolpair_observe.histories.outcome import Outcome, accepted, failed_with
from toolpair_observe.histories.unit import Layer, Row, Unit
from toolpair_observe.pairing.fields import as_dict
from toolpair_observe.pairing.providers.recorded import Origin
from toolpair_observe.pairing.shown import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_RUN: Final = "langsmith.run"
_EXAMPLE: Final = "langsmith.example"
_OTHER_RUNS: Final = frozenset(
    {"agent", "chain", "embedding", "parser", "prompt", "retriever", "tool"}
)
_RUN_KEYS: Final = frozenset(
    {
        "child_runs",
        "dotted_order",
        "inputs",
        "inputs_s3_urls",
        "outputs",
        "parent_run_id",
        "session_id",
        "trace_id",
    }
)
_NO_INPUTS: Final = (
    "no messages: this looks like LangSmith runs exported without inputs; they were hidden when "
    "the run was traced (LANGSMITH_HIDE_INPUTS), or left out of the export"
)
_INPUTS_ELSEWHERE: Final = (
    "no messages: the run's inputs lie in object storage ('inputs_s3_urls'): export the runs with "
    "their inputs"
)
_MESSAGE_KEYS: Final = ("messages", "input", "contents")
_COMPLETION_KEYS: Final = frozenset({"prompt", "prompts"})
_INVOCATION: Final = "ls_invocation_params"
_STATE_KEYS: Final = ("previous_response_id", "conversation")
# What `wrap_openai` and its like record is the client's own call.
_API_OF: Final[Mapping[str, str]] = {"anthropic": "messages", "azure": "chat", "openai": "chat"}
_EXAMPLE_KEYS: Final = frozenset(
    {
        "attachment_urls",
        "attachments",
        "created_at",
        "dataset_id",
        "dataset_name",
        "id",
        "inputs",
        "metadata",
        "modified_at",
        "name",
        "outputs",
        "source_run_id",
        "split",
    }
)
_THREAD_KEYS: Final = ("thread_id", "session_id", "conversation_id")


# --- runs -----------------------------------------------------------------------------------------


def _is_run(data: dict[str, Any]) -> bool:
    return isinstance(data.get("run_type"), str) and not _RUN_KEYS.isdisjoint(data)


def _read_run(row: Row) -> Iterator[Unit]:
    data = row.data
    run_type = data["run_type"]
    if run_type == "llm":
        try:
            yield from _read_llm(row)
        except HistoryFileError as error:  # its children are read all the same
            yield row.unreadable(_RUN, str(error), run_id=as_text(data.get("id")))
    elif run_type in _OTHER_RUNS:
        yield row.no_request(_RUN, f"{run_type} run", run_id=as_text(data.get("id")))
    else:
        yield row.unreadable(_RUN, f"a run of the unknown type {quoted(run_type)}")
    children = unpacked(data.get("child_runs"))
    for at, child in enumerate(children if isinstance(children, list) else ()):
        inner = Row(child, row.line, row.place("child_runs", at), row.event)
        if isinstance(child, dict) and _is_run(child):
            yield from _read_run(inner)
        else:
            yield inner.unreadable(_RUN, f"expected a run, got {json_type(child)}")


def _read_llm(row: Row) -> Iterator[Unit]:
    data = row.data
    extra = as_object(data.get("extra"))
    metadata = as_object(extra.get("metadata"))
    inputs = unpacked(data.get("inputs"))
    known: dict[str, Any] = {
        "run_id": as_text(data.get("id")),
        "thread_id": first_text(metadata, *_THREAD_KEYS) or as_text(data.get("thread_id")),
        "at": as_text(data.get("start_time")),
    }
    if not isinstance(inputs, dict) or not inputs:
        yield _without_inputs(row, inputs, known)
        return
    serialized = as_object(data.get("serialized"))
    of_langchain = _is_of_langchain(serialized, metadata, extra, inputs)
    origin = _origin(serialized, metadata, extra, inputs, of_langchain=of_langchain)
    if of_langchain and not origin.api and _is_of_responses(data, serialized, inputs):
        origin = replace(origin, api="responses")
    known |= {"origin": origin, **_outcome(data)}
    yield from _requests(row, inputs, known, of_langchain=of_langchain)


def _without_inputs(row: Row, inputs: object, known: Mapping[str, Any]) -> Unit:
    if isinstance(inputs, str) and inputs:
        return row.unreadable(_RUN, "the inputs are a text that is no JSON object", **known)
    if inputs:
        return row.unreadable(_RUN, f"the inputs are {json_type(inputs)}, not an object", **known)
    elsewhere = bool(row.data.get("inputs_s3_urls"))
    return row.unreadable(_RUN, _INPUTS_ELSEWHERE if elsewhere else _NO_INPUTS, **known)


def _requests(
    row: Row, inputs: dict[str, Any], known: dict[str, Any], *, of_langchain: bool
) -> Iterator[Unit]:
    key = next((key for key in _MESSAGE_KEYS if inputs.get(key) is not None), None)
    if key is None:
        if _COMPLETION_KEYS.isdisjoint(inputs):
            reason = f"an llm run without messages: its inputs have the {keys_text(list(inputs))}"
            yield row.unreadable(_RUN, reason, **known)
        else:
            yield row.no_request(_RUN, "completion model", **known)
        return
    others = [other for other in inputs if other != key and _has_messages(inputs[other])]
    reason = reason_of_others(inputs, (key,))
    found = unpacked(inputs[key])
    if others:
        reason = f"messages under 'inputs.{key}' and under the {keys_text(others)} of the inputs"
    if reason:
        yield row.unreadable(_RUN, reason, **known)
    elif isinstance(found, list):
        for steps, messages in _lists(found, "inputs", key):
            told = _way_of(messages, known["origin"], of_langchain=of_langchain)
            yield _request(row, _RUN, messages, steps, {**known, **told})
    elif isinstance(found, str) and found and key != "messages":
        # The Responses API and Gemini's take a text in place of one message.
        message = {"role": "user", "content": found}
        yield row.request(_RUN, [message], "inputs", key, layer=Layer.WIRE, **known)
    else:
        reason = f"'inputs.{key}' is {json_type(found)}, not a list of messages"
        yield row.unreadable(_RUN, reason, **known)


def _way_of(messages: list[Any], origin: Origin, *, of_langchain: bool) -> dict[str, Any]:
    """Return the layer of a run's messages, and the dialect where the run tells it."""
    if of_langchain:
        return {"layer": Layer.LANGCHAIN}
    if origin.server_state and any(map(RESPONSES.claims, messages)):
        return {"layer": Layer.WIRE, "dialect": RESUMED_RESPONSES}
    return {"layer": Layer.WIRE}


def _lists(found: list[Any], *steps: str | int) -> list[tuple[tuple[str | int, ...], list[Any]]]:
    """Return the lists of messages with their places: a run has one for each prompt of a batch."""
    if found and all(isinstance(each, list) and not LANGCHAIN.claims(each) for each in found):
        return [((*steps, at), each) for at, each in enumerate(found)]
    return [(steps, found)]


def _request(
    row: Row,
    form: str,
    messages: list[Any],
    steps: tuple[str | int, ...],
    known: dict[str, Any],
) -> Unit:
    if messages:
        return row.request(form, messages, *steps, **known)
    return row.unreadable(form, "the list of messages is empty", *steps, **known)


def _has_messages(value: object) -> bool:
    found = unpacked(value)
    return isinstance(found, list) and any(
        is_message(each) or (isinstance(each, list) and any(map(is_message, each)))
        for each in found
    )


def _has_own(messages: list[Any]) -> bool:
    return any(map(LANGCHAIN.claims, messages))


def _is_of_langchain(
    serialized: dict[str, Any],
    metadata: dict[str, Any],
    extra: dict[str, Any],
    inputs: dict[str, Any],
) -> bool:
    """Whether one of LangChain's chat models was run, rather than a client that is traced."""
    integration = as_text(metadata.get("ls_integration"))
    found = unpacked(inputs.get("messages"))
    return (
        bool(serialized or metadata.get("lc_versions"))
        or integration.startswith("langchain")
        or "_type" in as_object(extra.get("invocation_params"))
        or (isinstance(found, list) and any(_has_own(each) for _, each in _lists(found)))
    )


def _origin(
    serialized: dict[str, Any],
    metadata: dict[str, Any],
    extra: dict[str, Any],
    inputs: dict[str, Any],
    *,
    of_langchain: bool,
) -> Origin:
    params = as_object(extra.get("invocation_params"))
    provider = as_text(metadata.get("ls_provider"))
    told = (params, as_object(serialized.get("kwargs")), as_object(metadata.get(_INVOCATION)))
    if "input" in inputs or any(each.get("use_responses_api") is True for each in told):
        api = "responses"
    elif "contents" in inputs:
        api = "generate_content"
    else:
        api = "" if of_langchain else _API_OF.get(provider, "")
    return Origin(
        serialized=serialized,
        metadata=metadata,
        params=params,
        provider=provider,
        api=api,
        model=first_text(metadata, "ls_model_name")
        or first_text(params, "model", "model_name", "model_id")
        or first_text(inputs, "model"),
        versions=_versions(metadata, as_object(extra.get("runtime"))),
        server_state=any(each.get(key) for each in (params, inputs) for key in _STATE_KEYS),
        tools_bound=bool(inputs.get("tools") or inputs.get("functions"))
        if "model" in inputs
        else None,
    )


def _is_of_responses(
    data: dict[str, Any], serialized: dict[str, Any], inputs: dict[str, Any]
) -> bool:
    """Whether the answer came from the Responses API, or the last one in an unanswered history.

    The history counts only where the class is not there to tell.
    """
    lists = as_object(data.get("outputs")).get("generations")
    generations = lists[0] if isinstance(lists, list) and lists else None
    answers = [
        told
        for each in (generations if isinstance(generations, list) else ())
        if isinstance(each, dict) and (told := _answer(each.get("message")))
    ]
    if not answers and not serialized:
        found = unpacked(inputs.get("messages"))
        messages = _lists(found)[0][1] if isinstance(found, list) else []
        answers = [told for each in messages if (told := _answer(each))][-1:]
    return any(
        each.get("object") == "response" or as_text(each.get("id")).startswith("resp_")
        for each in answers
    )


def _answer(message: object) -> dict[str, Any]:
    """Return what a message tells of the answer that it was."""
    if not isinstance(message, dict):
        return {}
    fields = as_dict(message, "kwargs") or as_dict(message, "data") or message
    return as_dict(fields, "response_metadata")


def _versions(metadata: dict[str, Any], runtime: dict[str, Any]) -> dict[str, str]:
    told = as_object(metadata.get("lc_versions")) or {
        # Before langchain-core 1.8 a run tells no version of an integration.
        "langchain": runtime.get("langchain_version"),
        "langchain-core": runtime.get("langchain_core_version")
        or (runtime.get("library_version") if runtime.get("library") == "langchain-core" else None),
    }
    return {name: version for name, version in told.items() if isinstance(version, str)}


def _outcome(data: dict[str, Any]) -> Outcome:
    # A failed run may have outputs: generations without a text.
    error, status = data.get("error"), data.get("status")
    if error:
        text = error if isinstance(error, str) else as_text(as_object(error).get("message"))
        return failed_with(text)
    if status == "error":
        return failed_with("")
    if status is None:
        # Written by the client itself, before LangSmith has given it a status.
        return accepted() if unpacked(data.get("outputs")) else Outcome()
    return accepted() if status in ("success", "completed") else Outcome()


# --- examples of datasets -------------------------------------------------------------------------


def _is_example(data: dict[str, Any]) -> bool:
    if "inputs" not in data or "run_type" in data:
        return False
    if "dataset_id" in data:
        return True
    inputs = as_object(data["inputs"])
    if not inputs or not _EXAMPLE_KEYS.issuperset(data):
        return False
    return "outputs" in data or any(map(_has_messages, inputs.values()))


def _read_example(row: Row) -> Iterator[Unit]:
    data = row.data
    known: dict[str, Any] = {
        "name": as_text(data.get("id")),
        "at": as_text(data.get("created_at")),
        "layer": Layer.LANGCHAIN,
    }
    inputs = {key: unpacked(value) for key, value in as_object(data["inputs"]).items()}
    lists = {
        key: value
        for key, value in inputs.items()
        if isinstance(value, list) and _has_messages(value)
    }
    reason = reason_of_others(inputs, lists)
    if reason:
        yield row.unreadable(_EXAMPLE, reason, **known)
    elif lists:
        for key, found in lists.items():
            for steps, messages in _lists(found, "inputs", key):
                yield _request(row, _EXAMPLE, messages, steps, known)
    elif inputs.get("messages") not in (None, ""):
        reason = "'inputs.messages' holds no message of a known form"
        yield row.unreadable(_EXAMPLE, reason, **known)
    else:
        yield row.no_request(_EXAMPLE, "dataset example without messages", **known)


ENVELOPES: Final = (
    each_row(_RUN, _is_run, _read_run, needs={"run_type"}),
    each_row(_EXAMPLE, _is_example, _read_example, needs={"inputs"}),
)
