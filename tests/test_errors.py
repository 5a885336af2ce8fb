"""The exceptions: what they are, what they say, and what they keep to themselves."""

from __future__ import annotations

import copy
import inspect
import pickle
import uuid

import pytest
from langchain_core import exceptions as core
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from toolpair_observe import check_messages, errors
from toolpair_observe.errors import (
    ChatTemplateError,
    CheckFailedError,
    HistoryFileError,
    InvalidToolResultsError,
    MendError,
    MissingExtraError,
    SettingsError,
    ThreadStoreError,
    ToolPairError,
)
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.refusals.recognize import rejection_kind

SECRET = "the launch code is 0000"
RUN_ID = uuid.UUID(int=7)


@pytest.fixture
def error():
    history = [
        HumanMessage(SECRET),
        AIMessage(SECRET, tool_calls=[{"name": "look", "args": {"at": SECRET}, "id": "call_1"}]),
        HumanMessage(SECRET),
    ]
    return InvalidToolResultsError(check_messages(history, "openai-chat"), RUN_ID)


def test_every_error_is_one_of_ours_and_in_the_tree():
    ours = [
        each
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, BaseException) and each.__module__ == errors.__name__
    ]
    assert len(ours) == 11
    assert all(issubclass(each, ToolPairError) for each in ours)
    assert all(each.__name__ in errors.__doc__ for each in ours)


@pytest.mark.parametrize(
    ("error_class", "builtin"),
    [
        (InvalidToolResultsError, ValueError),
        (CheckFailedError, RuntimeError),
        (SettingsError, ValueError),
        (HistoryFileError, ValueError),
        (ChatTemplateError, ValueError),
        (ThreadStoreError, ValueError),
        (MendError, RuntimeError),
        (MissingExtraError, ImportError),
    ],
)
def test_each_can_be_caught_as_what_python_would_have_raised(error_class, builtin):
    assert issubclass(error_class, builtin)


def test_it_is_what_langchain_makes_of_a_providers_400(error):
    expected = getattr(core, "ModelInvalidRequestError", core.LangChainException)
    assert isinstance(error, expected)
    assert isinstance(error, core.LangChainException)


def test_it_is_not_worth_a_retry(error):
    assert error.is_retryable is False
    retry = pytest.importorskip("langchain.agents.middleware._retry")
    if not hasattr(retry, "default_retry_on"):
        pytest.skip("this langchain does not ask the error")
    assert not retry.default_retry_on(error)


def test_it_says_what_is_wrong_and_where_to_read_on(error):
    assert "missing_result at message 1" in str(error)
    assert "call_1" in str(error)
    assert str(error).rstrip().endswith("/INVALID_TOOL_RESULTS")


def test_it_keeps_the_content_to_itself(error):
    assert SECRET not in str(error)
    assert SECRET not in repr(error)
    assert SECRET.encode() not in pickle.dumps(error)


def repickle(error):
    return pickle.loads(pickle.dumps(error))


@pytest.mark.parametrize("remake", [copy.copy, copy.deepcopy, repickle])
def test_it_survives_copies_with_its_report(error, remake):
    again = remake(error)
    assert type(again) is InvalidToolResultsError
    assert (str(again), again.report, again.run_id) == (str(error), error.report, RUN_ID)
    assert again.report.explain() == error.report.explain()


def broken_under(profile):
    history = [
        HumanMessage(SECRET),
        AIMessage("", tool_calls=[{"name": "look", "args": {"at": SECRET}, "id": "call_1"}]),
        HumanMessage(SECRET),
    ]
    return InvalidToolResultsError(check_messages(history, profile), RUN_ID)


def test_it_quotes_what_the_provider_would_answer(error):
    said = str(error).splitlines()
    assert said[0] == error.report.summary()
    assert said[1] == (
        "Not sent. The provider would answer: Error code: 400 - An assistant message with "
        "'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The "
        "following tool_call_ids did not have response messages: call_1"
    )


def test_it_quotes_what_the_integration_would_raise():
    history = [
        HumanMessage("?"),
        AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": None}]),
        ToolMessage("4", tool_call_id=""),
    ]
    error = InvalidToolResultsError(check_messages(history, "openrouter"))
    assert error.report.effect == "local_error"
    words = error.report.violations[0].expected_error
    assert words
    assert f"\nNot sent. The integration would raise: {words}\n" in str(error)


def test_it_quotes_nobody_where_no_words_are_known():
    error = broken_under("contract")
    assert "Not sent" not in str(error)
    assert (error.status_code, error.type) == (400, "invalid_request_error")
    assert error.body["message"] == error.report.summary()


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("remake", [copy.copy, copy.deepcopy, repickle])
def test_it_looks_like_a_400_under_every_profile_and_after_a_copy(profile, remake):
    error = broken_under(profile)
    again = remake(error)
    assert error.status_code == 400
    hidden = {"report", "run_id"}
    assert {k: v for k, v in vars(again).items() if k not in hidden} == {
        k: v for k, v in vars(error).items() if k not in hidden
    }
    assert SECRET not in repr(vars(error))


def test_it_has_only_what_the_providers_client_gives_it():
    """A program that asks whether an attribute is there has to find what it would find."""
    assert not hasattr(broken_under("anthropic"), "code")
    assert not hasattr(broken_under("bedrock-converse"), "type")
    assert not hasattr(broken_under("google-genai"), "type")


def test_it_is_never_taken_for_the_providers(error):
    assert rejection_kind(error) is None


def test_a_failed_check_tells_no_more_than_its_class():
    error = CheckFailedError("KeyError", RUN_ID)
    again = repickle(error)
    assert (str(again), again.failure, again.run_id) == (str(error), "KeyError", RUN_ID)
    assert "KeyError" in str(error)
