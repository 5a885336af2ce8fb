"""The files of snapshots hold each fact once; recording one release leaves all others alone."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from . import snapshot_files
from .recorders import INTEGRATIONS
from .snapshot_files import (
    FOLDER,
    HISTORIES,
    UPDATE,
    Snapshot,
    SnapshotError,
    SnapshotFiles,
    newest_lines,
    older_lines,
    read_newest,
    read_older,
)
from .snapshots import compared

if TYPE_CHECKING:
    from pathlib import Path

OLDER = [path.stem.split("@") for path in sorted(FOLDER.glob("*@*.txt"))]
NAME = "5b_system_between"
HISTORY = f"{NAME} | H A(a) S T(a)"
CHANGED = "accept | changed"


@pytest.fixture
def files(tmp_path: Path) -> SnapshotFiles:
    """Give a copy of the snapshots that a test may change."""
    return SnapshotFiles(shutil.copytree(FOLDER, tmp_path / "snapshots"))


def _texts(files: SnapshotFiles) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in files.newest.parent.iterdir()}


def _everything(files: SnapshotFiles) -> dict[tuple[str, str], Snapshot]:
    """Return the whole snapshot of every release."""
    newest = {(name, ""): one for name, one in read_newest(files.newest).items()}
    return newest | {(name, version): files.read(name, version) for name, version in OLDER}


def _changed(files: SnapshotFiles, integration: str, version: str = "999") -> Snapshot:
    """Make up a release that does one thing differently from the newest."""
    newest = read_newest(files.newest)[integration]
    package, _, _ = newest.release.partition(" ")
    return Snapshot(f"{package} {version}", newest.outcomes | {HISTORY: CHANGED})


def test_newest_releases_are_recorded_side_by_side():
    path = FOLDER / "newest.txt"
    known = read_newest(path)
    assert path.read_text("utf-8").splitlines() == newest_lines(known), (
        f"{path} has lines that are stale, twice or out of order;"
        f" recording any integration with {UPDATE}=newest writes it anew"
    )
    gaps = [
        f"{of} | {name}" for name in INTEGRATIONS for of in HISTORIES.keys() - known[name].outcomes
    ]
    assert not gaps, f"{path} lacks what was to be recorded with {UPDATE}=newest:\n" + "\n".join(
        gaps
    )


@pytest.mark.parametrize(("integration", "version"), OLDER)
def test_older_releases_are_recorded_where_they_differ(integration: str, version: str):
    path = FOLDER / f"{integration}@{version}.txt"
    newest = read_newest(FOLDER / "newest.txt")[integration]
    older = read_older(path, newest)
    assert older.version == version
    assert path.read_text("utf-8").splitlines() == older_lines(older, newest), (
        f"{path} has lines that are stale, out of order or those of the newest release;"
        f" recording {integration} with {UPDATE}=newest writes it anew"
    )


def test_recording_what_is_known_changes_no_file(files: SnapshotFiles):
    before = _texts(files)
    for (integration, _), snapshot in _everything(files).items():
        files.record(integration, snapshot)
    assert _texts(files) == before


def test_recording_a_newest_release_leaves_every_other_release_alone(files: SnapshotFiles):
    before = _everything(files)
    seen = _changed(files, "anthropic")
    files.record("anthropic", seen)
    assert _everything(files) == before | {("anthropic", ""): seen}


def test_recording_an_older_release_writes_its_own_file_alone(files: SnapshotFiles):
    before = _texts(files)
    seen = _changed(files, "cohere", "0.1")
    files.record("cohere", seen, as_older=True)
    written = f"# langchain-cohere 0.1\n{HISTORY} | {CHANGED}\n"
    assert _texts(files) == before | {"cohere@0.1.txt": written}
    assert files.read("cohere", "0.1") == seen


def test_older_release_that_does_what_the_newest_does_gets_no_file(files: SnapshotFiles):
    before = _texts(files)
    outcomes = files.read("cohere", "0.1").outcomes
    files.record("cohere", Snapshot("langchain-cohere 0.1", outcomes), as_older=True)
    assert _texts(files) == before


def test_older_release_outlives_a_newest_one_that_does_the_same(files: SnapshotFiles):
    integration, version = OLDER[0]
    older = files.read(integration, version)
    files.record(integration, Snapshot("same 998", older.outcomes))
    files.record(integration, _changed(files, integration))
    assert files.read(integration, version) == older


def test_older_release_does_not_take_the_place_of_the_newest(files: SnapshotFiles):
    before = _texts(files)
    with pytest.raises(SnapshotError, match=rf"record langchain-cohere 0\.1 with {UPDATE}=older"):
        files.record("cohere", _changed(files, "cohere", "0.1"))
    assert _texts(files) == before


def test_releases_recorded_at_the_same_time_are_all_kept(files: SnapshotFiles):
    seen = {name: _changed(files, name) for name in INTEGRATIONS}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(files.record, seen, seen.values()))
    assert read_newest(files.newest) == seen


def test_new_history_is_missing_until_it_is_recorded(
    files: SnapshotFiles, monkeypatch: pytest.MonkeyPatch
):
    groq = files.read("groq", "999")
    groq.outcomes["new | H"] = "accept"
    monkeypatch.setitem(HISTORIES, "new | H", "H")
    assert "\n+new | H | accept\n" in compared("groq", groq, files)
    files.record("groq", groq)
    assert compared("groq", groq, files) == ""
    assert "new | H" not in files.read("cohere", "999").outcomes


def test_history_that_lost_its_name_is_stale_until_it_is_recorded(
    files: SnapshotFiles, monkeypatch: pytest.MonkeyPatch
):
    groq = files.read("groq", "999")
    del groq.outcomes[HISTORY]
    # Not by delitem, whose undoing puts the history at the end for all later tests.
    left = {history: text for history, text in HISTORIES.items() if history != HISTORY}
    monkeypatch.setattr(snapshot_files, "HISTORIES", left)
    assert f"\n-{HISTORY} | " in compared("groq", groq, files)
    files.record("groq", groq)
    assert compared("groq", groq, files) == ""


@pytest.mark.parametrize(
    ("version", "file", "how"),
    [
        ("999", "newest.txt", "newest"),
        ("1.4.3", "anthropic@1.4.3.txt", "older"),
        ("1.4.2", "newest.txt", "older"),
    ],
)
def test_difference_names_the_file_and_how_to_record(
    files: SnapshotFiles, version: str, file: str, how: str
):
    changes = compared("anthropic", _changed(files, "anthropic", version), files)
    assert f"\n+{HISTORY} | {CHANGED}\n" in changes
    assert str(files.newest.with_name(file)) in changes
    assert f"\n{UPDATE}={how} python -m pytest " in changes


def test_integration_that_was_never_recorded_is_named(files: SnapshotFiles):
    text = files.newest.read_text("utf-8")
    files.newest.write_text(text.replace("\ngroq: ", "\nanother: ").replace(" groq ", " another "))
    with pytest.raises(SnapshotError, match=f"nothing of groq; record it with {UPDATE}=newest"):
        files.read("groq", "999")


@pytest.mark.parametrize(
    "line",
    [
        "<<<<<<< HEAD",
        "  another_history | groq | accept",
        f"  {NAME} | nobody | accept",
        f"  {NAME} | groq accept",
    ],
)
def test_line_that_cannot_be_read_is_named(files: SnapshotFiles, line: str):
    before, at, after = files.newest.read_text("utf-8").partition(f"\n{HISTORY}")
    end, _, rest = after.partition("\n")
    files.newest.write_text(f"{before}{at}{end}\n{line}\n{rest}", "utf-8")
    with pytest.raises(SnapshotError, match=r"newest\.txt cannot be read") as raised:
        files.read("groq", "999")
    assert str(raised.value).endswith(line)
