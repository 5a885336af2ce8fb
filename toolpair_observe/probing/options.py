"""How an endpoint is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from toolpair_observe.errors import ProbeError
from toolpair_observe.pairing.shown import quoted


@dataclass(frozen=True, slots=True)
class Options:
    """How an endpoint is asked.

    Attributes:
        rate: Requests per minute at most; None for one after the other.
        repeat: How often each history is asked.
        timeout: The seconds after which a request is given up.
        deadline: The seconds after which no further request is sent.

    Raises:
        ProbeError: A number can't be that.
    """

    rate: float | None = None
    repeat: int = 2
    timeout: float = 60.0
    deadline: float = 3600.0

    def __post_init__(self) -> None:
        if not isinstance(self.repeat, int) or not 1 <= self.repeat <= 20:  # noqa: PLR2004
            msg = f"repeat is {quoted(self.repeat)}; expected a number from 1 to 20"
            raise ProbeError(msg)
        for name in ("rate", "timeout", "deadline"):
            value = getattr(self, name)
            if value is None and name == "rate":
                continue
            is_number = isinstance(value, int | float) and math.isfinite(value)
            if not is_number or not 0 < value <= 1_000_000:  # noqa: PLR2004
                msg = f"{name} is {quoted(value)}; expected a number above 0"
                raise ProbeError(msg)
