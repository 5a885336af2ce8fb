"""The test bed itself: what is written down of a thread is what continuing it meets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.threads.programs import PROGRAMS

if TYPE_CHECKING:
    from tests.threads.programs.record import Program
    from tests.threads.programs.threads import Threads

pytestmark = pytest.mark.parametrize("program", PROGRAMS.values(), ids=str)


def test_a_new_message_meets_what_is_expected(program: Program, sqlite_threads: Threads):
    outcome = sqlite_threads.continued(program, resume=False)

    assert outcome.works is program.new_works, outcome


def test_a_resume_meets_what_is_expected(program: Program, sqlite_threads: Threads):
    outcome = sqlite_threads.continued(program, resume=True)

    assert outcome.works is program.resume_works, outcome
    assert outcome.next == program.next
