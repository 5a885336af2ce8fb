"""A template that somebody else wrote neither hangs the process nor gets out of the sandbox."""

from __future__ import annotations

import pytest

pytest.importorskip("jinja2")

from tests.templates.histories import HISTORIES, messages
from tests.templates.samples import PLAIN
from toolpair_observe import ChatTemplateError, check_messages, profile_from_chat_template
from toolpair_observe.templates import bounds
from toolpair_observe.templates.bounds import TooCostlyError, budget_for
from toolpair_observe.templates.sandbox import RaisedError, compiled, render

_GROW = "{% set ns = namespace(s={start}) %}{% for i in range(60) %}{% set ns.s = {step} %}"
_END = "{% endfor %}"


def grow(start, step, use=""):
    """A value that a step of a loop makes ever larger."""
    body = _GROW.replace("{start}", start).replace("{step}", step) + _END
    return body + (f"{{{{ {use} }}}}" if use else "")


NESTED = ("['a']", "[ns.s, ns.s]")
TWICE = (
    "{% set a = namespace(s=('a',)) %}{% set b = namespace(s=('a',)) %}{% for i in range(60) %}"
    "{% set a.s = (a.s, a.s) %}{% set b.s = (b.s, b.s) %}{% endfor %}"
)
ENDLESS = "{% for i in range(99999) %}"
COSTLY = {
    "loops": ENDLESS * 3 + _END * 3,
    "text in a loop": ENDLESS + "x" * 10_000 + _END,
    "a macro that calls itself": "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
    "a loop in itself": "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "joined text": grow("'ab'", "ns.s ~ ns.s"),
    "added text": grow("'ab'", "ns.s + ns.s"),
    "added lists": grow("[1]", "ns.s + ns.s"),
    "added numbers": ENDLESS.join(["{% set ns = namespace(s=1) %}", ""])
    + "{% set ns.s = ns.s + ns.s %}"
    + _END,
    "multiplied numbers": grow("9", "ns.s * ns.s"),
    "powers": "{{ (9 ** 9) ** (9 ** 9) }}",
    "multiplied text": "{{ 'a' * 9999999999 }}",
    "text multiplied from the left": "{{ 9999999999 * 'a' }}",
    "multiplied lists": "{% set x = [1] * 9999999999 %}",
    "a captured block": "{% set ns = namespace(s='aaaa') %}{% for i in range(60) %}"
    "{% set t %}{{ ns.s }}{{ ns.s }}{% endset %}{% set ns.s = t %}{% endfor %}",
    "padding": "{{ 'a'.ljust(9999999999) }}",
    "zeros": "{{ 'a'.zfill(9999999999) }}",
    "tabs": "{{ '\\t'.expandtabs(9999999999) }}",
    "centering": "{{ 'a' | center(9999999999) }}",
    "indenting": "{{ 'a\\nb' | indent(9999999999) }}",
    "JSON's indent": "{{ [1] | tojson(indent=9999999999) }}",
    "a wide format": "{{ '%9999999999d' % 1 }}",
    "a width among the values": "{{ '%*d' % (9999999999, 1) }}",
    "the filter format": "{{ '%9999999999d' | format(1) }}",
    "the method format": "{{ '{:>9999999999}'.format(1) }}",
    "its nested width": "{{ '{:>{}}'.format(1, 9999999999) }}",
    "its named width": "{{ '{:>{w}}'.format(1, w=9999999999) }}",
    "replacing": grow("'ab' * 5000", "ns.s.replace('a', ns.s)"),
    "the filter replace": grow("'ab' * 5000", "ns.s | replace('a', ns.s)"),
    "joining": grow("'ab' * 5000", "([ns.s] * 1000) | join(ns.s)"),
    "the method join": grow("'ab' * 5000", "ns.s.join([ns.s] * 1000)"),
    "a nested list, written": grow(*NESTED, "ns.s"),
    "a nested list as JSON": grow(*NESTED, "ns.s | tojson"),
    "a nested list as text": grow(*NESTED, "ns.s | string"),
    "a nested list in a format": grow(*NESTED, "'%s' % (ns.s,)"),
    "a nested list in the method format": grow(*NESTED, "'{}'.format(ns.s)"),
    "a nested list, joined": grow(*NESTED, "ns.s ~ ''"),
    "a nested list, raised": grow(*NESTED, "raise_exception(ns.s)"),
    "nested lists, compared": TWICE + "{{ a.s == b.s }}",
    "nested lists, tested": TWICE + "{{ a.s is eq(b.s) }}",
    "nested lists, searched": TWICE + "{{ a.s in [b.s] }}{{ [a.s].index(b.s) }}",
    "nested tuples as keys": TWICE + "{{ {a.s: 1} }}",
    "nested tuples, looked up": TWICE + "{{ {1: 1}[a.s] }}",
    "nested tuples, got": TWICE + "{{ {1: 1}.get(a.s) }}",
    "filters that make no list": ENDLESS
    + "{{ range(99999) | map('string') | list | length }}"
    + _END,
    "slices": "{% set x = range(99999) | list %}" + ENDLESS + "{% set y = x[1:] %}" + _END,
    "splitting": "{% set s = 'a ' * 4000 %}" + ENDLESS + "{% set x = s.split() %}" + _END,
    "unpacking": ENDLESS + "{% set c = cycler(*range(99999)) %}" + _END,
    "batches": "{{ [1] | batch(999999999, 0) | list }}",
    "a list that grows under its loop": "{% set l = [1] %}{% for x in l %}{% set _ = l.append(1) %}"
    "{% endfor %}",
}


@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY)
@pytest.mark.parametrize("mutable", [False, True])
def test_what_would_take_for_ever_ends(text, mutable):
    template = compiled(PLAIN + text, mutable=mutable)

    # The immutable sandbox does not even let a list grow.
    with pytest.raises((TooCostlyError, RaisedError)):
        render(template, {"messages": []}, budget_for(3))


@pytest.mark.parametrize("name", ["loops", "joined text", "a nested list, written", "padding"])
def test_a_template_that_never_ends_is_refused_where_the_profile_is_made(name):
    with pytest.raises(ChatTemplateError, match=r"more than 300,000 steps"):
        profile_from_chat_template(PLAIN + COSTLY[name])


@pytest.mark.parametrize("history", ["H A(x) T(x) H H H", "T(z) H A(x) T(x) H H"])
def test_what_is_too_costly_for_one_history_is_neither_clean_nor_accepted(history):
    text = PLAIN + "{% if messages | length > 5 %}" + COSTLY["loops"] + "{% endif %}"

    report = check_messages(messages(history), profile_from_chat_template(text))

    assert {violation.effect for violation in report.violations} == {"unknown"}


@pytest.mark.parametrize("history", ["H A(x) T(x) S H H", "T(z) H A(x) T(x) S H"])
def test_a_refusal_stands_where_finding_its_reason_is_too_costly(history, monkeypatch):
    text = PLAIN + (
        "{% if messages | length > 5 %}{{ raise_exception('too long') }}{% endif %}"
        "{% if messages[-1].role != 'user' %}" + COSTLY["loops"] + "{% endif %}"
    )
    monkeypatch.setattr(bounds, "MOST_STEPS", 10_000)
    profile = profile_from_chat_template(text.replace("!= 'user'", "== 'system'"))

    report = check_messages(messages(history), profile)

    assert report.effect == "reject"
    assert "too long" in {violation.expected_error for violation in report.violations}


@pytest.mark.parametrize("length", [30, 3_000])
def test_steps_grow_with_the_messages(length):
    history = " ".join([HISTORIES["sound/one"], "A"] * (length // 4))

    report = check_messages(messages(history), profile_from_chat_template(PLAIN))

    assert report.effect == "clean"
    assert report.message_count == length // 4 * 4


# --- The sandbox ---------------------------------------------------------------------------------

OUTSIDE = [
    "''.__class__",
    "''.__class__.__mro__[1].__subclasses__()",
    "messages.__class__.__base__",
    "raise_exception.__globals__",
    "strftime_now.__globals__['json']",
    "namespace.__init__.__globals__",
    "cycler.__init__.__globals__.os",
    "joiner.__init__.__globals__.os",
    "dict.__class__",
    "dict.__call__.__func__.__globals__",
    "range.__globals__",
    "self._TemplateReference__context",
    "'' | attr('__class__')",
    "('%s' | attr('format')).__self__",
    "'{0.__class__}'.format(messages)",
    "'{0[0].__class__}'.format(messages)",
    "'{m.__class__}'.format_map({'m': messages})",
    "[''] | map(attribute='__class__') | first",
    "namespace(a=1)['__class__']",
    "(messages | map('attr', '__class__') | list)",
]


@pytest.mark.parametrize("expression", OUTSIDE)
def test_nothing_of_python_is_reached(expression):
    for mutable in (False, True):
        template = compiled("{{ " + expression + " }}", mutable=mutable)
        try:
            drawn = render(template, {"messages": [{}]}, budget_for(1))
        except (RaisedError, TooCostlyError):
            continue
        assert not any(word in drawn for word in ("class", "module", "function", "built-in", "os"))


@pytest.mark.parametrize(
    "text",
    [
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% extends '/etc/passwd' %}",
        "{% from 'os' import system %}",
        "{{ open('/etc/passwd') }}",
        "{{ lipsum() }}",
        "{{ __import__('os') }}",
        "{{ namespace(__class__=1) }}",
        "{% set ns = namespace() %}{% set ns.__class__ = 1 %}",
        "{% set _ = messages.append(1) %}",
    ],
)
def test_no_file_module_or_message_is_touched(text):
    with pytest.raises(RaisedError):
        render(compiled(text, mutable=False), {"messages": []}, budget_for(1))


def test_what_templates_use_of_jinja_works():
    text = (
        "{% generation %}{{ 'a' }}{% endgeneration %}"
        "{% for x in range(9) %}{% if x == 1 %}{% continue %}{% endif %}"
        "{% if loop.index > 3 %}{% break %}{% endif %}{{ loop.last }}{{ x }}{% endfor %}"
        "{% macro m(a, b='<') %}{{ a }}{{ b }}{{ caller() if caller }}{% endmacro %}"
        "{% call m(1) %}c{% endcall %}{{ m(2) }}"
        "{{ {'a': ['<', 'é']} | tojson }}{{ [3, 1] | sort | join(',') }}{{ 'x' ~ 1 ~ none }}"
        "{{ ['a', 'b'][::-1] | first }}{{ 'a%s' % 'b' }}{{ '{}-{}'.format(1, 'b') }}"
        "{{ 2 ** 3 * 2 + 1 }}{{ 'abc' | replace('b', 'd') | upper }}{{ [1, 2] + [3] }}"
        "{{ strftime_now('%%') }}{{ 1 in [1] }}{{ 'ab'.split('b')[0] }}{{ loop is defined }}"
        "{% set ns = namespace(a=1) %}{% set ns.a = ns.a + 1 %}{{ ns.a }}"
        "{{ {'b': 1, 'a': 2} | dictsort }}{{ dict(a=1, **{'b': 2}) }}"
        "{{ 1735689600 | string }}{{ '%d' % 1735689600 }}{{ '{}'.format(1735689600) }}"
    )

    drawn = render(compiled(text, mutable=False), {}, budget_for(1))

    assert drawn == (
        "aFalse0False2" + "1<c2<" + '{"a": ["<", "é"]}1,3x1None' + "bab1-b" + "17ADC[1, 2, 3]"
        "%TrueaFalse" + "2" + "[('a', 2), ('b', 1)]{'a': 1, 'b': 2}" + "1735689600" * 3
    )


def test_a_long_history_has_no_more_than_seconds():
    assert budget_for(2).left < budget_for(200).left < budget_for(10_000).left
    assert budget_for(10_000).left == budget_for(1_000_000).left == bounds.MOST_STEPS_AT_ALL
