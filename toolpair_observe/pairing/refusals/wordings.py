"""How providers word a refusal of the pairing: an ordered table, each row with its source.

The order is one over all providers: texts travel through gateways, and a text does not tell whose
it is. A text is first stripped of everything that wrappers change (see
`error_text`), so the patterns stand without quotes, backticks and escapes. Every pattern has
bounded gaps only, and the text it runs over is bounded: time is linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from toolpair_observe.pairing.late_pattern import LatePattern
from toolpair_observe.pairing.words import ViolationKind


@dataclass(frozen=True, slots=True)
class Wording:
    """One wording.

    Attributes:
        kind: What it means.
        name: Short name, unique in the table.
        pattern: Matched anywhere in the text in lower case; a group `ids` holds the ids.
        source: Where the wording was seen.
        template: It is raised by code between the API and the model, such as a chat template, a
            tokenizer or a gateway's client, and some servers answer that with a 5xx.
        ambiguous: A history that pairs gets the same answer for another reason, so the words count
            only where a breach was foreseen.
        converter: It is said by what turns a request into another form on the provider's side of
            the wire, a converter or a chat template, and by no first-party API.
    """

    kind: ViolationKind
    name: str
    pattern: LatePattern
    source: str
    template: bool = False
    ambiguous: bool = False
    converter: bool = False


def wording(  # noqa: PLR0913 - one row of the table below
    kind: ViolationKind,
    name: str,
    pattern: str,
    source: str,
    *,
    template: bool = False,
    ambiguous: bool = False,
    converter: bool = False,
) -> Wording:
    """Return one row of a table."""
    return Wording(kind, name, LatePattern(pattern), source, template, ambiguous, converter)


ID = r"(?!messages?\b)[\w.|*@/-]{1,128}+(?::[\w.|*@/-]{1,128}+){0,4}+"
# The list ends where the next key of an error body begins.
_IDS = rf"(?P<ids>{ID}(?:, ?{ID}(?!:)){{0,31}}+)"
# Where an OpenAI-style error points: messages[2].tool_call_id, messages[1].tool_calls[0].id, with
# or without a dot before each bracket, input[3].call_id.
_ID_PATH = (
    r"(?:messages?|input)[\w.\[\]]{0,40}?\."
    r"(?:tool_call_id|tool_calls\.?\[\d{1,4}\]\.id|call_id)\b"
)
_NO_VALUE = (
    r"(?:empty string|(?:string )?too short"
    r"|expected an? [\w ]{1,20}, but got (?:null|none|an empty))"
)
_PYDANTIC_NO_VALUE = (
    r"(?:field required|none is not an allowed value|input should be a valid string"
    r"|string should have at least 1 character)"
)
_AT = r"(?:at [\w.\[\]{}<>*-]{1,60} )?"

MISSING = ViolationKind.MISSING_RESULT
ORPHAN = ViolationKind.ORPHAN_RESULT
DUPLICATE = ViolationKind.DUPLICATE_RESULT
MISMATCHED = ViolationKind.MISMATCHED_RESULT
MISPLACED = ViolationKind.MISPLACED_RESULT
DUPLICATE_CALL = ViolationKind.DUPLICATE_CALL_ID
NO_ID = ViolationKind.MISSING_ID
BAD_ID = ViolationKind.INVALID_ID
SERVER_TOOL = ViolationKind.SERVER_TOOL_UNPAIRED
ROLES = ViolationKind.ROLE_ORDER

# Where two patterns match at the same place, the earlier row wins.
WORDINGS: Final[tuple[Wording, ...]] = (
    # OpenAI Chat Completions and those who repeat its words (Azure, DeepSeek, Qwen, Kimi, Cohere)
    wording(
        MISSING,
        "openai.missing",
        r"(?:assistant messages? with tool_?calls must be followed"
        r"|tool_?calls must be followed by tool (?:messages|results|responses)"
        rf"|insufficient tool messages)(?:.{{0,160}}?did not have response messages: {_IDS})?",
        "RamiAwar/dataline#172; smallmain/vscode-unify-chat-provider#248; QwenLM/qwen-code#315",
    ),
    wording(
        MISSING,
        "openai.missing_ids",
        rf"tool_call_ids?(?: \W?{ID}(?:, ?{ID}){{0,31}}\W?)? did not have (?:a )?"
        rf"response messages?(?:: {_IDS})?",
        "the same text, cut at its beginning",
    ),
    wording(
        ORPHAN,
        "openai.orphan",
        r"messages? with (?:the )?role:? ?tool must "
        r"(?:be a (?:response|reply) to|follow|come after)",
        "BerriAI/litellm#4931; FoundationAgents/OpenManus#744",
    ),
    wording(
        DUPLICATE,
        "openai.duplicate",
        rf"duplicate value for tool_call_id(?: of (?P<ids>{ID}))?",
        "agno-agi/agno#5116",
    ),
    wording(
        MISMATCHED,
        "openai.mismatched",
        rf"tool_call_id of (?:(?:(?P<ids>{ID})|.{{1,200}}?) )?not found",
        "public code quoting the API's text",
    ),
    wording(
        NO_ID,
        "openai.no_id",
        rf"missing (?:required )?parameter:? (?:{_ID_PATH}|tool_call_id\b)"
        r"|role:? ?tool must have an? tool_call_id",
        "MadcowD/ell#325; vercel/ai#2177",
    ),
    wording(
        NO_ID,
        "openai.empty_id",
        rf"invalid (?:type for |value for )?{_ID_PATH}: {_NO_VALUE}",
        "the same family of texts as the length error",
    ),
    wording(
        BAD_ID,
        "openai.id_format",
        rf"invalid (?:type for |value for )?{_ID_PATH}:",
        "public code quoting the API's text; openclaw/openclaw#10640",
    ),
    # OpenAI Responses
    wording(
        MISPLACED,
        "deepseek.responses_adjacency",
        rf"no tool output found for tool call (?P<ids>{ID})",
        "deepseek-ai/DeepSeek-V3#1588: the output is there, but not right after its call",
    ),
    wording(
        MISSING,
        "responses.missing",
        rf"no tool output found for (?:[a-z]+ ){{1,5}}?call (?P<ids>{ID})"
        r"|no tool output found for",
        "openai/openai-agents-python#673",
    ),
    wording(
        ORPHAN,
        "responses.orphan",
        rf"no tool call found for (?:[a-z]+ ){{1,5}}?output(?: with call_id (?P<ids>{ID}))?"
        r"|no tool call found for",
        "continuedev/continue#10092; microsoft/vscode#320060",
    ),
    wording(
        BAD_ID,
        "responses.item_id",
        r"expected an id that begins with (?:fc|ctc)o?\b",
        "public code quoting the API's text: a foreign call id as the item's id",
    ),
    # Other OpenAI-compatible services
    wording(
        ORPHAN,
        "vllm.responses_orphan",
        rf"no call message found for (?P<ids>{ID})",
        "vLLM, its Responses endpoint",
        template=True,
        converter=True,
    ),
    wording(
        MISPLACED,
        "minimax.misplaced",
        r"tool call result does not follow tool call",
        "can1357/oh-my-pi#2055",
    ),
    wording(
        ORPHAN,
        "minimax.orphan",
        rf"tool results? tool id ?\(?(?P<ids>{ID})?\)? ?not found",
        "public code quoting the API's text",
    ),
    wording(
        MISMATCHED,
        "minimax.mismatched",
        r"tool call and result not match",
        "Kilo-Org/kilocode#3967",
    ),
    wording(
        DUPLICATE,
        "mistral.duplicate",
        rf"duplicate tool call id {ID} in tool results",
        "mistral-common 1.13.1",
    ),
    wording(
        DUPLICATE_CALL,
        "kimi.duplicate_call_id",
        rf"duplicated? tool[_ ]call[_ ]ids?\b|tool[_ ]call[_ ]id (?P<ids>{ID}) is duplicated?",
        "openclaw/openclaw#47136, #51155; mistral-common 1.13.1",
    ),
    wording(
        ORPHAN,
        "kimi.orphan",
        rf"tool_call_id:? ?(?:(?!is |was |does )(?P<ids>{ID}) )?(?:(?:is |was )?not found"
        r"|does not exist)",
        "yaogang1991/harness#392; CodebuffAI/freebuff#1292",
    ),
    wording(
        NO_ID,
        "compatible.no_id",
        r"missing field tool_call_id|tool_calls\[\d{1,4}\]:? missing field id\b"
        r"|property tool_call_id is missing|tool_calls\.\d{1,4} : property id is missing"
        r"|(?:tool_call_id|tool_calls\.\d{1,4}\.id) : value must be"
        r"|(?:tool_call_id|tool_calls\W{1,3}\d{1,4}\W{1,3}id)\W{0,6}(?:msg\W{0,3})?"
        rf"{_PYDANTIC_NO_VALUE}"
        r"|tool_call_id (?:is (?:required|missing|empty)"
        r"|(?:must|can) ?not be (?:empty|null|blank))",
        "hackclub/ai#22 (Groq); DeepSeek and NIM through serde, quoted in public code",
    ),
    # Anthropic, also through Vertex AI and Bedrock
    wording(
        SERVER_TOOL,
        "anthropic.server_call",
        rf"tool use with id (?P<ids>{ID}) was found without a corresponding",
        "Anthropic's server tools page",
    ),
    wording(
        SERVER_TOOL,
        "anthropic.server_ids",
        r"tool_use ids were found without tool_result blocks immediately after: "
        r"(?P<ids>srvtoolu_[\w-]{1,128}+(?:, srvtoolu_[\w-]{1,128}+){0,31}+)(?!, )",
        "a recorded cassette of pydantic-ai",
    ),
    wording(
        SERVER_TOOL,
        "anthropic.server_result",
        r"unexpected tool_use_id found in \w{1,60}_tool_result blocks"
        rf"(?:: (?P<ids>{ID}))?",
        "anthropics/claude-code#64383",
    ),
    wording(
        MISSING,
        "anthropic.missing",
        r"tool_use ids? (?:were|was) found without tool_result(?: blocks? immediately after: "
        rf"{_IDS})?",
        "anthropics/claude-code#1237",
    ),
    wording(
        MISSING,
        "anthropic.missing_old",
        r"did not find \d{1,4} tool_result block"
        r"|each tool_use (?:block )?must have a corresponding tool_result"
        r"|tool_use blocks must begin with a matching number of tool_result",
        "langchain-ai/langchain-aws#451",
    ),
    wording(
        ORPHAN,
        "anthropic.orphan",
        rf"unexpected tool_use_id found in tool_result(?: blocks: {_IDS})?",
        "router-for-me/CLIProxyAPI#497",
    ),
    wording(
        ORPHAN,
        "anthropic.orphan_old",
        r"tool_result block\(?s?\)? provided when previous message does not contain"
        r"|each tool_result (?:block )?must have a corresponding tool_use",
        "public code quoting the API's text of 2024",
    ),
    wording(
        DUPLICATE,
        "anthropic.duplicate",
        r"tool_use must have a single result(?:. found multiple tool_result blocks with id: "
        rf"{_IDS})?|found multiple tool_result blocks with id",
        "BerriAI/litellm, prompt_templates/factory.py",
    ),
    wording(
        DUPLICATE_CALL,
        "anthropic.duplicate_call_id",
        r"tool_use ids must be unique",
        "anthropics/claude-code#28515",
    ),
    wording(
        MISPLACED,
        "anthropic.result_role",
        r"tool_result blocks can only be in user messages",
        "public code: a live probe of the API",
    ),
    wording(
        ROLES,
        "anthropic.call_role",
        r"tool_use blocks can only be in assistant messages",
        "public code quoting the API's text",
    ),
    wording(
        NO_ID,
        "anthropic.no_id",
        rf"(?:tool_use\.id|tool_result\.tool_use_id):? {_PYDANTIC_NO_VALUE}",
        "public code: a live probe of the API",
    ),
    wording(
        BAD_ID,
        "anthropic.id_format",
        r"(?:tool_use\.id|tool_result\.tool_use_id):? string should",
        "farion1231/cc-switch#1181",
    ),
    # Bedrock Converse
    wording(
        MISSING,
        "bedrock.missing",
        rf"expected toolresult blocks {_AT}(?:for the following ids: {_IDS})?",
        "camel-ai/camel#3954",
    ),
    wording(
        ORPHAN,
        "bedrock.orphan",
        rf"number of toolresult blocks {_AT}exceeds the number of tooluse blocks",
        "pydantic/pydantic-ai#2327",
    ),
    wording(
        DUPLICATE,
        "bedrock.duplicate",
        rf"toolresult blocks {_AT}contain duplicate ids(?:: {_IDS})?",
        "sibling of the duplicate call text",
    ),
    wording(
        DUPLICATE_CALL,
        "bedrock.duplicate_call_id",
        rf"tooluse blocks {_AT}contain duplicate ids(?:: {_IDS})?",
        "bvcyber/Cyber-AutoAgent-ng#72",
    ),
    wording(
        MISPLACED,
        "bedrock.mixed_turn",
        r"conversation blocks and tool result blocks can ?not be provided in the same turn",
        "langchain-ai/langchain-aws#141",
    ),
    wording(
        NO_ID,
        "bedrock.no_id",
        r"tooluseid failed to satisfy constraint: member must (?:not be null|have length greater)"
        r"|invalid (?:type|length) for parameter messages[\w.\[\]]{1,60}\.tooluseid"
        r"|missing required parameter in messages[\w.\[\]]{1,60}: tooluseid",
        "AWS API reference; botocore's own parameter check",
    ),
    wording(
        BAD_ID,
        "bedrock.id_format",
        r"tooluseid failed to satisfy constraint",
        "AWS API reference, ToolResultBlock",
    ),
    # Gemini
    wording(
        MISSING,
        "gemini.count_old",
        r"function response turn comes immediately after a function call turn\W{1,3}and the number "
        r"of function response parts",
        "langchain-ai/langchain-google#302; langchain-ai/langgraph#2276",
    ),
    wording(
        MISSING,
        "gemini.count",
        r"number of function response parts .{0,20}?equal to (?:the )?number of function call "
        r"parts",
        "google-gemini/gemini-cli#4504",
    ),
    wording(
        MISSING,
        "gemini.call_turn",
        r"function call turn (?:must |should )?comes? immediately after a user turn",
        "public code quoting the API's text",
    ),
    wording(
        ORPHAN,
        "gemini.response_turn",
        r"function response turn (?:must |should )?comes? immediately after a function call turn",
        "public code quoting the API's text",
    ),
    wording(
        MISPLACED,
        "gemini.mixed_turn",
        r"function call turn contains at least one function_call part which can ?not be mixed with "
        r"function_response",
        "googleapis/python-genai#81",
    ),
    wording(
        # A result gets its name from the call before it: one without a name had no such call.
        ORPHAN,
        "gemini.no_name",
        r"function_?response\.name\W{1,3}(?:name )?(?:can ?not|must not) be empty",
        "langflow and others, quoting the API's text",
    ),
    wording(
        MISMATCHED,
        "vertexai.local",
        r"message name is empty and cant find ?corresponding tool call for id(?:: \$?"
        rf"(?P<ids>{ID}))?",
        "langchain-google-vertexai 3.2.5, raised before any request",
    ),
    # Mistral: its API, and mistral-common and chat templates inside other servers
    wording(
        MISSING,
        "mistral.count",
        r"not the same number of function calls and responses",
        "camel-ai/camel#1467",
        template=True,
    ),
    wording(
        ORPHAN,
        "mistral.more_results",
        r"more tool responses than tool calls",
        "mistral-common 1.13.1",
        template=True,
    ),
    wording(
        MISMATCHED,
        "mistral.unexpected_id",
        rf"unexpected tool call id (?P<ids>{ID})",
        "mistral-common 1.13.1",
        template=True,
    ),
    wording(
        ORPHAN,
        "mistral.unexpected_result",
        r"unexpected role (?:role(?:s|enum)\.)?tool\b",
        "mistralai/mistral-inference#135; charmbracelet/crush#279",
        template=True,
    ),
    wording(
        # Every call is answered here: it is the message after the results that may not stand there.
        ROLES,
        "mistral.role_order",
        r"unexpected role (?:role(?:s|enum)\.)?(?:\w{1,20} after role (?:role(?:s|enum)\.)?tool"
        r"|system after role (?:role(?:s|enum)\.)?assistant)\b",
        "onyx-dot-app/onyx#6458; BerriAI/litellm#17761; mistral-common 1.13.1",
        template=True,
    ),
    wording(
        NO_ID,
        "mistral.no_id",
        r"tool call id (?:(?:of assistant message .{0,30}?)?has to be defined"
        r"|null is only allowed|must be a non-empty string"
        r"|was (?:(?:null|none) )?but must be a-z)",
        "mistralai/client-js#69; Gage-Technologies/mistral-go#8; mistral-common 1.13.1",
        template=True,
    ),
    wording(
        BAD_ID,
        "mistral.id_format",
        rf"tool call id was (?P<ids>{ID}) but must be"
        r"|tool call id was .{1,200}? but must be a-z"
        r"|tool call ids? (?:should|must) be alphanumeric"
        r"|tool (?:call must have an id|message must have a call_id or tool_call_id) of \d",
        "editor-code-assistant/eca#233; the chat templates of Mistral and mistral-common",
        template=True,
    ),
    # Other chat templates, and the encoders that some models have in their place
    wording(
        ORPHAN,
        "template.orphan",
        r"message has tool role, but there was no previous assistant message with a tool call"
        r"|conversation must start with a [\w ]{1,30}, got tool\b"
        r"|\btool message outside of (?:an? )?assistant",
        "the chat templates of gpt-oss, MiniMax-M2, Apertus and mistral-common",
        template=True,
        converter=True,
    ),
    wording(
        ORPHAN,
        "encoder.orphan",
        r"no tool calls but found tool output",
        "SGLang 0.5.23, its encoder of DeepSeek V3.2",
        template=True,
        converter=True,
    ),
    wording(
        # It goes on with the message itself, which is cut out before.
        ORPHAN,
        "encoder.message",
        r"\binvalid messages at \d{1,6}\b",
        "SGLang 0.5.23, its encoder of DeepSeek V3.2",
        template=True,
        ambiguous=True,
        converter=True,
    ),
    wording(
        # What a cut that takes away every question leaves, and what a list of others' makes too.
        ROLES,
        "template.no_user",
        r"no user query found in messages",
        "lmstudio-ai/lmstudio-bug-tracker#1586; the chat template of Qwen 3.5",
        template=True,
        ambiguous=True,
        converter=True,
    ),
    wording(
        # Messages with calls and results do not count there, so that turns which they separate
        # stand side by side. A plain chat can have two of a role in a row as well.
        ROLES,
        "template.alternation",
        r"conversation roles must alternate",
        "ggml-org/llama.cpp#19851; huggingface/text-generation-inference#3198; the chat templates "
        "of Mistral and Gemma 3",
        template=True,
        ambiguous=True,
        converter=True,
    ),
    # What checks the list before it is sent
    wording(
        MISSING,
        "ai_sdk.missing",
        rf"tool results? (?:is|are) missing for tool calls?(?: {_IDS})?"
        r"|toolinvocation must have a result",
        "TraderAlice/OpenAlice#50; vercel/ai#3263; gateways that are built with the AI SDK",
        template=True,
    ),
    # What a list that ends with a call is answered, but also one that ends with a plain AI message
    wording(
        MISSING,
        "prefill",
        r"expected (?:the )?last (?:role|message)\b[^.;]{0,80}? but (?:got|found|received) "
        r"(?:an? )?(?:role )?(?:assistant|ai|model)\b"
        r"|does not support (?:assistant message|model) prefill"
        r"|the last message is not an toolmessage or humanmessage"
        r"|pre-filling the assistant response is not supported"
        r"|requests? (?:ending with a model turn|cannot contain assistant role in the final)"
        r"|(?:last|final) message (?:role )?(?:must|should) (?:be|have)(?: from)?(?: the)?(?: an?)?"
        r"(?: role)?(?: of)? (?:user|tool|human)\b"
        r"|(?:last|final) message (?:can ?not|must not|may not) be (?:from )?(?:the |an? )?"
        r"(?:assistant|ai)\b"
        r"|cannot set add_generation_prompt to true when the last message is from the assistant",
        "mistral-common 1.13.1; Anthropic; langchain-google-genai 4.4.2; langchain-cohere 0.6.0; "
        "router-for-me/CLIProxyAPI#5607; aaif-goose/goose#5997; vLLM, tokenizers/mistral.py",
        ambiguous=True,
    ),
    wording(
        MISSING,
        "gemini.no_parts",
        r"contents\[\d{1,6}\]\.parts: contents\.parts must not be empty",
        "langchain-ai/langchain-google#1055",
        ambiguous=True,
    ),
    # What a list is answered whose calls or results do not count as turns, but also a plain chat
    wording(
        ROLES,
        "alternation",
        r"roles must alternate|must alternate (?:roles )?between user and assistant"
        r"|the role of message with (?:odd|even) index in the messages must be"
        r"|user and assistant roles should be alternating"
        r"|user or tool messages?(?:\(s\))? should alternate with assistant"
        r"|requests alternate between user and model|\(tool\) 和 assistant 角色需交替",
        "langchain-ai/langchain-aws#192; mistralai/mistral-vibe#1006; "
        "FoundationAgents/OpenManus#580, #894; bieniu/ha-perplexity#117; "
        "perplexityai/api-discussion#265; 567-labs/instructor#691 (Databricks); "
        "ChatGPTNextWeb/NextChat#5194 (Baidu); NVIDIA/GenerativeAIExamples#113",
        ambiguous=True,
    ),
    wording(
        # It names nothing at all: seen for a list without a user's message and in tool loops.
        ROLES,
        "zhipu.messages",
        r"the messages parameter is illegal|messages 参数非法",
        "MetaGLM/zhipuai-sdk-python-v4#14; anomalyco/opencode#2557; lobehub/lobehub#11408",
        ambiguous=True,
    ),
)
