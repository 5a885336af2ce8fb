"""No way in which pytest ends a test, a module or a run hides a broken history."""

from __future__ import annotations

import pytest

pytest_plugins = "pytester"

MODES = pytest.mark.parametrize("mode", ["fail", "block"])

SWALLOW = """
    import threading, unittest

    def swallow(history=BROKEN):
        try:
            ask(history)
        except Exception:
            pass
"""


@MODES
def test_no_subtest_hides_a_broken_history(suite, mode):
    result = suite(
        SWALLOW
        + """
    def test_within(subtests):
        with subtests.test("a"):
            swallow()

    def test_before(subtests):
        swallow()
        with subtests.test("a"):
            pass

    @pytest.fixture
    def before(subtests):
        swallow()
        with subtests.test("a"):
            pass

    def test_setup(before):
        pass

    @pytest.fixture
    def after(subtests):
        yield
        swallow()
        with subtests.test("a"):
            pass

    def test_teardown(after):
        pass

    def test_skipped_subtest(subtests):
        with subtests.test("a"):
            swallow()
            pytest.skip("later")

    class TestCase(unittest.TestCase):
        def test_within_case(self):
            with self.subTest(i=1):
                swallow()

        def test_before_case(self):
            swallow()
            with self.subTest(i=1):
                pass
    """,
        f"--toolpair={mode}",
    )
    names = "within", "before", "setup", "skipped_subtest", "within_case", "before_case"
    failed = {line.split(" - ")[0].split("::")[-1] for line in _told(result, "FAILED")}
    assert failed == {f"test_{name}" for name in names}
    assert [line.split("::")[1].split(" ")[0] for line in _told(result, "ERROR")] == [
        "test_teardown"
    ]


def _told(result, word):
    return [line for line in result.stdout.lines if line.startswith(f"{word} ") and "::" in line]


def test_a_subtest_that_expects_what_it_does_stays_green(suite):
    result = suite(
        """
    @pytest.mark.toolpair_expect("missing_result")
    def test_it(subtests):
        with subtests.test("a"):
            ask(BROKEN)
    """,
        "--toolpair=block",
    )
    assert result.ret == pytest.ExitCode.OK


@MODES
@pytest.mark.parametrize("strict", [True, False])
def test_no_expected_failure_hides_what_the_plugin_finds(suite, mode, strict):
    result = suite(
        SWALLOW
        + f"""
    known = pytest.mark.xfail(strict={strict})

    @known
    def test_passes():
        swallow()

    @known
    def test_fails():
        ask(BROKEN)
        assert 1 == 2

    @known
    @pytest.mark.toolpair_expect("missing_result")
    def test_not_found():
        ask(SOUND)

    @known
    @pytest.mark.toolpair_expect("no_kind")
    def test_wrong_marker():
        pass

    def test_imperative():
        swallow()
        pytest.xfail("later")

    @pytest.fixture
    def before():
        swallow()
        pytest.xfail("later")

    def test_setup(before):
        pass

    @pytest.fixture
    def after():
        yield
        swallow()

    @known
    def test_teardown(after):
        assert 1 == 2

    class TestCase(unittest.TestCase):
        @unittest.expectedFailure
        def test_case(self):
            swallow()
            self.fail("known")

        @unittest.expectedFailure
        def test_case_passes(self):
            swallow()
    """,
        f"--toolpair={mode}",
    )
    result.assert_outcomes(failed=6, errors=3, xfailed=1)


@MODES
def test_an_expected_failure_that_says_what_it_gives_stays_one(suite, mode):
    result = suite(
        """
    @pytest.mark.xfail(strict=True)
    @pytest.mark.toolpair_expect("missing_result")
    def test_expected():
        ask(BROKEN)
        assert 1 == 2

    @pytest.mark.xfail
    @pytest.mark.toolpair_ignore
    def test_ignored():
        ask(BROKEN)
        pytest.xfail("later")
    """,
        f"--toolpair={mode}",
    )
    result.assert_outcomes(xfailed=2)


def test_the_report_mode_leaves_expected_failures_alone(suite):
    result = suite(
        """
    @pytest.mark.xfail
    def test_it():
        ask(BROKEN)
        assert 1 == 2
    """,
        "--toolpair=report",
    )
    result.assert_outcomes(xfailed=1)


@MODES
@pytest.mark.parametrize(
    "end",
    [
        'pytest.skip("later", allow_module_level=True)',
        'pytest.importorskip("no_such_module")',
        'raise unittest.SkipTest("later")',
        "pass",
    ],
)
def test_no_module_that_ends_itself_hides_a_broken_history(suite, mode, end):
    result = suite(f"{SWALLOW}\n    swallow()\n    {end}\n", f"--toolpair={mode}")
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["missing_result at message 1:*", "*while the tests were collec*"])


def test_a_module_that_can_not_be_imported_shows_what_it_gave_as_well(suite):
    result = suite(SWALLOW + "\n    swallow()\n    import no_such_module\n", "--toolpair=fail")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ModuleNotFoundError*", "*while the tests were collected"])


@pytest.mark.parametrize("style", ["auto", "long", "short"])
def test_a_block_at_import_is_told_as_a_failure_is(suite, style):
    result = suite("\n    ask(BROKEN)\n", "--toolpair=block", f"--tb={style}")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["missing_result at message 1:*", "*while the tests were collec*"])
    result.stdout.fnmatch_lines(["*← missing_result"])
    assert "langchain_core" not in result.stdout.str()
    assert "hush" not in result.stdout.str()


@pytest.mark.parametrize("style", ["auto", "long"])
def test_a_block_of_the_application_at_import_shows_no_content(suite, style):
    result = suite(
        """
    def load(history):
        from toolpair_observe import guard
        guard(FakeListChatModel(responses=["Fine."])).invoke(history)

    load(BROKEN)
    """,
        f"--tb={style}",
    )
    result.assert_outcomes(errors=1)
    assert "messages = [" not in result.stdout.str()
    assert "history = [" not in result.stdout.str()


IN_CONFTEST = """
    from langchain_core.language_models import FakeListChatModel
    from langchain_core.messages import AIMessage, HumanMessage

    CALL = {"name": "t", "args": {}, "id": "call_1"}
    BROKEN = [HumanMessage("hush"), AIMessage("", tool_calls=[CALL]), HumanMessage("hush")]

    def swallow():
        try:
            FakeListChatModel(responses=["Fine."]).invoke(BROKEN)
        except Exception:
            pass

"""
PLACES = pytest.mark.parametrize(
    "place",
    [
        "def pytest_collection_modifyitems(items):\n        swallow()",
        "def pytest_sessionstart(session):\n        swallow()",
        "def pytest_sessionfinish(session):\n        swallow()",
        "def pytest_runtest_logfinish(nodeid):\n        swallow()",
        # After the summary
        "import pytest\n    @pytest.hookimpl(wrapper=True, tryfirst=True)\n"
        "    def pytest_sessionfinish(session):\n        yield\n        swallow()",
    ],
)
SOUND_TEST = "\n    def test_it():\n        pass\n"


@MODES
@PLACES
def test_a_broken_history_outside_of_every_test_fails_the_run(suite, pytester, mode, place):
    pytester.makeconftest(f"{IN_CONFTEST}    {place}\n")
    result = suite(SOUND_TEST, f"--toolpair={mode}")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*broken history while no test ran*", "*← missing_result"])
    assert "hush" not in result.stdout.str()


@PLACES
def test_the_report_mode_lists_it(suite, pytester, place):
    pytester.makeconftest(f"{IN_CONFTEST}    {place}\n")
    result = suite(SOUND_TEST, "--toolpair=report")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*broken history while no test ran*"])


def test_the_report_mode_lists_a_broken_history_at_import(suite):
    result = suite(SWALLOW + "\n    swallow()\n" + SOUND_TEST, "--toolpair=report")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        ["1 chat-model requests checked in 0 tests, 1 of them outside of *: 1 missing_result"]
    )


def test_a_sound_request_outside_of_every_test_is_counted_and_fails_nothing(suite, pytester):
    sound = IN_CONFTEST.replace("BROKEN = [", "BROKEN = [][:0] + [][:0] or [][1:] or [")
    sound = sound.replace('AIMessage("", tool_calls=[CALL])', 'AIMessage("Yes.")')
    pytester.makeconftest(f"{sound}    def pytest_sessionfinish():\n        swallow()\n")
    result = suite(SOUND_TEST, "--toolpair=fail")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["1 chat-model requests checked in 0 tests, 1 of them outside *"])


@MODES
def test_a_thread_that_outlives_the_last_test_fails_the_run(suite, pytester, mode):
    pytester.makeconftest(
        """
    import test_a_thread_that_outlives_the_last_test_fails_the_run as module

    def pytest_sessionfinish(session):
        module.go.set()
    """
    )
    result = suite(
        SWALLOW
        + """
    go = threading.Event()
    thread = threading.Thread(target=lambda: go.wait() and swallow())

    def test_it():
        thread.start()
    """,
        f"--toolpair={mode}",
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_the_workers_of_xdist_tell_what_they_did_outside_of_their_tests(suite, pytester):
    pytest.importorskip("xdist")
    pytester.makeconftest(
        f"{IN_CONFTEST}    def pytest_collection_modifyitems(items):\n        swallow()\n"
    )
    result = suite(SOUND_TEST, "-p", "xdist", "-n", "1", "--toolpair=fail")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*broken history while no test ran*", "*← missing_result"])


@MODES
def test_a_marker_that_a_test_adds_to_itself_counts(suite, mode):
    result = suite(
        """
    def test_expects(request):
        request.node.add_marker(pytest.mark.toolpair_expect("missing_result"))
        assert ask(BROKEN).text == "Fine."

    def test_ignores(request):
        request.node.add_marker(pytest.mark.toolpair_ignore)
        assert ask(BROKEN).text == "Fine."

    def test_expects_in_vain(request):
        request.node.add_marker(pytest.mark.toolpair_expect("orphan_result"))
        ask(SOUND)

    def test_is_wrong(request):
        request.node.add_marker(pytest.mark.toolpair_ignore("no_kind"))
        ask(SOUND)
    """,
        f"--toolpair={mode}",
    )
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["*expected orphan_result,*", "*does not know no_kind;*"])


@pytest.mark.parametrize("order", ["before, toolpair", "toolpair, before"])
@pytest.mark.parametrize("options", [[], ["--toolpair=fail"]])
def test_the_fixture_watches_from_the_start_of_the_setup(suite, order, options):
    result = suite(
        f"""
    @pytest.fixture
    def before():
        ask(BROKEN)

    def test_it({order}):
        assert toolpair.checked == 1
    """,
        *options,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*given a broken history in this test"])


def test_the_fixture_watches_to_the_end_of_the_teardown(suite):
    result = suite(
        """
    @pytest.fixture
    def after():
        yield
        ask(BROKEN)

    def test_it(after, toolpair):
        pass
    """
    )
    result.assert_outcomes(passed=1, errors=1)


@pytest.mark.parametrize("options", [[], ["--toolpair=fail"]])
def test_what_decides_is_not_the_list_that_a_test_can_change(suite, options):
    result = suite(
        """
    def test_it(toolpair):
        ask(BROKEN)
        toolpair.reports.clear()
    """,
        *options,
    )
    result.assert_outcomes(failed=1)


def test_a_fixture_of_that_name_that_is_not_ours_watches_nothing(suite):
    result = suite(
        """
    @pytest.fixture
    def toolpair():
        pass

    def test_it(toolpair):
        ask(BROKEN)
    """
    )
    result.assert_outcomes(passed=1)


@MODES
def test_what_strict_mode_stops_fails_a_test_whatever_its_profile(suite, monkeypatch, mode):
    """An endpoint of one's own is judged as its class is, and held to the contract."""
    pytest.importorskip("langchain_openai")
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    result = suite(
        """
    from langchain_openai import ChatOpenAI
    from toolpair_observe import InvalidToolResultsError, ToolPairHandler

    def call(**config):
        ChatOpenAI(model="gpt-4o", base_url="http://127.0.0.1:9/v1", max_retries=0).invoke(
            BROKEN, config
        )

    def test_it():
        try:
            call()
        except Exception as error:
            print("stopped" if isinstance(error, InvalidToolResultsError) else "went out")

    @pytest.mark.toolpair_ignore
    def test_strict():
        handler = ToolPairHandler("strict", feedback="off")
        with pytest.raises(InvalidToolResultsError):
            call(callbacks=[handler])
        handler.close()
    """,
        f"--toolpair={mode}",
        "-rA",
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["stopped" if mode == "block" else "went out"])
