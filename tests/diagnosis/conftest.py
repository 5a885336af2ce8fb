"""A process that nothing is attached to, and an environment that says nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from langsmith import utils

from tests.handler.conftest import _clean_process, make_handler  # noqa: F401 - fixtures
from toolpair_observe.attach.instrument import uninstrument
from toolpair_observe.diagnosis import patches

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _clean_environment(_clean_process, monkeypatch, tmp_path) -> Iterator[None]:  # noqa: F811
    monkeypatch.setenv("HOME", str(tmp_path))
    # Other tests have loaded them.
    for module in patches._OBSERVERS:
        monkeypatch.delitem(sys.modules, module, raising=False)
    forget_langsmith()
    yield
    uninstrument()
    forget_langsmith()


def forget_langsmith() -> None:
    """Have LangSmith's client read the environment again."""
    utils.get_env_var.cache_clear()
    getattr(utils.get_tracer_project, "cache_clear", bool)()
