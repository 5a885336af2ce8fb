"""What pytest shows of a test with a broken history, and of one that a block has ended.

A traceback of pytest shows the arguments of functions, and those of langchain-core are messages.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pytest_plugin.finding import Finding
from toolpair_observe.pytest_plugin.trial import distinct, kinds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from toolpair_observe.errors import InvalidToolResultsError, ToolPairError
    from toolpair_observe.pairing.masked import MaskedResult
    from toolpair_observe.pairing.report import PairingReport
    from toolpair_observe.pytest_plugin.terms import Terms

_MAX_SHOWN: Final = 3
_MAX_LISTED: Final = 10
_WHEN: Final = {
    "collect": "while the tests were collected",
    "setup": "while the test was set up",
    "call": "in this test",
    "teardown": "while the test was torn down",
    "outside": "while no test ran and none was collected",
}
_WITHOUT_MARKERS: Final = ("collect", "outside")
_FOREIGN: Final = (
    "the request was stopped by the application's own strict mode (a handler, a guard or a "
    "middleware), not by --toolpair, whose markers do not reach there; a test that means it uses "
    "pytest.raises(InvalidToolResultsError)"
)
# What stands between the application's own line and the block.
_ON_THE_WAY: Final = ("langchain_core", "toolpair_observe", "contextlib")


class BrokenHistory(Finding):
    """The failure of a test that gave a chat model a broken history.

    Args:
        reports: Those of the broken histories.
        when: The phase of the test.
        terms: What the test allows.
    """

    def __init__(self, reports: list[PairingReport], when: str, terms: Terms) -> None:
        headline = _headline(reports[0], len(distinct(reports)) - 1, terms)
        super().__init__(given_text(reports, when, terms), headline)


class MendedHistory(Finding):
    """The failure of a test in which other software made a tool's result up.

    Args:
        masked: The results.
        when: The phase of the test.
    """

    def __init__(self, masked: list[MaskedResult], when: str) -> None:
        from toolpair_observe.pairing.report import describe_masked  # noqa: PLC0415 -- see `new_watch`

        told = list(dict.fromkeys(map(describe_masked, masked)))
        more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
        super().__init__(_masked_text(told, when), f"made-up tool result{more}: {told[0]}")


def _masked_text(told: list[str], when: str) -> str:
    count = f"{len(told)} tool results" if len(told) > 1 else "a tool result"
    lines = [f"  {each}" for each in told[:_MAX_LISTED]]
    if len(told) > _MAX_LISTED:
        lines.append(f"  ... and {len(told) - _MAX_LISTED} more")
    return "\n\n".join(
        [
            f"toolpair: other software made {count} up {_WHEN[when]}",
            "\n".join(lines),
            "the histories pair, and the model goes on without what the tools would have found; a "
            "test that means it says so: @pytest.mark.toolpair_masked",
        ]
    )


def given_text(reports: list[PairingReport], when: str, terms: Terms) -> str:
    """Explain each breach that reached a chat model once, and how a test allows it."""
    told = distinct(reports)
    count = f"{len(told)} broken histories" if len(told) > 1 else "a broken history"
    texts = [f"toolpair: a chat model was given {count} {_WHEN[when]}", *_explained(told)]
    if when not in _WITHOUT_MARKERS:
        kinds = sorted({kind for report in reports for kind in terms.beyond(kinds_of(report))})
        names = ", ".join(f'"{kind}"' for kind in kinds)
        texts.append(f"a test that means it says so: @pytest.mark.toolpair_expect({names})")
    return "\n\n".join(texts)


def stopped_text(reports: list[PairingReport], when: str) -> str:
    """Explain each breach that the application itself has stopped once."""
    return "\n\n".join(
        [f"toolpair: a broken history was stopped {_WHEN[when]}", *_explained(distinct(reports))]
    )


def _explained(told: list[tuple[PairingReport, int]]) -> list[str]:
    texts: list[str] = []
    for report, times in told[:_MAX_SHOWN]:
        texts.append(report.explain())
        if times > 1:
            texts.append(f"the same in {times} requests")
    if len(told) > _MAX_SHOWN:
        texts.append(f"... and {len(told) - _MAX_SHOWN} more")
    return texts


def _headline(report: PairingReport, more: int, terms: Terms | None = None) -> str:
    """Say in one line what is wrong, beginning with the kind."""
    from toolpair_observe.pairing.report import describe, worst_of  # noqa: PLC0415 -- see `new_watch`

    kinds = kinds_of(report)
    if terms is not None:
        kinds = terms.beyond(kinds) or kinds
    told = [each for each in report.violations if each.kind in kinds] or report.violations
    line = " ".join(describe(worst_of(told)).split())
    return f"{line} (and {more} more)" if more > 0 else line


def blocks_in(error: BaseException | None) -> list[InvalidToolResultsError]:
    """Return the blocks in an exception: itself, what it came from, and the members of a group."""
    ours = _ours_in(error)
    if not ours:
        return []
    from toolpair_observe.errors import InvalidToolResultsError  # noqa: PLC0415 -- see `new_watch`

    return [each for each in ours if isinstance(each, InvalidToolResultsError)]


def _ours_in(error: BaseException | None) -> list[ToolPairError]:
    """Return the same for every exception that this package raises on purpose."""
    # Where that module is not loaded, nothing of it was raised.
    errors = sys.modules.get("toolpair_observe.errors")
    if errors is None or error is None:
        return []
    return [each for each in _linked(error) if isinstance(each, errors.ToolPairError)]


def _linked(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions


def tell_foreign(
    report: pytest.TestReport, blocks: list[InvalidToolResultsError], stopped: list[Exception]
) -> None:
    """Say of a test that a block has ended that the block was not the plugin's."""
    if any(block not in stopped for block in blocks):
        report.sections.append(("toolpair", _FOREIGN))


def show_safely(
    report: pytest.TestReport | pytest.CollectReport,
    excinfo: pytest.ExceptionInfo[BaseException],
    *,
    whole: bool,
) -> None:
    """Take the arguments out of the traceback of our errors; begin a block's line with the kind.

    Args:
        report: pytest's report.
        excinfo: What ended the test.
        whole: Whether the user wants to see every frame.
    """
    shown: Any = report.longrepr
    crash = getattr(shown, "reprcrash", None)
    if crash is None:
        return
    error = excinfo.value
    if isinstance(error, Finding) and report.location is not None:
        crash.path, crash.lineno = report.location[0], (report.location[1] or 0) + 1
        crash.message = error.headline
        return
    ours, blocks = _ours_in(error), blocks_in(error)
    for traceback, *_ in getattr(shown, "chain", ()) if ours else ():
        _take_out_content(traceback, whole=whole)
    if error in ours or (ours and isinstance(error, BaseExceptionGroup)):
        crash.path, crash.lineno = _own_place(excinfo)
    if error in blocks or (blocks and isinstance(error, BaseExceptionGroup)):
        crash.message = _headline(blocks[0].report, len(blocks) - 1)


def _own_place(excinfo: pytest.ExceptionInfo[BaseException]) -> tuple[str, int]:
    """Return the path and the number of the application's own last line."""
    places = [(str(entry.path), entry.lineno + 1) for entry in excinfo.traceback]
    own = [place for place in places if not _is_on_the_way(place[0])]
    return (own or places)[-1]


def _take_out_content(traceback: Any, *, whole: bool) -> None:  # noqa: ANN401 -- pytest's own
    """Show of each frame where it is and its line, up to the last one of the application."""
    entries = [each for each in traceback.reprentries if getattr(each, "reprfileloc", None)]
    if not entries:
        return  # the other styles show no arguments
    said = [line for line in entries[-1].lines if line.startswith("E ")]
    for entry in entries:
        _shorten(entry)
    while not whole and len(entries) > 1 and _is_on_the_way(entries[-1].reprfileloc.path):
        entries.pop()
    entries[-1].lines += said
    traceback.reprentries = entries


def _shorten(entry: Any) -> None:  # noqa: ANN401 -- pytest's own
    entry.reprfuncargs = None
    if entry.style == "long":
        # The lines before it may build the history.
        entry.lines = [f"    {line[1:].strip()}" for line in entry.lines if line.startswith(">")]
        entry.style = "short"
        entry.reprfileloc.message = ""
    else:
        entry.lines = [line for line in entry.lines if not line.startswith("E ")]


def _is_on_the_way(path: str) -> bool:
    place = Path(path).absolute()
    return any(place.is_relative_to(root) for root in _roots())


def _roots() -> Iterator[Path]:
    for name in _ON_THE_WAY:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None:
            yield Path(file).parent if file.endswith("__init__.py") else Path(file)
