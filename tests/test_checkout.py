"""Which copy of the package the tests are about: the one in this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import toolpair_observe

ROOT = Path(__file__).resolve().parents[1]


def test_the_package_is_the_one_beside_the_tests():
    assert Path(toolpair_observe.__file__).resolve().parents[1] == ROOT


@pytest.fixture
def installed_copy(tmp_path):
    """What `pip install` left some time ago: a package, and a plugin that pytest finds by it."""
    package = tmp_path / "toolpair_observe"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "old_plugin.py").write_text("raise ImportError('this is the installed copy')\n")
    metadata = tmp_path / "toolpair_observe-0.0.1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Name: toolpair-observe\nVersion: 0.0.1\n")
    (metadata / "entry_points.txt").write_text(
        "[pytest11]\ntoolpair = toolpair_observe.old_plugin\n"
    )
    return tmp_path


def test_an_installed_copy_is_not_what_is_tested(installed_copy):
    """pytest imports the plugins of installed packages before anything of this folder."""
    test = f"{Path(__file__)}::{test_the_package_is_the_one_beside_the_tests.__name__}"
    # -P: the current folder is not on the path, as for the command `pytest`.
    command = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", "-q", "-n", "1"]
    done = subprocess.run(  # noqa: S603 - our own program
        [*command, test],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(installed_copy)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
