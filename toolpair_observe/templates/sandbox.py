"""Render chat templates as transformers does, which the servers take from: sandboxed and bounded.

`ImmutableSandboxedEnvironment` with its whitespace options, `tojson` without HTML escapes, the
`generation` tag, loop controls, `raise_exception` and `strftime_now`. No loader, so nothing is
included or imported, and no globals beyond these.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache, wraps
from types import BuiltinMethodType, GeneratorType
from typing import TYPE_CHECKING, Any, Final, cast

from toolpair_observe.errors import MissingExtraError
from toolpair_observe.install import install_line
from toolpair_observe.templates import bounds
from toolpair_observe.templates.bounds import (
    TooCostlyError,
    check_arguments,
    check_format,
    check_operation,
    check_replacement,
    check_text_method,
    counted,
    sized,
    spend,
    weighed,
)

try:
    from jinja2 import Template, TemplateError, nodes, pass_context, pass_eval_context
    from jinja2.ext import Extension, LoopControlExtension
    from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedEnvironment, safe_range
    from jinja2.utils import Cycler, Joiner, Namespace
except ImportError as error:
    _MSG = f"a profile from a chat template needs Jinja: run {install_line('templates')}"
    raise MissingExtraError(_MSG) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jinja2.parser import Parser
    from jinja2.runtime import Context, Macro

    from toolpair_observe.templates.bounds import Budget

_LONGEST_DATE_FORMAT: Final = 200
# What a template cannot write, so that it can neither call nor replace it.
_COUNTED, _WEIGHED, _SIZED = "+counted", "+weighed", "+sized"
_JOINED, _SPENT = "+joined", "+spent"
# Filters that look at the outside of what they get, or at one element.
_CHEAP: Final = frozenset({"count", "d", "default", "first", "last", "length", "random", "safe"})

# Filters that make as much as a number among their arguments says.
_WIDE: Final = frozenset(
    {"batch", "center", "indent", "round", "slice", "tojson", "truncate", "wordwrap"}
)
_COMPARING: Final = frozenset(
    {
        *("!=", "<", "<=", "==", ">", ">=", "eq", "equalto", "ge", "greaterthan", "gt", "in"),
        *("le", "lessthan", "lower", "lt", "ne", "upper"),
    }
)


class RaisedError(Exception):
    """The template raised: a server answers with this text."""


class _Generation(Extension):
    """`{% generation %}`, with which transformers marks what the assistant wrote."""

    tags = {"generation"}  # noqa: RUF012 - as Jinja declares it

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_write"), [], [], body).set_lineno(line)

    @pass_eval_context
    def _write(self, _: nodes.EvalContext, caller: Macro) -> str:
        return str(caller())


class _Bounded(SandboxedEnvironment):
    """A sandbox in which everything that can grow costs steps."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def call(self, context: Context, called: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        spend(1)
        method = getattr(called, "__wrapped__", called)  # Jinja wraps `format`
        if isinstance(method, BuiltinMethodType):
            owner = method.__self__
            if isinstance(owner, str | bytes):
                check_text_method(owner, method.__name__, (*args, *kwargs.values()))
            else:
                bounds.check_method(owner, method.__name__, args)
        return super().call(context, called, *args, **kwargs)

    def getitem(self, obj: Any, argument: Any) -> Any:  # noqa: ANN401
        if isinstance(argument, tuple):
            weighed(argument)  # to find it in a dict takes to read all of it
        return super().getitem(obj, argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401
        check_operation(operator, left, right)
        return super().call_binop(context, operator, left, right)


class _BoundedImmutable(_Bounded, ImmutableSandboxedEnvironment):
    """The one that transformers uses: lists and dicts cannot be changed in place."""


class _Dict:
    """`dict`, without its attributes."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:  # noqa: ANN401
        for each in args:
            weighed(each)
        return dict(*args, **kwargs)


class _Namespace(Namespace):
    """`namespace`, without names that lead into Python."""

    def __init__(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - `self` may be a keyword
        self, args = args[0], args[1:]
        given = dict(*args, **kwargs)
        for name in given:
            _check_name(name)
        Namespace.__init__(self, given)

    def __setitem__(self, name: str, value: Any) -> None:  # noqa: ANN401
        _check_name(name)
        Namespace.__setitem__(self, name, value)


def _check_name(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        msg = f"a namespace cannot store {name!r}"
        raise TemplateError(msg)


def _raise_exception(message: object = "") -> None:
    raise TemplateError(str(weighed(message)))


def _strftime_now(form: str) -> str:
    bounds.limit(len(form), _LONGEST_DATE_FORMAT)
    return datetime.now().strftime(form)  # noqa: DTZ005 - the servers' own


def _tojson(
    value: Any,  # noqa: ANN401
    ensure_ascii: bool = False,  # noqa: FBT001, FBT002 - as transformers has it
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,  # noqa: FBT001, FBT002
) -> str:
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _joined(parts: list[Any]) -> str:
    for part in parts:
        weighed(part)
    return "".join(map(str, parts))


@pass_context
def _written(_: Context, value: Any) -> Any:  # noqa: ANN401
    # With a context, so that nothing is written, or folded, when the template is compiled.
    return weighed(value)


def _bounded_filter(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Have a filter pay for what it reads and makes."""
    if name in _CHEAP:
        return function

    @wraps(function)
    def filtered(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        given = [*args, *kwargs.values()]
        if name in _WIDE:
            check_arguments(given[1:])
        for value in given:
            weighed(value)
        if name == "format":
            check_format(str(given[0]), *given[1:])
        elif name == "replace":
            texts = [value for value in given if isinstance(value, str)]
            if len(texts) > 2:  # noqa: PLR2004 - the text, the old and the new
                check_replacement(*texts[:3])
        result = function(*args, **kwargs)
        if isinstance(result, GeneratorType):
            return counted(result)
        return weighed(result)

    return filtered


def _bounded_test(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def tested(*args: Any) -> Any:  # noqa: ANN401
        for value in args:
            weighed(value)
        return function(*args)

    return tested


@lru_cache(maxsize=2)
def _environment(*, mutable: bool) -> SandboxedEnvironment:
    environment = (_Bounded if mutable else _BoundedImmutable)(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[_Generation, LoopControlExtension],
        finalize=_written,
        cache_size=0,
    )
    environment.globals = {
        "cycler": Cycler,
        "dict": _Dict(),
        "joiner": Joiner,
        "namespace": _Namespace,
        "raise_exception": _raise_exception,
        "range": safe_range,
        "strftime_now": _strftime_now,
    }
    environment.filters["tojson"] = _tojson
    environment.filters = {
        name: _bounded_filter(name, function) for name, function in environment.filters.items()
    }
    environment.filters |= {
        _COUNTED: counted,
        _WEIGHED: weighed,
        _SIZED: sized,
        _JOINED: _joined,
        _SPENT: spend,
    }
    environment.tests = {
        name: _bounded_test(cast("Callable[..., Any]", test)) if name in _COMPARING else test
        for name, test in environment.tests.items()
    }
    return environment


def parse(text: str) -> nodes.Template:
    """Parse a template.

    Raises:
        TemplateSyntaxError: It is none.
    """
    return _environment(mutable=False).parse(text)


def texts_in(text: str) -> list[str]:
    """Return the texts that a template itself writes."""
    tree = parse(text)
    values = [each.value for each in tree.find_all(nodes.Const)]
    values += [each.data for each in tree.find_all(nodes.TemplateData)]
    return [each for each in values if isinstance(each, str)]


@lru_cache(maxsize=16)
def compiled(text: str, *, mutable: bool) -> Template:
    """Compile a template whose loops, texts and comparisons cost steps."""
    environment = _environment(mutable=mutable)
    tree = _priced(environment.parse(text))
    tree.set_environment(environment)
    return environment.template_class.from_code(
        environment, environment.compile(tree), environment.make_globals(None)
    )


def _priced(tree: nodes.Template) -> nodes.Template:
    """Rewrite what would run or grow without a call: loops, concatenation, comparison, slices."""
    for loop in tree.find_all(nodes.For):
        loop.iter = _filtered(loop.iter, _COUNTED, [_cost(loop)])
    for compare in tree.find_all(nodes.Compare):
        compare.expr = _filtered(compare.expr, _WEIGHED)
        for operand in compare.ops:
            operand.expr = _filtered(operand.expr, _WEIGHED)
    for pair in tree.find_all(nodes.Pair):
        pair.key = _filtered(pair.key, _WEIGHED)
    for item in tree.find_all(nodes.Getitem):
        if isinstance(item.arg, nodes.Slice):
            item.node = _filtered(item.node, _SIZED)
    calls: list[nodes.Call | nodes.Filter] = [
        *tree.find_all(nodes.Call),
        *tree.find_all(nodes.Filter),
    ]
    for call in calls:
        if call.dyn_args is not None:
            call.dyn_args = _filtered(call.dyn_args, _SIZED)
    bodies: list[nodes.Macro | nodes.CallBlock] = [
        *tree.find_all(nodes.Macro),
        *tree.find_all(nodes.CallBlock),
    ]
    for macro in bodies:
        macro.body.insert(0, nodes.ExprStmt(_filtered(_cost(macro), _SPENT)))
    _price_concatenation(tree)
    return tree


def _cost(block: nodes.Node) -> nodes.Const:
    written = sum(len(each.data) for each in block.find_all(nodes.TemplateData))
    return nodes.Const(1 + written // bounds.CHARACTERS_A_STEP)


def _price_concatenation(tree: nodes.Node) -> None:
    for name, value in tree.iter_fields():
        if isinstance(value, nodes.Node):
            setattr(tree, name, _priced_concatenation(value))
        elif isinstance(value, list):
            setattr(tree, name, [_priced_concatenation(each) for each in value])


def _priced_concatenation(node: object) -> object:
    if isinstance(node, nodes.Node):
        _price_concatenation(node)
    if isinstance(node, nodes.Concat):
        return _filtered(nodes.List(node.nodes), _JOINED)
    return node


def _filtered(
    node: nodes.Node | None, name: str, arguments: list[nodes.Expr] | None = None
) -> nodes.Filter:
    made = nodes.Filter(node, name, arguments or [], [], None, None)
    made.set_lineno(node.lineno if node is not None else 0)
    return made


def render(template: Template, variables: Mapping[str, Any], budget: Budget) -> str:
    """Return the prompt.

    Raises:
        RaisedError: The template raises.
        TooCostlyError: It does more than the budget allows.
    """
    with bounds.spending(budget):
        try:
            return template.render(variables)
        except (TooCostlyError, RecursionError, MemoryError, OverflowError):
            raise TooCostlyError from None
        except Exception as error:  # noqa: BLE001 - servers pass on the text, whatever it is
            raise RaisedError(str(error)) from None
