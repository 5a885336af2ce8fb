"""The pytest plugin: a test fails when a chat model in it was given a broken history.

It does nothing, and imports nothing but pytest, unless `--toolpair`, the ini option `toolpair` or
the fixture `toolpair` asks for it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Literal, NoReturn, get_args

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.testing import Requests, Watch

Mode = Literal["strict", "observe", "off"]

_MODES: Final[tuple[Mode, ...]] = get_args(Mode)
_MARK: Final = "toolpair_expect"
_WATCH: Final = pytest.StashKey["Watch | None"]()
_REQUESTS: Final = pytest.StashKey["Requests"]()
# How many of the test's reports have been told in a failure.
_TOLD: Final = pytest.StashKey[int]()
_WHEN: Final = {
    "setup": "while the test was set up",
    "call": "in this test",
    "teardown": "while the test was torn down",
}
_MAX_SHOWN: Final = 3
_MAX_TESTS_SHOWN: Final = 20


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and its ini twin."""
    group = parser.getgroup("toolpair", "tool calls and tool results (toolpair_observe)")
    group.addoption(
        "--toolpair",
        choices=_MODES,
        default=None,
        help="fail each test in which a chat model was given tool calls and tool results that do "
        "not pair; strict also stops such a request (default: the ini option toolpair, else only "
        "tests that use the fixture toolpair are watched)",
    )
    parser.addini("toolpair", "strict, observe or off: what --toolpair is by default", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Read the options, and start to watch if they say so."""
    config.addinivalue_line(
        "markers",
        f"{_MARK}(*kinds): the test gives a chat model histories with violations of exactly these "
        'kinds, such as "missing_result"; it fails if one of them does not happen',
    )
    mode = asked_mode(config)
    config.pluginmanager.register(_Summary(), "toolpair-summary")
    config.stash[_WATCH] = _new_watch(mode) if mode in ("strict", "observe") else None


def asked_mode(config: pytest.Config) -> Mode | None:
    """Return what was asked for, None where nothing was.

    Raises:
        pytest.UsageError: The ini option has a value that it can't have.
    """
    given: Mode | None = config.getoption("toolpair")
    if given is not None:
        return given
    asked = str(config.getini("toolpair")).strip()
    if not asked:
        return None
    for mode in _MODES:
        if asked == mode:
            return mode
    msg = f"ini option toolpair is {asked!r}; expected {', '.join(_MODES)}"
    raise pytest.UsageError(msg)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop watching."""
    watch = config.stash.get(_WATCH, None)
    if watch is not None:
        watch.stop()


def _new_watch(mode: Literal["strict", "observe"]) -> Watch:
    # Imports langchain-core, which a run that does not ask for it should not pay for.
    from toolpair_observe.errors import SettingsError  # noqa: PLC0415
    from toolpair_observe.testing import Watch  # noqa: PLC0415

    try:
        return Watch(mode)
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.fixture
def toolpair(request: pytest.FixtureRequest) -> Iterator[Requests]:
    """Return the chat-model requests of this test: `checked`, `reports` of the broken ones.

    Watches the test even where `--toolpair` is not given; `--toolpair=off` leaves it empty.
    """
    from toolpair_observe.testing import Requests  # noqa: PLC0415 -- see `_new_watch`

    config = request.config
    if config.stash[_WATCH] is not None:
        yield request.node.stash[_REQUESTS]
        return
    requests = request.node.stash[_REQUESTS] = Requests()
    if asked_mode(config) == "off":
        yield requests
        return
    watch = _new_watch("observe")
    watch.requests = requests
    yield requests
    watch.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Collect the requests of one test, anew where another plugin runs it again."""
    watch = item.config.stash[_WATCH]
    item.stash[_TOLD] = 0
    if watch is not None:
        watch.requests = item.stash[_REQUESTS] = _new_requests()


def _new_requests() -> Requests:
    from toolpair_observe.testing import Requests  # noqa: PLC0415 -- see `_new_watch`

    return Requests()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail the test if a chat model was given something that was not expected."""
    expected = _expected(item)
    try:
        result = yield
    except pytest.skip.Exception:
        # A test that skips itself where a request fails would hide why that is.
        _judge(item, expected, is_whole=False)
        raise
    except Exception as error:
        if not _is_expected(error, expected):
            raise
        result = None
    _judge(item, expected, is_whole=True)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Fail the teardown if a chat model was given something broken in it."""
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
    """Whether it is a block, and all that was blocked for is expected."""
    if not expected:
        return False
    from toolpair_observe.errors import InvalidToolResultsError  # noqa: PLC0415 -- see `_new_watch`

    return isinstance(error, InvalidToolResultsError) and not _unexpected([error.report], expected)


def _judge(item: pytest.Item, expected: frozenset[str], *, is_whole: bool) -> None:
    """Fail for what was not expected and, after a whole test, for what did not happen."""
    requests = item.stash.get(_REQUESTS, None)
    if requests is None:
        return
    unexpected = _unexpected(requests.reports, expected)
    if unexpected:
        _fail(item, unexpected, "call")
    happened = {kind for report in requests.reports for kind in kinds_of(report)}
    missed = sorted(expected - happened)
    if missed and is_whole:
        pytest.fail(
            f"expected {', '.join(missed)} and no chat model was given it "
            f"({requests.checked} requests checked)",
            pytrace=False,
        )


def kinds_of(report: PairingReport) -> set[str]:
    """Return the kinds of violation for which a history is not accepted."""
    return {v.kind.value for v in report.violations if v.effect.is_near_miss}


def _unexpected(reports: list[PairingReport], expected: frozenset[str]) -> list[PairingReport]:
    return [report for report in reports if kinds_of(report) - expected]


def _fail(item: pytest.Item, reports: list[PairingReport], when: str) -> NoReturn:
    item.stash[_TOLD] = len(item.stash[_REQUESTS].reports)
    pytest.fail(_story(reports, when), pytrace=False)


def _story(reports: list[PairingReport], when: str) -> str:
    count = f"{len(reports)} broken histories" if len(reports) > 1 else "a broken history"
    shown = "\n\n".join(report.explain() for report in reports[:_MAX_SHOWN])
    more = f"\n\n... and {len(reports) - _MAX_SHOWN} more" if len(reports) > _MAX_SHOWN else ""
    return f"toolpair: a chat model was given {count} {_WHEN[when]}\n\n{shown}{more}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Hand the numbers to whoever sums up, and the timeline to a test that failed by itself."""
    report = yield
    requests = item.stash.get(_REQUESTS, None)
    if requests is None:
        return report
    untold = requests.reports[item.stash[_TOLD] :]
    if report.failed and untold:
        item.stash[_TOLD] += len(untold)
        report.sections.append(("toolpair", _story(untold, call.when)))
    if call.when == "teardown":
        # An attribute of the report gets from an xdist worker to its controller.
        numbers = {
            "checked": requests.checked,
            "kinds": [sorted(kinds_of(each)) for each in requests.reports],
        }
        vars(report)["toolpair"] = numbers
    return report


class _Summary:
    """The numbers of the whole run, also of what xdist's workers did."""

    def __init__(self) -> None:
        self._tests = 0
        self._checked = 0
        self._kinds: Counter[str] = Counter()
        self._broken: dict[str, Counter[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add one test."""
        told = getattr(report, "toolpair", None)
        if told is None:
            return
        self._tests += bool(told["checked"])
        self._checked += told["checked"]
        for kinds in told["kinds"]:
            self._kinds.update(kinds)
            self._broken.setdefault(report.nodeid, Counter()).update(kinds)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write what was seen, if anything was looked at."""
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
