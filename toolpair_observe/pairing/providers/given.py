"""What a caller gives as a profile: its name, the profile itself, or a chat model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolpair_observe.pairing.facts import NO_FACTS, Facts
from toolpair_observe.pairing.providers.by_name import is_auto, profile_named
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.profile import Profile
from toolpair_observe.pairing.shown import class_name, type_name

if TYPE_CHECKING:
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessage
    from langchain_core.runnables import Runnable


def judge_given(
    given: str | Profile | Runnable[LanguageModelInput, AIMessage] | None,
) -> tuple[Profile, Facts]:
    """Return who judges, and what is known of the request.

    Args:
        given: The name of a profile, or of a chat template's or measured profile's file; a profile;
            a chat model, which is identified and also tells the facts of its call; or None, or
            `auto`, for the contract.

    Raises:
        TypeError: It is none of these.
        ValueError: See `profile_named`.
        MissingExtraError: See `profile_named`.
    """
    if given is None or (isinstance(given, str) and is_auto(given)):
        return CONTRACT, NO_FACTS
    if isinstance(given, str):
        return profile_named(given), NO_FACTS
    if isinstance(given, Profile):
        return given, NO_FACTS
    # Imports all of langchain-core's models, which no name needs.
    from toolpair_observe.pairing.providers.models import target_of  # noqa: PLC0415

    target = target_of(given)
    if target is None:
        raise TypeError(_no_profile(given))
    return target.profile, target.facts


def _no_profile(given: object) -> str:
    what = f"an object of type {type_name(given)}"
    if isinstance(given, type):
        what = f"the class {class_name(given)}, not an instance of it"
    return (
        f"profile is {what}; expected the name of a profile, a Profile, or a chat model (of a "
        "chain, the model in it)"
    )
