"""The words of the check, as enums: who speaks, what carries a call, what is wrong, what follows.

Everything else in `pairing` speaks them, so this module imports nothing of the package.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Final


class Role(StrEnum):
    """Who speaks in an entry of a transcript."""

    SYSTEM = "system"
    HUMAN = "human"
    AI = "ai"
    TOOL = "tool"
    FUNCTION = "function"
    CHAT = "chat"
    REMOVE = "remove"
    OTHER = "other"


class Carrier(StrEnum):
    """Where on a message a call or a result stands."""

    TOOL_CALL = "tool_calls"
    INVALID_TOOL_CALL = "invalid_tool_calls"
    TOOL_USE = "tool_use content block"
    BARE_TOOL_USE = "tool_use content block without input"
    FUNCTION_CALL_BLOCK = "function_call content block"
    RESPONSES_ITEM = "Responses API output item other than function_call"
    KEPT_ITEM = 'additional_kwargs["tool_outputs"]'
    RAW_CALL = 'additional_kwargs["tool_calls"]'
    LEGACY_CALL = 'additional_kwargs["function_call"]'
    SERVER_TOOL_USE = "server_tool_use content block"
    MCP_TOOL_USE = "mcp_tool_use content block"
    SERVER_TOOL_CALL = "server_tool_call content block"
    CONVERSE_BLOCK = "toolUse content block"
    STANDARD_BLOCK = "tool_call content block"
    STANDARD_INVALID_BLOCK = "invalid_tool_call content block"
    V1_BLOCK = 'tool_call content block of output_version="v1"'
    V1_INVALID_BLOCK = 'invalid_tool_call content block of output_version="v1"'
    TOOL_MESSAGE = "ToolMessage"
    TOOL_RESULT_IN_TOOL = "tool_result content block of a ToolMessage"
    TOOL_RESULT_IN_HUMAN = "tool_result content block of a HumanMessage"
    TOOL_RESULT_IN_AI = "tool_result content block of an AIMessage"
    CONVERSE_RESULT = "toolResult content block of a HumanMessage"
    SERVER_RESULT = "result block of a provider-executed call"
    OUTPUT_IN_TOOL = "Responses API *_call_output content block of a ToolMessage"
    RESPONSES_OUTPUT = "Responses API *_call_output content block of a HumanMessage"
    CHAT_TOOL = 'ChatMessage(role="tool")'
    FUNCTION = "FunctionMessage"


EVERY_CALL: Final = frozenset(
    {
        Carrier.TOOL_CALL,
        Carrier.INVALID_TOOL_CALL,
        Carrier.TOOL_USE,
        Carrier.FUNCTION_CALL_BLOCK,
        Carrier.RESPONSES_ITEM,
        Carrier.KEPT_ITEM,
        Carrier.CONVERSE_BLOCK,
        Carrier.STANDARD_BLOCK,
        Carrier.STANDARD_INVALID_BLOCK,
        Carrier.V1_BLOCK,
        Carrier.V1_INVALID_BLOCK,
    }
)
# What people edit. Where both are empty many clients fall back to an older copy.
ATTRIBUTES: Final = frozenset({Carrier.TOOL_CALL, Carrier.INVALID_TOOL_CALL})
# Where calls stand whose arguments are not JSON.
BAD_CALLS: Final = frozenset(
    {Carrier.INVALID_TOOL_CALL, Carrier.STANDARD_INVALID_BLOCK, Carrier.V1_INVALID_BLOCK}
)
EVERY_RESULT: Final = frozenset(
    {
        Carrier.TOOL_MESSAGE,
        Carrier.TOOL_RESULT_IN_TOOL,
        Carrier.TOOL_RESULT_IN_HUMAN,
        Carrier.CONVERSE_RESULT,
        Carrier.RESPONSES_OUTPUT,
        Carrier.CHAT_TOOL,
    }
)


class ViolationKind(StrEnum):
    """The ways in which tool calls and tool results can fail to pair."""

    MISSING_RESULT = "missing_result"
    ORPHAN_RESULT = "orphan_result"
    DUPLICATE_RESULT = "duplicate_result"
    MISMATCHED_RESULT = "mismatched_result"
    MISPLACED_RESULT = "misplaced_result"
    DUPLICATE_CALL_ID = "duplicate_call_id"
    REUSED_CALL_ID = "reused_call_id"
    MISSING_ID = "missing_id"
    INVALID_ID = "invalid_id"
    SERVER_TOOL_UNPAIRED = "server_tool_unpaired"
    ROLE_ORDER = "role_order"
    UNSUPPORTED_MESSAGE = "unsupported_message"


class Effect(StrEnum):
    """What the provider, reached through its integration, is predicted to do.

    Members are declared worst first; `Effect.rank` is the place in that order.
    """

    LOCAL_ERROR = "local_error"
    REJECT = "reject"
    SILENT_LOSS = "silent_loss"
    UNKNOWN = "unknown"
    ACCEPT = "accept"
    CLEAN = "clean"

    @classmethod
    def worst(cls, *effects: Effect) -> Effect:
        """Return the worst of `effects`, or `CLEAN` where there is none."""
        worst = cls.CLEAN
        for effect in effects:
            if effect.rank < worst.rank:
                worst = effect
        return worst

    @cached_property
    def rank(self) -> int:
        """Its place among the effects, 0 for the worst."""
        return _RANKS[self]

    # Each request asks several times, and what is kept is asked without a call.
    @cached_property
    def is_near_miss(self) -> bool:
        """Whether a request with this worst effect is a near miss."""
        return self not in (Effect.ACCEPT, Effect.CLEAN)


_RANKS: Final = {effect: rank for rank, effect in enumerate(Effect)}
# What evidence shows to hurt. A history that is sound as given is reported for these alone.
HARM: Final = frozenset({Effect.LOCAL_ERROR, Effect.REJECT, Effect.SILENT_LOSS})


class Cause(StrEnum):
    """Why the history probably broke.

    Where several mechanisms leave the same list the member names the group; docs/violations.md
    lists its mechanisms and hints.
    """

    TRIMMED_HEAD = "trimmed_head"
    SUMMARISED = "summarised"
    ABANDONED_TURN = "abandoned_turn"
    UNFINISHED_TURN = "unfinished_turn"
    PARTIAL_EXECUTION = "partial_execution"
    REMOVED_MESSAGE = "removed_message"
    FILTERED_TOOL_MESSAGES = "filtered_tool_messages"
    FEW_SHOT_EXAMPLES = "few_shot_examples"
    HANDOFF = "handoff"
    RETRY_DUPLICATE = "retry_duplicate"
    REPLAYED_HISTORY = "replayed_history"
    ID_REWRITTEN = "id_rewritten"
    ID_REUSED_BY_BACKEND = "id_reused_by_backend"
    CROSS_PROVIDER_HISTORY = "cross_provider_history"
    INVALID_ARGUMENTS = "invalid_arguments"
    STREAM_CUT = "stream_cut"
    INTERLEAVED_MESSAGE = "interleaved_message"
    LATE_RESULT = "late_result"
    LOST_ID = "lost_id"
    UNSUPPORTED_MESSAGE = "unsupported_message"
    RESULT_ORDER = "result_order"
    STALE_ENCODING = "stale_encoding"
    OVERWRITTEN_STATE = "overwritten_state"
    SPLIT_CALLS = "split_calls"
    STRUCTURED_OUTPUT = "structured_output"
    SERVER_TOOL_AS_CALL = "server_tool_as_call"
    CHAT_TEMPLATE = "chat_template"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """What really happened to a checked request."""

    BLOCKED = "blocked"
    REJECTED = "rejected"
    ESCAPED = "escaped"
    ACCEPTED = "accepted"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"


class Case(StrEnum):
    """A breach as finely as providers tell them apart; profiles have one rule per case."""

    MISSING_ALL = "no call of the message is answered, another message follows"
    MISSING_SOME = "some calls of the message are answered, some are not"
    MISSING_AT_END = "the history ends with unanswered calls"
    ORPHAN_AT_START = "the history starts with a result"
    ORPHAN_FIRST = "a result before any call, after system messages or other results"
    ORPHAN_AFTER_HUMAN = "a result without a call, after a human message"
    ORPHAN_AFTER_AI = "a result without a call, after an AI message"
    ORPHAN_AMONG_RESULTS = "a result without a call, among the results of other calls"
    DUPLICATE = "a second result for an answered call, among its results"
    DUPLICATE_LATER = "a second result for an answered call, after other messages"
    MISMATCHED = "a call without a result beside a result with an unknown id"
    MISMATCHED_WITHOUT_ID = "a call without a result beside a result without an id"
    AFTER_HUMAN = "a human message between a call and its result"
    AFTER_SYSTEM = "a system message between a call and its result"
    AFTER_AI = "an AI message between a call and its result"
    LATE = "several messages between a call and its result"
    EARLY = "a result before its call"
    DUPLICATE_CALL_ID = "two calls of one message share an id, and each has a result"
    DUPLICATE_CALL_ID_ONE_RESULT = "two calls of one message share an id and at most one result"
    CALL_SENT_TWICE = "a call that goes out in two encodings"
    REUSED_CALL_ID = "a later call bears the id of an earlier one"
    CALL_WITHOUT_ID = "a call without an id"
    RESULT_WITHOUT_ID = "a result without an id"
    INVALID_ID = "an id with a length or pattern that the provider refuses"
    UNDOCUMENTED_ID = "an id with characters that the documentation leaves out"
    TEXT_BEFORE_RESULT = "content before the results of the answering turn"
    TEXT_AFTER_CALL = "content after the calls of the same turn"
    CONTENT_AFTER_CALL = "other content after the calls of one AI message"
    RESULT_IN_AI_TURN = "a result in an AI message"
    RESULT_OF_OTHER_TOOL = "as many results as calls, under other tool names"
    RESULT_WITHOUT_NAME = "a result for which the integration finds no tool name"
    HUMAN_AFTER_TOOL = "a human message right after a result"
    SYSTEM_AFTER_TOOL = "a system message right after a result"
    CALL_FIRST = "a history that starts with a call"
    RESULT_ORDER = "results in another order than their calls"
    SERVER_TOOL_UNPAIRED = "a provider-executed call without its result block"
    SERVER_RESULT_UNPAIRED = "the result of a provider-executed call without the call"
    CALL_NOT_SENT = "a call that the integration does not send"
    UNSUPPORTED_RESULT = "a result in a message or block that the integration cannot convert"
    UNSUPPORTED_CALL = "a call in a content block that the integration cannot convert"
    UNSUPPORTED_CLASS = "a message of a class or role that the integration cannot convert"
    BAD_ARGUMENTS = "a call whose arguments are not JSON, where the server parses them"
    SEVERAL_CALLS = "several calls in one message, of which the server takes one"
    ROLE_REFUSED = "a message whose role the server does not take where it stands"
    NOT_DRAWN = "a call or result that the chat template leaves out of the prompt"
    NOT_RENDERED = "a history that the chat template does not render"

    @property
    def kind(self) -> ViolationKind:
        """The kind of violation that the case belongs to."""
        return _KINDS[self]


_KINDS: Final = {
    Case.MISSING_ALL: ViolationKind.MISSING_RESULT,
    Case.MISSING_SOME: ViolationKind.MISSING_RESULT,
    Case.MISSING_AT_END: ViolationKind.MISSING_RESULT,
    Case.ORPHAN_AT_START: ViolationKind.ORPHAN_RESULT,
    Case.ORPHAN_FIRST: ViolationKind.ORPHAN_RESULT,
    Case.ORPHAN_AFTER_HUMAN: ViolationKind.ORPHAN_RESULT,
    Case.ORPHAN_AFTER_AI: ViolationKind.ORPHAN_RESULT,
    Case.ORPHAN_AMONG_RESULTS: ViolationKind.ORPHAN_RESULT,
    Case.DUPLICATE: ViolationKind.DUPLICATE_RESULT,
    Case.DUPLICATE_LATER: ViolationKind.DUPLICATE_RESULT,
    Case.MISMATCHED: ViolationKind.MISMATCHED_RESULT,
    Case.MISMATCHED_WITHOUT_ID: ViolationKind.MISMATCHED_RESULT,
    Case.AFTER_HUMAN: ViolationKind.MISPLACED_RESULT,
    Case.AFTER_SYSTEM: ViolationKind.MISPLACED_RESULT,
    Case.AFTER_AI: ViolationKind.MISPLACED_RESULT,
    Case.LATE: ViolationKind.MISPLACED_RESULT,
    Case.EARLY: ViolationKind.MISPLACED_RESULT,
    Case.DUPLICATE_CALL_ID: ViolationKind.DUPLICATE_CALL_ID,
    Case.REUSED_CALL_ID: ViolationKind.REUSED_CALL_ID,
    Case.CALL_WITHOUT_ID: ViolationKind.MISSING_ID,
    Case.RESULT_WITHOUT_ID: ViolationKind.MISSING_ID,
    Case.INVALID_ID: ViolationKind.INVALID_ID,
    Case.UNDOCUMENTED_ID: ViolationKind.INVALID_ID,
    Case.TEXT_BEFORE_RESULT: ViolationKind.MISPLACED_RESULT,
    Case.HUMAN_AFTER_TOOL: ViolationKind.ROLE_ORDER,
    Case.TEXT_AFTER_CALL: ViolationKind.MISPLACED_RESULT,
    Case.CONTENT_AFTER_CALL: ViolationKind.MISPLACED_RESULT,
    Case.RESULT_IN_AI_TURN: ViolationKind.ORPHAN_RESULT,
    Case.SERVER_RESULT_UNPAIRED: ViolationKind.SERVER_TOOL_UNPAIRED,
    Case.RESULT_OF_OTHER_TOOL: ViolationKind.MISMATCHED_RESULT,
    Case.RESULT_WITHOUT_NAME: ViolationKind.MISPLACED_RESULT,
    Case.SYSTEM_AFTER_TOOL: ViolationKind.ROLE_ORDER,
    Case.CALL_FIRST: ViolationKind.ROLE_ORDER,
    Case.CALL_NOT_SENT: ViolationKind.MISSING_RESULT,
    Case.DUPLICATE_CALL_ID_ONE_RESULT: ViolationKind.DUPLICATE_CALL_ID,
    Case.CALL_SENT_TWICE: ViolationKind.DUPLICATE_CALL_ID,
    Case.RESULT_ORDER: ViolationKind.MISPLACED_RESULT,
    Case.SERVER_TOOL_UNPAIRED: ViolationKind.SERVER_TOOL_UNPAIRED,
    Case.UNSUPPORTED_RESULT: ViolationKind.UNSUPPORTED_MESSAGE,
    Case.UNSUPPORTED_CALL: ViolationKind.UNSUPPORTED_MESSAGE,
    Case.UNSUPPORTED_CLASS: ViolationKind.UNSUPPORTED_MESSAGE,
    Case.BAD_ARGUMENTS: ViolationKind.UNSUPPORTED_MESSAGE,
    Case.SEVERAL_CALLS: ViolationKind.UNSUPPORTED_MESSAGE,
    Case.ROLE_REFUSED: ViolationKind.ROLE_ORDER,
    Case.NOT_DRAWN: ViolationKind.UNSUPPORTED_MESSAGE,
    Case.NOT_RENDERED: ViolationKind.UNSUPPORTED_MESSAGE,
}
