"""The pages on ways to attach, strict mode and tests: what they say of their own snippets holds."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

from tests.strict.conversations import BROKEN
from toolpair_observe import (
    InvalidToolResultsError,
    ToolPairHandler,
    check_messages,
    uninstrument,
)
from toolpair_observe.attach.instrument import instrumented_with
from toolpair_observe.cli.dispatch import build_parser
from toolpair_observe.cli.main import main
from toolpair_observe.demo.loopback.provider import LoopbackProvider
from toolpair_observe.option_values import BlockableEffect
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pytest_plugin.options import Mode
from toolpair_observe.pytest_plugin.terms import MARKERS

pytest.importorskip("langchain.agents", reason="needs langchain")

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted((DOCS / "attach").glob("*.md"))


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def blocks_of(name: str, language: str) -> list[str]:
    pattern = rf"^(<!-- not run: .+ -->\n)?```{language}\n(.*?)^```$"
    found = re.findall(pattern, text_of(name), flags=re.MULTILINE | re.DOTALL)
    return [block for is_not_run, block in found if not is_not_run]


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run a page's snippets in order, where OpenAI is a server on this machine."""
    monkeypatch.chdir(tmp_path)
    with LoopbackProvider() as server:
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        monkeypatch.setenv("OPENAI_API_BASE", server.base_url)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        # The handler recognizes real endpoints; for a local one it needs the profile.
        monkeypatch.setenv("TOOLPAIR_PROFILE", "openai-chat")

        def run(name: str) -> dict[str, Any]:
            names: dict[str, Any] = {"__name__": "page"}
            for block in blocks_of(name, "python"):
                exec(compile(block, name, "exec"), names)  # noqa: S102 - our own page
            for each in names.values():
                if isinstance(each, ToolPairHandler):
                    each.close()
            return {**names, "server": server}

        yield run
    uninstrument()


def test_the_service_says_that_it_is_on_and_answers_a_block_with_422(run):
    client = pytest.importorskip("fastapi.testclient")
    app = run("attach/fastapi.md")["app"]

    @app.get("/chat")
    def chat() -> None:
        check_messages(BROKEN).raise_for_violations()

    with client.TestClient(app) as asked:
        attached = [
            each for each in asked.get("/doctor").json()["findings"] if each["area"] == "attached"
        ]
        refused = asked.get("/chat")
    assert [each["status"] for each in attached] == ["ok"]
    assert refused.status_code == 422
    assert refused.json()["violations"][0]["kind"] == "missing_result"
    assert instrumented_with() is None


def test_a_handler_in_the_config_reaches_the_model_in_the_subgraph(run):
    graph = run("attach/langgraph.md")["graph"]
    strict = ToolPairHandler(mode="strict")
    config = {"callbacks": [strict], "configurable": {"thread_id": "43"}}
    with pytest.raises(InvalidToolResultsError):
        graph.invoke({"messages": BROKEN}, config)
    strict.close()


def test_every_page_says_how_to_see_that_it_is_on_and_the_index_lists_it():
    index = text_of("attach/README.md")
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        assert re.search(r"^## (See that it is on|Is it on\?)$", page, re.MULTILINE), path.name
        assert path.name == "README.md" or f"]({path.name})" in index


def test_strict_mode_s_page_blocks_and_sends_nothing(run, capsys):
    names = run("strict.md")
    assert names["report"].effect == "reject"
    assert names["answer"] is None
    assert names["server"].requests == []
    printed = capsys.readouterr().out.splitlines()
    for shown in blocks_of("strict.md", "text")[0].splitlines():
        assert any(line.startswith(shown.removesuffix(" ...")) for line in printed), shown


def test_strict_mode_s_page_has_every_effect_and_only_profiles_that_there_are():
    page = text_of("strict.md")
    effects = set(re.findall(r"^\| `(\w+)`", page.partition("## What it blocks")[2], re.MULTILINE))
    assert effects >= {*get_args(BlockableEffect)}
    table = page.partition("| profile | what it has |")[2].partition("\n\n")[0]
    rows = [row.split(" | ")[0] for row in table.splitlines()[2:]]
    assert {name for row in rows for name in re.findall(r"`([\w-]+)`", row)} <= {*PROFILES}
    assert len(rows) > 5


def pytest_with_the_plugin(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run it as a user's own; the plugin is named where it is not installed."""
    plugin = ("-p", "toolpair_observe.pytest_plugin", "-p", "no:cacheprovider")
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "pytest", *plugin, *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_snippet_for_the_fixture_is_a_test_that_passes(tmp_path):
    (snippet,) = blocks_of("testing.md", "python")
    (tmp_path / "test_it.py").write_text(snippet, encoding="utf-8")
    (ini,) = blocks_of("testing.md", "ini")
    (tmp_path / "pytest.ini").write_text(ini, encoding="utf-8")
    done = pytest_with_the_plugin(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "1 chat-model requests checked in 1 tests" in done.stdout


def test_the_page_on_tests_lists_the_plugin_s_modes_options_and_markers(tmp_path):
    page = text_of("testing.md")
    table = page.partition("| mode | a broken history |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == {*get_args(Mode)}
    told = pytest_with_the_plugin(tmp_path, "--help").stdout
    assert {*re.findall(r"`(--toolpair[\w-]*)", page)} == {*re.findall(r"--toolpair[\w-]*", told)}
    ini_options = re.findall(r"^  (toolpair\w*) \(", told, re.MULTILINE)
    assert len(ini_options) == 3
    for option in ini_options:
        assert f"`{option}`" in page or f"{option} = " in page
    for marker in MARKERS:
        assert f"@pytest.mark.{re.split('[(:]', marker)[0]}" in page


def test_the_recipes_for_ci_are_sound():
    hook, local, workflow = map(yaml.safe_load, blocks_of("testing.md", "yaml"))
    known = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    (ours,) = hook["repos"][0]["hooks"]
    assert ours["id"] in {each["id"] for each in known}
    build_parser().parse_args(["check", *ours["args"], "few_shots/a.jsonl"])
    assert local["repos"][0]["hooks"][0]["entry"] == known[0]["entry"]
    assert workflow[True] == ["pull_request"]  # YAML takes `on` for a truth value
    lines = [step["run"] for step in workflow["jobs"]["pairs"]["steps"] if "run" in step]
    commands = [line.partition("toolpair-observe ")[2] for line in lines if "-observe " in line]
    assert [build_parser().parse_args(each.split()).files for each in commands] == [["few_shots/"]]
    assert lines[-1] == "pytest --toolpair=fail"


def test_the_first_ten_minutes_show_what_the_page_says(run, monkeypatch, capsys):
    """A span, the metrics, feedback in LangSmith, and the agent without the fault."""
    spans = io.StringIO()  # what the exporter takes for the console is that of its import
    console = partial(ConsoleSpanExporter, out=spans)
    monkeypatch.setattr("opentelemetry.sdk.trace.export.ConsoleSpanExporter", console)
    run("first-ten-minutes.md")["client"].session.close()  # else its socket outlives the test
    printed = capsys.readouterr().out
    assert printed.count("Error: Error code: 400") == 2
    assert '"name": "check tool_pairing"' in spans.getvalue()
    for name in ("toolpair.checks 1", "toolpair.violations 1", "toolpair.outcomes 1"):
        assert name in printed
    assert "\nINVALID_TOOL_RESULTS 1 orphan_result INVALID_TOOL_RESULTS: orphan_result" in printed
    assert printed.endswith("answer: It is clear in Rome, at 18 degrees.\n")


def test_strict_in_staging_blocks_the_agent_of_the_first_ten_minutes(run, monkeypatch, capsys):
    agent = blocks_of("first-ten-minutes.md", "python")[0]
    monkeypatch.setenv("TOOLPAIR_STRICT_ENVIRONMENTS", "staging")
    blocked, refused = "InvalidToolResultsError: INVALID_TOOL_RESULTS", "Error: Error code: 400"
    for environment, shown in (("staging", blocked), ("production", refused)):
        monkeypatch.setenv("TOOLPAIR_ENVIRONMENT", environment)
        exec(compile(agent, "agent.py", "exec"), {"__name__": "__main__"})  # noqa: S102 - our own
        assert shown in capsys.readouterr().out.splitlines()[0]


def test_the_file_of_the_first_ten_minutes_is_found_and_mended(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (block,) = [each for each in blocks_of("first-ten-minutes.md", "bash") if "repair" in each]
    row = block.partition("'END'\n")[2].partition("END\n")[0]
    Path("runs.jsonl").write_text(row, encoding="utf-8")
    find, repair, again = [line.split()[1:] for line in block.splitlines()[-3:]]

    assert main(find) == 1
    assert "missing_result at message 1" in capsys.readouterr().out
    assert main(repair[: repair.index(">")]) == 0
    Path("mended.jsonl").write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(again) == 0
    assert "masked: 1 result that other software made up" in capsys.readouterr().out
