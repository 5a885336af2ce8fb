"""The ids of a checkpoint's tasks, as LangGraph makes them.

They are hashes of where a task stands. Where they can't be made (another version's rule, a node
with more triggers than are known without the graph), tasks are told by their paths and results.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from toolpair_observe.threads.stored import Stored

_PUSH: Final = "__pregel_push"
_PULL: Final = "__pregel_pull"


def push_id(head: Stored, node: str, place: int) -> str:
    """Return the id of the task that a packet makes, by its place among the packets."""
    return _id(head, node, _PUSH, str(place))


def pull_id(head: Stored, node: str, *triggers: str) -> str:
    """Return the id of the task of a node, by the channels that trigger it."""
    return _id(head, node, _PULL, *sorted(triggers))


def _id(head: Stored, node: str, *parts: str) -> str:
    from xxhash import xxh3_128_hexdigest  # noqa: PLC0415 - of the extra

    step = head.metadata.get("step")
    try:
        checkpoint = binascii.unhexlify(head.checkpoint_id.replace("-", ""))
    except ValueError:
        return ""
    if not isinstance(step, int):
        return ""
    namespace = f"{head.namespace}|{node}" if head.namespace else node
    named = "".join((namespace, str(step + 1), node, *parts)).encode("utf-8", "surrogatepass")
    digest = xxh3_128_hexdigest(checkpoint + named)
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))
