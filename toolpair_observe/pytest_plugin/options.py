"""What the plugin is asked to do: its options, and the watch that carries them out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, cast, get_args

import pytest

from toolpair_observe.pairing.shown import quoted
from toolpair_observe.project_file import (
    PYTEST,
    TABLE,
    ProjectFile,
    find,
    text_of,
    unknown,
    wrong,
)

if TYPE_CHECKING:
    from toolpair_observe.settings import Options
    from toolpair_observe.testing import Watch

Mode = Literal["report", "fail", "block", "off"]
"""Report only, fail the test after it has run, also stop the request, or nothing."""

_MODES: Final = get_args(Mode)
# The last two are the words of the other ways to attach it.
_WORDS: Final[dict[str, Mode]] = {
    "report": "report",
    "fail": "fail",
    "block": "block",
    "off": "off",
    "observe": "fail",
    "strict": "block",
}
MaskedMode = Literal["report", "fail"]
"""Count results that other software made up, or also fail the test."""

_MASKED_MODES: Final = get_args(MaskedMode)
_MASKED: Final = "--toolpair-masked"
_FAIL_ON: Final = "--toolpair-fail-on"
KEYS: Final = ("mode", "fail_on", "masked")
"""The keys of the plugin's table in pyproject.toml, named as the options are."""

_PROJECT: Final = pytest.StashKey[ProjectFile | None]()
# Whoever runs tests wants to hear of lost data, too, which strict mode lets through by default.
_DEFAULT_EFFECTS: Final = "local_error,reject,silent_loss"


def add_options(parser: pytest.Parser) -> None:
    """Add the command-line options and their ini options."""
    group = parser.getgroup("toolpair", "tool calls and tool results (toolpair_observe)")
    group.addoption(
        "--toolpair",
        metavar="|".join(_MODES),
        default=None,
        help="watch each test for chat models that are given tool calls and tool results that do "
        "not pair. report: list them; fail: also fail the test once it has run; block: also stop "
        "the request. observe is another word for fail, strict for block (default: the ini option "
        "toolpair; without it mode of [tool.toolpair_observe.pytest] in pyproject.toml; without "
        "that, only tests that use the fixture toolpair are watched)",
    )
    group.addoption(
        _FAIL_ON,
        metavar="EFFECTS",
        default=None,
        help="the predicted effects for which a test fails, separated by commas: local_error, "
        "reject, silent_loss, unknown (default: the ini option toolpair_fail_on; without it "
        f"TOOLPAIR_BLOCK_ON; without that {_DEFAULT_EFFECTS}. By default, unknown fails a test "
        "only for a model that is not identified, unless TOOLPAIR_BLOCK_UNIDENTIFIED is false)",
    )
    group.addoption(
        _MASKED,
        metavar="|".join(_MASKED_MODES),
        default=None,
        help="what becomes of a test in which other software made a tool's result up, so that the "
        "history pairs. report: count it; fail: fail the test. Without --toolpair, tests are then "
        "watched as by --toolpair=report (default: the ini option toolpair_masked; without it "
        "report)",
    )
    parser.addini("toolpair", f"the default of --toolpair: {', '.join(_MODES)}", default="")
    parser.addini("toolpair_fail_on", f"the default of {_FAIL_ON}", default="")
    parser.addini("toolpair_masked", f"the default of {_MASKED}", default="")


def requested_mode(config: pytest.Config) -> Mode | None:
    """Return the mode of the command line or the ini file, or None.

    Where only made-up results are asked for, it is `report`.

    Raises:
        pytest.UsageError: The value is not allowed.
    """
    given = _given(config, "toolpair", "--toolpair", "mode")
    if given is None:
        return None if _given_masked(config) is None else "report"
    mode = _WORDS.get(given.value)
    if mode is not None:
        return mode
    msg = f"{given.origin} is {quoted(given.value)}; expected {', '.join(_MODES)}"
    raise pytest.UsageError(msg)


def masked_mode(config: pytest.Config) -> MaskedMode:
    """Return what becomes of a test with made-up results.

    Raises:
        pytest.UsageError: The value is not allowed.
    """
    return _given_masked(config) or "report"


def _given_masked(config: pytest.Config) -> MaskedMode | None:
    given = _given(config, "toolpair_masked", _MASKED, "masked")
    if given is None:
        return None
    for mode in _MASKED_MODES:
        if given.value == mode:
            return cast("MaskedMode", mode)
    msg = f"{given.origin} is {quoted(given.value)}; expected {' or '.join(_MASKED_MODES)}"
    raise pytest.UsageError(msg)


class _Given(NamedTuple):
    """The value of an option of the plugin, and where it comes from."""

    value: str
    origin: str
    is_of_project: bool = False


def _given(config: pytest.Config, ini: str, option: str, key: str) -> _Given | None:
    """Return what the command line says, else pytest's ini, else pyproject's table; or None."""
    typed = config.getoption(ini)
    if typed is not None:
        return _Given(str(typed).strip(), option)
    value = str(config.getini(ini)).strip()
    if value:
        return _Given(value, f"ini option {ini}")
    return of_project(config, key)


def of_project(config: pytest.Config, key: str) -> _Given | None:
    """Return what `[tool.toolpair_observe.pytest]` says, or None.

    Raises:
        pytest.UsageError: The file can't be read, or sets there what is no option.
    """
    project = _project(config)
    if project is None:
        return None
    try:
        table = project.table_of(PYTEST)
    except ValueError as error:  # `SettingsError`, which imports langchain-core
        raise pytest.UsageError(str(error)) from None
    for name in table:
        if name not in KEYS:
            raise pytest.UsageError(str(unknown(project.path, PYTEST, name, KEYS)))
    try:
        text = text_of(table.get(key, ""))
    except ValueError as error:
        reason = f"is {quoted(table[key])}; {error}"
        raise pytest.UsageError(str(wrong(project.path, PYTEST, key, reason))) from None
    return (
        _Given(text, f"{project.path}: [tool.{TABLE}.{PYTEST}] {key}", is_of_project=True)
        if text
        else None
    )


def _project(config: pytest.Config) -> ProjectFile | None:
    if _PROJECT not in config.stash:
        try:
            config.stash[_PROJECT] = find(config.rootpath)
        except ValueError as error:  # see `of_project`
            raise pytest.UsageError(str(error)) from None
    return config.stash[_PROJECT]


def new_watch(config: pytest.Config, mode: Mode) -> Watch:
    """Start to watch.

    Raises:
        pytest.UsageError: An option, here or in the environment, has a value that is not allowed.
    """
    # Imports langchain-core, which would slow down every run that does not use the plugin.
    from toolpair_observe.errors import SettingsError  # noqa: PLC0415
    from toolpair_observe.testing import Watch  # noqa: PLC0415

    try:
        options: Options = {**_options_of_project(config), **_threshold(config)}
        return Watch("strict" if mode == "block" else "observe", **options)
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from None


def _options_of_project(config: pytest.Config) -> Options:
    """Return the options that pyproject.toml sets and the environment does not.

    The mode is the plugin's own.
    """
    from toolpair_observe.project_options import project_options  # noqa: PLC0415 -- see `new_watch`

    found = project_options(_project(config), os.environ)
    return cast("Options", {name: value for name, value in found.items() if name != "mode"})


def _threshold(config: pytest.Config) -> Options:
    """Return what fails a test, in the words of strict mode: one place judges by both."""
    from toolpair_observe.pairing.words import Effect  # noqa: PLC0415 -- see `new_watch`
    from toolpair_observe.settings import is_set  # noqa: PLC0415

    given = given_effects(config)
    if given is not None:
        effects = frozenset(map(Effect, given))
        return {"block_on": effects, "block_unidentified": Effect.UNKNOWN in effects}
    project = _project(config)
    if is_set("block_on", os.environ) or (project is not None and "block_on" in project.options):
        return {}
    return {"block_on": frozenset(map(Effect, _DEFAULT_EFFECTS.split(",")))}


def given_effects(config: pytest.Config) -> list[str] | None:
    """Return the effects of the command line or the ini file that fail a test, or None.

    Raises:
        pytest.UsageError: The value is not allowed.
    """
    given = _given(config, "toolpair_fail_on", _FAIL_ON, "fail_on")
    if given is None:
        return None
    from toolpair_observe.option_values import BlockableEffect  # noqa: PLC0415 -- see `new_watch`
    from toolpair_observe.settings import is_set  # noqa: PLC0415 -- see `new_watch`

    # The environment stands above the file, and below what pytest itself is told.
    if given.is_of_project and is_set("block_on", os.environ):
        return None
    effects = [name.strip().lower() for name in given.value.split(",") if name.strip()]
    known = get_args(BlockableEffect)
    # Without an effect, no test would fail, and a variable of CI that is empty is no such wish.
    if not effects or not set(effects) <= set(known):
        msg = (
            f"{given.origin} is {quoted(given.value)}; expected any of {', '.join(known)}, "
            "separated by commas (for tests that never fail: --toolpair=report)"
        )
        raise pytest.UsageError(msg)
    return effects


def described(mode: Mode | None, watch: Watch | None, config: pytest.Config) -> str | None:
    """Say in one line of pytest's header what the plugin does, None where nothing is asked."""
    if watch is not None and mode is not None:
        reasons = [] if mode == "report" else [_what_fails(watch)]
        if masked_mode(config) == "fail":
            reasons.append("made-up results")
        fails = f"a test fails on {', and on '.join(reasons)}" if reasons else "no test fails"
        return f"toolpair: {mode}; {fails}"
    if mode is None and config.getoption("toolpair_fail_on") is not None:
        return f"toolpair: {_FAIL_ON} without --toolpair is for tests with the fixture toolpair"
    return "toolpair: off" if mode == "off" else None


def _what_fails(watch: Watch) -> str:
    settings = watch.settings
    effects = ", ".join(sorted(settings.block_on)) or "nothing"
    unidentified = "unknown" not in settings.block_on and settings.block_unidentified
    more = ", and unknown of a model that is not identified" if unidentified else ""
    return f"{effects}{more}"
