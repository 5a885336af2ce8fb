"""Each way of attaching against each way of calling: one check, one block, nothing left open."""

from __future__ import annotations

import pytest

from tests.attach.attachments import EVERY_PAIR, send
from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN, SOUND
from tests.strict.siblings import AsyncSibling
from toolpair_observe import InvalidToolResultsError
from toolpair_observe.attach import runs

every_pair = pytest.mark.parametrize(
    ("attachment", "way"), EVERY_PAIR, ids=[f"{one.name}-{way.name}" for one, way in EVERY_PAIR]
)


@every_pair
async def test_a_sound_request_is_checked_once(attachment, way, strict):
    model, sibling = CountingModel(), AsyncSibling()
    with attachment.attached(strict) as callbacks:
        await send(way, attachment.model(model, strict), SOUND, [sibling, *callbacks])
    assert model.requests == way.sends
    assert strict.checks == way.sends
    assert strict.predictions == {("clean", "accepted"): way.sends}
    assert not strict.internal_errors
    assert strict.in_flight == 0
    assert sibling.started == way.sends
    assert not sibling.runs


@every_pair
async def test_a_broken_request_is_blocked_once_and_leaves_nothing_open(attachment, way, strict):
    model, sibling = CountingModel(), AsyncSibling()
    with attachment.attached(strict) as callbacks, pytest.raises(InvalidToolResultsError):
        await send(way, attachment.model(model, strict), BROKEN, [sibling, *callbacks])
    assert model.requests == 0
    assert strict.outcomes.total() == strict.checks
    assert set(strict.outcomes) <= {"blocked", "cancelled"}
    assert 1 <= strict.outcomes["blocked"] <= attempts(way)
    assert not strict.internal_errors
    assert strict.in_flight == 0
    assert not runs._open
    assert not sibling.runs


def attempts(way):
    """How often the broken history is sent at most."""
    if way.name.startswith(("fallbacks", "retry", "batch", "abatch", "graph")):
        return 2
    return 1
