"""The whole demo: start the provider, send the cases, print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolpair_observe.demo.cases.run import run_demo
from toolpair_observe.demo.cases.scenarios import SCENARIOS
from toolpair_observe.demo.loopback.provider import LoopbackProvider

if TYPE_CHECKING:
    from toolpair_observe.demo.cases.render import DemoPrinter


def show_cases(printer: DemoPrinter, *, metrics: bool = False) -> bool:
    """Run every case and print it.

    Args:
        printer: Prints the parts.
        metrics: Whether to print the metrics, too.

    Returns:
        Whether everything happened as predicted.
    """
    printer.print_heading()
    with LoopbackProvider() as provider:
        result = run_demo(SCENARIOS, provider)
    for number, case in enumerate(result.cases, start=1):
        printer.print_case(number, case)
    if metrics:
        printer.print_metrics(result)
    printer.print_summary(result)
    return result.agrees
