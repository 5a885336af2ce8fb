"""Whether memory stays flat over very many requests, ended or never ended."""

from __future__ import annotations

import gc
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import direct
from tests.benchmarks.histories import agent, dangling
from tests.benchmarks.table import note, show
from toolpair_observe import ToolPairHandler
from toolpair_observe.attach import runs

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

CHECKPOINTS = 8
PAGE_KIB = 4


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
    request = direct.ask if ended else direct.start
    sizes = []
    for _ in range(CHECKPOINTS):
        for _ in range(requests // CHECKPOINTS):
            request(handler, messages)
        gc.collect()
        sizes.append(f"{_resident_mib():.1f}")
    sizes.append(str(len(runs._open)))
    handler.close()
    return sizes


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * PAGE_KIB / 1024
