"""What is said of any history is what the template really does with what ChatOpenAI really sends.

The oracle shares nothing with the package: langchain-openai's own conversion, vLLM's few changes to
it, plain Jinja, and a content of its own in each result.
"""

from __future__ import annotations

import json

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("langchain_openai")

import jinja2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_openai.chat_models import base

from tests.amounts import examples
from tests.oracle.histories import broken_histories, sound_histories
from tests.templates import samples
from toolpair_observe import check_messages, profile_from_chat_template

TOLD_APART = ["PLAIN", "NEEDS_CALL", "ALTERNATES", "NINE", "ONE_CALL", "WITH_CALLS"]
TOLD_APART += ["INSIDE_ASSISTANT", "HUMAN_NEEDED", "SHOWS_TOOL", "SORTS", "TEXT_ONLY", "NO_RESULTS"]
TEXTS = {name: getattr(samples, name) for name in TOLD_APART}
PROFILES = {name: profile_from_chat_template(text) for name, text in TEXTS.items()}
KNOWN = (AIMessage, HumanMessage, SystemMessage, ToolMessage)
OPTIONS = {
    "max_examples": examples(100),
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
}


def raises(message):
    raise jinja2.TemplateError(message)


def environment():
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    made.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    made.globals["raise_exception"] = raises
    return made


TEMPLATES = {name: environment().from_string(text) for name, text in TEXTS.items()}


def text_of(content):
    if isinstance(content, str) or content is None:
        return content or ""
    return "\n".join(part if isinstance(part, str) else part.get("text", "") for part in content)


def as_vllm_hands_over(message):
    """Raises what the server raises before it renders."""
    sent = base._convert_message_to_dict(message)
    made = {"role": sent["role"], "content": text_of(sent.get("content"))}
    if sent.get("tool_calls"):
        made["tool_calls"] = [
            {**call, "function": {**call["function"]}} for call in sent["tool_calls"]
        ]
        for call in made["tool_calls"]:
            arguments = call["function"].get("arguments")
            call["function"]["arguments"] = json.loads(arguments) if arguments else {}
    return made | {key: sent[key] for key in ("tool_call_id", "name") if key in sent}


def what_happens(name, history):
    """`reject`, or the positions of the results that are not in the prompt."""
    bearers = {}
    marked = []
    for index, message in enumerate(history):
        if isinstance(message, ToolMessage):
            bearers[index] = f"result-{index}-of-the-oracle"
            message = message.model_copy(update={"content": bearers[index]})  # noqa: PLW2901
        marked.append(message)
    tools = [{"type": "function", "function": {"name": "look"}}]
    try:
        sent = [as_vllm_hands_over(message) for message in marked]
        prompt = TEMPLATES[name].render(messages=sent, tools=tools, add_generation_prompt=True)
    except Exception:  # noqa: BLE001 - of whatever kind, the server answers with an error
        return "reject"
    return {index for index, text in bearers.items() if text not in prompt}


def lost_in(report):
    return {
        violation.message_index
        for violation in report.violations
        if "leaves the result out of the prompt" in violation.lost
    }


def is_plain_text(history):
    """Whether all messages are of four classes, and all blocks text."""
    return all(
        isinstance(message, KNOWN)
        and (
            isinstance(message.content, str)
            or all(isinstance(part, str) or part.get("type") == "text" for part in message.content)
        )
        for message in history
    )


histories = (sound_histories() | broken_histories()).filter(is_plain_text).filter(bool)


@settings(**OPTIONS)
@given(history=histories, name=st.sampled_from(TOLD_APART))
def test_what_is_predicted_is_what_happens(history, name):
    report = check_messages(history, PROFILES[name])

    happens = what_happens(name, history)
    if happens == "reject":
        assert report.effect == "reject"
    else:
        assert report.effect != "reject"
        assert lost_in(report) == happens


@settings(**OPTIONS)
@given(history=sound_histories() | broken_histories(), name=st.sampled_from(TOLD_APART))
def test_no_history_makes_the_check_raise(history, name):
    report = check_messages(history, PROFILES[name])

    assert report.message_count == len(history)
    assert report.explain()
