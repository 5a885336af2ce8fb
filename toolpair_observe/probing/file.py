"""The file of a measurement: written in one piece, and read as what anybody may have written."""

from __future__ import annotations

import errno
import os
import re
import secrets
import tomllib
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from toolpair_observe.errors import MeasuredProfileError
from toolpair_observe.pairing.mechanisms.table import MECHANISMS
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.shown import quoted
from toolpair_observe.pairing.words import Case, Effect
from toolpair_observe.probing.fields import Fields, UnfitError, named
from toolpair_observe.probing.layout import (
    FORMAT,
    LONGEST_WORDS,
    as_toml,
    case_name,
    data_of,
    digest_of,
)
from toolpair_observe.probing.measurement import (
    Answer,
    Endpoint,
    Findings,
    Learned,
    LearnedMechanism,
    Measurement,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_BYTES: Final = 1024 * 1024
_MOST_PROBES: Final = 400
_MOST_MECHANISMS: Final = 100
_MOST_PACKAGES: Final = 100
_MOST_REQUESTS: Final = 1_000_000
_MOST_TOKENS: Final = 10**12
_LARGEST_VALUE: Final = 10_000
_LONGEST_NAME: Final = 300
_FIRST_DAY: Final = date(2020, 1, 1)
_LAST_DAY: Final = date(2199, 12, 31)
_LONGEST_PATH: Final = 200
# A name is bounded in bytes, of which a character takes up to four.
_MOST_OF_A_NAME: Final = 40

_CASES: Final[Mapping[str, Case]] = {case_name(case): case for case in Case}
_VERDICTS: Final[Mapping[str, Verdict]] = {each.value: each for each in Verdict}
_EFFECTS: Final[Mapping[str, Effect]] = {
    each.value: each
    for each in (
        Effect.ACCEPT,
        Effect.REJECT,
        Effect.SILENT_LOSS,
        Effect.LOCAL_ERROR,
        Effect.UNKNOWN,
    )
}
_ELSEWHERE: Final[Mapping[str, Effect]] = {
    each.value: each for each in (Effect.ACCEPT, Effect.UNKNOWN)
}
_AGAIN: Final = (
    "ask the endpoint again (`toolpair-observe probe MODULE:MODEL --yes`) rather than edit the file"
)
# Strings and comments, so that what is left of the text are names and signs. A string that does
# not end is taken to its line's end.
_SAID: Final = re.compile(r"\"(?:[^\"\\\n]|\\.)*+\"?|'[^'\n]*+'?|#[^\n]*+")
# The reader takes quadratic time for a name of many parts; the file has names of two.
_MOST_DOTS: Final = 1000


def written(measurement: Measurement) -> str:
    """Return the text of a measurement's file, the same for the same measurement.

    Raises:
        MeasuredProfileError: It could not be read again; the text says why.
    """
    text = as_toml(data_of(measurement))
    # A measurement has cost requests: better to say so now than when it is used.
    _measurement(text, "the measurement")
    return text


def write_measurement(measurement: Measurement, path: str | os.PathLike[str]) -> None:
    """Write a measurement's file in one piece: there is the whole of it, or what was there before.

    A link at the path is replaced, never followed.

    Raises:
        MeasuredProfileError: It can't be written there; the text says why.
    """
    content = written(measurement).encode()
    target = Path(path)
    try:
        _replace(target, content)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        if not target.parent.is_dir():
            reason = f"there is no folder {_shown(target.parent)}"
        msg = f"the measured profile {_shown(target)} can't be written: {reason}; give another path"
        raise MeasuredProfileError(msg) from None


def _replace(target: Path, content: bytes) -> None:
    # In the same folder, since nothing is moved in one piece from one disk to another.
    beside = target.with_name(f".{target.name[:_MOST_OF_A_NAME]}.{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        with suppress(OSError):
            beside.unlink()


def read_measurement(path: str | os.PathLike[str]) -> Measurement:
    """Read a measurement's file.

    It is data alone: nothing that it names is imported, opened or asked.

    Raises:
        MeasuredProfileError: It can't be read, or is not as it was written; the text names the
            place and says what to do.
    """
    file = f"the measured profile {_shown(Path(path))}"
    return _measurement(_read(Path(path), file), file)


def _read(path: Path, file: str) -> str:
    try:
        data = _bytes(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        msg = (
            f"{file} can't be read: {reason}; give the path of the file that "
            "`toolpair-observe probe` wrote"
        )
        raise MeasuredProfileError(msg) from None
    if len(data) > _MOST_BYTES:
        msg = f"{file} is longer than {_MOST_BYTES:,} bytes: {_AGAIN}"
        raise MeasuredProfileError(msg)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{file} is not UTF-8 (byte {error.start:,}): {_AGAIN}"
        raise MeasuredProfileError(msg) from None


def _bytes(path: Path) -> bytes:
    # A pipe would keep the reader waiting.
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no file")
    with path.open("rb") as file:
        return file.read(_MOST_BYTES + 1)


def _measurement(text: str, file: str) -> Measurement:
    try:
        return _judged(Fields(_parsed(text)))
    except UnfitError as error:
        msg = f"{file} can't be used: {error}; {_AGAIN}"
        raise MeasuredProfileError(msg) from None


def _parsed(text: str) -> dict[str, object]:
    if len(text.encode()) > _MOST_BYTES:
        msg = f"it is longer than {_MOST_BYTES:,} bytes"
        raise UnfitError(msg)
    if '"""' in text or "'''" in text or _SAID.sub("", text).count(".") > _MOST_DOTS:
        msg = "it has texts of several lines or names of several parts, which none of these has"
        raise UnfitError(msg)
    try:
        return tomllib.loads(text)
    except RecursionError:
        msg = "it is nested too deeply"
    except ValueError as error:
        # The reader's own text may quote the file.
        msg = f"it is not TOML: {quoted(str(error))}"
    raise UnfitError(msg)


def _judged(fields: Fields) -> Measurement:
    # First, since a newer format may have other fields.
    made = fields.number("format", 1, _LARGEST_VALUE)
    if made > FORMAT:
        msg = (
            f"format is {made}: it was made by a newer version of toolpair-observe, which reads it"
        )
        raise UnfitError(msg)
    digest = fields.text("digest", _LONGEST_NAME)
    endpoint = _endpoint(fields.table("endpoint"))
    asked = fields.table("asked")
    measurement = Measurement(
        endpoint=endpoint,
        asked_on=asked.day("on", _FIRST_DAY, _LAST_DAY),
        packages=_packages(asked),
        requests=asked.number("requests", 0, _MOST_REQUESTS),
        input_tokens=(
            asked.number("input_tokens", 0, _MOST_TOKENS) if asked.has("input_tokens") else None
        ),
        findings=_findings(fields.table("findings")),
        answers=_answers(fields.table("probes")),
    )
    asked.end()
    fields.end()
    if digest != digest_of(data_of(measurement)):
        msg = "digest does not fit: a value was changed after the endpoint had been asked"
        raise UnfitError(msg)
    return measurement


def _endpoint(fields: Fields) -> Endpoint:
    endpoint = Endpoint(
        host=fields.text("host", _LONGEST_NAME),
        model=fields.text("model", _LONGEST_NAME),
        integration=fields.text("integration", _LONGEST_NAME),
        profile=fields.choice("profile", PROFILES).name,
    )
    fields.end()
    return endpoint


def _packages(asked: Fields) -> dict[str, str]:
    fields = asked.table("packages")
    return {
        name: fields.text(name, _LONGEST_NAME)
        for name in fields.names(_MOST_PACKAGES, _LONGEST_NAME)
    }


def _findings(fields: Fields) -> Findings:
    findings = Findings(
        elsewhere=fields.choice("elsewhere", _ELSEWHERE),
        unexplained=fields.texts("unexplained", _MOST_PROBES, _LONGEST_NAME),
        cases=_cases(fields.table("cases")),
        mechanisms=tuple(map(_mechanism, fields.tables("mechanisms", _MOST_MECHANISMS))),
    )
    fields.end()
    return findings


def _cases(fields: Fields) -> dict[Case, Learned]:
    learned: dict[Case, Learned] = {}
    for name in fields.names(len(_CASES), _LONGEST_NAME):
        case = named(name, _CASES, f"the case {fields.place(name)}")
        each = fields.table(name)
        learned[case] = Learned(
            effect=each.choice("effect", _EFFECTS),
            text=each.text("text", LONGEST_WORDS, default=""),
            probes=each.texts("probes", _MOST_PROBES, _LONGEST_NAME),
        )
        each.end()
    return learned


def _mechanism(fields: Fields) -> LearnedMechanism:
    mechanism = fields.choice("name", MECHANISMS)
    # One without a number that has one is left over, and refused so.
    value = fields.number("value", 1, _LARGEST_VALUE) if mechanism.takes_value else None
    learned = LearnedMechanism(
        name=mechanism.name,
        effect=fields.choice("effect", _EFFECTS),
        value=value,
        text=fields.text("text", LONGEST_WORDS, default=""),
        probes=fields.texts("probes", _MOST_PROBES, _LONGEST_NAME),
    )
    fields.end()
    return learned


def _answers(fields: Fields) -> tuple[Answer, ...]:
    answers: list[Answer] = []
    for name in fields.names(_MOST_PROBES, _LONGEST_NAME):
        each = fields.table(name)
        answers.append(
            Answer(
                probe=name,
                history=each.text("history", _LONGEST_NAME),
                verdict=each.choice("verdict", _VERDICTS),
                text=each.text("text", LONGEST_WORDS, default=""),
                times=each.number("times", 1, _LARGEST_VALUE),
            )
        )
        each.end()
    return tuple(answers)


def _shown(path: Path) -> str:
    return quoted(str(path), _LONGEST_PATH)
