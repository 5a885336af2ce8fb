"""What was measured of a server is true of histories that it was not asked with.

The servers enforce rules that the probe does not know, the model is a real ChatOpenAI, and the
requests go over loopback HTTP.
"""

from __future__ import annotations

import json

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("langchain_openai")

from langchain_openai import ChatOpenAI

from tests.probe.held_back import TemplateServer, held_back, tally
from tests.probe.servers import OpenAIRules, Recording, Reply, Request, accepted, refused, served
from tests.templates import samples
from toolpair_observe import (
    InvalidToolResultsError,
    ToolPairHandler,
    check_messages,
    probe,
)
from toolpair_observe.pairing.providers.openai import OPENAI_CHAT_RULES
from toolpair_observe.pairing.providers.places import unproven
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.words import Case, Effect
from toolpair_observe.probing.features import sight_of
from toolpair_observe.probing.fit import explanations_of
from toolpair_observe.probing.measurement import Answer, Verdict
from toolpair_observe.probing.requests import PROBES, messages_of

# Each with the mechanisms that are in it.
TEMPLATES = {
    "PLAIN": {"arguments-are-json"},
    "NEEDS_CALL": {"arguments-are-json", "result-needs-open-call"},
    "NINE": {"arguments-are-json", "roles-alternate", "system-first", "id-length"},
    "ONE_CALL": {"arguments-are-json", "one-call"},
    "WITH_CALLS": {"arguments-are-json", "result-follows-calls"},
    "INSIDE_ASSISTANT": {"arguments-are-json", "system-first", "result-follows-ai"},
    "HUMAN_NEEDED": {"arguments-are-json", "system-first", "human-needed"},
}
HELD_BACK = held_back(281, seed=20)


def measured(behaviour):
    with served(behaviour) as url:
        return probe(ChatOpenAI(model="local", base_url=url, api_key="none")).send()


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_told_by_its_answers(name):
    server = TemplateServer(getattr(samples, name))
    result = measured(server)
    found = result.measurement.findings
    assert {each.name for each in found.mechanisms} == TEMPLATES[name]
    assert (found.cases, found.unexplained, found.elsewhere) == ({}, (), Effect.ACCEPT)
    assert result.requests < 250
    counts = tally(result.profile, server.happens, HELD_BACK)
    assert counts["right"] == len(HELD_BACK), counts


def test_strict_mode_stops_what_the_endpoint_refuses_and_nothing_that_it_takes(tmp_path):
    server = Recording(TemplateServer(samples.NEEDS_CALL))
    with served(server) as url:
        model = ChatOpenAI(model="local", base_url=url, api_key="none", max_retries=0)
        path = tmp_path / "toolpair-profile.toml"
        probe(model).send().write(path)
        handler = ToolPairHandler(mode="strict", profile=str(path), feedback="off")
        for history in HELD_BACK[:100]:
            before = len(server.requests)
            messages = messages_of(history)
            refused_by_server = TemplateServer(samples.NEEDS_CALL).happens(messages) == "reject"
            try:
                model.invoke(messages, config={"callbacks": [handler]})
                stopped = False
            except InvalidToolResultsError:
                stopped = True
            assert stopped is refused_by_server, history
            assert len(server.requests) == before + (not stopped)
        handler.close()


def test_before_it_was_asked_most_of_that_was_unknown():
    server = TemplateServer(samples.NEEDS_CALL)
    counts = tally("openai-compatible", server.happens, HELD_BACK)
    assert counts["right"] < len(HELD_BACK) / 2


@pytest.fixture(scope="module")
def openai():
    return measured(OpenAIRules())


def test_openais_rules_are_measured_case_by_case_as_the_built_in_profile_has_them(openai):
    cases = openai.measurement.findings.cases
    built_in = {
        case: rule.effect
        for case, rule in OPENAI_CHAT_RULES.items()
        if rule.effect is not Effect.UNKNOWN
        and case not in (Case.UNSUPPORTED_RESULT, Case.INVALID_ID)  # no probe, and a length
    }
    assert {case: cases[case].effect for case in built_in} == built_in
    (longest,) = [each for each in openai.measurement.findings.mechanisms if each.value]
    assert (longest.name, longest.value) == ("id-at-most", 40)


def test_the_measured_profile_agrees_with_the_built_in_one_wherever_that_knows(openai):
    for history in (*(each.history for each in PROBES), *HELD_BACK):
        messages = messages_of(history)
        known = check_messages(messages, "openai-chat").effect
        if known is not Effect.UNKNOWN and "!" not in history:
            assert check_messages(messages, openai.profile).effect is known, history


def test_it_quotes_the_endpoint(openai):
    report = check_messages(messages_of("H A(x) H"), openai.profile)
    assert "must be followed by tool messages responding to each" in (
        report.violations[0].expected_error
    )


def test_a_rule_that_nothing_explains_leaves_all_that_it_may_touch_unknown():
    class TwoResultsAtMost:
        def __call__(self, request: Request, _: int) -> Reply:
            results = [each for each in request.messages if each["role"] == "tool"]
            return refused("too many results") if len(results) > 2 else accepted(request)

        def happens(self, messages):
            results = [each for each in messages if each.type == "tool"]
            return "reject" if len(results) > 2 else "accept"

    server = TwoResultsAtMost()
    result = measured(server)
    assert result.measurement.findings.unexplained
    counts = tally(result.profile, server.happens, HELD_BACK)
    assert counts["false alarm"] == 0
    broken = check_messages(messages_of("H A(x) H"), result.profile)
    assert broken.effect is Effect.UNKNOWN


def test_what_real_templates_did_is_explained(shared_dir):
    base = unproven(PROFILES["openai-compatible"])
    histories = {each.name: each.history for each in PROBES}
    lines = (shared_dir / "chat-templates.jsonl").read_text("utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["probeable"]]
    assert len(rows) > 30
    for row in rows:
        answers = [
            Answer(name, histories[name], SHARED[told], str(place))
            for name, (told, *place) in row["verdicts"].items()
            if name in histories
        ]
        for effect in (Effect.REJECT, Effect.SILENT_LOSS):
            explanation = explanations_of(answers, base, effect)[0]
            for answer in answers:
                is_minded = not explanation.isdisjoint(sight_of(answer.history, base).features)
                if answer.verdict is not Verdict.REJECT or effect is Effect.REJECT:
                    assert is_minded is (answer.verdict == effect), row["template"]


# Arguments are parsed before the template sees them.
SHARED = {"frontend": Verdict.REJECT} | {each.value: each for each in Verdict}
