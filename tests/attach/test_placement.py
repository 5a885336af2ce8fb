"""The check stands below the span of its own model call, beside each instrumentor.

Each is the real one. A release that has moved what is read of it fails here; an application gets a
worse place in the same trace.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.cli.process import environment

pytest.importorskip("opentelemetry.instrumentation.genai.langchain")
pytest.importorskip("opentelemetry.instrumentation.langchain")

SECONDS = 300
APPLICATION = "POST /chat"
WAYS = {"invoke", "ainvoke", "stream", "astream", "parallel", "blocked"}
# The name of the model's span, and what else is current inside of the application's: a link joins
# the two.
SETS = {
    "openinference": ("ChatOpenAI", APPLICATION),
    "separate-traces": ("ChatOpenAI", APPLICATION),
    "traceloop": ("ChatOpenAI.chat", None),
    "openinference-and-traceloop": ("ChatOpenAI", None),
    "genai": ("chat gpt-4o", None),
    "langfuse": ("ChatOpenAI", APPLICATION),
    "langfuse-after-ours": ("ChatOpenAI", APPLICATION),
    "langsmith": ("ChatOpenAI", APPLICATION),
}
ALL = (*SETS, "none", "langsmith-at-once")
# Where a check stands once a name of an instrumentor has moved.
NEXT_BEST = {
    "GET_SPAN": APPLICATION,
    "TRACELOOP_SPANS": "RunnableSequence.workflow",
    "TRACELOOP_SPAN": "RunnableSequence.workflow",
    "GENAI_INVOCATIONS": "invoke_workflow RunnableSequence",
    "GENAI_INVOCATION": "invoke_workflow RunnableSequence",
    "GENAI_SPAN": "invoke_workflow RunnableSequence",
    "LANGFUSE_RUNS": "ChatOpenAI",
    "LANGFUSE_SPAN": "ChatOpenAI",
    "OTEL_EXPORTER": APPLICATION,
    "LANGSMITH_SPANS": APPLICATION,
    "LANGSMITH_SPAN": APPLICATION,
}


@pytest.fixture(scope="module")
def calls():
    """Return the checks of each call, by set-up, way, and whether the application had a span."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-W", "ignore", "-m", "tests.attach.placement", *ALL],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {(each["set_up"], each["way"], each["inside"]): each["checks"] for each in answers}


def of(calls, set_up, ways=WAYS):
    """Return the checks of some ways, each with its way and whether there was an outer span."""
    return [
        (way, inside, check)
        for (name, way, inside), checks in calls.items()
        if name == set_up and way in ways
        for check in checks
    ]


def is_too_early(set_up, way):
    """Whether LangSmith's client has not begun the span yet: a blocked call takes no time."""
    return set_up == "langsmith" and way == "blocked"


@pytest.mark.parametrize("set_up", SETS)
def test_the_parent_is_the_span_of_the_same_model_call(calls, set_up):
    name, _ = SETS[set_up]
    found = [each for each in of(calls, set_up) if not is_too_early(set_up, each[0])]
    assert {way for way, _, _ in found} == WAYS - ({"blocked"} if set_up == "langsmith" else set())
    for way, inside, check in found:
        assert check["is_own"], (way, inside)
        assert check["is_in_trace"], (way, inside)
        assert check["parent"] in {name, f"{name}-mini"}, (way, inside)


@pytest.mark.parametrize("set_up", ALL)
def test_nothing_fails_and_each_model_call_has_one_check_with_a_parent_that_is_sent(calls, set_up):
    for (name, way, inside), checks in calls.items():
        if name == set_up:
            assert len(checks) == 1 + (way == "parallel"), (way, inside)
            assert [check["failures"] for check in checks] == [[]] * len(checks), (way, inside)
            assert all(check["is_whole"] for check in checks), (way, inside)


@pytest.mark.parametrize("set_up", ALL)
def test_of_a_call_that_is_given_up_the_model_span_is_the_parent_only_if_it_is_sent(calls, set_up):
    """Nobody tells an instrumentor of its end: only the official instrumentation's span has one."""
    for _, inside, check in of(calls, set_up, {"cancelled"}):
        around = "RunnableSequence.workflow" if "traceloop" in set_up else APPLICATION * inside
        assert check["parent"] == ("chat gpt-4o" if set_up == "genai" else around or None), inside


@pytest.mark.parametrize("set_up", [each for each, (_, outer) in SETS.items() if outer])
def test_a_link_leads_to_the_application_where_that_is_not_the_parent(calls, set_up):
    for way, inside, check in of(calls, set_up):
        # Langfuse makes its span current, except in a task of its own.
        is_current = set_up.startswith("langfuse") and way not in {"ainvoke", "astream"}
        is_linked = inside and not is_current and not is_too_early(set_up, way)
        assert check["links"] == [APPLICATION] * is_linked, (way, inside)


def test_in_a_stream_of_the_official_instrumentation_there_is_nothing_to_link_to(calls):
    for way, inside, check in of(calls, "genai"):
        assert bool(check["links"]) is (way not in {"stream", "astream"}), (way, inside)


def test_without_an_instrumentor_the_parent_is_the_application_or_nothing(calls):
    for way, inside, check in [*of(calls, "none"), *of(calls, "langsmith-at-once")]:
        assert check["parent"] == (APPLICATION if inside else None), way
        assert check["links"] == []


@pytest.mark.parametrize("set_up", ["openinference", "traceloop", "genai", "langfuse"])
def test_without_the_seam_the_model_span_is_found_as_well(calls, set_up):
    for _, inside, check in of(calls, set_up, {"no seam"}):
        assert check["is_own"], inside


def test_what_was_told_to_the_application_is_the_place(calls):
    assert all(check["is_told"] for checks in calls.values() for check in checks)


@pytest.mark.parametrize("set_up", ALL)
def test_an_evaluation_belongs_to_the_model_call_and_a_violation_to_the_check(calls, set_up):
    for way, inside, check in of(calls, set_up):
        evaluated = check["parent"] if check["is_own"] else "check tool_pairing"
        assert check["events"] == [
            ["gen_ai.evaluation.result", evaluated],
            ["toolpair.violation", "check tool_pairing"],
        ], (way, inside)


@pytest.mark.parametrize(("moved", "place"), NEXT_BEST.items())
def test_a_name_that_has_moved_costs_a_better_place_and_nothing_else(calls, moved, place):
    (check,) = next(checks for (_, way, _), checks in calls.items() if way == moved)
    assert check["parent"] == place
    assert check["is_in_trace"]
