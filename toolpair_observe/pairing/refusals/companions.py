"""Refusals of what stands beside a call: a signature, a thinking block, a reasoning item.

Some providers want back what the model thought before it called, unchanged and in its place. Who
trims, repairs or converts a history can break that and keep every pair. Such a refusal is none of
the pairing, but whoever looks for the reason of a failed tool loop has to be told which it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from toolpair_observe.pairing.late_pattern import LatePattern
from toolpair_observe.pairing.refusals.error_text import readings
from toolpair_observe.pairing.refusals.status import is_refusal


class Companion(StrEnum):
    """What a provider wants back together with a call."""

    THINKING_SIGNATURE = "thinking_signature"
    THINKING_BLOCK = "thinking_block"
    THOUGHT_SIGNATURE = "thought_signature"
    REASONING_ITEM = "reasoning_item"
    REASONING_CONTENT = "reasoning_content"


@dataclass(frozen=True, slots=True)
class _Words:
    companion: Companion
    pattern: LatePattern
    source: str


def _words(companion: Companion, pattern: str, source: str) -> _Words:
    return _Words(companion, LatePattern(pattern), source)


# As in `wordings`, over a text without quotes and backticks, in lower case.
COMPANIONS: Final[tuple[_Words, ...]] = (
    _words(
        Companion.THINKING_SIGNATURE,
        # The second follows where a block before this one was taken away.
        r"invalid signature in (?:redacted_)?thinking block"
        r"|the block is bound to a different conversation"
        r"|thinking\.signature:? (?:field required|string should)",
        "anomalyco/opencode#48637; kirodotdev/KiroCrew#11513; lbjlaq/Antigravity-Manager#498",
    ),
    _words(
        Companion.THINKING_BLOCK,
        r"thinking (?:or redacted_thinking )?blocks? in the latest assistant message cannot be"
        r"|expected thinking(?: or redacted_thinking)?,? but found"
        r"|assistant message must start with a thinking block",
        "anthropics/claude-code#19539, #63203; Anthropic's page on extended thinking",
    ),
    _words(
        Companion.THOUGHT_SIGNATURE,
        r"\b(?:missing|without|has no|corrupted|invalid|malformed) (?:a |the |its )?"
        r"thought[_ ]?signatures?\b"
        r"|thought[_ ]?signatures? (?:is|are|was) (?:not valid|invalid|missing|required|corrupted)",
        "lbjlaq/Antigravity-Manager#938; decolua/9router#301; google-gemini/gemini-cli#13467",
    ),
    _words(
        Companion.REASONING_ITEM,
        r"of type reasoning was provided without its required following item"
        r"|was provided without its required reasoning item"
        r"|encrypted content (?:for item \S{1,128} )?could not be (?:verified|decrypted)"
        r"|\binvalid_encrypted_content\b",
        "continuedev/continue#8933, #12620; vercel/ai#7099; a recorded cassette of pydantic-ai",
    ),
    _words(
        Companion.REASONING_CONTENT,
        r"(?:reasoning_content|content\[\]\.thinking)\b.{0,40}? must be (?:passed|sent|given) back"
        r"|reasoning_content (?:field )?is (?:missing|required)"
        r"|missing (?:the )?reasoning_content\b"
        r"|invalid message without reasoning(?:_content)?/tool_calls",
        "earendil-works/pi#3636; esengine/DeepSeek-Reasonix#8902; Kimi, quoted in public code; the "
        "encoders of DeepSeek V3.2 in SGLang and vLLM",
    ),
)
_WORTH_A_LOOK = LatePattern(r"thinking|thought|reasoning|encrypted|different conversation")


def refused_companion(error: BaseException | str) -> Companion | None:
    """Return the companion of a call that a provider refused or missed, or None.

    Args:
        error: As for `rejection_kind`. An error that is a pairing rejection is that, and nobody
            has to ask here.
    """
    for reading in readings(error):
        for text in reading.texts:
            lowered = text.lower()
            if not _WORTH_A_LOOK.search(lowered):
                continue
            for words in COMPANIONS:
                if words.pattern.search(lowered) and is_refusal(reading):
                    return words.companion
    return None
