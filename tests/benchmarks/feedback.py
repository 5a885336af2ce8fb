"""What feedback to a LangSmith that is down adds to a call: a ratio within one run."""

from __future__ import annotations

import logging
import socket
from statistics import median
from time import thread_time_ns

from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tracers import LangChainTracer
from langsmith import Client

from toolpair_observe import ToolPairHandler

BROKEN = [HumanMessage("Weather?"), ToolMessage("18 degrees", tool_call_id="call_rome")]


def run(rounds: int = 9, calls: int = 100) -> None:
    """Print the caller's CPU time for each near miss, feedback off and on, server down."""
    logging.disable(logging.CRITICAL)
    with socket.socket() as port:
        # Bound and not listening: every connection to it is refused.
        port.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{port.getsockname()[1]}"
        tracer = LangChainTracer(client=Client(api_url=url, api_key="none"))
        handlers = {
            feedback: ToolPairHandler(profile="openai-chat", feedback=feedback)
            for feedback in ("off", "near_miss")
        }
        times: dict[str, list[float]] = {feedback: [] for feedback in handlers}
        for _ in range(rounds):
            for feedback, handler in handlers.items():
                times[feedback].append(_microseconds(handler, tracer, calls))
        for handler in handlers.values():
            handler.close(timeout=0.0)
    off, on = (median(times[feedback]) for feedback in ("off", "near_miss"))
    lines = [
        "\n### a near miss with LangSmith down, caller's CPU time per call\n",
        "| feedback | µs | ratio |\n| --- | --- | --- |",
        f"| off | {off:.0f} | 1.00 |\n| near_miss | {on:.0f} | {on / off:.2f} |",
    ]
    print("\n".join(lines))  # noqa: T201 - a command's output


def _microseconds(handler: ToolPairHandler, tracer: LangChainTracer, calls: int) -> float:
    model = FakeListChatModel(responses=["Well."])
    config = {"callbacks": [tracer, handler]}
    began = thread_time_ns()
    for _ in range(calls):
        model.invoke(BROKEN, config)
    return (thread_time_ns() - began) / calls / 1000
