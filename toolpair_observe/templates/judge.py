"""The step of a profile that renders a history with a chat template and notes what comes of it.

The rendering is the evidence. Where it succeeds, what is missing from the prompt is lost. Where the
template raises, the server refuses the request, and what remains is to say at which message. For
that the history is rendered again with its breaches mended: if it still raises, something else than
a pair is refused; if not, each breach is tried alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.pairing.providers.steps import misread as note_misread
from toolpair_observe.pairing.providers.wire import Note
from toolpair_observe.pairing.words import Case, Effect
from toolpair_observe.templates import unpaired
from toolpair_observe.templates.bounds import TooCostlyError, budget_for
from toolpair_observe.templates.order import misread
from toolpair_observe.templates.own_words import own_words
from toolpair_observe.templates.repaired import repaired
from toolpair_observe.templates.sandbox import RaisedError
from toolpair_observe.templates.sent import Sent, as_sent, marks_in, tools_in

if TYPE_CHECKING:
    from toolpair_observe.pairing.providers.wire import Wire
    from toolpair_observe.pairing.shown import Words
    from toolpair_observe.pairing.turns import Finding
    from toolpair_observe.templates.template import ChatTemplate

_LEFT_OUT: Final = "the chat template leaves the result out of the prompt"
_UNJUDGED: Final = "what the chat template does with it is not known"
# Each costs a rendering.
_MOST_TRIED: Final = 16
_MOST_ROUNDS: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class Renders:
    """Renders the history, and notes what the server refuses and what the model does not see.

    Attributes:
        template: The chat template.
    """

    template: ChatTemplate

    def __call__(self, wire: Wire) -> None:
        """Judge what is on its way out."""
        sent = as_sent(wire.transcript.entries, wire.turns)
        if sent is None:
            _leave_open(wire)
        else:
            _Judgment(self.template, wire, sent).run()

    def __deepcopy__(self, memo: dict[int, Any]) -> Renders:
        return self


class _Judgment:
    """One history under one template."""

    def __init__(self, template: ChatTemplate, wire: Wire, sent: list[Sent]) -> None:
        self.template = template
        self.wire = wire
        self.sent = sent
        self.findings = wire.given.findings
        self.budget = budget_for(len(sent))
        # The same for each rendering, as for the request.
        self.tools = tools_in(sent) if wire.facts.tools_bound else None

    def run(self) -> None:
        self._note_bad_arguments()
        if not self.sent:
            return
        try:
            prompt = self._draw(self.sent)
        except RaisedError as error:
            self._blame(str(error))
        except TooCostlyError:
            _leave_open(self.wire)
        else:
            self._note_losses(prompt)

    def _draw(self, sent: list[Sent]) -> str:
        return self.template.draw(sent, self.budget, self.tools)

    def error_of(self, sent: list[Sent]) -> str | None:
        """What the template raises, or None. Without messages there is no request to refuse."""
        try:
            if sent:
                self._draw(sent)
        except RaisedError as error:
            return str(error)
        return None

    def _note_bad_arguments(self) -> None:
        if not self.template.form.parsed:
            return
        for message in self.sent:
            for call in message.calls:
                if not call.is_json and call.call is not None:
                    # The server parses them before it renders, and passes the parser's error on.
                    self.wire.refuse(Case.BAD_ARGUMENTS, "", message.index, call=call.call)

    # --- It renders ------------------------------------------------------------------------------

    def _note_losses(self, prompt: str) -> None:
        drawn = marks_in(prompt)
        for message in self.sent:
            if message.result is not None and message.mark not in drawn:
                self.wire.lose(Case.NOT_DRAWN, _LEFT_OUT, None, message.result)
        if not self.template.draws_calls:
            first = next((call for message in self.sent for call in message.calls), None)
            if first is not None and first.call is not None:
                text = f"the chat template {self.template.unfit}"
                note = Note(Case.NOT_DRAWN, Effect.UNKNOWN, text, first.call, None, 0)
                self.wire.notes.append(note)
        try:
            for result, call in misread(self.sent, self.wire.given, prompt, self._draw):
                note_misread(self.wire, result, call)
        except (RaisedError, TooCostlyError):
            _leave_open(self.wire)

    # --- It raises -------------------------------------------------------------------------------

    def _blame(self, text: str) -> None:
        try:
            self._find_reasons(text)
        except TooCostlyError:
            # It is refused, for whichever of its breaches.
            case = None if self.findings else Case.ROLE_REFUSED
            index = self.sent[-1].index
            words = self._own_words(text)
            self.wire.notes.append(Note(case, Effect.REJECT, words, None, None, index))

    def _find_reasons(self, text: str) -> None:
        before = len(self.wire.notes)
        trims: list[unpaired.Mend] = []
        sound = repaired(self.sent, self.wire.given, self.findings)
        base = sound
        error = self.error_of(base)
        while error is not None and len(trims) < _MOST_ROUNDS:
            trims.append(unpaired.reason(base, error, self))
            trims[-1].note(self.wire, self._own_words(error))
            base = _trimmed(sound, trims)
            error = self.error_of(base)
        if error is None and not trims and len(self.findings) == 1:
            # Without this one it renders.
            self._refuse(self.findings[0], text)
            return
        tried = self.findings[:_MOST_TRIED] if error is None else []
        for finding in tried:
            others = (other for other in self.findings if other is not finding)
            self._try(finding, _trimmed(repaired(self.sent, self.wire.given, others), trims))
        for finding in self.findings[len(tried) :]:
            self._leave_open(finding)
        if all(note.effect is not Effect.REJECT for note in self.wire.notes[before:]):
            self._blame_together(text)

    def _try(self, finding: Finding, sent: list[Sent]) -> None:
        """Judge one breach in a history that is sound otherwise."""
        result = finding.result
        try:
            prompt = self._draw(sent) if sent else ""
        except RaisedError as error:
            self._refuse(finding, str(error))
            return
        bearer = next((each for each in sent if each.result is result), None)
        if result is not None and bearer is not None and bearer.mark not in marks_in(prompt):
            self.wire.lose(finding.case, _LEFT_OUT, None, result)

    def _blame_together(self, text: str) -> None:
        """Blame the last breach up to where it raises: none of them does alone."""
        index = self.sent[unpaired.boundary(self.sent, text, self)].index
        blamed = [finding for finding in self.findings if finding.index <= index]
        for finding in blamed[-1:] or self.findings[:1]:
            self._refuse(finding, text)
            return
        self.wire.refuse(Case.ROLE_REFUSED, self._own_words(text), index)

    def _refuse(self, finding: Finding, text: str) -> None:
        words = self._own_words(text)
        self.wire.refuse(finding.case, words, finding.index, finding.call, finding.result)

    def _own_words(self, text: str) -> Words:
        return own_words(text, self.sent, self.template.text)

    def _leave_open(self, finding: Finding) -> None:
        note = Note(
            finding.case, Effect.UNKNOWN, _UNJUDGED, finding.call, finding.result, finding.index
        )
        self.wire.notes.append(note)


def _trimmed(sent: list[Sent], mends: list[unpaired.Mend]) -> list[Sent]:
    for mend in mends:
        sent = mend.apply(sent)
    return sent


def _leave_open(wire: Wire) -> None:
    """Say of every breach, or of a history without one, that nobody knows what becomes of it."""
    case = None if wire.given.findings else Case.NOT_RENDERED
    wire.notes.append(Note(case, Effect.UNKNOWN, _UNJUDGED, None, None, 0))
