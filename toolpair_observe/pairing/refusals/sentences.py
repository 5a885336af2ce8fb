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

SENTENCES: Final[tuple[Wording, ...]] = (
    wording(
        NO_ID,
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
    wording(
        DUPLICATE,
        "general.duplicate",
        rf"\bduplicated? (?:{_RESULT}|{_CALL_ID} (?:in|of|for|across) {_RESULT})"
        rf"|(?:multiple|more than one) {_RESULT}{_GAP}(?:for|with) (?:the )?(?:same )?"
        rf"(?:{_CALL_ID}|{_CALL})|{_RESULT}{_GAP}\bsame {_CALL_ID}"
        rf"|{_CALL_ID}(?: {ID})? (?:has |was |is )?already (?:been )?(?:answered|responded)"
        rf"|{_RESULT}{_GAP}\bduplicates (?:the )?{_CALL_ID}|{_RESULT} ids? must be unique"
        rf"|{_CALL_ID}{_GAP}\bused (?:for|by|in) (?:more than one|multiple|two) "
        rf"(?:tool[ _])?{_OUTPUT}",
        "adapters in public code",
    ),
    wording(
        DUPLICATE_CALL,
        "general.duplicate_call_id",
        rf"(?:re-?used|repeated|non-?unique|duplicated?) (?:[a-z]{{1,12}} )?{_CALL_ID}"
        rf"|duplicated? {_CALL}{_PART} (?:for|with) (?:the )?(?:same )?(?:{_CALL_ID}|ids?\b)"
        rf"|{_CALL_ID}(?: {ID})?:? (?:(?:is|are|was) )?"
        r"(?:already (?:used|exists?)|not unique|duplicated?|re-?used|must be unique)",
        "adapters in public code",
    ),
    wording(
        BAD_ID,
        "general.id_format",
        rf"(?:invalid|malformed) {_CALL_ID}"
        rf"|{_CALL_ID}(?: {ID})? (?:(?:is|are) (?:invalid|malformed|too long|not valid)|exceeds"
        r"|contains? invalid|must be at most)"
        rf"|{_CALL_ID}{_GAP}(?:(?:must|should) match|{_NO_MATCH}) {_FORM}",
        "Kilo-Org/kilocode#3967; adapters in public code",
    ),
    wording(
        MISMATCHED,
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
    wording(
        MISSING,
        "general.count",
        rf"number of (?:{_RESULT}{_GAP}(?:equal|match){_GAP}{_CALL}"
        rf"|{_CALL}{_GAP}(?:equal|match){_GAP}{_RESULT})"
        rf"|{_CALL} and {_RESULT} (?:count|number)",
        "langchain-core, tool_example_to_messages; sibling of Gemini's and Mistral's",
    ),
    wording(
        MISPLACED,
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
    wording(
        ROLES,
        "general.call_role",
        rf"{_CALL}{_PART} {_ONLY_IN}assistant{_TURN}",
        "sibling of Anthropic's; adapters in public code",
    ),
    wording(
        ORPHAN,
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
        rf"|{_TOOL_CALL_ID}(?: {ID})? (?:is |was |which |that )?"
        r"(?:not found|does not (?:exist|identify|correspond)"
        rf"|has no {_PARTNER} (?!{_RESULT}|{_OUTPUT}))",
        "BerriAI/litellm, factory.py; langchain-google-vertexai; mozilla-ai/any-llm",
        template=True,
    ),
    wording(
        MISSING,
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
        rf"|{_CALL_ID}(?: {ID})? (?:has|have|with) no (?:{_PARTNER} )?(?:{_RESULT}|{_OUTPUT})"
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
