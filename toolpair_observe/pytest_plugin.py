"""The pytest plugin: a test fails when a chat model in it was given a broken history.

Without `--toolpair`, the ini option `toolpair` or the fixture `toolpair`, it does nothing and
imports only pytest.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Literal, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.settings import Mode
    from toolpair_observe.testing import Requests, Watch

_MODES: Final[tuple[Mode, ...]] = ("strict", "observe", "off")
_MARK: Final = "toolpair_expect"
_WATCH: Final = pytest.StashKey["Watch | None"]()
_REQUESTS: Final = pytest.StashKey["Requests"]()
# The number of the test's reports that a failure has already shown.
_SHOWN: Final = pytest.StashKey[int]()
_WHEN: Final = {
    "setup": "while the test was set up",
    "call": "in this test",
    "teardown": "while the test was torn down",
}
_MAX_SHOWN: Final = 3
_MAX_TESTS_SHOWN: Final = 20


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the command-line option and the ini option."""
    group = parser.getgroup("toolpair", "tool calls and tool results (toolpair_observe)")
    group.addoption(
        "--toolpair",
        choices=_MODES,
        default=None,
        help="fail each test in which a chat model was given tool calls and tool results that do "
        "not pair; strict also stops such a request (default: the ini option toolpair; without "
        "it, only tests that use the fixture toolpair are watched)",
    )
    parser.addini("toolpair", "strict, observe or off: the default of --toolpair", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Read the options, and start to watch if they ask for it."""
    config.addinivalue_line(
        "markers",
        f"{_MARK}(*kinds): the test gives a chat model histories with violations of exactly these "
        'kinds, such as "missing_result"; it fails if one of them does not occur',
    )
    mode = requested_mode(config)
    config.pluginmanager.register(_Summary(), "toolpair-summary")
    config.stash[_WATCH] = _new_watch(mode) if mode in ("strict", "observe") else None


def requested_mode(config: pytest.Config) -> Mode | None:
    """Return the mode of the command line or the ini file, or None.

    Raises:
        pytest.UsageError: The value of the ini option is not allowed.
    """
    given: Mode | None = config.getoption("toolpair")
    if given is not None:
        return given
    value = str(config.getini("toolpair")).strip()
    if not value:
        return None
    for mode in _MODES:
        if value == mode:
            return mode
    msg = f"ini option toolpair is {value!r}; expected {', '.join(_MODES)}"
    raise pytest.UsageError(msg)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop watching."""
    watch = config.stash.get(_WATCH, None)
    if watch is not None:
        watch.stop()


def _new_watch(mode: Literal["strict", "observe"]) -> Watch:
    # Imports langchain-core, which would slow down every run that does not use the plugin.
    from toolpair_observe.errors import SettingsError  # noqa: PLC0415
    from toolpair_observe.testing import Watch  # noqa: PLC0415

    try:
        return Watch(mode)
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.fixture
def toolpair(request: pytest.FixtureRequest) -> Iterator[Requests]:
    """Return the chat-model requests of this test: `checked`, `reports` of the broken ones.

    The fixture watches the test even without `--toolpair`; with `--toolpair=off` it is empty.
    """
    from toolpair_observe.testing import Requests  # noqa: PLC0415 -- see `_new_watch`

    config = request.config
    if config.stash[_WATCH] is not None:
        yield request.node.stash[_REQUESTS]
        return
    requests = request.node.stash[_REQUESTS] = Requests()
    if requested_mode(config) == "off":
        yield requests
        return
    watch = _new_watch("observe")
    watch.requests = requests
    yield requests
    watch.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Start to collect the requests of one test, again each time that a plugin reruns it."""
    watch = item.config.stash[_WATCH]
    item.stash[_SHOWN] = 0
    if watch is not None:
        watch.requests = item.stash[_REQUESTS] = _new_requests()


def _new_requests() -> Requests:
    from toolpair_observe.testing import Requests  # noqa: PLC0415 -- see `_new_watch`

    return Requests()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail the test if a chat model was given an unexpected broken history."""
    expected = _expected(item)
    try:
        result = yield
    except pytest.skip.Exception:
        # A test that skips itself after a failed request would hide the reason.
        _fail_if_unexpected(item, expected, is_whole=False)
        raise
    except Exception as error:
        if not _is_expected(error, expected):
            raise
        result = None
    _fail_if_unexpected(item, expected, is_whole=True)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Fail the teardown if a chat model was given an unexpected broken history in it."""
    requests = item.stash.get(_REQUESTS, None)
    seen = len(requests.reports) if requests is not None else 0
    result = yield
    late = requests.reports[seen:] if requests is not None else []
    unexpected = _unexpected(late, _expected(item)) if late else []
    if unexpected:
        _fail(item, unexpected, "teardown")
    return result


def _expected(item: pytest.Item) -> frozenset[str]:
    marks = list(item.iter_markers(_MARK))
    if not marks:
        return frozenset()
    from toolpair_observe.pairing.words import ViolationKind  # noqa: PLC0415 -- see `_new_watch`

    kinds = [str(kind) for mark in marks for kind in mark.args]
    known = [kind.value for kind in ViolationKind]
    unknown = [kind for kind in kinds if kind not in known]
    if unknown or not kinds:
        what = f"does not know {', '.join(unknown)}" if unknown else "needs a kind"
        pytest.fail(f"marker {_MARK} {what}; choose from {', '.join(known)}", pytrace=False)
    return frozenset(kinds)


def _is_expected(error: Exception, expected: frozenset[str]) -> bool:
    """Whether the error is a block for expected kinds only."""
    if not expected:
        return False
    from toolpair_observe.errors import InvalidToolResultsError  # noqa: PLC0415 -- see `_new_watch`

    return isinstance(error, InvalidToolResultsError) and not _unexpected([error.report], expected)


def _fail_if_unexpected(item: pytest.Item, expected: frozenset[str], *, is_whole: bool) -> None:
    """Fail for unexpected kinds and, after a whole test, for expected kinds that did not occur."""
    requests = item.stash.get(_REQUESTS, None)
    if requests is None:
        return
    unexpected = _unexpected(requests.reports, expected)
    if unexpected:
        _fail(item, unexpected, "call")
    found = {kind for report in requests.reports for kind in kinds_of(report)}
    missing = sorted(expected - found)
    if missing and is_whole:
        pytest.fail(
            f"expected {', '.join(missing)}, and no chat model was given it "
            f"({requests.checked} requests checked)",
            pytrace=False,
        )


def kinds_of(report: PairingReport) -> set[str]:
    """Return the kinds of violation that make a report a near miss."""
    return {v.kind.value for v in report.violations if v.effect.is_near_miss}


def _unexpected(reports: list[PairingReport], expected: frozenset[str]) -> list[PairingReport]:
    return [report for report in reports if kinds_of(report) - expected]


def _fail(item: pytest.Item, reports: list[PairingReport], when: str) -> NoReturn:
    item.stash[_SHOWN] = len(item.stash[_REQUESTS].reports)
    pytest.fail(_failure_text(reports, when), pytrace=False)


def _failure_text(reports: list[PairingReport], when: str) -> str:
    count = f"{len(reports)} broken histories" if len(reports) > 1 else "a broken history"
    shown = "\n\n".join(report.explain() for report in reports[:_MAX_SHOWN])
    more = f"\n\n... and {len(reports) - _MAX_SHOWN} more" if len(reports) > _MAX_SHOWN else ""
    return f"toolpair: a chat model was given {count} {_WHEN[when]}\n\n{shown}{more}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the numbers for the summary, and the timeline to a test that failed by itself."""
    report = yield
    requests = item.stash.get(_REQUESTS, None)
    if requests is None:
        return report
    new = requests.reports[item.stash[_SHOWN] :]
    if report.failed and new:
        item.stash[_SHOWN] += len(new)
        report.sections.append(("toolpair", _failure_text(new, call.when)))
    if call.when == "teardown":
        # xdist sends the attributes of a report from a worker to the controller.
        numbers = {
            "checked": requests.checked,
            "kinds": [sorted(kinds_of(each)) for each in requests.reports],
        }
        vars(report)["toolpair"] = numbers
    return report


class _Summary:
    """The numbers of the whole run, including those of xdist's workers."""

    def __init__(self) -> None:
        self._tests = 0
        self._checked = 0
        self._kinds: Counter[str] = Counter()
        self._broken: dict[str, Counter[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add one test."""
        numbers = getattr(report, "toolpair", None)
        if numbers is None:
            return
        self._tests += bool(numbers["checked"])
        self._checked += numbers["checked"]
        for kinds in numbers["kinds"]:
            self._kinds.update(kinds)
            self._broken.setdefault(report.nodeid, Counter()).update(kinds)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the totals, if any request was checked."""
        if not self._checked:
            return
        terminalreporter.section("toolpair")
        count = f"{self._checked} chat-model requests checked in {self._tests} tests"
        if not self._broken:
            terminalreporter.write_line(f"{count}, tool calls and results pair in all of them")
            return
        terminalreporter.write_line(f"{count}; broken histories: {_counted(self._kinds)}")
        for nodeid, kinds in list(self._broken.items())[:_MAX_TESTS_SHOWN]:
            terminalreporter.write_line(f"  {nodeid}: {_counted(kinds)}")
        more = len(self._broken) - _MAX_TESTS_SHOWN
        if more > 0:
            terminalreporter.write_line(f"  and {more} more tests")


def _counted(kinds: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
