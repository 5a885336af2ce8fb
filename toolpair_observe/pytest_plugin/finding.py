"""The failures that are the plugin's own, and so nobody's expected ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.outcomes import Failed as _Failed
else:
    # The public name, which is no type to a type checker.
    _Failed = pytest.fail.Exception


class Finding(_Failed):
    """A failure that the plugin finds. No `xfail` of the test expects it.

    Args:
        text: What is wrong.
        headline: The same in one line.
    """

    def __init__(self, text: str, headline: str = "") -> None:
        self.headline = headline or text
        super().__init__(text, pytrace=False)
