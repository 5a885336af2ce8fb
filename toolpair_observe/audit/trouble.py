"""Why an audit could not go on."""

from __future__ import annotations

from toolpair_observe.errors import ToolPairError


class AuditError(ToolPairError):
    """An audit could not go on; the message says why, and holds no key and no content."""
