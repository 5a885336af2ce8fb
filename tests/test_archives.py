"""What looks into the archives, and what tries the extras: both see what is wrong."""

from __future__ import annotations

import tomllib
from email.message import Message
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# `docs` is what the session `site` installs, alone.
FOR_DEVELOPERS = {"dev", "docs", "integrations", "test"}


def script(name):
    path = ROOT / ".ci" / f"{name}.py"
    return SimpleNamespace(**run_path(str(path), run_name=f"ci_{name}"))


@pytest.fixture
def archives():
    return script("archives")


@pytest.fixture
def sound(archives):
    """The names that a sound wheel of version 1 has."""
    data = [
        f"toolpair_observe/_dashboards/langsmith/{path.name}" for path in archives.DATA.iterdir()
    ]
    about = [f"toolpair_observe-1.dist-info/{name}" for name in ("METADATA", "licenses/LICENSE")]
    return {*archives.own_files(ROOT / "toolpair_observe"), *data, *about}


def test_every_extra_that_users_install_is_tried():
    assert {*script("extras").TRIALS} == {*PROJECT["optional-dependencies"]} - FOR_DEVELOPERS


def test_a_sound_wheel_has_no_fault(archives, sound):
    assert [*archives.faults_of_wheel(sound, "1")] == []


@pytest.mark.parametrize(
    "name",
    [
        "toolpair_observe/py.typed",
        "toolpair_observe/_dashboards/langsmith/charts.json",
        "toolpair_observe-1.dist-info/licenses/LICENSE",
    ],
)
def test_what_a_wheel_lacks_is_named(archives, sound, name):
    assert name in sound
    assert [*archives.faults_of_wheel(sound - {name}, "1")] == [f"the wheel lacks {name}"]


@pytest.mark.parametrize(
    "name",
    ["tests/conftest.py", "toolpair_observe/__pycache__/errors.cpython-311.pyc", "docs/x.md"],
)
def test_what_does_not_belong_in_a_wheel_is_named(archives, sound, name):
    assert [*archives.faults_of_wheel(sound | {name}, "1")] == [f"the wheel holds {name}"]


def test_litter_and_gaps_of_a_source_distribution_are_named(archives):
    folders = ("toolpair_observe", "tests", "examples", "dashboards", "docs", ".ci")
    files = set().union(*(archives.own_files(ROOT / folder) for folder in folders))
    files |= {"pyproject.toml", "LICENSE", "README.md", "noxfile.py"}
    assert [*archives.faults_of_sdist(files)] == []
    spoilt = (files | {"tests/.pytest_cache/README.md"}) - {"LICENSE"}
    assert [*archives.faults_of_sdist(spoilt)] == [
        "the source distribution lacks LICENSE",
        "the source distribution holds tests/.pytest_cache/README.md",
    ]


def test_metadata_that_say_something_else_are_named(archives):
    told = Message()
    told["Name"] = PROJECT["name"]
    told["Version"] = "2"
    faults = " ".join(archives.faults_of_metadata(told, PROJECT, "1"))
    assert "the metadata's Version is ['2'], not ['1']" in faults
    assert "the metadata's Provides-Extra is []" in faults
    assert "the wheel's description is not README.md" in faults
    assert "the metadata's Name" not in faults


def test_a_command_that_is_not_announced_is_named(archives):
    text = "[console_scripts]\n[pytest11]\ntoolpair = toolpair_observe.pytest_plugin\n"
    assert [*archives.faults_of_entry_points(text, PROJECT)] == [
        "the wheel announces no console_scripts toolpair-observe",
        "the wheel announces no opentelemetry_instrumentor toolpair",
    ]
