"""What asking costs, before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from langchain_core.messages import AIMessage

from toolpair_observe.probing.losses import LONG, SHORT
from toolpair_observe.probing.requests import messages_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.probing.requests import Probe

# The made-up tool, and what a prompt has around it.
_TOOL_TOKENS: Final = 120
_MESSAGE_TOKENS: Final = 8
_CHARACTERS_PER_TOKEN: Final = 3


@dataclass(frozen=True, slots=True)
class Estimate:
    """What asking costs.

    Attributes:
        requests: How many requests.
        input_tokens: About how many tokens they have together.
    """

    requests: int
    input_tokens: int


def estimate(probes: Sequence[Probe], further: int, repeat: int) -> Estimate:
    """Return what it costs to ask.

    Args:
        probes: What is asked.
        further: How many more may be asked, as long as the longest of them.
        repeat: How often each is sent.
    """
    each = [_of(probe, repeat) for probe in probes]
    most = max(each, key=lambda one: one.input_tokens, default=Estimate(0, 0))
    each += [most] * further
    return Estimate(sum(one.requests for one in each), sum(one.input_tokens for one in each))


def _of(probe: Probe, repeat: int) -> Estimate:
    # In turn with short and long results, which shows whether they reach the prompt.
    lengths = [(SHORT, LONG)[number % 2] for number in range(repeat)]
    each = (_tokens(messages_of(probe.history, result_words=words)) for words in lengths)
    return Estimate(repeat, sum(each))


def _tokens(messages: Iterable[BaseMessage]) -> int:
    return _TOOL_TOKENS + sum(
        _MESSAGE_TOKENS + len(_text(message)) // _CHARACTERS_PER_TOKEN for message in messages
    )


def _text(message: BaseMessage) -> str:
    calls = message.tool_calls if isinstance(message, AIMessage) else ()
    return "".join([str(message.content), *(f"{each['name']}{each['args']}" for each in calls)])
