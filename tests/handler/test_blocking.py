"""What strict mode stops, and how a request can have its own mode."""

from __future__ import annotations

import logging

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import InvalidToolResultsError, once


def is_blocked(handler, messages=BROKEN, **metadata):
    model = CountingModel()
    try:
        model.invoke(messages, {"callbacks": [handler], "metadata": metadata})
    except InvalidToolResultsError:
        assert model.requests == 0
        return True
    assert model.requests == 1
    return False


def test_a_predicted_reject_is_blocked(make_handler):
    assert is_blocked(make_handler("strict"))
    assert not is_blocked(make_handler("strict"), SOUND)


def test_only_the_effects_in_block_on_are_blocked(make_handler):
    assert not is_blocked(make_handler("strict", block_on=["local_error", "silent_loss"]))
    assert not is_blocked(make_handler("strict", block_on=[]))


def test_unknown_under_a_named_profile_is_not_blocked_by_default(make_handler):
    ends_with_a_call = [
        HumanMessage("hello"),
        AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "call_1"}]),
    ]
    strict = make_handler("strict")
    assert not is_blocked(strict, ends_with_a_call)
    assert strict.predictions == {("unknown", "accepted"): 1}
    assert is_blocked(make_handler("strict", block_on="unknown"), ends_with_a_call)


def test_a_model_that_is_not_identified_is_held_to_the_contract(make_handler):
    assert is_blocked(make_handler("strict", profile="auto"))
    assert not is_blocked(make_handler("strict", profile="auto", block_unidentified=False))


def test_whoever_names_the_contract_is_held_to_it(make_handler):
    assert is_blocked(make_handler("strict", profile="contract"))
    assert not is_blocked(make_handler("strict", profile="contract", block_unidentified=False))


def test_a_request_can_have_a_mode_of_its_own(make_handler):
    obeying = make_handler("strict", request_mode="any")
    assert not is_blocked(obeying, toolpair_mode="observe")
    assert obeying.outcomes == {"accepted": 1}
    assert not is_blocked(obeying, toolpair_mode="off")
    assert obeying.checks == 1
    assert is_blocked(make_handler("observe"), toolpair_mode="strict")
    assert is_blocked(make_handler("off"), toolpair_mode="strict")


def test_a_request_cannot_weaken_the_mode_unless_the_operator_allows_it(
    make_handler, monkeypatch, caplog
):
    monkeypatch.setattr(once, "_said", set())
    strict, observing = make_handler("strict"), make_handler("observe")
    with caplog.at_level(logging.WARNING, "toolpair_observe"):
        for _ in range(2):
            assert is_blocked(strict, toolpair_mode="observe")
            assert is_blocked(strict, toolpair_mode="off")
    assert sum("weaker than mode strict" in line for line in caplog.messages) == 1
    assert "TOOLPAIR_REQUEST_MODE=any" in caplog.text
    assert not is_blocked(observing, toolpair_mode="off")
    assert observing.checks == 1


def test_a_request_has_no_say_where_the_operator_says_so(make_handler):
    assert not is_blocked(make_handler("observe", request_mode="ignore"), toolpair_mode="strict")
    assert is_blocked(make_handler("strict", request_mode="ignore"), toolpair_mode="off")


def test_a_wrong_mode_of_a_request_is_named_once_and_ignored(make_handler, monkeypatch, caplog):
    monkeypatch.setattr(once, "_said", set())
    strict = make_handler("strict")
    with caplog.at_level(logging.WARNING, "toolpair_observe"):
        assert is_blocked(strict, toolpair_mode="obsreve")
        assert is_blocked(strict, toolpair_mode="obsreve")
    lines = [line for line in caplog.messages if "toolpair_mode" in line]
    assert lines == ["metadata toolpair_mode='obsreve' is ignored: choose observe, strict or off"]


def test_the_error_says_what_is_wrong_and_nothing_of_the_content(make_handler):
    secret = "the launch code is 0000"
    history = [
        HumanMessage(secret),
        AIMessage(secret, tool_calls=[{"name": "look", "args": {"at": secret}, "id": "call_1"}]),
        HumanMessage(secret),
        ToolMessage(secret, tool_call_id="call_2"),
    ]
    with pytest.raises(InvalidToolResultsError) as caught:
        CountingModel().invoke(history, {"callbacks": [make_handler("strict")]})
    error = caught.value
    for text in (str(error), repr(error), repr(error.report), error.report.explain()):
        assert "launch" not in text
    assert "call_1" in str(error)
    assert "INVALID_TOOL_RESULTS" in str(error)


def test_hashed_ids_are_hashed_in_the_error_too(make_handler):
    with pytest.raises(InvalidToolResultsError) as caught:
        CountingModel().invoke(BROKEN, {"callbacks": [make_handler("strict", hash_ids=True)]})
    assert "call_bergen" not in str(caught.value)
    assert "hmac:" in str(caught.value)
