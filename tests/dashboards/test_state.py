"""The state of the first row, computed by Prometheus from made-up series."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from dashboards.tools.expressions import panel_queries
from dashboards.tools.now_row import STATE, State

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is not installed: apt-get install prometheus",
)

AT = 'job="shop", instance="1"'
HEARTBEAT = {f"toolpair_runs_in_flight{{{AT}}}": "0x30"}
# Ten a minute.
SOUND = {f'toolpair_checks_total{{{AT}, toolpair_effect="clean"}}': "0+10x30"}


def outcome(name: str, effect: str, values: str) -> dict[str, str]:
    labels = f'{AT}, toolpair_outcome="{name}", toolpair_effect="{effect}"'
    return {f"toolpair_outcomes_total{{{labels}}}": values}


def alert(severity: str) -> dict[str, str]:
    labels = f'alertname="ToolPairX", alertstate="firing", severity="{severity}"'
    return {f"ALERTS{{{labels}}}": "1x30"}


NOT_PRODUCTION = {'job:toolpair_not_production:info{job="shop"}': "1x30"}
ONCE_NOW = "0x25 1x4"
LONG_AGO = "0 1x29"


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        pytest.param({}, State.FINE, id="sound requests"),
        pytest.param(
            outcome("accepted", "silent_loss", ONCE_NOW), State.HURT, id="one silent loss"
        ),
        pytest.param(
            outcome("accepted", "silent_loss", LONG_AGO),
            State.FINE,
            id="a silent loss half an hour ago",
        ),
        pytest.param(outcome("rejected", "reject", ONCE_NOW), State.WARNING, id="one rejection"),
        pytest.param(outcome("rejected", "reject", "0+2x30"), State.HURT, id="many rejections"),
        pytest.param(outcome("escaped", "clean", "0+2x30"), State.HURT, id="many escapes"),
        pytest.param(outcome("blocked", "reject", ONCE_NOW), State.HURT, id="a block"),
        pytest.param(
            outcome("blocked", "reject", ONCE_NOW) | NOT_PRODUCTION,
            State.FINE,
            id="a block in a job that is not production",
        ),
        pytest.param(
            {f'toolpair_checks_total{{{AT}, toolpair_effect="unknown"}}': ONCE_NOW},
            State.WARNING,
            id="a near miss whose effect is unknown",
        ),
        pytest.param(alert("critical"), State.HURT, id="a critical alert"),
        pytest.param(alert("warning"), State.WARNING, id="a warning"),
    ],
)
def test_the_state_says_whether_users_are_hurt(dashboard, tmp_path, series, expected):
    state_is(dashboard, tmp_path, HEARTBEAT | SOUND | series, expected)


def test_without_a_process_that_reports_nobody_knows(dashboard, tmp_path):
    state_is(dashboard, tmp_path, alert("critical"), State.BLIND)


def test_another_state_is_found(dashboard, tmp_path):
    with pytest.raises(AssertionError, match="FAILED"):
        state_is(dashboard, tmp_path, HEARTBEAT | SOUND, State.HURT)


def state_is(dashboard, folder: Path, series: dict[str, str], expected: State) -> None:
    """Let promtool compute the state after half an hour, a sample a minute."""
    (query,) = (query for query in panel_queries(dashboard) if query.panel == STATE)
    content = {
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": name, "values": values} for name, values in series.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": query.filled_in(),
                        "eval_time": "30m",
                        "exp_samples": [{"labels": "{}", "value": expected.value}],
                    }
                ],
            }
        ]
    }
    path = folder / "state.test.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    done = subprocess.run(  # noqa: S603 -- our own arguments
        ["promtool", "test", "rules", str(path)],  # noqa: S607 -- wherever the system keeps it
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
