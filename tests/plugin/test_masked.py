"""`--toolpair-masked`: a test in which other software made a tool's result up."""

from __future__ import annotations

import pytest

pytest_plugins = "pytester"

WORDS = """
    TEXT = (
        "Tool call get_weather with id call_oslo did not complete - no result was recorded. It may "
        "have been cancelled or interrupted."
    )
    MENDED = [*SOUND[:2], ToolMessage(TEXT, tool_call_id="call_oslo", status="error")]
"""
TESTS = (
    WORDS
    + """
    def test_sound():
        ask(SOUND)

    def test_mended():
        ask(MENDED)
        ask([*MENDED, AIMessage("?"), HumanMessage("hush")])
"""
)
MENDED_BY = (
    "*the result at message 2 of call call_oslo of tool get_weather (call at message 1) was made "
    "up by deepagents: missing, shown by its text"
)


@pytest.mark.parametrize("options", [(), ("--toolpair=report",), ("--toolpair=block",)])
def test_fail_fails_the_test_and_says_who_mended_what(suite, options):
    result = suite(TESTS, "--toolpair-masked=fail", *options)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "toolpair: *a test fails on *made-up results",
            "*toolpair: other software made a tool result up in this test",
            MENDED_BY,
            "FAILED *test_mended - made-up tool result: the result at message 2 of call call_oslo*",
        ]
    )
    assert "hush" not in result.stdout.str().split("toolpair: other software")[1]


@pytest.mark.parametrize("options", [("--toolpair=block",), ("--toolpair-masked=report",)])
def test_otherwise_they_are_counted(suite, options):
    result = suite(TESTS, *options)

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "3 chat-model requests checked in 2 tests, tool calls and results pair in all of them",
            "  made-up result: missing by deepagents",
            "    *::test_mended",
            "made-up results: 1 missing by deepagents",
        ]
    )


def test_the_ini_file_asks_for_it_and_the_command_line_overrides_it(suite, pytester):
    pytester.makeini("[pytest]\ntoolpair = fail\ntoolpair_masked = fail\n")

    suite(TESTS).assert_outcomes(passed=1, failed=1)
    suite(TESTS, "--toolpair-masked=report").assert_outcomes(passed=2)
    suite(TESTS, "--toolpair=off").assert_outcomes(passed=2)


def test_a_test_that_means_it_says_so(suite):
    marked = TESTS.replace(
        "    def test_mended", "    @pytest.mark.toolpair_masked\n    def test_mended"
    )
    result = suite(marked, "--toolpair-masked=fail", "--strict-markers")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["made-up results: 1 missing by deepagents"])


def test_a_broken_history_is_told_first(suite):
    result = suite(
        WORDS
        + """
    def test_both():
        ask(MENDED)
        ask(BROKEN)
    """,
        "--toolpair=fail",
        "--toolpair-masked=fail",
    )
    result.stdout.fnmatch_lines(["FAILED *::test_both - missing_result at message 1*"])


@pytest.mark.parametrize("phase", ["setup", "teardown"])
def test_a_fixture_in_which_somebody_mends_fails_its_test(suite, phase):
    ask, nothing = "        ask(MENDED)\n", ""
    result = suite(
        WORDS
        + "    @pytest.fixture\n    def asked():\n"
        + (ask if phase == "setup" else nothing)
        + "        yield\n"
        + (ask if phase == "teardown" else nothing)
        + "    def test_it(asked):\n        pass\n",
        "--toolpair-masked=fail",
    )
    assert result.ret == 1
    result.stdout.fnmatch_lines([MENDED_BY])


def test_a_skip_hides_nothing(suite):
    result = suite(
        WORDS
        + """
    def test_it():
        ask(MENDED)
        pytest.skip()
    """,
        "--toolpair-masked=fail",
    )
    result.assert_outcomes(failed=1)


def test_many_are_listed_once_each_and_not_without_end(suite):
    result = suite(
        """
    TEXT = "[Tool execution was interrupted]"

    def test_many():
        for number in range(12):
            call = {"name": "t", "args": {}, "id": f"c{number}"}
            for _ in range(2):
                called = [HumanMessage(""), AIMessage("", tool_calls=[call])]
                ask([*called, ToolMessage(TEXT, tool_call_id=call["id"])])
    """,
        "--toolpair-masked=fail",
    )
    result.stdout.fnmatch_lines(
        [
            "*toolpair: other software made 12 tool results up in this test",
            "*the result at message 2 of call c0 of tool t*",
            "*... and 2 more",
            "FAILED *made-up tool result (and 11 more): the result at message 2 of call c0*",
        ]
    )


def test_the_fixture_has_them(suite):
    result = suite(
        WORDS
        + """
    def test_it(toolpair):
        ask(MENDED)
        assert [each.by for each in toolpair.masked] == ["deepagents"]
    """
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("option", ["command line", "ini"])
def test_another_word_is_an_error_that_names_the_words(suite, pytester, option):
    if option == "ini":
        pytester.makeini("[pytest]\ntoolpair_masked = loud\n")
    result = suite(TESTS, *(["--toolpair-masked=loud"] if option == "command line" else []))

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*toolpair?masked is 'loud'; expected report or fail"])


def test_a_repair_in_an_applications_own_words_is_found_by_its_step(suite):
    """The plugin hears the steps of every agent; nobody has to hand it to one."""
    result = suite(
        """
    from langchain.agents import create_agent
    from langchain.agents.middleware import before_agent
    from langchain_core.messages import RemoveMessage
    from langgraph.graph.message import REMOVE_ALL_MESSAGES

    @before_agent
    def patch(state, runtime):
        question, call, *others = state["messages"]
        answer = ToolMessage("hush", tool_call_id="call_oslo")
        remove = RemoveMessage(REMOVE_ALL_MESSAGES)
        return {"messages": [remove, question, call, answer, *others]}

    def test_agent():
        model = FakeListChatModel(responses=["Fine."])
        create_agent(model, [], middleware=[patch]).invoke({"messages": BROKEN})
    """,
        "--toolpair-masked=fail",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*made up by other software in step patch.before_agent: missing, shown by its state"]
    )
    assert "hush" not in result.stdout.str()
