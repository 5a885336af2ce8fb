"""Bodies and answers of Bedrock's Converse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolpair_observe.histories.dialects.converse import CONVERSE, may_be_converse
from toolpair_observe.histories.dialects.resumed import resumed
from toolpair_observe.histories.envelopes.body import (
    Fields,
    is_body,
    not_a_request,
    object_at,
    read_messages,
    text_at,
)
from toolpair_observe.histories.envelopes.envelope import each_row
from toolpair_observe.pairing.providers.recorded import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.histories.unit import Row, Unit

BODY_FORM: Final = "converse.body"
_LOOKED_AT: Final = 3
_ANSWER: Final = "converse.answer"
_BODY_KEYS: Final = frozenset(
    {
        "additionalModelRequestFields",
        "additionalModelResponseFieldPaths",
        "inferenceConfig",
        "messages",
        "outputConfig",
        "promptVariables",
        "requestMetadata",
        "system",
        "toolConfig",
    }
)


def fits(data: Fields) -> bool:
    """Whether an object is a body of this API. Its blocks tell, which have no type."""
    messages = data["messages"]
    if not isinstance(messages, list) or not is_body(data):
        return False
    # Every message of such a body has blocks without a type. Beside a model's name they may be
    # somebody else's, as long as they only show and say.
    first = any(map(may_be_converse, messages[:_LOOKED_AT]))
    return first and ("model" not in data or any(map(CONVERSE.claims, messages)))


def read_body(row: Row, form: str = BODY_FORM) -> Iterator[Unit]:
    """Read a body. As it is sent it does not name the model, which stands in the URL."""
    data = row.data
    origin = Origin(
        # Nova takes messages of this form as the body of InvokeModel, too.
        api="invoke" if "schemaVersion" in data else "converse",
        model=text_at(data, "modelId"),
        # Messages of a stored prompt come first.
        server_state=bool(object_at(data, "promptVariables")),
        tools_bound=bool(object_at(data, "toolConfig").get("tools")),
    )
    dialect = resumed(CONVERSE) if origin.server_state else CONVERSE
    yield read_messages(row, form, "messages", dialect=dialect, origin=origin, known=_BODY_KEYS)


def _is_answer(data: Fields) -> bool:
    return isinstance(object_at(data, "output").get("message"), dict)


BODY: Final = each_row(BODY_FORM, fits, read_body, needs=("messages",))
ENVELOPES: Final = (
    each_row(
        _ANSWER, _is_answer, not_a_request(_ANSWER, "response"), needs=("output", "stopReason")
    ),
    BODY,
)
