"""The chat-model integrations that are installed, and the profiles that judge their requests."""

from __future__ import annotations

import re
from importlib import metadata
from typing import TYPE_CHECKING, Final

from toolpair_observe.diagnosis.findings import Finding, note, ok
from toolpair_observe.diagnosis.tried import installed
from toolpair_observe.diagnosis.versions import too_new
from toolpair_observe.pairing.facts import Facts
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.table import PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from toolpair_observe.diagnosis.subject import Subject
    from toolpair_observe.pairing.providers.profile import Profile, Row

AREA: Final = "integrations"
_OWN_CHAT_MODELS: Final = re.compile(r"langchain_\w+/chat_models?(?:\.py|/)")
# What they hold are copies of the other integrations.
_COLLECTIONS: Final = frozenset({"langchain-classic", "langchain-community"})


def look(_: Subject) -> Iterator[Finding]:
    """Look at each integration that is installed."""
    packages = list(dict.fromkeys(p.package for p in PROFILES.values() if p is not CONTRACT))
    known = [(package, version) for package in packages if (version := installed(package))]
    for package, version in known:
        yield from _integration(package, version)
    others = list(_without_profile(packages))
    yield from others
    if not known and not others:
        fix = "install the integration of your provider, such as langchain-openai, where it is used"
        yield note(AREA, "no chat-model integration is installed here", fix)


def _integration(package: str, version: str) -> Iterator[Finding]:
    profiles = [profile for profile in PROFILES.values() if profile.package == package]
    clients = {p.client: found for p in profiles if p.client and (found := installed(p.client))}
    named = [f"{package} {version}", *(f"{name} {found}" for name, found in clients.items())]
    judged = ", ".join(_judged(profile, version) for profile in profiles)
    news = [too_new(AREA, name, found) for name, found in {package: version, **clients}.items()]
    yield ok(AREA, f"{' with '.join(named)}: {judged}")
    yield from (finding for finding in news if finding is not None)


def _judged(profile: Profile, version: str) -> str:
    told = installed(profile.client) if profile.client else version
    words = words_of(row_of(profile, Facts(version=told)))
    return f"{profile.name} {words}".rstrip()


def row_of(profile: Profile, facts: Facts) -> Row | None:
    """Return the row that holds for a version and a model, or None where none does."""
    return next((row for row in profile.rows if row.holds(facts)), None)


def words_of(row: Row | None) -> str:
    """Say for what a row holds; `""` for none."""
    if row is None:
        return ""
    versions = f"versions before {row.before}" if row.before else ""
    models = "models of this name" if row.models else ""
    return f"(its rules for {' and '.join(filter(None, (versions, models)))})"


def _without_profile(known: Iterable[str]) -> Iterator[Finding]:
    for distribution in metadata.distributions():
        name = (distribution.metadata["Name"] or "").lower().replace("_", "-")
        if not name.startswith("langchain-") or name in {*known, *_COLLECTIONS, CONTRACT.package}:
            continue
        if any(_OWN_CHAT_MODELS.match(str(path)) for path in distribution.files or ()):
            text = f"{name} {distribution.version} has no profile: LangChain's contract judges it"
            yield note(AREA, text, "set profile= if its API is one that has a profile")
