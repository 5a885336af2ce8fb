"""The demo on a terminal: calm at 80 columns and more, with or without color."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from toolpair_observe.demo.cases.run import PROFILE
from toolpair_observe.pairing.explain import fact_rows
from toolpair_observe.pairing.page import STYLES, TO_DO, Fact, facts_of, predicted, timeline_rows
from toolpair_observe.pairing.rails import ASCII, UNICODE, Excerpt, draw
from toolpair_observe.pairing.reading import read_transcript
from toolpair_observe.pairing.shown import line, shown
from toolpair_observe.pairing.timeline import stop_of
from toolpair_observe.pairing.typeset import Piece, row, wrap
from toolpair_observe.semconv import GEN_AI_PROVIDER_NAME, GEN_AI_REQUEST_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from toolpair_observe.demo.cases.metrics import MetricRow
    from toolpair_observe.demo.cases.run import Attempt, CaseResult, DemoResult
    from toolpair_observe.pairing.typeset import Row

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
# What a case tells of what was found; the rest is told by the whole report.
_TOLD: Final = ("predicted:", "lost:", "expected error:", TO_DO, "likely cause:")
_NEXT: Final = (
    ("attach it to your model", "ChatOpenAI(model=..., callbacks=[ToolPairHandler()])"),
    ("see whether it is on", "toolpair-observe doctor"),
    ("check what you stored", "toolpair-observe check your-file.jsonl"),
)
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
        self._fine = "ok" if self._plain else "✓"

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
        self._print_rows(self._rows(result))

    def print_summary(self, result: DemoResult) -> None:
        """Print the predictions beside the answers, and what they come to."""
        self.print_section("Predicted and answered")
        self._print_indented(self._overview(result))
        self._console.print()
        self._print_indented(self._verdict(result))

    def print_metrics(self, result: DemoResult) -> None:
        """Print the metrics after the last case."""
        self.print_section("Metrics")
        self._print_indented(_metrics_table(result.metrics))
        self._console.print()
        self._print_indented(_constant_labels(result.metrics))

    def print_next(self) -> None:
        """Print what to do with one's own code."""
        self.print_section("Next")
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="muted", no_wrap=True)
        grid.add_column(overflow="fold")
        for what, how in _NEXT:
            grid.add_row(what, Text(how, style="id"))
        self._print_indented(grid)

    def print_section(self, title: str) -> None:
        """Print the heading of a part."""
        self._console.print()
        rule = "-" if self._plain else "─"
        text = Text.assemble((rule * _INDENT, "muted"), " ", (title, "title"), " ")
        text.append(rule * (self._console.width - len(text)), style="muted")
        self._console.print(text, soft_wrap=True)

    def _print_indented(self, content: RenderableType) -> None:
        self._console.print(Padding(content, (0, 0, 0, _INDENT)))

    def _rows(self, result: CaseResult) -> Iterator[Row]:
        scenario = result.scenario
        stops = [stop_of(entry, shown) for entry in read_transcript(scenario.messages).entries]
        excerpt = Excerpt(stops, len(stops), result.observed.violations)
        lines = draw(excerpt, texts=scenario.texts(), glyphs=self._glyphs)
        yield from timeline_rows(lines, self._glyphs)
        yield row("")
        yield from fact_rows(self._facts(result))

    def _print_rows(self, rows: Iterable[Row]) -> None:
        for pieces in wrap(rows, self._console.width - _INDENT):
            text = Text(" " * _INDENT if pieces else "")
            for piece in pieces:
                text.append(piece.text, style=piece.style)
            self._console.print(text, soft_wrap=True)

    def _facts(self, result: CaseResult) -> list[Fact]:
        """Return what a report says of the case, with the answer behind the prediction."""
        observed = result.observed
        facts = {fact.label: fact for fact in _found(observed)}
        told = [facts.pop(label) for label in _TOLD[:3] if label in facts]
        told += [self._answer(result), _strict(result.strict)]
        told += [facts[label] for label in _TOLD[3:] if label in facts]
        wrong = result.disagreements()
        return told + [Fact.of("", f"{self._glyphs.broken} {each}", "broken") for each in wrong]

    def _answer(self, result: CaseResult) -> Fact:
        answer = result.observed.answer
        if answer is None:
            return Fact.of("answered:", "nothing was sent")
        status = Piece(str(answer.status), "bad" if answer.is_refusal else "good")
        if result.has_predicted_text:
            exactly = Piece(f" {self._fine} with exactly this text", "good")
            return Fact("answered:", (status, exactly))
        return Fact("answered:", (status, Piece(line(f" {answer.text}"))))

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
                Text(observed.effect.value, style=STYLES[observed.effect]),
                Text(str(observed.answer.status) if observed.answer else "nothing"),
                Text("blocked" if case.strict.blocked else "allowed"),
                self._tick("")
                if fine
                else Text(f"{self._glyphs.broken} disagrees", style="broken"),
            )
        return table

    def _verdict(self, result: DemoResult) -> Text:
        count = len(result.cases)
        if not result.agrees:
            agreeing = sum(not case.disagreements() for case in result.cases)
            text = f"{self._glyphs.broken} Only {agreeing} of {count} cases went as predicted."
            return Text(text, style="broken")
        stopped = sum(case.strict.blocked for case in result.cases)
        return self._tick(
            f"In all {count} cases the provider did what was predicted. Strict mode stopped the "
            f"{stopped} broken requests before they were sent, and let the sound one pass."
        )

    def _tick(self, words: str) -> Text:
        return Text(f"{self._fine} {words}".rstrip(), style="good")


def _found(attempt: Attempt) -> list[Fact]:
    report = attempt.report
    if report is None or not report.violations:
        return [predicted(PROFILE, attempt.effect)]
    return facts_of(report, report.violations[0])


def _strict(attempt: Attempt) -> Fact:
    if attempt.blocked and not attempt.requests:
        return Fact.of("strict:", "blocked with InvalidToolResultsError; nothing was sent")
    if attempt.blocked:
        return Fact.of("strict:", "blocked, but a request was sent", "broken")
    status = attempt.answer.status if attempt.answer else "no answer"
    return Fact.of("strict:", f"allowed ({status})")


def _metrics_table(rows: Sequence[MetricRow]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="muted")
    table.add_column("metric", no_wrap=True)
    table.add_column("labels", ratio=1, style="muted")
    table.add_column("value", justify="right", no_wrap=True)
    previous = ""
    for each in rows:
        labels = [
            f"{key.rpartition('.')[2]}={value}"
            for key, value in each.labels
            if key not in _CONSTANT_LABELS
        ]
        name = each.name if each.name != previous else ""
        table.add_row(name, " ".join([*labels, *_median(each)]), str(each.value))
        previous = each.name
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
