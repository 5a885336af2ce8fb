"""Sentences that gateways, adapters and servers without a wording of their own refuse with.

They are built from the same few words, and looked for where none of the providers' own wordings is
found.
"""

from __future__ import annotations

from typing import Final

from toolpair_observe.pairing.refusals.wordings import (
    BAD_ID,
    DUPLICATE,
    DUPLICATE_CALL,
    ID,
    MISMATCHED,
    MISPLACED,
    MISSING,
    NO_ID,
    ORPHAN,
    ROLES,
    Wording,
    wording,
)

# The words that such sentences are built from, and what may stand between two of them.
_PART = r"(?: (?:blocks?|parts?|items?))?"
_GLUED = r"(?:_?(?:content|part|message|block|item)s?)?"
_CALL = (
    rf"(?:(?:tool|function)[ _-]?calls?|tool[ _-]?(?:uses?|requests?)){_GLUED}\b"
    r"(?![ -](?:ids?|results?|responses?|outputs?)\b)"
)
_TOOL_MESSAGE = r"(?:tool|function)[ _-]?(?:role |call |response|result)?[ _-]?messages?"
_RESULT = (
    r"(?:(?:(?:tool|function)[ _-]?(?:call[ _-]?)?(?:results?|responses?|outputs?|reply|replies)"
    rf"|tool[_-]?returns?){_GLUED}|{_TOOL_MESSAGE}|role(?:: ?| ?= ?| )(?:tool|function))\b"
    r"(?! (?:format|type|schema|content|name|parser|shape)\b)"
)
_OUTPUT = (
    r"(?:results?|responses?|outputs?|replies)\b(?! (?:format|type|schema|parser|limit|handler)\b)"
)
_TOOL_CALL_ID = r"(?:tool|function)[ _-]?(?:call|use)(?:s?\W{1,3}\d{1,4}\W{1,3}|[ _.-]?)ids?\b"
_CALL_ID = (
    rf"(?:{_TOOL_CALL_ID}|(?<![a-z_])call_ids?\b"
    r"|\bids? (?:of|for) (?:the |an? |each |every )?(?:tool|function)[ _-]?calls?\b)"
)
_GAP = r"(?:[^.;]|\.(?=\S)){0,60}?"
_PARTNER = r"(?:corresponding|matching|preceding|previous|prior|associated)"
# Of a call: nothing has answered it. The first need no other word, the second are said of calls
# that wait for an approval or for their own end as well.
_OPEN = (
    r"(?:unanswered|unresolved|unprocessed|unmatched|unpaired|unfulfilled|unsatisfied|dangling"
    r"|orphan(?:ed)?)"
)
_WAITING = r"(?:pending|outstanding|open|unfinished|incomplete)"
_ANSWERED = r"(?:answered|responded|resolved|fulfilled|satisfied)"
_SETTLED = rf"(?:{_ANSWERED}|completed|closed|followed)"
_LACKS = (
    r"(?:without|lacks?|(?:has|have|with|but) no"
    r"|(?:do|does|did)(?: not|nt) (?:have|contain|include)"
    r"|(?:没有|缺少|找不到)(?:对应|匹配)的?"
    rf"|no {_PARTNER}"
    rf"|(?:must have|needs?|requires?) (?:(?:an?|its|the|immediately) ){{0,2}}{_PARTNER})"
    r"(?! (?:an? |any |the |its )?(?:\w+ )?(?:name|argument|content|parameter|description)s?\b)"
)
_COMES_AFTER = (
    rf"(?:without {_PARTNER}|(?:must|should|(?:do|does|did)(?: not|nt)) "
    r"(?:directly |immediately |always )?follow"
    r"|(?:must |not )(?:be )?preceded by|(?:must|should) (?:come|be|stand|appear) (?:\w+ )?after"
    r"|previous message is not"
    r"|(?:not|must (?:only )?(?:be|appear as)) an? (?:direct )?(?:response|reply) to"
    r"|must be (?:responding|replying) to"
    rf"|must (?:respond|reply) to (?:an? |the |its )?{_PARTNER})"
)
_NO_MATCH = (
    r"(?:(?:do|does|did|must|should)?(?:nt| not)(?: always)? (?:match|agree|correspond)"
    r"|(?:is|are)(?: not|nt) matching|mismatch)"
)
_FORM = r"(?:the |to the )?(?:\w+ )?(?:pattern|regex|format|schema)\b"
# A refusal of what was sent says where it stood. One of what the model sent does not.
_IN_MESSAGE = rf"\b(?:messages?|contents|input)\W{{0,2}}\d{{1,4}}{_GAP}"
_IN_HISTORY = (
    r"\bin (?:the |this |any |an? )?"
    r"(?:(?:previous|preceding|prior|last|assistant|session|message) ){0,2}"
    r"(?:conversation|history|transcript|messages?|turns?)\b"
)
_ONLY_IN = r"(?:(?:can|may|must|are|is|be) ){1,2}only (?:(?:be )?[a-z]{4,10} )?in (?:an? |the )?"
_TURN = r" (?:messages?|turns?|role)\b"
_SOME_ID = r"(?:call_\w{0,40}\d|toolu_|tooluse_)"
_TURN_OF_OTHERS = r"(?:user|human|assistant|system|ai)\b"

SENTENCES: Final[tuple[Wording, ...]] = (
    wording(
        NO_ID,
        "general.no_id",
        rf"{_RESULT}{_GAP}(?:missing|without|must (?:have|include)|requires?|lacks|has no|缺少)"
        rf"(?: an?| the| its| string| required| field| non-?empty){{0,2}} {_CALL_ID}"
        rf"|{_RESULT} ids? (?:is|are) required\b"
        rf"|(?:missing|without|no) (?:an? |the |required )?(?:non-?empty )?"
        rf"(?:messages?[\w.\[\]]{{0,20}}\.)?{_CALL_ID}"
        rf"|{_CALL_ID} (?:is (?:required|missing)"
        r"|(?:must|should) be (?:a (?:non-?empty )?string|non-?empty)"
        r"|(?:must|should|has to) be (?:set|given|provided|specified|present)"
        r"|(?:must|can|may) ?not be (?:empty|null|blank)|缺失|不能为空)"
        rf"|{_IN_MESSAGE}(?:{_CALL}|\btool block){_PART}\W{{0,3}}(?:\d{{1,4}}\W{{1,3}})?"
        r"(?:is )?missing (?:(?:an?|its|the|required|field) ){0,2}id\b"
        rf"|{_CALL}(?: \d{{1,4}})? (?:at|in|of) (?:\w+ )?messages? \d{{1,4}} "
        r"(?:is )?(?:missing|without|has no) (?:(?:an?|its|the|required|field) ){0,2}id\b"
        rf"|(?:{_CALL}|{_RESULT}){_PART} (?:requires?|needs?|lacks) (?:an? |its )?(?:call )?id"
        r"(?! (?:of|arg|param|field|prop)\w*)\b"
        rf"|(?:{_CALL}|{_RESULT}) 缺少 ?id\b"
        rf"|{_TOOL_MESSAGE}(?: {ID})? "
        r"(?:is missing|without|must (?:have|include)|requires?|lacks|has no) "
        r"(?:an? |the |its )?(?:call )?id\b"
        rf"|(?:{_CALL}|{_RESULT}){_PART} must (?:have|include|contain) (?:an? |the |its )?"
        r"(?:non-?(?:null|empty) |valid |unique )?id\b"
        rf"|missing {_RESULT}\.id\b",
        "BerriAI/litellm, llms/oci; adapters in public code; Spring AI's converters",
    ),
    wording(
        DUPLICATE,
        "general.duplicate",
        r"重复的? ?(?:工具(?:调用)?(?:结果|响应|返回)|tool[ _-]?results?)"
        rf"|\bduplicated? (?:{_RESULT}|{_CALL_ID} (?:in|of|for|across) {_RESULT})"
        rf"|(?:multiple|more than one) {_RESULT}{_GAP}(?:for|with) (?:the )?(?:same )?"
        rf"(?:{_CALL_ID}|{_CALL})|{_RESULT}{_GAP}\bsame {_CALL_ID}"
        rf"|(?:multiple|more than one|two|several|duplicate) {_OUTPUT} (?:\w+ )?for "
        rf"(?:the |an? |one )?(?:same )?(?:{_CALL_ID}|{_CALL})"
        rf"|(?:{_CALL}|{_CALL_ID}){_GAP}\b(?:has|have|had|got|received) "
        rf"(?:more than one|multiple|two|several|duplicate) (?:tool[ _])?{_OUTPUT}"
        rf"|(?:{_CALL}|{_CALL_ID})(?: {ID})? (?:has |was |is |were )?(?:already (?:been )?"
        rf"(?:answered|responded|has (?:an? )?{_OUTPUT})"
        r"|(?:been )?answered (?:twice|more than once|multiple times|already))"
        rf"|{_RESULT}{_GAP}\bduplicates (?:the )?{_CALL_ID}|{_RESULT} ids? must be unique"
        rf"|{_CALL_ID}{_GAP}\b(?:used|appears?|found|present) (?:for|by|in) "
        rf"(?:more than one|multiple|two|several) (?:{_RESULT}|(?:tool[ _])?{_OUTPUT})"
        rf"|\b(?:only|at most) one {_RESULT}{_GAP}\b(?:per|for (?:an?|each|every|the)) {_CALL}",
        "adapters in public code",
    ),
    wording(
        DUPLICATE_CALL,
        "general.duplicate_call_id",
        rf"(?:re-?used|repeated|non-?unique|duplicated?) (?:[a-z]{{1,12}} )?{_CALL_ID}"
        rf"|{_CALL}{_PART} must have unique (?:{_CALL_ID}|ids?\b)"
        rf"|duplicated? {_CALL}{_PART} (?:for|with) (?:the )?(?:same )?(?:{_CALL_ID}|ids?\b)"
        rf"|{_CALL}{_PART} (?:with|share|sharing|have|use) (?:the |one )(?:same )?"
        rf"(?:{_CALL_ID}|id\b)"
        rf"|{_CALL_ID}(?: {ID})?:? (?:(?:is|are|was) )?"
        r"(?:already (?:used|exists?)|not unique|duplicated?|re-?used|must be unique"
        rf"|used (?:by|for|in) (?:more than one|multiple|two|several) {_CALL}"
        r"|(?:used |appear(?:s|ed)? |occur(?:s|red)? )?"
        r"(?:more than once|twice|multiple times|重复))"
        rf"|重复的? ?(?:工具调用|{_TOOL_CALL_ID})",
        "adapters in public code",
    ),
    wording(
        BAD_ID,
        "general.id_format",
        rf"(?:invalid|malformed) {_CALL_ID}"
        rf"|{_CALL_ID}(?: {ID})? (?:(?:(?:is|are) )?(?:invalid|malformed|too long|not valid)"
        r"|exceeds"
        r"|contains? invalid|must be at most"
        r"|(?:must|should) (?:be|have|contain|consist of) (?:only |exactly |no more than )?"
        r"(?:an? )?(?:\d{1,3}\b|alphanumeric))"
        rf"|{_CALL_ID}{_GAP}(?:(?:must|should) match|{_NO_MATCH}) (?:{_FORM}|[\^\[/])",
        "Kilo-Org/kilocode#3967; adapters in public code",
    ),
    wording(
        MISSING,
        "general.count",
        rf"number of (?:{_RESULT}{_GAP}(?:equal|match){_GAP}{_CALL}"
        rf"|{_CALL}{_GAP}(?:equal|match){_GAP}{_RESULT})"
        rf"|{_CALL} and {_RESULT} (?:count|number)"
        rf"|{_CALL}/(?:{_RESULT}|{_OUTPUT}){_GAP}\b(?:count|number|cardinality)"
        rf"|expected \d{{1,4}} {_RESULT}{_PART},? (?:but )?(?:got|found|received) (?:only )?\d"
        rf"|\d{{1,4}} {_CALL}{_PART},? (?:but|and|with|for) (?:only )?(?:\d{{1,4}}|one) {_RESULT}"
        rf"|\d{{1,4}} tools?,? (?:but|and) (?:only )?(?:\d{{1,4}}|one) {_RESULT}"
        rf"|(?:\d{{1,4}}|one) (?:{_RESULT}|{_OUTPUT}){_PART},? for (?:\d{{1,4}}|two|three) "
        rf"(?:\w+ )?{_CALL}",
        "langchain-core, tool_example_to_messages; sibling of Gemini's and Mistral's",
    ),
    wording(
        MISMATCHED,
        "general.mismatched",
        rf"{_CALL_ID}{_GAP}{_NO_MATCH}(?! {_FORM})(?=\W*$|{_GAP}(?:{_CALL}|{_RESULT}|{_CALL_ID}"
        rf"|\b(?:calls?|messages?|expected|those)\b|{_SOME_ID}))"
        rf"|{_RESULT}{_GAP}{_NO_MATCH}(?! {_FORM}){_GAP}(?:{_CALL}|{_CALL_ID})"
        rf"|(?:{_CALL}{_PART} and (?:the |their )?{_RESULT}|{_RESULT}{_PART} and (?:the )?{_CALL})"
        rf"{_PART}(?: ids?)?(?: (?:from|in|of) (?:the )?{_PARTNER} (?:message|turn))? "
        rf"{_NO_MATCH}(?! {_FORM})"
        rf"|mismatch(?:ed)? between {_CALL} and {_RESULT}"
        rf"|{_RESULT}{_GAP}(?:must|should) match (?:an? |the |its |each )?"
        rf"(?:(?:assistant|pending|{_PARTNER}) ){{0,2}}(?:{_CALL}|{_CALL_ID})"
        rf"|(?:{_RESULT}|{_CALL_ID}){_GAP}\b(?:match(?:es)?|answers?|references?) no "
        rf"(?:(?:earlier|pending|open|assistant|{_PARTNER}) ){{0,2}}(?:tool[ _])?calls?\b",
        "the sampling check of MCP's SDKs; openclaw/openclaw",
    ),
    wording(
        MISPLACED,
        "general.misplaced",
        rf"{_RESULT}{_PART} must (?:be|come|appear) (?:first|before)"
        rf"|{_RESULT}{_PART} must (?:(?:come|appear|be|stand) (?:directly|immediately|right) after"
        rf"|(?:directly|immediately) follow) (?:its|their|the) {_CALL}"
        rf"|{_RESULT}{_PART}(?: for {ID}| {ID})?? (?:(?:appears?|comes?|is|was|found|stands?) )?"
        rf"before (?:an? |its |the )?{_CALL}"
        rf"|{_RESULT}{_PART} (?:{_ONLY_IN}|belongs? in (?:an? |the )?)(?:user|tool){_TURN}"
        rf"|\b(?:text|content)\b{_GAP}must (?:be |come )?(?:placed )?"
        rf"(?:after|follow) (?:all |the )?{_RESULT}"
        r"|\b(?:message|turn) (?:must|should|may) (?:only contain|contain only|consist only of) "
        r"tool[ _-]?results?\b"
        rf"|{_CALL} and {_RESULT}{_PART} (?:can|must) ?not be (?:interleaved|mixed|combined)"
        r"(?! with\b)"
        r"|(?:can ?not|must not|may not) (?:contain|have|mix) both "
        rf"(?:{_RESULT}{_PART} and (?:text|content)|(?:text|content) and {_RESULT})"
        rf"|{_CALL}{_GAP}\bseparated from (?:its|their|the) (?:{_RESULT}|{_OUTPUT})"
        rf"|\bbetween (?:an? |the )?{_CALL} and (?:its |the |their )?{_RESULT}",
        "sibling of the adjacency texts of Anthropic and MiniMax",
    ),
    wording(
        ROLES,
        "general.call_role",
        rf"{_CALL}{_PART} (?:{_ONLY_IN}|(?:must|should) (?:belong to|be in|appear in|come from) "
        rf"(?:an? |the )?)assistant{_TURN}",
        "sibling of Anthropic's; adapters in public code",
    ),
    wording(
        ORPHAN,
        "general.orphan",
        rf"{_RESULT}{_GAP}(?:{_LACKS}|(?:do|does) not answer){_GAP}{_CALL}"
        rf"|{_RESULT}{_GAP}(?:without|has no|have no|with no) (?:an? |any |its )?{_PARTNER} "
        r"(?:\w+ )?calls?\b"
        rf"|{_RESULT}{_GAP}{_COMES_AFTER}{_GAP}(?:{_CALL}|\bassistant\b|\bai ?message"
        r"|\bmodel (?:turn|message|prompt|response)\b)"
        rf"|{_RESULT}{_PART} (?:needs?|requires?) (?:an? |the )?{_PARTNER} (?:\w+ )?assistant\b"
        rf"|not preceded by {_GAP}{_CALL}"
        rf"|(?:orphan(?:ed)?|unmatched|stray|unpaired) {_RESULT}"
        rf"|first message (?:can|must) ?not be an? {_RESULT}"
        rf"|{_RESULT} (?:can|must) ?not be (?:the )?first"
        rf"|{_RESULT} (?:(?:is|are) not (?:allowed|permitted|expected)|(?:can|may|must) ?not "
        rf"(?:come|appear|be|stand)) (?:directly |right )?(?:after|here after) (?:an? |the )?"
        rf"(?:(?:role|message) )?{_TURN_OF_OTHERS}"
        rf"|{_RESULT}{_GAP}\boutside (?:of )?(?:an? )?(?:assistant\b|{_CALL})"
        rf"|{_RESULT}{_GAP}\b(?:assistant|message|turn)\b{_GAP}(?:contains?|includes?) no {_CALL}"
        rf"|{_RESULT}{_GAP}(?:must|should) (?:reference|refer to) (?:an? |the )?"
        rf"(?:{_PARTNER}|existing|known|{_OPEN}|{_WAITING}) (?:assistant )?(?:{_CALL}|{_CALL_ID})"
        rf"|{_RESULT} (?:(?:is|are|can|may|must) )?(?:be )?only (?:be )?(?:\w+ )?"
        rf"(?:after|following) (?:an? |the )?(?:{_CALL}|assistant\b)"
        rf"|{_RESULT}{_GAP}\b(?:refers? to|references) (?:an? |the )?{_CALL} (?:that |which )?"
        r"(?:(?:do|does)(?: not|nt) exist|(?:is|was)(?: not|nt)|is (?:missing|unknown|absent))\b"
        rf"|(?:contains?|found|has|is) an? unexpected {_RESULT}"
        rf"|could not (?:infer|determine|find|resolve) (?:an? |the )?(?:called )?"
        rf"(?:tool|function) name for (?:an? |the )?{_RESULT}"
        rf"|{_CALL_ID}(?: {ID})? (?:is|was) (?:not|never) (?:issued|requested|created|made|declared"
        r"|known|present|pending|open|recognized|part of|in the)\b"
        rf"|{_CALL_ID}(?: {ID})? ?(?:不存在|未找到|找不到)"
        rf"|{_RESULT}{_GAP}\b(?:unknown|non-?existent|unrecognized|undeclared) "
        rf"(?:(?:tool|function) )?(?:{_CALL_ID}|calls?\b)"
        rf"|(?:{_RESULT}|{_CALL_ID}){_GAP}(?: not|nt)\b (?:belong|associated|related|linked)\b"
        rf"{_GAP}(?:{_CALL}|{_CALL_ID})"
        rf"|{_RESULT}{_GAP}\bno (?:(?:tool|function) )?(?:calls? (?:is|are|was|were) )?{_WAITING}\b"
        rf"|{_RESULT}{_GAP}(?:without|no|not (?:have|contain|include))(?: any)? "
        rf"(?:{_OPEN}|{_WAITING}) (?:(?:tool|function) )?calls?\b"
        rf"|\bno {_CALL}{_PART},? (?:but|and) (?:\w+ )?{_RESULT}"
        rf"|\bmore {_RESULT}{_PART} than (?:{_CALL}|(?:the )?(?:{_PARTNER}|requested))"
        rf"|unexpected {_RESULT}{_PART} with (?:the )?(?:{_CALL_ID}|ids?\b)"
        rf"|(?:missing|no|not find) (?:{_PARTNER} )?{_CALL}{_GAP} (?:for|matching) {_GAP}{_RESULT}"
        rf"|\bno (?:{_PARTNER} )?{_CALL} (?:was )?found {_IN_HISTORY}"
        rf"|\bno (?:{_PARTNER} )?{_CALL} (?:was found )?(?:with|for) (?:the )?(?:call |tool )?"
        rf"(?:{_CALL_ID}|ids?) (?:{ID} )?(?:was )?(?:found )?{_IN_HISTORY}"
        rf"|{_RESULT} for (?:an? )?unknown {_CALL}"
        rf"|(?<!chunk for )\b(?:unknown|unexpected) {_TOOL_CALL_ID}(?! format)"
        rf"|{_CALL} (?:was |is )?not found for {_GAP}{_RESULT}"
        rf"|{_CALL} (?:for|with) (?:the )?ids? {ID} (?:was |is )?not found {_IN_HISTORY}"
        rf"|\bno {_PARTNER} {_CALL} with (?:that|this|the same) id\b"
        rf"|{_RESULT}{_GAP}\bwithout (?:an? )?{_PARTNER} (?:assistant )?messages?\b"
        rf"|{_RESULT}{_GAP}\b(?:history|conversation) (?:is empty|(?:does not|doesnt) contain an? "
        r"(?:assistant|model ?response))"
        rf"|\banswers? {_GAP}{_CALL}{_GAP}\bnot waiting (?:on|for)\b"
        rf"|{_TOOL_CALL_ID}(?: {ID})? (?:is |was |which |that )?"
        r"(?:not found|does not (?:exist|identify)"
        rf"|has no {_PARTNER} (?!{_RESULT}|{_OUTPUT}))"
        r"|(?:工具(?:调用)?(?:结果|响应|返回|消息)|tool 消息)[^。;]{0,12}"
        r"(?:必须|需要|应)[^。;]{0,24}(?:之后|后面|tool_calls?|工具调用)",
        "BerriAI/litellm, factory.py; langchain-google-vertexai; mozilla-ai/any-llm; Google ADK",
        template=True,
    ),
    wording(
        MISSING,
        "general.missing",
        rf"{_CALL}{_GAP}(?:{_LACKS}|must have|(?:must be|not|never) (?:\w+ )?followed "
        r"(?:\w+ )?by)"
        rf"{_GAP}{_RESULT}"
        rf"|{_CALL}{_PART}(?: {ID})?? (?:without|lacks?|lacking|(?:has|have|with) (?:no|0|zero)) "
        rf"(?:(?:any|an?|its|their|{_PARTNER}) ){{0,2}}{_OUTPUT}"
        rf"|{_CALL}{_GAP}(?:missing|needs?|requires?) "
        rf"(?:(?:an?|its|the|one|exactly|{_PARTNER}) ){{0,3}}{_RESULT}"
        rf"|ensure that {_GAP}{_CALL}{_GAP}is followed by (?:an? )?{_RESULT}"
        rf"|must be (?:\w+ )?followed (?:\w+ )?by (?:an? )?{_PARTNER} (?:user )?{_RESULT}"
        rf"|{_IN_MESSAGE}\bbefore (?:\d{{1,4}} |the |its )?(?:pending|outstanding) {_RESULT}"
        rf"|(?<!\bno )(?<!\bany )\b{_OPEN} {_CALL}(?! (?:markup|syntax|tags?)\b)"
        rf"|\b(?:while|because|when|since)\b{_GAP}\b{_WAITING} {_CALL}"
        rf"|\b(?:while|because|when|since)\b{_GAP}{_CALL} (?:is|are) (?:still )?{_WAITING}\b"
        rf"|\b(?:history|conversation|transcript) (?:\w+ )?(?:ends? with|contains?|has|with) "
        rf"(?:\d{{1,4}} |an? )?{_WAITING} {_CALL}"
        rf"|\b{_WAITING} {_CALL} must (?:all |first )?be {_SETTLED}"
        rf"|\bwaiting for (?:an? |the )?{_RESULT}{_GAP}\b(?:but|did not|didnt|missing)\b"
        rf"|\bnot (?:all|every) {_CALL}{_GAP}\b"
        rf"(?:{_ANSWERED}|ha(?:s|ve) (?:an? )?(?:{_RESULT}|{_OUTPUT}))"
        rf"|{_CALL}{_GAP}(?:never|not|must)(?: all| be| been| yet)* {_ANSWERED}"
        rf"|{_CALL} (?:is|are) missing (?:an? |its |their )?{_OUTPUT}"
        rf"|{_CALL_ID}(?: {ID})? (?:has|have|with) no (?:{_PARTNER} )?(?:{_RESULT}|{_OUTPUT})"
        rf"|{_RESULT}{_GAP}\bmust (?:cover|answer|respond to) (?:all|each|every|the)\b"
        rf"{_GAP}(?:{_CALL}|\b(?:parallel|pending|{_PARTNER}) calls?\b)"
        rf"|{_RESULT}{_PART} must be (?:given|provided|sent|included|present) for "
        rf"(?:all|each|every|the)\b{_GAP}(?:{_CALL}|\bcalls\b)"
        rf"|\bno {_RESULT}{_PART} (?:given |provided |sent )?for \W{{0,2}}"
        rf"(?:{_SOME_ID}|(?:the )?(?:{_CALL}|{_CALL_ID}))"
        rf"|\bno {_OUTPUT} (?:was |were )?(?:found|provided|given|submitted|sent|recorded) for "
        rf"(?:the )?(?:{_CALL}|{_CALL_ID})"
        rf"|missing {_RESULT}(?:,? for)?(?: the)?(?: following)?(?: tool| call)?"
        rf"(?: ids?\b|:? {_SOME_ID})"
        rf"|(?:missing|expected) (?:an? )?{_RESULT}{_GAP} (?:for|after) {_GAP}"
        rf"(?:{_CALL}|{_CALL_ID}|\bcall id\b)"
        rf"|expected (?:an? )?{_RESULT}{_GAP} (?:but )?(?:got|found|received) (?:an? )?(?:role )?"
        rf"{_TURN_OF_OTHERS}"
        r"|(?:未响应|未回复|未应答|没有响应|没有结果|缺少响应|缺少结果)的? ?"
        r"(?:tool_calls?\b|工具调用)"
        r"|工具调用(?:没有|缺少|未找到|必须有|后必须)[^。;]{0,12}(?:结果|响应|返回|消息)"
        r"|tool_calls?\b[^。;]{0,16}必须(?:紧跟|跟随|有|跟着)[^。;]{0,16}(?:\btool|工具)",
        "langgraph, prebuilt agent; pydantic-ai, _agent_graph.py; adapters in public code",
        template=True,
    ),
)
