"""What people are told of each alert, without values: the texts of the dashboard and of README.

A metric has no annotations, so the dashboard shows these beside the alerts that fire. They are
short, since a cell of a table is one line.
"""

from __future__ import annotations

from typing import Final

WHAT_HAPPENS: Final = {
    "ToolPairSilentLoss": "answered without some tool results",
    "ToolPairNearMissBurnFast": "far too many requests are broken",
    "ToolPairBlockedInProduction": "strict mode stops production requests",
    "ToolPairTelemetryAbsent": "a job no longer reports",
    "ToolPairNoTelemetryAtAll": "no job reports",
    "ToolPairThreadsPoisoned": "stored conversations fail at every turn",
    "ToolPairNearMissBurnSlow": "too many requests are broken, for hours",
    "ToolPairNearMissRateUp": "three times as many are broken as usual",
    "ToolPairBreachesUp": "three times the usual new breaches",
    "ToolPairMaskedResults": "other software makes up tool results",
    "ToolPairProviderRejections": "a provider refuses broken requests",
    "ToolPairEscaped": "a provider refuses what was not flagged",
    "ToolPairFalseAlarm": "a request was answered that was to fail",
    "ToolPairFeedbackNotDelivered": "feedback does not reach LangSmith",
    "ToolPairInternalErrors": "a part of toolpair_observe fails",
    "ToolPairChecksStopped": "processes report, but check nothing",
    "ToolPairThreadsStalled": "conversations stopped in mid-turn",
    "ToolPairThreadsUncounted": "nobody has counted the stored threads",
}
"""What has happened when an alert fires."""

AT_ONCE: Final = {
    "silent-loss": "Roll back the last deploy.",
    "near-miss-rate": "Roll back what changed right before it.",
    "blocked-in-production": "Restart with TOOLPAIR_MODE=observe.",
    "telemetry-absent": "See whether the job runs.",
    "poisoned-threads": "List the broken threads, plan the mend.",
    "masked-results": "See who makes them up, for which tool.",
    "provider-rejections": "Find the conversations; do not retry.",
    "escaped": "Read whose fault: the check or server.",
    "false-alarm": "Is strict mode on? Set it to observe.",
    "feedback-not-delivered": "Users are fine. Read the error's type.",
    "internal-errors": "Read the component and the error's type.",
    "checks-stopped": "See whether the job still calls models.",
}
"""The first thing to do, by the name of the runbook: its section *At once* begins with it."""
