"""What we predict of the histories that other projects' own tests feed to their converters.

`nox -s converters` runs those tests from the packages' source distributions under the plugin
beside this file and names the folder with what it kept.
"""

from __future__ import annotations

import logging
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integrations.recorders import INTEGRATIONS

from .comparison import compare
from .kept import continuations, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_core.messages import BaseMessage

    from tests.integrations.recorders import Integration, Recorder

    from .comparison import ConverterComparison

FOLDER = os.environ.get("CONVERTER_HISTORIES", "")
pytestmark = pytest.mark.skipif(not FOLDER, reason="needs what nox -s converters records")

PREDICTED = [name for name, one in INTEGRATIONS.items() if one.profile]
SHOWN = 25
MANY = ("langchain-anthropic", "langchain-aws", "langchain-google-genai", "langchain-openai")
ENOUGH = 50


@cache
def _histories_of(package: str) -> tuple[list[BaseMessage], ...]:
    path = Path(FOLDER) / f"{package}.pickle"
    return tuple(messages for _, messages in read(path).histories) if path.is_file() else ()


def _packages(integration: Integration) -> Iterator[str]:
    yield from filter(None, (integration.package, integration.beside))


def _cases(integration: Integration) -> list[list[BaseMessage]]:
    """Every distinct history that its packages' tests know, with its continuations."""
    cases: dict[str, list[BaseMessage]] = {}
    for package in _packages(integration):
        for messages in _histories_of(package):
            for case in continuations(messages):
                cases.setdefault(repr(case), case)
    return list(cases.values())


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Let the clients not report what they drop: thousands of lines about pictures."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("package", MANY)
def test_enough_histories_were_kept_to_say_anything(package: str):
    assert len(_histories_of(package)) >= ENOUGH


@pytest.mark.parametrize("name", PREDICTED)
def test_a_history_of_a_converters_own_tests_goes_as_predicted(
    name: str, recorder_of: Callable[[str], Recorder]
):
    recorder = recorder_of(name)
    cases = _cases(recorder.integration)
    if not cases:
        pytest.skip(f"the source distribution of {recorder.integration.package} has no tests")
    compared = [compare(recorder, case) for case in cases]
    problems = [one for one in compared if one and one.problem]
    assert not problems, _explain(problems, len(cases))


def _explain(problems: list[ConverterComparison], total: int) -> str:
    """Show the smallest histories first."""
    shown = sorted(map(str, problems), key=len)[:SHOWN]
    return f"{len(problems)} of {total} histories:\n\n" + "\n".join(shown)
