"""Suites of tests of a user's, and the plugin that watches them."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from langchain_core.language_models import FakeListChatModel

import toolpair_observe
from toolpair_observe import guard, middleware, testing

# A run inside this process forgets what it imports itself, and would import it a second time: tests
# behind it would then see two of each class.
_LOADED = (FakeListChatModel, guard, middleware)
for _module in pkgutil.walk_packages(toolpair_observe.__path__, "toolpair_observe."):
    if not _module.name.endswith(("__main__", "sitecustomize")):
        import_module(_module.name)

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ("-p", "toolpair_observe.pytest_plugin", "-p", "no:cacheprovider")

SUITE = """
    import pytest
    from langchain_core.language_models import FakeListChatModel
    from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

    CALL = {"name": "get_weather", "args": {"secret": "hush"}, "id": "call_oslo"}
    BROKEN = [HumanMessage("Hi."), AIMessage("", tool_calls=[CALL]), HumanMessage("hush")]
    SOUND = [*BROKEN[:2], ToolMessage("11", tool_call_id="call_oslo")]
    ORPHAN = [HumanMessage("Hi."), ToolMessage("11", tool_call_id="gone")]

    def ask(history, **config):
        return FakeListChatModel(responses=["Fine."]).invoke(history, config)
"""


def assert_passes_alone(folder):
    """Run the tests of a folder in a process that has imported nothing yet."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "pytest", *PLUGIN, "-q", str(folder)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(autouse=True)
def _nobody_watches(monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("COLUMNS", "200")
    for variable in [name for name in os.environ if name.startswith("TOOLPAIR_")]:
        monkeypatch.delenv(variable)
    yield
    assert testing._hook._watches == ()


@pytest.fixture
def suite(pytester):
    """Run tests made of the words above and the ones given."""

    def run(tests: str, *options: str, plugins: tuple[str, ...] = PLUGIN) -> pytest.RunResult:
        pytester.makepyfile(SUITE + tests)
        return pytester.runpytest_inprocess(*plugins, *options)

    return run
