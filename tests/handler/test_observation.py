"""What an application's own function is given: frozen, and leading nowhere."""

from __future__ import annotations

import dataclasses

import pytest
from langchain_core.tracers.langchain import LangChainTracer
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider

from tests.handler.models import CountingModel, RefusedError, refuse_pairing
from tests.reporters.samples import near_miss, observation, violation
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import Effect, Outcome, ViolationKind

KEY = "lsv2_the_key_of_the_tracer"


class Client:
    """What a tracer sends to, and a key in it."""

    api_key = KEY
    api_url = "http://127.0.0.1:9"
    tracing_mode = "otel"  # no feedback is sent to such a client
    tracing_error_callback = None

    def create_run(self, **run):
        pass

    def update_run(self, run_id, **run):
        pass


def reachable_from(start):
    """Everything that an object of ours leads to: attributes, properties, items, and theirs."""
    found, waiting = {}, [start]
    while waiting:
        each = waiting.pop()
        if id(each) in found or isinstance(each, type) or callable(each):
            continue
        found[id(each)] = each
        if isinstance(each, dict):
            waiting += [*each, *each.values()]
        elif isinstance(each, list | tuple | set | frozenset):
            waiting += each
        elif type(each).__module__.startswith("toolpair_observe"):
            waiting += [getattr(each, name) for name in dir(each) if not name.startswith("__")]
    return list(found.values())


@pytest.mark.parametrize("history", [BROKEN, SOUND], ids=["near miss", "escape"])
def test_it_leads_to_no_client_no_key_and_no_context(make_handler, history):
    told, client = [], Client()
    handler = make_handler(on_near_miss=told.append)
    tracer = LangChainTracer(client=client, project_name="weather")
    spans = TracerProvider(shutdown_on_exit=False).get_tracer("application")
    with spans.start_as_current_span("request") as span, pytest.raises(RefusedError):
        CountingModel(before=refuse_pairing).invoke(history, {"callbacks": [handler, tracer]})
    assert handler.flush()

    (observed,) = told
    reached = reachable_from(observed)
    assert observed.report in reached
    assert client not in reached
    assert span not in reached
    assert not [each for each in reached if isinstance(each, Context | trace.SpanContext)]
    assert not [each for each in reached if isinstance(each, str) and KEY in each]
    # Nor to anything else that is not ours to hand on.
    modules = {type(each).__module__.partition(".")[0] for each in reached}
    assert modules <= {"builtins", "toolpair_observe", "uuid"}


def test_it_cannot_be_changed():
    observed = near_miss(outcome=Outcome.REJECTED)
    for field in dataclasses.fields(observed):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(observed, field.name, None)
    with pytest.raises((AttributeError, TypeError)):
        observed.link = None


@pytest.mark.parametrize("outcome", [None, *Outcome])
def test_a_finding_is_a_near_miss_or_an_escape(outcome):
    harmless = violation(effect=Effect.ACCEPT)
    assert near_miss(outcome=outcome).is_finding
    for violations in ([], [harmless]):
        observed = observation(violations, outcome=outcome)
        assert not observed.is_near_miss
        assert observed.is_finding == (outcome is Outcome.ESCAPED)


def test_kinds_stand_once_each_and_the_worst_first():
    observed = observation(
        [
            violation(kind=ViolationKind.REUSED_CALL_ID, effect=Effect.ACCEPT),
            violation(kind=ViolationKind.ORPHAN_RESULT, effect=Effect.REJECT),
            violation(kind=ViolationKind.MISSING_RESULT, effect=Effect.REJECT),
            violation(kind=ViolationKind.ORPHAN_RESULT, effect=Effect.SILENT_LOSS),
            violation(kind=ViolationKind.MISSING_ID, effect=Effect.LOCAL_ERROR),
        ]
    )
    assert observed.kinds == ("missing_id", "orphan_result", "missing_result", "reused_call_id")
    assert {type(kind) for kind in observed.kinds} == {str}
    assert observation().kinds == ()


def test_the_kind_of_an_escape_is_what_the_provider_named():
    harmless = [violation(kind=ViolationKind.REUSED_CALL_ID, effect=Effect.ACCEPT)]
    escaped = {"outcome": Outcome.ESCAPED, "rejected_kind": ViolationKind.MISSING_RESULT}
    for violations in ([], harmless):
        assert observation(violations, **escaped).kinds == ("missing_result",)
    assert observation(outcome=Outcome.ESCAPED).kinds == ("unknown",)
    rejected = near_miss(outcome=Outcome.REJECTED, rejected_kind=ViolationKind.ORPHAN_RESULT)
    assert (rejected.kinds, rejected.named_kind) == (("missing_result",), "orphan_result")
