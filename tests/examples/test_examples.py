"""Every example runs unchanged, without a key, and shows what its README promises."""

from __future__ import annotations

import ast

import pytest

from tests.cli.process import ROOT, environment

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
MOST_LINES = 80

FACTS = {
    "attach_to_a_chat_model": [
        "the provider refused: Error code: 400",
        "The following tool_call_ids did not have response messages: call_oslo",
        "the provider answered: Rome is clear",
    ],
    "strict_in_staging": [
        "duplicate_result at message 3",
        "expected error: Invalid parameter: Duplicate value for 'tool_call_id' of 'call_rome'",
        "requests sent: 0",
        "after the repair: Rome is clear",
    ],
    "poisoned_thread": [
        "Weather, and a table for two?   failed: the line is busy",
        "Well?                           failed: Error code: 400 - An assistant message with",
        "Are you there?                  failed: Error code: 400 - An assistant message with",
        "thread 42 is poisoned; results to recover: ['call_oslo']",
        "put back: ['call_oslo']",
        "made up: ['call_book']",
        "And now?                        Rain, 7 degrees. The table could not be booked.",
        "['human', 'ai', 'tool', 'tool', 'human', 'human', 'human', 'ai']",
    ],
    "masked_result": [
        "made up by unknown, step answer_open_calls.before_model: the result of get_weather",
        "broken by step keep_the_last_messages.before_model: removed (0, 1); "
        "{'call_rome': 'finished'}",
    ],
    "fallbacks": [
        "guard(a).with_fallbacks([b])         stopped: missing_result\n"
        "  requests sent to a and b: 0 1",
        "guard(a.with_fallbacks([b]))         stopped: missing_result\n"
        "a handler in the call's config       stopped: missing_result\n"
        "  requests sent to a and b: 0 1",
        "a is down, a sound history           Rome is clear",
    ],
    "slack_alert": [
        "the channel shows:\n:warning: INVALID_TOOL_RESULTS: missing_result at message 1",
        "predicted effect reject under openai-chat",
        "outcome rejected",
        "<http://localhost:3000/explore?trace=",
    ],
    "agent": [
        "the agent: It is clear in Rome",
        "orphan_result at message 0",
        "likely cause: overwritten_state",
    ],
}


# What a developer's shell may hold and no example may need.
SETTINGS_OF_THE_HOST = (
    *("OPENAI_API_KEY", "OTEL_RESOURCE_ATTRIBUTES", "LANGSMITH_TRACING"),
    *("SLACK_WEBHOOK_URL", "TRACE_URL"),
)


@pytest.fixture
def run_example(strict_fork_server):
    def run_example(path, **extra):
        bare = {k: v for k, v in environment().items() if k not in SETTINGS_OF_THE_HOST}
        return strict_fork_server.run(str(path), env={**bare, **extra})

    return run_example


def test_every_example_has_its_facts():
    assert {path.stem for path in EXAMPLES} == set(FACTS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_shows_what_it_promises(path, run_example):
    done = run_example(path)

    # Reports are wrapped.
    output = " ".join(done.stdout.decode().split())
    assert done.returncode == 0, done.stderr.decode()
    assert [fact for fact in FACTS[path.stem] if " ".join(fact.split()) not in output] == []
    assert done.stdout.decode().splitlines()[-1].startswith("look at: ")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_is_read_in_a_minute(path):
    source = path.read_text()

    assert len(source.splitlines()) <= MOST_LINES
    assert ast.get_docstring(ast.parse(source))


def test_attaching_logs_a_warning_before_the_refusal(run_example):
    done = run_example(ROOT / "examples" / "attach_to_a_chat_model.py")

    assert b"WARNING toolpair_observe: near miss: INVALID_TOOL_RESULTS" in done.stderr


def test_the_strict_example_only_observes_in_production(run_example):
    path = ROOT / "examples" / "strict_in_staging.py"

    done = run_example(path, OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=production")

    assert done.returncode != 0
    assert b"BadRequestError" in done.stderr or b"OpenAIInvalidRequestError" in done.stderr
