"""The histories that templates are told apart by, written short, and their messages.

H human, S system, A AI text, A(x) AI message with call x, x! arguments that are not JSON, - no id,
T(x) result for x. `c` is an id as OpenAI makes it, `l` one of 41 and `v` one of 65 letters, `p` one
with a dot and a colon, `s` one of seven letters; all others have nine.
"""

from __future__ import annotations

import re

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

HISTORIES = {
    "sound/one": "H A(x) T(x)",
    "sound/two": "H A(x,y) T(x) T(y)",
    "sound/closed": "S H A(x) T(x) A H",
    "sound/loop": "H A(x) T(x) A(y) T(y)",
    "sound/again": "H A(x) T(x) A H A(y) T(y)",
    "sound/text_and_call": "H A(x) T(x)",
    "sound/plain": "H A H",
    "beyond/human_after_tool": "H A(x) T(x) H",
    "beyond/system_after_tool": "H A(x) T(x) S",
    "beyond/order": "H A(x,y) T(y) T(x)",
    "beyond/reused": "H A(x) T(x) A H A(x) T(x)",
    "beyond/call_first": "A(x) T(x)",
    "id/call_24": "H A(c) T(c)",
    "id/41": "H A(l) T(l)",
    "id/65": "H A(v) T(v)",
    "id/chars": "H A(p) T(p)",
    "missing/all_human": "H A(x) H",
    "missing/all_ai": "H A(x) A H",
    "missing/all_two": "H A(x,y) H",
    "missing/all_calls": "H A(x) A(y) T(y)",
    "missing/some": "H A(x,y) T(x) H",
    "missing/some_ai": "H A(x,y) T(y) A H",
    "missing/some_end": "H A(x,y) T(x)",
    "missing/end": "H A(x)",
    "orphan/start": "T(z) H",
    "orphan/start_then_sound": "T(z) A H A(x) T(x)",
    "orphan/first_system": "S T(z) H",
    "orphan/human": "H T(z)",
    "orphan/human_late": "H A(x) T(x) A H T(z) A H",
    "orphan/ai": "H A T(z) H",
    "orphan/among": "H A(x) T(x) T(z)",
    "duplicate/same": "H A(x) T(x) T(x)",
    "duplicate/later": "H A(x) T(x) A H T(x)",
    "mismatch/one": "H A(x) T(z)",
    "mismatch/of_two": "H A(x,y) T(x) T(z)",
    "mismatch/no_id": "H A(x) T(-)",
    "misplaced/human": "H A(x) H T(x)",
    "misplaced/system": "H A(x) S T(x)",
    "misplaced/ai": "H A(x) A T(x)",
    "misplaced/late": "H A(x) H A H T(x)",
    "misplaced/early": "H T(x) A(x) H",
    "callid/twice": "H A(x,x) T(x) T(x)",
    "callid/twice_one": "H A(x,x) T(x)",
    "noid/call": "H A(-) T(-)",
    "noid/result": "H A(x) T(x) T(-)",
    "args/not_json": "H A(x!) T(x)",
    "mix/two_ai": "H A(x) A(y) T(x) T(y)",
    "mix/two_ai_one": "H A(x) A(y) T(x)",
    "mix/dup_next_block": "H A(x) T(x) A(y) T(x) T(y)",
    "mix/orphan_human_open": "H A(x) T(x) H T(z) A H",
    "mix/late_next_block": "H A(x) H A(y) T(x) T(y)",
    "mix/late_then_human": "H A(x) H A T(x) H",
    "mix/orphan_between_humans": "H T(z) H",
    "mix/only_tool": "T(z)",
    "mix/ai_first": "A H",
    "mix/two_humans": "H H",
    "mix/system_then_human": "H A S H",
    "mix/missing_then_system": "H A(x) S H",
    "mix/id_7": "H A(s) T(s)",
    "mix/id_missing_unanswered": "H A(-) A H",
}
SOUND = [name for name in HISTORIES if name.startswith("sound/")]
IDS = {
    "c": "call_a1B2c3D4e5F6a1B2c3D4",
    "l": "a" * 41,
    "v": "b" * 65,
    "p": "call:1.2",
    "s": "a1b2c3d",
}
SECRET = "SECRET"


def id_of(letter: str) -> str:
    """The id that a letter stands for; none for `-`."""
    return "" if letter == "-" else IDS.get(letter, f"{letter}abcdef12")


def messages(history: str, tools: str = "look", content: str = "") -> list[BaseMessage]:
    """The messages of a history; `tools` name the calls of a message in turn."""
    return [_message(*part, tools.split(), content) for part in re.findall(_PART, history)]


_PART = r"([HSAT])(?:\(([^)]*)\))?"


def _message(speaker: str, ids: str, tools: list[str], content: str) -> BaseMessage:
    if speaker == "H":
        return HumanMessage(SECRET)
    if speaker == "S":
        return SystemMessage(SECRET)
    if speaker == "T":
        return ToolMessage(SECRET, tool_call_id=id_of(ids))
    calls, bad = [], []
    for number, letter in enumerate(filter(None, ids.split(","))):
        call = {"name": tools[number % len(tools)], "id": id_of(letter[0]) or None}
        if letter.endswith("!"):
            bad.append({**call, "args": f"{{{SECRET}", "error": None})
        else:
            calls.append({**call, "args": {"what": SECRET}})
    said = content if ids else SECRET
    return AIMessage(said, tool_calls=calls, invalid_tool_calls=bad)
