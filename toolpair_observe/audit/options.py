"""What an audit is asked: by which rules, under which settings of strict, and beside what else."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from toolpair_observe.hashed import KEY_VARIABLE, id_namer
from toolpair_observe.histories.limits import DEFAULT_LIMITS
from toolpair_observe.pairing.facts import Facts
from toolpair_observe.pairing.providers.bodies import on_wire as as_body
from toolpair_observe.pairing.providers.by_name import profile_named
from toolpair_observe.pairing.providers.identify import Target
from toolpair_observe.pairing.providers.profile import release_of
from toolpair_observe.pairing.shown import quoted
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolpair_observe.histories.limits import ReadLimits
    from toolpair_observe.pairing.providers.profile import Profile

BLOCK_ON: Final = frozenset({Effect.REJECT, Effect.LOCAL_ERROR})


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another provider, or another version of an integration, that the traffic is judged under.

    Attributes:
        label: How it was asked for, such as `bedrock-converse@1.4.0`.
        profile: Its profile.
        version: Version of the profile's distribution; None for the newest.
    """

    label: str
    profile: Profile
    version: str | None = None

    def target(self, own: Target, *, on_wire: bool) -> Target:
        """Return what a request of `own` is judged by there.

        A model is known to one provider only. Under another one the newest of its models is meant.

        Args:
            own: What it is judged by itself.
            on_wire: Whether it is a captured body.
        """
        profile = as_body(self.profile) if on_wire else self.profile
        stays = profile.name == own.profile.name
        facts = Facts(
            tools_bound=own.facts.tools_bound,
            server_state=stays and own.facts.server_state,
            resumes_response=stays and own.facts.resumes_response,
            version=self.version,
            model=own.facts.model if stays else None,
        )
        return Target(profile, facts, own.model, profile.provider, identified=True)


def alternative(text: str) -> Alternative:
    """Read `PROFILE` or `PROFILE@VERSION`.

    Raises:
        ValueError: There is no such profile, it is no version, or the file can't be used.
        MissingExtraError: The profile is a chat template's file, and Jinja is not installed.
    """
    name, has_version, version = (part.strip() for part in text.partition("@"))
    profile = profile_named(name)
    if not has_version:
        return Alternative(profile.name, profile)
    if not release_of(version):
        msg = f"{quoted(text)}: after the @ stands a version, such as {profile.name}@1.2.3"
        raise ValueError(msg)
    return Alternative(f"{profile.name}@{version}", profile, version)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions:
    """What every batch of an audit has to know. It can be pickled.

    Attributes:
        profile: What judges instead of whoever the row says was asked.
        alternatives: What every request is judged under as well.
        block_on: The setting of strict.
        block_unidentified: The setting of strict.
        hash_ids: Whether ids are hashed.
        hash_key: The key of the hashes, for processes that do not share this one's; `""` if they
            are not to be hashed.
        limits: How much of a file is read.
        wants_findings: Whether each violation is listed with its place, for SARIF and annotations.
    """

    profile: Profile | None = None
    alternatives: tuple[Alternative, ...] = ()
    block_on: frozenset[Effect] = BLOCK_ON
    block_unidentified: bool = True
    hash_ids: bool = False
    hash_key: str = field(default="", repr=False)
    limits: ReadLimits = DEFAULT_LIMITS
    wants_findings: bool = False

    @property
    def name_id(self) -> Callable[[str], str]:
        """What makes of an id what may be shown in its place."""
        return id_namer(hash_ids=self.hash_ids)

    def settle(self) -> None:
        """Have this process hash as the one that began the audit."""
        if self.hash_key:
            os.environ[KEY_VARIABLE] = self.hash_key
