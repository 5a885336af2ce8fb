"""What the doctor finds in this process: versions, attachment, mode, options, seam, others."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from types import ModuleType

import pytest
from langchain_core.callbacks import CallbackManager
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from tests.diagnosis.looks import problems, texts
from toolpair_observe import Diagnosis, Finding, SettingsError, doctor, instrument, uninstrument
from toolpair_observe.attach import seam
from toolpair_observe.diagnosis import versions
from toolpair_observe.diagnosis.doctor import diagnose
from toolpair_observe.diagnosis.findings import note, ok
from toolpair_observe.diagnosis.presentable import wrong_value
from toolpair_observe.diagnosis.tried import NEWEST_TRIED, is_newer
from toolpair_observe.pairing.providers.table import PROFILES
from toolpair_observe.settings import options as all_options

SECRET = "sk-hunter2"


def without_program():
    return diagnose(None, handler=None, online=False, in_program=False)


# A clean process


def test_an_attached_handler_in_a_clean_environment_has_no_problem():
    instrument(mode="strict")

    found = doctor()

    assert found.ok, problems(found)
    assert str(found).splitlines()[-1].startswith("no problems, ")


def test_a_command_without_a_program_has_no_problem_and_says_how_to_look_at_one():
    found = without_program()

    assert found.ok, problems(found)
    (line,) = texts(found, "attached", "note")
    assert "toolpair-observe run toolpair-observe doctor" in line


# Attached


def test_an_application_without_a_handler_is_a_problem():
    (line,) = texts(doctor(), "attached", "problem")

    assert f"process {os.getpid()}" in line
    assert "toolpair_observe.instrument()" in line


def test_the_handler_of_the_process_is_named_with_who_attached_it():
    instrument(mode="strict")

    (line,) = texts(doctor(), "attached")

    assert "ToolPairHandler(mode='strict')" in line
    assert line.endswith("attached by instrument()")


def test_a_handler_that_is_given_is_the_one_whose_options_are_shown(make_handler):
    handler = make_handler("strict", max_runs=7)

    found = doctor(handler=handler)

    assert found.ok, problems(found)
    assert "max_runs = 7 (argument max_runs)" in texts(found, "options")
    assert "strict (argument mode)" in texts(found, "mode")


@pytest.mark.parametrize("names", ["redis, toolpair", "*", "redis,*"])
def test_an_opentelemetry_setting_that_keeps_it_from_attaching_is_named(monkeypatch, names):
    monkeypatch.setenv("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", names)

    notes = texts(without_program(), "attached", "note")

    assert any("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS" in line for line in notes)


def test_one_that_keeps_another_from_attaching_is_not(monkeypatch):
    monkeypatch.setenv("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "redis,toolpairs")

    assert "DISABLED" not in str(without_program())


@pytest.mark.parametrize("handler", ["strict", object(), 0])
def test_what_is_no_handler_is_refused(handler):
    with pytest.raises(TypeError, match="doctor\\(\\) needs a ToolPairHandler"):
        doctor(handler=handler)


# Mode and environment


def test_the_mode_says_where_it_comes_from(monkeypatch):
    monkeypatch.setenv("TOOLPAIR_MODE", "strict")

    assert texts(without_program(), "mode") == ["strict (environment variable TOOLPAIR_MODE)"]


def test_a_mode_that_checks_nothing_is_noted():
    instrument(mode="off")

    (line,) = texts(doctor(), "mode", "note")
    assert line.startswith("off (argument mode): nothing is checked")


UNIDENTIFIED = "requests to models that are not identified (block_unidentified)"
UNCHECKED = "requests that can't be checked (on_internal_error)"


@pytest.mark.parametrize(
    ("more", "stopped"),
    [
        ({"block_unidentified": False}, ""),
        ({}, f" but {UNIDENTIFIED}"),
        ({"on_internal_error": "block"}, f" but {UNIDENTIFIED} and {UNCHECKED}"),
    ],
)
def test_strict_mode_that_blocks_next_to_nothing_is_a_problem(more, stopped):
    instrument(mode="strict", block_on=[], **more)

    assert problems(doctor()) == [
        f"mode: strict mode stops nothing{stopped}, because block_on is empty"
    ]


@pytest.mark.parametrize("own", ["observe", "off"])
def test_the_mode_in_force_is_that_of_the_strictest_handler_of_the_process(make_handler, own):
    instrument(mode="strict")

    found = doctor(handler=make_handler(own))

    assert texts(found, "mode", "ok") == [
        "strict (argument mode) of the handler of this process, attached by instrument(); "
        f"the handler that reports has mode {own}"
    ]


def test_a_weaker_handler_of_the_process_changes_nothing(make_handler):
    instrument(mode="observe")

    found = doctor(handler=make_handler("strict"))

    assert texts(found, "mode", "ok") == ["strict (argument mode)"]


def test_a_handler_that_is_off_is_not_said_to_check(make_handler):
    (line,) = texts(doctor(handler=make_handler("off")), "attached", "note")
    assert "its mode is off: it checks only requests whose metadata asks for it" in line

    instrument(mode="off", request_mode="ignore")

    (line,) = texts(doctor(), "attached", "note")
    assert "its mode is off: it checks nothing" in line


def test_a_wrong_variable_with_which_no_handler_can_be_made_is_a_problem_of_the_mode(monkeypatch):
    monkeypatch.setenv("TOOLPAIR_MAX_RUNS", "none")

    (line,) = texts(without_program(), "mode")

    assert line.startswith("no handler can be made with the value of TOOLPAIR_MAX_RUNS: nothing is")
    assert "mode: no handler can be made" in "\n".join(problems(without_program()))


def test_a_wrong_variable_beside_a_handler_leaves_its_mode(make_handler, monkeypatch):
    handler = make_handler("strict")
    monkeypatch.setenv("TOOLPAIR_MODE", "strickt")

    assert texts(doctor(handler=handler), "mode") == ["strict (argument mode)"]


def test_metadata_that_may_switch_strict_mode_off_is_noted():
    instrument(mode="strict", request_mode="any")

    (line,) = texts(doctor(), "mode", "note")
    assert "request_mode=any" in line


def test_strict_environments_without_a_name_is_a_problem(monkeypatch):
    monkeypatch.setenv("TOOLPAIR_STRICT_ENVIRONMENTS", "production")

    found = without_program()

    (line,) = texts(found, "environment", "problem")
    assert "TOOLPAIR_ENVIRONMENT" in line
    assert not found.ok


def test_strict_environments_beside_a_mode_is_noted(monkeypatch):
    monkeypatch.setenv("TOOLPAIR_STRICT_ENVIRONMENTS", "production")
    monkeypatch.setenv("TOOLPAIR_MODE", "observe")

    (line,) = texts(without_program(), "mode", "note")
    assert line.startswith("strict_environments has no effect")


@pytest.mark.parametrize(
    ("environment", "status", "words"),
    [
        ("PRODUCTION", "ok", "PRODUCTION, says environment variable TOOLPAIR_ENVIRONMENT"),
        ("staging", "ok", "strict_environments does not name it"),
        ("prod", "note", "strict_environments names production, which is another"),
        ("producton", "note", "strict_environments names production, which is another"),
    ],
)
def test_the_environment_is_compared_with_those_that_are_strict(
    monkeypatch, environment, status, words
):
    monkeypatch.setenv("TOOLPAIR_STRICT_ENVIRONMENTS", "production")
    monkeypatch.setenv("TOOLPAIR_ENVIRONMENT", environment)

    (line,) = texts(without_program(), "environment", status)
    assert words in line


def test_the_environment_of_a_provider_that_was_given_says_so(make_handler):
    resource = Resource({"deployment.environment.name": "staging"})
    provider = TracerProvider(resource=resource)

    found = doctor(handler=make_handler(tracer_provider=provider))

    assert texts(found, "environment") == [
        "staging, says the resource of the OpenTelemetry provider that was given"
    ]


# Options


def test_every_option_has_a_line_with_its_source(monkeypatch):
    monkeypatch.setenv("TOOLPAIR_SPANS", "all")

    lines = texts(without_program(), "options")

    assert [line.partition(" = ")[0] for line in lines] == [each.name for each in all_options()]
    assert "spans = all (environment variable TOOLPAIR_SPANS)" in lines
    assert "block_on = local_error,reject (default)" in lines


def test_a_variable_that_is_no_option_is_a_problem_with_the_one_that_was_meant(monkeypatch):
    monkeypatch.setenv("TOOLPAIR_MDOE", "strict")

    assert texts(without_program(), "options", "problem") == [
        "environment variable TOOLPAIR_MDOE is not an option, and is ignored -> "
        "did you mean TOOLPAIR_MODE?"
    ]


@pytest.mark.parametrize("value", ["strickt", "a; b", "9" * 5000, "\x1b[31m\n::error::x\u202e"])
@pytest.mark.parametrize("option", ["mode", "max_runs", "profile", "hash_ids", "block_on"])
def test_a_value_that_an_option_can_not_have_is_a_problem_on_one_line(monkeypatch, option, value):
    variable = f"TOOLPAIR_{option.upper()}"
    monkeypatch.setenv(variable, value)

    found = without_program()

    assert [line for line in texts(found, "options", "problem") if variable in line]
    assert all(line.isprintable() and len(line) < 1000 for line in str(found).splitlines())
    assert str(found).count("\n") == len(found.findings) + 1


def test_other_options_of_an_environment_with_a_wrong_one_are_shown_as_set(monkeypatch):
    monkeypatch.setenv("TOOLPAIR_MODE", "strickt")
    monkeypatch.setenv("TOOLPAIR_SPANS", "off")

    assert "spans = off (environment variable TOOLPAIR_SPANS)" in texts(
        without_program(), "options", "ok"
    )


@pytest.mark.parametrize("name", ["HASH_KEY", "A_TOKEN", "B_SECRET", "C_PASSWORD"])
def test_the_value_of_a_variable_that_is_a_key_is_never_shown(name):
    assert wrong_value(f"TOOLPAIR_{name}", "hunter") == "(hidden)"


# Variables that come too late


@pytest.mark.parametrize(
    ("variable", "value", "name", "held"),
    [
        ("TOOLPAIR_MODE", "strict", "mode", "observe"),
        ("TOOLPAIR_HASH_IDS", "true", "hash_ids", "false"),
        ("TOOLPAIR_PROFILE", "anthropic", "profile", "not set"),
        ("TOOLPAIR_STRICT_ENVIRONMENTS", "a,b", "strict_environments", "none"),
    ],
)
def test_a_variable_that_is_set_after_attaching_is_a_problem(
    monkeypatch, variable, value, name, held
):
    instrument()
    monkeypatch.setenv(variable, value)

    (line,) = texts(doctor(), "options", "problem")

    assert line == (
        f"{variable}={value} was set after ToolPairHandler(mode='observe') was made, and has no "
        f"effect: {name} is {held} -> set it before, or call uninstrument() and instrument() again"
    )


def test_what_its_fix_says_helps(monkeypatch):
    instrument()
    monkeypatch.setenv("TOOLPAIR_MODE", "strict")

    uninstrument()
    instrument()

    assert doctor().ok
    assert texts(doctor(), "mode") == ["strict (environment variable TOOLPAIR_MODE)"]


def test_a_variable_that_an_argument_overrides_anyway_is_none(monkeypatch):
    instrument(mode="observe", max_runs=5)
    monkeypatch.setenv("TOOLPAIR_MODE", "strict")
    monkeypatch.setenv("TOOLPAIR_MAX_RUNS", "6")
    monkeypatch.setenv("TOOLPAIR_SPANS", "near_miss")

    assert doctor().ok


def test_a_variable_that_is_unset_after_attaching_is_noted(monkeypatch):
    monkeypatch.setenv("TOOLPAIR_MODE", "strict")
    instrument()
    monkeypatch.delenv("TOOLPAIR_MODE")

    found = doctor()

    assert found.ok
    (line,) = texts(found, "options", "note")
    assert line.startswith("TOOLPAIR_MODE was unset after ToolPairHandler(mode='strict') was made")


def test_the_file_of_a_profile_that_is_read_again_is_no_change(monkeypatch, tmp_path):
    pytest.importorskip("jinja2")
    template = tmp_path / "t.jinja"
    template.write_text("{% for m in messages %}{{ m.role }}{{ m.content }}{% endfor %}")
    monkeypatch.setenv("TOOLPAIR_PROFILE", str(template))
    instrument()

    assert doctor().ok, problems(doctor())


# The seam


def test_a_seam_that_surrounds_both_managers_is_on():
    instrument()

    assert texts(doctor(), "seam", "ok") == [
        "on: CallbackManager.on_chat_model_start",
        "on: AsyncCallbackManager.on_chat_model_start",
    ]


@pytest.mark.parametrize(("mode", "status"), [("strict", "problem"), ("observe", "note")])
def test_a_seam_that_is_switched_off_costs_strict_mode_its_form(make_handler, mode, status):
    found = doctor(handler=make_handler(mode, wrap_callbacks=False))

    (line,) = texts(found, "seam", status)
    assert line.startswith("off, because wrap_callbacks is false")


@pytest.mark.parametrize(("mode", "status"), [("strict", "problem"), ("observe", "note")])
def test_so_does_one_that_does_not_know_langchain_core(make_handler, mode, status):
    handler = make_handler(mode)
    seam._degrade("a change")

    (line,) = texts(doctor(handler=handler), "seam", status)
    assert line.startswith("off, because langchain-core has changed")


def test_so_does_one_that_others_have_taken_out(make_handler):
    handler = make_handler("strict")
    seam.uninstall()

    (line,) = texts(doctor(handler=handler), "seam", "problem")
    assert line.startswith("off, although a handler is there")


def test_a_wrapper_around_the_seam_is_named(make_handler, monkeypatch):
    handler = make_handler("strict")
    inner = CallbackManager.on_chat_model_start
    monkeypatch.setattr(CallbackManager, "on_chat_model_start", foreign("wraps", inner))

    found = doctor(handler=handler)

    assert "on: CallbackManager.on_chat_model_start, wrapped by acme.tracing" in texts(
        found, "seam", "ok"
    )
    assert "CallbackManager.on_chat_model_start is patched by acme.tracing" in texts(
        found, "others"
    )


def test_what_takes_the_place_of_the_seam_is_a_problem(make_handler, monkeypatch):
    handler = make_handler("strict")
    inner = seam._Seam.originals[CallbackManager]
    monkeypatch.setattr(CallbackManager, "on_chat_model_start", foreign("wraps", inner))

    (line,) = texts(doctor(handler=handler), "seam", "problem")
    assert "CallbackManager.on_chat_model_start has been replaced by acme.tracing" in line


def foreign(name, inner):
    """A function of another package around `inner`."""
    names = {"__name__": "acme.tracing", "inner": inner}
    exec(  # noqa: S102 - so that it has the globals of another module
        "import functools\n"
        "@functools.wraps(inner)\n"
        f"def {name}(*args, **kwargs):\n"
        "    return inner(*args, **kwargs)\n",
        names,
    )
    return names[name]


# Others


def test_other_instrumentation_that_is_loaded_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "langfuse.langchain", ModuleType("langfuse.langchain"))

    assert "Langfuse is loaded (langfuse.langchain)" in texts(without_program(), "others")


# Versions


def test_versions_of_what_is_required_are_shown():
    lines = texts(without_program(), "versions")

    for name in ("langchain-core", "langsmith", "opentelemetry-api", "opentelemetry-sdk"):
        assert any(line.startswith(f"{name} {metadata.version(name)}") for line in lines)


def test_a_version_that_is_newer_than_any_that_was_tried_is_noted(monkeypatch):
    monkeypatch.setattr(versions, "NEWEST_TRIED", {**NEWEST_TRIED, "langsmith": "0.4.40"})

    (line,) = texts(without_program(), "versions", "note")

    assert line.startswith(f"langsmith {metadata.version('langsmith')} is newer than 0.4.40")
    assert 'pip install "langsmith<=0.4.40"' in line


def test_a_version_that_is_too_old_is_a_problem(monkeypatch):
    monkeypatch.setattr(versions, "installed", lambda _: "0.4")

    lines = texts(without_program(), "versions", "problem")

    assert any(line.startswith("langchain-core 0.4 is older than 1.0") for line in lines)


def test_a_version_that_can_not_be_read_is_a_problem(monkeypatch):
    monkeypatch.setattr(versions, "installed", lambda _: None)

    lines = texts(without_program(), "versions", "problem")

    assert any(line.startswith("langsmith has no readable version") for line in lines)


@pytest.mark.parametrize(
    ("version", "than", "answer"),
    [
        ("1.10.0", "1.9.9", True),
        ("1.8", "1.8.0", False),
        ("1.8.0", "1.8", False),
        ("1.8.4rc1", "1.8.3", True),
        ("1.8.3rc1", "1.8.3", False),
    ],
)
def test_versions_are_compared_by_their_numbers(version, than, answer):
    assert is_newer(version, than) is answer


def test_every_integration_has_a_newest_version_that_was_tried():
    needed = {profile.versioned for profile in PROFILES.values()}
    needed |= {profile.package for profile in PROFILES.values()}

    assert needed <= set(NEWEST_TRIED)


# The report


def test_an_area_that_can_not_be_looked_at_says_so_and_stops_no_other(monkeypatch):
    def broken(_):
        raise RuntimeError(SECRET)

    monkeypatch.setattr(versions, "look", broken)

    found = without_program()

    (line,) = texts(found, "versions", "problem")
    assert line.startswith("could not be looked at (RuntimeError) -> ")
    assert texts(found, "options")
    assert SECRET not in str(found)


def test_people_see_the_problems_last_in_columns():
    found = Diagnosis(
        (
            Finding("seam", "problem", "off", "switch it on"),
            note("langsmith", "tracing is off"),
            ok("versions", "fine"),
        )
    )

    assert str(found).splitlines() == [
        "ok       versions   fine",
        "note     langsmith  tracing is off",
        "PROBLEM  seam       off  ->  switch it on",
        "",
        "1 problem, 1 note, 1 ok",
    ]


def test_it_changes_nothing():
    before = dict(os.environ), CallbackManager.on_chat_model_start

    doctor("openai:gpt-5")

    assert (dict(os.environ), CallbackManager.on_chat_model_start) == before


def test_a_provider_that_is_not_known_is_refused_before_anything_is_looked_at():
    with pytest.raises(SettingsError, match="did you mean anthropic"):
        doctor("antropic:claude-sonnet-5")
