"""A program that starts others in every way, each of which asks a model what `zero_code` asks."""

# ruff: noqa: T201 - the test reads what it prints

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor


def ask(way: str) -> str:
    from tests.attach.zero_code import main

    return f"{way} {os.getpid()} {main()}"


def ask_in_a_pool(way: str) -> None:
    context = multiprocessing.get_context(way)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        print(pool.submit(ask, way).result())


if __name__ == "__main__":
    for way in ("spawn", "forkserver"):
        ask_in_a_pool(way)
    program = "from tests.attach.family import ask; print(ask({!r}))"
    sys.stdout.flush()
    subprocess.run([sys.executable, "-c", program.format("subprocess")], check=True)  # noqa: S603
    os.execv(sys.executable, [sys.executable, "-c", program.format("exec")])  # noqa: S606
