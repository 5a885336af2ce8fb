"""Whatever makes a handler takes what the handler itself takes."""

from __future__ import annotations

import inspect

import pytest

from toolpair_observe import ToolPairHandler, guard, instrument
from toolpair_observe.attach.options import HandlerOptions
from toolpair_observe.middleware import ToolPairMiddleware
from toolpair_observe.settings import Options


def annotations_of(options: type) -> dict[str, str]:
    return {name: kind.__forward_arg__ for name, kind in options.__annotations__.items()}


def test_handler_options_are_the_arguments_of_the_handler():
    *named, others = inspect.signature(ToolPairHandler).parameters.values()
    own = {argument.name: argument.annotation for argument in named}
    assert others.annotation == "Unpack[Options]"
    assert annotations_of(HandlerOptions) == own | annotations_of(Options)


@pytest.mark.parametrize("maker", [guard, instrument, ToolPairMiddleware])
def test_every_maker_of_a_handler_takes_them(maker):
    *_, others = inspect.signature(maker).parameters.values()
    assert others.kind is inspect.Parameter.VAR_KEYWORD
    assert others.annotation == "Unpack[HandlerOptions]"
