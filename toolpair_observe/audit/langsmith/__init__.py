"""The runs of a LangSmith project as a source of an audit, and feedback on them."""

from __future__ import annotations

from typing import Final

SCHEME: Final = "langsmith:"
"""How a source begins that is a project."""
