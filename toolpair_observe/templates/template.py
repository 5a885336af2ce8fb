"""One chat template: its text, and the form of a history that it is made for."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jinja2 import TemplateSyntaxError, nodes

from toolpair_observe.pairing.shown import shown, type_name
from toolpair_observe.templates.bounds import MOST_STEPS, TooCostlyError, budget_for
from toolpair_observe.templates.sandbox import RaisedError, compiled, parse, render
from toolpair_observe.templates.sent import (
    Form,
    Marks,
    Sent,
    SentCall,
    marks_in,
    tools_in,
    variables,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from toolpair_observe.templates.bounds import Budget

_NO_CALLS: Final = "draws no calls"
_NO_CALLS_OR_RESULTS: Final = "draws neither calls nor results"
# By whether it raises, loses the result, loses the call.
_UNFIT: Final = {
    (False, False, False): "",
    (False, False, True): _NO_CALLS,
    (False, True, False): "draws no results",
    (False, True, True): _NO_CALLS_OR_RESULTS,
    (True, False, False): "raises",
}


class UnusableError(Exception):
    """The template can't be used; the text says why."""


@dataclass(frozen=True, slots=True, eq=False)
class ChatTemplate:
    """A chat template, as a server uses it.

    Attributes:
        text: The template.
        constants: Variables that are the same for each request, such as `bos_token`.
        form: How the server hands a history to it.
        unfit: What it does to a sound history with a call and a result; `""` where it draws both.
    """

    text: str
    constants: Mapping[str, Any]
    form: Form
    unfit: str = ""

    @property
    def draws_calls(self) -> bool:
        """Whether a call of a sound history gets into the prompt."""
        return self.unfit not in (_NO_CALLS, _NO_CALLS_OR_RESULTS)

    def draw(self, sent: Sequence[Sent], budget: Budget, tools: list[dict[str, Any]] | None) -> str:
        """Return the prompt.

        Raises:
            RaisedError: The template raises.
            TooCostlyError: It does more than the budget allows.
        """
        template = compiled(self.text, mutable=self.form.mutable)
        given = {**self.constants, **variables(sent, self.form, tools)}
        return render(template, given, budget)


def fitted(text: str, constants: Mapping[str, Any]) -> ChatTemplate:
    """Return the template with the form in which it draws most of a sound history.

    Servers find that out, too: vLLM reads from the template whether it wants content as parts, and
    llama.cpp tries whether it wants arguments as objects.

    Raises:
        UnusableError: It is no template, or does more than the budget allows.
    """
    sent = _sound_history()
    budget = budget_for(len(sent))
    best: tuple[tuple[bool, bool, bool], ChatTemplate] | None = None
    for form in _forms(_parsed(text)):
        template = ChatTemplate(text, constants, form)
        faults = _faults(template, sent, budget)
        if faults is not None and (best is None or faults < best[0]):
            best = faults, ChatTemplate(text, constants, form, _UNFIT[faults])
        if faults is not None and not any(faults):
            break
    if best is None:
        msg = f"three messages take it more than {MOST_STEPS:,} steps"
        raise UnusableError(msg)
    return best[1]


def _parsed(text: str) -> nodes.Template:
    try:
        tree = parse(text)
        for mutable in (False, True):
            compiled(text, mutable=mutable)
    except TemplateSyntaxError as error:
        msg = f"line {error.lineno}: {shown(error.message or '')}"
        raise UnusableError(msg) from None
    except Exception as error:  # noqa: BLE001 - nested too deep, for Jinja or for Python
        msg = f"it can't be compiled ({type_name(error)})"
        raise UnusableError(msg) from None
    return tree


def _sound_history() -> list[Sent]:
    marks = Marks()
    call = SentCall("callabcd1", "look_up", None, marks.make())
    return [
        Sent(0, "user", marks.make()),
        Sent(1, "assistant", "", calls=(call,)),
        Sent(2, "tool", marks.make(), answers=call.id),
    ]


def _faults(
    template: ChatTemplate, sent: list[Sent], budget: Budget
) -> tuple[bool, bool, bool] | None:
    """Whether it raises, loses the result, loses the call; None where it costs too much."""
    try:
        prompt = template.draw(sent, budget, tools_in(sent))
    except RaisedError:
        # Whether it would draw calls is not known then, and does not matter.
        return True, False, False
    except TooCostlyError:
        return None
    drawn = marks_in(prompt)
    return False, sent[2].mark not in drawn, sent[1].calls[0].mark not in drawn


def _forms(tree: nodes.Template) -> Iterator[Form]:
    in_parts = _loops_over_content(tree)
    for parsed, mutable in ((True, False), (False, False), (False, True), (True, True)):
        yield Form(parsed, in_parts, mutable)
        yield Form(parsed, not in_parts, mutable)


# --- Does it want content as parts? --------------------------------------------------------------
# As vLLM reads it from the template: a loop over the content of a message is a sign of parts.

_LOOPED: Final = "content"


def _loops_over_content(tree: nodes.Template) -> bool:
    messages = _names_of("messages", tree)
    loops = list(tree.find_all(nodes.For))
    items = {
        loop.target.name
        for loop in loops
        if isinstance(loop.target, nodes.Name) and any(_is_name(loop.iter, m) for m in messages)
    }
    return any(_is_content_of(loop.iter, item) for loop in loops for item in items)


def _names_of(name: str, tree: nodes.Template) -> set[str]:
    """The name, and those that it or a part of it is assigned to."""
    names, waiting = {name}, deque([name])
    assignments = list(tree.find_all(nodes.Assign))
    while waiting:
        known = waiting.popleft()
        for each in assignments:
            target = each.target
            if isinstance(target, nodes.Name) and _is_name(each.node, known):
                if target.name not in names:
                    waiting.append(target.name)
                names.add(target.name)
    return names


def _bare(node: nodes.Node | None) -> nodes.Node | None:
    """The node without filters, tests and slices around it."""
    while isinstance(node, nodes.Filter | nodes.Test) or (
        isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice)
    ):
        node = node.node
    return node


def _is_name(node: nodes.Node | None, name: str) -> bool:
    node = _bare(node)
    return isinstance(node, nodes.Name) and node.ctx == "load" and node.name == name


def _is_content_of(node: nodes.Node | None, name: str) -> bool:
    node = _bare(node)
    if isinstance(node, nodes.Getattr):
        return node.attr == _LOOPED and _is_name(node.node, name)
    return (
        isinstance(node, nodes.Getitem)
        and isinstance(node.arg, nodes.Const)
        and node.arg.value == _LOOPED
        and _is_name(node.node, name)
    )
