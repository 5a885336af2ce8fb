"""What we predict has to be what the real integration does and the API is known to refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from toolpair_observe.pairing.providers.table import PROFILES

from .generate import generated, histories
from .histories import timeline
from .named import NAMED
from .predictions import compare
from .recorders import INTEGRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from .histories import Timeline
    from .recorders import Recorder

SEEDS = 150
SHOWN = 25
PREDICTED = [name for name, one in INTEGRATIONS.items() if one.profile]


def test_every_profile_is_judged_by_an_integration():
    # Nobody's, and ChatOpenAI against no API we know, or of which we know no more than some texts.
    without = {"contract", "openai-compatible", "dashscope", "moonshot", "minimax"}
    assert set(PROFILES) - without == {INTEGRATIONS[name].profile for name in PREDICTED}


def _problems(recorder: Recorder, cases: dict[str, Timeline]) -> list[str]:
    compared = {name: compare(recorder, steps) for name, steps in cases.items()}
    return [f"{name}: {one}" for name, one in compared.items() if one.problem]


def _explain(problems: list[str], total: int) -> str:
    return f"{len(problems)} of {total} histories:\n\n" + "\n".join(problems[:SHOWN])


@pytest.mark.parametrize("name", PREDICTED)
def test_named_histories_go_as_predicted(name: str, recorder_of: Callable[[str], Recorder]):
    problems = _problems(recorder_of(name), {key: timeline(text) for key, text in NAMED.items()})
    assert not problems, _explain(problems, len(NAMED))


@pytest.mark.parametrize("name", PREDICTED)
def test_generated_histories_go_as_predicted(name: str, recorder_of: Callable[[str], Recorder]):
    cases = {f"seed {seed}": generated(seed) for seed in range(SEEDS)}
    problems = _problems(recorder_of(name), cases)
    assert not problems, _explain(problems, SEEDS)


@pytest.mark.parametrize("name", PREDICTED)
def test_damaged_histories_go_as_predicted(name: str, recorder_of: Callable[[str], Recorder]):
    recorder = recorder_of(name)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps=histories())
    def check(steps: Timeline) -> None:
        compared = compare(recorder, steps)
        assert not compared.problem, str(compared)

    check()
