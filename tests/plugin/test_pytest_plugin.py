"""The pytest plugin, as its users meet it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from toolpair_observe import testing

pytest_plugins = "pytester"

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


@pytest.fixture(autouse=True)
def _nobody_watches(monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for variable in ("TOOLPAIR_MODE", "TOOLPAIR_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    yield
    assert testing._hook._watches == ()


@pytest.fixture
def suite(pytester):
    """Run tests made of the words above and the ones given."""

    def run(tests: str, *options: str, plugins: tuple[str, ...] = PLUGIN) -> pytest.RunResult:
        pytester.makepyfile(SUITE + tests)
        return pytester.runpytest_inprocess(*plugins, *options)

    return run


BROKEN_AND_SOUND = """
    def test_sound():
        ask(SOUND)

    def test_broken():
        ask(BROKEN)
"""


def test_it_does_nothing_unless_it_is_asked_to(suite):
    result = suite(BROKEN_AND_SOUND)
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*toolpair*requests*")


def test_it_imports_nothing_but_pytest_unless_it_is_asked_to(tmp_path):
    """A pytest start must not pay for langchain-core, least of all in a project without it."""
    (tmp_path / "test_nothing.py").write_text(
        "import sys\n"
        "def test_it():\n"
        "    assert 'toolpair_observe.pytest_plugin' in sys.modules\n"
        "    heavy = {'langchain_core', 'langsmith', 'opentelemetry', 'pydantic'}\n"
        "    assert not heavy & set(sys.modules)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "pytest", *PLUGIN, "-q", str(tmp_path)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_observe_fails_the_test_with_the_timeline(suite):
    result = suite(BROKEN_AND_SOUND, "--toolpair=observe")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*toolpair: a chat model was given a broken history in this test",
            "*missing_result at message 1: call call_oslo of tool get_weather*",
            "*1*ai*calls get_weather (call_oslo)*",
        ]
    )
    assert "hush" not in result.stdout.str().split("toolpair: a chat model")[1]


def test_strict_stops_the_request_and_shows_the_timeline(suite):
    result = suite(
        """
    def test_broken():
        ask(BROKEN)
        raise RuntimeError("the request went out")
    """,
        "--toolpair=strict",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*InvalidToolResultsError*", "*- toolpair -*", "*calls get_weather*"]
    )
    result.stdout.no_fnmatch_line("*the request went out*")


def test_an_application_that_swallows_the_block_fails_all_the_same(suite):
    result = suite(
        """
    def test_broken():
        try:
            ask(BROKEN)
        except Exception:
            pass
    """,
        "--toolpair=strict",
    )
    result.assert_outcomes(failed=1)


@pytest.mark.parametrize("mode", ["strict", "observe"])
def test_an_expected_violation_passes(suite, mode):
    result = suite(
        """
    @pytest.mark.toolpair_expect("missing_result")
    def test_broken():
        ask(BROKEN)
    """,
        f"--toolpair={mode}",
        "--strict-markers",
    )
    result.assert_outcomes(passed=1)


def test_an_expected_violation_that_does_not_happen_fails(suite):
    result = suite(
        """
    @pytest.mark.toolpair_expect("missing_result")
    def test_sound():
        ask(SOUND)
    """,
        "--toolpair=observe",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*expected missing_result, and no chat model was given it (1 *"])


def test_another_violation_than_the_expected_one_fails(suite):
    result = suite(
        """
    @pytest.mark.toolpair_expect("missing_result")
    def test_both():
        ask(BROKEN)
        ask(ORPHAN)
    """,
        "--toolpair=observe",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*given a broken history in this test", "*orphan_result*"])


def test_an_unknown_kind_is_named_with_the_choices(suite):
    result = suite(
        """
    @pytest.mark.toolpair_expect("mising_result")
    def test_sound():
        ask(SOUND)
    """,
        "--toolpair=observe",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*does not know mising_result; choose from missing_result,*"])


def test_a_marker_means_nothing_where_nothing_is_watched(suite):
    result = suite(
        """
    @pytest.mark.toolpair_expect("missing_result")
    def test_broken():
        ask(BROKEN)
    """,
        "--strict-markers",
    )
    result.assert_outcomes(passed=1)


FIXTURE = """
    def test_with(toolpair):
        ask(SOUND)
        assert toolpair.checked == 1
        ask(BROKEN)
        assert [v.kind for r in toolpair.reports for v in r.violations] == ["missing_result"]

    def test_without():
        ask(BROKEN)
"""


def test_the_fixture_watches_its_own_test(suite):
    result = suite(FIXTURE)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["FAILED*::test_with*"])


def test_the_fixture_shows_what_the_option_watches(suite):
    result = suite(FIXTURE, "--toolpair=observe")
    result.assert_outcomes(failed=2)
    result.stdout.no_fnmatch_line("*AssertionError*")


def test_off_is_off_for_the_fixture_too(suite):
    result = suite(
        """
    def test_with(toolpair):
        ask(BROKEN)
        assert toolpair.checked == 0
    """,
        "--toolpair=off",
    )
    result.assert_outcomes(passed=1)


def test_the_ini_option_is_the_default(suite, pytester):
    pytester.makeini("[pytest]\ntoolpair = observe\n")
    suite(BROKEN_AND_SOUND).assert_outcomes(passed=1, failed=1)
    suite(BROKEN_AND_SOUND, "--toolpair=off").assert_outcomes(passed=2)


@pytest.mark.parametrize("wrong", ["ini", "option", "environment"])
def test_a_wrong_value_ends_the_run_at_its_start(suite, pytester, monkeypatch, wrong):
    options = ["--toolpair=stict"] if wrong == "option" else ["--toolpair=observe"]
    if wrong == "ini":
        pytester.makeini("[pytest]\ntoolpair = stict\n")
        options = []
    elif wrong == "environment":
        monkeypatch.setenv("TOOLPAIR_PROFILE", "stict")
    result = suite(BROKEN_AND_SOUND, *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*'stict'*"])


def test_the_summary_counts_requests_and_names_tests(suite):
    result = suite(
        BROKEN_AND_SOUND
        + """
    def test_orphan():
        ask(ORPHAN)
        ask(BROKEN)
    """,
        "--toolpair=observe",
    )
    result.stdout.fnmatch_lines(
        [
            "*= toolpair =*",
            "4 chat-model requests checked in 3 tests; broken histories: 2 missing_result, "
            "1 orphan_result",
            "  *::test_broken: 1 missing_result",
            "  *::test_orphan: 1 orphan_result, 1 missing_result",
        ]
    )


def test_the_summary_of_a_sound_run_is_one_line(suite):
    result = suite("\n    def test_sound():\n        ask(SOUND)\n", "--toolpair=strict")
    result.stdout.fnmatch_lines(
        ["1 chat-model requests checked in 1 tests, tool calls and results pair in all of them"]
    )


def test_it_sums_up_what_the_workers_of_xdist_did(suite):
    pytest.importorskip("xdist")
    result = suite(BROKEN_AND_SOUND, "-p", "xdist", "-n", "2", "--toolpair=observe", plugins=PLUGIN)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["2 chat-model requests checked in 2 tests; broken histories: 1 missing_result"]
    )


def test_fixtures_are_part_of_the_test(suite):
    result = suite(
        """
    @pytest.fixture
    def before():
        ask(BROKEN)

    @pytest.fixture
    def after():
        yield
        ask(BROKEN)

    def test_one(before):
        pass

    def test_other(after):
        pass
    """,
        "--toolpair=observe",
    )
    result.assert_outcomes(failed=1, passed=1, errors=1)
    result.stdout.fnmatch_lines(["*while the test was torn down"])


def test_it_sees_what_a_handler_of_the_application_checks(suite):
    result = suite(
        """
    def test_broken():
        from toolpair_observe import ToolPairHandler
        handler = ToolPairHandler(feedback="off")
        ask(BROKEN, callbacks=[handler])
        handler.close()
    """,
        "--toolpair=strict",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*InvalidToolResultsError*"])


def test_a_request_can_be_taken_out(suite):
    result = suite(
        """
    def test_broken():
        ask(BROKEN, metadata={"toolpair_mode": "off"})
    """,
        "--toolpair=strict",
    )
    result.assert_outcomes(passed=1)


def test_a_failure_of_the_test_itself_keeps_its_words(suite):
    result = suite(
        """
    def test_broken():
        ask(BROKEN)
        assert 1 == 2
    """,
        "--toolpair=observe",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert 1 == 2*", "*- toolpair -*", "*missing_result*"])


def test_skipped_and_expected_failures_stay_what_they_are(suite):
    result = suite(
        """
    @pytest.mark.xfail
    def test_known():
        ask(BROKEN)

    def test_skipped():
        ask(SOUND)
        pytest.skip("later")
    """,
        "--toolpair=observe",
    )
    result.assert_outcomes(xfailed=1, skipped=1)


def test_threads_and_tasks_belong_to_the_test_that_runs(suite):
    result = suite(
        """
    import asyncio, threading

    def test_thread():
        thread = threading.Thread(target=ask, args=[BROKEN])
        thread.start()
        thread.join()

    def test_task():
        asyncio.run(FakeListChatModel(responses=["Fine."]).ainvoke(BROKEN))
    """,
        "--toolpair=observe",
    )
    result.assert_outcomes(failed=2)


def test_a_test_that_runs_again_starts_anew(suite, pytester):
    """As rerun plugins do it: the same item, through its phases once more."""
    pytester.makeconftest(
        """
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            runtestprotocol(item, log=False, nextitem=item)
            for report in runtestprotocol(item, log=False, nextitem=nextitem):
                item.ihook.pytest_runtest_logreport(report=report)
            return True
        """
    )
    result = suite(
        """
    times = []

    def test_flaky():
        times.append(1)
        ask(BROKEN if len(times) == 1 else SOUND)
    """,
        "--toolpair=observe",
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["1 chat-model requests checked in 1 tests*"])


@pytest.mark.parametrize("mode", ["strict", "observe"])
def test_a_setup_that_fails_shows_the_timeline(suite, mode):
    result = suite(
        """
    @pytest.fixture
    def before():
        ask(BROKEN)
        raise RuntimeError("not ready")

    def test_it(before):
        pass
    """,
        f"--toolpair={mode}",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*given a broken history while the test was set up", "*missing_*"])


def test_a_teardown_that_is_stopped_shows_the_timeline_of_its_own_request_only(suite):
    result = suite(
        """
    @pytest.fixture
    def after():
        yield
        ask(ORPHAN)

    def test_it(after):
        ask(BROKEN)
    """,
        "--toolpair=strict",
    )
    result.assert_outcomes(failed=1, errors=1)
    told = result.stdout.str()
    assert told.count("given a broken history in this test") == 1
    assert told.count("given a broken history while the test was torn down") == 1
    assert told.count("<-- orphan_result") == told.count("<-- missing_result") == 1


def test_a_test_that_calls_fail_itself_shows_the_timeline(suite):
    result = suite(
        """
    def test_it():
        with pytest.raises(ValueError):
            ask(BROKEN)
    """,
        "--toolpair=observe",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*DID NOT RAISE*", "*- toolpair -*", "*missing_result*"])


def test_what_is_stopped_in_a_test_is_not_logged_as_well(suite):
    result = suite(BROKEN_AND_SOUND, "--toolpair=strict")
    result.stdout.no_fnmatch_line("*blocked request*")


@pytest.mark.parametrize("mode", ["strict", "observe"])
def test_a_test_that_skips_itself_does_not_hide_what_it_gave_a_model(suite, mode):
    result = suite(
        """
    def ask_or_skip():
        try:
            ask(BROKEN)
        except Exception:
            pass
        pytest.skip("the provider is not there")

    def test_hidden():
        ask_or_skip()

    @pytest.mark.toolpair_expect("missing_result")
    def test_expected():
        ask_or_skip()
    """,
        f"--toolpair={mode}",
    )
    result.assert_outcomes(failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*given a broken history in this test"])


def test_a_test_can_ask_for_the_fixture_in_its_middle(suite):
    result = suite(
        """
    def test_it(request):
        toolpair = request.getfixturevalue("toolpair")
        ask(BROKEN)
        assert len(toolpair.reports) == 1
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*given a broken history in this test"])
