"""Whether memory stays flat over very many requests, ended or never ended."""

from __future__ import annotations

import gc
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from langchain_core.outputs import LLMResult

from tests.benchmarks.histories import agent, dangling
from tests.benchmarks.table import note, show
from toolpair_observe import ToolPairHandler
from toolpair_observe.attach import runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.messages import BaseMessage

CHECKPOINTS = 8
PAGE_KIB = 4
SERIALIZED: dict[str, Any] = {
    "lc": 1,
    "type": "constructor",
    "id": ["langchain", "chat_models", "openai", "ChatOpenAI"],
    "kwargs": {"model_name": "gpt-4o-mini"},
}
METADATA = {"ls_provider": "openai", "ls_model_name": "gpt-4o-mini", "ls_model_type": "chat"}
PARAMS = {"_type": "openai-chat", "model": "gpt-4o-mini"}
ANSWER = LLMResult(generations=[[]])


def run(requests: int = 200_000) -> None:
    """Print the resident size at every eighth of the way, for three kinds of requests."""
    logging.disable(logging.CRITICAL)
    kinds: dict[str, tuple[list[BaseMessage], bool]] = {
        "clean, ended": (agent(6), True),
        "clean, never ended": (agent(6), False),
        "near miss, ended": (dangling(6), True),
        "near miss, never ended": (dangling(6), False),
    }
    rows = [(name, *_grow(*kind, requests)) for name, kind in kinds.items()]
    logging.disable(logging.NOTSET)
    steps = [f"{requests * (step + 1) // CHECKPOINTS:,}" for step in range(CHECKPOINTS)]
    show("resident size after so many requests, MiB", ("requests", *steps, "in flight"), rows)
    note("Flat means: the last columns do not grow. The first one holds what is allocated once.")


def _grow(messages: list[BaseMessage], ended: bool, requests: int) -> list[str]:  # noqa: FBT001
    handler = ToolPairHandler(mode="observe", feedback="off")
    request = _request(handler, messages, ended=ended)
    sizes = []
    for _ in range(CHECKPOINTS):
        for _ in range(requests // CHECKPOINTS):
            request()
        gc.collect()
        sizes.append(f"{_resident_mib():.1f}")
    sizes.append(str(len(runs._open)))
    handler.close()
    return sizes


def _request(
    handler: ToolPairHandler, messages: list[BaseMessage], *, ended: bool
) -> Callable[[], None]:
    """What langchain-core calls, without langchain-core."""

    def request() -> None:
        run_id = uuid4()
        handler.on_chat_model_start(
            SERIALIZED,
            [messages],
            run_id=run_id,
            metadata=METADATA,
            invocation_params=PARAMS,
        )
        if ended:
            handler.on_llm_end(ANSWER, run_id=run_id)

    return request


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * PAGE_KIB / 1024
