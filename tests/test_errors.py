"""The exceptions: what they are, what they say, and what they keep to themselves."""

from __future__ import annotations

import copy
import inspect
import pickle
import uuid

import pytest
from langchain_core import exceptions as core
from langchain_core.messages import AIMessage, HumanMessage

from toolpair_observe import check_messages, errors
from toolpair_observe.errors import (
    ChatTemplateError,
    CheckFailedError,
    HistoryFileError,
    InvalidToolResultsError,
    MissingExtraError,
    SettingsError,
    ToolPairError,
)
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
    assert len(ours) == 7
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


def test_it_is_never_taken_for_the_providers(error):
    assert rejection_kind(error) is None


def test_a_failed_check_tells_no_more_than_its_class():
    error = CheckFailedError("KeyError", RUN_ID)
    again = repickle(error)
    assert (str(again), again.failure, again.run_id) == (str(error), "KeyError", RUN_ID)
    assert "KeyError" in str(error)
