"""Options: code beats environment beats default, and a wrong one is one clear line."""

from __future__ import annotations

import logging
import pickle
import warnings
from dataclasses import FrozenInstanceError

import pytest

from docs.generate_settings import options_table
from toolpair_observe import once
from toolpair_observe.attach.handler import ToolPairHandler
from toolpair_observe.errors import SettingsError, ToolPairError
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.settings import Options, Settings, options, variable_of

NAMES = [option.name for option in options()]

# One good value each, as code and as the environment would give it, and one bad one.
GOOD = {
    "mode": ("strict", "Strict", "strict"),
    "strict_environments": ({"ci"}, "staging, ci", {"ci"}),
    "environment": ("Staging", " Staging ", "Staging"),
    "request_mode": ("any", "ANY", "any"),
    "block_on": (["silent_loss"], "silent_loss", {"silent_loss"}),
    "block_unidentified": (False, "no", False),
    "on_internal_error": ("block", "block", "block"),
    "profile": ("openai-chat", "openai-chat", PROFILES["openai-chat"]),
    "feedback": ("all", "all", "all"),
    "spans": ("off", " off ", "off"),
    "evaluation_events": (True, "1", True),
    "hash_ids": (True, "on", True),
    "max_label_values": (7, "7", 7),
    "max_runs": (1, "1", 1),
    "run_timeout": (2.5, "2.5", 2.5),
    "wrap_callbacks": (False, "false", False),
    "docs_url": ("https://wiki/v", " https://wiki/v ", "https://wiki/v"),
    "announce": (False, "off", False),
    "blame": ("requests", " Requests ", "requests"),
}
BAD = {
    "mode": ["strct", 1, ""],
    "strict_environments": [7, [1]],
    "environment": [7, "two\nlines"],
    "request_mode": ["weaker", True],
    "block_on": ["rejects", ["clean"], 7],
    "block_unidentified": ["maybe", 1, "nein"],
    "on_internal_error": ["raise"],
    "profile": ["openia", 7],
    "feedback": ["yes", True],
    "spans": ["some"],
    "evaluation_events": ["2"],
    "hash_ids": ["?"],
    "max_label_values": [0, True, "many", 1.5],
    "max_runs": [0, -1, "1e4"],
    "run_timeout": [0, -1, "soon", True, float("nan"), float("inf")],
    "wrap_callbacks": ["wrapped"],
    "docs_url": [7, "two\nlines"],
    "announce": ["quietly"],
    "blame": ["everybody", True],
}


@pytest.fixture(autouse=True)
def _warn_anew(monkeypatch):
    monkeypatch.setattr(once, "_said", set())


def test_every_option_is_tried_here_and_known_to_type_checkers():
    assert set(GOOD) == set(BAD) == set(NAMES)
    assert set(Options.__annotations__) == set(NAMES) - {"mode"}


@pytest.mark.parametrize("name", NAMES)
def test_code_beats_environment_beats_default(name):
    given, text, meant = GOOD[name]
    default = getattr(Settings(), name)
    environ = {variable_of(name): text}
    assert getattr(Settings.resolve({}), name) == default
    assert getattr(Settings.resolve(environ), name) != default
    assert getattr(Settings.resolve(environ, **{name: None}), name) != default
    assert getattr(Settings.resolve({}, **{name: given}), name) == meant
    assert getattr(Settings.resolve({variable_of(name): "nonsense"}, **{name: given}), name) == (
        meant
    )


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_a_wrong_value_is_named_with_its_origin_and_the_choices(name, value):
    with pytest.raises(SettingsError) as caught:
        Settings.resolve({}, **{name: value})
    text = str(caught.value)
    assert text.startswith(f"argument {name} is {value!r}; expected ")
    assert "\n" not in text
    if isinstance(value, str) and value:
        with pytest.raises(SettingsError) as caught:
            Settings.resolve({variable_of(name): value})
        assert str(caught.value).startswith(
            f"environment variable {variable_of(name)} is {value!r}; expected "
        )


@pytest.mark.parametrize(
    "value",
    ["9" * 5_000, "1000000001", 10**5_000, 10**9 + 1],
    ids=["digits", "text", "number", "one more"],
)
@pytest.mark.parametrize("name", ["max_runs", "max_label_values"])
def test_a_whole_number_without_end_is_refused_as_any_other_value(name, value):
    with pytest.raises(SettingsError, match=rf"argument {name} is .*; expected a whole number"):
        Settings.resolve({}, **{name: value})
    if isinstance(value, str):
        with pytest.raises(SettingsError, match=variable_of(name)):
            Settings.resolve({variable_of(name): value})


@pytest.mark.parametrize("value", ["9" * 5_000, 10**5_000], ids=["digits", "number"])
def test_a_duration_without_end_is_refused_as_any_other_value(value):
    with pytest.raises(SettingsError, match=r"argument run_timeout is .*; expected seconds"):
        Settings.resolve({}, run_timeout=value)


def test_a_whole_number_may_begin_with_zeros():
    assert Settings.resolve({"TOOLPAIR_MAX_RUNS": "0" * 5_000 + "17"}).max_runs == 17


def test_a_value_whose_text_raises_is_named_by_its_type():
    class Silent(list):
        def __repr__(self):
            raise RuntimeError

    with pytest.raises(SettingsError, match="argument mode is an object of type Silent; expected"):
        Settings.resolve({}, mode=Silent())


def test_the_choices_are_all_there():
    with pytest.raises(SettingsError, match="observe, strict or off"):
        Settings.resolve({}, mode="x")
    with pytest.raises(SettingsError, match=r"contract.*openai-chat"):
        Settings.resolve({}, profile="x")
    with pytest.raises(SettingsError, match="local_error, reject, silent_loss, unknown"):
        Settings.resolve({}, block_on="x")


def test_a_long_wrong_value_is_cut():
    with pytest.raises(SettingsError) as caught:
        Settings.resolve({}, mode="x" * 10_000)
    assert len(str(caught.value)) < 200


def test_an_unknown_option_is_named_with_the_nearest():
    with pytest.raises(SettingsError, match=r"'blok_on'; did you mean block_on\?"):
        ToolPairHandler(blok_on="reject")


def test_an_empty_variable_is_not_set():
    assert Settings.resolve({"TOOLPAIR_MODE": " "}).mode == "observe"


def test_an_unknown_variable_is_warned_of_once_with_the_nearest(caplog):
    environ = {"TOOLPAIR_MOD": "strict", "TOOLPAIR_XYZZY": "1", "OTHER": "1"}
    with caplog.at_level(logging.WARNING, "toolpair_observe"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Settings.resolve(environ).mode == "observe"
        Settings.resolve(environ)
    assert caplog.messages == [
        "environment variable TOOLPAIR_MOD is not an option of toolpair_observe and is ignored; "
        "did you mean TOOLPAIR_MODE?",
        "environment variable TOOLPAIR_XYZZY is not an option of toolpair_observe and is ignored",
    ]


@pytest.mark.parametrize(
    ("attributes", "mode"),
    [
        ("service.name=shop,deployment.environment.name=staging", "strict"),
        ("deployment.environment=ci", "strict"),
        ("deployment.environment.name=sta%67ing", "strict"),
        ("deployment.environment.name=production", "observe"),
        ("deployment.environment.name=", "observe"),
        ("", "observe"),
        ("nonsense,,=", "observe"),
    ],
)
def test_named_environments_are_strict(attributes, mode):
    environ = {
        "OTEL_RESOURCE_ATTRIBUTES": attributes,
        "TOOLPAIR_STRICT_ENVIRONMENTS": "staging,ci",
    }
    assert Settings.resolve(environ).mode == mode
    assert Settings.resolve(environ, mode="off").mode == "off"
    assert Settings.resolve(environ | {"TOOLPAIR_MODE": "observe"}).mode == "observe"


def test_without_named_environments_none_is_strict():
    environ = {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=staging"}
    assert Settings.resolve(environ).mode == "observe"


def test_a_handler_reads_the_environment(monkeypatch):
    monkeypatch.setenv("TOOLPAIR_MODE", "strict")
    monkeypatch.setenv("TOOLPAIR_FEEDBACK", "off")
    handler = ToolPairHandler(max_runs=5)
    assert handler.settings == Settings.resolve({}, mode="strict", feedback="off", max_runs=5)
    monkeypatch.setenv("TOOLPAIR_MODE", "sometimes")
    with pytest.raises(SettingsError, match="TOOLPAIR_MODE"):
        ToolPairHandler()


def test_settings_are_frozen_and_can_be_pickled():
    settings = Settings.resolve({}, profile="openai-chat", block_on="unknown")
    with pytest.raises(FrozenInstanceError):
        settings.mode = "off"
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_the_error_is_a_value_error_of_ours():
    assert issubclass(SettingsError, ToolPairError)
    assert issubclass(SettingsError, ValueError)


def test_the_table_has_a_row_for_each_option():
    _, _, *rows = options_table().splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    assert [row[0] for row in cells] == [f"`{name}`" for name in NAMES]
    assert [row[1] for row in cells] == [f"`{variable_of(name)}`" for name in NAMES]
    assert all(len(row) == 5 and all(row) for row in cells)


def test_a_mode_in_metadata_is_read_as_anywhere_else(caplog):
    settings = Settings.resolve({}, mode="off")
    assert settings.mode_for({"toolpair_mode": " Strict"}) == "strict"
    assert settings.mode_for({"toolpair_mode": "observe"}) == "observe"
    assert settings.mode_for({"toolpair_mode": None}) == "off"
    assert settings.mode_for({}) == settings.mode_for(None) == "off"
    assert caplog.messages == []


@pytest.mark.parametrize("asked", ["stict", "", ["strict"], 1, True])
def test_a_mode_in_metadata_that_is_none_is_ignored_with_one_warning(asked, caplog):
    settings = Settings.resolve({}, mode="strict")
    for _ in range(2):
        assert settings.mode_for({"toolpair_mode": asked}) == "strict"
    assert caplog.messages == [
        f"metadata toolpair_mode={asked!r} is ignored: choose observe, strict or off"
    ]
