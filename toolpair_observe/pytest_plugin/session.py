"""One run of pytest: who watches, and for whom at the moment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import pytest

from toolpair_observe.deadline import Deadline
from toolpair_observe.pytest_plugin.failures import given_text
from toolpair_observe.pytest_plugin.options import (
    given_effects,
    masked_mode,
    new_watch,
    requested_mode,
)
from toolpair_observe.pytest_plugin.summary import OUTSIDE, Summary, numbers_outside
from toolpair_observe.pytest_plugin.trial import Fate, Trial

if TYPE_CHECKING:
    from toolpair_observe.testing import Watch


_MAX_WAIT_S: Final = 1.0
# Its idle threads end with the interpreter alone.
_POOL: Final = "ThreadPoolExecutor"


class Session:
    """One run of pytest.

    Args:
        config: pytest's configuration.

    Attributes:
        mode: What the plugin is asked to do.
        summary: What adds up the requests.
        watch: What watches every test, or None.
        pytest_session: pytest's own session, None before it has begun.

    Raises:
        pytest.UsageError: An option, here or in the environment, has a value that is not allowed.
    """

    pytest_session: pytest.Session | None

    def __init__(self, config: pytest.Config) -> None:
        self.mode = requested_mode(config)
        self._fails_on_masked = masked_mode(config) == "fail"
        given_effects(config)  # a wrong value is an error even where nothing is watched
        self.summary = Summary()
        self.watch = None if self.mode in {None, "off"} else new_watch(config, self.mode)
        self.pytest_session = None
        self._config = config
        self._threads_before = frozenset(threading.enumerate())
        self._alone: Watch | None = None
        self._outside = None if self.watch is None else self._enter(self.watch, None)

    def begin(self, item: pytest.Item | None) -> Trial | None:
        """Charge the requests from now on to a test, or to a collector; None where none watches."""
        return None if self.watch is None else self._enter(self.watch, item)

    def begin_alone(self, item: pytest.Item) -> Trial | None:
        """Watch one test that asks for it, where no other is watched."""
        if self.watch is not None or self.mode == "off":
            return None
        self._stop_alone()
        self._alone = new_watch(self._config, "fail")
        return self._enter(self._alone, item)

    def leave(self) -> None:
        """Charge the requests from now on to nobody."""
        self._stop_alone()
        if self._outside is not None:
            _charge(self._outside)

    def count(self, trial: Trial, place: str) -> None:
        """Add what a collector did to the summary."""
        if trial.requests.checked or trial.requests.unchecked:
            self.summary.outside.append(numbers_outside(trial, place))

    def finish(self) -> None:
        """Add what nobody answers for to the summary, and fail the run for it."""
        if self._outside is not None:
            self._await_threads()
            self.count(self._outside, OUTSIDE)
            self._outside.tell()
        if self.summary.is_broken_outside:
            self._fail()

    def close(self) -> None:
        """Stop to watch, and fail the run for what came after its summary."""
        self._stop_alone()
        if self.watch is not None:
            self.watch.stop()
        late = [] if self._outside is None else self._outside.untold(Fate.BROKEN)
        if self._outside is None or not late:
            return
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(f"\n{given_text(late, 'outside', self._outside.terms)}")
        if self._outside.can_fail:
            self._fail()

    def _await_threads(self) -> None:
        """Wait a little for the threads that tests left behind.

        The interpreter waits for them anyway, but then it is too late to fail the run.
        """
        deadline = Deadline(_MAX_WAIT_S)
        for thread in set(threading.enumerate()) - self._threads_before:
            if not thread.daemon and not thread.name.startswith(_POOL):
                thread.join(deadline.left)

    def _enter(self, watch: Watch, item: pytest.Item | None) -> Trial:
        from toolpair_observe.testing import Requests  # noqa: PLC0415 -- see `new_watch`

        trial = Trial(
            watch,
            Requests(),
            item,
            can_fail=self.mode != "report",
            fails_on_masked=self._fails_on_masked,
        )
        trial.read_terms()
        _charge(trial)
        return trial

    def _stop_alone(self) -> None:
        if self._alone is not None:
            self._alone.stop()
            self._alone = None

    def _fail(self) -> None:
        green = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if self.pytest_session is not None and self.pytest_session.exitstatus in green:
            self.pytest_session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _charge(trial: Trial) -> None:
    trial.watch.requests = trial.requests
    trial.watch.admits = trial.admits
