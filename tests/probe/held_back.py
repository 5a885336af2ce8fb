"""Histories that are not among the probes, and servers whose rules the probe does not know."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tests.probe.servers import Reply, Request, accepted, refused
from toolpair_observe import check_messages
from toolpair_observe.probing.requests import PROBES, further_probes, messages_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.providers.profile import Profile

_WORDS = ("H", "H", "A", "A", "A(x)", "A(x)", "A(y)", "A(x,y)", "T(x)", "T(x)", "T(y)", "T(z)", "S")


def held_back(count: int, seed: int) -> list[str]:
    """Sound histories after a few blows, and some that are put together at random."""
    draw = random.Random(seed)  # noqa: S311 -- no secret
    asked = {each.history for each in (*PROBES, *further_probes())}
    found: dict[str, None] = {}
    while len(found) < count:
        if draw.random() < 0.35:
            words = [draw.choice(_WORDS) for _ in range(draw.randint(1, 9))]
        else:
            words = _struck(_sound(draw), draw)
        history = " ".join(words)
        if history and history not in asked:
            found[history] = None
    return list(found)


def _sound(draw: random.Random) -> list[str]:
    words = ["S"] if draw.random() < 0.3 else []
    words.append("H")
    for number in range(draw.randint(1, 3)):
        call = "xyz"[number]
        words += draw.choice(
            [
                ["A", "H"],
                [f"A({call})", f"T({call})"],
                [f"A({call})", f"T({call})"],
                ["A(x,y)", "T(x)", "T(y)"],
                ["A(w)", "T(w)", "A", "H"],
            ]
        )
    return words


def _struck(words: list[str], draw: random.Random) -> list[str]:
    for _ in range(draw.randint(0, 2)):
        place = draw.randrange(len(words)) if words else 0
        blow = draw.randrange(5)
        if blow == 0:
            words = words[:place] + words[place + 1 :]
        elif blow == 1:
            words = [*words[:place], draw.choice(_WORDS), *words[place:]]
        elif blow == 2 and words:
            words = [*words[:place], words[place], *words[place:]]
        elif blow == 3 and words:
            other = draw.randrange(len(words))
            words[place], words[other] = words[other], words[place]
        else:
            words = words[place:]
    return words


def tally(
    profile: Profile, happens: Callable[[list[BaseMessage]], str], histories: Iterable[str]
) -> Counter[str]:
    """Count how often a profile is right, says nothing, misses something, or alarms for nothing.

    Args:
        profile: Who judges.
        happens: What really happens to a history: `accept`, `reject` or `silent_loss`.
        histories: The histories, in the short form.
    """
    counts: Counter[str] = Counter()
    for history in histories:
        messages = messages_of(history)
        told = check_messages(messages, profile).effect.value.replace("clean", "accept")
        truth = happens(messages)
        if told == truth:
            counts["right"] += 1
        elif told == "unknown":
            counts["unknown"] += 1
        elif truth == "accept":
            counts["false alarm"] += 1
        else:
            counts["missed"] += 1
    return counts


def _raises(message: str) -> None:
    raise jinja2.TemplateError(message)


_JINJA = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
)
_JINJA.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
_JINJA.globals["raise_exception"] = _raises


class TemplateServer:
    """A server that renders a chat template, as vLLM does: what raises is a 400 in its words."""

    def __init__(self, text: str) -> None:
        self._template = _JINJA.from_string(text)

    def __call__(self, request: Request, _: int) -> Reply:
        try:
            return accepted(request, self._prompt(request.messages))
        except (jinja2.TemplateError, TypeError, ValueError) as error:
            return refused(str(error))

    def happens(self, messages: list[BaseMessage]) -> str:
        """What becomes of a history, told by the prompt itself."""
        from langchain_openai.chat_models.base import (
            _convert_message_to_dict,
        )

        sent = [_convert_message_to_dict(each) for each in messages]
        marks = []
        for number, message in enumerate(sent):
            if message["role"] == "tool":
                message["content"] = f"mark{number:04d}"
                marks.append(message["content"])
        try:
            prompt = self._prompt(sent)
        except (jinja2.TemplateError, TypeError, ValueError):
            return "reject"
        return "accept" if all(mark in prompt for mark in marks) else "silent_loss"

    def _prompt(self, sent: list[dict[str, Any]]) -> str:
        # No prompt is empty: a beginning-of-text token comes first.
        return "<s> " + self._template.render(messages=[_handed_over(each) for each in sent])


def _handed_over(sent: dict[str, Any]) -> dict[str, Any]:
    made = {key: sent[key] for key in ("role", "tool_call_id", "name") if key in sent}
    made["content"] = sent.get("content") or ""
    if sent.get("tool_calls"):
        made["tool_calls"] = [
            {**call, "function": _parsed(call["function"])} for call in sent["tool_calls"]
        ]
    return made


def _parsed(function: dict[str, Any]) -> dict[str, Any]:
    return {**function, "arguments": json.loads(function["arguments"])}
