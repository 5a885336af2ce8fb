"""Check that all parts work together: `python -m dashboards.tools.check_stack`, about 2.5 minutes.

The live demo runs in a separate process with the real handler, OpenTelemetry SDK and exporter. A
real Prometheus scrapes it with the real rules, in short windows, and a real Alertmanager notifies a
webhook:

1. Before the incident, no alert fires.
2. In the incident, every query of every panel returns data, every recording rule is healthy and
   records, and the right alerts fire for the right models and reach the webhook, complete texts
   included. Two stored threads break in it too, which a cron job counts.
3. After the incident, when the threads are mended, the alerts are resolved.
4. When the exporter dies, or the cron job, an alert fires.

Negative controls: the check has to find a renamed metric, a broken expression and a dead exporter.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dashboards.tools import generate
from dashboards.tools.expressions import PanelQuery, panel_queries
from dashboards.tools.local import Notice, Stack, StackError
from dashboards.tools.now_row import NOW, STATE, State
from dashboards.tools.ports import Ports
from dashboards.tools.promql import UNCHECKED, seconds
from dashboards.tools.settings import LIVE
from dashboards.tools.stored_threads import StoredThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

PHASE_SECONDS: Final = 40.0
# Values that fit the short windows of the live rules.
VARIABLES: Final = {"__rate_interval": "6s", "__range": "60s"}

# The alerts that have to reach the webhook, with the model of each.
INCIDENT: Final[Mapping[str, str | None]] = {
    "ToolPairSilentLoss": "gpt-5-mini",
    "ToolPairNearMissBurnFast": None,
    "ToolPairBlockedInProduction": "gpt-4o",
    "ToolPairProviderRejections": "gpt-4o-mini",
    "ToolPairEscaped": "deepseek-chat",
    "ToolPairFalseAlarm": "gpt-4.1",
    "ToolPairMaskedResults": None,
    "ToolPairFeedbackNotDelivered": None,
    "ToolPairInternalErrors": None,
    "ToolPairThreadsPoisoned": None,
    "ToolPairThreadsStalled": None,
}
# Alerts that also fire in Prometheus, and that Alertmanager inhibits because of the fast burn.
INHIBITED: Final = {"ToolPairNearMissBurnSlow", "ToolPairNearMissRateUp", "ToolPairBreachesUp"}
DEAD: Final = "ToolPairNoTelemetryAtAll"
DEAD_JOB: Final = "ToolPairTelemetryAbsent"
DEAD_CRON: Final = "ToolPairThreadsUncounted"


class _Failures:
    """Prints each check, and counts those that failed."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self.count = 0

    def check(self, what: str, problems: Iterable[str]) -> None:
        found = list(problems)
        self.count += bool(found)
        seconds = time.monotonic() - self._start
        _say(f"[{seconds:5.1f} s] {'FAIL' if found else 'ok  '} {what}")
        for problem in found:
            _say(f"           {problem}")


def main() -> int:
    """Run the check.

    Returns:
        The exit code: 0 if every check succeeds.
    """
    failures = _Failures()
    try:
        with tempfile.TemporaryDirectory() as folder:
            _run(Path(folder), failures)
    except StackError as error:
        _say(f"check_stack: {error}")
        return 2
    _say(f"{failures.count} checks failed" if failures.count else "everything works together")
    return 1 if failures.count else 0


def _run(folder: Path, failures: _Failures) -> None:
    ports = Ports.free()
    path = generate.GENERATED / generate.DASHBOARD
    queries = list(panel_queries(json.loads(path.read_text(encoding="utf-8"))))
    demo = start_demo(ports.metrics, PHASE_SECONDS)
    try:
        await_exporter(ports.metrics, demo)
        began = time.monotonic()
        with StoredThreads(folder, ports.threads) as threads, Stack(folder, ports) as stack:
            _sleep_until(began + PHASE_SECONDS - 5)
            failures.check("before the incident no alert fires", _unexpected(stack.notices))
            failures.check("and the state is fine", _is_not(stack, queries, State.FINE))
            _sleep_until(began + PHASE_SECONDS)
            threads.break_some()
            _sleep_until(began + 2 * PHASE_SECONDS - 12)
            _check_incident(stack, queries, failures)
            threads.mend()
            # The demo ends with the phase, and alerts about its death follow.
            _sleep_until(began + 3 * PHASE_SECONDS - 13)
            failures.check("all alerts are resolved", _until(lambda: _unresolved(stack), 10))
            failures.check(
                "and the state is fine again",
                _until(lambda: _is_not(stack, queries, State.FINE), 10),
            )
            failures.check("threads were counted and mended without a fault", threads.problems)
            threads.stop_counting()
            demo.wait(PHASE_SECONDS)
            _check_death(stack, queries, failures)
    finally:
        demo.kill()
        demo.wait()


def _check_incident(stack: Stack, queries: list[PanelQuery], failures: _Failures) -> None:
    failures.check(f"each of {len(queries)} panel queries returns data", _empty(stack, queries))
    failures.check("the state says that users are hurt", _is_not(stack, queries, State.HURT))
    failures.check("every rule is healthy, every recording rule records", _unhealthy(stack))
    failures.check("the right alerts fire", _not_fired(stack, {*INCIDENT, *INHIBITED}))
    failures.check("the alerts reach the webhook", _until(lambda: _undelivered(stack.notices)))
    failures.check("their texts are complete", _incomplete(stack.notices))
    failures.check(
        "control: a renamed metric is found",
        _has_to_fail(_empty(stack, _broken(queries, "toolpair_", "toolpair_old_"))),
    )
    failures.check(
        "control: a broken expression is found",
        _has_to_fail(_empty(stack, _broken(queries, ")", ""))),
    )


def _check_death(stack: Stack, queries: list[PanelQuery], failures: _Failures) -> None:
    def undelivered() -> list[str]:
        firing = {notice.name for notice in stack.notices if notice.status == "firing"}
        return [] if DEAD in firing else [f"{DEAD} did not reach the webhook"]

    failures.check("a dead exporter is reported", _until(undelivered))
    failures.check("and so is its job", _until(lambda: _not_fired(stack, {DEAD_JOB})))
    failures.check(
        "a dead cron job is reported",
        _until(lambda: _not_fired(stack, {DEAD_CRON}), 2 * seconds(LIVE.counted)),
    )
    failures.check("the state says that nobody knows", _is_not(stack, queries, State.BLIND))
    failures.check("control: panels without data are found", _has_to_fail(_empty(stack, queries)))


def _empty(stack: Stack, queries: Iterable[PanelQuery]) -> list[str]:
    problems = []
    for query in queries:
        where = f"{query.panel} ({query.ref_id})"
        try:
            is_empty = not stack.query(_live(query))
            # The demo can't have it: a request that can't be checked is a fault of ours.
            if is_empty and UNCHECKED.name not in query.expression:
                problems.append(f"{where}: no data")
        except StackError as error:
            problems.append(f"{where}: {error}")
    return problems


def _live(query: PanelQuery) -> str:
    """Return the PromQL, with the window of the live rules for that of the first row."""
    return query.filled_in(**VARIABLES).replace(NOW, LIVE.event)


def _is_not(stack: Stack, queries: Iterable[PanelQuery], expected: State) -> list[str]:
    (query,) = (query for query in queries if query.panel == STATE)
    state = State(int(float(stack.query(_live(query))[0]["value"][1])))
    return [] if state is expected else [f"it is {state.name}"]


def _broken(queries: Iterable[PanelQuery], old: str, new: str) -> list[PanelQuery]:
    # Not one of the first row: the state is never without data, and alerts are no metric of ours.
    first = next(query for query in queries if "rate(" in query.expression)
    return [PanelQuery(first.panel, first.ref_id, first.expression.replace(old, new))]


def _unhealthy(stack: Stack) -> list[str]:
    problems = []
    for rule in stack.rules():
        if rule["health"] != "ok":
            problems.append(f"{rule['name']}: {rule['health']} {rule.get('lastError', '')}")
        elif rule["type"] == "recording" and not _may_be_empty(rule) and not _records(stack, rule):
            problems.append(f"{rule['name']} records nothing")
    return problems


def _records(stack: Stack, rule: Mapping[str, Any]) -> bool:
    return bool(stack.query(rule["name"]))


def _may_be_empty(rule: Mapping[str, Any]) -> bool:
    """Whether the rule has no series in the demo, which counts as production."""
    return str(rule["name"]) == "job:toolpair_not_production:info"


def _not_fired(stack: Stack, expected: set[str]) -> list[str]:
    return [f"{name} does not fire" for name in sorted(expected - stack.fired("60s"))]


def _undelivered(notices: Iterable[Notice]) -> list[str]:
    delivered = {
        (notice.name, notice.labels.get("gen_ai_request_model"))
        for notice in notices
        if notice.status == "firing"
    }
    return [
        f"{name} for {model or 'the job'} did not reach the webhook"
        for name, model in INCIDENT.items()
        if (name, model) not in delivered
    ]


def _unexpected(notices: Iterable[Notice]) -> list[str]:
    return [f"{notice.name} fired: {notice.annotations['summary']}" for notice in notices]


def _unresolved(stack: Stack) -> list[str]:
    last = {json.dumps(notice.labels, sort_keys=True): notice for notice in stack.notices}
    # Alertmanager also inhibits the notice that an alert is resolved: one that was sent just before
    # the fast burn fired, and ended before it, stays open at the webhook. Prometheus tells of it.
    still = [
        f"{one.name} is not resolved"
        for one in last.values()
        if one.status != "resolved" and one.name not in INHIBITED
    ]
    return still + [f"{name} still fires" for name in sorted(stack.fired())]


def _incomplete(notices: Iterable[Notice]) -> list[str]:
    problems = []
    for notice in notices:
        for name, text in notice.annotations.items():
            if not text or any(mark in text for mark in ("{{", "<no value>", "<error", "%!")):
                problems.append(f"{notice.name}: {name} reads {text!r}")
        try:
            with urllib.request.urlopen(notice.annotations["runbook_url"], timeout=5) as page:  # noqa: S310 -- our own
                page.read()
        except OSError as error:
            problems.append(f"{notice.name}: its runbook cannot be read: {error}")
    return problems


def _has_to_fail(problems: list[str]) -> list[str]:
    return [] if problems else ["it was not found"]


def _until(problems: Callable[[], list[str]], seconds: float = 20.0) -> list[str]:
    """Repeat a check until it finds no problem, or the time is over."""
    deadline = time.monotonic() + seconds
    while (found := problems()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def start_demo(port: int, phase_seconds: float) -> subprocess.Popen[bytes]:
    """Start the live demo in a separate process."""
    return subprocess.Popen(  # noqa: S603 -- our own
        [
            *(sys.executable, "-m", "toolpair_observe", "demo", "--live"),
            *("--port", str(port), "--minutes", str(3 * phase_seconds / 60)),
        ],
        stdout=subprocess.DEVNULL,
    )


def await_exporter(port: int, demo: subprocess.Popen[bytes]) -> None:
    """Wait until the live demo serves its metrics.

    Raises:
        StackError: The demo has ended, or takes too long.
    """

    def unreachable() -> list[str]:
        if demo.poll() is not None:
            msg = f"the live demo ended with exit code {demo.returncode}"
            raise StackError(msg)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=1):
                return []
        except OSError as error:
            return [str(error)]

    if problems := _until(unreachable, seconds=60):
        msg = f"the live demo serves no metrics: {problems[0]}"
        raise StackError(msg)


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
