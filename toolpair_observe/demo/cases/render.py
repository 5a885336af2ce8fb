"""The demo on a terminal: calm at 80 columns and more, with or without color."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from toolpair_observe.demo.cases.timeline import ASCII, UNICODE, Line, draw
from toolpair_observe.pairing.cause_notes import CAUSES
from toolpair_observe.pairing.reading import read_transcript
from toolpair_observe.pairing.words import Effect
from toolpair_observe.semconv import GEN_AI_PROVIDER_NAME, GEN_AI_REQUEST_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from toolpair_observe.demo.cases.metrics import MetricRow
    from toolpair_observe.demo.cases.run import Attempt, CaseResult, DemoResult

MAX_WIDTH: Final = 100
THEME: Final = Theme(
    {
        "muted": "bright_black",
        "title": "bold",
        "id": "cyan",
        "good": "green",
        "warn": "yellow",
        "bad": "red",
        "broken": "bold red",
    }
)

_INDENT: Final = 2
_ROLE_WIDTH: Final = 6
_EFFECT_STYLES: Final = {
    Effect.LOCAL_ERROR: "bad",
    Effect.REJECT: "bad",
    Effect.SILENT_LOSS: "warn",
    Effect.UNKNOWN: "warn",
    Effect.ACCEPT: "good",
    Effect.CLEAN: "good",
}
# Labels that are the same on every series of the demo.
_CONSTANT_LABELS: Final = (GEN_AI_PROVIDER_NAME, GEN_AI_REQUEST_MODEL)


def new_console(*, color: bool = True, width: int | None = None) -> Console:
    """Return a console for the demo.

    Args:
        color: Whether colors may be used; without a terminal there are none anyway.
        width: Columns; None for those of the terminal, at most `MAX_WIDTH`.
    """
    console = _Console(no_color=None if color else True, theme=THEME, highlight=False, width=width)
    if width is None and console.width > MAX_WIDTH:
        console.width = MAX_WIDTH
    return console


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Pass the error on to the command line, which has an exit code for it."""
        raise  # noqa: PLE0704 -- rich calls this in its `except` block


class DemoPrinter:
    """Prints the parts of the demo."""

    def __init__(self, console: Console) -> None:
        """Print to `console`."""
        self._console = console
        self._plain = console.options.ascii_only
        self._glyphs = ASCII if self._plain else UNICODE
        self._fine, self._broken = ("ok", "x") if self._plain else ("✓", "✗")

    def print_heading(self) -> None:
        """Print what the demo does."""
        self._console.print()
        self._print_indented(Text("toolpair-observe demo", style="title"))
        self._console.print()
        self._print_indented(
            Text(
                "The real ChatOpenAI talks to a server on this machine that refuses broken "
                "tool-call pairs with OpenAI's own error texts. No key, no network. Each history "
                "of LangChain's INVALID_TOOL_RESULTS page is sent twice: in observe mode, then in "
                "strict mode.",
                style="muted",
            )
        )

    def print_case(self, number: int, result: CaseResult) -> None:
        """Print one case."""
        self.print_section(f"{number}. {result.scenario.title}")
        self._print_indented(Text(result.scenario.story, style="muted"))
        self._console.print()
        for line in self._timeline(result):
            self._console.print(line, soft_wrap=True)
        self._console.print()
        self._print_indented(self._case_table(result))

    def print_summary(self, result: DemoResult) -> None:
        """Print the predictions beside the answers, and the metrics."""
        self.print_section("Predicted and answered")
        self._print_indented(self._overview(result))
        self._console.print()
        self._print_indented(self._conclusion(result))
        self.print_section("Metrics")
        self._print_indented(_metrics_table(result.metrics))
        self._console.print()
        self._print_indented(_constant_labels(result.metrics))

    def print_section(self, title: str) -> None:
        """Print the heading of a part."""
        self._console.print()
        rule = "-" if self._plain else "─"
        text = Text.assemble((rule * _INDENT, "muted"), " ", (title, "title"), " ")
        text.append(rule * (self._console.width - len(text)), style="muted")
        self._console.print(text, soft_wrap=True)

    def _print_indented(self, content: RenderableType) -> None:
        self._console.print(Padding(content, (0, 0, 0, _INDENT)))

    def _timeline(self, result: CaseResult) -> Iterator[Text]:
        scenario = result.scenario
        transcript = read_transcript(scenario.messages)
        lines = draw(transcript, result.observed.violations, scenario.texts(), self._glyphs)
        id_width = max(len(line.call_id) for line in lines)
        for line in lines:
            text = self._line(line, id_width)
            text.truncate(self._console.width, overflow="crop" if self._plain else "ellipsis")
            yield text

    def _line(self, line: Line, id_width: int) -> Text:
        style = "broken" if line.is_broken else ""
        text = Text(" " * _INDENT)
        text.append(line.rail, style=style or "muted")
        text.append(f" {self._broken if line.is_broken else ' '} ", style="broken")
        text.append(f"{'' if line.index is None else line.index:>2} ", style="muted")
        text.append(f"{line.role:<{_ROLE_WIDTH}} ", style=style or "muted")
        if line.call_id:
            text.append(f"{line.call_id:<{id_width}}  ", style=style or "id")
        text.append(line.text, style=style)
        for kind in line.kinds:
            text.append(f"  {kind}", style="broken")
        return text

    def _case_table(self, result: CaseResult) -> Table:
        observed = result.observed
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="muted", no_wrap=True, min_width=len("likely cause"))
        grid.add_column(overflow="fold")
        grid.add_row("predicted", _prediction(observed))
        grid.add_row("answered", _answer(observed))
        if observed.violations:
            same = "exactly the error text that was predicted"
            other = "not the error text that was predicted"
            grid.add_row("", self._tick(same) if result.has_predicted_text else Text(other))
        grid.add_row("strict", _strict(result.strict))
        if observed.violations:
            cause = CAUSES[observed.violations[0].cause]
            grid.add_row("likely cause", Text(cause.title))
            grid.add_row("to do", Text(cause.hints[0]))
        for disagreement in result.disagreements():
            grid.add_row("", Text(f"{self._broken} {disagreement}", style="broken"))
        return grid

    def _overview(self, result: DemoResult) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="muted")
        table.add_column("case", ratio=1)
        for column in ("predicted", "answered", "strict", ""):
            table.add_column(column, no_wrap=True)
        for number, case in enumerate(result.cases, start=1):
            observed = case.observed
            fine = not case.disagreements()
            table.add_row(
                f"{number}. {case.scenario.title}",
                _effect(observed.effect),
                Text(str(observed.answer.status) if observed.answer else "nothing"),
                Text("blocked" if case.strict.blocked else "allowed"),
                self._tick("") if fine else Text(f"{self._broken} disagrees", style="broken"),
            )
        return table

    def _conclusion(self, result: DemoResult) -> Text:
        count = len(result.cases)
        agreeing = sum(not case.disagreements() for case in result.cases)
        if result.agrees:
            return self._tick(f"In all {count} cases the provider did what was predicted.")
        text = f"{self._broken} Only {agreeing} of {count} cases went as predicted."
        return Text(text, style="broken")

    def _tick(self, words: str) -> Text:
        return Text(f"{self._fine} {words}".rstrip(), style="good")


def _effect(effect: Effect) -> Text:
    return Text(effect.value, style=_EFFECT_STYLES[effect])


def _prediction(attempt: Attempt) -> Text:
    text = _effect(attempt.effect)
    if attempt.report:
        kinds = dict.fromkeys(found.kind.value for found in attempt.violations)
        text.append(f": {', '.join(kinds)}" if kinds else "")
        text.append(f"  (under {attempt.report.profile})", style="muted")
    return text


def _answer(attempt: Attempt) -> Text:
    answer = attempt.answer
    if answer is None:
        return Text("nothing was sent")
    text = Text(str(answer.status), style="bad" if answer.is_refusal else "good")
    return text.append(f" {answer.text}", style="default")


def _strict(attempt: Attempt) -> Text:
    if attempt.blocked and not attempt.requests:
        return Text("blocked with InvalidToolResultsError; nothing was sent")
    if attempt.blocked:
        return Text("blocked, but a request was sent", style="broken")
    status = attempt.answer.status if attempt.answer else "no answer"
    return Text(f"allowed ({status})")


def _metrics_table(rows: Sequence[MetricRow]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="muted")
    table.add_column("metric", no_wrap=True)
    table.add_column("labels", ratio=1, style="muted")
    table.add_column("value", justify="right", no_wrap=True)
    previous = ""
    for row in rows:
        labels = [
            f"{key.rpartition('.')[2]}={value}"
            for key, value in row.labels
            if key not in _CONSTANT_LABELS
        ]
        name = row.name if row.name != previous else ""
        table.add_row(name, " ".join([*labels, *_median(row)]), str(row.value))
        previous = row.name
    return table


def _median(row: MetricRow) -> list[str]:
    if row.median_bound is None:
        return []
    if row.unit == "s":
        return [f"(median up to {row.median_bound * 1e6:.0f} us)"]
    return [f"(median up to {row.median_bound:.0f})"]


def _constant_labels(rows: Sequence[MetricRow]) -> Text:
    constant = dict.fromkeys(
        f"{key}={value}" for row in rows for key, value in row.labels if key in _CONSTANT_LABELS
    )
    return Text(f"also on the counters: {', '.join(constant)}", style="muted")
