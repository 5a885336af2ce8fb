"""Beside OpenInference, Traceloop, the official GenAI instrumentation, Langfuse and LangSmith.

Whatever the order, a call leaves the same spans, traces and runs as without us, plus our own.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.cli.process import environment

pytest.importorskip("opentelemetry.instrumentation.genai.langchain")
pytest.importorskip("opentelemetry.instrumentation.langchain")

SCOPE = "toolpair_observe"
ORDERS = 24


@pytest.fixture(scope="module")
def orders():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.attach.coexistence"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    orders = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(orders) == ORDERS
    assert [one for one in orders if "failed" in one or "failed" in one["alone"]] == []
    return orders


def without_ours(call):
    spans = {scope: count for scope, count in call["spans"].items() if scope != SCOPE}
    return {**call, "spans": spans, "raised": "", "requests": 0, "LangSmith runs": 0}


def test_a_sound_request_looks_as_it_does_without_us(orders):
    for one in orders:
        assert one["sound"] == one["alone"]["sound"], one["order"]


def test_a_blocked_request_looks_like_a_failed_one_plus_our_span(orders):
    for one in orders:
        blocked = one["broken"]
        assert blocked["raised"] == "InvalidToolResultsError"
        assert blocked["requests"] == 0
        assert blocked["spans"][SCOPE] == 1
        assert blocked["open LangSmith runs"] == 0
        assert without_ours(blocked) == without_ours(one["alone"]["broken"]), one["order"]


def test_each_request_is_checked_once(orders):
    assert {one["checks"] for one in orders} == {2}


def test_everybody_can_be_uninstalled_in_any_order(orders):
    for one in orders:
        ours_is_there = True
        alone = iter(one["alone"]["after"])
        for name, sound, broken in one["after"]:
            if name == "toolpair":
                ours_is_there = False
            else:
                _, sound_alone, broken_alone = next(alone)
                assert without_ours(sound) == without_ours(sound_alone), (one["order"], name)
                assert without_ours(broken) == without_ours(broken_alone), (one["order"], name)
            assert bool(broken["raised"]) is ours_is_there
            assert (SCOPE in broken["spans"]) is ours_is_there
