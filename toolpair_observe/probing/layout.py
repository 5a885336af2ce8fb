"""A measurement as the data of its file, the digest of that, and its text.

The text is the small part of TOML that this takes: a line per field, and a line per case and per
probe, so that a difference between two files reads as what changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.errors import MeasuredProfileError
from toolpair_observe.pairing.shown import quoted
from toolpair_observe.pairing.words import Case

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolpair_observe.probing.measurement import (
        Answer,
        Findings,
        Learned,
        LearnedMechanism,
        Measurement,
    )

FORMAT: Final = 1
LONGEST_WORDS: Final = 500
"""Most characters of an endpoint's words; what is longer is cut when it is written."""

_HEAD: Final = """\
# What one endpoint does with tool calls and tool results that do not pair.
#
# `toolpair-observe probe MODULE:MODEL --yes` asked it and wrote this file, which is made to be
# committed: it holds no key and nothing of your histories. Give it as the profile, such as
# profile="./toolpair-profile.toml". `toolpair-observe probe --explain FILE` prints it as a page,
# and `toolpair-observe probe --check FILE MODULE:MODEL --yes` shows what has changed since.
#
# Comments and blanks may change. Where a value changes, the digest no longer fits and the file is
# refused: ask again instead."""
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_THREE: Final = "'''"
_BEYOND_BMP: Final = 0xFFFF


def case_name(case: Case) -> str:
    """Return what the file calls a case."""
    return case.name.lower().replace("_", "-")


def data_of(measurement: Measurement) -> dict[str, Any]:
    """Return a measurement as the file's data, without the digest.

    Raises:
        MeasuredProfileError: There are two answers of one probe.
    """
    asked: dict[str, Any] = {"on": measurement.asked_on, "requests": measurement.requests}
    if measurement.input_tokens is not None:
        asked["input_tokens"] = measurement.input_tokens
    packages = sorted(measurement.packages.items())
    endpoint = measurement.endpoint
    return {
        "format": FORMAT,
        "endpoint": {
            "host": _text(endpoint.host),
            "model": _text(endpoint.model),
            "integration": _text(endpoint.integration),
            "profile": _text(endpoint.profile),
        },
        "asked": {**asked, "packages": {_text(name): _text(value) for name, value in packages}},
        "findings": _findings(measurement.findings),
        "probes": _probes(measurement.answers),
    }


def digest_of(data: Mapping[str, Any]) -> str:
    """Return the digest of the file's data, whatever its order and its form."""
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), default=date.isoformat)
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def as_toml(data: Mapping[str, Any]) -> str:
    """Return the file's text."""
    return "\n".join([_HEAD, *_lines(data), ""])


def _text(text: str) -> str:
    """Half a surrogate pair is no text that a file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _words(text: str) -> dict[str, str]:
    text = _text(text)
    if len(text) > LONGEST_WORDS:
        text = f"{text[: LONGEST_WORDS - 1]}…"
    return {"text": text} if text else {}


def _findings(findings: Findings) -> dict[str, Any]:
    return {
        "elsewhere": findings.elsewhere.value,
        "unexplained": list(map(_text, findings.unexplained)),
        "cases": {
            case_name(case): _learned(findings.cases[case])
            for case in Case
            if case in findings.cases
        },
        "mechanisms": [_mechanism(each) for each in findings.mechanisms],
    }


def _learned(learned: Learned | LearnedMechanism) -> dict[str, Any]:
    return {
        "effect": learned.effect.value,
        **_words(learned.text),
        "probes": list(map(_text, learned.probes)),
    }


def _mechanism(learned: LearnedMechanism) -> dict[str, Any]:
    value = {} if learned.value is None else {"value": learned.value}
    return {"name": _text(learned.name), **value, **_learned(learned)}


def _probes(answers: tuple[Answer, ...]) -> dict[str, Any]:
    probes = {
        _text(each.probe): {
            "history": _text(each.history),
            "verdict": each.verdict.value,
            **_words(each.text),
            "times": each.times,
        }
        for each in answers
    }
    if len(probes) < len(answers):
        names = [each.probe for each in answers]
        twice = next(name for name in names if names.count(name) > 1)
        msg = f"a measurement can't be written that has two answers of the probe {quoted(twice)}"
        raise MeasuredProfileError(msg)
    return probes


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    asked, findings = data["asked"], data["findings"]
    yield from _fields({"format": data["format"], "digest": digest_of(data)})
    yield from _table("endpoint", data["endpoint"])
    yield from _table("asked", {key: asked[key] for key in asked if key != "packages"})
    yield from _table("asked.packages", asked["packages"])
    yield from _table("findings", {key: findings[key] for key in ("elsewhere", "unexplained")})
    yield from _table("findings.cases", findings["cases"])
    for each in findings["mechanisms"]:
        yield from ("", "[[findings.mechanisms]]", *_fields(each))
    yield from _table("probes", data["probes"])


def _table(name: str, fields: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", f"[{name}]", *_fields(fields))


def _fields(fields: Mapping[str, Any]) -> Iterator[str]:
    return (f"{_key(name)} = {_value(value)}" for name, value in fields.items())


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _string(name)


def _value(value: object) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(_fields(value))}}}"
    return str(value)


def _string(text: str) -> str:
    """Write a basic string in which each character shows itself, or is an escape."""
    # Three of them would be taken for the start of a text of several lines, which is refused.
    written = "".join(map(_character, text)).replace(_THREE, r"\u0027" * 3)
    return f'"{written}"'


def _character(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\U{code:08x}" if code > _BEYOND_BMP else f"\\u{code:04x}"
