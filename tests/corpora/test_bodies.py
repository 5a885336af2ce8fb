"""Captured bodies are judged by their provider's own rules, with the provider's verdict beside."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.corpora.bodies import read_body
from toolpair_observe import Effect
from toolpair_observe.pairing.closer_look import judge
from toolpair_observe.pairing.providers.recorded import Origin, target_of_row
from toolpair_observe.pairing.transcript import Transcript
from toolpair_observe.pairing.words import Role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from toolpair_observe.pairing.providers.identify import Target
    from toolpair_observe.pairing.transcript import Entry

FAILS = {Effect.REJECT, Effect.LOCAL_ERROR}
# The provider names another fault there, and it is one of pairing on the wire alone: content
# behind a call, and results that were split over several messages.
PAIRING_AFTER_ALL = {"pydantic/pydantic-ai/3a59790f2925#1", "issue/066"}
# A text between two calls, which the reader of a body joins to one turn as OpenAI does.
NOT_SEEN = {"pydantic/pydantic-ai/519c386375a4#0"}


@dataclass
class Judged:
    """A row of the corpora and what its requests are predicted to meet."""

    id: str
    kind: str | None
    is_accepted: bool
    profile: str
    effects: list[Effect] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.id}: {self.profile} says {Effect.worst(*self.effects)}"


def rows(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.jsonl.gz")):
        if path.name.startswith("issues__inferred"):
            continue
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                # Cohere's first API has a form of its own, and no profile.
                if row["meta"].get("format") != "cohere-v1":
                    yield row


def target_of(row: dict[str, Any]) -> Target:
    meta = row["meta"]
    origin = Origin(
        provider=row["provider"],
        api=meta.get("format") or "",
        model=meta.get("model") or "",
        url=meta.get("url") or "",
        server_state="server_state" in meta,
    )
    return target_of_row(origin, on_wire=True)


def requests(row: dict[str, Any]) -> Iterator[list[Entry]]:
    has_no_ids = row["meta"].get("ids_synthesised_in_langchain_form")
    form = row["meta"].get("format") or ""
    form = "ollama" if has_no_ids and form.startswith("agentdojo") else form
    entries = read_body(row["wire"], form).entries
    if not row["prefixes"]:
        yield entries
        return
    for end in range(1, len(entries)):
        if entries[end].role is Role.AI and entries[end - 1].role is not Role.AI:
            yield entries[:end]


@pytest.fixture(scope="module")
def judged(shared_dir: Path) -> list[Judged]:
    found = []
    for row in rows(shared_dir / "corpora"):
        target = target_of(row)
        one = Judged(row["id"], row.get("kind"), row["verdict"] == "accepted", target.profile.name)
        for entries in requests(row):
            report = judge(Transcript(entries), target.profile, target.facts)
            one.effects.append(report.effect)
        found.append(one)
    return found


def test_no_accepted_body_is_predicted_to_fail(judged):
    accepted = [one for one in judged if one.is_accepted]
    assert sum(len(one.effects) for one in accepted)
    assert [str(one) for one in accepted if FAILS.intersection(one.effects)] == []


def test_nothing_is_lost_on_the_wire(judged):
    assert [str(one) for one in judged if Effect.SILENT_LOSS in one.effects] == []


def test_what_a_known_provider_accepted_is_no_near_miss(judged):
    known = [one for one in judged if one.profile not in {"contract", "openai-compatible"}]
    wrong = [
        str(one)
        for one in known
        if one.is_accepted and any(effect.is_near_miss for effect in one.effects)
    ]
    assert wrong == []


def test_bodies_refused_for_their_pairing_are_caught(judged):
    refused = [one for one in judged if one.kind not in {None, "other"}]
    missed = {one.id for one in refused if not any(effect.is_near_miss for effect in one.effects)}
    assert refused
    assert missed == NOT_SEEN


def test_bodies_refused_for_another_reason_are_not_flagged(judged):
    others = [one for one in judged if one.kind == "other"]
    flagged = {one.id for one in others if any(e.is_near_miss for e in one.effects)}
    assert others
    assert flagged == PAIRING_AFTER_ALL
