"""Read histories in the corpora format and build LangChain's messages from them."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MESSAGE_CLASSES: dict[str, type[BaseMessage]] = {
    "ai": AIMessage,
    "chat": ChatMessage,
    "function": FunctionMessage,
    "human": HumanMessage,
    "system": SystemMessage,
    "tool": ToolMessage,
}
PAIRING_KINDS = frozenset({"missing", "orphan", "duplicate", "mismatched", "misplaced"})


@dataclass(frozen=True, slots=True)
class Row:
    """One history of a corpora file, with what became of it."""

    file: str
    id: str
    provider: str
    accepted: bool
    kind: str | None
    prefixes: bool
    messages: tuple[BaseMessage, ...]
    meta: dict[str, Any]

    @property
    def breaks_pairing(self) -> bool:
        """Whether the provider refused it because calls and results did not pair."""
        return self.kind in PAIRING_KINDS

    @property
    def is_weak(self) -> bool:
        """Whether the history was inferred from an error text alone."""
        return self.file.startswith("issues__inferred")

    def requests(self) -> Iterator[list[BaseMessage]]:
        """Yield the requests that the row stands for.

        A trajectory stands for one request per turn of the model: the messages that precede
        each run of AI messages.
        """
        if not self.prefixes:
            yield list(self.messages)
            return
        before: BaseMessage | None = None
        for position, message in enumerate(self.messages):
            if message.type == "ai" and before is not None and before.type != "ai":
                yield list(self.messages[:position])
            before = message


def read_rows(folder: Path) -> Iterator[Row]:
    """Yield every row of the folder's `.jsonl` and `.jsonl.gz` files, in order of their names."""
    for path in sorted(folder.glob("*.jsonl*")):
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield _row(path.name.split(".")[0], json.loads(line))


def _row(file: str, raw: dict[str, Any]) -> Row:
    return Row(
        file=file,
        id=raw["id"],
        provider=raw["provider"],
        accepted=raw["verdict"] == "accepted",
        kind=raw.get("kind"),
        prefixes=raw["prefixes"],
        messages=tuple(_message(**message) for message in raw["langchain"]),
        meta=raw["meta"],
    )


def _message(*, type: str, **rest: Any) -> BaseMessage:  # noqa: A002 - the format's own key
    if type == "tool" and rest.get("tool_call_id") is None:
        rest["tool_call_id"] = ""
    return MESSAGE_CLASSES[type](**rest)
