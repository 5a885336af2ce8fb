"""See broken tool-call / tool-result pairs (INVALID_TOOL_RESULTS) before the provider does.

The names below are imported when they are asked for: a pytest plugin and a command line that only
may need them start without langchain-core.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from toolpair_observe._version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.accuracy import Accuracy, AccuracyRow
    from toolpair_observe.attach.guard import GuardedModel, guard
    from toolpair_observe.attach.handler import ToolPairHandler
    from toolpair_observe.attach.instrument import instrument, uninstrument
    from toolpair_observe.attach.options import HandlerOptions
    from toolpair_observe.diagnosis.doctor import doctor
    from toolpair_observe.diagnosis.findings import Diagnosis, Finding
    from toolpair_observe.errors import (
        ChatTemplateError,
        CheckFailedError,
        InvalidToolResultsError,
        MeasuredProfileError,
        MendError,
        MissingExtraError,
        ProbeError,
        SettingsError,
        ThreadStoreError,
        ToolPairError,
    )
    from toolpair_observe.observation import Observation
    from toolpair_observe.option_values import (
        BlameMode,
        BlockableEffect,
        Mode,
        OnInternalError,
        RequestMode,
        RequestSelection,
    )
    from toolpair_observe.pairing.check_messages import check_messages
    from toolpair_observe.pairing.masked import MaskedEvidence, MaskedKind, MaskedResult
    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.report import PairingReport, Violation
    from toolpair_observe.pairing.words import Cause, Effect, Outcome, ViolationKind
    from toolpair_observe.probing.probe import ProbePlan, ProbeResult, probe
    from toolpair_observe.repair.mend import repair_messages
    from toolpair_observe.repair.report import Change, Repair, RepairAction, ThinkingPolicy
    from toolpair_observe.reporters.hook import ObservationHook
    from toolpair_observe.settings import Options, Settings
    from toolpair_observe.steps.blamed import Blame, BlameChange, CallFate, Fate
    from toolpair_observe.templates.profile import profile_from_chat_template
    from toolpair_observe.threads.diagnose import adiagnose_threads, diagnose_threads
    from toolpair_observe.threads.diagnosis import (
        BrokenStep,
        FoundResult,
        Question,
        TaskError,
        ThreadDiagnosis,
        ThreadVerdict,
    )
    from toolpair_observe.threads.mend import amend_thread, mend_thread
    from toolpair_observe.threads.plan import MadeUpResult, MendPlan

__all__ = [
    "Accuracy",
    "AccuracyRow",
    "Blame",
    "BlameChange",
    "BlameMode",
    "BlockableEffect",
    "BrokenStep",
    "CallFate",
    "Cause",
    "Change",
    "ChatTemplateError",
    "CheckFailedError",
    "Diagnosis",
    "Effect",
    "Fate",
    "Finding",
    "FoundResult",
    "GuardedModel",
    "HandlerOptions",
    "InvalidToolResultsError",
    "MadeUpResult",
    "MaskedEvidence",
    "MaskedKind",
    "MaskedResult",
    "MeasuredProfileError",
    "MendError",
    "MendPlan",
    "MissingExtraError",
    "Mode",
    "Observation",
    "ObservationHook",
    "OnInternalError",
    "Options",
    "Outcome",
    "PairingReport",
    "ProbeError",
    "ProbePlan",
    "ProbeResult",
    "Profile",
    "Question",
    "Repair",
    "RepairAction",
    "RequestMode",
    "RequestSelection",
    "Settings",
    "SettingsError",
    "TaskError",
    "ThinkingPolicy",
    "ThreadDiagnosis",
    "ThreadStoreError",
    "ThreadVerdict",
    "ToolPairError",
    "ToolPairHandler",
    "Violation",
    "ViolationKind",
    "__version__",
    "adiagnose_threads",
    "amend_thread",
    "check_messages",
    "diagnose_threads",
    "doctor",
    "guard",
    "instrument",
    "mend_thread",
    "probe",
    "profile_from_chat_template",
    "repair_messages",
    "uninstrument",
]

_HOMES: Final[Mapping[str, str]] = {
    "Accuracy": "accuracy",
    "AccuracyRow": "accuracy",
    "Blame": "steps.blamed",
    "BlameChange": "steps.blamed",
    "BlameMode": "option_values",
    "BlockableEffect": "option_values",
    "BrokenStep": "threads.diagnosis",
    "CallFate": "steps.blamed",
    "Cause": "pairing.words",
    "Change": "repair.report",
    "ChatTemplateError": "errors",
    "CheckFailedError": "errors",
    "Diagnosis": "diagnosis.findings",
    "Effect": "pairing.words",
    "Fate": "steps.blamed",
    "Finding": "diagnosis.findings",
    "FoundResult": "threads.diagnosis",
    "GuardedModel": "attach.guard",
    "HandlerOptions": "attach.options",
    "InvalidToolResultsError": "errors",
    "MadeUpResult": "threads.plan",
    "MaskedEvidence": "pairing.masked",
    "MaskedKind": "pairing.masked",
    "MaskedResult": "pairing.masked",
    "MeasuredProfileError": "errors",
    "MendError": "errors",
    "MendPlan": "threads.plan",
    "MissingExtraError": "errors",
    "Mode": "option_values",
    "ObservationHook": "reporters.hook",
    "Observation": "observation",
    "OnInternalError": "option_values",
    "Options": "settings",
    "Outcome": "pairing.words",
    "PairingReport": "pairing.report",
    "ProbeError": "errors",
    "ProbePlan": "probing.probe",
    "ProbeResult": "probing.probe",
    "Profile": "pairing.providers.profile",
    "Question": "threads.diagnosis",
    "Repair": "repair.report",
    "RepairAction": "repair.report",
    "RequestMode": "option_values",
    "RequestSelection": "option_values",
    "Settings": "settings",
    "SettingsError": "errors",
    "TaskError": "threads.diagnosis",
    "ThinkingPolicy": "repair.report",
    "ThreadDiagnosis": "threads.diagnosis",
    "ThreadStoreError": "errors",
    "ThreadVerdict": "threads.diagnosis",
    "ToolPairError": "errors",
    "ToolPairHandler": "attach.handler",
    "Violation": "pairing.report",
    "ViolationKind": "pairing.words",
    "adiagnose_threads": "threads.diagnose",
    "amend_thread": "threads.mend",
    "check_messages": "pairing.check_messages",
    "diagnose_threads": "threads.diagnose",
    "doctor": "diagnosis.doctor",
    "guard": "attach.guard",
    "instrument": "attach.instrument",
    "mend_thread": "threads.mend",
    "probe": "probing.probe",
    "profile_from_chat_template": "templates.profile",
    "repair_messages": "repair.mend",
    "uninstrument": "attach.instrument",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
