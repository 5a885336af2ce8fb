"""The histories that an endpoint is asked with, written short, and their messages.

H human, S system, A AI text, A(x) AI message with call x, x! arguments that are not JSON, T(x)
result for x, - no id. A number is an id of so many letters and digits, `p` one of nine characters
with a colon and a dot, `d` one of nine with a dash and an underscore; all others have nine letters
and digits, which nobody refuses, so that a demand on ids does not hide the rest. Nothing in them is
the user's.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.messages import BaseMessage


@dataclass(frozen=True, slots=True)
class Probe:
    """A history that the endpoint is asked with.

    Attributes:
        name: Its name, such as `missing/all_human`.
        history: The history, in the short form of this module.
    """

    name: str
    history: str


_HISTORIES: Final = {
    "sound/one": "H A(x) T(x)",
    "sound/two": "H A(x,y) T(x) T(y)",
    "sound/closed": "S H A(x) T(x) A H",
    "sound/loop": "H A(x) T(x) A(y) T(y)",
    "sound/again": "H A(x) T(x) A H A(y) T(y)",
    "sound/plain": "H A H",
    "beyond/human_after_tool": "H A(x) T(x) H",
    "beyond/human_after_tools": "H A(x) T(x) A(y) T(y) H",
    "beyond/system_after_tool": "H A(x) T(x) S",
    "beyond/order": "H A(x,y) T(y) T(x)",
    "beyond/reused": "H A(x) T(x) A H A(x) T(x)",
    "beyond/call_first": "A(x) T(x)",
    "beyond/ai_last": "H A(x) T(x) A",
    "beyond/text_last": "H A",
    "beyond/no_human": "S A(x) T(x) A(y) T(y)",
    "beyond/two_systems": "S S H A(x) T(x)",
    "beyond/two_humans": "H H A(x) T(x)",
    "beyond/system_between": "H A(x) T(x) S H",
    "beyond/long": "H A(x,y) T(x) T(y) A(w) T(w) A H A(z) T(z)",
    "beyond/system_after_human": "H S A(x) T(x)",
    "id/7": "H A(7) T(7)",
    "id/10": "H A(10) T(10)",
    "id/24": "H A(24) T(24)",
    "id/40": "H A(40) T(40)",
    "id/41": "H A(41) T(41)",
    "id/64": "H A(64) T(64)",
    "id/65": "H A(65) T(65)",
    "id/characters": "H A(p) T(p)",
    "id/dashes": "H A(d) T(d)",
    "id/unanswered": "H A(7) A H",
    "id/of_result": "H A(x) T(7)",
    "id/of_call": "H A(7) T(x)",
    "missing/all_human": "H A(x) H",
    "missing/all_ai": "H A(x) A H",
    "missing/all_two": "H A(x,y) H",
    "missing/all_calls": "H A(x) A(y) T(y)",
    "missing/some": "H A(x,y) T(x) H",
    "missing/some_ai": "H A(x,y) T(y) A H",
    "missing/some_end": "H A(x,y) T(x)",
    "missing/end": "H A(x)",
    "missing/first": "A(x) A H",
    "missing/first_human": "A(x) H A",
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
    "mix/two_ai_texts": "H A A H",
    "mix/system_then_human": "H A S H",
    "mix/missing_then_system": "H A(x) S H",
    "mix/id_missing_unanswered": "H A(-) A H",
}
PROBES: Final = tuple(Probe(*each) for each in _HISTORIES.items())
"""What each endpoint is asked, the controls first."""

CONTROLS: Final = tuple(each for each in PROBES if each.name.startswith("sound/"))
"""Histories that everybody takes who takes tools; the first has one call and its result."""

_IDS: Final = {"p": "call:1.23", "d": "call-1_23"}
_LETTERS: Final = "Aa1Bb2Cc3Dd4Ee5Ff6Gg7Hh8"
_TOOL: Final = "look_up"
_WORDS: Final = ("river", "stone", "lamp", "cloud", "grain", "wheel", "paper", "salt")
_MESSAGE: Final = re.compile(r"([HSAT])(?:\(([^)]*)\))?")


def id_of(word: str) -> str:
    """Return the id that a word of the short form stands for; `""` for `-`."""
    if word == "-":
        return ""
    if word.isdecimal():
        return (_LETTERS * 3)[: int(word)]
    return _IDS.get(word, f"{word}Bb2Cc3Dd")


def messages_of(history: str, *, result_words: int = 4) -> list[BaseMessage]:
    """Return the messages of a history.

    Args:
        history: The history, in the short form.
        result_words: How many words each result has.
    """
    return [
        _message(speaker, ids, result_words, number)
        for number, (speaker, ids) in enumerate(_MESSAGE.findall(history))
    ]


def _message(speaker: str, ids: str, result_words: int, number: int) -> BaseMessage:
    from langchain_core.messages import (  # noqa: PLC0415 -- slow, and the names need none
        AIMessage,
        HumanMessage,
        SystemMessage,
        ToolMessage,
    )

    if speaker == "S":
        return SystemMessage("Answer in one word.")
    if speaker == "H":
        return HumanMessage("What is next? One word.")
    if speaker == "T":
        return ToolMessage(_words(result_words, number), tool_call_id=id_of(ids), name=_TOOL)
    if not ids:
        return AIMessage("Next is one.")
    calls: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    for word in ids.split(","):
        call = {"name": _TOOL, "id": id_of(word.rstrip("!")) or None, "type": "tool_call"}
        if word.endswith("!"):
            bad.append({**call, "type": "invalid_tool_call", "args": "{what", "error": None})
        else:
            calls.append({**call, "args": {"what": _words(1, len(calls))}})
    return AIMessage("", tool_calls=calls, invalid_tool_calls=bad)


def _words(count: int, number: int) -> str:
    return " ".join(_WORDS[(number + each) % len(_WORDS)] for each in range(count))


# --- Histories to tell explanations apart --------------------------------------------------------

# What a draw does not come by: a call alone, and ids that only calls or only results have.
_PARTICULAR: Final = ("A(x)", *(f"H A({c}) T({r})" for i in _IDS for c, r in ((i, "x"), ("x", i))))
_POOL_SIZE: Final = 900
_LONGEST: Final = 8
_ALPHABET: Final = (
    *("H", "H", "A", "A", "A(x)", "A(x)", "A(y)", "A(x,y)"),
    *("T(x)", "T(x)", "T(y)", "T(z)", "S", "T(-)"),
)


def further_probes() -> tuple[Probe, ...]:
    """Return histories to choose from where answers leave something open, the short ones first.

    They are the same each time.
    """
    asked = {each.history for each in PROBES}
    found = dict.fromkeys(each for each in (*_PARTICULAR, *_drawn()) if each not in asked)
    ordered = sorted(found, key=lambda history: history.count(" "))
    return tuple(Probe(f"further/{number}", each) for number, each in enumerate(ordered, 1))


def _drawn() -> Iterator[str]:
    draw = random.Random(17)  # noqa: S311 -- nothing is kept secret by it
    for _ in range(_POOL_SIZE):
        length = draw.randint(2, _LONGEST)
        yield " ".join(draw.choice(_ALPHABET) for _ in range(length))
