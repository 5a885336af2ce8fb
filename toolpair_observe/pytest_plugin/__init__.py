"""The pytest plugin: a test fails when a chat model in it was given a broken history.

Without `--toolpair`, the ini option `toolpair` or the fixture `toolpair`, it watches nothing and
imports only pytest. It makes no test green: what a test expects is let through to the model, and
what the application's own strict mode stops stays stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from toolpair_observe.pytest_plugin.collecting import judge_collection
from toolpair_observe.pytest_plugin.failures import (
    BrokenHistory,
    MendedHistory,
    blocks_in,
    given_text,
    show_safely,
    stopped_text,
    tell_foreign,
)
from toolpair_observe.pytest_plugin.finding import Finding
from toolpair_observe.pytest_plugin.options import add_options, described
from toolpair_observe.pytest_plugin.session import Session
from toolpair_observe.pytest_plugin.summary import numbers_of
from toolpair_observe.pytest_plugin.terms import MARKERS
from toolpair_observe.pytest_plugin.trial import Fate, Trial

if TYPE_CHECKING:
    from collections.abc import Generator

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.testing import Requests

_SESSION: Final = pytest.StashKey[Session]()
_TRIAL: Final = pytest.StashKey["Trial | None"]()
# Until then, and in the teardown, the report of a call is that of a subtest.
_CALL_IS_OVER: Final = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the command-line options and the ini options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options, and start to watch if they ask for it."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    session = config.stash[_SESSION] = Session(config)
    config.pluginmanager.register(session.summary, "toolpair-summary")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is watched, and what fails a test."""
    session = config.stash[_SESSION]
    return described(session.mode, session.watch, config)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Note whose exit status it is."""
    session.config.stash[_SESSION].pytest_session = session


# Inside of what writes the summary and of what ends a worker of xdist, around all else.
@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Fail the run for a broken history that no test and no collector answers for."""
    result = yield
    ours = session.config.stash[_SESSION]
    ours.finish()
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["toolpair"] = ours.summary.outside
    return result


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ANN401 -- xdist's own
    """Add what a worker of xdist did outside of its tests."""
    del error
    outside = getattr(node, "workeroutput", {}).get("toolpair", ())
    node.config.stash[_SESSION].summary.outside.extend(outside)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop watching."""
    session = config.stash.get(_SESSION, None)
    if session is not None:
        session.close()


@pytest.fixture
def toolpair(request: pytest.FixtureRequest) -> Requests:
    """Return the chat-model requests of this test: `checked`, `reports` of the broken ones.

    The fixture watches the test even without `--toolpair`; with `--toolpair=off` it is empty.
    """
    item = request.node
    if item.stash[_TRIAL] is None:
        item.stash[_TRIAL] = request.config.stash[_SESSION].begin_alone(item)
    trial: Trial | None = item.stash[_TRIAL]
    if trial is not None:
        return trial.requests
    from toolpair_observe.testing import Requests  # noqa: PLC0415 -- see `new_watch`

    return Requests()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail the collection of a module that gives a chat model a broken history."""
    session = collector.config.stash[_SESSION]
    trial = session.begin(None)
    try:
        report = yield
    finally:
        session.leave()
    judge_collection(trial, report, whole=_is_whole(collector.config))
    if trial is not None:
        session.count(trial, collector.nodeid or "the collection")
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Start to collect the requests of one test, again each time that a plugin reruns it."""
    session = item.config.stash[_SESSION]
    item.stash[_TRIAL] = None
    item.stash[_CALL_IS_OVER] = False
    if session.watch is not None:
        item.stash[_TRIAL] = session.begin(item)
    elif _asks_for_fixture(item):
        item.stash[_TRIAL] = session.begin_alone(item)


def _asks_for_fixture(item: pytest.Item) -> bool:
    """Whether a test, or a fixture of it, asks for the fixture `toolpair` of this module."""
    info = getattr(item, "_fixtureinfo", None)
    for definition in reversed(info.name2fixturedefs.get("toolpair", ()) if info else ()):
        if definition.func.__module__ == __name__:
            return True
        if "toolpair" not in definition.argnames:
            return False
    return False


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that passes though a chat model was given a broken or a mended history."""
    try:
        result = yield
    finally:
        item.stash[_CALL_IS_OVER] = True
    trial = item.stash.get(_TRIAL, None)
    if trial is not None:
        _fail_if_broken(trial, "call")
        _fail_if_not_found(trial)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a teardown in which a chat model was given a broken or a mended history."""
    item.stash[_CALL_IS_OVER] = False
    result = yield
    trial = item.stash.get(_TRIAL, None)
    if trial is not None:
        _fail_if_broken(trial, "teardown")
    return result


def _fail_if_broken(trial: Trial, when: str) -> None:
    if not (trial.can_fail or trial.fails_on_masked):
        return
    if when == "teardown":
        trial.reread_terms()
    else:
        trial.read_terms()
    broken = trial.untold(Fate.BROKEN) if trial.can_fail else []
    if broken:
        raise BrokenHistory(broken, when, trial.terms)
    masked = trial.untold_masked() if trial.fails_on_masked else []
    if masked and not trial.terms.allows_masked:
        raise MendedHistory(masked, when)


def _fail_if_not_found(trial: Trial) -> None:
    missing = trial.not_found() if trial.can_fail else []
    if missing:
        msg = (
            f"expected {', '.join(missing)}, and no chat model was given it "
            f"({trial.requests.checked} requests checked)"
        )
        raise Finding(msg)


# Around the one of pytest that takes failures for expected ones.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what a test that failed gave to chat models, and count it for the summary."""
    report = yield
    trial = item.stash.get(_TRIAL, None)
    is_subtest = call.when == "call" and not item.stash.get(_CALL_IS_OVER, True)
    if not is_subtest:
        report = _unless_hidden(trial, item, call, report)
    error = call.excinfo.value if call.excinfo is not None else None
    if call.excinfo is not None:
        show_safely(report, call.excinfo, whole=_is_whole(item.config))
    if report.failed:
        _explain_blocks(trial, report, error)
    if call.when == "teardown" and not is_subtest:
        item.config.stash[_SESSION].leave()
    if trial is not None and not is_subtest:
        _account_for(trial, report, error)
    return report


def _is_whole(config: pytest.Config) -> bool:
    return bool(config.getoption("fulltrace", default=False))


def _unless_hidden(
    trial: Trial | None,
    item: pytest.Item,
    call: pytest.CallInfo[None],
    report: pytest.TestReport,
) -> pytest.TestReport:
    """Return a failure in place of an outcome, like a skip, that would hide what is found."""
    if report.failed or (report.when == "setup" and report.passed):
        return report  # the test itself answers for its setup
    if call.excinfo is None or not isinstance(call.excinfo.value, Finding):
        try:
            if trial is not None:
                _fail_if_broken(trial, call.when)
        except Finding as error:
            call.excinfo = pytest.ExceptionInfo.from_exception(error)
        else:
            return report
    return pytest.TestReport.from_item_and_call(item, call)


def _explain_blocks(
    trial: Trial | None, report: pytest.TestReport, error: BaseException | None
) -> None:
    """Explain what the watch has not seen, and say whose block it was."""
    blocks = blocks_in(error)
    seen: list[PairingReport] = []
    if trial is not None:
        tell_foreign(report, blocks, trial.requests.stopped)
        seen = trial.untold(Fate.BROKEN, Fate.MINOR)
    unseen = [block.report for block in blocks if block.report not in seen]
    if unseen:
        report.sections.append(("toolpair", stopped_text(unseen, report.when)))


def _account_for(trial: Trial, report: pytest.TestReport, error: BaseException | None) -> None:
    """Add the timeline that no failure shows yet, and the numbers of a test that is over."""
    if report.when == "setup" and report.passed:
        return  # the test itself answers for it
    trial.reread_terms()
    new = trial.untold(Fate.BROKEN, Fate.MINOR)
    if new and not isinstance(error, BrokenHistory):
        text = given_text(new, report.when, trial.terms)
        report.sections.append(("toolpair", text))
    trial.tell()
    if report.when == "teardown":
        # xdist sends the attributes of a report from a worker to the controller.
        vars(report)["toolpair"] = numbers_of(trial)
