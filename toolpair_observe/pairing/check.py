"""The check: a first look, and where that does not tell a closer one, under a profile."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from toolpair_observe.pairing.facts import NO_FACTS, Facts
from toolpair_observe.pairing.first_look import plain_call_ids
from toolpair_observe.pairing.masked_content import may_be_made_up
from toolpair_observe.pairing.masked_find import new_results
from toolpair_observe.pairing.report import PairingReport
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.messages import BaseMessage

    from toolpair_observe.pairing.providers.profile import Profile


def check(
    messages: Sequence[BaseMessage],
    profile: Profile,
    facts: Facts = NO_FACTS,
    rename: Callable[[str], str] = str,
    *,
    only_fresh: bool = False,
) -> PairingReport:
    """Say what does not pair in `messages`, and what `profile` will do about it.

    Args:
        messages: The history, as it is given to the chat model.
        profile: Who will judge it.
        facts: What only a live call knows.
        rename: Returns what the report has in place of an id, such as its hash.
        only_fresh: Whether the history is looked through for results that other software made up
            only where the model sees one of them for the first time.

    Returns:
        The report. Time is linear in the messages.
    """
    if profile.rows:
        profile = profile.row(facts)
    if profile.plain is not None:
        suspects: list[dict[str, Any]] | None = None if only_fresh else []
        ids = plain_call_ids(messages, profile.plain, suspects)
        if ids is not None and not any(
            map(may_be_made_up, new_results(messages) if suspects is None else suspects)
        ):
            return _clean(profile.name, profile.base, len(messages), len(ids))
    # Most of this package and of langchain-core's messages, which no sound request needs.
    from toolpair_observe.pairing.closer_look import look_closer  # noqa: PLC0415

    return look_closer(messages, profile, facts, rename, only_fresh=only_fresh)


@lru_cache(maxsize=4096)
def _clean(profile: str, base: str, message_count: int, call_count: int) -> PairingReport:
    # Nothing distinguishes two clean reports of a size, and making one costs as much as a dozen
    # messages do.
    return PairingReport(
        profile, (), Effect.CLEAN, message_count, call_count, call_count, base=base
    )
