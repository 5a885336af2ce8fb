"""What a history does not tell of a request, and a live call does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Facts:
    """What only a live call knows.

    Attributes:
        tools_bound: Whether the request carries tool definitions.
        server_state: Whether earlier turns may lie with the provider (`previous_response_id`,
            `conversation`).
        resumes_response: Whether the integration sends only what follows the last response
            (`use_previous_response_id`).
        version: Version of the profile's `versioned` distribution; None stands for the newest.
        model: The model as requested.
    """

    tools_bound: bool = True
    server_state: bool = False
    resumes_response: bool = False
    version: str | None = None
    model: str | None = None

    def but(self, **given: Any) -> Facts:  # noqa: ANN401 -- each has its own type
        """Return the same with what a caller has given; None stands for not given."""
        told = {name: fact for name, fact in given.items() if fact is not None}
        return replace(self, **told) if told else self


NO_FACTS: Final = Facts()
