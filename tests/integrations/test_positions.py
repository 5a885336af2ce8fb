"""The positions in expected errors are those of the request that the client really sends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from toolpair_observe import check_messages

from .generate import generated
from .histories import messages_of, text_of, timeline
from .named import NAMED
from .recorders import INTEGRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .recorders import Recorder

PREDICTED = [name for name, one in INTEGRATIONS.items() if one.profile]
SEEDS = 60

MESSAGE = re.compile(r"messages\.(\d+)(?:\.content\.(\d+))?")
IN_LIST = re.compile(r"messages\[(\d+)\](?:\.tool_calls\[(\d+)\])?")


def blocks_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def ids_in(value: Any) -> set[str]:
    """Every id of a call or result in a piece of a request body."""
    if isinstance(value, list):
        return {found for one in value for found in ids_in(one)}
    if not isinstance(value, dict):
        return set()
    own = {
        value[key]
        for key in ("id", "tool_use_id", "tool_call_id", "toolUseId")
        if isinstance(value.get(key), str)
    }
    return own | {found for one in value.values() for found in ids_in(one)}


def wrong_places(text: str, body: dict[str, Any]) -> Iterator[str]:
    """Say for each position in an expected error why the request has something else there."""
    messages = body["messages"]
    for found in MESSAGE.finditer(text):
        index, block = int(found[1]), found[2]
        if "Expected toolResult blocks" in text:
            index -= 1  # it names the turn that should have answered
        if index >= len(messages):
            yield f"there is no message {index}"
            continue
        where: Any = messages[index]
        if block is not None:
            blocks = blocks_of(where)
            if int(block) >= len(blocks):
                yield f"message {index} has no block {block}"
                continue
            where = blocks[int(block)]
        known = ids_in(messages) - {"", "tool_use_id"}  # LiteLLM fills the id with its key
        named = {word for word in known if re.search(rf"\b{re.escape(word)}\b", text)}
        if named and not named <= ids_in(where):
            yield f"{sorted(named - ids_in(where))} do not stand there, but {sorted(ids_in(where))}"
    for found in IN_LIST.finditer(text):
        index, number = int(found[1]), found[2]
        if index >= len(messages) or not ids_in(messages[index]):
            yield f"message {index} has no call or result"
        elif number is not None and int(number) >= len(messages[index].get("tool_calls") or ()):
            yield f"message {index} has no call {number}"


@pytest.mark.parametrize("name", PREDICTED)
def test_expected_errors_name_the_places_of_the_request(
    name: str, recorder_of: Callable[[str], Recorder]
) -> None:
    recorder = recorder_of(name)
    integration = recorder.integration
    cases = {key: timeline(text) for key, text in NAMED.items()}
    cases |= {f"seed {seed}": generated(seed) for seed in range(SEEDS)}
    wrong = []
    for case, steps in cases.items():
        messages = messages_of(steps)
        report = check_messages(
            messages,
            profile=integration.profile,
            integration_version=integration.version,
            **integration.facts,
        )
        texts = {v.expected_error for v in report.violations}
        texts = {text for text in texts if MESSAGE.search(text) or IN_LIST.search(text)}
        body = recorder.send(messages).body if texts else None
        for text in texts if body and "messages" in body else ():
            wrong += [
                f"{case}, {text_of(steps)}: {text}\n    {problem}"
                for problem in wrong_places(text, body)
            ]
    assert not wrong, f"{len(wrong)} of {integration}:\n" + "\n".join(wrong[:40])
