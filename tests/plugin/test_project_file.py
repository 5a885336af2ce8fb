"""The plugin's options in pyproject.toml, and what beats them."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import assert_passes_alone

pytest_plugins = ("pytester",)

ONE_BROKEN = """
    def test_broken():
        ask(BROKEN)
"""
TABLE = "[tool.toolpair_observe.pytest]\n"


@pytest.fixture
def project(pytester):
    def project(text):
        (pytester.path / "pyproject.toml").write_text(text)

    return project


def test_the_mode_of_the_file_watches_every_test(suite, project):
    project(f"{TABLE}mode = 'fail'\n")
    suite(ONE_BROKEN).assert_outcomes(failed=1)


def test_the_ini_option_beats_the_file_and_the_command_line_beats_both(suite, project, pytester):
    project(f"{TABLE}mode = 'block'\n")
    pytester.makeini("[pytest]\ntoolpair = report\n")
    suite(ONE_BROKEN).assert_outcomes(passed=1)
    suite(ONE_BROKEN, "--toolpair=fail").assert_outcomes(failed=1)


def test_the_options_of_pytest_itself_stand_in_the_same_file(suite, project):
    project(f"{TABLE}mode = 'block'\n[tool.pytest.ini_options]\ntoolpair = 'report'\n")
    suite(ONE_BROKEN).assert_outcomes(passed=1)


def test_the_effects_of_the_file_give_way_to_the_environment(suite, project, monkeypatch):
    project(f"{TABLE}mode = 'fail'\nfail_on = ['silent_loss']\n")
    suite(ONE_BROKEN).assert_outcomes(passed=1)
    monkeypatch.setenv("TOOLPAIR_BLOCK_ON", "reject,unknown")
    suite(ONE_BROKEN).assert_outcomes(failed=1)


def test_the_options_of_every_handler_hold_for_the_plugin_too(suite, project):
    project(f"[tool.toolpair_observe]\nprofile = 'ollama'\nblock_on = 'reject'\n{TABLE}mode='fail'")
    suite(ONE_BROKEN).assert_outcomes(passed=1)
    project(f"[tool.toolpair_observe]\nprofile = 'anthropic'\n{TABLE}mode = 'fail'\n")
    result = suite(ONE_BROKEN)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("*anthropic*")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            f"{TABLE}mode = 'fial'",
            "*pyproject.toml: [[]tool.toolpair_observe.pytest] mode is 'fial'*",
        ),
        (
            f"{TABLE}modus = 'fail'",
            "*pyproject.toml: [[]tool.toolpair_observe.pytest] modus is no*",
        ),
        (f"{TABLE}masked = 'no'", "*masked is 'no'; expected report or fail*"),
        (f"{TABLE}fail_on = ['all']", "*fail_on is 'all'; expected any of*"),
        (f"{TABLE}mode = 'fail'\n[tool.toolpair_observe]\nblok_on = ''", "*blok_on is no option*"),
    ],
)
def test_a_mistake_names_the_file_and_the_key(suite, project, text, told):
    project(f"{text}\n")
    result = suite(ONE_BROKEN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(told)


def test_a_table_without_a_mode_costs_a_run_nothing(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.toolpair_observe]\nspans = 'off'\n")
    (tmp_path / "test_nothing.py").write_text(
        "import sys\ndef test_it():\n    assert 'langchain_core' not in sys.modules\n"
    )
    assert_passes_alone(tmp_path)
