"""What to do about a cause where the history also shows what stopped the turn, or how it broke.

A limit, a decision, an abort and a failed tool leave the same gaps. What they wrote tells them
apart, and each is mended in another line of the code. And what mends one breach of a cause may be
out of the question for another.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.cause_info import OR
from toolpair_observe.pairing.cause_notes import CAUSES
from toolpair_observe.pairing.signs import Sign
from toolpair_observe.pairing.words import Case, Cause

if TYPE_CHECKING:
    from collections.abc import Mapping

_ANSWER = (
    'answer each open call with ToolMessage(status="error") before the new message: '
    'ToolPairMiddleware(repair="insert_error_results") or deepagents\' PatchToolCallsMiddleware'
)

HINTS: Final[Mapping[tuple[Cause, Sign | Case], tuple[str, ...]]] = {
    (Cause.ABANDONED_TURN, Sign.LIMIT): (
        "results of ToolCallLimitMiddleware (exit_behavior='continue') are written before any tool "
        "runs; then the run ended (a tool raised, an interrupt was left open, the run was "
        "canceled): " + _ANSWER,
        "a limit of your own that ends the turn answers every entry of ai_message.tool_calls first",
        "let the allowed tools report errors as results: ToolErrorMiddleware or "
        "ToolRetryMiddleware in create_agent(middleware=[...])",
        "exit_behavior='end' answers every call of the message and runs none (langchain 1.3.18 and "
        "later)",
    ),
    (Cause.ABANDONED_TURN, Sign.REFUSED): (
        "the results that are there are decisions of HumanInTheLoopMiddleware or AutoModeMiddleware"
        ", written before any tool ran; then the run ended: " + _ANSWER,
        "answer what is still pending with Command(resume={'decisions': [...]}), one decision for "
        "each call, not with a new message",
    ),
    (Cause.ABANDONED_TURN, Sign.STRUCTURED): (
        "create_agent answered its structured output, and the tools called beside it never ran to "
        "the end: " + _ANSWER,
        "let those tools report errors as results: ToolErrorMiddleware or ToolRetryMiddleware in "
        "create_agent(middleware=[...])",
    ),
    (Cause.ABANDONED_TURN, Sign.CANCELLED): (
        "the turn was canceled: where the cancellation is handled (except asyncio.CancelledError, "
        "the stop button), append ToolMessage(status='error') for every call that is still open",
        _ANSWER,
    ),
    (Cause.PARTIAL_EXECUTION, Sign.LIMIT): (
        "a limit answered some calls, and the turn ended without the others: "
        "ToolCallLimitMiddleware(exit_behavior='end') of langchain 1.2 answers the calls over the "
        "limit alone: upgrade, 1.3.18 answers all",
        "in a limit of your own answer every entry of ai_message.tool_calls before ending the turn",
    ),
    (Cause.PARTIAL_EXECUTION, Sign.REFUSED): (
        "a decision answered some calls, and the others never ran: where the decision is handled, "
        "run or answer every entry of ai_message.tool_calls before going on",
        "resume with one decision for each call: Command(resume={'decisions': [...]})",
    ),
    (Cause.PARTIAL_EXECUTION, Sign.CANCELLED): (
        "the turn was canceled after some calls: where the cancellation is handled, append "
        "ToolMessage(status='error') for every call that has no result",
        "under create_agent: " + _ANSWER,
    ),
    (Cause.PARTIAL_EXECUTION, Sign.FAILED): (
        "the results that are there say that calls failed, and the turn ended without the others: "
        "in a loop of your own go on with the next entry of ai_message.tool_calls after an error, "
        "and answer it too",
        "where a limit or a review wrote them (ToolCallLimitMiddleware(exit_behavior='end') of "
        "langchain 1.2 answers the calls over the limit alone): upgrade, or answer every call",
        "under create_agent: " + _ANSWER,
    ),
    (Cause.INVALID_ARGUMENTS, Case.CALL_WITHOUT_ID): (
        "the arguments of the call are not JSON (ai_message.invalid_tool_calls[*]['error'] says "
        "why), and no result can name the call: drop it from invalid_tool_calls and content before "
        "the next request, and tell the model in a human message what was wrong with the arguments",
        "raise max_tokens where the arguments break off, or bind the tools with strict=True where "
        "the provider can hold the model to their schema",
    ),
}


@cache
def hint_of(cause: Cause, sign: Sign | None, case: Case) -> str:
    """What to do about a cause, all hints as one text.

    Args:
        cause: The cause.
        sign: What the messages around the breach say of how it came about.
        case: What the breach is.
    """
    hints = HINTS.get((cause, case)) or (HINTS.get((cause, sign)) if sign is not None else None)
    return OR.join(hints) if hints else CAUSES[cause].hint
