"""Run the command line in a separate process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def environment(**extra: str) -> dict[str, str]:
    """Return an environment in which the package of this tree is found."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, **extra}


def run_python(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run `python` with `arguments` to its end."""
    options.setdefault("env", environment())
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *arguments], capture_output=True, check=False, timeout=120, **options
    )


def run_cli(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run `toolpair-observe` with `arguments` to its end."""
    return run_python("-m", "toolpair_observe", *arguments, **options)
