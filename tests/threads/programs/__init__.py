"""Real programs that store threads, and what is true of each of these threads."""

from __future__ import annotations

from tests.threads.programs.agents import AGENTS
from tests.threads.programs.channels import CHANNELS
from tests.threads.programs.crashes import CRASHES
from tests.threads.programs.deltas import DELTAS
from tests.threads.programs.endings import ENDINGS
from tests.threads.programs.functional import FUNCTIONAL
from tests.threads.programs.guarded import GUARDED
from tests.threads.programs.handoffs import HANDOFFS
from tests.threads.programs.kills import KILLS
from tests.threads.programs.loops import LOOPS
from tests.threads.programs.parallel import PARALLEL
from tests.threads.programs.providers import PROVIDERS
from tests.threads.programs.questions import QUESTIONS
from tests.threads.programs.record import Catalog
from tests.threads.programs.subgraphs import SUBGRAPHS
from tests.threads.programs.updates import UPDATES

PROGRAMS = Catalog()
for catalog in (
    AGENTS,
    CHANNELS,
    CRASHES,
    DELTAS,
    ENDINGS,
    FUNCTIONAL,
    GUARDED,
    HANDOFFS,
    KILLS,
    LOOPS,
    PARALLEL,
    PROVIDERS,
    QUESTIONS,
    SUBGRAPHS,
    UPDATES,
):
    assert not PROGRAMS.keys() & catalog.keys()
    PROGRAMS.update(catalog)
