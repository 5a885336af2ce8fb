"""The newest versions that `doctor` knows are those that these tests run with."""

from __future__ import annotations

import pytest

from toolpair_observe.diagnosis.tried import NEWEST_TRIED, installed, is_newer


@pytest.mark.parametrize("distribution", NEWEST_TRIED)
def test_nothing_newer_than_what_was_tried_is_installed_here(distribution):
    version = installed(distribution)
    if version is None:
        pytest.skip(f"{distribution} is not installed")

    assert not is_newer(version, NEWEST_TRIED[distribution]), (
        f"{distribution} {version} is installed: once `nox -s integrations` passes with it, write "
        f"{version} into NEWEST_TRIED in toolpair_observe/diagnosis/tried.py"
    )
