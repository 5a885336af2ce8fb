"""What is measured through a provider's real client is true of histories that were not asked.

The servers enforce the rules of the judges, which know nothing of LangChain. What the client does
to a history before it leaves is its own, and the measured profile has it from the built-in one.
"""

from __future__ import annotations

import pytest

from tests.probe.held_back import held_back
from tests.probe.servers import Reply, Request, served
from toolpair_observe import Effect, check_messages, probe
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.probing.requests import messages_of

from .judges import NOT_PAIRING, REJECT, judge
from .recorders import ENVIRONMENT, INTEGRATIONS, look
from .test_probe import REFUSAL, anthropic, converse, gemini

ANSWERS = {"anthropic": anthropic, "google-genai": gemini, "bedrock-converse": converse}
REFUSED = (Effect.REJECT, Effect.LOCAL_ERROR)
HELD_BACK = held_back(120, seed=3)


class Judged:
    """A provider that refuses what its judge does, and counts the words of the rest."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._wire = INTEGRATIONS[name].wire
        self.refusals = 0

    def __call__(self, request: Request, _: int) -> Reply:
        breaches = judge(self._wire, dict(request))
        if any(each.grade == REJECT and each.kind not in NOT_PAIRING for each in breaches):
            self.refusals += 1
            return Reply(400, REFUSAL)
        answer = ANSWERS[self._name](request)
        words = len(str(dict(request)).split())
        for usage in (answer.get("usage"), answer.get("usageMetadata")):
            for counted in ("input_tokens", "promptTokenCount", "inputTokens"):
                if usage and counted in usage:
                    usage[counted] = words
        return Reply(body=answer)


@pytest.mark.parametrize("name", ANSWERS)
def test_what_was_measured_is_refused_and_nothing_else(name, monkeypatch):
    integration = INTEGRATIONS[name]
    if not integration.version:
        pytest.skip(f"{integration.package} is not installed (extra: integrations)")
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    server = Judged(name)
    with served(server) as url:
        model = integration.build(url)
        result = probe(model).send()
        assert result.measurement.endpoint.profile == name
        assert result.profile.steps == PROFILES[name].steps
        asking = model.bind_tools([look])
        wrong = []
        for history in HELD_BACK:
            messages = messages_of(history)
            told = check_messages(messages, result.profile).effect
            before = server.refusals
            try:
                asking.invoke(messages)
                is_refused = False
            except Exception:  # noqa: BLE001 -- whatever the client makes of a refusal
                is_refused = True
            if told is not Effect.UNKNOWN and (told in REFUSED) is not is_refused:
                wrong.append((history, told, server.refusals > before))
    assert not wrong
