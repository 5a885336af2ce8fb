"""The line that installs an extra works for the installation that says it."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest

from toolpair_observe import install

ROOT = Path(__file__).parents[1]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def line_of(monkeypatch, tmp_path):
    """The line of an installed copy, by what pip has noted of its origin (PEP 610)."""

    def line(origin: object) -> str:
        class Distribution(metadata.Distribution):
            def read_text(self, filename: str) -> str | None:
                assert filename == "direct_url.json"
                return origin if isinstance(origin, str | None) else json.dumps(origin)

            def locate_file(self, path: object) -> Path:
                return tmp_path / str(path)

        monkeypatch.setattr(install, "_CHECKOUT", tmp_path / "site-packages")
        monkeypatch.setattr(metadata, "distribution", lambda _: Distribution())
        return install.install_line("demo")

    return line


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "the project"
    folder.mkdir()
    return folder


def test_a_copy_from_a_package_index_is_installed_by_name(line_of):
    assert line_of(None) == 'pip install "toolpair-observe[demo]"'


def test_a_copy_from_a_checkout_is_installed_from_there(line_of, checkout):
    origin = {"url": checkout.as_uri(), "dir_info": {}}

    assert line_of(origin) == f'pip install "{checkout}[demo]"'


def test_an_editable_one_stays_editable(line_of, checkout):
    origin = {"url": checkout.as_uri(), "dir_info": {"editable": True}}

    assert line_of(origin) == f'pip install -e "{checkout}[demo]"'


def test_a_checkout_that_is_gone_can_not_be_installed_from(line_of, checkout):
    checkout.rmdir()

    assert line_of({"url": checkout.as_uri(), "dir_info": {}}) == (
        'pip install "toolpair-observe[demo]"'
    )


def test_a_copy_of_a_repository_is_installed_from_the_same_commit_without_the_password(line_of):
    origin = {
        "url": "https://me:secret@git.example.org/toolpair.git",
        "vcs_info": {"vcs": "git", "commit_id": COMMIT},
    }

    assert line_of(origin) == (
        f'pip install "toolpair-observe[demo] @ git+https://git.example.org/toolpair.git@{COMMIT}"'
    )


def test_a_copy_of_an_archive_is_installed_from_it(line_of):
    url = "https://example.org/toolpair_observe-1.whl"

    assert line_of({"url": url, "archive_info": {}}) == (
        f'pip install "toolpair-observe[demo] @ {url}"'
    )


@pytest.mark.parametrize("origin", ["{", "[]", '"text"', "{}", '{"url": 7}', '{"vcs_info": 7}'])
def test_an_origin_that_nobody_can_read_is_none(line_of, origin):
    assert line_of(origin).startswith('pip install "toolpair-observe[demo]')


def test_a_checkout_that_runs_without_being_installed_is_installed_from_there(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)

    assert install.install_line("live") == f'pip install "{ROOT}[live]"'


def test_every_line_that_installs_comes_from_here():
    package = ROOT / "toolpair_observe"
    told = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "pip install" in path.read_text(encoding="utf-8")
    }

    assert told == {"install.py"}
