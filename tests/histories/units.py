"""Units of live messages, for tests of what comes behind the reading."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from toolpair_observe.histories import ReadLimits
from toolpair_observe.histories.dialects.dialect import Dialect
from toolpair_observe.histories.judging import Judged, judge_unit
from toolpair_observe.histories.unit import Conversation, Layer, Unit
from toolpair_observe.pairing.providers.recorded import Origin
from toolpair_observe.pairing.reading import read_transcript

LIVE = Dialect(
    "live", lambda _: False, read_transcript, lambda message: isinstance(message, AIMessage)
)
USER = HumanMessage("hello")
RESULT = ToolMessage("18", tool_call_id="a")


def call(*ids: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": i} for i in ids])


CLEAN = (USER, call("a"), RESULT)
BROKEN = (USER, call("a", "b"), RESULT)


def unit(*lists: Any, provider: str = "", known: int = 0, **fields: Any) -> Unit:
    """Return a unit of one list of messages, or of several."""
    conversations = [Conversation(list(each), known if n else 0) for n, each in enumerate(lists)]
    fields = {"line": 1, "row": "", "format": "live", "layer": Layer.LANGCHAIN} | fields
    return Unit(
        conversations=tuple(conversations),
        dialect=LIVE,
        origin=Origin(provider=provider),
        **fields,
    )


def judged(*lists: Any, profile: Any = None, limits: Any = None, **fields: Any) -> Judged:
    return judge_unit(unit(*lists, **fields), limits or ReadLimits(), profile)
