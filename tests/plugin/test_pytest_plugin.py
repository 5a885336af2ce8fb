"""The pytest plugin, as its users meet it."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import PLUGIN, assert_passes_alone

pytest_plugins = "pytester"

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
    assert_passes_alone(tmp_path)


def test_observe_fails_the_test_with_the_timeline(suite):
    result = suite(BROKEN_AND_SOUND, "--toolpair=observe")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*toolpair: a chat model was given a broken history in this test",
            "*missing_result at message 1: call call_oslo of tool*",
            "*1 ai*call_oslo*get_weather*",
            "*✗*call_oslo*no result*missing_result*",
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
    result.stdout.fnmatch_lines(["*InvalidToolResultsError*", "*- toolpair -*", "*ai*get_weather*"])
    assert "the request went out" not in result.stdout.str()


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


MODES = pytest.mark.parametrize("mode", ["block", "strict", "fail", "observe"])


@MODES
def test_an_expected_violation_is_let_through_and_the_test_goes_on(suite, mode):
    result = suite(
        """
    @pytest.mark.toolpair_expect("missing_result")
    def test_broken():
        assert ask(BROKEN).text == "Fine."

    @pytest.mark.toolpair_expect("missing_result")
    def test_wrong_afterwards():
        ask(BROKEN)
        assert ask(BROKEN).text == "Wrong."
    """,
        f"--toolpair={mode}",
        "--strict-markers",
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*AssertionError*", "expected: 2 missing_result"])
    result.stdout.no_fnmatch_line("*broken histor*")


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
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*does not know mising_result; choose from missing_result,*"])


@pytest.mark.parametrize(
    ("marker", "complaint"),
    [
        ("toolpair_expect()", "toolpair_expect needs a kind"),
        ("toolpair_ignore('mising_result')", "toolpair_ignore does not know mising_result"),
        ("toolpair_ignore(kind='missing_result')", "toolpair_ignore takes kinds without kind="),
        ("toolpair_expect(['missing_result'])", "toolpair_expect does not know ['missing_result']"),
    ],
)
def test_a_marker_that_is_used_wrongly_is_one_clear_line(suite, marker, complaint):
    test = f"\n    @pytest.mark.{marker}\n    def test_broken():\n        ask(BROKEN)\n"
    for watched in (test, test.replace("broken()", "broken(toolpair)")):
        result = suite(watched, *(["--toolpair=fail"] if watched is test else []))
        result.assert_outcomes(errors=1)
        assert f"marker {complaint}; choose from missing_result, " in result.stdout.str()


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
            "  missing_result: unknown under contract, cause abandoned_turn",
            "    *::test_broken",
            "    *::test_orphan",
            "  orphan_result: unknown under contract, cause *",
            "    *::test_orphan",
        ]
    )


def test_identical_breaches_are_told_once(suite):
    result = suite(
        """
    @pytest.mark.parametrize("question", ["Why?", "How?"])
    def test_agent(question):
        history = list(BROKEN)
        for _ in range(3):
            ask(history)
            history += [AIMessage("Fine."), HumanMessage(question)]
    """,
        "--toolpair=fail",
    )
    result.assert_outcomes(failed=2)
    told = result.stdout.str()
    assert told.count("← missing_result") == 2
    assert told.count("the same in 3 requests") == 2
    assert told.count("missing_result: unknown under contract") == 1
    result.stdout.fnmatch_lines(
        [
            "*broken histories: 2 missing_result",
            "*missing_result:*",
            "    *::test_agent?Why??*(3 requests)",
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
        ask(SOUND)
        assert 1 == 2

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
    assert told.count("← orphan_result") == told.count("← missing_result") == 1


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


def test_report_lists_and_fails_nothing(suite):
    result = suite(
        BROKEN_AND_SOUND
        + """
    @pytest.mark.toolpair_expect("orphan_result")
    def test_expecting_in_vain():
        ask(SOUND)
    """,
        "--toolpair=report",
        "-rP",
    )
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "toolpair: report; no test fails",
            "*- toolpair -*",
            "*← missing_result",
            "3 chat-model requests checked in 3 tests; broken histories: 1 missing_result",
        ]
    )


UNKNOWN = {"TOOLPAIR_PROFILE": "openai-compatible"}
LOST = {"TOOLPAIR_PROFILE": "google-genai"}


@pytest.mark.parametrize("mode", ["fail", "block"])
@pytest.mark.parametrize(
    ("environment", "fail_on", "fails"),
    [
        ({}, None, True),
        ({"TOOLPAIR_BLOCK_UNIDENTIFIED": "false"}, None, False),
        ({}, "reject", False),
        ({}, "unknown", True),
        ({"TOOLPAIR_BLOCK_UNIDENTIFIED": "false"}, "reject,unknown", True),
        (UNKNOWN, None, False),
        (UNKNOWN, "unknown", True),
        (UNKNOWN | {"TOOLPAIR_BLOCK_ON": "unknown"}, None, True),
        (UNKNOWN | {"TOOLPAIR_BLOCK_ON": "unknown"}, "reject", False),
        (LOST, None, True),
        (LOST | {"TOOLPAIR_BLOCK_ON": "reject"}, None, False),
        (LOST, "reject", False),
        (LOST, " Silent_Loss ", True),
    ],
)
def test_what_fails_a_test_is_what_the_options_say(  # noqa: PLR0913, PLR0917 -- a table
    suite, monkeypatch, mode, environment, fail_on, fails
):
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    options = [] if fail_on is None else [f"--toolpair-fail-on={fail_on}"]
    result = suite(
        """
    def test_orphan():
        ask(ORPHAN)
        print("the request went out")
    """,
        f"--toolpair={mode}",
        "-rA",
        *options,
    )
    result.assert_outcomes(passed=not fails, failed=fails)
    went_out = "the request went out\n" in result.stdout.str()
    assert went_out is (mode == "fail" or not fails)
    if not fails:
        # It is told all the same.
        result.stdout.fnmatch_lines(["*- toolpair -*", "below the threshold: 1 orphan_result"])
        result.stdout.no_fnmatch_line("*broken histories*")


def test_the_threshold_can_stand_in_the_ini_file(suite, pytester):
    pytester.makeini("[pytest]\ntoolpair = fail\ntoolpair_fail_on = reject\n")
    suite(BROKEN_AND_SOUND).assert_outcomes(passed=2)
    suite(BROKEN_AND_SOUND, "--toolpair-fail-on=unknown").assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize("value", ["", "rejected", "accept", ","])
def test_a_threshold_that_means_nothing_ends_the_run_at_its_start(suite, value):
    result = suite(BROKEN_AND_SOUND, "--toolpair=fail", f"--toolpair-fail-on={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--toolpair-fail-on is '{value}'; expected any of *reject*"])


def test_the_header_says_what_is_watched(suite):
    for options, header in (
        (["--toolpair=strict"], "toolpair: block; a test fails on *, and unknown of a model that*"),
        (
            ["--toolpair=fail", "--toolpair-fail-on=unknown"],
            "toolpair: fail; a test fails on unknown",
        ),
        (["--toolpair=off"], "toolpair: off"),
        (["--toolpair-fail-on=reject"], "toolpair: --toolpair-fail-on without --toolpair is for *"),
    ):
        suite(BROKEN_AND_SOUND, *options).stdout.fnmatch_lines([header])
    suite(BROKEN_AND_SOUND).stdout.no_fnmatch_line("toolpair:*")


@MODES
def test_an_ignored_violation_is_let_through_and_not_listed(suite, mode):
    result = suite(
        """
    @pytest.mark.parametrize(
        "history", [SOUND, pytest.param(BROKEN, marks=pytest.mark.toolpair_ignore), ORPHAN]
    )
    def test_one(history):
        assert ask(history).text == "Fine."

    @pytest.mark.toolpair_ignore("missing_result")
    class TestClass:
        def test_ignored(self):
            assert ask(BROKEN).text == "Fine."

        def test_sound(self):
            assert ask(SOUND).text == "Fine."

        def test_other(self):
            ask(ORPHAN)
    """,
        f"--toolpair={mode}",
        "--strict-markers",
    )
    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines(
        [
            "6 chat-model requests checked in 6 tests; broken histories: 2 orphan_result",
            "  orphan_result:*",
            "ignored: 2 missing_result",
        ]
    )
    result.stdout.no_fnmatch_line("*← missing_result*")


def test_what_is_expected_beside_what_is_not_is_not_called_broken(suite):
    result = suite(
        """
    @pytest.mark.toolpair_expect("missing_result")
    def test_both():
        ask([*BROKEN, ToolMessage("11", tool_call_id="gone")])
    """,
        "--toolpair=block",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            '*says so: @pytest.mark.toolpair_expect("orphan_result")',
            "*broken histories: 1 orphan_result",
        ]
    )


OWN = """
    @pytest.fixture
    def handler():
        from toolpair_observe import ToolPairHandler
        handler = ToolPairHandler("strict", feedback="off")
        yield handler
        handler.close()
"""


@MODES
def test_what_the_application_itself_stops_stays_stopped(suite, mode):
    result = suite(
        OWN
        + """
    @pytest.mark.toolpair_expect("missing_result")
    def test_propagates(handler):
        ask(BROKEN, callbacks=[handler])

    @pytest.mark.toolpair_expect("missing_result")
    def test_meant(handler):
        from toolpair_observe import InvalidToolResultsError
        with pytest.raises(InvalidToolResultsError):
            ask(BROKEN, callbacks=[handler])

    def test_guarded():
        from toolpair_observe import guard
        guard(FakeListChatModel(responses=["Fine."])).invoke(BROKEN)
    """,
        f"--toolpair={mode}",
    )
    result.assert_outcomes(passed=1, failed=2)
    assert result.stdout.str().count("the application's own strict mode") == 2
    result.stdout.fnmatch_lines(["*← missing_result", "FAILED *::test_propagates - missing_res*"])


def test_a_block_that_the_test_awaits_fails_it_unless_it_says_what_it_expects(suite):
    result = suite(
        """
    def test_awaits():
        from toolpair_observe import InvalidToolResultsError
        with pytest.raises(InvalidToolResultsError):
            ask(BROKEN)
    """,
        "--toolpair=block",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(['*says so: @pytest.mark.toolpair_expect("missing_result")'])


SKIPS = """
    import unittest

    def swallow():
        try:
            ask(BROKEN)
        except Exception:
            pass

    @pytest.fixture
    def skips():
        swallow()
        pytest.skip("later")

    @pytest.fixture
    def skips_at_its_end():
        yield
        swallow()
        pytest.skip("later")

    def test_setup(skips):
        pass

    def test_teardown(skips_at_its_end):
        pass

    def test_unittest_skip():
        swallow()
        raise unittest.SkipTest("later")

    class TestCase(unittest.TestCase):
        def test_case_skip(self):
            swallow()
            self.skipTest("later")

        def test_case_swallows(self):
            swallow()

        def test_case_fails(self):
            ask(BROKEN)
            self.fail("no")
"""


@MODES
def test_no_way_to_skip_hides_a_broken_history(suite, mode):
    result = suite(SKIPS, f"--toolpair={mode}")
    result.assert_outcomes(passed=1, failed=4, errors=2)
    lines = [line for line in result.stdout.lines if line.startswith(("FAILED", "ERROR "))]
    starts = [line.partition(" - ")[2].split(" ", 1)[0] for line in lines if " - " in line]
    own_words = [start for start in starts if not start.startswith("missing_")]
    assert own_words == (["AssertionError:"] if mode in {"fail", "observe"} else [])


def test_a_broken_history_at_import_fails_the_collection(suite):
    for mode in ("fail", "block"):
        result = suite(
            "\n    ask(BROKEN)\n    def test_it():\n        pass\n", f"--toolpair={mode}"
        )
        assert result.ret == pytest.ExitCode.INTERRUPTED
        result.assert_outcomes(errors=1)
    suite(
        "\n    ask(BROKEN)\n    def test_it():\n        pass\n", "--toolpair=report"
    ).assert_outcomes(passed=1)


BLOCKED = """
    from toolpair_observe import guard

    HISTORY = pytest.mark.parametrize("history", [BROKEN], ids=["broken"])

    @HISTORY
    def test_plain(history):
        ask(history)

    @HISTORY
    def test_chained(history):
        try:
            ask(history)
        except Exception as error:
            raise RuntimeError("the agent failed") from error

    @HISTORY
    def test_guarded(history):
        guard(FakeListChatModel(responses=["Fine."])).invoke(history)

    @HISTORY
    def test_agent(history):
        agents = pytest.importorskip("langchain.agents")
        from toolpair_observe.middleware import ToolPairMiddleware
        model = FakeListChatModel(responses=["Fine."])
        agent = agents.create_agent(model, middleware=[ToolPairMiddleware(mode="strict")])
        agent.invoke({"messages": history})

    @HISTORY
    def test_group(history):
        import asyncio
        async def main():
            async with asyncio.TaskGroup() as group:
                group.create_task(FakeListChatModel(responses=["Fine."]).ainvoke(history))
        asyncio.run(main())

    @pytest.fixture
    def asked():
        history = [*BROKEN[:2], HumanMessage("hush")]
        return ask(history)

    def test_setup(asked):
        pass
"""


@pytest.mark.parametrize("style", ["auto", "long", "short", "native", "line"])
def test_the_report_of_a_block_shows_no_content_and_no_frame_of_ours(suite, style):
    result = suite(BLOCKED, "--toolpair=block", f"--tb={style}")
    result.assert_outcomes(failed=5, errors=1)
    told = result.stdout.str()
    assert "hush" not in told
    assert "messages = [" not in told
    if style != "native":
        for module in ("seam", "handler", "guard", "testing", "contextlib"):
            assert f"{module}.py:" not in told
    if style in {"auto", "long", "short"}:
        result.stdout.fnmatch_lines(["*py:*", "    ask(history)", "*", "E *InvalidToolResultsErr*"])


@pytest.mark.parametrize("ci", ["", "true"], ids=["cut", "whole"])
@pytest.mark.parametrize("mode", ["fail", "block"])
def test_the_line_of_the_short_summary_begins_with_the_kind(suite, monkeypatch, mode, ci):
    monkeypatch.setenv("CI", ci)
    monkeypatch.delenv("BUILD_NUMBER", raising=False)
    result = suite(BROKEN_AND_SOUND + BLOCKED, f"--toolpair={mode}")
    lines = [line for line in result.stdout.lines if line.startswith(("FAILED", "ERROR "))]
    told = dict(line.split(" - ", 1) for line in lines if " - " in line)
    starts = {name.rpartition("::")[2]: text for name, text in told.items()}
    chained = starts.pop("test_chained[broken]")
    assert chained.startswith("RuntimeError" if mode == "block" else "missing_result at message 1:")
    assert len(starts) == 6
    for text in starts.values():
        assert text.startswith("missing_result at message 1: call call_oslo")


def test_a_block_of_the_application_shows_no_content_where_nothing_is_watched(suite):
    result = suite(
        OWN
        + """
    @pytest.mark.parametrize("history", [BROKEN], ids=["broken"])
    def test_it(history, handler):
        ask(history, callbacks=[handler])
    """
    )
    result.assert_outcomes(failed=1)
    assert "hush" not in result.stdout.str()
    result.stdout.fnmatch_lines(["*← missing_result", "FAILED * - missing_*"])


def test_the_workers_of_xdist_show_a_block_as_one_process_does(suite):
    pytest.importorskip("xdist")
    options = ("-p", "xdist", "-n", "1", "--toolpair=block")
    result = suite(BLOCKED, *options)
    assert "hush" not in result.stdout.str()
    result.stdout.fnmatch_lines(["FAILED *::test_plain* - missing_*"])


def test_a_request_that_was_not_checked_is_told(suite):
    result = suite(
        """
    def test_it():
        ask(BROKEN, metadata={"toolpair_mode": "OFF"})
        ask(SOUND)
    """,
        "--toolpair=block",
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["1 chat-model requests*", "not checked: 1 requests*"])


@pytest.mark.parametrize("mode", ["observe", "strict"])
def test_a_request_can_not_change_what_the_plugin_does(suite, mode):
    result = suite(
        f"""
    def test_it():
        ask(BROKEN, metadata={{"toolpair_mode": "{mode}"}})
        print("the request went out")
    """,
        "--toolpair=block" if mode == "observe" else "--toolpair=fail",
    )
    result.assert_outcomes(failed=1)
    assert ("the request went out\n" in result.stdout.str()) is (mode == "strict")


def test_pytest_leaves_our_frames_out_by_itself(suite):
    result = suite(
        OWN
        + """
    from toolpair_observe import check_messages, guard

    def test_handler(handler):
        ask(BROKEN, callbacks=[handler])

    def test_guard():
        guard(FakeListChatModel(responses=["Fine."])).invoke(BROKEN)

    def test_raise():
        check_messages(BROKEN).raise_for_violations()
    """,
        "--tb=short",
        plugins=("-p", "no:cacheprovider"),
    )
    result.assert_outcomes(failed=3)
    for module in ("seam", "handler", "guard", "report"):
        assert f"{module}.py:" not in result.stdout.str()
