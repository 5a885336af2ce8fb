"""A release of an integration that changes what it sends has to be noticed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .recorders import INTEGRATIONS
from .snapshots import difference

if TYPE_CHECKING:
    from collections.abc import Callable

    from .recorders import Recorder


@pytest.mark.parametrize("name", INTEGRATIONS)
def test_integration_still_does_what_was_observed(
    name: str, recorder_of: Callable[[str], Recorder]
):
    changes = difference(recorder_of(name))
    assert not changes, (
        f"{INTEGRATIONS[name]} treats histories differently from what the profiles were built on.\n"
        f"{changes}"
    )
