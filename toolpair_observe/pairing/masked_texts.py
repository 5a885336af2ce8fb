"""What other software writes in place of a tool's missing result: texts, objects and marks.

One table of what is known, each row a whole content. `masked_content` applies it to one result. No
list of texts can be complete: what stands in none of these is told by the states of a run alone.
"""

from __future__ import annotations

import json
import re
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from toolpair_observe.pairing.masked import MaskedEvidence, MaskedKind

if TYPE_CHECKING:
    from collections.abc import Mapping

MISSING: Final = MaskedKind.MISSING
MALFORMED: Final = MaskedKind.MALFORMED

REPAIR_MARK: Final = "toolpair_repair"
"""Key in `additional_kwargs` of a result that a repair of ours inserts; its value is the action."""

NO_RESULT_TEXT: Final = (
    "Error: no result of this tool call is available. The call was interrupted or its result was "
    "lost; whether the tool ran is not known."
)
"""What a repair of ours writes."""

LONGEST: Final = 4_096
"""JSON of more characters is not parsed; what is made up is short."""

NAME: Final = "<name>"
ID: Final = "<id>"
DETAIL: Final = "<detail>"
LINE: Final = "<line>"


class MadeUpText(NamedTuple):
    """A text that stands for a result as a whole.

    Attributes:
        by: Who writes it.
        kind: What was wrong with the call.
        text: The text. `<name>` stands for the tool's name and `<id>` for the call's id, each in
            quotes or not, `<detail>` for anything and `<line>` for the rest of a line.
        only_errors: Whether it is too short to tell anything unless the result is an error.
    """

    by: str
    kind: MaskedKind
    text: str
    only_errors: bool = False

    def found_in(self, content: str) -> Named | None:
        """Return what the content names where it is this text, all of it, or None."""
        if "<" not in self.text:
            return _NOTHING_NAMED if content == self.text else None
        found = _pattern(self.text).fullmatch(content)
        return None if found is None else Named(*(found.groupdict().get(key) for key in _NAMED))


class MadeUpObject(NamedTuple):
    """A JSON object that stands for a result as a whole.

    Attributes:
        by: Who writes it.
        kind: What was wrong with the call.
        members: What it has.
        may_have: The keys that it has beside those, None for any; under `name` is the tool's.
        only_errors: Whether the result has to be an error.
    """

    by: str
    kind: MaskedKind
    members: Mapping[str, str]
    may_have: frozenset[str] | None = frozenset()
    only_errors: bool = False

    def found_in(self, content: dict[str, object]) -> Named | None:
        """Return what the object names where it is this one, or None."""
        may_have = content.keys() if self.may_have is None else self.may_have
        if not content.keys() <= self.members.keys() | may_have:
            return None
        if any(content.get(key) != value for key, value in self.members.items()):
            return None
        name = content.get("name")
        return Named(name if isinstance(name, str) else None, None)

    @property
    def text(self) -> str:
        """The object as it is written, for people."""
        more = ("…",) if self.may_have is None else sorted(self.may_have)
        return json.dumps(dict(self.members) | dict.fromkeys(more, "…"), ensure_ascii=False)


class Named(NamedTuple):
    """What a made-up result names, None for what it does not.

    Attributes:
        tool: The tool's name.
        call_id: The call's id.
    """

    tool: str | None
    call_id: str | None


class Mark(NamedTuple):
    """Who puts a mark on what, and what for.

    Attributes:
        by: Who.
        kind: What was wrong with the call.
    """

    by: str
    kind: MaskedKind


MARKS: Final[Mapping[str, Mark]] = MappingProxyType(
    {
        REPAIR_MARK: Mark("toolpair_observe", MISSING),
        "orphan_tool_call_placeholder": Mark("langgraph-checkpoint-aws", MISSING),
        "openclawSyntheticMissingToolResult": Mark("openclaw", MISSING),
    }
)
"""Keys in `additional_kwargs` that say by themselves that a result was made up."""


def _missing(by: str, text: str, *, only_errors: bool = False) -> MadeUpText:
    return MadeUpText(by, MISSING, text, only_errors)


def _malformed(by: str, text: str) -> MadeUpText:
    return MadeUpText(by, MALFORMED, text)


# deepagents writes the first one as well, for the same calls; nothing in it tells them apart.
TEXTS: Final[tuple[MadeUpText, ...]] = (
    _malformed(
        "langchain",
        "Tool call <name> with id <id> could not be executed - arguments were malformed or "
        "truncated.",
    ),
    _missing(
        "deepagents",
        "Tool call <name> with id <id> did not complete - no result was recorded. It may have been "
        "cancelled or interrupted.",
    ),
    # Until 0.7.0, and ports of it to other languages.
    _missing(
        "deepagents",
        "Tool call <name> with id <id> was cancelled - another message came in before it could be "
        "completed.",
    ),
    _missing(
        "deepagents",
        "Tool call <name> with id <id> was canceled - another message came in before it could be "
        "completed.",
    ),
    _missing(
        "langgraph-checkpoint-aws",
        "Tool call <name> with id <id> was interrupted before completion.",
    ),
    _missing("toolpair_observe", NO_RESULT_TEXT),
    _missing("deer-flow", "[Tool call was interrupted and did not return a result.]"),
    _malformed(
        "deer-flow", "[Tool call could not be executed because its arguments were invalid.]"
    ),
    _malformed(
        "deer-flow",
        "[Tool call could not be executed because its arguments were invalid: <detail>]",
    ),
    _malformed(
        "deer-flow",
        "[Tool call could not be executed because its name was missing or empty. <detail>]",
    ),
    _malformed("deer-flow", "[write_file failed before execution: <detail>]"),
    _malformed(
        "open-swe",
        "The earlier tool call had malformed arguments and was replaced with an empty object. "
        "Re-issue the tool call with valid JSON-object arguments.",
    ),
    _missing(
        "litellm",
        "[System: Tool execution skipped/interrupted by user. No result provided for tool <name>.]",
    ),
    _missing("pydantic-ai", "The tool call was interrupted before a result was produced."),
    _missing(
        "google-adk",
        "Error: Missing tool result (tool execution may have been interrupted before a response "
        "was recorded).",
    ),
    _missing("strands", "Tool was interrupted."),
    _missing(
        "chatlas",
        "Tool call failed with error: 'Chat ended before the tool could be invoked.'",
    ),
    _missing(
        "ellmer", "Tool calling failed with error Chat ended before the tool could be invoked."
    ),
    _missing("copilot", "The execution of this tool, or a previous tool was interrupted."),
    _missing("claude-code", "[Tool result missing due to internal error]"),
    _missing("claude-code", "[Request interrupted by user for tool use]"),
    _missing("claude-code", "[Request interrupted by user]"),
    _missing("claude-code", "[Tool use interrupted]"),
    _missing("codex", "aborted", only_errors=True),
    _missing("cline", "Task was interrupted before this tool call could be completed."),
    _missing("opencode", "[Tool execution was interrupted]"),
    _missing("goose", "Interrupted by the user to make a correction"),
    _missing("openhands", "A restart occurred while this tool was in progress."),
    _missing("openhands", "A restart occurred while this tool was in progress. <line>"),
    # Under the names that the project has had.
    *(
        _missing(
            "openclaw",
            f"[{name}] missing tool result in session history; inserted synthetic error result for "
            "transcript repair.",
        )
        for name in ("openclaw", "moltbot", "clawdbot")
    ),
    *(
        _missing("hermes-agent", f"[Result {what} {dash} see context summary above]")
        for what in ("from earlier conversation", "unavailable")
        for dash in ("—", "-")
    ),
    _missing(
        "oh-my-pi",
        "[No tool output recorded: the tool call was interrupted before it produced a result.]",
    ),
    _missing("pi", "No result provided", only_errors=True),
)
"""The texts, in no order: no content is two of them."""

_ORPHANED: Final[Mapping[str, str]] = MappingProxyType(
    {"error_type": "InterruptedToolCall", "recovery": "tool_call_interrupted"}
)
OBJECTS: Final[tuple[MadeUpObject, ...]] = (
    MadeUpObject(
        "open-swe",
        MISSING,
        _ORPHANED,
        frozenset({"error", "message", "name", "status", "tool", "tool_call_id", "type"}),
    ),
    # With more keys it may be a line of a log, which is no error.
    MadeUpObject("open-swe", MISSING, _ORPHANED, None, only_errors=True),
    MadeUpObject(
        "google-adk", MISSING, MappingProxyType({"error": "Invocation was aborted by client."})
    ),
)
"""The objects, which stand there as JSON or, in Google's own form, as they are."""

MENDERS: Final[frozenset[str]] = frozenset(
    {row.by for row in TEXTS} | {row.by for row in OBJECTS} | {mark.by for mark in MARKS.values()}
)
"""Who is known to make results up. `MaskedResult.by` is one of them or `UNKNOWN_MENDER`."""


class Row(NamedTuple):
    """One row of the table, for the documentation.

    Attributes:
        by: Who makes it up.
        kind: What was wrong with the call.
        evidence: Whether it is told by its text or by a mark.
        text: The text, with `<name>`, `<id>` and `<detail>`, or the mark's key.
        only_errors: Whether it counts in a result with `status="error"` alone.
    """

    by: str
    kind: MaskedKind
    evidence: MaskedEvidence
    text: str
    only_errors: bool = False


def rows() -> list[Row]:
    """Return all that is known, texts first, as the documentation lists it."""
    text, mark = MaskedEvidence.TEXT, MaskedEvidence.MARK
    return [
        *(Row(each.by, each.kind, text, each.text, each.only_errors) for each in TEXTS),
        *(Row(each.by, each.kind, text, each.text, each.only_errors) for each in OBJECTS),
        *(Row(each.by, each.kind, mark, key) for key, each in MARKS.items()),
    ]


# --- the first look ------------------------------------------------------------------------------

FIRST_LETTERS: Final = slice(8)
"""The part of a content that tells nearly always that it is none of these."""

_BY_START: Final[dict[str, list[MadeUpText]]] = {}
for _row in TEXTS:
    _BY_START.setdefault(_row.text[FIRST_LETTERS], []).append(_row)
# How the objects begin that writers make of `OBJECTS`, with and without line breaks.
_OBJECT_STARTS: Final = frozenset(
    f'{opening}"{key}":'[FIRST_LETTERS]
    for opening in ("{", "{ ", "{\n", "{\n ", "{\n  ", "{\n    ", "{\n\t")
    for row in OBJECTS
    for key in (*row.members, *(row.may_have or ()))
)

STARTS: Final[frozenset[str]] = _OBJECT_STARTS | _BY_START.keys()
"""The `FIRST_LETTERS` of all that may be a made-up content; few real ones have them."""


def text_of(content: str) -> tuple[MadeUpText | MadeUpObject, Named] | None:
    """Return the row of a content that begins with one of `STARTS`, and what it names, or None."""
    for row in _BY_START.get(content[FIRST_LETTERS], ()):
        named = row.found_in(content)
        if named is not None:
            return row, named
    if len(content) > LONGEST or content[0] != "{" or content[-1] != "}":
        return None
    if any(word in content for word in _words()):
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            return None
        return object_of(value) if isinstance(value, dict) else None
    return None


def object_of(content: dict[str, object]) -> tuple[MadeUpObject, Named] | None:
    """Return the row of an object, and what it names, or None."""
    for row in OBJECTS:
        named = row.found_in(content)
        if named is not None:
            return row, named
    return None


_NAMED: Final = ("name", "id")
_NOTHING_NAMED: Final = Named(None, None)
# Gaps are bounded, or there is but one, so that time is linear.
_GAPS: Final[Mapping[str, str]] = {
    # Greedy: of a name that has "with id" in it, all of it is the name.
    NAME: r"""(?P<quote>['"`]?)(?P<name>[^\n]{0,256})(?P=quote)""",
    ID: r"""(?P<quote_of_id>['"`]?)(?P<id>[^\n]{1,512}?)(?P=quote_of_id)""",
    DETAIL: r"(?s:.+)",  # a parser's error quotes arguments of any length
    LINE: r"[^\n]{1,512}",
}


@cache
def _pattern(text: str) -> re.Pattern[str]:
    # Compiled when the first content begins like it: imports are paid for by every process.
    parts = re.split(f"({'|'.join(_GAPS)})", text)
    return re.compile("".join(_GAPS.get(part) or re.escape(part) for part in parts))


@cache
def _words() -> tuple[str, ...]:
    """One word of each object that no other JSON is likely to have."""
    return tuple({max(row.members.values(), key=len): None for row in OBJECTS})
