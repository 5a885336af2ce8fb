"""What is known of each cause: its mechanisms, what to do about it, and where it was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.cause_info import CauseInfo
from toolpair_observe.pairing.words import Cause

if TYPE_CHECKING:
    from collections.abc import Mapping


CAUSES: Final[Mapping[Cause, CauseInfo]] = {
    Cause.TRIMMED_HEAD: CauseInfo(
        "the head of the history was cut between a call and its result",
        (
            "trim_messages without start_on",
            "a node that deletes the earliest messages",
            "messages[-k:]",
            "a filter that drops the AI message, or RemoveMessage for the first of them",
            "a hand-off that passes only the ToolMessage on",
            "a state without a reducer, of which the tools' results are all that is left behind "
            "the system message",
        ),
        (
            'pass start_on="human" to trim_messages (strategy="last"), so that a cut never starts '
            "with a result; move a cut of your own (messages[-k:], RemoveMessage for the earliest) "
            "to the next HumanMessage",
            "delete a result together with the AI message that made the call",
            "on a hand-off pass the AI message with the call along with its result",
            "where results follow the system message and nothing else does, give the state's "
            "channel a reducer: Annotated[list[AnyMessage], add_messages]",
        ),
        "a result at the head, no AI message with calls before it; or the head is such a message",
        "langchain#33245, litellm#4931, agno#9372; executed",
    ),
    Cause.SUMMARISED: CauseInfo(
        "a summary replaced the message that made the call",
        (
            "a summary that cuts between a call and its results",
            "a result that arrived after its call had been summarized",
        ),
        (
            "move the cut back to the AI message that made the call, or forward past its last "
            "result",
            "use a current SummarizationMiddleware, whose cut keeps pairs together; "
            "summarize_messages of langmem 0.0.30 and hand-written summaries cut between parallel "
            "results: after them drop the ToolMessages that directly follow the summary",
        ),
        "a result behind a summary message, and no AI message with its call behind that",
        "letta#2605, langchain#38360, langchain#38435; executed",
    ),
    Cause.ABANDONED_TURN: CauseInfo(
        "a turn was given up before its tools answered, and a new message followed",
        (
            "the user aborted or went on",
            "a tool raised and the results of its siblings were lost",
            "a crash and a resume",
            "a human review that was answered in the chat",
            "a trimmed tail with a new question",
            "a sub-agent that was given the history and a task",
            "the recursion limit",
        ),
        (
            "before adding the new message, answer each open call with a "
            'ToolMessage(status="error") that says it did not run (under create_agent: '
            'ToolPairMiddleware(repair="insert_error_results") or deepagents\' '
            "PatchToolCallsMiddleware)",
            "let tools report errors as results instead of raising out of the turn: "
            "ToolErrorMiddleware or ToolRetryMiddleware under create_agent, "
            "ToolNode(handle_tool_errors=True) in a graph of your own",
            "answer a pending interrupt with Command(resume=...), not with a new message",
            "give a sub-agent a history that ends before the open calls: "
            "state['messages'][:-1] and the task",
        ),
        "an AI message with calls, no result or none but what middleware wrote before the tools "
        "ran, then a person's message",
        "open-swe#1604, livekit#5092, langgraph#6486; executed",
    ),
    Cause.UNFINISHED_TURN: CauseInfo(
        "the history ends with calls that nothing answered yet",
        (
            "a crash and a resume",
            "a trimmed tail",
            "a sub-agent that was given the full history",
            "a hand-off that added no result",
        ),
        (
            "run the tools and append their results before the next model call",
            "cut the history before the AI message with the open calls (for trim_messages with "
            'strategy="first" pass end_on=("human", "tool"); for a sub-agent pass '
            "state['messages'][:-1])",
        ),
        "the last message is an AI message with calls",
        "langchain-aws#837, litellm#10696; executed",
    ),
    Cause.PARTIAL_EXECUTION: CauseInfo(
        "only some calls of one message were answered",
        (
            "a custom executor that ran only some of the calls",
            "a human review that stopped or let through one call",
            "an exception in the loop over the calls",
            "a limit of tool calls that answers only the calls over it",
            "a trimmed tail",
            "a forked state",
            "a removed result",
        ),
        (
            "loop over every entry of ai_message.tool_calls, where a loop of your own runs the "
            "tools, and append one ToolMessage for each, also for those that failed or were "
            'refused (ToolMessage(status="error"))',
            "where create_agent or a ToolNode runs them: look for what stops or edits the turn "
            "after some results (middleware that jumps to the end or the model, an exception, "
            "trim_messages, a fork), and have it answer the other calls too",
        ),
        "an AI message with several calls, some answered",
        "LangChain's page on INVALID_TOOL_RESULTS, deepagentsjs#150, langgraph#6624; executed",
    ),
    Cause.REMOVED_MESSAGE: CauseInfo(
        "a message was taken out of the middle, its neighbors stand",
        (
            "RemoveMessage for a call or a result alone",
            "filter_messages by name or id",
            "a converter that drops calls with bad arguments (convert_to_openai_messages drops "
            "invalid_tool_calls)",
            "a turn that was stopped after some calls, and an AI message that says so",
        ),
        (
            "remove a call and all of its results together: one RemoveMessage for the AI message "
            "and one for each ToolMessage that bears an id of its tool_calls",
            "keep both sides when filtering: exclude an AI message only with the results of its "
            "calls",
        ),
        "one call or one result alone in the middle",
        "executed with RemoveMessage and filter_messages",
    ),
    Cause.FILTERED_TOOL_MESSAGES: CauseInfo(
        "every result is gone, the calls are still there",
        (
            "a filter that drops all tool messages",
            "a store that keeps only human and AI messages",
            "few-shot examples written without their results",
            "a result removed from a history that had no other",
        ),
        (
            "filter calls together with results: filter_messages(exclude_tool_calls=True) strips "
            "both",
            "store ToolMessages with the conversation, or drop tool_calls from the AI messages "
            "that you store",
        ),
        "AI messages with calls, no result in the whole history, and the conversation went on",
        "langchain#29637; executed",
    ),
    Cause.FEW_SHOT_EXAMPLES: CauseInfo(
        "few-shot examples show calls without their results",
        (
            "examples written as AI messages with calls only",
            "several turns that ended with a call: given up, or a structured output",
        ),
        (
            "give each example call its ToolMessage (tool_example_to_messages adds one)",
            "write examples as plain text where results do not matter",
        ),
        "unanswered calls on messages named as examples, or several at the head, each followed by "
        "a person's message or by calls that are answered",
        "LangChain's page on INVALID_TOOL_RESULTS",
    ),
    Cause.HANDOFF: CauseInfo(
        "a hand-off left calls or results of the other agent behind",
        (
            "a hand-off tool called beside others",
            "a hand-off that adds no result",
            "a sub-agent that got only the hand-off's result",
            "results of two parallel hand-offs merged behind one of them",
        ),
        (
            "bind the model with parallel_tool_calls=False, so that a hand-off comes alone",
            "in the hand-off's Command(update={'messages': [...]}) answer every call of the "
            "message, and pass the AI message together with its ToolMessages (langgraph-swarm's "
            "create_handoff_tool answers its own call only; langgraph-supervisor's passes on an "
            "AI message without the other calls)",
        ),
        "a hand-off that took place: its result says so, or bears a hand-off tool's name, or "
        "another agent went on",
        "langgraph-swarm#69, langgraph-supervisor#120; executed",
    ),
    Cause.RETRY_DUPLICATE: CauseInfo(
        "a call was answered twice in a row",
        ("a retry of a tool, node or activity that had appended its result already",),
        (
            "make appending idempotent: give the ToolMessage a fixed id, so that add_messages "
            "replaces it",
            "retry inside the tool, not around the node that appends the result",
        ),
        "two results with one id among the results of the same message",
        "agno#5116, Kilo#3772; executed",
    ),
    Cause.REPLAYED_HISTORY: CauseInfo(
        "a result that had its place stands again further on",
        (
            "a session that was replayed or merged with itself",
            "a late second answer of a tool",
            "an AI message that was appended twice",
        ),
        (
            "merge stored and new messages by message id instead of appending them",
            "drop a tool's answer that comes after the call was answered already",
        ),
        "two results with one id, other messages between them, or the same calls twice in a row",
        "Kilo#3772; executed",
    ),
    Cause.ID_REWRITTEN: CauseInfo(
        "ids were changed on one side only",
        ("a store, proxy or converter that mints its own ids",),
        (
            "copy tool_call_id from the call: ToolMessage(..., tool_call_id=call['id'])",
            "let a proxy rewrite ids on calls and results alike",
        ),
        "as many results as calls, none with a matching id, or one id that starts with the other",
        "agno#3749",
    ),
    Cause.ID_REUSED_BY_BACKEND: CauseInfo(
        "the backend gives the same id to several calls",
        ("a server that numbers calls per response (call_0) or uses the tool's name",),
        (
            "give calls unique ids when the response arrives, on the AI message, before the tools "
            "run",
            "upgrade the server or its tool-call parser",
        ),
        "one id on calls of several messages, or twice in one",
        "Switchyard#502, oh-my-pi#2055",
    ),
    Cause.CROSS_PROVIDER_HISTORY: CauseInfo(
        "the calls or their ids were made by another provider or backend",
        (
            "a switch of models in one conversation",
            "a backend with long ids (vLLM)",
            "calls that only the other provider's integration reads",
            'a call that another integration kept in additional_kwargs["function_call"], too',
        ),
        (
            "rewrite ids on calls and results alike when the model changes",
            "keep a conversation on one provider",
        ),
        "an id with a length or characters that this provider does not make, or a call where this "
        "integration does not read it",
        "langchain#37756, cc-switch#1181",
    ),
    Cause.INVALID_ARGUMENTS: CauseInfo(
        "a call with arguments that are not JSON was treated unlike the others",
        ("an executor that skips invalid_tool_calls, or answers those that are not sent",),
        (
            'answer entries of ai_message.invalid_tool_calls with ToolMessage(status="error") '
            "where the integration sends them (OpenAI, Mistral, Groq, Anthropic since 1.7.5)",
            "drop both the invalid call and its answer where it does not",
        ),
        "the call stands in invalid_tool_calls only",
        "langchain#33504, deepagents#4662",
    ),
    Cause.STREAM_CUT: CauseInfo(
        "the AI message is what was left of a stream that broke off",
        ("a cancelled or failed stream", "the token limit"),
        (
            "store an AI message only when its stream has ended (chunk_position == 'last' or a "
            "finish_reason)",
            "raise max_tokens, and drop calls of a message whose finish_reason is length",
        ),
        "a chunk without an end, or finish_reason length",
        "deepagentsjs#548",
    ),
    Cause.INTERLEAVED_MESSAGE: CauseInfo(
        "a message stands between a call and its results",
        (
            "a reminder or interruption that was added while the tools ran",
            "two requests that write one thread at the same time",
        ),
        (
            "append other messages only after the last result of the turn",
            "allow one run per thread at a time",
        ),
        "the results are complete, but another message precedes some of them",
        "onyx#6458, livekit#1977",
    ),
    Cause.LATE_RESULT: CauseInfo(
        "a result arrived after the conversation had gone on",
        ("a background or interrupted tool that finished later",),
        (
            'answer the call at once ("started"), and report the outcome later as a human or '
            "system message",
            "when a turn is interrupted, answer its calls and drop results that come later",
        ),
        "a result behind newer messages of several speakers",
        "cursor-byok#307",
    ),
    Cause.LOST_ID: CauseInfo(
        "an id was lost",
        ("a store or converter without a field for tool_call_id", "a backend that gives no ids"),
        (
            "store and restore AIMessage.tool_calls[*]['id'] and ToolMessage.tool_call_id",
            "give calls ids when the response arrives, before the tools run",
        ),
        "a call or result whose id is empty",
        "ell#325, vercel/ai#2177",
    ),
    Cause.UNSUPPORTED_MESSAGE: CauseInfo(
        "a message is of a class that cannot carry what it holds, or cannot be sent",
        (
            'ChatMessage(role="tool") or FunctionMessage in place of ToolMessage',
            "a RemoveMessage in a list that no add_messages has reduced",
        ),
        (
            "build ToolMessage(content, tool_call_id=call['id'])",
            "convert stored dicts with convert_to_messages instead of ChatMessage",
            "give a state that is sent RemoveMessage the reducer that carries it out: "
            "Annotated[list[AnyMessage], add_messages]",
        ),
        "a ChatMessage, a FunctionMessage or a RemoveMessage",
        "executed",
    ),
    Cause.RESULT_ORDER: CauseInfo(
        "results stand in another order than their calls, and this integration pairs by position",
        (
            "tools that finish in another order",
            "a middleware that puts its own results before the real ones "
            "(ToolCallLimitMiddleware, a rejected call of HumanInTheLoopMiddleware)",
        ),
        (
            "append results in the order of ai_message.tool_calls",
            "use an integration that sends ids",
        ),
        "complete results in another order",
        "executed",
    ),
    Cause.STALE_ENCODING: CauseInfo(
        "one copy of a call was edited away, another is still in the message",
        (
            "middleware or code that edits tool_calls alone: the copies in content and in "
            'additional_kwargs["tool_calls"] stay, and this client sends them',
            "code that edits the content alone",
            "a message built by hand with the call in its content only",
            "a client that sends two copies of one call as two",
        ),
        (
            "edit every place of the message: message.model_copy(update={'tool_calls': kept}) "
            'keeps additional_kwargs["tool_calls"] and the tool_use, function_call or tool_call '
            "blocks of content, so give 'additional_kwargs' and 'content' in the same update, or "
            "build a new AIMessage(content=text, tool_calls=kept)",
            "let repair_messages(messages, profile, sync_encodings=True) or "
            "ToolPairMiddleware(repair='insert_error_results', sync_encodings=True) take the stale "
            "copy away",
            "answer the call that is still sent with a ToolMessage; tools are run from "
            "AIMessage.tool_calls alone",
        ),
        "a call in additional_kwargs or a content block that is not in tool_calls, or the reverse",
        "deer-flow#2756, trustcall#73; executed",
    ),
    Cause.OVERWRITTEN_STATE: CauseInfo(
        "the results are all there is: what came before them was replaced",
        (
            "a graph whose state has messages: list without a reducer, so that the tools' update "
            "replaces the history",
            "a request made of the tools' output alone",
            "a trimmed head that left nothing but results",
        ),
        (
            "give the state's channel a reducer: messages: Annotated[list[AnyMessage], "
            "add_messages], or derive the state from MessagesState",
            "without a reducer let the node return the whole list: "
            "{'messages': state['messages'] + results}",
            'pass start_on="human" to trim_messages',
        ),
        "nothing but results",
        "LangChain's forum, 1743; executed",
    ),
    Cause.SPLIT_CALLS: CauseInfo(
        "parallel calls of one answer stand on an AI message each, their results behind the last",
        (
            "a converter or store that writes one message per call",
            "an AI message appended for each call of a stream",
            "a second AI message that was written before the first one's tools answered",
        ),
        (
            "put the calls of one answer on one message: AIMessage(content, tool_calls=[...]); "
            "merge_message_runs joins neighbors",
            "append each result directly behind the message with its call",
        ),
        "AI messages with calls in a row, then all of their results",
        "effect#6702; executed",
    ),
    Cause.STRUCTURED_OUTPUT: CauseInfo(
        "a call that only carried a structured output was kept, and nothing answers it",
        (
            "with_structured_output(include_raw=True) whose raw message was stored",
            "a final answer taken from the arguments of a tool call",
            "a turn that was given up before the tool answered",
        ),
        (
            "store AIMessage(content=...) with the parsed answer in place of the raw message",
            "append ToolMessage('Returned.', tool_call_id=call['id']) when the output is taken; "
            "create_agent(response_format=ToolStrategy(...)) does so",
        ),
        "an unanswered call that is named as a schema, not as the tools that are answered",
        "pydantic-ai's final_result, LangGraph's respond node; executed",
    ),
    Cause.SERVER_TOOL_AS_CALL: CauseInfo(
        "a call that the provider ran itself was stored as one that the client has to answer",
        (
            "a converter that writes server_tool_use or mcp_tool_use blocks as tool_use or "
            "tool_calls",
        ),
        (
            "keep the server_tool_use block and its result block (web_search_tool_result and so "
            "on) in AIMessage.content as they came, and out of tool_calls",
            "drop the call from content and tool_calls alike",
        ),
        "an id that the provider gives to calls of its own tools (srvtoolu_, mcptoolu_)",
        "LibreChat#12639",
    ),
    Cause.CHAT_TEMPLATE: CauseInfo(
        "calls and results pair, but the server, mostly by the model's chat template, does not "
        "take them so",
        (
            "a template or server that takes one call a message",
            "one that wants roles to alternate, or system messages at the head only",
            "one that wants a human message, which was trimmed away",
            "a template that is not made for tools",
        ),
        (
            "serve the model with a template for tools (vLLM has some under examples, for "
            "--chat-template)",
            "bind tools with parallel_tool_calls=False where the template takes one call a message",
            "keep system messages at the head, and let the model answer after a result before the "
            "next human message",
            'let a trimmed history start with a human message (start_on="human")',
        ),
        "nothing of the pairs: rendering the template, or asking the server, shows it",
        "executed with 68 templates of 39 families",
    ),
    Cause.UNKNOWN: CauseInfo(
        "the history does not tell why",
        (),
        (
            "compare the history with what was stored: which step added or removed the message?",
            "answer each call of an AI message with one ToolMessage, directly after it",
        ),
        "",
        "",
    ),
}
