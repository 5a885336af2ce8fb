"""What real instrumentations write is read: each of them, in each container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.histories.envelopes.reading import judged_file, short
from tests.histories.recorders import NAMES, THREAD

if TYPE_CHECKING:
    from pathlib import Path

SPAN_FILES = ("base64.json", "hex.jsonl", "snake.json", "console.json")
LOG_FILES = ("logs.json", "console-logs.json")


@pytest.fixture(scope="session")
def recorded(fork_server, tmp_path_factory):
    folders: dict[str, Path] = {}

    def folder_of(name: str) -> Path:
        if name not in folders:
            folder = tmp_path_factory.mktemp(name)
            done = fork_server.run("-m", "tests.histories.recorders", name, str(folder))
            assert done.returncode == 0, done.stderr.decode()
            folders[name] = folder
        return folders[name]

    return folder_of


@pytest.mark.parametrize("file", SPAN_FILES)
@pytest.mark.parametrize("name", NAMES)
def test_requests_of_spans(recorded, name, file):
    units = judged_file(recorded(name) / file)

    assert [short(unit) for unit in units] == ["clean", "missing_result", "clean", "missing_result"]
    assert [unit.unit.recorded for unit in units] == ["accepted"] * 3 + ["rejected"]
    assert units[3].unit.rejected_kind == "missing_result"
    assert {unit.unit.thread_id for unit in units} == {THREAD}
    assert {unit.unit.layer for unit in units} == {"langchain"}


@pytest.mark.parametrize("file", LOG_FILES)
def test_requests_of_events(recorded, file):
    units = judged_file(recorded("genai") / file)

    assert [short(unit) for unit in units] == ["clean", "missing_result", "clean", "missing_result"]
    # An event has the error's class alone, which does not tell what the provider minded.
    assert [unit.unit.recorded for unit in units] == ["accepted"] * 3 + ["failed"]


@pytest.mark.parametrize("name", NAMES)
def test_origin(recorded, name):
    unit = judged_file(recorded(name) / "hex.jsonl")[0].unit

    assert unit.origin.provider == "openai"
    assert unit.origin.model == "gpt-4o-mini"
    assert unit.origin.tools_bound
    assert ("langchain-openai" in unit.origin.versions) == (name != "genai")


@pytest.mark.parametrize("name", NAMES)
def test_containers_agree(recorded, name):
    ids, times = zip(
        *(
            (
                [unit.unit.run_id for unit in judged_file(recorded(name) / file)],
                [unit.unit.at[:19] for unit in judged_file(recorded(name) / file)],
            )
            for file in SPAN_FILES
        ),
        strict=True,
    )

    assert all(each == ids[0] for each in ids)
    assert all(len(run_id) == 16 for run_id in ids[0])
    assert all(each == times[0] for each in times)
