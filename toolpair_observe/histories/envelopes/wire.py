"""Which provider's body an object is, where the form around it does not tell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.dialect import keys_text
from toolpair_observe.histories.envelopes import (
    anthropic,
    cohere,
    converse,
    gemini,
    ollama,
    openai,
)
from toolpair_observe.histories.unit import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolpair_observe.histories.envelopes.body import Fields
    from toolpair_observe.histories.envelopes.envelope import Envelope
    from toolpair_observe.histories.outcome import Outcome
    from toolpair_observe.histories.unit import Row, Unit
    from toolpair_observe.pairing.providers.recorded import Origin

# The first that fits has the body.
BODIES: Final[tuple[Envelope, ...]] = (
    converse.BODY,
    anthropic.BODY,
    gemini.BODY,
    ollama.BODY,
    *cohere.ENVELOPES,
)
# An address that names the API tells which it is, whatever its keys are.
_BY_API: Final[Mapping[str, Envelope]] = {
    "cohere-v1": cohere.ENVELOPES[0],
    "converse": converse.BODY,
    "generate_content": gemini.BODY,
    "messages": anthropic.BODY,
    "ollama": ollama.BODY,
}
# APIs that say so little that the body itself has to tell.
_ANY_API: Final = frozenset({"", "invoke"})
# What models get that do not chat, told by a key of theirs.
_NO_CHAT: Final = {
    "inputImage": "embedding",
    "inputText": "text completion",
    "prompt": "text completion",
    "taskType": "image generation",
    "text_prompts": "image generation",
    "texts": "embedding",
}


def body_of(data: Fields) -> Envelope | None:
    """Return the form of a body, None where an object is none that is known by itself."""
    keys = data.keys()
    return next((body for body in BODIES if body.needs <= keys and body.fits(data)), None)


def read_body(
    row: Row,
    form: str,
    told: Origin,
    outcome: Outcome,
    **known: Any,  # noqa: ANN401 - fields of Unit, each with its own type
) -> Iterator[Unit]:
    """Read a body of any provider, whose surroundings tell more than it does.

    Args:
        row: The body.
        form: Name of the form around it.
        told: What the surroundings tell of who was asked.
        outcome: What they tell of the answer.
        **known: Further fields of the units.
    """
    body = body_of(row.data) if told.api in _ANY_API else _BY_API.get(told.api)
    if body is not None and not body.needs <= row.data.keys():
        body = None
    units = _read_other(row, form) if body is None else body.open().read(row)
    for unit in units:
        origin = replace(
            unit.origin,
            # An address tells more than the form of a body, which others take as well.
            provider=told.provider or ("" if "://" in told.url else unit.origin.provider),
            api=told.api or unit.origin.api,
            model=unit.origin.model or told.model,
            url=told.url,
        )
        answer = outcome if unit.status is Status.CHECKED else {}
        yield replace(unit, format=form, origin=origin, **answer, **known)


def _read_other(row: Row, form: str) -> Iterator[Unit]:
    data = row.data
    if "messages" in data:
        yield from openai.read_chat(row, form)
        return
    if "input" in data:
        yield from openai.read_responses(row, form)
        return
    what = next((what for key, what in _NO_CHAT.items() if key in data), None)
    if what is None:
        yield row.unreadable(form, f"no known form of body: an object with {keys_text(data)}")
    else:
        yield row.no_request(form, what)
