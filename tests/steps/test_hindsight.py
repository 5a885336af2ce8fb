"""What a handler tells of the requests of real runs: what is new, since when, and by comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.steps.programs import BROKEN, RUNS, recording_of
from tests.steps.watching import judged
from toolpair_observe.attach import hindsight
from toolpair_observe.pairing.check import check
from toolpair_observe.steps.blamed import BlameChange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    from tests.steps.app import Program
    from toolpair_observe.pairing.report import PairingReport

# A result that is taken away before any request has it is, for all that requests tell, one that
# never came.
NEVER_SEEN = {BlameChange.NOT_APPENDED}
# Nothing comes before the first request of a conversation, and nothing tells the conversation of a
# request that shares no message with it and names no thread.
UNTOLD = {
    ("an_input_with_a_result_of_nothing", 0),
    ("an_input_with_an_open_call", 0),
    ("a_node_with_examples", 0),
    ("a_node_in_the_middle_of_three_graphs", 0),
    *(("a_chain_that_cuts", turns) for turns in (0, 1, 3)),
}


@pytest.mark.parametrize(("program", "sound_turns"), RUNS["broken"])
def test_each_breach_is_new_once(program: Program, sound_turns: int):
    records = judged(recording_of(program, sound_turns))
    bad = [each for each in records if not each.report.ok]

    assert bad[0].is_fresh is True
    fresh = [each.is_fresh for each in bad].count(True)
    assert program.truth.breaches in (None, fresh)
    assert all(each.is_fresh is None for each in records if each.report.ok)


@pytest.mark.parametrize("options", [{"blame": "off"}, {"blame": "requests"}, {"hash_ids": True}])
@pytest.mark.parametrize("name", ["a_thread_that_stays_broken", "one_of_two_tools_raises"])
def test_what_is_new_is_told_with_any_options(name: str, options: dict[str, Any]):
    records = judged(recording_of(BROKEN[name], 1), **options)

    fresh = [each.is_fresh for each in records if not each.report.ok]
    assert fresh == [True, *[False] * (len(fresh) - 1)]


def test_a_breach_is_traced_to_the_request_that_first_had_it():
    program = BROKEN["a_thread_that_stays_broken"]
    records = judged(recording_of(program, 1))
    sound, *bad = [each for each in records if not each.report.ok or each is records[2]]
    blames = [each.blame for each in bad]

    assert [each.is_fresh for each in bad] == [True, False, False]
    assert [b and b.requests_ago for b in blames] == [0, 1, 2]
    assert {b and b.since_run_id for b in blames} == {bad[0].run_id}
    assert {b and b.last_sound_run_id for b in blames} == {sound.run_id}
    # The later ones tell what the first one did, though their own steps no longer show it.
    assert {b and (b.step, b.change) for b in blames} == {
        ("BeforeModel.before_model", BlameChange.REMOVED)
    }


@pytest.mark.parametrize(("program", "sound_turns"), RUNS["broken"])
def test_requests_tell_what_was_done_to_a_history(program: Program, sound_turns: int):
    if (program.name, sound_turns) in UNTOLD or program.name.startswith("a_carried_history"):
        pytest.skip("there is nothing to compare with")
    recording = recording_of(program, sound_turns)
    records = judged(recording, blame="requests")
    blame = next(each.blame for each in records if not each.report.ok)

    assert blame is not None
    assert blame.step is None
    assert blame.change in {*program.truth.changes, *NEVER_SEEN}


@pytest.mark.parametrize("blame", ["off", "requests"])
def test_no_step_is_told_where_none_is_asked_for(blame: str):
    program = BROKEN["a_window_before_the_model"]
    blames = [each.blame for each in judged(recording_of(program, 1), blame=blame)]

    assert all(each is None or each.step is None for each in blames)
    assert any(blames) == (blame == "requests")


def test_a_near_miss_with_hashed_ids_is_checked_once_more_with_its_own(
    monkeypatch: pytest.MonkeyPatch,
):
    """No state has the hashes, and who carries a history himself names no thread."""
    checked: list[Sequence[BaseMessage]] = []

    def counted(messages: Sequence[BaseMessage], *rest: Any) -> PairingReport:
        checked.append(messages)
        return check(messages, *rest)

    monkeypatch.setattr(hindsight, "check", counted)
    recording = recording_of(BROKEN["a_carried_history_that_stays_broken"], 1)
    bad = [each for each in judged.__wrapped__(recording, hash_ids=True) if not each.report.ok]

    assert bad
    assert len({id(each) for each in checked}) == len(checked)
