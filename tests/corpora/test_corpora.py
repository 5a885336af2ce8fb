"""Accepted histories are never called broken; refused ones are, with the right kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpora.histories import read_rows
from tests.corpora.profiles import CONTRACT, UNKNOWN_SERVERS, openai_or_contract, own_profile
from tests.corpora.tally import Tally, tally
from toolpair_observe import Effect

SAMPLE = Path(__file__).parents[1] / "data"
FLAGGED_BY_CONTRACT = 2.5 / 1000
CONVERSE = {"bedrock-converse", "bedrock-converse-other"}
MANY = 5_000


MAPPINGS = {"contract": openai_or_contract, "own": own_profile}


@pytest.fixture(
    scope="module",
    params=[(source, mapping) for source in ("sample", "shared") for mapping in MAPPINGS],
    ids="-".join,
)
def tallies(request: pytest.FixtureRequest) -> list[Tally]:
    source, mapping = request.param
    folder = SAMPLE
    if source == "shared":
        folder = request.getfixturevalue("shared_dir") / "corpora"
    rows = (row for row in read_rows(folder) if not row.is_weak)
    judged = tally(rows, MAPPINGS[mapping])
    assert judged, f"no history in {folder}"
    return judged


def test_no_accepted_request_is_predicted_to_fail(tallies):
    wrong = [str(miss) for one in tallies for miss in one.false_alarms]
    assert wrong == []


def test_accepted_requests_are_clean_under_their_own_profile(tallies):
    own = [one for one in tallies if one.profile not in UNKNOWN_SERVERS]
    assert own
    # The provider took what the corpora's client sent; LangChain's integration may send less.
    wrong = [
        str(miss)
        for one in own
        for miss in (*one.flagged, *one.flagged_server_state)
        if miss.effect is not Effect.SILENT_LOSS
    ]
    assert wrong == []


def test_every_history_refused_for_its_pairing_is_caught(tallies):
    own = [one for one in tallies if one.profile not in UNKNOWN_SERVERS]
    missed = [str(miss) for one in own for miss in one.uncaught]
    assert sum(one.rejected_for_pairing for one in own)
    assert missed == []


def test_every_history_refused_for_its_pairing_is_named_right(tallies):
    own = [one for one in tallies if one.profile not in UNKNOWN_SERVERS]
    misnamed = [str(miss) for one in own for miss in one.misnamed]
    assert sum(one.named for one in own)
    assert misnamed == []


def test_a_refusal_for_another_reason_is_not_flagged(tallies):
    own = [one for one in tallies if one.profile not in UNKNOWN_SERVERS]
    wrong = [str(miss) for one in own for miss in one.strangers]
    assert sum(one.rejected_for_other_reasons for one in own)
    assert wrong == []


def test_the_contract_seldom_flags_what_a_laxer_provider_accepts(tallies):
    contract = [one for one in tallies if one.profile == CONTRACT]
    accepted = sum(one.accepted for one in contract)
    if accepted < MANY:
        pytest.skip("a share of so few requests says nothing")
    flagged = [str(miss) for one in contract for miss in one.flagged]
    assert len(flagged) <= accepted * FLAGGED_BY_CONTRACT, flagged


def test_what_bedrock_accepted_passes_whichever_model_it_was(shared_dir):
    # The rows have no model, and the profiles differ by it.
    rows = [row for row in read_rows(shared_dir / "corpora") if own_profile(row) in CONVERSE]
    judged = [one for profile in CONVERSE for one in tally(rows, lambda _, to=profile: to)]
    assert {one.profile for one in judged} == CONVERSE
    assert [str(miss) for one in judged for miss in one.false_alarms] == []
