"""Contents as Gemini takes them: in the REST API's camel case, or in the SDK's snake case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.by_order import pair_by_order
from toolpair_observe.histories.dialects.content import (
    add_call,
    add_other,
    add_result,
    add_text,
    id_at,
    new_entry,
)
from toolpair_observe.histories.dialects.dialect import (
    Dialect,
    NotUnderstoodError,
    field_is,
    keys_text,
    known_keys,
    list_at,
    object_at,
    word_or_type,
)
from toolpair_observe.pairing.fields import as_text
from toolpair_observe.pairing.masked_content import made_up
from toolpair_observe.pairing.signs import sign_of_result
from toolpair_observe.pairing.transcript import Call, Entry, Result, Transcript
from toolpair_observe.pairing.words import Carrier, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

# Without a role it is the user's.
_ROLES: Final = {
    "": Role.HUMAN,
    "function": Role.HUMAN,
    "model": Role.AI,
    "tool": Role.HUMAN,
    "user": Role.HUMAN,
}
# What a part is, each in both spellings.
_DATA: Final = {
    "text": "text",
    "functionCall": "call",
    "function_call": "call",
    "functionResponse": "result",
    "function_response": "result",
    # The provider runs these itself, and nothing is owed for them.
    "codeExecutionResult": "other",
    "code_execution_result": "other",
    "executableCode": "other",
    "executable_code": "other",
    "toolCall": "other",
    "tool_call": "other",
    "toolResponse": "other",
    "tool_response": "other",
    "fileData": "other",
    "file_data": "other",
    "inlineData": "other",
    "inline_data": "other",
}
# What is said about a part.
_ABOUT: Final = frozenset(
    {
        "audioMetadata",
        "audioTranscription",
        "audio_metadata",
        "audio_transcription",
        "documentMetadata",
        "document_metadata",
        "mediaProcessing",
        "mediaResolution",
        "media_processing",
        "media_resolution",
        "partMetadata",
        "part_metadata",
        "speechMetadata",
        "speech_metadata",
        "spreadsheetMetadata",
        "spreadsheet_metadata",
        "thought",
        "thoughtSignature",
        "thought_signature",
        "videoMetadata",
        "video_metadata",
    }
)
_PART_KEYS: Final = _ABOUT | _DATA.keys()
_CALL_KEYS: Final = frozenset({"args", "partialArgs", "partial_args"})
_RESULT_KEYS: Final = frozenset({"parts", "response", "scheduling"})
_CALL: Final = frozenset({Carrier.TOOL_CALL})


def _claims(content: Any) -> bool:  # noqa: ANN401 - any JSON value
    if not isinstance(content, dict):
        return False
    role = content.get("role")
    parts = content.get("parts")
    return (
        (role is None or (isinstance(role, str) and role in _ROLES))
        and isinstance(parts, list)
        and any(_is_part(part) for part in parts)
    )


def _is_part(part: object) -> bool:
    return isinstance(part, dict) and "type" not in part and not _DATA.keys().isdisjoint(part)


def _claims_with_id(content: Any) -> bool:  # noqa: ANN401 - any JSON value
    return _claims(content) and any(
        bool(value.get("id"))
        for part in content["parts"]
        if isinstance(part, dict)
        for key, value in part.items()
        if _DATA.get(key) in ("call", "result") and isinstance(value, dict)
    )


def _read(contents: Sequence[Any]) -> Transcript:
    entries = [_read_content(index, each) for index, each in enumerate(contents)]
    pair_by_order(entries, names_count=True)
    return Transcript(entries)


def _read_content(index: int, content: object) -> Entry:
    where = f"message {index}"
    if isinstance(content, str):
        entry = new_entry(index, Role.HUMAN, content)
        add_text(entry, content)
        return entry
    fields = object_at(content, where)
    if "parts" not in fields and _is_part(fields):
        fields = {"parts": [fields]}
    given = fields.get("role")
    role = _ROLES.get(given or "") if given is None or isinstance(given, str) else None
    if role is None:
        text = word_or_type(given)
        msg = f"{where}: a role that Gemini's contents do not have, {text}"
        raise NotUnderstoodError(msg)
    known_keys(fields, ("parts",), where)
    parts = fields.get("parts")
    if isinstance(parts, dict):
        parts = [parts]
    elif parts is None:
        if "content" in fields:
            msg = f"{where}: {keys_text(['content'])} where Gemini's contents have parts"
            raise NotUnderstoodError(msg)
        parts = []
    parts = list_at(parts, f"{where}: parts")
    entry = new_entry(index, role, parts)
    for place, part in enumerate(parts):
        _read_part(entry, part, f"{where}: parts[{place}]")
    if entry.results and not entry.has_text and role is Role.HUMAN:
        entry.role = Role.TOOL
    return entry


def _read_part(entry: Entry, part: object, where: str) -> None:
    if isinstance(part, str):
        add_text(entry, part)
        return
    fields = object_at(part, where)
    known_keys(fields, _PART_KEYS, where)
    # Dumps write null, or an empty text, for what a part is not.
    given = [key for key, value in fields.items() if key in _DATA and value not in (None, "")]
    if len(given) > 1:
        msg = f"{where}: a part that is several things, with the {keys_text(given)}"
        raise NotUnderstoodError(msg)
    if not given:
        if not _ABOUT.isdisjoint(fields) or not _DATA.keys().isdisjoint(fields):
            return  # a stream ends with a signature alone
        msg = f"{where}: an unknown part with the {keys_text(fields)}"
        raise NotUnderstoodError(msg)
    key = given[0]
    kind = _DATA[key]
    if kind == "text":
        add_text(entry, fields[key])
    elif kind == "call":
        _read_call(entry, object_at(fields[key], f"{where}.{key}"), f"{where}.{key}")
    elif kind == "result":
        _read_result(entry, object_at(fields[key], f"{where}.{key}"), f"{where}.{key}")
    else:
        add_other(entry)


def _read_call(entry: Entry, call: dict[str, Any], where: str) -> None:
    if entry.role is not Role.AI:
        msg = f"{where}: a call in a content that is not the model's"
        raise NotUnderstoodError(msg)
    known_keys(call, _CALL_KEYS, where)
    call_id = id_at(call, "id", where)
    name = as_text(call.get("name")) or None
    add_call(entry, Call(entry.index, call_id or "", name, _CALL, null_id=not call_id))


def _read_result(entry: Entry, result: dict[str, Any], where: str) -> None:
    known_keys(result, _RESULT_KEYS, where)
    result_id = id_at(result, "id", where) or ""
    name = as_text(result.get("name")) or None
    carrier = Carrier.TOOL_RESULT_IN_AI if entry.role is Role.AI else Carrier.TOOL_MESSAGE
    response = result.get("response")
    said = next(iter(response.values()), None) if isinstance(response, dict) else None
    failed = isinstance(response, dict) and "error" in response
    status = "error" if failed else "success"
    sign = sign_of_result({"content": said, "status": status})
    own = made_up({"content": response, "status": status}, result_id)
    add_result(entry, Result(entry.index, result_id, name, carrier, sign, made_up=own))


_is_ai: Final = field_is("role", "model")


GEMINI_WITH_IDS: Final = Dialect("gemini", _claims_with_id, _read, _is_ai)
GEMINI: Final = Dialect("gemini", _claims, _read, _is_ai, has_ids=False)


def gemini_dialect(contents: Sequence[Any]) -> Dialect:
    """Return the dialect of contents that are known to be Gemini's."""
    return GEMINI_WITH_IDS if any(map(_claims_with_id, contents)) else GEMINI
