"""What an import costs an application, in counts, which are the same on any machine.

Modules, regular expressions and dataclasses are nearly all of it. What belongs to a handler and not
to its class is imported by the first handler; what a sound request never meets, by the first
history, error or option that needs it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from toolpair_observe.attach import parts

ROOT: Final = Path(__file__).parents[1]
# What every application of LangChain and OpenTelemetry has imported before.
NEEDED: Final = """
import asyncio, logging
import langchain_core.callbacks, langchain_core.exceptions
import langchain_core.messages, langchain_core.outputs
import opentelemetry._logs, opentelemetry.metrics, opentelemetry.trace
"""
COUNT: Final = """
import dataclasses, json, re, sys

compiled, built = [], []
compile_pattern, build_dataclass = re._compiler.compile, dataclasses._process_class

def compile_counted(pattern, *args, **kwargs):
    caller = sys._getframe(1)
    while caller.f_globals["__name__"].partition(".")[0] in ("re", "functools"):
        caller = caller.f_back
    if caller.f_globals["__name__"].startswith("toolpair_observe"):
        compiled.append(f"{caller.f_globals['__name__']}:{caller.f_lineno} {pattern[:40]!r}")
    return compile_pattern(pattern, *args, **kwargs)

def build_counted(cls, *args, **kwargs):
    if cls.__module__.startswith("toolpair_observe"):
        built.append(f"{cls.__module__}.{cls.__qualname__}")
    return build_dataclass(cls, *args, **kwargs)

re._compiler.compile, dataclasses._process_class = compile_counted, build_counted
before = set(sys.modules)
"""
MAKE: Final = """
from toolpair_observe import ToolPairHandler
handler = ToolPairHandler(feedback="off")
"""
ASK: Final = """
from uuid import uuid4
from langchain_core.messages import HumanMessage
from langchain_core.outputs import LLMResult
run_id = uuid4()
before = set(sys.modules)
handler.on_chat_model_start({}, [[HumanMessage("Is it late?")]], run_id=run_id)
handler.on_llm_end(LLMResult(generations=[]), run_id=run_id)
"""
TELL: Final = """
new = sorted(set(sys.modules) - before)
own = [name for name in new if name.startswith("toolpair_observe")]
foreign = [name for name in new if name not in own]
print(json.dumps([own, foreign, compiled, built]))
"""


class Cost(NamedTuple):
    """What an import brought, by name.

    Attributes:
        own: The modules of this package.
        foreign: The modules of Python and of other libraries.
        compiled: The regular expressions of this package.
        built: The dataclasses of this package.
    """

    own: list[str]
    foreign: list[str]
    compiled: list[str]
    built: list[str]


def cost_of(statement: str) -> Cost:
    done = subprocess.run(  # noqa: S603 -- this file's own program
        [sys.executable, "-c", f"{NEEDED}{COUNT}{statement}\n{TELL}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Cost(*json.loads(done.stdout))


def assert_few(names: list[str], most: int) -> None:
    assert len(names) <= most, f"{len(names)} of them, {most} at most:\n" + "\n".join(names)


@pytest.fixture(scope="module")
def handler() -> Cost:
    return cost_of("from toolpair_observe import ToolPairHandler")


@pytest.fixture(scope="module")
def made() -> Cost:
    return cost_of(MAKE)


@pytest.fixture(scope="module")
def function() -> Cost:
    return cost_of("from toolpair_observe import check_messages")


def test_no_import_compiles_a_regular_expression(handler, made, function):
    assert not handler.compiled
    assert not made.compiled
    assert not function.compiled


def test_the_class_brings_few_modules_and_no_dataclass(handler):
    assert_few(handler.own, 14)
    assert not handler.built


def test_the_first_handler_brings_what_it_works_with(made):
    assert_few(made.own, 106)
    assert_few(made.built, 28)


def test_the_first_sound_request_brings_nothing():
    asked = cost_of(MAKE + ASK)
    assert not asked.own
    # Later Pythons bring parts of it with the first version that is looked up.
    assert not [each for each in asked.foreign if not each.startswith("importlib.metadata.")]


def test_the_function_brings_few_modules_and_dataclasses(function):
    assert_few(function.own, 51)
    assert_few(function.built, 21)


def test_the_class_brings_nothing_of_others_but_its_base_class(handler):
    assert set(handler.foreign) <= {"langchain_core.callbacks.base"}


@pytest.mark.parametrize(
    "late",
    [
        "attach.outcomes",
        "pairing.closer_look",
        "pairing.refusals.wordings",
        "repair",
        "reporters.delivery",
        "reporters.hook",
        "reporters.langsmith",
        "reporters.text",
        "steps.blame",
    ],
)
def test_what_few_need_comes_with_the_first_of_them(made, late):
    assert f"toolpair_observe.{late}" not in made.own


def test_each_part_of_a_handler_is_found_where_it_is_said_to_be():
    parts.bring()
    assert set(parts.__all__) == {*parts._HOMES, "bring"}
    assert set(parts.__all__) <= set(vars(parts))
