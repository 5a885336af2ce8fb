"""The page on the doctor shows what it says."""

from __future__ import annotations

import re
from pathlib import Path

from tests.diagnosis.conftest import _clean_environment, _clean_process  # noqa: F401 - fixtures
from toolpair_observe.diagnosis.doctor import _AREAS, diagnose

PAGE = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")


def test_the_example_is_what_it_says(monkeypatch):
    (variables,) = re.findall(r"^With (.*):$", PAGE, flags=re.MULTILINE)
    for name, value in re.findall(r"`(\w+)=(\w+)`", variables):
        monkeypatch.setenv(name, value)
    (example,) = re.findall(r"^```text\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)

    found = str(diagnose("openai:gpt-5", handler=None, online=False, in_program=False))

    shown = found.splitlines()
    assert example.splitlines() == [line for line in shown if line in example.splitlines()]
    assert [line for line in shown if line.startswith("PROBLEM")] == example.splitlines()[-3:]


def test_every_area_has_a_row():
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", PAGE, re.MULTILINE))))

    assert {area.AREA for area in _AREAS} <= named
