"""Forked children: what holds a lock starts afresh there, and nowhere else."""

from __future__ import annotations

import gc
import weakref

import pytest

from tests.forking import in_child, needs_fork
from toolpair_observe import forks

called = []
forks.in_child(lambda: called.append("action"))


class Holder:
    def __init__(self, name):
        self.name = name
        forks.reset_in_child(self)

    def reset(self):
        called.append(self.name)


@pytest.fixture(autouse=True)
def _called_anew():
    called.clear()


@needs_fork
def test_a_child_resets_what_is_alive_and_calls_each_action():
    holders = [Holder("a"), Holder("b")]
    assert in_child(lambda: sorted(called)) == repr(["a", "action", "b"])
    assert called == []
    del holders


@needs_fork
def test_nothing_is_kept_alive_for_it():
    holder = Holder("gone")
    alive = weakref.ref(holder)
    del holder
    gc.collect()
    assert alive() is None
    assert in_child(lambda: called) == repr(["action"])
