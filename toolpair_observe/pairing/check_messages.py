"""`check_messages`: the check for people who hold a list of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolpair_observe.pairing.check import check
from toolpair_observe.pairing.flags import check_flags
from toolpair_observe.pairing.inputs import as_messages
from toolpair_observe.pairing.providers.given import judge_given

if TYPE_CHECKING:
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessage
    from langchain_core.runnables import Runnable

    from toolpair_observe.pairing.providers.profile import Profile
    from toolpair_observe.pairing.report import PairingReport


def check_messages(  # noqa: PLR0913 - each keyword is a fact of its own
    messages: LanguageModelInput,
    profile: str | Profile | Runnable[LanguageModelInput, AIMessage] | None = None,
    *,
    tools_bound: bool | None = None,
    server_state: bool | None = None,
    resumes_response: bool | None = None,
    integration_version: str | None = None,
    model: str | None = None,
) -> PairingReport:
    """Check whether tool calls and tool results pair, and say what the provider will do.

    Args:
        messages: What LangChain takes as chat input: messages, `(role, content)` tuples, message
            dicts (also in OpenAI format), a `PromptValue`.
        profile: Who judges: the name of a profile, the file of a chat template or of a measured
            profile (`./toolpair-profile.toml`), a `Profile`, or a chat model, also with tools
            bound, which is judged as `model.invoke(messages)` would be (with fallbacks, the model
            that is asked first). None, `auto`, or a model that is not identified, is LangChain's
            contract, under which every violation's effect is `unknown`.
        tools_bound: Whether the request carries tool definitions. None takes it, like each of the
            following, from the model that is given as `profile`; without one it is True.
        server_state: Whether earlier turns may lie with the provider (`previous_response_id`,
            `conversation`); by default not.
        resumes_response: Whether only what follows the last response is sent
            (`use_previous_response_id`); by default not.
        integration_version: Version of the integration package (of `openrouter`, the client
            beneath it, for the profile of that name); by default the newest known.
        model: The model as requested.

    Returns:
        The report.

    Raises:
        TypeError: `messages` is not chat input, `profile` is nothing that can judge, or what is
            True or False is given as something else.
        ValueError: A message or the profile's name is not known, or its file can't be used; the
            text says which.
    """
    check_flags(
        tools_bound=tools_bound,
        server_state=server_state,
        resumes_response=resumes_response,
    )
    judge, told = judge_given(profile)
    facts = told.but(
        tools_bound=tools_bound,
        server_state=server_state,
        resumes_response=resumes_response,
        version=integration_version,
        model=model,
    )
    return check(as_messages(messages), judge, facts)
