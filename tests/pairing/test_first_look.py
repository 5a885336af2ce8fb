"""What the first look may pass follows from a profile's rules, steps and carriers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from toolpair_observe.pairing.first_look import Plain, plain_call_ids
from toolpair_observe.pairing.providers.anthropic import drop_blank_ais
from toolpair_observe.pairing.providers.google import (
    match_names_alone,
    match_names_in_order,
    regroup_by_id,
)
from toolpair_observe.pairing.providers.ollama import match_positions
from toolpair_observe.pairing.providers.openai import drop_repeated_calls
from toolpair_observe.pairing.providers.profile import Grade, Rule
from toolpair_observe.pairing.providers.steps import merge_users, refuse_blocks
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.words import Carrier, Case, Effect

LAX = replace(PROFILES["openai-chat"], rules={}, steps=(), id_max=None)
REFUSED = Rule(Effect.REJECT, Grade.EXECUTED, "a test")
UNSETTLED = Rule(Effect.UNKNOWN, Grade.INFERRED, "a test")

# What is added to a profile that minds nothing, and what the first look then minds.
ADDED = {
    "positions": ({"steps": (match_positions,)}, {"in_order"}),
    "names": ({"steps": (match_names_in_order,)}, {"by_tool"}),
    "names alone": ({"steps": (match_names_alone,)}, set()),
    "regrouping": ({"steps": (regroup_by_id,)}, {"unique_ids"}),
    "repeated calls": ({"steps": (drop_repeated_calls,)}, {"unique_ids"}),
    "pairing anywhere": ({"pairs_anywhere": True}, {"unique_ids"}),
    "reused ids": ({"rules": {Case.REUSED_CALL_ID: REFUSED}}, {"unique_ids"}),
    "call blocks": ({"steps": (refuse_blocks("", Carrier.TOOL_USE),)}, {"refused_blocks"}),
    "other blocks": ({"steps": (refuse_blocks("", Carrier.RESPONSES_ITEM),)}, set()),
    "raw calls": (
        {"calls": frozenset({Carrier.RAW_CALL})},
        {"calls_as_raw", "valid_arguments"},
    ),
    "no bad calls": ({"calls": frozenset({Carrier.TOOL_CALL})}, {"valid_arguments"}),
    "bad arguments": ({"rules": {Case.BAD_ARGUMENTS: REFUSED}}, {"valid_arguments"}),
    "other tools": ({"rules": {Case.RESULT_OF_OTHER_TOOL: REFUSED}}, {"same_tool"}),
    "a human": ({"rules": {Case.HUMAN_AFTER_TOOL: REFUSED}}, {"no_human_after_result"}),
    "a system": ({"rules": {Case.SYSTEM_AFTER_TOOL: REFUSED}}, {"no_system_after_result"}),
    "a call first": ({"rules": {Case.CALL_FIRST: REFUSED}}, {"human_first"}),
    "nothing shown": ({"rules": dict.fromkeys(Case, UNSETTLED)}, set()),
    "long ids": ({"id_max": 40}, {"id_max"}),
    "characters": ({"id_pattern": "a-z"}, {"id_pattern"}),
    "documented characters": ({"id_documented": "a-z"}, {"id_pattern"}),
    "steps that mind nothing": ({"steps": (merge_users, drop_blank_ais)}, set()),
    "several": (
        {"steps": (match_positions, regroup_by_id), "rules": {Case.CALL_FIRST: REFUSED}},
        {"in_order", "unique_ids", "human_first"},
    ),
}


@pytest.mark.parametrize(("added", "minded"), ADDED.values(), ids=ADDED)
def test_what_is_added_to_a_profile_changes_the_first_look(added, minded):
    plain = replace(LAX, **added).plain
    assert plain is not None
    assert {name for name in Plain.__slots__ if getattr(plain, name)} == minded


@pytest.mark.parametrize(
    "unsent",
    [{"calls": frozenset({Carrier.TOOL_USE})}, {"results": frozenset({Carrier.CHAT_TOOL})}],
    ids=["calls", "results"],
)
def test_where_plain_calls_or_results_are_not_sent_nothing_is_plain(unsent):
    assert replace(LAX, **unsent).plain is None


@pytest.mark.parametrize("name", PROFILES)
def test_without_rules_demands_and_steps_a_profile_minds_what_its_carriers_and_ids_ask_for(name):
    profile = PROFILES[name]
    bare = replace(profile, rules={}, demands=(), steps=(), rows=())
    assert bare.plain is not None
    minded = {slot for slot in Plain.__slots__ if getattr(bare.plain, slot)}
    asked_for = {
        "id_max": profile.id_max,
        "id_pattern": profile.id_documented or profile.id_pattern,
        "unique_ids": profile.pairs_anywhere,
        "calls_as_raw": Carrier.TOOL_CALL not in profile.calls,
        "valid_arguments": Carrier.INVALID_TOOL_CALL not in profile.calls,
    }
    assert minded == {slot for slot, asked in asked_for.items() if asked}


BLOCKS = {
    Carrier.TOOL_USE: {"type": "tool_use", "id": "a"},
    Carrier.STANDARD_BLOCK: {"type": "tool_call", "id": "a"},
    Carrier.V1_BLOCK: {"type": "tool_call", "id": "a"},
    Carrier.FUNCTION_CALL_BLOCK: {"type": "function_call", "call_id": "a"},
}


@pytest.mark.parametrize("refused", BLOCKS)
def test_only_the_blocks_that_an_integration_refuses_need_a_closer_look(refused):
    plain = replace(LAX, steps=(refuse_blocks("", refused),)).plain
    calls = [{"name": "look", "args": {}, "id": "a"}]
    result = ToolMessage("11", tool_call_id="a")
    for block in BLOCKS.values():
        made = AIMessage([block], tool_calls=calls)
        ids = plain_call_ids([HumanMessage("Look."), made, result], plain)
        assert ids == (None if block == BLOCKS[refused] else ["a"])


class Aside(AIMessage):
    """A message class of the application's own, of a known type."""


def test_a_message_of_another_class_is_taken_for_what_its_type_says():
    made = Aside("", tool_calls=[{"name": "look", "args": {}, "id": "a"}])
    result = ToolMessage("11", tool_call_id="a")
    assert plain_call_ids([HumanMessage("Look."), made, result], Plain()) == ["a"]
