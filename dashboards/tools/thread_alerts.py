"""The alerts about stored threads, whose numbers a cron job brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dashboards.tools.alert import COUNT, CRITICAL, WARNING, Alert, Requests
from dashboards.tools.promql import (
    DATABASE,
    THREADS,
    THREADS_COUNTED,
    VERDICT,
    Series,
    equals,
    newest,
    seconds,
    total,
)
from toolpair_observe.semconv import GEN_AI_CONVERSATION_ID
from toolpair_observe.threads.diagnosis import ThreadVerdict

if TYPE_CHECKING:
    from dashboards.tools.settings import Windows

_RUNBOOK: Final = "poisoned-threads"
_BY: Final = ("job", DATABASE)
_WHERE: Final = f"{{{{ $labels.{DATABASE} }}}}"
_AGE: Final = "{{ $value | humanizeDuration }}"


def thread_alerts(windows: Windows) -> list[Alert]:
    """Return the alerts, the worst first.

    Args:
        windows: The windows of the rules.
    """
    return [_poisoned(windows), _stalled(windows), _uncounted(windows)]


def _poisoned(windows: Windows) -> Alert:
    return Alert(
        "ToolPairThreadsPoisoned",
        CRITICAL,
        _RUNBOOK,
        f"{_now(THREADS.where(equals(VERDICT, ThreadVerdict.POISONED)), windows)} > 0",
        f"{COUNT} conversations in {_WHERE} fail at every turn",
        f"The stored history of {COUNT} threads in {_WHERE} is broken, so that the provider "
        "refuses every further turn of them, until they are mended. toolpair-observe threads "
        "--explain shows which step broke each, and --mend brings back what can be recovered.",
        hold=windows.hold,
        by=(),
        requests=Requests(
            "Tool pairing: near misses",
            (f'span.{GEN_AI_CONVERSATION_ID} =~ ".+"',),
        ),
    )


def _stalled(windows: Windows) -> Alert:
    return Alert(
        "ToolPairThreadsStalled",
        WARNING,
        _RUNBOOK,
        f"{_now(THREADS.where(equals(VERDICT, ThreadVerdict.STALLED)), windows)} > 0",
        f"{COUNT} conversations in {_WHERE} stopped in the middle of a turn",
        f"A run of {COUNT} threads in {_WHERE} ended between a tool call and its result: a tool "
        "raised, or the process was killed. A resume goes on; the user's next message would break "
        "them for ever.",
        hold=windows.hold,
        by=(),
    )


def _uncounted(windows: Windows) -> Alert:
    at = f"max by ({', '.join(_BY)}) ({newest(THREADS_COUNTED, windows.remembered)})"
    return Alert(
        "ToolPairThreadsUncounted",
        WARNING,
        _RUNBOOK,
        f"time() - {at} > {seconds(windows.counted)}",
        f"The threads in {_WHERE} have not been counted for {_AGE}",
        f"The last number of broken threads in {_WHERE} is {_AGE} old. The cron job that runs "
        "toolpair-observe threads no longer runs, fails, or its numbers do not arrive, and no "
        "alert tells of threads that break meanwhile. Of numbers that were pushed and not written "
        f"to a file, this alert resolves {windows.remembered} after the last one.",
        hold=windows.hold,
        by=(),
    )


def _now(series: Series, windows: Windows) -> str:
    # What a job pushed once is stale for Prometheus after five minutes.
    return total(newest(series, windows.counted), *_BY)
