"""What is committed is what the code writes."""

from __future__ import annotations

import pytest

from dashboards.tools import generate
from dashboards.tools.settings import Links, Objective


def test_the_committed_files_are_what_the_code_writes():
    assert generate.main(["--check"]) == 0, "run python -m dashboards.tools.generate"


@pytest.mark.parametrize("name", [generate.DASHBOARD, generate.RULES, generate.LIVE_RULES])
def test_a_file_that_was_changed_by_hand_is_found(tmp_path, capsys, name):
    generate.main(["--into", str(tmp_path)])
    path = tmp_path / name
    path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")

    assert generate.main(["--check", "--into", str(tmp_path)]) == 1
    assert name in capsys.readouterr().err


def test_writing_twice_changes_nothing():
    assert generate.artifacts() == generate.artifacts()


def test_links_and_objective_reach_every_file():
    links = Links(
        grafana="https://grafana.test",
        runbooks="https://wiki.test/runbooks/",
        traces="https://traces.test",
        langsmith="https://langsmith.test/projects/1",
    )
    files = generate.artifacts(links, Objective(near_miss_share=0.002))

    assert not [name for name, text in files.items() if "localhost" in text]
    assert "https://wiki.test/runbooks/silent-loss.md" in files[generate.RULES]
    assert "https://wiki.test/runbooks/silent-loss.md" in files[generate.DASHBOARD]
    assert "https://traces.test" in files[generate.DASHBOARD]
    assert "https://langsmith.test/projects/1" in files[generate.DASHBOARD]
    assert "14.4 * 0.002" in files[generate.RULES]
