"""The pytest plugin: a test fails when a chat model in it was given a broken history.

Without `--toolpair`, the ini option `toolpair` or the fixture `toolpair`, it watches nothing and
imports only pytest. It makes no test green: what a test expects is let through to the model, and
what the application's own strict mode stops stays stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from toolpair_observe.pytest_plugin.failures import (
    BrokenHistory,
    blocks_in,
    given_text,
    show_safely,
    stopped_text,
    tell_foreign,
)
from toolpair_observe.pytest_plugin.options import add_options, described, new_watch, requested_mode
from toolpair_observe.pytest_plugin.summary import Summary, numbers_of
from toolpair_observe.pytest_plugin.terms import MARKERS, NO_TERMS, terms_of
from toolpair_observe.pytest_plugin.trial import Fate, Trial

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.testing import Requests, Watch

_WATCH: Final = pytest.StashKey["Watch | None"]()
_TRIAL: Final = pytest.StashKey["Trial | None"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the command-line options and the ini options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options, and start to watch if they ask for it."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    mode = requested_mode(config)
    config.pluginmanager.register(Summary(), "toolpair-summary")
    config.stash[_WATCH] = None if mode in (None, "off") else new_watch(config, mode)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is watched, and what fails a test."""
    return described(requested_mode(config), config.stash[_WATCH], config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop watching."""
    watch = config.stash.get(_WATCH, None)
    if watch is not None:
        watch.stop()


@pytest.fixture
def toolpair(request: pytest.FixtureRequest) -> Iterator[Requests]:
    """Return the chat-model requests of this test: `checked`, `reports` of the broken ones.

    The fixture watches the test even without `--toolpair`; with `--toolpair=off` it is empty.
    """
    trial: Trial | None = request.node.stash[_TRIAL]
    if trial is not None:
        yield trial.requests
        return
    if requested_mode(request.config) == "off":
        yield _new_requests()
        return
    watch = new_watch(request.config, "fail")
    try:
        yield _begin(request.node, watch, can_fail=True).requests
    finally:
        watch.stop()


def _new_requests() -> Requests:
    from toolpair_observe.testing import Requests  # noqa: PLC0415 -- see `new_watch`

    return Requests()


def _begin(item: pytest.Item, watch: Watch, *, can_fail: bool) -> Trial:
    trial = Trial(watch, _new_requests(), terms_of(item), can_fail)
    watch.requests = trial.requests
    watch.admits = trial.admits
    item.stash[_TRIAL] = trial
    return trial


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail the collection of a module that gives a chat model a broken history."""
    report = yield
    watch = collector.config.stash[_WATCH]
    if watch is None or requested_mode(collector.config) == "report":
        return report
    broken = [each for each in watch.requests.reports if watch.stopping_kinds(each)]
    if broken and report.passed:
        report.outcome = "failed"
        error = BrokenHistory(broken, "collect", NO_TERMS)
        report.longrepr = f"{error.headline}\n\n{error}"
    watch.requests = _new_requests()
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Start to collect the requests of one test, again each time that a plugin reruns it."""
    watch = item.config.stash[_WATCH]
    item.stash[_TRIAL] = None
    if watch is not None:
        _begin(item, watch, can_fail=requested_mode(item.config) != "report")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that passes though a chat model was given a broken history."""
    result = yield
    trial = item.stash.get(_TRIAL, None)
    if trial is not None and trial.can_fail:
        _fail_if_broken(trial, "call")
        _fail_if_not_found(trial)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a teardown in which a chat model was given a broken history."""
    result = yield
    trial = item.stash.get(_TRIAL, None)
    if trial is not None and trial.can_fail:
        _fail_if_broken(trial, "teardown")
    return result


def _fail_if_broken(trial: Trial, when: str) -> None:
    broken = trial.untold(Fate.BROKEN)
    if broken:
        raise BrokenHistory(broken, when, trial.terms)


def _fail_if_not_found(trial: Trial) -> None:
    missing = trial.not_found()
    if missing:
        pytest.fail(
            f"expected {', '.join(missing)}, and no chat model was given it "
            f"({trial.requests.checked} requests checked)",
            pytrace=False,
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what a test that failed gave to chat models, and count it for the summary."""
    report = yield
    trial = item.stash.get(_TRIAL, None)
    if trial is not None and report.skipped and not hasattr(report, "wasxfail"):
        report = _unless_skipped_after(trial, item, call, report)
    error = call.excinfo.value if call.excinfo is not None else None
    if call.excinfo is not None:
        whole = bool(item.config.getoption("fulltrace", default=False))
        show_safely(report, call.excinfo, whole=whole)
    if report.failed:
        _explain_blocks(trial, report, error)
    if trial is not None:
        _account_for(trial, report, error)
    return report


def _unless_skipped_after(
    trial: Trial, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
) -> pytest.TestReport:
    """Return a failure in place of a skip that would hide a broken history."""
    try:
        if trial.can_fail:
            _fail_if_broken(trial, call.when)
    except BrokenHistory as error:
        call.excinfo = pytest.ExceptionInfo.from_exception(error)
        return pytest.TestReport.from_item_and_call(item, call)
    return report


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
    new = trial.untold(Fate.BROKEN, Fate.MINOR)
    if new and not isinstance(error, BrokenHistory):
        text = given_text(new, report.when, trial.terms)
        report.sections.append(("toolpair", text))
    trial.told = len(trial.requests.reports)
    if report.when == "teardown":
        # xdist sends the attributes of a report from a worker to the controller.
        vars(report)["toolpair"] = numbers_of(trial)
