"""With `hash_ids` no id is in anything that is shown, carried or handed on."""

from __future__ import annotations

import copy
import hashlib
import logging
import os
import pickle
import re
import subprocess
import sys
from contextlib import nullcontext
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.forking import in_child, needs_fork
from tests.handler.models import CountingModel
from toolpair_observe import InvalidToolResultsError, Profile
from toolpair_observe.attach.guard import guard
from toolpair_observe.hashed import hashed, quotes
from toolpair_observe.middleware import ToolPairMiddleware
from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.providers.by_name import profile_named
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.settings import Settings
from toolpair_observe.templates.profile import profile_from_chat_template
from toolpair_observe.testing import Watch

SECRET = "secret-id"


def history(*more: Any) -> list:
    """An unanswered call, a stray result and a result of another id."""
    calls = [{"name": "look", "args": {}, "id": f"{SECRET}-{n}"} for n in range(3)]
    return [
        HumanMessage("go"),
        AIMessage("", tool_calls=calls),
        ToolMessage("r", tool_call_id=f"{SECRET}-stray"),
        HumanMessage("and?"),
        ToolMessage("late", tool_call_id=f"{SECRET}-1"),
        *more,
    ]


CONFIG = {"metadata": {"thread_id": f"{SECRET}-thread", "langgraph_node": "agent"}}


def everything_of(thing: Any) -> str:
    """A report, an error or an observation, as it can be read."""
    report = getattr(thing, "report", thing)
    carried = pickle.dumps(thing).decode("latin-1")
    texts = [str(thing), repr(thing), carried, repr(copy.deepcopy(report)), report.summary()]
    return "\n".join([*texts, report.explain(), repr(report.to_dict()), repr(report.timeline)])


@pytest.mark.parametrize(
    "profile", ["contract", "openai-chat", "anthropic", "google-vertexai", "mistral"]
)
def test_no_id_leaves_a_handler(make_handler, caplog, profile):
    caplog.set_level(logging.INFO)
    spans, events = InMemorySpanExporter(), InMemoryLogRecordExporter()
    tracing, logs = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    logs.add_log_record_processor(SimpleLogRecordProcessor(events))
    told = []
    handler = make_handler(
        "strict",
        hash_ids=True,
        block_on="reject,local_error,silent_loss,unknown",
        profile=profile,
        tracer_provider=tracing,
        logger_provider=logs,
        on_near_miss=told.append,
    )
    with pytest.raises(InvalidToolResultsError) as caught:
        CountingModel().invoke(history(), {"callbacks": [handler], **CONFIG})
    with pytest.raises(InvalidToolResultsError) as guarded:
        guard(CountingModel(), handler).invoke(history(), CONFIG)
    assert handler.flush()

    gone = [span.to_json() for span in spans.get_finished_spans()]
    gone += [repr(data.log_record.attributes) for data in events.get_finished_logs()]
    gone += [*caplog.messages, *map(everything_of, told)]
    gone += [everything_of(caught.value), everything_of(guarded.value)]
    assert len(told) == 2
    for text in gone:
        assert SECRET not in text
    conversation = hashed(CONFIG["metadata"]["thread_id"])
    assert told[0].conversation_id == conversation
    assert f"thread {conversation}, node agent" in caplog.text
    ids = {each.tool_call_id for each in told[0].report.violations}
    assert ids & {hashed(f"{SECRET}-{each}") for each in ("0", "1", "2", "stray")}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_no_id_is_in_what_any_profile_says(profile):
    for asked in (history(), history(*history()), history(AIMessage("x"))[::-1]):
        assert SECRET not in everything_of(check(asked, profile, rename=hashed))


@pytest.mark.parametrize("identifier", [SECRET, SECRET * 1_000])
def test_no_id_is_in_what_a_chat_template_says(identifier):
    template = (
        "{% for m in messages %}{% if m.tool_call_id %}"
        "{{ raise_exception('no {' ~ m.tool_call_id ~ '}, a bad one') }}"
        "{% endif %}{{ m.content }}{% endfor %}"
    )
    asked = [HumanMessage("go"), ToolMessage("r", tool_call_id=identifier)]
    profile = profile_from_chat_template(template)

    (violation,) = check(asked, profile, rename=hashed).violations
    assert violation.expected_error.startswith(f"no {{{hashed(identifier)}")
    assert SECRET not in violation.expected_error
    (violation,) = check(asked, profile).violations
    assert violation.expected_error.startswith(f"no {{{SECRET}")


@pytest.mark.parametrize("mode", ["observe", "strict"])
def test_no_id_leaves_a_watch(monkeypatch, mode):
    monkeypatch.setenv("TOOLPAIR_HASH_IDS", "true")
    monkeypatch.setenv("TOOLPAIR_PROFILE", "openai-chat")
    watch = Watch(mode)
    try:
        with pytest.raises(InvalidToolResultsError) if mode == "strict" else nullcontext():
            CountingModel().invoke(history())
    finally:
        watch.stop()

    (report,) = watch.requests.reports
    assert SECRET not in everything_of(report)


def test_no_id_leaves_a_repair(make_handler, caplog):
    told = []
    handler = make_handler("observe", hash_ids=True)
    middleware = ToolPairMiddleware(
        handler, repair="insert_error_results", drop_unpaired=True, on_repair=told.append
    )
    model = CountingModel()
    create_agent(model, [], middleware=[middleware]).invoke({"messages": history()})

    (repair,) = told
    assert SECRET not in repair.summary() + repr(repair) + caplog.text
    assert SECRET not in everything_of(repair.before) + everything_of(repair.after)
    assert {change.tool_call_id for change in repair.changes} >= {hashed(f"{SECRET}-0")}
    sent = [one.tool_call_id for one in model._requests[0] if isinstance(one, ToolMessage)]
    assert f"{SECRET}-0" in sent


def profile_that_raises(made: str) -> Profile:
    """A chat template's that raises this at the first call; `i` is its id."""
    calls = "{% for m in messages if m.tool_calls %}{% set i = m.tool_calls[0].id %}"
    return profile_from_chat_template(f"{calls}{{{{ raise_exception({made}) }}}}{{% endfor %}}")


@pytest.mark.parametrize(
    "made",
    [
        "i|replace('_', '-')",
        "i|replace('_', ' ')",
        "i|upper",
        "i|capitalize",
        "i|reverse",
        "i[:12]",
        "i[4:]",
        "i|list|join(' ')",
        "i.split('_')|last",
        "'%s' % i[5:]",
        "'x' ~ i[5:] ~ 'x'",
        "i|length",
    ],
)
def test_a_chat_template_that_changes_an_id_does_not_give_it_away(made):
    profile = profile_that_raises(f"'bad id: ' ~ {made} ~ ' (give nine letters)'")
    asked = [
        HumanMessage("go"),
        AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "call_Hidden_Patient4711"}]),
    ]
    for violation in check(asked, profile, rename=hashed).violations:
        assert re.fullmatch(r"bad id:( …)+ \(give nine letters\)", violation.expected_error)
    for violation in check(asked, profile).violations:
        assert "…" not in violation.expected_error


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("'tool call ' ~ i ~ ' is bad'", "tool call {} is bad"),
        ("i|tojson ~ ' is bad'", '"{}" is bad'),
        ("'%s is bad' % i", "{} is bad"),
        ("'{} is bad'.format(i)", "{} is bad"),
        ("'only user and tool roles: ' ~ messages[0].role", "only user and tool roles: user"),
        ("m.tool_calls[0].function.name ~ ' has ' ~ i", "look has {}"),
        ("'not ' ~ messages[0].content ~ ', but ' ~ i", "not …, but {}"),
    ],
)
def test_what_a_chat_template_says_itself_stays_where_ids_are_hashed(made, said):
    asked = [
        HumanMessage("go"),
        AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "call_Hidden"}]),
    ]
    report = check(asked, profile_that_raises(made), rename=hashed)

    assert report.violations[-1].expected_error == said.format(hashed("call_Hidden"))


def test_an_error_that_quotes_an_id_is_found_by_its_hash():
    """So an error is known for its own breach, and not for the first that raises its class."""
    asked = [
        HumanMessage("go"),
        AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": f"{SECRET}-1"}]),
        ToolMessage("r", tool_call_id=f"{SECRET}-stray"),
        ToolMessage("r", tool_call_id=f"{SECRET}-1"),
    ]
    (violation,) = check(asked, profile_named("google-vertexai"), rename=hashed).violations
    raised = (
        "ValueError: Message name is empty and can't find corresponding tool call for id: '${}'"
    )

    assert SECRET not in violation.expected_error
    assert quotes(raised.format(f"{SECRET}-stray"), violation.expected_error)
    assert not quotes(raised.format(f"{SECRET}-other"), violation.expected_error)
    assert not quotes("ValueError: something else", violation.expected_error)
    assert quotes("ValueError: something else", "something")


def test_an_empty_id_stays_empty():
    assert hashed("") == ""


def test_hashes_need_the_key(monkeypatch):
    own = hashed(SECRET)
    monkeypatch.setenv("TOOLPAIR_HASH_KEY", "one")
    first = hashed(SECRET)
    monkeypatch.setenv("TOOLPAIR_HASH_KEY", "two")

    assert len({own, first, hashed(SECRET)}) == 3
    assert hashlib.sha256(SECRET.encode()).hexdigest()[:16] not in own


def test_processes_with_the_same_key_agree(monkeypatch):
    program = f"from toolpair_observe.hashed import hashed; print(hashed({SECRET!r}))"

    def elsewhere(**environ: str) -> str:
        done = subprocess.run(  # noqa: S603 -- our own program
            [sys.executable, "-c", program],
            env=os.environ | environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    monkeypatch.setenv("TOOLPAIR_HASH_KEY", "k\u00e9y")
    assert elsewhere() == hashed(SECRET)
    assert elsewhere(TOOLPAIR_HASH_KEY="") != elsewhere(TOOLPAIR_HASH_KEY="")


@needs_fork
def test_forked_children_agree_without_a_key():
    assert in_child(lambda: hashed(SECRET)) == repr(hashed(SECRET))


def test_the_key_is_a_known_variable_and_shown_nowhere(monkeypatch, caplog, make_handler):
    monkeypatch.setenv("TOOLPAIR_HASH_KEY", "the-key")
    handler = make_handler(hash_ids=True)

    assert not caplog.records
    for held in (handler.settings, handler, Settings.resolve()):
        assert "the-key" not in repr(held)
        assert b"the-key" not in pickle.dumps(held)
