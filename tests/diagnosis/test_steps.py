"""What the doctor says of the steps of agents."""

from __future__ import annotations

import pytest
from langchain_core.language_models import FakeListChatModel

from tests.diagnosis.looks import texts
from toolpair_observe import doctor, instrument

DEFAULT = "blame = steps (default)"


def test_a_handler_of_the_process_hears_every_agent():
    instrument()

    assert texts(doctor(), "steps", "ok") == [
        f"{DEFAULT}: those of every agent in this process are heard"
    ]


def test_a_handler_on_a_model_alone_hears_none_and_the_fix_says_where_it_would(make_handler):
    model = FakeListChatModel(responses=["Fine."], callbacks=[make_handler()])

    (line,) = texts(doctor(model), "steps", "note")
    assert line.startswith(f"{DEFAULT}: a handler on a model hears none of those around it -> ")
    assert "on the agent's call, instrument()" in line
    instrument()
    assert not texts(doctor(model), "steps", "note")


def test_a_handler_that_is_given_may_stand_anywhere(make_handler):
    (line,) = texts(doctor(handler=make_handler()), "steps", "ok")
    assert line.endswith("hears those of an agent whose call has it among its callbacks")


@pytest.mark.parametrize(
    ("blame", "said"),
    [("off", "what broke a history is not looked for"), ("requests", "no step is named")],
)
def test_another_mode_is_said_with_where_it_comes_from(monkeypatch, blame, said):
    monkeypatch.setenv("TOOLPAIR_BLAME", blame)
    instrument()

    (line,) = texts(doctor(), "steps", "ok")
    assert line.startswith(f"blame = {blame} (environment variable TOOLPAIR_BLAME): ")
    assert line.endswith(said)
