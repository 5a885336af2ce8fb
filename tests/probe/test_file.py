"""The file of a measurement: what it looks like, that it comes back, and what is refused."""

from __future__ import annotations

import os
import string
import tomllib
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.probe.measured import ANSWERS, FINDINGS, MEASUREMENT
from toolpair_observe.errors import MeasuredProfileError
from toolpair_observe.pairing.mechanisms.table import MECHANISMS
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.pairing.words import Case, Effect
from toolpair_observe.probing.file import read_measurement, write_measurement, written
from toolpair_observe.probing.layout import LONGEST_WORDS, as_toml, data_of, digest_of
from toolpair_observe.probing.measurement import (
    Answer,
    Endpoint,
    Findings,
    Learned,
    LearnedMechanism,
    Measurement,
    Verdict,
)

TEXT = written(MEASUREMENT)
BODY = """\
[endpoint]
host = "llm.example.com:8443"
model = "qwen3-32b"
integration = "openai-chat"
profile = "openai-compatible"

[asked]
on = 2026-12-01
requests = 61
input_tokens = 16042

[asked.packages]
langchain-core = "1.4.0"
langchain-openai = "1.7.5"

[findings]
elsewhere = "accept"
unexplained = ["mix/two_ai"]

[findings.cases]
missing-all = {effect = "reject", text = "tool_calls must be followed by {results} | for 100 %", \
probes = ["missing/all_human"]}
orphan-after-human = {effect = "silent_loss", probes = ["orphan/human"]}
duplicate = {effect = "unknown", probes = ["duplicate/same"]}

[[findings.mechanisms]]
name = "one-call"
effect = "reject"
text = "one call, {please}"
probes = ["sound/two"]

[[findings.mechanisms]]
name = "id-length"
value = 9
effect = "reject"
probes = ["id/41", "id/65"]

[probes]
"sound/one" = {history = "H A(x) T(x)", verdict = "accept", times = 2}
"missing/all_human" = {history = "H A(x) H", verdict = "reject", \
text = "tool_calls must be followed by {results} | for 100 %", times = 2}
"orphan/human" = {history = "H T(z)", verdict = "silent_loss", times = 1}
"duplicate/same" = {history = "H A(x) T(x) T(x)", verdict = "unstable", times = 2}
"""


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "toolpair-profile.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_measurement(path)

    return read


@pytest.fixture
def refused(read):
    def refused(text):
        with pytest.raises(MeasuredProfileError) as raised:
            read(text)
        said = str(raised.value)
        assert "toolpair-profile.toml" in said
        assert "\n" not in said
        assert len(said) < 800
        return said

    return refused


def changed(**changes):
    return replace(MEASUREMENT, **changes)


def test_the_file_has_a_line_for_each_case_and_each_probe():
    head, _, body = TEXT.partition("\n\n")

    assert body == BODY
    assert head.splitlines()[0].startswith("# What one endpoint does")
    assert "--yes" in head
    assert head.splitlines()[-2:] == ["format = 1", f'digest = "{digest_of(data_of(MEASUREMENT))}"']


def test_what_was_written_is_read_again(tmp_path):
    path = tmp_path / "toolpair-profile.toml"

    write_measurement(MEASUREMENT, path)

    assert read_measurement(path) == MEASUREMENT
    assert read_measurement(str(path)) == MEASUREMENT
    assert path.read_text(encoding="utf-8") == TEXT


def test_the_same_measurement_makes_the_same_bytes_whatever_the_order_of_its_tables():
    other = changed(
        packages=dict(reversed(MEASUREMENT.packages.items())),
        findings=replace(FINDINGS, cases=dict(reversed(FINDINGS.cases.items()))),
    )

    assert other == MEASUREMENT
    assert written(other) == TEXT


def test_an_endpoint_that_counts_no_tokens_has_no_line_of_them(read):
    silent = changed(input_tokens=None)

    assert "input_tokens" not in written(silent)
    assert read(written(silent)) == silent


def test_comments_blanks_and_order_may_change(read):
    lines = TEXT.splitlines()
    at = lines.index("[probes]")
    lines = [*lines[: at + 1], *reversed(lines[at + 1 :])]
    spaced = "\r\n".join(f"{line}   # seen" if line.endswith('"') else line for line in lines)

    again = read(b"\xef\xbb\xbf" + spaced.replace(" = ", "=").encode())

    assert again == changed(answers=ANSWERS[::-1])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"accept"', '"unknown"'),
        ("requests = 61", "requests = 62"),
        ('verdict = "reject"', 'verdict = "accept"'),
        ("for 100 %", "for 99 %"),
        ("value = 9", "value = 10"),
        ("llm.example.com", "other.example.com"),
        ("on = 2026-12-01", "on = 2026-12-02"),
        ("missing-all =", "missing-some ="),
    ],
)
def test_a_file_of_which_a_value_was_changed_is_refused(refused, old, new):
    assert old in TEXT

    said = refused(TEXT.replace(old, new, 1))

    assert "digest does not fit" in said
    assert "toolpair-observe probe MODULE:MODEL --yes" in said


HOSTILE = {
    "a field of the file": (TEXT + "\n[more]\nx = 1\n", "more is no field"),
    "a field of the endpoint": (
        TEXT.replace('host = "', 'key = "s"\nhost = "'),
        "endpoint.key is no field",
    ),
    "a field of a case": (
        TEXT.replace('missing-all = {effect = "reject"', 'missing-all = {cost = 1, effect = "x"'),
        "findings.cases.missing-all.effect is 'x'",
    ),
    "a field of a probe": (
        TEXT.replace("times = 2}", "times = 2, load = 'os'}", 1),
        'probes."sound/one".load is no field',
    ),
    "a field too few": (TEXT.replace('host = "llm.example.com:8443"\n', ""), "host is missing"),
    "no probes": (TEXT[: TEXT.index("[probes]")], "probes is missing"),
    "no format": (TEXT.replace("format = 1\n", ""), "format is missing"),
    "a newer format": (
        TEXT.replace("format = 1", "format = 2\nwhatever = 3"),
        "format is 2: it was made by a newer version",
    ),
    "a truth value for a number": (
        TEXT.replace("requests = 61", "requests = true"),
        "asked.requests is a truth value: it has to be a whole number",
    ),
    "a fraction": (TEXT.replace("= 61", "= 6.1"), "asked.requests is a number with a fraction"),
    "infinity": (TEXT.replace("= 61", "= inf"), "asked.requests is a number with a fraction"),
    "a negative number": (TEXT.replace("= 61", "= -1"), "asked.requests is -1"),
    "a number of many digits": (TEXT.replace("= 61", f"= {'9' * 5000}"), "it is not TOML"),
    "a long hexadecimal number": (
        TEXT.replace("= 61", f"= 0x{'f' * 50_000}"),
        "asked.requests is an object of type int",
    ),
    "a text for a table": (
        TEXT[: TEXT.index("[endpoint]")] + 'endpoint = "x"\n',
        "endpoint is a text: it has to be a table",
    ),
    "a table for a text": (
        TEXT.replace('model = "qwen3-32b"', "model = {}"),
        "endpoint.model is a table: it has to be a text",
    ),
    "a number in a list of texts": (
        TEXT.replace('["mix/two_ai"]', '["mix/two_ai", 3]'),
        "findings.unexplained[1] is a whole number: it has to be a text",
    ),
    "a text in place of a probe": (
        TEXT + '"orphan/ai" = "reject"\n',
        'probes."orphan/ai" is a text: it has to be a table',
    ),
    "a table in place of the mechanisms": (
        TEXT.replace("[[findings.mechanisms]]", "[findings.mechanisms]", 1).replace(
            "[[findings.mechanisms]]", "[more]", 1
        ),
        "findings.mechanisms is a table: it has to be a list",
    ),
    "a time for a day": (
        TEXT.replace("on = 2026-12-01", "on = 2026-12-01T10:00:00"),
        "asked.on is something else: it has to be a date",
    ),
    "a day long ago": (TEXT.replace("on = 2026", "on = 1026"), "asked.on is 1026-12-01"),
    "a day far off": (TEXT.replace("on = 2026", "on = 9026"), "asked.on is 9026-12-01"),
    "no such day": (TEXT.replace("2026-12-01", "2026-13-01"), "it is not TOML"),
    "a misspelled case": (
        TEXT.replace("missing-all =", "mising-all ="),
        "findings.cases.mising-all is 'mising-all', which this version does not know "
        "(did you mean missing-all?)",
    ),
    "a misspelled mechanism": (
        TEXT.replace('"one-call"', '"one-calls"'),
        "findings.mechanisms[0].name is 'one-calls', which this version does not know "
        "(did you mean one-call?)",
    ),
    "a misspelled profile": (
        TEXT.replace('profile = "openai-compatible"', 'profile = "openai-compatibel"'),
        "endpoint.profile is 'openai-compatibel', which this version does not know "
        "(did you mean openai-compatible?)",
    ),
    "an effect that no endpoint has": (
        TEXT.replace(
            'orphan-after-human = {effect = "silent_loss"', 'orphan-after-human = {effect = "clean"'
        ),
        "findings.cases.orphan-after-human.effect is 'clean'",
    ),
    "an effect of everything else": (
        TEXT.replace('elsewhere = "accept"', 'elsewhere = "reject"'),
        "findings.elsewhere is 'reject'",
    ),
    "a misspelled verdict": (
        TEXT.replace('verdict = "unstable"', 'verdict = "unstabel"'),
        "probes.\"duplicate/same\".verdict is 'unstabel', which this version does not know "
        "(did you mean unstable?)",
    ),
    "a number where a mechanism takes none": (
        TEXT.replace('name = "one-call"', 'name = "one-call"\nvalue = 3'),
        "findings.mechanisms[0].value is no field",
    ),
    "no number where a mechanism takes one": (
        TEXT.replace("value = 9\n", ""),
        "findings.mechanisms[1].value is missing",
    ),
    "a number out of range": (
        TEXT.replace("value = 9\n", "value = 10_001\n"),
        "findings.mechanisms[1].value is 10001: it has to be 1 to 10,000",
    ),
    "asked never": (TEXT.replace("times = 1", "times = 0"), 'probes."orphan/human".times is 0'),
    "a long text": (
        TEXT.replace("one call, {please}", "x" * 600),
        "findings.mechanisms[0].text has 600 characters: 500 at most",
    ),
    "a long name": (TEXT + f'"{"x" * 400}" = {{}}\n', "has 400 characters: 300 at most"),
    "a long list": (
        TEXT.replace('["id/41", "id/65"]', str(["x"] * 401)),
        "findings.mechanisms[1].probes holds 401 entries: 400 at most",
    ),
    "many mechanisms": (
        TEXT.replace(
            "\n[probes]",
            '\n[[findings.mechanisms]]\nname="one-call"\neffect="reject"\nprobes=[]\n' * 99
            + "\n[probes]",
        ),
        "findings.mechanisms holds 101 entries: 100 at most",
    ),
    "many probes": (
        TEXT + "".join(f'"p{n}" = {{}}\n' for n in range(400)),
        "probes holds 404 entries: 400 at most",
    ),
    "many packages": (
        TEXT.replace(
            "[asked.packages]", "[asked.packages]\n" + "".join(f'p{n} = "1"\n' for n in range(99))
        ),
        "asked.packages holds 101 entries: 100 at most",
    ),
    "a name with an end of line": (
        TEXT.replace("[asked]", '[asked]\n"a\\n::error::b" = 1'),
        'asked."a\\n::error::b" is no field',
    ),
    "a field twice": (TEXT.replace("format = 1", "format = 1\nformat = 1"), "it is not TOML"),
    "not TOML": ("{}", "it is not TOML"),
    "nothing": ("", "format is missing"),
    "not UTF-8": (b"format = 1 # \xff", "is not UTF-8 (byte 13)"),
    "a zero byte": (TEXT.replace("61", "6\0"), "it is not TOML"),
    "nested lists": (f"format = {'[' * 200_000}", "it is nested too deeply"),
    "nested tables": (f"format = {'{a=' * 200_000}", "it is nested too deeply"),
    "a name of many parts": (f"{'.'.join('a' * 400_000)} = 1", "names of several parts"),
    "a quoted name of many parts": ('"a".' * 200_000 + "a = 1", "names of several"),
    "a table of many parts": (f"[{'.'.join('a' * 400_000)}]", "names of several parts"),
    "a name of many parts behind a string": (
        f"x = {{a = 'b\"', {'.'.join('a' * 400_000)} = '\"'}}",
        "names of several parts",
    ),
    "a name of many parts behind a text of several lines": (
        f'x = {{a=""""x""", {".".join("a" * 400_000)}="1"}}',
        "texts of several lines",
    ),
    "a string without an end": ('a = "' + '\\"' * 300_000, "it is not TOML"),
    "a long file": (f"# {'x' * 1024 * 1024}", "is longer than 1,048,576 bytes"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_file_of_ours_is_refused_with_its_place(refused, name):
    text, said = HOSTILE[name]
    assert text != TEXT

    assert said in refused(text)


def test_a_file_whose_digest_fits_is_held_to_the_same_bounds(refused):
    data = data_of(MEASUREMENT)
    data["findings"]["mechanisms"][1]["value"] = 0

    assert "findings.mechanisms[1].value is 0" in refused(as_toml(data))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MeasuredProfileError, match=r"none\.toml' can't be read: No such file"):
        read_measurement(tmp_path / "none.toml")


def test_a_folder_and_a_pipe_are_no_file(tmp_path):
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)

    for path in (tmp_path, pipe):
        with pytest.raises(MeasuredProfileError, match="it is no file"):
            read_measurement(path)


@pytest.mark.parametrize("path", ["\0.toml", ""])
def test_a_path_that_can_be_none_is_named(path):
    with pytest.raises(MeasuredProfileError, match="can't be read"):
        read_measurement(path)
    with pytest.raises(MeasuredProfileError, match="can't be written"):
        write_measurement(MEASUREMENT, path)


def test_nothing_is_written_where_there_is_no_folder(tmp_path):
    with pytest.raises(MeasuredProfileError, match=r"there is no folder '.*nowhere'"):
        write_measurement(MEASUREMENT, tmp_path / "nowhere" / "toolpair-profile.toml")

    assert list(tmp_path.iterdir()) == []


def test_a_folder_at_the_path_is_left_alone(tmp_path):
    path = tmp_path / "toolpair-profile.toml"
    path.mkdir()

    with pytest.raises(MeasuredProfileError, match="can't be written"):
        write_measurement(MEASUREMENT, path)

    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_replaced_and_not_followed(tmp_path):
    elsewhere = tmp_path / "precious"
    elsewhere.write_text("precious", encoding="utf-8")
    path = tmp_path / "toolpair-profile.toml"
    path.symlink_to(elsewhere)

    write_measurement(MEASUREMENT, path)

    assert elsewhere.read_text(encoding="utf-8") == "precious"
    assert not path.is_symlink()
    assert read_measurement(path) == MEASUREMENT


def test_where_writing_breaks_off_the_old_file_is_left_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "toolpair-profile.toml"
    path.write_text("old", encoding="utf-8")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MeasuredProfileError, match="No space left on device"):
        write_measurement(MEASUREMENT, path)

    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert path.read_text(encoding="utf-8") == "old"


def test_a_new_file_is_as_readable_as_others_are(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()

    write_measurement(MEASUREMENT, tmp_path / "toolpair-profile.toml")

    assert (tmp_path / "toolpair-profile.toml").stat().st_mode == plain.stat().st_mode


def test_long_words_are_cut_and_half_characters_replaced(read):
    long = Answer("missing/end", "H A(x)", Verdict.REJECT, "no\ud800" + "x" * 2 * LONGEST_WORDS)

    (answer,) = read(written(changed(answers=(long,)))).answers

    assert answer.text == f"no?{'x' * (LONGEST_WORDS - 4)}…"


@pytest.mark.parametrize(
    ("unfit", "said"),
    [
        (changed(answers=ANSWERS * 2), "two answers of the probe 'sound/one'"),
        (changed(asked_on=date(1970, 1, 1)), "asked.on is 1970-01-01"),
        (changed(endpoint=replace(MEASUREMENT.endpoint, profile="mine")), "endpoint.profile is"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path, unfit, said):
    with pytest.raises(MeasuredProfileError, match=said):
        write_measurement(unfit, tmp_path / "toolpair-profile.toml")

    assert list(tmp_path.iterdir()) == []


# --- Whatever there is to write ------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
PROBES = st.lists(NAMES, max_size=3).map(tuple)
EFFECTS = st.sampled_from([each for each in Effect if each is not Effect.CLEAN])
LEARNED = st.builds(Learned, EFFECTS, TEXTS, PROBES)


@st.composite
def mechanisms(draw):
    mechanism = draw(st.sampled_from(list(MECHANISMS.values())))
    value = draw(st.integers(1, 10_000)) if mechanism.takes_value else None
    return LearnedMechanism(mechanism.name, draw(EFFECTS), value, draw(TEXTS), draw(PROBES))


ANY_ANSWER = st.builds(
    Answer, NAMES, TEXTS, st.sampled_from(list(Verdict)), TEXTS, st.integers(1, 9)
)
ANY = st.builds(
    Measurement,
    st.builds(Endpoint, TEXTS, TEXTS, TEXTS, st.sampled_from(list(PROFILES))),
    st.dates(date(2020, 1, 1), date(2199, 12, 31)),
    st.dictionaries(NAMES, TEXTS, max_size=3),
    st.integers(0, 1_000_000),
    st.none() | st.integers(0, 10**12),
    st.lists(ANY_ANSWER, max_size=4, unique_by=lambda each: each.probe).map(tuple),
    st.builds(
        Findings,
        st.dictionaries(st.sampled_from(list(Case)), LEARNED, max_size=4),
        st.lists(mechanisms(), max_size=3).map(tuple),
        st.sampled_from([Effect.ACCEPT, Effect.UNKNOWN]),
        PROBES,
    ),
)


@settings(deadline=None)
@given(ANY)
def test_any_measurement_comes_back_as_it_was(tmp_path_factory, measurement):
    path = tmp_path_factory.mktemp("any") / "toolpair-profile.toml"

    write_measurement(measurement, path)
    again = read_measurement(path)

    assert again == measurement
    assert written(again) == written(measurement)


@settings(deadline=None)
@given(ANY)
def test_the_file_shows_all_that_it_holds(measurement):
    text = written(measurement)

    assert all(each.isprintable() for each in text.replace("\n", ""))
    assert tomllib.loads(text)["asked"]["requests"] == measurement.requests


@settings(deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.sampled_from(string.printable))
def test_a_changed_character_is_refused_or_changes_nothing(tmp_path_factory, at, character):
    path = tmp_path_factory.mktemp("edited") / "toolpair-profile.toml"
    path.write_text(TEXT[:at] + character + TEXT[at + 1 :], encoding="utf-8", newline="")

    try:
        again = read_measurement(path)
    except MeasuredProfileError:
        return

    assert again == MEASUREMENT


@pytest.mark.parametrize("words", ["'''", "a '''''' b", "\\'''", '"""'])
def test_words_with_three_quotes_come_back(tmp_path, words):
    answer = Answer("sound/one", "H A(x) T(x)", Verdict.REJECT, words)
    path = tmp_path / "toolpair-profile.toml"
    write_measurement(replace(MEASUREMENT, answers=(answer,)), path)
    assert read_measurement(path).answers == (answer,)


def test_a_name_as_long_as_the_disk_takes_is_written(tmp_path):
    path = tmp_path / f"{'é' * 125}.toml"
    write_measurement(MEASUREMENT, path)
    assert list(tmp_path.iterdir()) == [path]
