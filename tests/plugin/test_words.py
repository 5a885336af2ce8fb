"""What the plugin prints: nothing of a history, no command of others, and no more than is true."""

from __future__ import annotations

import pytest

pytest_plugins = "pytester"

COMMAND = "##vso[task.complete]"


@pytest.mark.parametrize("style", ["auto", "long", "short"])
@pytest.mark.parametrize("watched", [True, False])
def test_no_error_of_ours_shows_content(suite, monkeypatch, style, watched):
    monkeypatch.setenv("TOOLPAIR_ON_INTERNAL_ERROR", "block")
    result = suite(
        """
    from toolpair_observe.attach import judge

    @pytest.fixture
    def fails(monkeypatch):
        monkeypatch.setattr(judge, "check", lambda *args, **how: 1 / 0)

    @pytest.fixture
    def handler():
        from toolpair_observe import ToolPairHandler
        handler = ToolPairHandler("strict", feedback="off")
        yield handler
        handler.close()

    @pytest.mark.parametrize("history", [BROKEN], ids=["broken"])
    def test_it(history, fails, handler):
        ask(history, callbacks=[handler])
    """,
        f"--tb={style}",
        *(["--toolpair=block"] if watched else []),
    )
    result.assert_outcomes(failed=1)
    told = result.stdout.str()
    assert "hush" not in told
    result.stdout.fnmatch_lines(["FAILED *CheckFailedError: toolpair_observe failed to check*"])


@pytest.mark.parametrize(
    "options",
    [
        ["--toolpair-fail-on={}"],
        ["--toolpair-fail-on={}", "--toolpair=fail"],
        ["--toolpair-fail-on={}", "--toolpair=off"],
        ["--toolpair={}"],
        ["-o", "toolpair={}"],
        ["-o", "toolpair_fail_on={}"],
    ],
)
def test_a_usage_error_names_the_value_and_is_no_command(suite, options):
    value = COMMAND + "x" * 5000
    result = suite(
        "\n    def test_it():\n        pass\n", *(option.format(value) for option in options)
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (told,) = [line for line in result.stderr.lines if "vso" in line]
    assert "##vso[" not in told
    assert len(told) < 1000


def test_a_wrong_argument_of_a_marker_is_no_command(suite):
    value = COMMAND + "x" * 5000
    result = suite(
        f"""
    pytestmark = pytest.mark.filterwarnings("default")

    @pytest.mark.toolpair_expect({value!r}, "two\\nlines")
    def test_it():
        pass
    """,
        "--toolpair=fail",
        "--tb=line",
    )
    result.assert_outcomes(errors=1)
    told = [line for line in result.stdout.lines if "does not know" in line]
    assert told
    for line in told:
        assert "##vso[" not in line
        assert len(line) < 1000


def test_the_name_of_a_profile_is_no_command(suite, pytester):
    pytester.makeconftest(
        f"""
    import dataclasses, pytest
    from toolpair_observe import testing

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(item):
        requests = item.funcargs["toolpair"]
        add = requests.add
        name = {COMMAND!r} + "x" * 5000
        requests.add = lambda report, *more: add(
            dataclasses.replace(report, profile=name), *more
        )
    """
    )
    result = suite(
        "\n    def test_it(toolpair):\n        ask(BROKEN)\n",
        "--toolpair=report",
    )
    told = [line for line in result.stdout.lines if "vso" in line]
    assert told
    assert "##vso[" not in result.stdout.str()
    assert max(map(len, told)) < 2500


def test_the_summary_does_not_call_sound_what_a_model_accepts(suite, monkeypatch):
    monkeypatch.setenv("TOOLPAIR_PROFILE", "ollama")
    result = suite("\n    def test_it():\n        ask(BROKEN)\n", "--toolpair=fail")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["1 chat-model requests checked in 1 tests", "accepted by the model: 1 missing_result"]
    )
