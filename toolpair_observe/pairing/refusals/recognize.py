"""Is this exception a provider's own refusal of the pairing, and of which kind?

An ordered table of the providers' wordings, each with its source, and after it one of sentences
that gateways, adapters and servers without a wording of their own build from the same few words. A
text is first stripped of everything that wrappers change (see `error_text`), so the patterns stand
without quotes, backticks and escapes. What looks alike but is about something else (tool schemas,
thinking blocks, prefill, arguments) matches no pattern; the few texts that repeat foreign words are
cut out first.

Every pattern has bounded gaps only, and the text it runs over is bounded: time is linear.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from toolpair_observe.pairing.refusals.error_text import Reading, readings
from toolpair_observe.pairing.words import ViolationKind

_REFUSED = frozenset({400, 422})
_SERVER_ERRORS = range(500, 600)
_MAX_IDS = 16
_INDEX_REACH = 160


@dataclass(frozen=True, slots=True)
class Rejection:
    """A provider's refusal because of tool calls and results that do not pair.

    Attributes:
        kind: What the provider says is wrong.
        rule: Name of the wording that was recognised.
        tool_call_ids: The ids that the provider names, as far as it does.
        wire_index: The position that the provider names, in the list that it was sent. An
            integration may have merged or hoisted messages, so this is not always the position in
            the LangChain history.
    """

    kind: ViolationKind
    rule: str
    tool_call_ids: tuple[str, ...] = ()
    wire_index: int | None = None


@dataclass(frozen=True, slots=True)
class _Rule:
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
    """

    kind: ViolationKind
    name: str
    pattern: re.Pattern[str]
    source: str
    template: bool = False
    ambiguous: bool = False


def _rule(  # noqa: PLR0913 - one row of the table below
    kind: ViolationKind,
    name: str,
    pattern: str,
    source: str,
    *,
    template: bool = False,
    ambiguous: bool = False,
) -> _Rule:
    return _Rule(kind, name, re.compile(pattern), source, template, ambiguous)


_ID = r"(?!messages?\b)[\w.|*@/-]{1,128}+(?::[\w.|*@/-]{1,128}+){0,4}+"
# The list ends where the next key of an error body begins.
_IDS = rf"(?P<ids>{_ID}(?:, ?{_ID}(?!:)){{0,31}}+)"
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

_MISSING = ViolationKind.MISSING_RESULT
_ORPHAN = ViolationKind.ORPHAN_RESULT
_DUPLICATE = ViolationKind.DUPLICATE_RESULT
_MISMATCHED = ViolationKind.MISMATCHED_RESULT
_MISPLACED = ViolationKind.MISPLACED_RESULT
_DUPLICATE_CALL = ViolationKind.DUPLICATE_CALL_ID
_NO_ID = ViolationKind.MISSING_ID
_BAD_ID = ViolationKind.INVALID_ID
_SERVER_TOOL = ViolationKind.SERVER_TOOL_UNPAIRED
_ROLES = ViolationKind.ROLE_ORDER

# Where two patterns match at the same place, the earlier row wins.
_RULES: tuple[_Rule, ...] = (
    # OpenAI Chat Completions and those who repeat its words (Azure, DeepSeek, Qwen, Kimi, Cohere)
    _rule(
        _MISSING,
        "openai.missing",
        r"(?:assistant messages? with tool_?calls must be followed"
        r"|tool_?calls must be followed by tool (?:messages|results|responses)"
        rf"|insufficient tool messages)(?:.{{0,160}}?did not have response messages: {_IDS})?",
        "RamiAwar/dataline#172; smallmain/vscode-unify-chat-provider#248; QwenLM/qwen-code#315",
    ),
    _rule(
        _MISSING,
        "openai.missing_ids",
        rf"tool_call_ids?(?: \W?{_ID}(?:, ?{_ID}){{0,31}}\W?)? did not have (?:a )?"
        rf"response messages?(?:: {_IDS})?",
        "the same text, cut at its beginning",
    ),
    _rule(
        _ORPHAN,
        "openai.orphan",
        r"messages? with (?:the )?role:? ?tool must "
        r"(?:be a (?:response|reply) to|follow|come after)",
        "BerriAI/litellm#4931; FoundationAgents/OpenManus#744",
    ),
    _rule(
        _DUPLICATE,
        "openai.duplicate",
        rf"duplicate value for tool_call_id(?: of (?P<ids>{_ID}))?",
        "agno-agi/agno#5116",
    ),
    _rule(
        _MISMATCHED,
        "openai.mismatched",
        rf"tool_call_id of (?:(?:(?P<ids>{_ID})|.{{1,200}}?) )?not found",
        "public code quoting the API's text",
    ),
    _rule(
        _NO_ID,
        "openai.no_id",
        rf"missing (?:required )?parameter:? (?:{_ID_PATH}|tool_call_id\b)"
        r"|role:? ?tool must have an? tool_call_id",
        "MadcowD/ell#325; vercel/ai#2177",
    ),
    _rule(
        _NO_ID,
        "openai.empty_id",
        rf"invalid (?:type for |value for )?{_ID_PATH}: {_NO_VALUE}",
        "the same family of texts as the length error",
    ),
    _rule(
        _BAD_ID,
        "openai.id_format",
        rf"invalid (?:type for |value for )?{_ID_PATH}:",
        "public code quoting the API's text; openclaw/openclaw#10640",
    ),
    # OpenAI Responses
    _rule(
        _MISPLACED,
        "deepseek.responses_adjacency",
        rf"no tool output found for tool call (?P<ids>{_ID})",
        "deepseek-ai/DeepSeek-V3#1588: the output is there, but not right after its call",
    ),
    _rule(
        _MISSING,
        "responses.missing",
        rf"no tool output found for (?:[a-z]+ ){{1,5}}?call (?P<ids>{_ID})"
        r"|no tool output found for",
        "openai/openai-agents-python#673",
    ),
    _rule(
        _ORPHAN,
        "responses.orphan",
        rf"no tool call found for (?:[a-z]+ ){{1,5}}?output(?: with call_id (?P<ids>{_ID}))?"
        r"|no tool call found for",
        "continuedev/continue#10092; microsoft/vscode#320060",
    ),
    _rule(
        _BAD_ID,
        "responses.item_id",
        r"expected an id that begins with (?:fc|ctc)o?\b",
        "public code quoting the API's text: a foreign call id as the item's id",
    ),
    # Other OpenAI-compatible services
    _rule(
        _ORPHAN,
        "vllm.responses_orphan",
        rf"no call message found for (?P<ids>{_ID})",
        "vLLM, its Responses endpoint",
        template=True,
    ),
    _rule(
        _MISPLACED,
        "minimax.misplaced",
        r"tool call result does not follow tool call",
        "can1357/oh-my-pi#2055",
    ),
    _rule(
        _ORPHAN,
        "minimax.orphan",
        rf"tool results? tool id ?\(?(?P<ids>{_ID})?\)? ?not found",
        "public code quoting the API's text",
    ),
    _rule(
        _MISMATCHED,
        "minimax.mismatched",
        r"tool call and result not match",
        "Kilo-Org/kilocode#3967",
    ),
    _rule(
        _DUPLICATE,
        "mistral.duplicate",
        rf"duplicate tool call id {_ID} in tool results",
        "mistral-common 1.13.1",
    ),
    _rule(
        _DUPLICATE_CALL,
        "kimi.duplicate_call_id",
        rf"duplicated? tool[_ ]call[_ ]ids?\b|tool[_ ]call[_ ]id (?P<ids>{_ID}) is duplicated?",
        "openclaw/openclaw#47136, #51155; mistral-common 1.13.1",
    ),
    _rule(
        _ORPHAN,
        "kimi.orphan",
        rf"tool_call_id:? ?(?:(?!is |was |does )(?P<ids>{_ID}) )?(?:(?:is |was )?not found"
        r"|does not exist)",
        "yaogang1991/harness#392; CodebuffAI/freebuff#1292",
    ),
    _rule(
        _NO_ID,
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
    _rule(
        _SERVER_TOOL,
        "anthropic.server_call",
        rf"tool use with id (?P<ids>{_ID}) was found without a corresponding",
        "Anthropic's server tools page",
    ),
    _rule(
        _SERVER_TOOL,
        "anthropic.server_ids",
        r"tool_use ids were found without tool_result blocks immediately after: "
        r"(?P<ids>srvtoolu_[\w-]{1,128}+(?:, srvtoolu_[\w-]{1,128}+){0,31}+)(?!, )",
        "a recorded cassette of pydantic-ai",
    ),
    _rule(
        _SERVER_TOOL,
        "anthropic.server_result",
        r"unexpected tool_use_id found in \w{1,60}_tool_result blocks"
        rf"(?:: (?P<ids>{_ID}))?",
        "anthropics/claude-code#64383",
    ),
    _rule(
        _MISSING,
        "anthropic.missing",
        r"tool_use ids? (?:were|was) found without tool_result(?: blocks? immediately after: "
        rf"{_IDS})?",
        "anthropics/claude-code#1237",
    ),
    _rule(
        _MISSING,
        "anthropic.missing_old",
        r"did not find \d{1,4} tool_result block"
        r"|each tool_use (?:block )?must have a corresponding tool_result"
        r"|tool_use blocks must begin with a matching number of tool_result",
        "langchain-ai/langchain-aws#451",
    ),
    _rule(
        _ORPHAN,
        "anthropic.orphan",
        rf"unexpected tool_use_id found in tool_result(?: blocks: {_IDS})?",
        "router-for-me/CLIProxyAPI#497",
    ),
    _rule(
        _ORPHAN,
        "anthropic.orphan_old",
        r"tool_result block\(?s?\)? provided when previous message does not contain"
        r"|each tool_result (?:block )?must have a corresponding tool_use",
        "public code quoting the API's text of 2024",
    ),
    _rule(
        _DUPLICATE,
        "anthropic.duplicate",
        r"tool_use must have a single result(?:. found multiple tool_result blocks with id: "
        rf"{_IDS})?|found multiple tool_result blocks with id",
        "BerriAI/litellm, prompt_templates/factory.py",
    ),
    _rule(
        _DUPLICATE_CALL,
        "anthropic.duplicate_call_id",
        r"tool_use ids must be unique",
        "anthropics/claude-code#28515",
    ),
    _rule(
        _MISPLACED,
        "anthropic.result_role",
        r"tool_result blocks can only be in user messages",
        "public code: a live probe of the API",
    ),
    _rule(
        _ROLES,
        "anthropic.call_role",
        r"tool_use blocks can only be in assistant messages",
        "public code quoting the API's text",
    ),
    _rule(
        _NO_ID,
        "anthropic.no_id",
        rf"(?:tool_use\.id|tool_result\.tool_use_id):? {_PYDANTIC_NO_VALUE}",
        "public code: a live probe of the API",
    ),
    _rule(
        _BAD_ID,
        "anthropic.id_format",
        r"(?:tool_use\.id|tool_result\.tool_use_id):? string should",
        "farion1231/cc-switch#1181",
    ),
    # Bedrock Converse
    _rule(
        _MISSING,
        "bedrock.missing",
        rf"expected toolresult blocks {_AT}(?:for the following ids: {_IDS})?",
        "camel-ai/camel#3954",
    ),
    _rule(
        _ORPHAN,
        "bedrock.orphan",
        rf"number of toolresult blocks {_AT}exceeds the number of tooluse blocks",
        "pydantic/pydantic-ai#2327",
    ),
    _rule(
        _DUPLICATE,
        "bedrock.duplicate",
        rf"toolresult blocks {_AT}contain duplicate ids(?:: {_IDS})?",
        "sibling of the duplicate call text",
    ),
    _rule(
        _DUPLICATE_CALL,
        "bedrock.duplicate_call_id",
        rf"tooluse blocks {_AT}contain duplicate ids(?:: {_IDS})?",
        "bvcyber/Cyber-AutoAgent-ng#72",
    ),
    _rule(
        _MISPLACED,
        "bedrock.mixed_turn",
        r"conversation blocks and tool result blocks can ?not be provided in the same turn",
        "langchain-ai/langchain-aws#141",
    ),
    _rule(
        _NO_ID,
        "bedrock.no_id",
        r"tooluseid failed to satisfy constraint: member must (?:not be null|have length greater)"
        r"|invalid (?:type|length) for parameter messages[\w.\[\]]{1,60}\.tooluseid"
        r"|missing required parameter in messages[\w.\[\]]{1,60}: tooluseid",
        "AWS API reference; botocore's own parameter check",
    ),
    _rule(
        _BAD_ID,
        "bedrock.id_format",
        r"tooluseid failed to satisfy constraint",
        "AWS API reference, ToolResultBlock",
    ),
    # Gemini
    _rule(
        _MISSING,
        "gemini.count_old",
        r"function response turn comes immediately after a function call turn\W{1,3}and the number "
        r"of function response parts",
        "langchain-ai/langchain-google#302; langchain-ai/langgraph#2276",
    ),
    _rule(
        _MISSING,
        "gemini.count",
        r"number of function response parts .{0,20}?equal to (?:the )?number of function call "
        r"parts",
        "google-gemini/gemini-cli#4504",
    ),
    _rule(
        _MISSING,
        "gemini.call_turn",
        r"function call turn (?:must |should )?comes? immediately after a user turn",
        "public code quoting the API's text",
    ),
    _rule(
        _ORPHAN,
        "gemini.response_turn",
        r"function response turn (?:must |should )?comes? immediately after a function call turn",
        "public code quoting the API's text",
    ),
    _rule(
        _MISPLACED,
        "gemini.mixed_turn",
        r"function call turn contains at least one function_call part which can ?not be mixed with "
        r"function_response",
        "googleapis/python-genai#81",
    ),
    _rule(
        # A result gets its name from the call before it: one without a name had no such call.
        _ORPHAN,
        "gemini.no_name",
        r"function_?response\.name\W{1,3}(?:name )?(?:can ?not|must not) be empty",
        "langflow and others, quoting the API's text",
    ),
    _rule(
        _MISMATCHED,
        "vertexai.local",
        r"message name is empty and cant find ?corresponding tool call for id(?:: \$?"
        rf"(?P<ids>{_ID}))?",
        "langchain-google-vertexai 3.2.5, raised before any request",
    ),
    # Mistral: its API, and mistral-common and chat templates inside other servers
    _rule(
        _MISSING,
        "mistral.count",
        r"not the same number of function calls and responses",
        "camel-ai/camel#1467",
        template=True,
    ),
    _rule(
        _ORPHAN,
        "mistral.more_results",
        r"more tool responses than tool calls",
        "mistral-common 1.13.1",
        template=True,
    ),
    _rule(
        _MISMATCHED,
        "mistral.unexpected_id",
        rf"unexpected tool call id (?P<ids>{_ID})",
        "mistral-common 1.13.1",
        template=True,
    ),
    _rule(
        _ORPHAN,
        "mistral.unexpected_result",
        r"unexpected role (?:role(?:s|enum)\.)?tool\b",
        "mistralai/mistral-inference#135; charmbracelet/crush#279",
        template=True,
    ),
    _rule(
        # Every call is answered here: it is the message after the results that may not stand there.
        _ROLES,
        "mistral.role_order",
        r"unexpected role (?:role(?:s|enum)\.)?(?:\w{1,20} after role (?:role(?:s|enum)\.)?tool"
        r"|system after role (?:role(?:s|enum)\.)?assistant)\b",
        "onyx-dot-app/onyx#6458; BerriAI/litellm#17761; mistral-common 1.13.1",
        template=True,
    ),
    _rule(
        _NO_ID,
        "mistral.no_id",
        r"tool call id (?:(?:of assistant message .{0,30}?)?has to be defined"
        r"|null is only allowed|must be a non-empty string"
        r"|was (?:(?:null|none) )?but must be a-z)",
        "mistralai/client-js#69; Gage-Technologies/mistral-go#8; mistral-common 1.13.1",
        template=True,
    ),
    _rule(
        _BAD_ID,
        "mistral.id_format",
        rf"tool call id was (?P<ids>{_ID}) but must be"
        r"|tool call id was .{1,200}? but must be a-z"
        r"|tool call ids? (?:should|must) be alphanumeric"
        r"|tool (?:call must have an id|message must have a call_id or tool_call_id) of \d",
        "editor-code-assistant/eca#233; the chat templates of Mistral and mistral-common",
        template=True,
    ),
    # Other chat templates
    _rule(
        _ORPHAN,
        "template.orphan",
        r"message has tool role, but there was no previous assistant message with a tool call"
        r"|conversation must start with a [\w ]{1,30}, got tool\b",
        "the chat templates of gpt-oss, MiniMax-M2 and mistral-common",
        template=True,
    ),
    # What checks the list before it is sent
    _rule(
        _MISSING,
        "ai_sdk.missing",
        rf"tool results? (?:is|are) missing for tool calls?(?: {_IDS})?"
        r"|toolinvocation must have a result",
        "TraderAlice/OpenAlice#50; vercel/ai#3263; gateways that are built with the AI SDK",
        template=True,
    ),
    # What a list that ends with a call is answered, but also one that ends with a plain AI message
    _rule(
        _MISSING,
        "prefill",
        r"expected last role user or tool .{0,80}? but got assistant"
        r"|does not support (?:assistant message|model) prefill"
        r"|the last message is not an toolmessage or humanmessage"
        r"|pre-filling the assistant response is not supported"
        r"|requests? (?:ending with a model turn|cannot contain assistant role in the final)",
        "mistral-common 1.13.1; Anthropic; langchain-google-genai 4.4.2; langchain-cohere 0.6.0; "
        "router-for-me/CLIProxyAPI#5607; aaif-goose/goose#5997",
        ambiguous=True,
    ),
    _rule(
        _MISSING,
        "gemini.no_parts",
        r"contents\[\d{1,6}\]\.parts: contents\.parts must not be empty",
        "langchain-ai/langchain-google#1055",
        ambiguous=True,
    ),
    # What a list is answered whose calls or results do not count as turns, but also a plain chat
    _rule(
        _ROLES,
        "alternation",
        r"roles must alternate|must alternate between user and assistant"
        r"|user and assistant roles should be alternating"
        r"|requests alternate between user and model|\(tool\) 和 assistant 角色需交替",
        "langchain-ai/langchain-aws#192; mistralai/mistral-vibe#1006; "
        "FoundationAgents/OpenManus#580, #894",
        ambiguous=True,
    ),
)

# The words that such sentences are built from, and what may stand between two of them.
_CALL = (
    r"(?:tool[ _-]?(?:calls?|uses?)|function[ _-]?calls?)\b"
    r"(?![ -](?:ids?|results?|responses?|outputs?)\b)"
)
_RESULT = (
    r"(?:(?:tool|function)[ _-]?(?:call[ _-]?)?(?:results?|responses?|outputs?)"
    r"|tool[ _-]?messages?|role(?:: ?| ?= ?| )tool)\b"
    r"(?! (?:format|type|schema|content|name)\b)"
)
_OUTPUT = r"(?:results?|responses?|outputs?)\b"
_TOOL_CALL_ID = r"(?:tool|function)[ _-]?(?:call|use)(?:s?\W{1,3}\d{1,4}\W{1,3}|[ _.-]?)ids?\b"
_CALL_ID = rf"(?:{_TOOL_CALL_ID}|(?<![a-z_])call_ids?\b)"
_GAP = r"(?:[^.;]|\.(?=\S)){0,60}?"
_PARTNER = r"(?:corresponding|matching|preceding|previous|prior|associated)"
_LACKS = (
    r"(?:without|lacks?|(?:has|have|with|but) no|(?:do|does|did) not (?:have|contain|include)"
    r"|(?:没有|缺少|找不到)(?:对应|匹配)的"
    rf"|no {_PARTNER}"
    rf"|(?:must have|needs?|requires?) (?:(?:an?|its|the|immediately) ){{0,2}}{_PARTNER})"
)
_COMES_AFTER = (
    rf"(?:without {_PARTNER}|(?:must|should) (?:directly |immediately )?follow"
    r"|(?:must |not )(?:be )?preceded by|must come (?:\w+ )?after|previous message is not"
    r"|(?:not|must (?:only )?(?:be|appear as)) an? (?:direct )?(?:response|reply) to)"
)
_NO_MATCH = r"(?:(?:do|does|did)(?:nt| not) match|mismatch)"
_FORM = r"(?:the )?(?:\w+ )?(?:pattern|regex|format|schema)\b"
_PART = r"(?: (?:blocks?|parts?|items?))?"
# A refusal of what was sent says where it stood. One of what the model sent does not.
_IN_MESSAGE = rf"\b(?:messages?|contents|input)\W{{0,2}}\d{{1,4}}{_GAP}"
_ONLY_IN = r"(?:(?:can|may|must|are|is|be) ){1,2}only (?:(?:be )?[a-z]{4,10} )?in (?:an? |the )?"
_TURN = r" (?:messages?|turns?|role)\b"

# Sentences of nobody in particular, looked for where none of the wordings above is found.
_GENERAL_RULES: tuple[_Rule, ...] = (
    _rule(
        _NO_ID,
        "general.no_id",
        rf"{_RESULT}{_GAP}(?:missing|without|must (?:have|include)|requires?|lacks)"
        rf"(?: an?| the| its| string| required| field| non-?empty){{0,2}} {_CALL_ID}"
        rf"|(?:missing|without|no) (?:an? |the |required )?{_CALL_ID}"
        rf"|{_CALL_ID} (?:is required|(?:must|should) be (?:a (?:non-?empty )?string|non-?empty)"
        r"|(?:must|can|may) ?not be (?:empty|null|blank)|缺失|不能为空)"
        rf"|{_IN_MESSAGE}(?:{_CALL}|\btool block){_PART}\W{{0,3}}(?:\d{{1,4}}\W{{1,3}})?"
        r"(?:is )?missing (?:(?:an?|its|the|required|field) ){0,2}id\b"
        rf"|missing {_RESULT}\.id\b",
        "BerriAI/litellm, llms/oci; adapters in public code",
    ),
    _rule(
        _DUPLICATE,
        "general.duplicate",
        rf"\bduplicated? (?:{_RESULT}|{_CALL_ID} (?:in|of|for|across) {_RESULT})"
        rf"|(?:multiple|more than one) {_RESULT}{_GAP}(?:for|with) (?:the )?(?:same )?"
        rf"(?:{_CALL_ID}|{_CALL})|{_RESULT}{_GAP}\bsame {_CALL_ID}"
        rf"|{_CALL_ID}(?: {_ID})? (?:has |was |is )?already (?:been )?(?:answered|responded)"
        rf"|{_RESULT}{_GAP}\bduplicates (?:the )?{_CALL_ID}|{_RESULT} ids? must be unique"
        rf"|{_CALL_ID}{_GAP}\bused (?:for|by|in) (?:more than one|multiple|two) "
        rf"(?:tool[ _])?{_OUTPUT}",
        "adapters in public code",
    ),
    _rule(
        _DUPLICATE_CALL,
        "general.duplicate_call_id",
        rf"(?:re-?used|repeated|non-?unique|duplicated?) (?:[a-z]{{1,12}} )?{_CALL_ID}"
        rf"|duplicated? {_CALL}{_PART} (?:for|with) (?:the )?(?:same )?(?:{_CALL_ID}|ids?\b)"
        rf"|{_CALL_ID}(?: {_ID})?:? (?:(?:is|are|was) )?"
        r"(?:already (?:used|exists?)|not unique|duplicated?|re-?used|must be unique)",
        "adapters in public code",
    ),
    _rule(
        _BAD_ID,
        "general.id_format",
        rf"(?:invalid|malformed) {_CALL_ID}"
        rf"|{_CALL_ID}(?: {_ID})? (?:(?:is|are) (?:invalid|malformed|too long|not valid)|exceeds"
        r"|contains? invalid|must be at most)"
        rf"|{_CALL_ID}{_GAP}(?:(?:must|should) match|{_NO_MATCH}) {_FORM}",
        "Kilo-Org/kilocode#3967; adapters in public code",
    ),
    _rule(
        _MISMATCHED,
        "general.mismatched",
        rf"{_CALL_ID}{_GAP}{_NO_MATCH}(?! {_FORM})"
        rf"|{_RESULT}{_GAP}{_NO_MATCH}(?! {_FORM}){_GAP}(?:{_CALL}|{_CALL_ID})"
        rf"|{_CALL} and {_RESULT} {_NO_MATCH}|mismatch(?:ed)? between {_CALL} and {_RESULT}"
        rf"|{_RESULT}{_GAP}(?:must|should) match (?:an? |the |its |each )?"
        rf"(?:(?:assistant|pending|{_PARTNER}) ){{0,2}}(?:{_CALL}|{_CALL_ID})"
        rf"|(?:{_RESULT}|{_CALL_ID}){_GAP}\b(?:match(?:es)?|answers?|references?) no "
        rf"(?:(?:earlier|pending|open|assistant|{_PARTNER}) ){{0,2}}(?:tool[ _])?calls?\b",
        "a provider's reference quoted in public code; openclaw/openclaw",
    ),
    _rule(
        _MISSING,
        "general.count",
        rf"number of (?:{_RESULT}{_GAP}(?:equal|match){_GAP}{_CALL}"
        rf"|{_CALL}{_GAP}(?:equal|match){_GAP}{_RESULT})"
        rf"|{_CALL} and {_RESULT} (?:count|number)",
        "langchain-core, tool_example_to_messages; sibling of Gemini's and Mistral's",
    ),
    _rule(
        _MISPLACED,
        "general.misplaced",
        rf"{_RESULT}{_PART} must (?:be|come|appear) (?:first|before)"
        rf"|{_RESULT}{_PART} (?:(?:appears?|comes?|is|was|found) )?before "
        rf"(?:an? |its |the )?{_CALL}"
        rf"|{_RESULT}{_PART} (?:{_ONLY_IN}|belongs? in (?:an? |the )?)(?:user|tool){_TURN}"
        rf"|{_CALL} and {_RESULT}{_PART} (?:can|must) ?not be (?:interleaved|mixed|combined)"
        r"(?! with\b)"
        rf"|{_CALL}{_GAP}\bseparated from (?:its|their|the) (?:{_RESULT}|{_OUTPUT})"
        rf"|\bbetween (?:an? |the )?{_CALL} and (?:its |the |their )?{_RESULT}",
        "sibling of the adjacency texts of Anthropic and MiniMax",
    ),
    _rule(
        _ROLES,
        "general.call_role",
        rf"{_CALL}{_PART} {_ONLY_IN}assistant{_TURN}",
        "sibling of Anthropic's; adapters in public code",
    ),
    _rule(
        _ORPHAN,
        "general.orphan",
        rf"{_RESULT}{_GAP}(?:{_LACKS}|(?:do|does) not answer){_GAP}{_CALL}"
        rf"|{_RESULT}{_GAP}{_COMES_AFTER}{_GAP}(?:{_CALL}|\bassistant\b|\bai ?message)"
        rf"|not preceded by {_GAP}{_CALL}"
        rf"|(?:orphan(?:ed)?|unmatched|stray|unpaired) {_RESULT}"
        rf"|first message (?:can|must) ?not be an? {_RESULT}"
        rf"|{_RESULT} (?:can|must) ?not be (?:the )?first"
        rf"|{_RESULT}{_GAP}\boutside (?:of )?an? (?:assistant )?{_CALL}"
        rf"|{_RESULT}{_GAP}\b(?:assistant|message|turn)\b{_GAP}(?:contains?|includes?) no {_CALL}"
        rf"|{_RESULT}{_GAP}(?:must|should) (?:reference|refer to) (?:an? |the )?"
        rf"(?:{_PARTNER}|existing|known) (?:assistant )?(?:{_CALL}|{_CALL_ID})"
        rf"|\bmore {_RESULT}{_PART} than (?:{_CALL}|(?:the )?(?:{_PARTNER}|requested))"
        rf"|unexpected {_RESULT}{_PART} with (?:the )?(?:{_CALL_ID}|ids?\b)"
        rf"|(?:missing|no|not find) (?:{_PARTNER} )?{_CALL}{_GAP} (?:for|matching) {_GAP}{_RESULT}"
        rf"|{_RESULT} for (?:an? )?unknown {_CALL}|(?:unknown|unexpected) {_TOOL_CALL_ID}"
        rf"|{_TOOL_CALL_ID}(?: {_ID})? (?:is |was |which |that )?"
        r"(?:not found|does not (?:exist|identify|correspond)"
        rf"|has no {_PARTNER} (?!{_RESULT}|{_OUTPUT}))",
        "BerriAI/litellm, factory.py; langchain-google-vertexai; mozilla-ai/any-llm",
        template=True,
    ),
    _rule(
        _MISSING,
        "general.missing",
        rf"{_CALL}{_GAP}(?:{_LACKS}|must have|(?:must be|not) (?:\w+ )?followed (?:\w+ )?by)"
        rf"{_GAP}{_RESULT}"
        rf"|{_CALL}{_GAP}(?:missing|needs?|requires?) "
        rf"(?:(?:an?|its|the|one|exactly|{_PARTNER}) ){{0,3}}{_RESULT}"
        rf"|must be (?:\w+ )?followed (?:\w+ )?by (?:an? )?{_PARTNER} (?:user )?{_RESULT}"
        rf"|{_IN_MESSAGE}\bbefore (?:\d{{1,4}} |the |its )?(?:pending|outstanding) {_RESULT}"
        rf"|(?:unanswered|unresolved|dangling|orphan(?:ed)?) {_CALL}(?! (?:markup|syntax|tags?)\b)"
        rf"|{_CALL}{_GAP}(?:never|not|must) (?:all |be |been )*(?:answered|responded)"
        rf"|{_CALL} (?:is|are) missing (?:an? |its |their )?{_OUTPUT}"
        rf"|{_CALL_ID}(?: {_ID})? (?:has|have|with) no (?:{_PARTNER} )?(?:{_RESULT}|{_OUTPUT})"
        rf"|{_RESULT}{_GAP}\bmust (?:cover|answer|respond to) (?:all|each|every|the)\b"
        rf"{_GAP}(?:{_CALL}|\b(?:parallel|pending|{_PARTNER}) calls?\b)"
        rf"|\bno {_RESULT}{_PART} (?:given |provided |sent )?for \W{{0,2}}"
        rf"(?:call_\w{{0,40}}\d|toolu_|tooluse_|(?:the )?(?:{_CALL}|{_CALL_ID}))"
        rf"|(?:missing|expected) (?:an? )?{_RESULT}{_GAP} (?:for|after) {_GAP}"
        rf"(?:{_CALL}|{_CALL_ID}|\bcall id\b)",
        "langgraph, prebuilt agent; adapters in public code",
        template=True,
    ),
)

# Nothing above can match without one of these, and an ordinary failure has none.
_WORTH_A_LOOK = re.compile(
    r"tool|call|response|unexpected role|begins with|prefill|pre-fill|\.parts must not be empty"
    r"|alternat|ending with a model turn"
)
# Words that are somebody else's: the model's refused output, or what is wrong with a tool's schema
# or arguments, up to the next error in the same text.
_FOREIGN = re.compile(
    r"failed_generation:.*"
    r"|(?:(?<=not have a corresponding toolmessage)\.|received - message=).*"
    r"|(?:, input: [\[{]|input_value=)(?:(?!error\b|exception\b).){0,4000}+"
    r"|(?:invalid schema for function|tool call validation failed|did not match schema"
    r"|\btools(?:\.|\[)\d)(?:(?!error\b|exception\b).){0,400}+",
    re.IGNORECASE,
)
_WIRE_INDEX = re.compile(r"\b(?:messages?|input|contents)[.\[ ]{1,2}(\d{1,6})\b", re.IGNORECASE)
# A provider's own word for a 400, which gateways keep when they answer with another status.
_CALLED_INVALID = re.compile(r"invalid_request|invalid_argument|validationexception", re.IGNORECASE)
_TEXT_STATUS = re.compile(
    r"(?:\b(?:error code|status(?:[_ ]code)?|code|https?(?:/\d(?:\.\d)?)?|error response|error)"
    r"[\s:=<(-]{1,3}|^[\[<(]?)(?:4\d\d|5\d\d)\b|(?<![.\[\d])\b(?:400|422)(?=: )",
    re.IGNORECASE | re.MULTILINE,
)


def rejection_kind(error: BaseException | str, *, foreseen: bool = False) -> ViolationKind | None:
    """Return the kind of pairing rejection that `error` is, or None where it is none.

    Args:
        error: An exception as it reaches `on_llm_error`, or an exception group, or a text.
        foreseen: Whether the history was flagged. Words that have other causes as well, such as
            the refusal of a list that ends with an AI message, count only then.
    """
    found = read_rejection(error, foreseen=foreseen)
    return None if found is None else found.kind


def read_rejection(error: BaseException | str, *, foreseen: bool = False) -> Rejection | None:
    """Return what `error` says about the pairing, or None where it says nothing of it.

    Args:
        error: As for `rejection_kind`.
        foreseen: As for `rejection_kind`.
    """
    for reading in readings(error):
        for text in reading.texts:
            found = _first_match(text, foreseen=foreseen)
            if found is not None and _is_refusal(reading, found.rule):
                return _rejection(found)
    return None


@dataclass(frozen=True, slots=True)
class _Found:
    """The rule that matched, where, and the text in its own case."""

    rule: _Rule
    match: re.Match[str]
    text: str


def _first_match(text: str, *, foreseen: bool) -> _Found | None:
    if not _WORTH_A_LOOK.search(text.lower()):
        return None
    own_words = _FOREIGN.sub(" ", text)
    lowered = own_words.lower()
    # Lower case is longer in a few scripts, and then a position in it is none in the original.
    original = own_words if len(lowered) == len(own_words) else lowered
    for rules in (_RULES, _GENERAL_RULES):
        first: _Found | None = None
        for rule in rules:
            if rule.ambiguous and not foreseen:
                continue
            match = rule.pattern.search(lowered)
            if match is not None and (first is None or match.start() < first.match.start()):
                first = _Found(rule, match, original)
        if first is not None:
            return first
    return None


def _is_refusal(reading: Reading, rule: _Rule) -> bool:
    """Whether the request was refused as wrong, and not for its rate, its key or its size."""
    if reading.status in _REFUSED:
        return True
    named = _statuses_named_in(reading.texts)
    if reading.status is not None:
        named.add(reading.status)
        if reading.status not in _SERVER_ERRORS:
            return False
    if not named or named & _REFUSED:
        return True
    return rule.template and any(status in _SERVER_ERRORS for status in named)


def _statuses_named_in(texts: tuple[str, ...]) -> set[int]:
    matches = (match for text in texts for match in _TEXT_STATUS.finditer(text))
    named = {int(match[0][-3:]) for match in matches}
    if any(_CALLED_INVALID.search(text) for text in texts):
        named.add(min(_REFUSED))
    return named


def _rejection(found: _Found) -> Rejection:
    match = found.match
    start = max(0, match.start() - _INDEX_REACH)
    index = _WIRE_INDEX.search(found.text[start : match.end() + _INDEX_REACH])
    named = found.text[slice(*match.span("ids"))] if match.groupdict().get("ids") else ""
    return Rejection(
        kind=found.rule.kind,
        rule=found.rule.name,
        tool_call_ids=_whole_ids(named),
        wire_index=int(index[1]) if index else None,
    )


def _whole_ids(named: str) -> tuple[str, ...]:
    """Return the ids of a list, without those that the text gives only in part."""
    parts = (part.strip() for part in named.split(","))
    whole = (part.rstrip(".") for part in parts if not part.endswith("..."))
    return tuple(part for part in whole if part and "***" not in part)[:_MAX_IDS]
