"""A blocked run has an error, tags and a score in LangSmith; the other prompts only an error."""

from __future__ import annotations

import pytest

from tests.strict.conversations import BROKEN
from tests.strict.rig import Attached
from tests.strict.ways import WAYS, Way
from toolpair_observe import InvalidToolResultsError, ToolPairHandler

CALLS = 3
KEY = "INVALID_TOOL_RESULTS"


@pytest.fixture
def handler():
    handler = ToolPairHandler(mode="strict", profile="openai-chat")
    yield handler
    handler.close()


@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_each_blocked_run_is_tagged_and_scored_once(rig, handler, way: Way, place):
    with rig.langsmith.changed:
        rig.langsmith.feedback.clear()
    tracers = rig.tracers()
    callbacks = [handler, *tracers] if place == "first" else [*tracers, handler]
    traces = rig.watch(way, Attached([], callbacks), BROKEN, times=CALLS)
    assert [type(error) for error in traces.errors] == [InvalidToolResultsError] * CALLS
    assert traces.runs_without_error == 0
    assert handler.flush(timeout=20)

    model_runs = [run for run in rig.langsmith.runs.values() if run.run_type == "llm"]
    tagged = {run.id for run in model_runs if KEY in run.tags}
    scored = [item["run_id"] for item in rig.langsmith.feedback.values() if item["key"] == KEY]
    assert sorted(scored) == sorted(tagged)
    assert len(tagged) >= CALLS
    innocent_prompts = len(model_runs) - len(tagged)
    assert innocent_prompts == (way.sends - 1) * CALLS * ("generate" in way.name)
    for run in model_runs:
        assert KEY in run.error
        if run.id in tagged:
            assert "toolpair:missing_result" in run.tags
            assert run.metadata["toolpair_effect"] == "reject"
            assert run.metadata["toolpair_outcome"] == "blocked"
    assert {item["score"] for item in rig.langsmith.feedback.values()} == {1}
