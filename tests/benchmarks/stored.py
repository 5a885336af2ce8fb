"""What reading a file of stored rows costs beside parsing it alone: a share within one run.

The rows are JSON Lines of a policy and then turns of about the length of those that a shop's agent
has: messages of OpenAI, and trajectories that hold them in the form of LangChain as well. All of it
is measured, from the file to the verdicts.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.benchmarks import budgets
from tests.benchmarks.clock import side_by_side
from tests.benchmarks.table import note, show
from toolpair_observe.histories import DEFAULT_LIMITS, read_units
from toolpair_observe.histories.containers import key_marks, parsing
from toolpair_observe.histories.containers.parsing import fastest
from toolpair_observe.histories.judging import judge_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    FastParser = Callable[[bytes], Any]

TURNS = 7
POLICY = "Look up what the customer asks for before anything is changed, and ask before it is. "
TEXT = "The order was placed on Monday and has left the warehouse; it arrives within three days. "
ARGUMENTS = json.dumps({"order_id": "#W2378156", "item_ids": ["1151293680", "4983901480"]})
CUT = "\u2026"
BROKEN_EVERY = 8
ROWS = 400


def _messages(turns: int, policy: int) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": POLICY * policy}]
    for number in range(turns):
        call_id = f"call_{number:024d}"
        function = {"name": "get_order_details", "arguments": ARGUMENTS}
        call = {"id": call_id, "type": "function", "function": function}
        messages += [
            {"role": "user", "content": TEXT * 2},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call_id, "name": "f", "content": TEXT * 2 + CUT},
            {"role": "assistant", "content": TEXT},
        ]
    return messages


def _flat(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message as LangChain has it."""
    kinds = {"assistant": "ai", "user": "human"}
    flat = {
        "type": kinds.get(message["role"], message["role"]),
        "content": message["content"] or "",
    }
    if "tool_call_id" in message:
        return flat | {"tool_call_id": message["tool_call_id"], "name": message["name"]}
    if message["role"] == "assistant":
        calls = message.get("tool_calls", ())
        flat["tool_calls"] = [
            {"name": "get_order_details", "args": json.loads(ARGUMENTS), "id": call["id"]}
            for call in calls
        ]
    return flat


def _long_rows(messages: list[dict[str, Any]]) -> dict[str, Any]:
    policy = {"role": "system", "content": POLICY * 105}
    return {"messages": [policy, *messages[1:]]}


def _trajectories(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "shop#0",
        "provider": "openai",
        "wire": messages,
        "verdict": "accepted",
        "prefixes": True,
        "langchain": list(map(_flat, messages)),
        "meta": {"format": "openai-chat", "model": "gpt-4o"},
    }


FORMS: Mapping[str, Callable[[list[dict[str, Any]]], dict[str, Any]]] = {
    "short": lambda messages: {"messages": messages},
    "long": _long_rows,
    "trajectories": _trajectories,
}

ROWS_ARE = {
    "short": "short rows",
    "long": "rows with a long policy",
    "trajectories": "trajectories",
}
"""What the rows of each form are, in words."""


def write(path: Path, form: str, broken_every: int = 0, number: int = ROWS) -> None:
    """Write a file of rows; of each so many one has lost a result."""
    messages = _messages(TURNS, 3)
    results = [place for place, each in enumerate(messages) if each["role"] == "tool"]
    lost = [each for place, each in enumerate(messages) if place != results[TURNS // 2]]
    sound, broken = (json.dumps(FORMS[form](each)) for each in (messages, lost))
    with path.open("w") as file:
        for place in range(number):
            is_broken = broken_every and place % broken_every == 0
            file.write((broken if is_broken else sound) + "\n")


def parsers() -> Mapping[str, FastParser | None]:
    """The parsers that are installed; None stands for Python's own."""
    return {"orjson": fast, "json": None} if (fast := fastest()) else {"json": None}


def parse(path: Path, loads: Callable[[bytes], Any]) -> int:
    """Parse the lines and do nothing else."""
    with path.open("rb") as lines:
        return sum(1 for line in lines if loads(line) is not None)


def check(path: Path) -> int:
    """Read and judge the file, and return how many requests are near misses."""
    near_misses = 0
    for unit in read_units(str(path)):
        near_misses += judge_unit(unit, DEFAULT_LIMITS).effect.is_near_miss
    return near_misses


@contextmanager
def read_by(parser: FastParser | None) -> Iterator[None]:
    """Have files read by this parser alone."""
    kept = parsing.fast_parser, key_marks.colons_of
    parsing.fast_parser = parser
    key_marks.colons_of = key_marks.counter() if parser else key_marks.colons_walked
    try:
        yield
    finally:
        parsing.fast_parser, key_marks.colons_of = kept


class Speed(NamedTuple):
    """How fast a file is read and judged."""

    share: float
    """Of the speed of the parser alone."""
    mb_per_second: float


def speed_of(path: Path, parser: FastParser | None, *, rounds: int, seconds: float) -> Speed:
    """Return how fast the rows of a file are read and judged with a parser."""
    alone = partial(parse, path, parser or json.loads)
    with read_by(parser):
        times = side_by_side(
            {"alone": alone, "checked": partial(check, path)}, rounds=rounds, seconds=seconds
        )
    size = path.stat().st_size
    return Speed(times["alone"] / times["checked"], size / times["checked"])


def run(*, rounds: int = 7, seconds: float = 0.2, number: int = ROWS) -> None:
    """Print the table."""
    found: dict[tuple[str, str, str], Speed] = {}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        for form, every in product(FORMS, (0, BROKEN_EVERY)):
            write(path, form, every, number)
            kind = f"one of {every} broken" if every else "sound"
            for name, parser in parsers().items():
                found[name, form, kind] = speed_of(path, parser, rounds=rounds, seconds=seconds)
    show(
        "Stored rows, share of the parser alone",
        ("parser", "form", "rows", "share", "MB/s"),
        [
            (*names, f"{each.share:.2f}", f"{each.mb_per_second:.0f}")
            for names, each in found.items()
        ],
    )
    least = ", ".join(f"{each.limit} beside {name}" for name, each in budgets.STORED_SHARE.items())
    broken = budgets.BROKEN_STORED_SHARE.limit
    note(f"Budget: at least {least}, and {broken} beside orjson where rows are broken.")
