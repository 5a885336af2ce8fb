"""A model that carries a handler can be copied and pickled, and its copies still block."""

from __future__ import annotations

import copy
import pickle

import pytest

from tests.strict.conversations import BROKEN, SOUND
from toolpair_observe import InvalidToolResultsError, ToolPairHandler

COPIES = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "pickle protocol 2": lambda model: pickle.loads(pickle.dumps(model, 2)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda model: model.model_copy(),
    "deep model_copy": lambda model: model.model_copy(deep=True),
    "bind": lambda model: model.bind(temperature=0),
    "with_config": lambda model: model.with_config(tags=["a"]),
}


@pytest.fixture(params=sorted(COPIES))
def copied(request, rig, strict):
    model = rig.model([strict])
    # A client holds locks; pickle and deepcopy of ChatOpenAI work without it only.
    if request.param in {"pickle", "pickle protocol 2", "deepcopy", "deep model_copy"}:
        for name in ("client", "async_client", "root_client", "root_async_client"):
            setattr(model, name, None)
        model.cache = None
    return COPIES[request.param](model)


def test_a_copy_still_blocks(copied):
    with pytest.raises(InvalidToolResultsError):
        copied.invoke(BROKEN)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy])
def test_a_copied_handler_is_the_handler(strict, way):
    assert way(strict) is strict


def test_a_pickled_handler_keeps_its_settings(rig):
    handler = ToolPairHandler(
        mode="strict", profile="openai-chat", feedback="off", block_unidentified=False, max_runs=7
    )
    again = pickle.loads(pickle.dumps(handler))
    assert again is not handler
    assert again.settings == handler.settings
    with pytest.raises(InvalidToolResultsError):
        rig.model().invoke(BROKEN, {"callbacks": [again]})
    assert rig.model().invoke(SOUND, {"callbacks": [again]}).content
    handler.close()
    again.close()


def test_the_error_can_be_pickled_with_its_report(rig, strict):
    with pytest.raises(InvalidToolResultsError) as raised:
        rig.model([strict]).invoke(BROKEN)
    again = pickle.loads(pickle.dumps(raised.value))
    assert str(again) == str(raised.value)
    assert again.report == raised.value.report
    assert again.run_id == raised.value.run_id
