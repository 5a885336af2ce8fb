"""A model that carries a handler can be pickled, copied and deep-copied."""

from __future__ import annotations

import copy
import pickle

from tests.handler.models import CountingModel
from tests.strict.conversations import BROKEN
from toolpair_observe.attach.handler import ToolPairHandler


def test_a_copy_is_the_handler_itself(make_handler):
    handler = make_handler()
    assert copy.copy(handler) is handler
    assert copy.deepcopy(handler) is handler
    assert copy.deepcopy({"callbacks": [handler]}) == {"callbacks": [handler]}


def test_a_copied_model_keeps_the_handler(make_handler):
    handler = make_handler()
    model = CountingModel(callbacks=[handler])
    for copied in (
        copy.deepcopy(model),
        model.model_copy(),
        model.model_copy(deep=True),
        copy.copy(model),
    ):
        assert copied.callbacks == [handler]
        copied.invoke(BROKEN)
    assert handler.outcomes == {"accepted": 4}


def test_a_pickled_handler_is_made_anew_from_its_settings():
    handler = ToolPairHandler(
        "strict", profile="openai-chat", block_on="silent_loss", feedback="off", max_runs=7
    )
    restored = pickle.loads(pickle.dumps(handler))
    assert type(restored) is ToolPairHandler
    assert restored.settings == handler.settings
    assert restored is not handler
    CountingModel().invoke(BROKEN, {"callbacks": [restored]})
    restored.close()
    handler.close()


def test_what_cannot_be_pickled_stays_behind(make_handler):
    handler = make_handler(on_near_miss=lambda _: None)
    restored = pickle.loads(pickle.dumps(handler))
    assert restored.settings == handler.settings
    restored.close()
