"""The text of an audit."""

from __future__ import annotations

from tests.audit.samples import LOST, MISSING, SECRET, SOUND, judged, unit, unread
from toolpair_observe.audit.aggregate import Aggregate
from toolpair_observe.audit.options import AuditOptions, alternative
from toolpair_observe.audit.text import text_of
from toolpair_observe.audit.told import sentence, tell
from toolpair_observe.histories.unit import Recorded, Status


def text(*all_judged):
    aggregate = Aggregate(AuditOptions())
    aggregate.files = 1
    for each in all_judged:
        aggregate.add(each, "a.jsonl")
    return aggregate, text_of(tell(aggregate))


def test_the_sentence_is_the_first_line():
    aggregate, said = text(judged(unit(MISSING)), judged())
    assert said.splitlines()[0] == sentence(aggregate)


def test_what_is_said_of_each():
    _, said = text(
        judged(unit(MISSING, recorded=Recorded.REJECTED, at="2026-11-03T00:00:00", thread_id="t7")),
        judged(unit(SOUND, recorded=Recorded.REJECTED)),
        judged(unit(LOST, recorded=Recorded.ACCEPTED), "google-genai"),
        judged(unit(MISSING, recorded=Recorded.FAILED)),
        judged(unread("no messages")),
        judged(unread("tool run", Status.NOT_A_REQUEST)),
    )
    for words in (
        "checked 4 requests in 4 units of 1 source: 3 near misses\n",
        "  predicted: reject 2, silent_loss 1, clean 1\n",
        "  of those without an answer 1 ended in another error\n",
        "  silent losses: 1 request, of which 1 were answered from changed data\n",
        "  refused for their pairing though nothing was found: 1\n",
        "by provider\n",
        "by day\n",
        "  rejected for their pairing: 1 as predicted, 0 undecided, 1 not as predicted\n",
        "the worst threads\n",
        "  t7",
        "not a request: 1 (tool run 1)\n",
        "  1  no messages, first at a.jsonl:1",
    ):
        assert words in said
    assert SECRET not in said


def test_everybody_who_made_results_up_is_named():
    texts = [
        "Tool was interrupted.",
        "[Tool execution was interrupted]",
        "[Request interrupted by user]",
        "Task was interrupted before this tool call could be completed.",
    ]
    _, said = text(*(judged(unit((*SOUND[:2], {**SOUND[2], "content": each}))) for each in texts))
    by = "claude-code 1, cline 1, opencode 1, strands 1"
    assert f"  masked: 4 results that other software made up ({by}), 4 of them new, in 4" in said


def test_an_empty_audit_is_short():
    _, said = text()
    assert len(said.splitlines()) <= 5


def test_the_worst_stand_without_threads_by_their_place():
    _, said = text(judged(unit(MISSING, line=7, row="runs[3]")))
    assert "  a.jsonl:7 (runs[3]): reject: missing_result\n" in f"{said}\n"


def test_the_matrix():
    aggregate = Aggregate(AuditOptions())
    found = judged()
    aggregate.add_other(found, found, alternative("anthropic@1.2.0"))
    said = text_of(tell(aggregate))
    assert "the same traffic elsewhere" in said
    row = said.splitlines()[-1].split()
    assert row == ["openai-chat", "anthropic@1.2.0", *"100000000"]


def test_a_hostile_name_is_one_harmless_line():
    _, said = text(judged(unit(MISSING, row="\x1b[2J::error::", thread_id="a\nb\u202e")))
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "a\\nb\\u202e" in said
