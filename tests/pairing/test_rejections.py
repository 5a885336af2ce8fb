"""Which exceptions are a provider's own pairing rejection, of which kind, and which are not."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import pickle
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from tests.loopback.server import LoopbackHandler, LoopbackServer
from toolpair_observe.errors import InvalidToolResultsError
from toolpair_observe.pairing.check_messages import check_messages
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.refusals import error_text
from toolpair_observe.pairing.refusals.recognize import read_rejection, rejection_kind
from toolpair_observe.pairing.refusals.sentences import SENTENCES
from toolpair_observe.pairing.refusals.wordings import WORDINGS
from toolpair_observe.pairing.report import PairingReport
from toolpair_observe.pairing.words import Effect, ViolationKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

K = ViolationKind

OPENAI_MISSING = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
    "'tool_call_id'. The following tool_call_ids did not have response messages: call_Mine1"
)
OPENAI_ORPHAN = (
    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
    "'tool_calls'."
)
ANTHROPIC_MISSING = (
    "messages.2: `tool_use` ids were found without `tool_result` blocks immediately after: "
    "toolu_Mine1, toolu_Mine2. Each `tool_use` block must have a corresponding `tool_result` block "
    "in the next message."
)
GEMINI_COUNT = (
    "Please ensure that the number of function response parts is equal to the number of function "
    "call parts of the function call turn."
)

# One line of each wording, with other ids.
SAMPLES: tuple[tuple[ViolationKind, str], ...] = (
    (K.MISSING_RESULT, OPENAI_MISSING),
    (K.MISSING_RESULT, "(insufficient tool messages following tool_calls message)"),
    (K.MISSING_RESULT, "The following tool_call_ids did not have response messages: call_Mine1"),
    (K.MISSING_RESULT, "tool_call_ids ['call_Mine1', 'call_Mine2'] did not have response messages"),
    (K.MISSING_RESULT, "assistant message with “tool_calls” must be followed by tool messages"),
    (K.ORPHAN_RESULT, OPENAI_ORPHAN),
    (K.ORPHAN_RESULT, "Messages with role 'tool' must be a response to a preceding message"),
    (
        K.DUPLICATE_RESULT,
        "Duplicate value for 'tool_call_id' of 'call_Mine1', in messages[7] and messages[8].",
    ),
    (
        K.MISMATCHED_RESULT,
        "'tool_call_id' of 'call_Mine1' not found in 'tool_calls' of previous message.",
    ),
    (K.MISMATCHED_RESULT, "'tool_call_id' of 'two words' not found in 'tool_calls'"),
    (K.MISMATCHED_RESULT, "'tool_call_id' of '' not found in 'tool_calls' of previous message."),
    (
        K.MISSING_ID,
        "Missing parameter 'tool_call_id': messages with role 'tool' must have a 'tool_call_id'.",
    ),
    (K.MISSING_ID, "Missing required parameter: 'messages[3].tool_calls[0].id'."),
    (
        K.MISSING_ID,
        "Invalid type for 'messages.[2].tool_calls.[0].id': expected a string, but got null "
        "instead.",
    ),
    (K.MISSING_ID, "Invalid 'input[3].call_id': empty string. Expected a string with minimum"),
    (K.INVALID_ID, "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string"),
    (K.INVALID_ID, "Invalid 'input[18].call_id': string too long. Expected a string"),
    (K.INVALID_ID, "Invalid 'input[3].id': 'toolu_X'. Expected an ID that begins with 'fc'."),
    (K.MISPLACED_RESULT, "No tool output found for tool call call-mine."),
    (K.MISSING_RESULT, "No tool output found for function call call_Mine1."),
    (K.MISSING_RESULT, "No tool output found for apply patch call call_Mine1."),
    (K.ORPHAN_RESULT, "No tool call found for function call output with call_id call_Mine1."),
    (K.ORPHAN_RESULT, "No tool call found for custom tool call output with call_id call_Mine1."),
    (K.MISPLACED_RESULT, "invalid params, tool call result does not follow tool call (2013)"),
    (K.ORPHAN_RESULT, "invalid params, tool result's tool id(call_mine_1) not found (2013)"),
    (K.MISMATCHED_RESULT, "invalid params, tool call and result not match (2013)"),
    (K.INVALID_ID, "invalid params, tool call id is invalid (2013)"),
    (K.ORPHAN_RESULT, "No call message found for call_Mine1"),
    (K.DUPLICATE_CALL_ID, "Invalid request: tool call id write:12 is duplicated"),
    (K.DUPLICATE_CALL_ID, "duplicate tool_call_id"),
    (K.ORPHAN_RESULT, "Invalid request: tool_call_id  is not found"),
    (K.ORPHAN_RESULT, "tool_call_id read:3 is not found"),
    (K.ORPHAN_RESULT, "tool_call_id does not exist"),
    (
        K.MISSING_ID,
        "'messages.3' : for 'role:tool' the following must be satisfied[('messages.3.tool_call_id'"
        " : property 'tool_call_id' is missing)]",
    ),
    (K.MISSING_ID, "messages[2]: missing field `tool_call_id` at line 1 column 263"),
    (K.MISSING_ID, "messages.2.tool_call_id\n  Field required [type=missing, input_value={'role'"),
    (
        K.MISSING_ID,
        "{'detail': [{'type': 'missing', 'loc': ['body', 'messages', 2, 'tool_call_id'], "
        "'msg': 'Field required', 'input': {'role': 'tool'}}]}",
    ),
    (
        K.MISSING_ID,
        "'messages.2' : for 'role:tool' the following must be satisfied[('messages.2.tool_call_id'"
        " : value must be a string)]",
    ),
    (
        K.MISSING_ID,
        "{'detail': [{'type': 'missing', 'loc': ['body', 'messages', 1, 'tool_calls', 0, 'id'], "
        "'msg': 'Field required'}]}",
    ),
    (K.MISSING_RESULT, ANTHROPIC_MISSING),
    (
        K.MISSING_RESULT,
        "messages.4: Did not find 2 `tool_result` block(s) at the beginning of this message.",
    ),
    (
        K.ORPHAN_RESULT,
        "messages.0.content.1: unexpected `tool_use_id` found in `tool_result` blocks: toolu_Mine1."
        " Each `tool_result` block must have a corresponding `tool_use` block in the previous "
        "message.",
    ),
    (
        K.ORPHAN_RESULT,
        "messages.3: `tool_result` block(s) provided when previous message does not contain any "
        "`tool_use` blocks",
    ),
    (
        K.DUPLICATE_RESULT,
        "each tool_use must have a single result. Found multiple `tool_result` blocks with id: "
        "toolu_Mine1",
    ),
    (K.DUPLICATE_CALL_ID, "messages.1.content.2: `tool_use` ids must be unique"),
    (K.MISPLACED_RESULT, "messages.1: `tool_result` blocks can only be in `user` messages"),
    (K.ROLE_ORDER, "messages.0: `tool_use` blocks can only be in `assistant` messages"),
    (K.MISSING_ID, "messages.2.content.0.tool_result.tool_use_id: Field required"),
    (K.MISSING_ID, "messages.1.content.0.tool_use.id: String should have at least 1 character"),
    (K.INVALID_ID, "messages.1.content.0.tool_use.id: String should match pattern '^[a-z]+$'"),
    (
        K.SERVER_TOOL_UNPAIRED,
        "messages.1: `web_search` tool use with id `srvtoolu_Mine1` was found without a "
        "corresponding `web_search_tool_result` block",
    ),
    (
        K.SERVER_TOOL_UNPAIRED,
        "messages.7.content.4: unexpected `tool_use_id` found in `web_search_tool_result` blocks: "
        "srvtoolu_Mine1. Each `web_search_tool_result` block must have a corresponding "
        "`server_tool_use` block before it.",
    ),
    (
        K.SERVER_TOOL_UNPAIRED,
        "`tool_use` ids were found without `tool_result` blocks immediately after: srvtoolu_Mine1, "
        "srvtoolu_Mine2. Each `tool_use` block must",
    ),
    (
        K.MISSING_RESULT,
        "`tool_use` ids were found without `tool_result` blocks immediately after: srvtoolu_Mine1, "
        "toolu_Mine2. Each `tool_use` block must",
    ),
    (
        K.MISSING_RESULT,
        "Expected toolResult blocks at messages.2.content for the following Ids: tooluse_Mine1",
    ),
    (
        K.ORPHAN_RESULT,
        "The number of toolResult blocks at messages.2.content exceeds the number of toolUse blocks"
        " of previous turn.",
    ),
    (
        K.DUPLICATE_RESULT,
        "The toolResult blocks at messages.2.content contain duplicate Ids: tooluse_Mine1",
    ),
    (
        K.DUPLICATE_CALL_ID,
        "The toolUse blocks at messages.2.content contain duplicate Ids: tooluse_Mine1",
    ),
    (
        K.MISPLACED_RESULT,
        "messages.2.content: Conversation blocks and tool result blocks cannot be provided in the "
        "same turn.",
    ),
    (
        K.INVALID_ID,
        "1 validation error detected: Value 'functions.x:0' at 'messages.2.member.content.1.member."
        "toolUse.toolUseId' failed to satisfy constraint: Member must satisfy regular expression "
        "pattern: [a-zA-Z0-9_-]+",
    ),
    (
        K.MISSING_ID,
        "Parameter validation failed:\nInvalid length for parameter messages[2].content[0]."
        "toolResult.toolUseId, value: 0, valid min length: 1",
    ),
    (K.MISSING_RESULT, GEMINI_COUNT),
    (
        K.MISSING_RESULT,
        "Please ensure that function response turn comes immediately after a function call turn. "
        "And the number of function response parts should be equal to number of function call "
        "parts of the function call turn.",
    ),
    (
        K.MISSING_RESULT,
        "Please ensure that function call turn comes immediately after a user turn or after a "
        "function response turn.",
    ),
    (
        K.ORPHAN_RESULT,
        "Please ensure that function response turn comes immediately after a function call turn.",
    ),
    (
        K.MISPLACED_RESULT,
        "Please ensure that function call turn contains at least one function_call part which can "
        "not be mixed with function_response parts.",
    ),
    (
        K.ORPHAN_RESULT,
        "* GenerateContentRequest.contents[2].parts[0].function_response.name: Name cannot be "
        "empty.",
    ),
    (
        K.MISMATCHED_RESULT,
        "Message name is empty and can't findcorresponding tool call for id: '$call_Mine1'",
    ),
    (K.MISSING_RESULT, "Not the same number of function calls and responses"),
    (K.ORPHAN_RESULT, "More tool responses than tool calls"),
    (K.MISMATCHED_RESULT, "Unexpected tool call id abcDEF123 in tool results"),
    (K.DUPLICATE_RESULT, "Duplicate tool call id abcDEF123 in tool results"),
    (K.DUPLICATE_CALL_ID, "Duplicate tool call id abcDEF123 in assistant message"),
    (K.ORPHAN_RESULT, "Unexpected role 'tool' after role 'user'"),
    (K.ORPHAN_RESULT, "Unexpected role RoleEnum.tool"),
    (K.ROLE_ORDER, "Unexpected role 'user' after role 'tool'"),
    (K.ROLE_ORDER, "Unexpected role 'Roles.system' after role 'Roles.assistant'"),
    (K.MISSING_ID, "Tool call id has to be defined."),
    (K.MISSING_ID, "Tool call id was null but must be a-z, A-Z, 0-9, with a length of 9."),
    (K.INVALID_ID, "Tool call id was call_X but must be a-z, A-Z, 0-9, with a length of 9."),
    (K.INVALID_ID, "Tool call IDs should be alphanumeric strings with length 9!"),
    (K.INVALID_ID, "Tool call must have an id of 9 characters or numbers."),
    (K.INVALID_ID, "Tool message must have a call_id or tool_call_id of 9 characters or numbers."),
    (
        K.ORPHAN_RESULT,
        "Message has tool role, but there was no previous assistant message with a tool call!",
    ),
    (K.ORPHAN_RESULT, "Conversation must start with a user or system message, got tool."),
    (K.ORPHAN_RESULT, "Tool message outside of assistant"),
    (K.ORPHAN_RESULT, "No tool calls but found tool output"),
    (K.MISSING_RESULT, "Tool results are missing for tool calls call_Mine1, call_Mine2."),
    (K.MISSING_RESULT, "Tool result is missing for tool call call_Mine1"),
)

# Sentences of each form that gateways and adapters use.
GENERAL_SAMPLES: tuple[tuple[ViolationKind, str], ...] = (
    (
        K.MISSING_RESULT,
        "Found AIMessages with tool_calls that do not have a corresponding ToolMessage. Here are",
    ),
    (K.MISSING_RESULT, "messages[4]: tool_use block is missing its tool_result"),
    (K.MISSING_RESULT, "each `tool_use` must be followed by a matching `tool_result`"),
    (K.MISSING_RESULT, "assistant message with tool_calls is not followed by tool messages"),
    (K.MISSING_RESULT, "tool calls were never answered: call_Mine1"),
    (K.MISSING_RESULT, "unanswered tool calls in the history: call_Mine1"),
    (K.MISSING_RESULT, "missing tool result for tool_call_id call_Mine1"),
    (K.MISSING_RESULT, "Expected tool outputs for call_ids ['call_Mine1'], got none."),
    (K.MISSING_RESULT, "these function calls are missing outputs: call_Mine1"),
    (K.MISSING_RESULT, "the number of tool messages must match the number of tool calls"),
    (K.MISSING_RESULT, "Tool calls and tool results count differ: 2 and 1"),
    (K.MISSING_RESULT, "tool_calls must be followed directly by their tool responses"),
    (K.MISSING_RESULT, "a turn with calls must be followed immediately by a matching tool_result"),
    (K.MISSING_RESULT, "tool_call_id call_Mine1 has no matching tool message"),
    (K.MISSING_RESULT, "the tool results must answer every pending call"),
    (K.MISSING_RESULT, "No tool_result for toolu_Mine1"),
    (K.MISSING_RESULT, "tool call call_Mine1 has no associated tool result"),
    (K.MISSING_RESULT, "each tool_use requires exactly one tool_result"),
    (K.MISSING_RESULT, "contents[2]: text before 2 pending functionResponse parts"),
    (K.MISSING_RESULT, "tool_call call_Mine1 没有对应的 tool message"),
    (K.MISSING_RESULT, "The message history still contains unprocessed tool calls."),
    (K.MISSING_RESULT, "the conversation has unmatched tool calls: call_Mine1"),
    (K.MISSING_RESULT, "the history ends with 2 pending tool calls"),
    (K.MISSING_RESULT, "pending tool calls must first be closed by their results"),
    (K.MISSING_RESULT, "no user message may be sent while there are outstanding tool calls"),
    (K.MISSING_RESULT, "a user message cannot stand there while tool calls are still pending"),
    (K.MISSING_RESULT, "the history ends on an unresolved function call -- give a response first"),
    (K.MISSING_RESULT, "a response waits, it is waiting for function outputs, but got none"),
    (K.MISSING_RESULT, "not all tool calls have been answered"),
    (K.MISSING_RESULT, "ensure that function call turn is followed by function response turn"),
    (K.MISSING_RESULT, "3 function calls have not been resolved"),
    (K.MISSING_RESULT, "tool calls without results: ['call_Mine1']"),
    (K.MISSING_RESULT, "No result was provided for tool call call_Mine1"),
    (K.MISSING_RESULT, "Tool call validation failed. Missing tool results for IDs: call_Mine1"),
    (K.MISSING_RESULT, "Missing tool results for: call_Mine1"),
    (K.MISSING_RESULT, "Expected a tool result for call_Mine1 but got a user message"),
    (K.MISSING_RESULT, "expected 2 tool results, got 1"),
    (K.MISSING_RESULT, "2 tool calls but only 1 tool result"),
    (K.MISSING_RESULT, "one tool result for two outstanding tool calls"),
    (K.MISSING_RESULT, "工具调用后必须有结果"),
    (K.MISSING_RESULT, "assistant 的 tool_calls 之后必须紧跟 tool 消息"),
    (K.ORPHAN_RESULT, "a toolResult does not answer a toolUse of the turn before it"),
    (K.ORPHAN_RESULT, "the agent stopped: tool result without a preceding call"),
    (
        K.ORPHAN_RESULT,
        "tool results came in, but the history does not contain any unprocessed calls",
    ),
    (K.ORPHAN_RESULT, "No corresponding tool call found in the previous message"),
    (K.ORPHAN_RESULT, "there is no tool call with id 'call_Mine1' in the conversation"),
    (K.ORPHAN_RESULT, "No tool call was found for id call_Mine1 in the transcript"),
    (K.ORPHAN_RESULT, "tool results require a preceding assistant turn"),
    (K.ORPHAN_RESULT, "A tool message must be responding to a previous tool call"),
    (K.ORPHAN_RESULT, "the tool message does not follow an assistant message with tool calls"),
    (K.ORPHAN_RESULT, "a tool role message must come right after an assistant message"),
    (K.ORPHAN_RESULT, "role 'tool' is not allowed after role 'user'"),
    (K.ORPHAN_RESULT, "tool results must refer to an unresolved tool call"),
    (K.ORPHAN_RESULT, "function_call_output refers to unknown call_id call_Mine1"),
    (K.ORPHAN_RESULT, "tool output call_Mine1 doesn't belong to any tool call"),
    (K.ORPHAN_RESULT, "The tool_call_id 'call_Mine1' is not associated with any tool call"),
    (K.ORPHAN_RESULT, "got a tool result when no tool call is pending"),
    (K.ORPHAN_RESULT, "tool response received with no outstanding tool call"),
    (K.ORPHAN_RESULT, "orphan tool_return return-1: call_Mine1"),
    (K.ORPHAN_RESULT, "the tool response 'call_Mine1' has no matching tool request"),
    (K.ORPHAN_RESULT, "FunctionResultContent without a matching FunctionCallContent"),
    (K.ORPHAN_RESULT, "function messages are only valid after an assistant message"),
    (K.ORPHAN_RESULT, "the tool result refers to a tool call that is not in the history"),
    (K.ORPHAN_RESULT, "Function call not found for function response ids: call_Mine1"),
    (K.ORPHAN_RESULT, "the tool call with ID 'call_Mine1' was not found in the session history"),
    (K.ORPHAN_RESULT, "cannot seed an output: no preceding `ToolCallPart` with that ID"),
    (K.ORPHAN_RESULT, "tool message found without a preceding message"),
    (K.ORPHAN_RESULT, "tool results were provided, but the message history is empty"),
    (K.ORPHAN_RESULT, "the request answers a tool call that the thread is not waiting on"),
    (K.ORPHAN_RESULT, "the turn contains an unexpected tool message"),
    (K.ORPHAN_RESULT, "we could not infer a called tool name for ToolMessage 'call_Mine1'"),
    (K.ORPHAN_RESULT, "tool_call_id call_Mine1 was never issued by the assistant"),
    (K.ORPHAN_RESULT, "tool_call_id call_Mine1 不存在"),
    (K.MISSING_RESULT, "tool results must be provided for all tool calls"),
    (K.MISSING_RESULT, "the assistant asked for 2 tools but only 1 tool result follows"),
    (K.MISSING_RESULT, "历史中有未响应的 tool_calls"),
    (K.MISMATCHED_RESULT, "tool_result blocks are not matching any tool_use"),
    (K.DUPLICATE_RESULT, "tool_call_id call_Mine1 appears in two tool messages"),
    (K.DUPLICATE_RESULT, "only one tool result is allowed per tool call"),
    (K.DUPLICATE_CALL_ID, "tool call id call_Mine1 is used more than once"),
    (K.MISPLACED_RESULT, "text must be placed after the tool_result blocks"),
    (K.MISPLACED_RESULT, "the last message must contain only tool_result content"),
    (K.MISSING_ID, "`ToolCallResult` must have a non-null `id`"),
    (K.MISSING_ID, "the request is missing `messages.tool_call_id`"),
    (K.INVALID_ID, "the id of a tool call must match the pattern ^[a-z]{9}$"),
    (K.ORPHAN_RESULT, "No function call event found for function responses ids: {'call_Mine1'}"),
    (K.ORPHAN_RESULT, "tool 消息必须位于包含 tool_calls 的消息之后"),
    (K.MISMATCHED_RESULT, "ids of tool_result blocks and tool_use blocks do not match"),
    (K.MISMATCHED_RESULT, "the tool responses do not correspond to the tool calls"),
    (K.DUPLICATE_RESULT, "Multiple results for tool call call_Mine1"),
    (K.DUPLICATE_RESULT, "tool call call_Mine1 has more than one result"),
    (K.DUPLICATE_RESULT, "tool_use toolu_Mine1 was answered twice"),
    (K.DUPLICATE_RESULT, "tool call call_Mine1 already has a result"),
    (K.MISPLACED_RESULT, "tool result for call_Mine1 appears before the tool call"),
    (K.DUPLICATE_CALL_ID, "two tool calls share the id call_Mine1"),
    (K.MISSING_ID, "ToolResponseMessage must have an id"),
    (K.MISSING_ID, "tool call 0 of message 3 is missing its id"),
    (K.MISSING_ID, "tool_call_id must be set for tool messages"),
    (K.MISSING_ID, "tool_use requires id and name"),
    (K.MISSING_ID, "function response ids are required"),
    (K.MISSING_ID, "tool message m-3 has no call id"),
    (K.MISSING_ID, "tool_use 缺少 id"),
    (K.MISSING_RESULT, "assistant tool call 缺少对应 tool result"),
    (K.MISSING_RESULT, "tool call call_Mine1 has 0 results"),
    (K.MISSING_RESULT, "tool call/result cardinality differs"),
    (K.MISSING_RESULT, "tool call call_Mine1 was never followed by a tool result"),
    (K.ORPHAN_RESULT, "functionResponse must come after a model turn"),
    (K.MISPLACED_RESULT, "tool results must appear immediately after the tool call"),
    (K.MISPLACED_RESULT, "a message cannot contain both function responses and text"),
    (K.ROLE_ORDER, "tool calls must belong to assistant messages"),
    (K.DUPLICATE_CALL_ID, "tool_use id toolu_Mine1 appeared more than once"),
    (K.DUPLICATE_CALL_ID, "重复的 tool_call_id"),
    (K.DUPLICATE_CALL_ID, "tool calls must have unique tool_call_id values"),
    (K.DUPLICATE_RESULT, "重复的工具结果"),
    (K.INVALID_ID, "id of tool call must match ^[a-z]{9}$"),
    (K.MISSING_ID, "tool message 缺少 tool_call_id"),
    (K.INVALID_ID, "tool_call_id must have exactly 9 letters or digits"),
    (K.ORPHAN_RESULT, "messages with role 'tool' must follow a message with 'tool_calls'"),
    (K.ORPHAN_RESULT, "A tool message must be preceded by an assistant message"),
    (K.ORPHAN_RESULT, "ToolMessage should follow AIMessage only!"),
    (K.ORPHAN_RESULT, "messages[3] is not preceded by assistant tool_calls"),
    (K.ORPHAN_RESULT, "the tool message at 3 is not a response to any tool call"),
    (K.ORPHAN_RESULT, "tool result 'call_Mine1' has no matching tool call"),
    (K.ORPHAN_RESULT, "Missing corresponding tool call for tool response message."),
    (K.ORPHAN_RESULT, "tool message references unknown tool_call_id call_Mine1"),
    (K.ORPHAN_RESULT, "Tool call id 'call_Mine1' not found in the conversation"),
    (K.ORPHAN_RESULT, "function_call_output without matching function_call"),
    (K.ORPHAN_RESULT, "messages[0]: orphaned tool message"),
    (K.ORPHAN_RESULT, "The first message cannot be a tool message"),
    (K.ORPHAN_RESULT, "each tool result needs a matching tool use"),
    (K.ORPHAN_RESULT, "tool results require the immediately preceding assistant tool call"),
    (K.ORPHAN_RESULT, "the tool message at 3 stands outside an assistant tool-call group"),
    (K.ORPHAN_RESULT, "got tool results, but the turn before contains no tool calls"),
    (K.ORPHAN_RESULT, "Unexpected tool_result blocks with ids: toolu_Mine1"),
    (K.ORPHAN_RESULT, "tool_call_id has no prior assistant tool call: call_Mine1"),
    (K.ORPHAN_RESULT, "a tool_result block must refer to an existing tool_use id"),
    (K.ORPHAN_RESULT, "messages[2]: more tool results than the previous message asked for"),
    (K.ORPHAN_RESULT, "tool_result toolu_Mine1 没有对应的 tool_use"),
    (K.MISMATCHED_RESULT, "tool_call_id does not match any tool call in the previous message"),
    (K.MISMATCHED_RESULT, "function response 'x' does not match any function call"),
    (K.MISMATCHED_RESULT, "mismatch between tool calls and tool results"),
    (K.MISMATCHED_RESULT, "the tool results should match the tool calls of the previous turn"),
    (K.MISMATCHED_RESULT, "tool_call_id call_Mine1 matches no earlier tool call"),
    (K.DUPLICATE_RESULT, "messages[4] contains a duplicate tool_result for toolu_Mine1"),
    (K.DUPLICATE_RESULT, "Multiple tool results for the same tool call id call_Mine1"),
    (K.DUPLICATE_RESULT, "tool_call_id call_Mine1 has already been answered"),
    (K.DUPLICATE_RESULT, "tool message 5 duplicates tool_call_id call_Mine1"),
    (K.DUPLICATE_RESULT, "tool_result ids must be unique"),
    (K.DUPLICATE_RESULT, "tool_use_id toolu_Mine1 is used by two results"),
    (K.MISPLACED_RESULT, "tool_result blocks must come before text blocks"),
    (K.MISPLACED_RESULT, "a user message stands between a tool call and its tool result"),
    (K.MISPLACED_RESULT, "function_call_output before its function_call: call_Mine1"),
    (K.MISPLACED_RESULT, "tool_result blocks are only allowed in user messages"),
    (K.MISPLACED_RESULT, "tool results belong in a tool message"),
    (K.MISPLACED_RESULT, "functionCall and functionResponse parts cannot be mixed"),
    (K.MISPLACED_RESULT, "tool call call_Mine1 is separated from its result"),
    (K.ROLE_ORDER, "tool_use blocks may only appear in assistant messages"),
    (K.DUPLICATE_CALL_ID, "Reused tool call id call_Mine1"),
    (K.DUPLICATE_CALL_ID, "assistant tool_calls[1].id 'call_Mine1' is not unique"),
    (K.DUPLICATE_CALL_ID, "duplicate function_call with call_id call_Mine1"),
    (K.DUPLICATE_CALL_ID, "Duplicate function call id call_Mine1"),
    (K.DUPLICATE_CALL_ID, "duplicate pending tool_use id toolu_Mine1"),
    (K.MISSING_ID, "tool message at 3 is missing required field tool_call_id"),
    (K.MISSING_ID, "function_call_output without call_id"),
    (K.MISSING_ID, "Tool call `id` must be a string"),
    (K.MISSING_ID, "tool_call_id is required for role=tool"),
    (K.MISSING_ID, "messages[2].content[0].tool_use_id must not be empty"),
    (K.MISSING_ID, "tool_use id must be non-empty"),
    (K.MISSING_ID, "tool messages must include a non-empty tool_call_id"),
    (K.MISSING_ID, "messages[1].tool_calls[0]: missing 'id' field"),
    (K.MISSING_ID, "messages.1.content.0: tool block missing id"),
    (K.MISSING_ID, "contents[3].parts[0]: missing functionResponse.id"),
    (K.MISSING_ID, "HTTP 400: tool_call_id 缺失"),
    (K.INVALID_ID, "Invalid tool_call_id: call/Mine1"),
    (K.INVALID_ID, "tool_call_id 'call/Mine1' does not match the pattern ^[a-z]+$"),
    (K.INVALID_ID, "tool_use_id toolu_Mine1 exceeds 64 characters"),
    (K.INVALID_ID, "tool_call_id contains invalid characters"),
)

ALL_SAMPLES = SAMPLES + GENERAL_SAMPLES

# Refusals that count only where a breach was foreseen.
AMBIGUOUS: tuple[tuple[ViolationKind, str], ...] = (
    (
        K.MISSING_RESULT,
        "Expected last role User or Tool (or Assistant with prefix) for serving but got assistant",
    ),
    (
        K.MISSING_RESULT,
        "This model does not support assistant message prefill. The conversation must end",
    ),
    (
        K.MISSING_RESULT,
        "Model 'gemini-x' does not support model prefilling. The final request turn must be",
    ),
    (K.MISSING_RESULT, "Expected last role to be one of: [user, tool] but got assistant"),
    (K.MISSING_RESULT, "The last message must be from the user or a tool"),
    (K.MISSING_RESULT, "The final message cannot be from the assistant"),
    (
        K.MISSING_RESULT,
        "Cannot set `add_generation_prompt` to True when the last message is from the assistant.",
    ),
    (K.MISSING_RESULT, "The last message is not an ToolMessage or HumanMessage"),
    (K.MISSING_RESULT, "When using tools, pre-filling the `assistant` response is not supported."),
    (K.MISSING_RESULT, "Requests ending with a model turn are not supported."),
    (
        K.MISSING_RESULT,
        "Requests cannot contain `assistant` role in the final position when `tools` are used.",
    ),
    (K.ROLE_ORDER, "A conversation must alternate between user and assistant roles. Make sure"),
    (
        K.ROLE_ORDER,
        "After the optional system message, conversation roles must alternate user and assistant "
        "roles except for tool calls and results.",
    ),
    (K.ROLE_ORDER, "messages 中 user（tool） 和 assistant 角色需交替出现"),  # noqa: RUF001
    (
        K.ROLE_ORDER,
        "After the (optional) system message(s), user or tool message(s) should alternate with "
        "assistant message(s).",
    ),
    (
        K.ROLE_ORDER,
        "Bad request: rpc error: code = InvalidArgument desc = Chat message input roles must "
        "alternate (user -> assistant -> u -> a -> ...) with an optional system at the start. Tool "
        "messages are optional and must follow a preceding assistant message containing tool "
        "calls.",
    ),
    (K.ROLE_ORDER, "the role of message with odd index in the messages must be assistant"),
    (K.ROLE_ORDER, "chat messages must alternate roles between 'user' and 'assistant'."),
    (K.MISSING_RESULT, "Last message role should be 'user'"),
    (K.ROLE_ORDER, "No user query found in messages."),
    (K.ROLE_ORDER, "The messages parameter is illegal. Please check the documentation."),
    (K.ROLE_ORDER, "messages 参数非法。请检查文档。"),
    (K.ORPHAN_RESULT, "Invalid messages at 3: {'role': 'tool', 'content': 'secret'}"),
    (
        K.MISSING_RESULT,
        "GenerateContentRequest.contents[2].parts: contents.parts must not be empty",
    ),
)

# Refusals with the same words that are about something else.
OTHERS: tuple[str, ...] = (
    "Invalid 'messages[9].tool_calls[0].function.name': string does not match pattern.",
    "Invalid 'messages[2].tool_calls': empty array. Expected an array with minimum length 1",
    "Missing required parameter: 'messages[1].tool_calls[0].type'.",
    "Missing required parameter: 'messages[1].tool_calls[0].function.name'.",
    "Missing parameter 'name': messages with role 'function' must have a 'name'.",
    "Unknown parameter: 'input[2].tool_calls'.",
    "Invalid schema for function 'x': 'tool_call_id' is required",
    "Tool choice 'x' not found in 'tools' parameter.",
    "Item 'fc_X' of type 'function_call' was provided without its required 'reasoning' item",
    "Item with id 'fc_X' not found. Items are not persisted when `store` is set to false.",
    "Duplicate item found with id fc_X",
    "Previous response with id 'resp_X' not found.",
    "Invalid 'input[2].id': 'x'. Expected an ID that begins with 'rs'.",
    "Invalid value: 'tool_result'. Supported values are: 'text', 'image_url' and 'file'.",
    "Invalid 'messages[3]'. Image URLs are only allowed for messages with role 'user', but this "
    "message with role 'tool' contains an image URL.",
    "messages.1.content.0.type: Expected `thinking`, but found `tool_use`. When `thinking` is "
    "enabled, a final `assistant` message must start with a thinking block (preceeding the "
    "lastmost set of `tool_use` and `tool_result` blocks).",
    "messages.3.content.1.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
    "messages.1.content.1.tool_use.input: Input should be a valid dictionary",
    "messages.2.content.0.tool_result.content.0.image.source: Input tag 'file' found",
    "tools: Tool names must be unique.",
    "tools.0.custom.input_schema: Field required",
    "Requests which include `tool_use` or `tool_result` blocks must define tools.",
    "Your API request included an `assistant` message in the final position, which would pre-fill "
    "the `assistant` response. When using tools, pre-filling is not supported.",
    "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
    "The format of the value at messages.3.content.0.toolUse.input is invalid.",
    "Value 'x y' at 'messages.2.member.content.0.member.toolUse.name' failed to satisfy constraint",
    "messages.7.content: Conversation blocks and tool use blocks cannot be provided in the same "
    "turn.",
    "Model produced invalid sequence as part of ToolUse",
    "GenerateContentRequest.contents[1].parts[0].function_call.name: Name cannot be empty",
    "Function call is missing a thought_signature in functionCall parts.",
    "Please ensure that multiturn requests alternate between user and model",
    "Function name was x y but must be a-z, A-Z, 0-9, with a maximum length of 64.",
    "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
    "Assistant message must have either content or tool_calls, but not both.",
    "Unexpected role 'user' after role 'user'",
    "After the optional system message, conversation roles must alternate user and assistant roles "
    "except for tool calls and results.",
    "This model only supports single tool-calls at once!",
    "Tool call validation failed: parameters for tool x did not match schema: errors: [missing "
    "properties: 'tool_call_id is required']",
    "attempted to call tool ' x' which was not in request.tools",
    "'messages.2' : for 'role:tool' the following must be satisfied[('messages.2.content' : value "
    "must be a string)]",
    "invalid params, invalid function arguments json string, tool_call_id: call_X (2013)",
    "thinking is enabled but reasoning_content is missing in assistant tool call message at index "
    "2",
    "invalid request: cannot specify both message and tool_results in multistep mode",
    "This model's maximum context length is 10 tokens; reduce messages, functions, tool_calls",
    "contents are required.",
    "Received multiple non-consecutive system messages.",
    # The words of a call, a result and an id, in sentences about something else.
    "Model returned a tool call without arguments",
    "tool call missing required argument 'id'",
    "Tool call for 'x' is missing required property 'user_id'",
    "Tool call is missing a function name.",
    "Received tool call without id from the model",
    "Assistant messages without tool_calls must have content",
    "The tool result must have a content field, not tool_calls",
    "Tool messages must not have tool_calls",
    "Tool message must have a name.",
    "Tool result message `content` must be a string",
    "tool_result blocks must have non-empty content",
    "Too many tool results in a single message: maximum 20",
    "Tool result images must be before text",
    "mcp tool call requires approval, and its tool output needs none",
    "Tokenizer v2 does not support multiple tool results for one assistant turn.",
    "The content field at messages.4.content.0.toolResult cannot be empty when status is error.",
    "messages with role 'tool' are not supported by this model",
    "Doesn't support tool calling without `tools=` param specified.",
    "No tool calls found in the last AI message, but a tool choice is required",
    "No response from the tool server within 30s for tool call call_X",
    "Tool execution failed: no result for tool call x (timeout)",
    "The tool call arguments for call_X did not match the expected schema",
    "tool_call_id call_X: invalid arguments: missing required field 'query'",
    "tool_call_id: call_X, error: model x not found",
    "No session found for call_id rtc_X",
    "call_id rtc_X not found",
    "invalid-argument: Duplicate tool names: x",
    "Function calling with a response mime type: 'application/json' is unsupported",
    "400 Missing `reasoning_content` field in the assistant message at message index 2. See the "
    "guide at /thinking_mode#tool-calls",
    "Cannot pass both content and thinking in an assistant message with tool calls!",
    "additional_kwargs[tool_calls] already exists in this message chunk.",
    "tool_use block missing id in the model's stream",
    "messages[1].tool_calls[0]: missing function",
    "messages.1: tool_use is missing an identity token",
    "DeepSeek tool 'x' is duplicated",
    "duplicate tool call for the same arguments",
    "more tool results than allowed: 20",
    "unexpected tool result with status 500",
    "no tool results for query 'x'",
    "no tool response for call_center",
    "the call was rejected before the pending tool response arrived",
    "tool results must respond to all calls within 30 s",
    "tool calls and tool results must not be mixed with images",
    "tool output must match the text 'function call ok'",
    "tool_call_id call_X: the pattern matches no file that calls x",
    "tool_call_id call_X: the search returned more than one result",
    "the tool result must match the output schema of the function call",
    "the tool result must cover all columns",
    "tool output is outside the tool call's directory",
    "tool output contains no function calls",
    "tool results are only available in the EU region",
    "tool calls are only supported in assistants of version 2",
    "tool results require the previous version of the API",
    "function_call_output requires previous_response_id",
    "The tool call failed before results were returned",
    "model returned unresolved tool call markup instead of an answer",
    "assistant messages must not mix text and tool_use blocks",
    "Unknown name 'id' at 'contents[1].parts[0].function_call': Cannot find field.",
    "contents[3].parts[0]: missing functionCall.name",
    "The input messages do not contain elements with the role of user",
    "Unexpected last role 'system'",
    "Expected the last message to have content",
    "System message must be at the beginning.",
    "Only user, assistant and tool roles are supported, got system.",
    "Multiple tool calls are not supported.",
    "can only concatenate str (not 'NoneType') to str",
    "'NoneType' object is not iterable",
    "pending tool calls must be approved or rejected before the run goes on",
    "There are no outstanding tool calls.",
    "the run was stopped while it had 2 pending approvals of tool calls",
    "agent approval has no pending tool call",
    "Recursion limit reached, the last message has pending tool calls",
    "No matching tool calls found.",
    "no tool call with ID 4 in this session",
    "No tool call was found in the model's output",
    "model reply contains duplicate tool call id",
    "the model's output contains unanswered tool calls",
    "no matching function call takes this number of arguments",
    "the run trace is missing tool result for search:1",
    "Tool call 'search' failed after 3 retries without a response",
    "Tool call validation failed: tool call call_X must be answered in JSON",
    "Tool response dicts require a 'name' key",
    "ToolResponseMessage must have a name",
    "tool_call_id is only valid for tool messages",
    "Tool result already saved: call_X",
    "Tool call state with ID call_X already exists.",
    "response id does not match any pending call (protocol mismatch)",
    "No result was returned by tool search",
    "connection closed before tool results were received",
    "unexpected tool result type: <class 'int'>",
    "Snapshot tool_use_id does not match the hook",
    "tool call requires id of the record",
    "tool_use 缺少 input",
    "Tool message missing tool result text",
    "function_call_output: name is required",
    "tool result messages cannot contain tool_calls",
    "Assistant tool calls require an assistant message.",
    "tool call x already has a different recorded process",
    "unexpected tool result shape: string",
    "the model returned a tool call without an id",
    "Expected tool result of type str, got int",
    "expected a tool call, got text",
    "Runs in status 'completed' do not accept tool outputs.",
    "Invalid type for 'input[2].output': expected an array of objects or a string",
    "'tool' is not one of ['system', 'assistant', 'user'] - 'messages.2.role'",
    "name is required for role function",
    "Received tool_call_chunk for unknown tool call ID: call_X",
    "Unexpected tool_call_id format: call/X",
    "Model reused a tool call ID for a different invocation in one response.",
    "the guard returned tool calls without a function name, leaving the tool call output unchanged",
    "Tool name is required for Gemini requests",
    "tools.0.custom.strict: Extra inputs are not permitted",
    "function_call's name can't be blank",
    "messages[1].role should be one of system user assistant tool control document",
    "function response must be a dict with keys output or error",
    "Function call without arguments",
    "Could not find tool x in the registry for call call_X",
    "Loop detected: the same tool call was repeated 5 times",
    "Tool call rejected: duplicate of a call with the same arguments",
)

# The file's categories that have no kind of the same name. A text that only counts says that
# results are missing; a nameless Gemini result is one without a call that would have named it.
CATEGORY_KINDS = {
    "id_format": K.INVALID_ID,
    "empty_id": K.MISSING_ID,
    "mismatched_id": K.MISMATCHED_RESULT,
    "server_tool_missing_result": K.SERVER_TOOL_UNPAIRED,
    "count_mismatch": K.MISSING_RESULT,
    "empty_name": K.ORPHAN_RESULT,
}


@pytest.mark.parametrize(("kind", "text"), ALL_SAMPLES, ids=[text[:60] for _, text in ALL_SAMPLES])
def test_each_wording_is_recognised(kind: ViolationKind, text: str):
    assert rejection_kind(text) == kind


@pytest.mark.parametrize(("kind", "text"), AMBIGUOUS, ids=[text[:60] for _, text in AMBIGUOUS])
def test_words_with_several_causes_count_only_where_a_breach_was_foreseen(
    kind: ViolationKind, text: str
):
    assert rejection_kind(text) is None
    assert rejection_kind(text, foreseen=True) == kind
    assert rejection_kind(RefusedError(text, status_code=429), foreseen=True) is None


@pytest.mark.parametrize(("kind", "text"), ALL_SAMPLES, ids=[text[:60] for _, text in ALL_SAMPLES])
def test_a_foreseen_breach_changes_no_other_kind(kind: ViolationKind, text: str):
    assert rejection_kind(text, foreseen=True) == kind


def test_no_rule_is_without_a_sample():
    texts = [text for _, text in ALL_SAMPLES + AMBIGUOUS]
    recognised = {found.rule for text in texts if (found := read_rejection(text, foreseen=True))}
    rules = WORDINGS + SENTENCES
    assert recognised == {rule.name for rule in rules}
    assert len(recognised) == len(rules)


def test_a_provider_wording_wins_over_a_sentence_before_it():
    text = f"agent stopped, orphaned tool result: {ANTHROPIC_MISSING}"
    assert rejection_kind(text) == K.MISSING_RESULT


@pytest.mark.parametrize("text", OTHERS, ids=[text[:60] for text in OTHERS])
def test_other_refusals_are_not_taken_for_one(text: str):
    assert read_rejection(text) is None


def _json(text: str) -> str:
    return json.dumps({"error": {"message": text, "type": "invalid_request_error"}})


WRAPPERS: dict[str, Callable[[str], str]] = {
    "openai repr": lambda text: f"Error code: 400 - { ({'error': {'message': text}})!r}",
    "json": _json,
    "json in json": lambda text: json.dumps({"error": {"metadata": {"raw": _json(text)}}}),
    "json in json in repr": lambda text: repr({"body": json.dumps({"raw": _json(text)})}),
    "dotnet escapes": lambda text: _json(text).replace("'", "\\u0027").replace("`", "\\u0060"),
    "html escapes": lambda text: text.replace("'", "&#39;").replace("`", "&#96;"),
    "curly quotes": lambda text: text.replace("'", "’").replace("`", "“"),  # noqa: RUF001
    "no quotes": lambda text: text.replace("'", "").replace("`", ""),
    "full width": lambda text: text.replace("[", "\uff3b").replace("]", "\uff3d"),
    "full width in json": lambda text: _json(text.replace("[", "\uff3b").replace("]", "\uff3d")),
    "markdown": lambda text: text.replace("_", "\\_"),
    "upper case": str.upper,
    "wrapped lines": lambda text: text.replace(" ", "\n    "),
    "escaped line ends": lambda text: json.dumps(text.replace(". ", ".\n")),
    "litellm": lambda text: f"litellm.BadRequestError: OpenAIException - {text}",
    "litellm, wrong class": lambda text: f"litellm.ContentPolicyViolationError: x - {text}",
    "bedrock": lambda text: (
        "An error occurred (validationException) when calling the ConverseStream operation: The "
        f"model returned the following errors: {text}"
    ),
    "gateway": lambda text: f"unexpected status 502 Bad Gateway: Upstream 400: {text}",
    "chinese": lambda text: f"请求失败：状态码 400，{text}（请稍后重试）",  # noqa: RUF001
    "russian": lambda text: f"Ошибка запроса (HTTP 400): {text}",
    "fallbacks": lambda text: (
        f"Error code: 429 - rate limited. Fallback: Error code: 400 - {text}. No more fallbacks."
    ),
    "after another error": lambda text: (
        f"Invalid schema for function 'x': no. Error doing the fallback: litellm.BadRequestError: "
        f"{text}"
    ),
    "long": lambda text: f"{'-' * 50_000}{text}",
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_wrappers_change_nothing(wrap: Callable[[str], str]):
    changed = {
        text: found for kind, text in ALL_SAMPLES if (found := rejection_kind(wrap(text))) != kind
    }
    assert changed == {}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_wrappers_make_no_rejection(wrap: Callable[[str], str]):
    taken = {text: found for text in OTHERS if (found := read_rejection(wrap(text)))}
    assert taken == {}


@pytest.mark.parametrize(
    "text",
    [
        "Error code: 429 - {'error': {'message': \"" + OPENAI_ORPHAN + '"}}',
        "[401] Unauthorized\n" + OPENAI_ORPHAN,
        "HTTP 500: " + OPENAI_ORPHAN,
    ],
)
def test_a_text_that_names_another_status_is_not_a_refusal(text: str):
    assert read_rejection(text) is None


@pytest.mark.parametrize(
    "text",
    [
        # The model's own words, and the user's.
        "Failed to call a function. See 'failed_generation' for more details.', 'code': "
        f"'tool_use_failed', 'failed_generation': '{OPENAI_ORPHAN}'",
        "1 validation error for Response\nchoices\n  Field required [type=missing, "
        f"input_value={{'text': '{OPENAI_ORPHAN}'}}]",
    ],
)
def test_words_that_are_only_repeated_do_not_count(text: str):
    assert read_rejection(text) is None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (
            K.MISSING_RESULT,
            "Found AIMessages with tool_calls that do not have a corresponding ToolMessage. Here "
            "are the first few of those tool calls: [{'args': {'q': 'role tool without id'}}]",
        ),
        (
            K.ORPHAN_RESULT,
            "Missing corresponding tool call for tool response message. Received - "
            f"message={{'content': '{OPENAI_MISSING}'}}",
        ),
    ],
)
def test_a_local_check_counts_for_its_own_words_and_not_for_those_it_repeats(
    kind: ViolationKind, text: str
):
    found = read_rejection(text)

    assert found is not None
    assert (found.kind, found.tool_call_ids) == (kind, ())


def test_what_the_provider_names_is_read():
    found = read_rejection(f"Error code: 400 - {_json(ANTHROPIC_MISSING)}")

    assert found is not None
    assert found.rule == "anthropic.missing"
    assert found.tool_call_ids == ("toolu_Mine1", "toolu_Mine2")
    assert found.wire_index == 2


@pytest.mark.parametrize(
    ("text", "ids", "index"),
    [
        (_json(OPENAI_MISSING), ("call_Mine1",), None),
        (OPENAI_MISSING + "', 'type': 'x', 'param': 'messages.[14].role'", ("call_Mine1",), 14),
        (OPENAI_MISSING.replace("call_Mine1", "call_Mi..."), (), None),
        (OPENAI_MISSING.replace("call_Mine1", "message[15].role"), (), 15),
        ("tool_call_id of functions.x:0 not found", ("functions.x:0",), None),
        ("No tool output found for function call call_***.", (), None),
    ],
)
def test_ids_are_whole_or_left_out(text: str, ids: tuple[str, ...], index: int | None):
    found = read_rejection(text)

    assert found is not None
    assert (found.tool_call_ids, found.wire_index) == (ids, index)


def test_every_shared_text_is_classified(shared_dir: Path):
    lines = (shared_dir / "provider-errors.jsonl").read_text("utf-8").splitlines()
    wrong = []
    for number, row in enumerate(map(json.loads, lines), start=1):
        expected = None
        if row["is_tool_pairing"]:
            category = row["category"]
            expected = CATEGORY_KINDS.get(category) or ViolationKind(category)
        found = read_rejection(row["error_text"])
        kind = found and found.kind
        # The file has no category for an order of roles in which every call is answered.
        is_order = kind == K.ROLE_ORDER and expected == K.MISPLACED_RESULT
        if kind != expected and not is_order:
            wrong.append((number, expected, found))
    assert wrong == []


def test_what_chat_templates_and_their_servers_say_is_told_apart(shared_dir: Path):
    """A kind where the pair is refused, only a foreseen one where the words fit sound ones too."""
    lines = (shared_dir / "provider-errors-templates.jsonl").read_text("utf-8").splitlines()
    wrong = []
    for row in map(json.loads, lines):
        error = RefusedError(str(row["body"]), body=row["body"], status_code=row["status"])
        for foreseen in (False, True):
            is_one = row["is_tool_pairing"] and (foreseen or not row["needs_foreseen"])
            found = rejection_kind(error, foreseen=foreseen)
            if found is not None if not is_one else found not in row["kinds"]:
                wrong.append((row["id"], foreseen, found))
    assert wrong == []


def test_the_errors_of_real_rejected_histories_are_recognised(shared_dir: Path):
    silent, taken = set(), set()
    for path in sorted((shared_dir / "corpora").glob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            row = json.loads(line)
            if (
                row["verdict"] != "rejected"
                or row["meta"].get("verdict_by", "provider") != "provider"
            ):
                continue
            found = read_rejection(str(row["error"]))
            if row["kind"] != "other" and found is None:
                silent.add(row["error"])
            if row["kind"] == "other" and found is not None:
                taken.add(found.rule)
    # Gemini's words for an empty turn, which is what one unanswered call was turned into.
    assert silent == {"GenerateContentRequest.contents[2].parts: contents.parts must not be empty"}
    # Rows whose history pairs as LangChain messages, but did not on the wire.
    assert taken <= {
        "anthropic.server_ids",
        "anthropic.server_call",
        "bedrock.missing",
        "gemini.count",
        "mistral.role_order",
        "openai.orphan",
    }


# Exceptions made by hand, for errors that no client raises on demand.


class RefusedError(Exception):
    """An exception with whatever attributes a client would set."""

    def __init__(self, text: str = "", **attributes: object) -> None:
        super().__init__(text)
        self.__dict__.update(attributes)


@dataclass
class Response:
    """What clients hang on their exceptions, read or not."""

    status_code: int = 400
    content_read: bytes | None = None

    def __post_init__(self) -> None:
        if self.content_read is not None:
            self._content = self.content_read

    @property
    def content(self) -> bytes:
        msg = "reading an unread stream may block"
        raise AssertionError(msg)

    text = content

    def read(self) -> bytes:
        return self.content


def test_an_unread_response_is_left_alone():
    error = RefusedError("Error response 400", response=Response())
    assert read_rejection(error) is None


def test_a_response_that_was_read_is_used():
    body = _json(OPENAI_ORPHAN).encode()
    assert rejection_kind(RefusedError("400", response=Response(400, body))) == K.ORPHAN_RESULT


@pytest.mark.parametrize(
    "attributes",
    [
        {"body": {"error": {"message": OPENAI_ORPHAN}}},
        {"body": _json(OPENAI_ORPHAN)},
        {"body": _json(OPENAI_ORPHAN).encode()},
        {"details": [{"error": {"code": 400, "message": OPENAI_ORPHAN}}]},
        {
            "body": {
                "error": {
                    "message": "Provider returned error",
                    "metadata": {"raw": _json(OPENAI_ORPHAN)},
                }
            }
        },
        {"raw_response": Response(400, _json(OPENAI_ORPHAN).encode())},
    ],
)
def test_the_text_is_found_where_clients_keep_it(attributes: dict[str, object]):
    error = RefusedError("Response validation failed", status_code=400, **attributes)
    assert rejection_kind(error) == K.ORPHAN_RESULT


@pytest.mark.parametrize(
    ("attributes", "is_refusal"),
    [
        ({}, True),
        ({"status_code": 400}, True),
        ({"status_code": 422}, True),
        ({"code": 400}, True),
        ({"status_code": "400"}, True),
        ({"response": Response(400)}, True),
        ({"status_code": -1}, True),  # ollama's value for none
        ({"status_code": 200}, True),  # an error inside a stream that had begun
        ({"code": "invalid_value"}, True),
        ({"status_code": 401}, False),
        ({"status_code": 413}, False),
        ({"status_code": 429}, False),
        ({"status_code": "429"}, False),
        ({"status_code": 500}, False),
        ({"response": Response(429)}, False),
        ({"response": {"ResponseMetadata": {"HTTPStatusCode": 429}}}, False),
    ],
)
def test_only_a_refused_request_counts(attributes: dict[str, object], is_refusal: bool):  # noqa: FBT001
    found = read_rejection(RefusedError(OPENAI_ORPHAN, **attributes))
    assert (found is not None) is is_refusal


def test_a_gateway_may_answer_500_for_a_refusal():
    assert rejection_kind(RefusedError(f"DeepSeek 400: {OPENAI_ORPHAN}", status_code=502))
    assert rejection_kind(RefusedError(_json(OPENAI_ORPHAN), status_code=502))


def test_a_chat_template_may_fail_with_500():
    template = "Tool call IDs should be alphanumeric strings with length 9!"
    assert rejection_kind(RefusedError(template, status_code=500)) == K.INVALID_ID


TEMPLATE_FRAMES: dict[str, Callable[[str], tuple[object, int | None]]] = {
    "llama.cpp": lambda text: (
        {
            "code": 500,
            "message": "\n------------\nWhile executing CallExpression at line 9, column 3 in "
            "source:\n...== 0) %}\u21b5 {{- raise_exception('Tool message outside of assistant, al"
            f"...\n      ^\nError: Jinja Exception: {text}",
            "type": "server_error",
        },
        500,
    ),
    "LM Studio": lambda text: (
        f'Error rendering prompt with jinja template: "{text}".\n\nThis is usually an issue with '
        "the model's prompt template.",
        400,
    ),
    "LM Studio, in a stream": lambda text: (
        {
            "type": "server_error",
            "message": "rpc error: code = InvalidArgument desc = Error rendering prompt with jinja "
            f'template: "{text}".',
        },
        None,
    ),
    "TGI": lambda text: (
        {
            "error": f"Template error: syntax error: {text} (in <string>:1)",
            "error_type": "template_error",
        },
        422,
    ),
    "vLLM": lambda text: ({"message": text, "type": "BadRequestError", "code": 400}, 400),
}
TEMPLATE_TEXTS: tuple[tuple[ViolationKind | None, bool, str], ...] = (
    (K.ORPHAN_RESULT, False, "Tool message outside of assistant"),
    (K.INVALID_ID, False, "Tool call IDs should be alphanumeric strings with length 9!"),
    (
        K.ORPHAN_RESULT,
        False,
        "Message has tool role, but there was no previous assistant message with a tool call!",
    ),
    (
        K.ROLE_ORDER,
        True,
        "Conversation roles must alternate user/assistant/user/assistant/...",
    ),
    (K.ROLE_ORDER, True, "No user query found in messages."),
    (None, False, "System message must be at the beginning."),
    (None, False, "This model only supports single tool-calls at once!"),
    (
        None,
        False,
        "Cannot pass both content and thinking in an assistant message with tool calls!",
    ),
)


@pytest.mark.parametrize("frame", TEMPLATE_FRAMES.values(), ids=TEMPLATE_FRAMES)
@pytest.mark.parametrize(("kind", "ambiguous", "text"), TEMPLATE_TEXTS)
def test_a_chat_templates_own_words_count_in_every_servers_frame(
    kind: ViolationKind | None,
    ambiguous: bool,  # noqa: FBT001
    text: str,
    frame: Callable[[str], tuple[object, int | None]],
):
    body, status = frame(text)
    error = RefusedError(json.dumps(body), body=body)
    if status is not None:
        error.status_code = status

    assert rejection_kind(error) == (None if ambiguous else kind)
    assert rejection_kind(error, foreseen=True) == kind


def test_a_server_error_counts_for_what_a_template_raised_and_for_nothing_else():
    text = "user and assistant roles should be alternating."

    def error(frame: str) -> RefusedError:
        return RefusedError(f"{frame}{text}", status_code=500)

    assert rejection_kind(error(""), foreseen=True) is None
    assert rejection_kind(error("Jinja Exception: "), foreseen=True) == K.ROLE_ORDER


def test_the_message_that_an_encoder_repeats_is_not_read():
    found = read_rejection(
        f"Invalid messages at 12: {{'role': 'user', 'content': '{OPENAI_MISSING}'}}", foreseen=True
    )

    assert found is not None
    assert (found.kind, found.tool_call_ids, found.wire_index) == (K.ORPHAN_RESULT, (), 12)


def test_a_gateways_own_check_may_fail_with_502():
    text = "Tool results are missing for tool calls call_Mine1, call_Mine2."

    found = read_rejection(RefusedError(text, status_code=502))

    assert found is not None
    assert found.tool_call_ids == ("call_Mine1", "call_Mine2")


def test_the_cause_is_read():
    error = RuntimeError("the model failed")
    error.__cause__ = RefusedError("wrapped", body={"message": OPENAI_ORPHAN}, status_code=400)
    assert rejection_kind(error) == K.ORPHAN_RESULT


def test_what_was_being_handled_is_read_through_a_wrapper():
    error = RuntimeError("the model failed")
    error.__context__ = RefusedError(OPENAI_ORPHAN, status_code=400)
    assert rejection_kind(error) == K.ORPHAN_RESULT


def test_the_error_of_a_fallback_is_not_mixed_up_with_the_error_before_it():
    fallback = RefusedError("Invalid schema for function 'x'", status_code=400)
    fallback.__context__ = RefusedError(OPENAI_ORPHAN, status_code=400)
    assert read_rejection(fallback) is None


def test_a_suppressed_context_is_not_read():
    error = RuntimeError("something else")
    error.__context__ = RefusedError(OPENAI_ORPHAN, status_code=400)
    error.__suppress_context__ = True
    assert read_rejection(error) is None


def test_litellm_keeps_the_original_aside():
    original = RefusedError(OPENAI_ORPHAN, status_code=400)
    assert rejection_kind(RefusedError("mid-stream", original_exception=original))


def test_a_chain_that_bites_its_tail_ends():
    first, second = RuntimeError("tool"), RuntimeError("tool")
    first.__cause__, second.__cause__ = second, first
    assert read_rejection(first) is None


def test_every_member_of_a_group_is_looked_at():
    group = ExceptionGroup(
        "parallel",
        [
            RefusedError("rate limited", status_code=429),
            ExceptionGroup("inner", [RefusedError(OPENAI_ORPHAN, status_code=400)]),
        ],
    )
    assert rejection_kind(group) == K.ORPHAN_RESULT


def test_a_status_counts_for_its_own_member_of_a_group_only():
    group = ExceptionGroup(
        "parallel",
        [RefusedError("nothing", status_code=400), RefusedError(OPENAI_ORPHAN, status_code=429)],
    )
    assert read_rejection(group) is None


def _report() -> PairingReport:
    return PairingReport("openai-chat", (), Effect.REJECT, 1, 0, 1)


def test_our_own_block_is_no_rejection():
    block = RefusedError(OPENAI_ORPHAN, report=_report())
    wrapper = RuntimeError(f"agent failed: {OPENAI_ORPHAN}")
    wrapper.__cause__ = block

    assert read_rejection(block) is None
    assert read_rejection(wrapper) is None


def test_a_provider_error_while_our_block_was_handled_is_one():
    error = RefusedError(OPENAI_ORPHAN)
    error.__context__ = RefusedError("blocked", report=_report())
    assert rejection_kind(error) == K.ORPHAN_RESULT


_BROKEN = [
    {"role": "user", "content": "Look."},
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
        ],
    },
    {"role": "user", "content": "And?"},
]


def _raised_from(block: Exception) -> Exception:
    error = RuntimeError("the agent failed")
    error.__cause__ = block
    return error


def _raised_while_handled(text: str) -> Callable[[Exception], Exception]:
    def wrap(block: Exception) -> Exception:
        error = RuntimeError(text.format(error=block))
        error.__context__ = block
        return error

    return wrap


def _holding(block: Exception) -> Exception:
    error = RuntimeError("the agent failed")
    error.original_exception = block
    return error


WRAPPERS: dict[str, Callable[[Exception], Any]] = {
    "itself": lambda block: block,
    "its text": str,
    "its repr": repr,
    "a copy": lambda block: pickle.loads(pickle.dumps(block)),
    "cause": _raised_from,
    "cause of a cause": lambda block: _raised_from(_raised_from(block)),
    "original": _holding,
    "text alone": lambda block: RuntimeError(f"the agent failed: {block}"),
    "text, while handled": _raised_while_handled("the agent failed: {error}"),
    "message, while handled": _raised_while_handled("the agent failed: {error.words}"),
    "group": lambda block: ExceptionGroup("parallel", [block, ValueError("no")]),
    "group of wrapped": lambda block: ExceptionGroup("parallel", [_raised_from(block)]),
    "an error with a status": lambda block: RefusedError(str(block), status_code=400),
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_our_own_error_is_never_taken_for_a_providers(wrapper, profile):
    report = check_messages(_BROKEN, profile)
    block = InvalidToolResultsError(report)
    block.words = "; ".join(each.expected_error for each in report.violations)
    assert read_rejection(WRAPPERS[wrapper](block), foreseen=True) is None


def test_the_same_refusal_of_another_model_counts_while_ours_is_handled():
    block = InvalidToolResultsError(check_messages(_BROKEN, "openai-chat"))
    error = RefusedError(block.report.violations[0].expected_error, status_code=400)
    error.__context__ = block
    assert rejection_kind(error) == K.MISSING_RESULT


def test_our_exception_class_is_known():
    assert read_rejection(InvalidToolResultsError(_report())) is None


@pytest.mark.parametrize(
    "error",
    [
        IndexError("list index out of range"),
        KeyError(OPENAI_ORPHAN),
        TypeError(OPENAI_ORPHAN),
        KeyboardInterrupt(OPENAI_ORPHAN),
        asyncio.CancelledError(OPENAI_ORPHAN),
        ValueError("contents are required."),
        TimeoutError("timed out"),
    ],
    ids=repr,
)
def test_local_errors_and_cancellation_are_none(error: BaseException):
    assert read_rejection(error) is None


def test_an_exception_that_cannot_be_printed_is_none():
    class UnprintableError(Exception):
        def __str__(self) -> str:
            msg = "no"
            raise ValueError(msg)

        @property
        def body(self) -> str:
            msg = "no"
            raise ValueError(msg)

    assert read_rejection(UnprintableError()) is None


def test_what_the_request_said_is_left_out_of_a_body():
    body = {"detail": [{"msg": "bad", "input": OPENAI_ORPHAN}], "messages": [OPENAI_ORPHAN]}
    assert read_rejection(RefusedError("refused", body=body, status_code=422)) is None


def test_no_more_than_a_bounded_text_is_scanned():
    bound = error_text.MAX_HEAD_CHARS + error_text.MAX_TAIL_CHARS + len(error_text.CUT)
    huge = "tool_call_id " * 100_000
    error = RefusedError(huge, body={"a": [huge] * 100}, response=Response(400, huge.encode()))

    (reading,) = error_text.readings(error)

    assert all(len(text) <= bound for text in reading.texts)
    assert len(reading.texts) <= 4


def test_both_ends_of_a_long_text_are_scanned():
    padding = "x " * 500_000
    assert rejection_kind(OPENAI_ORPHAN + padding) == K.ORPHAN_RESULT
    assert rejection_kind(padding + OPENAI_ORPHAN) == K.ORPHAN_RESULT
    assert rejection_kind(padding + OPENAI_ORPHAN + padding) is None


PATHOLOGICAL = (
    *(text[: len(text) * 2 // 3] for _, text in ALL_SAMPLES),
    *("\\", "\\\\u0041", "&quot;", "a, ", "a:", "tool_call_id of ", "srvtoolu_a, ", "tools.1 "),
    *("messages[1].", "input_value=", "error code: 4", "tool call id of assistant message "),
    *("tool result without ", "tool call not ", "number of tool results equal match "),
    *("tool result message contains no ", "messages[1] tool_calls ", "tool_call_id call_a, "),
)


def test_no_text_is_pathological():
    """The worst repetition of a wording's beginning costs a small multiple of plain prose."""

    def cost(text: str) -> float:
        start = time.process_time()
        read_rejection(text)
        return time.process_time() - start

    size = 1_000_000
    prose = "The model made a tool call that was fine. " * (size // 42)
    limit = 40 * min(cost(prose) for _ in range(3))

    def is_slow(text: str) -> bool:
        # Whatever else the machine does may slow down one measurement, but not every one of three.
        return all(cost(text) > limit for _ in range(3))

    slow = [text for text in PATHOLOGICAL if is_slow(text * (size // len(text)))]
    assert slow == []


# The real exceptions, as the real clients build them from an answer over HTTP.


class _RefusingHandler(LoopbackHandler):
    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        self.read_body()
        server = self.server.owner
        self.send(server.status, server.body, server.headers)

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        self.do_POST()


class RefusingServer(LoopbackServer):
    """A loopback provider that answers every request with one and the same refusal."""

    def __init__(self) -> None:
        super().__init__(_RefusingHandler)
        self.refuse({})

    def refuse(
        self, body: object, status: int = 400, headers: dict[str, str] | None = None
    ) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.headers = headers or {"content-type": "application/json"}


@pytest.fixture(scope="module")
def refusing_server() -> Iterator[RefusingServer]:
    with RefusingServer() as server:
        yield server


@pytest.fixture
def _clients_leftovers() -> Iterator[None]:
    """Clean up after clients that leave event loops and sockets to the garbage collector."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()
    gc.collect()


class ErrorRecorder(BaseCallbackHandler):
    """Keeps what `on_llm_error` is given."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []

    def on_llm_error(self, error: BaseException, **_: Any) -> None:
        self.errors.append(error)


def _openai_error(message: str) -> dict[str, object]:
    return {
        "error": {
            "message": message,
            "type": "invalid_request_error",
            "param": "messages.[1].role",
            "code": None,
        }
    }


def _anthropic_error(message: str) -> dict[str, object]:
    error = {"type": "invalid_request_error", "message": message}
    return {"type": "error", "error": error, "request_id": "req_1"}


def _google_error(message: str) -> dict[str, object]:
    return {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}


def _mistral_error(message: str) -> dict[str, object]:
    return {"object": "error", "message": message, "type": "invalid_request_error", "code": "3230"}


AWS = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
AWS_MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
AWS_HEADERS = {"content-type": "application/json", "x-amzn-ErrorType": "ValidationException"}
OPENROUTER_BODY = {
    "error": {
        "message": "Provider returned error",
        "code": 400,
        "metadata": {"raw": json.dumps(_anthropic_error(ANTHROPIC_MISSING)), "provider_name": "x"},
    }
}
JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Client:
    """A chat model of a real integration, and the refusal that it is to receive."""

    package: str
    name: str
    arguments: Callable[[str], dict[str, Any]]
    body: object
    kind: ViolationKind
    headers: dict[str, str] | None = None

    def model(self, url: str) -> Any:
        module = pytest.importorskip(self.package, exc_type=ImportError)
        return getattr(module, self.name)(**self.arguments(url))


def _keyed(model: str, url_name: str = "base_url", **more: Any) -> Callable[[str], dict[str, Any]]:
    return lambda url: {"model": model, "api_key": "x", url_name: url, "max_retries": 0} | more


CLIENTS: tuple[Client, ...] = (
    Client(
        "langchain_openai",
        "ChatOpenAI",
        _keyed("gpt-4o"),
        _openai_error(OPENAI_ORPHAN),
        K.ORPHAN_RESULT,
    ),
    Client(
        "langchain_openai",
        "ChatOpenAI",
        _keyed("gpt-4o", use_responses_api=True),
        _openai_error("No tool output found for function call call_Mine1."),
        K.MISSING_RESULT,
    ),
    Client(
        "langchain_openai",
        "AzureChatOpenAI",
        _keyed("gpt-4o", "azure_endpoint", azure_deployment="d", api_version="2024-10-21"),
        _openai_error(OPENAI_MISSING),
        K.MISSING_RESULT,
    ),
    Client(
        "langchain_anthropic",
        "ChatAnthropic",
        _keyed("claude-sonnet-4-5"),
        _anthropic_error(ANTHROPIC_MISSING),
        K.MISSING_RESULT,
    ),
    Client(
        "langchain_google_genai",
        "ChatGoogleGenerativeAI",
        _keyed("gemini-2.5-flash", max_retries=1),
        _google_error(GEMINI_COUNT),
        K.MISSING_RESULT,
    ),
    Client(
        "langchain_mistralai",
        "ChatMistralAI",
        _keyed("mistral-large-latest", "endpoint"),
        _mistral_error("Unexpected tool call id abcDEF123 in tool results"),
        K.MISMATCHED_RESULT,
    ),
    Client(
        "langchain_groq",
        "ChatGroq",
        _keyed("llama-3.3-70b-versatile"),
        _openai_error(
            "'messages.3' : for 'role:tool' the following must be satisfied[("
            "'messages.3.tool_call_id' : property 'tool_call_id' is missing)]"
        ),
        K.MISSING_ID,
    ),
    Client(
        "langchain_cohere",
        "ChatCohere",
        lambda url: {"model": "command-a-03-2025", "cohere_api_key": "x", "base_url": url},
        {"message": f"invalid request: {OPENAI_MISSING}"},
        K.MISSING_RESULT,
    ),
    Client(
        "langchain_ollama",
        "ChatOllama",
        lambda url: {"model": "mistral", "base_url": url},
        {"error": "raise_exception: Tool call IDs should be alphanumeric strings with length 9!"},
        K.INVALID_ID,
    ),
    Client(
        "langchain_deepseek",
        "ChatDeepSeek",
        _keyed("deepseek-chat", "api_base"),
        _openai_error(OPENAI_ORPHAN),
        K.ORPHAN_RESULT,
    ),
    Client(
        "langchain_xai",
        "ChatXAI",
        _keyed("grok-4"),
        {"code": "invalid argument", "error": "messages[2]: missing field `tool_call_id`"},
        K.MISSING_ID,
    ),
    Client(
        "langchain_fireworks",
        "ChatFireworks",
        _keyed("accounts/fireworks/models/x"),
        _openai_error(OPENAI_ORPHAN),
        K.ORPHAN_RESULT,
    ),
    Client(
        "langchain_together",
        "ChatTogether",
        _keyed("x"),
        _openai_error(OPENAI_ORPHAN),
        K.ORPHAN_RESULT,
    ),
    Client(
        "langchain_openrouter",
        "ChatOpenRouter",
        _keyed("anthropic/claude-sonnet-4.5"),
        OPENROUTER_BODY,
        K.MISSING_RESULT,
    ),
    Client(
        "langchain_aws",
        "ChatBedrockConverse",
        lambda url: AWS | {"model": AWS_MODEL, "endpoint_url": url},
        {"message": "Expected toolResult blocks at messages.2.content for the following Ids: x_1"},
        K.MISSING_RESULT,
        AWS_HEADERS,
    ),
    Client(
        "langchain_aws",
        "ChatBedrock",
        lambda url: AWS | {"model": AWS_MODEL, "endpoint_url": url},
        {"message": ANTHROPIC_MISSING},
        K.MISSING_RESULT,
        AWS_HEADERS,
    ),
    Client(
        "langchain_litellm",
        "ChatLiteLLM",
        _keyed("openai/gpt-4o", "api_base"),
        _openai_error(OPENAI_ORPHAN),
        K.ORPHAN_RESULT,
    ),
    Client(
        "langchain_nvidia_ai_endpoints",
        "ChatNVIDIA",
        lambda url: {
            "model": "meta/llama-3.1-8b-instruct",
            "api_key": "x",
            "base_url": f"{url}/v1",
        },
        {
            "status": 400,
            "title": "Bad Request",
            "detail": "messages[2]: missing field `tool_call_id`",
        },
        K.MISSING_ID,
    ),
)


def _errors_of(client: Client, url: str, mode: str) -> list[BaseException]:
    recorder = ErrorRecorder()
    calls: dict[str, Callable[..., Any]] = {
        "invoke": lambda model, config: model.invoke("hi", config=config),
        "stream": lambda model, config: list(model.stream("hi", config=config)),
    }
    model = client.model(url)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each client has its own class
        calls[mode](model, {"callbacks": [recorder]})
    assert recorder.errors
    assert recorder.errors[0] is caught.value
    return recorder.errors


# Warnings of the clients are not under test here.
third_party_warnings = pytest.mark.filterwarnings("ignore")


def real_clients(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that drives a provider's own client."""
    return pytest.mark.usefixtures("_clients_leftovers")(third_party_warnings(test))


@real_clients
@pytest.mark.parametrize("mode", ["invoke", "stream"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: f"{client.name}-{client.kind}")
def test_the_error_of_a_real_client_is_recognised(
    client: Client, mode: str, refusing_server: RefusingServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    refusing_server.refuse(client.body, headers=client.headers)

    errors = _errors_of(client, refusing_server.url, mode)

    assert {rejection_kind(error) for error in errors} == {client.kind}


@real_clients
@pytest.mark.parametrize("client", CLIENTS[:-1], ids=lambda client: f"{client.name}-{client.kind}")
def test_the_same_words_with_another_status_are_none(
    client: Client, refusing_server: RefusingServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    refusing_server.refuse(client.body, status=403, headers=client.headers)

    errors = _errors_of(client, refusing_server.url, "invoke")

    assert [read_rejection(error) for error in errors if read_rejection(error)] == []


@third_party_warnings
async def test_the_error_of_an_async_client_is_recognised(refusing_server: RefusingServer):
    httpx = pytest.importorskip("httpx")
    openai = pytest.importorskip("langchain_openai")
    refusing_server.refuse(_openai_error(OPENAI_ORPHAN))
    recorder = ErrorRecorder()

    async with httpx.AsyncClient() as http_client:
        model = openai.ChatOpenAI(
            base_url=refusing_server.url,
            api_key="x",
            max_retries=0,
            http_async_client=http_client,
        )
        with pytest.raises(openai.chat_models.base.openai.BadRequestError):
            await model.ainvoke("hi", config={"callbacks": [recorder]})

    assert [rejection_kind(error) for error in recorder.errors] == [K.ORPHAN_RESULT]


@real_clients
def test_an_error_inside_a_stream_is_recognised(refusing_server: RefusingServer):
    event = f"data: {json.dumps(_openai_error(OPENAI_ORPHAN))}\n\n".encode()
    refusing_server.refuse(event, status=200, headers={"content-type": "text/event-stream"})

    errors = _errors_of(CLIENTS[0], refusing_server.url, "stream")

    assert [rejection_kind(error) for error in errors] == [K.ORPHAN_RESULT]


@real_clients
@pytest.mark.parametrize("mode", ["invoke", "stream"])
@pytest.mark.parametrize("frame", ["llama.cpp", "LM Studio", "TGI", "vLLM"])
def test_a_templates_error_is_recognised_through_a_real_client(
    frame: str, mode: str, refusing_server: RefusingServer
):
    """Also where the server answers 500 for it, or with no object in `error`."""
    body, status = TEMPLATE_FRAMES[frame]("Tool message outside of assistant")
    refusing_server.refuse(body if frame == "TGI" else {"error": body}, status=status or 400)

    errors = _errors_of(CLIENTS[0], refusing_server.url, mode)

    assert [rejection_kind(error) for error in errors] == [K.ORPHAN_RESULT]


@real_clients
def test_a_templates_server_error_inside_a_stream_of_200_is_recognised(
    refusing_server: RefusingServer,
):
    body, _ = TEMPLATE_FRAMES["LM Studio, in a stream"]("Tool message outside of assistant")
    event = f"data: {json.dumps({'error': body})}\n\n".encode()
    refusing_server.refuse(event, status=200, headers={"content-type": "text/event-stream"})

    errors = _errors_of(CLIENTS[0], refusing_server.url, "stream")

    assert [rejection_kind(error) for error in errors] == [K.ORPHAN_RESULT]


@real_clients
def test_an_anthropic_error_inside_a_stream_is_recognised(refusing_server: RefusingServer):
    client = next(client for client in CLIENTS if client.name == "ChatAnthropic")
    event = f"event: error\ndata: {json.dumps(client.body)}\n\n".encode()
    refusing_server.refuse(event, status=200, headers={"content-type": "text/event-stream"})

    errors = _errors_of(client, refusing_server.url, "stream")

    assert [rejection_kind(error) for error in errors] == [K.MISSING_RESULT]


@real_clients
def test_a_bedrock_event_stream_error_is_recognised():
    exceptions = pytest.importorskip("botocore.exceptions")
    message = "The model returned the following errors: " + ANTHROPIC_MISSING
    response = {"Error": {"Code": "validationException", "Message": message}}
    error = exceptions.EventStreamError(response, "ConverseStream")
    assert rejection_kind(error) == K.MISSING_RESULT


@real_clients
def test_botocores_own_check_of_an_id_is_recognised():
    validate = pytest.importorskip("botocore.validate")
    model = pytest.importorskip("botocore.model")
    exceptions = pytest.importorskip("botocore.exceptions")
    shape = model.StructureShape(
        "Block",
        {"type": "structure", "members": {"toolUseId": {"shape": "Id"}}},
        model.ShapeResolver({"Id": {"type": "string", "min": 1}}),
    )
    report = validate.ParamValidator().validate({"toolUseId": ""}, shape).generate_report()
    text = report.replace(
        "parameter toolUseId", "parameter messages[1].content[0].toolUse.toolUseId"
    )
    assert rejection_kind(exceptions.ParamValidationError(report=text)) == K.MISSING_ID


@real_clients
@pytest.mark.parametrize(("name", "expected"), [("InvalidArgument", True), ("Forbidden", False)])
def test_a_google_api_core_error_is_recognised(name: str, expected: bool):  # noqa: FBT001
    exceptions = pytest.importorskip("google.api_core.exceptions")
    error = getattr(exceptions, name)(GEMINI_COUNT)
    assert (rejection_kind(error) == K.MISSING_RESULT) is expected


@real_clients
def test_a_hugging_face_error_is_recognised(refusing_server: RefusingServer):
    hub = pytest.importorskip("huggingface_hub")
    refusing_server.refuse(
        {"error": "Template error: Not the same number of function calls and responses"}, 422
    )
    client = hub.InferenceClient(base_url=refusing_server.url, api_key="x")

    with pytest.raises(Exception, match="422") as caught:
        client.chat_completion([{"role": "user", "content": "hi"}])

    assert rejection_kind(caught.value) == K.MISSING_RESULT


@real_clients
def test_an_unread_httpx_stream_is_left_alone(refusing_server: RefusingServer):
    httpx = pytest.importorskip("httpx")
    refusing_server.refuse(_openai_error(OPENAI_ORPHAN))
    with (
        httpx.Client() as client,
        client.stream("POST", refusing_server.url) as response,
        pytest.raises(httpx.HTTPStatusError) as caught,
    ):
        response.raise_for_status()
    assert read_rejection(caught.value) is None
