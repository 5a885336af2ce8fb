"""Prometheus and Alertmanager without containers: `python -m dashboards.tools.run_local`.

Starts Debian's Prometheus and Alertmanager on the loopback interface, with the rules in their short
windows, and the agents of the live demo. Prints the alerts that Alertmanager sends. Everything ends
with the demo, or with Ctrl-C; nothing is left behind.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dashboards.tools.check_stack import await_exporter, start_demo
from dashboards.tools.local import Notice, Stack, StackError, require_programs
from dashboards.tools.ports import Ports, PortsError
from dashboards.tools.stored_threads import StoredThreads

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

_PHASES: Final = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run everything until the demo is over.

    Args:
        argv: The arguments; None for those of the process.

    Returns:
        The exit code.
    """
    arguments = _parser().parse_args(argv)
    ports = Ports(**{each.name: getattr(arguments, each.name) for each in fields(Ports)})
    try:
        require_programs()
        ports.require_free()
    except (StackError, PortsError) as error:
        sys.stderr.write(f"run_local: {error}\n")
        return 2
    return _run(ports, arguments.minutes * 60 / _PHASES)


def _run(ports: Ports, phase_seconds: float) -> int:
    demo = start_demo(ports.metrics, phase_seconds)
    try:
        await_exporter(ports.metrics, demo)
        with (
            tempfile.TemporaryDirectory() as folder,
            StoredThreads(Path(folder), ports.threads) as threads,
            Stack(Path(folder), ports) as stack,
        ):
            _say(f"Prometheus    {stack.prometheus}/alerts")
            _say(f"Alertmanager  http://127.0.0.1:{ports.alertmanager}")
            _say(f"metrics       http://127.0.0.1:{ports.metrics}/metrics")
            _say(f"the incident begins in {phase_seconds:.0f} seconds\n")
            _follow(stack, demo, threads, phase_seconds)
    except StackError as error:
        sys.stderr.write(f"run_local: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\nrun_local: interrupted\n")
        return 130
    finally:
        demo.kill()
        demo.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dashboards.tools.run_local", description=__doc__
    )
    parser.add_argument(
        "--minutes", type=float, default=6.0, help="duration (default: %(default)g)"
    )
    for each in fields(Ports):
        parser.add_argument(
            f"--{each.name}", type=int, default=each.default, metavar="PORT", help="%(default)s"
        )
    return parser


def _follow(
    stack: Stack, demo: subprocess.Popen[bytes], threads: StoredThreads, phase_seconds: float
) -> None:
    """Print the alerts that the webhook receives, until the demo is over."""
    shown = 0
    began = time.monotonic()
    due = [threads.break_some, threads.mend]
    while demo.poll() is None:
        if due and time.monotonic() >= began + (_PHASES - len(due)) * phase_seconds:
            due.pop(0)()
        for notice in stack.notices[shown:]:
            _show(notice)
            shown += 1
        time.sleep(0.2)


def _show(notice: Notice) -> None:
    clock = time.strftime("%H:%M:%S")
    severity = notice.labels["severity"]
    _say(f"{clock}  {notice.status:8}  {severity:8}  {notice.name}")
    if notice.status == "firing":
        _say(f"            {notice.annotations['summary']}")
        _say(f"            {notice.annotations['runbook_url']}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
