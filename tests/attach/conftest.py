"""Handlers whose counts can be read, and a process that nothing is attached to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.handler.conftest import _clean_process, make_handler  # noqa: F401 - fixtures
from toolpair_observe.attach import instrument as attachment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.handler.conftest import WatchedHandler


@pytest.fixture(autouse=True)
def _detached(_clean_process) -> Iterator[None]:  # noqa: F811 - it has to end after this
    yield
    attachment.uninstrument()
    assert attachment._slot._variable.get() is attachment._slot


@pytest.fixture
def strict(make_handler: Callable[..., WatchedHandler]) -> WatchedHandler:  # noqa: F811
    return make_handler("strict", feedback="off")


@pytest.fixture
def observing(make_handler: Callable[..., WatchedHandler]) -> WatchedHandler:  # noqa: F811
    return make_handler("observe", feedback="off")
