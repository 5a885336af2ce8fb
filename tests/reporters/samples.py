"""Observations made by hand, for tests of what becomes of them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from opentelemetry.context import Context

from toolpair_observe.observation import Observation
from toolpair_observe.pairing.masked import MaskedEvidence, MaskedKind, MaskedResult
from toolpair_observe.pairing.report import PairingReport, Violation
from toolpair_observe.pairing.words import Cause, Effect, ViolationKind
from toolpair_observe.record import Place, Record, Trace
from toolpair_observe.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

START_NS = 1_700_000_000_000_000_000
CHECK_NS = 42_000
RUN_ID = UUID("00000000-0000-4000-8000-000000000001")
NOWHERE = Place(Context())
UNTRACED = Trace(NOWHERE)


def settings(**options: Any) -> Settings:
    """The default settings with `options` changed, whatever the environment says."""
    return Settings.resolve(environ={}, **options)


def violation(**overrides: Any) -> Violation:
    """A call without its result."""
    values: dict[str, Any] = {
        "kind": ViolationKind.MISSING_RESULT,
        "effect": Effect.REJECT,
        "cause": Cause.PARTIAL_EXECUTION,
        "message_index": 3,
        "call_message_index": 3,
        "tool_call_id": "call_b",
        "tool_name": "search",
    }
    return Violation(**(values | overrides))


def report(violations: Sequence[Violation] = (), **overrides: Any) -> PairingReport:
    """A report on a history of five messages."""
    values: dict[str, Any] = {
        "profile": "openai-chat",
        "violations": tuple(violations),
        "effect": Effect.worst(*(each.effect for each in violations)),
        "message_count": 5,
        "call_count": 2,
        "result_count": 1,
    }
    return PairingReport(**(values | overrides))


def masked(**overrides: Any) -> MaskedResult:
    """A result that other software made up, new in its request."""
    values: dict[str, Any] = {
        "message_index": 4,
        "call_message_index": 3,
        "tool_call_id": "call_b",
        "tool_name": "search",
        "kind": MaskedKind.MISSING,
        "by": "deepagents",
        "evidence": MaskedEvidence.TEXT,
        "fresh": True,
    }
    return MaskedResult(**(values | overrides))


def mended(*found: MaskedResult, **overrides: Any) -> Record:
    """A request that pairs only because of made-up results, still in flight."""
    return record(**({"report": report(masked=found or (masked(),))} | overrides))


def observation(violations: Sequence[Violation] = (), **overrides: Any) -> Observation:
    """A checked request to OpenAI."""
    return Observation(**_checked(violations, **overrides))


def near_miss(**overrides: Any) -> Observation:
    """A request with one violation that the provider will reject, with its own run id."""
    return observation([violation()], **({"run_id": uuid4()} | overrides))


def record(violations: Sequence[Violation] = (), **overrides: Any) -> Record:
    """The same as `observation`, still in flight."""
    made = {each.name for each in fields(Record) if each.init}
    values = _checked(violations, **({"blocked": False, "place": NOWHERE} | overrides))
    taken = Record(**{name: value for name, value in values.items() if name in made})
    for name in values.keys() - made:
        setattr(taken, name, values[name])
    return taken


def _checked(violations: Sequence[Violation], **overrides: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "run_id": RUN_ID,
        "report": report(violations),
        "mode": "observe",
        "provider": "openai",
        "model": "gpt-4o",
        "conversation_id": "thread-7",
        "start_ns": START_NS,
        "check_ns": CHECK_NS,
        "identified": True,
    }
    return values | overrides
