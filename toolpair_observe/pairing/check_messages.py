"""`check_messages`: the check for people who hold a list of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.facts import Facts
from toolpair_observe.pairing.inputs import as_messages
from toolpair_observe.pairing.providers.table import as_profile

if TYPE_CHECKING:
    from langchain_core.language_models import LanguageModelInput

    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.report import PairingReport


def check_messages(  # noqa: PLR0913 - each keyword is a fact of its own
    messages: LanguageModelInput,
    profile: str | Profile | None = None,
    *,
    tools_bound: bool = True,
    server_state: bool = False,
    resumes_response: bool = False,
    integration_version: str | None = None,
    model: str | None = None,
) -> PairingReport:
    """Check whether tool calls and tool results pair, and say what the provider will do.

    Args:
        messages: What LangChain takes as chat input: messages, `(role, content)` tuples, message
            dicts (also in OpenAI format), a `PromptValue`.
        profile: Name of the profile that judges, or a `Profile`; None is LangChain's contract,
            under which every violation's effect is `unknown`.
        tools_bound: Whether the request carries tool definitions.
        server_state: Whether earlier turns may lie with the provider (`previous_response_id`,
            `conversation`).
        resumes_response: Whether only what follows the last response is sent
            (`use_previous_response_id`).
        integration_version: Version of the integration package (of `openrouter`, the client
            beneath it, for the profile of that name); None is the newest known.
        model: The model as requested.

    Returns:
        The report.

    Raises:
        TypeError: `messages` is not chat input.
        ValueError: A message or the profile's name is not known; the text says which.
    """
    facts = Facts(
        tools_bound=tools_bound,
        server_state=server_state,
        resumes_response=resumes_response,
        version=integration_version,
        model=model,
    )
    return check(as_messages(messages), as_profile(profile), facts)
