"""Small templates in words of our own, one for each thing that real ones do with a history."""

from __future__ import annotations

_DRAW = (
    "[{{ m.role }}]{{ m.content }}"
    "{% for c in m.tool_calls or [] %}<{{ c.function.name }}>"
    "{{ c.function.arguments | tojson }}{% endfor %}\n"
)
_RAISE_UNLESS_OPEN = (
    "{% if m.role == 'tool' and not ns.open %}"
    "{{ raise_exception('a result, but no assistant message with a call before it') }}{% endif %}"
)
_NINE = (
    "{% for id in ids %}{% if id | length != 9 %}"
    "{{ raise_exception('ids have nine characters') }}{% endif %}{% endfor %}"
)

# Every message is drawn in turn.
PLAIN = "{% for m in messages %}" + _DRAW + "{% endfor %}"
# A result needs an AI message with calls since the last one without, as gpt-oss and MiniMax do.
NEEDS_CALL = (
    "{% set ns = namespace(open=false) %}{% for m in messages %}"
    "{% if m.role == 'assistant' %}{% set ns.open = m.tool_calls is defined %}{% endif %}"
    + _RAISE_UNLESS_OPEN
    + _DRAW
    + "{% endfor %}"
)
# Humans and AI texts alternate, a system message stands first, as on Ministral.
_ALTERNATE = (
    "{% if messages[0].role == 'system' %}{% set rest = messages[1:] %}"
    "{% else %}{% set rest = messages %}{% endif %}{% set ns = namespace(n=0) %}"
    "{% for m in rest %}{% if m.role == 'user' or (m.role == 'assistant' and not m.tool_calls) %}"
    "{% if (m.role == 'user') != (ns.n % 2 == 0) %}"
    "{{ raise_exception('user and assistant have to alternate') }}{% endif %}"
    "{% set ns.n = ns.n + 1 %}{% endif %}{% endfor %}"
    "{% for m in rest %}{% if m.role == 'system' %}"
    "{{ raise_exception('no system message but the first, got ' + m.role) }}{% endif %}"
)
ALTERNATES = _ALTERNATE + _DRAW + "{% endfor %}"
# The same with ids of nine characters, which it prints, as Mistral Nemo does.
NINE = (
    _ALTERNATE
    + "{% set ids = (m.tool_calls or []) | map(attribute='id') | list %}"
    + "{% if m.role == 'tool' %}{% set ids = [m.tool_call_id] %}{% endif %}"
    + _NINE
    + "{{ ids | tojson }}"
    + _DRAW
    + "{% endfor %}"
)
# One call a message, as on Llama 3.
ONE_CALL = (
    "{% for m in messages %}{% if (m.tool_calls or []) | length > 1 %}"
    "{{ raise_exception('one call at a time') }}{% endif %}" + _DRAW + "{% endfor %}"
)
# A result is drawn where its calls are, or not at all, as on Gemma 4.
WITH_CALLS = (
    "{% for m in messages %}{% if m.role != 'tool' %}"
    + _DRAW
    + "{% if m.tool_calls %}{% for r in messages[loop.index:] %}"
    "{% if r.role != 'tool' %}{% break %}{% endif %}{{ r.content }}{% endfor %}{% endif %}"
    "{% endif %}{% endfor %}"
)
# A result stands behind an AI message or another result, a system message first, as on Apertus.
INSIDE_ASSISTANT = (
    "{% set ns = namespace(inside=false) %}{% for m in messages %}"
    "{% if m.role == 'system' and not loop.first %}{{ raise_exception('wrong role') }}{% endif %}"
    "{% if m.role == 'user' %}{% set ns.inside = false %}"
    "{% elif m.role == 'assistant' %}{% set ns.inside = true %}"
    "{% elif m.role == 'tool' and not ns.inside %}"
    "{{ raise_exception('a tool message outside of the assistant') }}{% endif %}"
    + _DRAW
    + "{% endfor %}"
)
# At least one human message, and no system message but the first, as on Qwen 3.5.
HUMAN_NEEDED = (
    "{% if not messages | selectattr('role', 'equalto', 'user') | list %}"
    "{{ raise_exception('no question') }}{% endif %}{% for m in messages %}"
    "{% if m.role == 'system' and not loop.first %}"
    "{{ raise_exception('the system message comes first') }}{% endif %}" + _DRAW + "{% endfor %}"
)
# Of parallel calls the first is drawn, otherwise as NEEDS_CALL, as on gpt-oss.
FIRST_CALL = NEEDS_CALL.replace("m.tool_calls or []", "(m.tool_calls or [])[:1]")
# The tool's name is printed with each result, looked up by id.
SHOWS_TOOL = (
    "{% set ns = namespace(names={}) %}{% for m in messages %}"
    "{% for c in m.tool_calls or [] %}"
    "{% set ns.names = dict(ns.names, **{c.id: c.function.name}) %}{% endfor %}"
    "{{ ns.names.get(m.tool_call_id, '') if m.role == 'tool' }}" + _DRAW + "{% endfor %}"
)
# Results are drawn in the order of their calls, whatever theirs is.
SORTS = (
    "{% for m in messages %}{% if m.role != 'tool' %}"
    + _DRAW
    + "{% for c in m.tool_calls or [] %}{% for r in messages if r.tool_call_id == c.id %}"
    "{{ r.content }}{% endfor %}{% endfor %}{% endif %}{% endfor %}"
)
# Not for tools: neither calls nor results, no calls, and a raise at any result.
TEXT_ONLY = (
    "{% for m in messages if m.role in ('system', 'user', 'assistant') %}"
    "{{ m.content }}{% endfor %}"
)
NO_CALLS = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
NO_RESULTS = (
    "{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('what is a tool?') }}"
    "{% endif %}" + _DRAW + "{% endfor %}"
)
# Arguments as the text that was sent, and lists that are changed in place, as on Kimi K2.
TEXT_ARGUMENTS = (
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% for c in m.tool_calls or [] %}"
    "{{ '<' + c.function.arguments + '>' }}{% endfor %}{% endfor %}"
)
MUTATES = (
    "{% set kept = [] %}{% for m in messages %}{% set _ = kept.append(m) %}{% endfor %}"
    + PLAIN.replace("in messages", "in kept")
)
# Content as parts, which a loop over it asks for.
PARTS = (
    "{% for m in messages %}[{{ m.role }}]{% for p in m.content %}{{ p.text }}{% endfor %}"
    "{% for c in m.tool_calls or [] %}{{ c.function.arguments | tojson }}{% endfor %}{% endfor %}"
)
