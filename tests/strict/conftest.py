"""One rig for the whole folder: servers and instrumentors are dear, calls are cheap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.strict.rig import Rig, watched_by
from toolpair_observe import ToolPairHandler

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="package")
def rig() -> Iterator[Rig]:
    with Rig() as rig:
        yield rig


@pytest.fixture
def strict(rig: Rig) -> Iterator[ToolPairHandler]:
    """A handler that blocks, with a profile, because the loopback server is not OpenAI."""
    handler = ToolPairHandler(
        mode="strict",
        profile="openai-chat",
        feedback="off",
        tracer_provider=watched_by(rig.our_spans),
    )
    yield handler
    handler.close()
