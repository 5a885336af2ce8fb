"""A measured profile says when it is old: by its date, and by what providers answer."""

from __future__ import annotations

import contextlib
import logging
from datetime import timedelta

import pytest
from openai import BadRequestError

from tests.attach.conftest import _detached  # noqa: F401 - a fixture
from tests.handler.conftest import _clean_process, make_handler  # noqa: F401 - fixtures
from tests.probe.samples import (
    HUMAN_AFTER,
    MODEL,
    SOUND,
    UNANSWERED,
    host_of,
    measured_file,
    model_at,
    today,
)
from toolpair_observe import doctor, once
from toolpair_observe.attach.measured import Currency
from toolpair_observe.cli.main import main
from toolpair_observe.counts import shared_counts
from toolpair_observe.demo.loopback.judge import judge
from toolpair_observe.demo.loopback.provider import LoopbackProvider
from toolpair_observe.fail_open import FailOpen
from toolpair_observe.pairing.providers.by_name import profile_named

pytestmark = pytest.mark.usefixtures("_detached")
LONG_AGO = today() - timedelta(days=400)


@pytest.fixture(autouse=True)
def said(monkeypatch, caplog):
    """Return what is logged of profiles, in a process that has said nothing yet."""
    monkeypatch.setattr(once, "_said", set())
    caplog.set_level(logging.WARNING, "toolpair_observe")
    return lambda: [
        line for each in caplog.records if "measured profile" in (line := each.getMessage())
    ]


@pytest.fixture
def ask(make_handler, tmp_path):  # noqa: F811 - the fixture
    """Ask a server with rules of its own, under the profile that was measured of it."""
    opened = []

    def ask(history, *, rules, times=1):
        server = LoopbackProvider(judge=rules)
        opened.append(server)
        server.__enter__()
        path = measured_file(tmp_path, host_of(server.base_url))
        handler = make_handler("observe", profile=path, feedback="off")
        model = model_at(server.base_url, callbacks=[handler])
        for _ in range(times):
            with contextlib.suppress(BadRequestError):
                model.invoke(history)
        assert not handler.internal_errors
        return handler

    yield ask
    for server in opened:
        server.__exit__(None, None, None)


def takes_all(_):
    return None


# --- By what is answered -------------------------------------------------------------------------


def test_a_refusal_of_what_it_passes_is_said_once(ask, said, tmp_path):
    handler = ask(UNANSWERED, rules=judge, times=2)

    assert handler.outcomes == {"escaped": 2}
    (line,) = said()
    assert f"measured profile {tmp_path}/toolpair-profile.toml" in line
    assert f"was measured on {today()} of {MODEL} at 127.0.0.1:" in line
    assert "a history that it passes was refused for missing_result" in line
    assert line.endswith(
        f"toolpair-observe probe --check {tmp_path}/toolpair-profile.toml MODULE:MODEL --yes"
    )


def test_what_it_says_is_refused_and_is_accepted_is_said_once(ask, said):
    handler = ask(HUMAN_AFTER, rules=takes_all, times=2)

    assert handler.outcomes == {"accepted": 2}
    (line,) = said()
    assert "role_order, which it says is refused, was accepted" in line


def test_nothing_is_said_where_the_answer_is_the_one_that_was_foretold(ask, said):
    ask(SOUND, rules=takes_all)
    ask(UNANSWERED, rules=takes_all)

    assert not said()


def test_nothing_is_said_of_it_where_another_profile_judged(tmp_path, make_handler, said):  # noqa: F811
    handler = make_handler("observe", profile=measured_file(tmp_path), feedback="off")
    with LoopbackProvider(judge=judge) as server:
        model = model_at(server.base_url, "another-model")
        with pytest.raises(BadRequestError):
            model.invoke(UNANSWERED, {"callbacks": [handler]})

    (line,) = said()
    assert "judged as if it were not set" in line
    assert "give their model a handler with a profile of its own" in line


# --- By its date ---------------------------------------------------------------------------------


def test_a_handler_says_once_that_its_profile_was_measured_long_ago(tmp_path, make_handler, said):  # noqa: F811
    path = measured_file(tmp_path, asked_on=LONG_AGO)

    make_handler("strict", profile=path, feedback="off")
    make_handler("strict", profile=path, feedback="off")

    (line,) = said()
    assert f"{LONG_AGO}" in line
    assert "that is 400 days ago" in line
    assert line.endswith(f"toolpair-observe probe --check {path} MODULE:MODEL --yes")


def test_a_handler_that_is_off_says_nothing(tmp_path, make_handler, said):  # noqa: F811
    make_handler("off", profile=measured_file(tmp_path, asked_on=LONG_AGO), feedback="off")

    assert not said()


@pytest.mark.parametrize(("days", "lines"), [(0, 0), (90, 0), (91, 1)])
def test_ninety_days_are_not_old_yet(days, lines, tmp_path, said):
    profile = profile_named(measured_file(tmp_path))
    guard = FailOpen(shared_counts(), "handler")

    Currency(profile, guard, lambda: today() + timedelta(days=days)).begin()

    assert len(said()) == lines


def test_a_path_with_blanks_is_quoted_for_a_shell(tmp_path, make_handler, said):  # noqa: F811
    folder = tmp_path / "my profiles"
    folder.mkdir()

    make_handler("strict", profile=measured_file(folder, asked_on=LONG_AGO), feedback="off")

    (line,) = said()
    assert f"--check '{folder}/toolpair-profile.toml' MODULE:MODEL --yes" in line


def test_a_command_says_that_it_was_measured_long_ago(tmp_path, capsys):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"messages": [{"role": "user", "content": "Hi."}]}', encoding="utf-8")

    main(["check", str(rows), "--profile", measured_file(tmp_path, asked_on=LONG_AGO)])

    (line,) = capsys.readouterr().err.splitlines()
    assert "400 days ago" in line
    assert "toolpair-observe probe --check" in line


# --- What the doctor says ------------------------------------------------------------------------


def findings(area, *args, **options):
    found = doctor(*args, **options)
    return [(each.status, each.text, each.fix) for each in found.findings if each.area == area]


def test_the_doctor_says_of_whom_and_when(tmp_path, make_handler):  # noqa: F811
    path = measured_file(tmp_path, asked_on=today() - timedelta(days=3))
    handler = make_handler("strict", profile=path, feedback="off")

    ((status, text, _),) = findings("profile", handler=handler)

    assert status == "ok"
    assert f"measured:localhost:8000/{MODEL} (argument profile) in {path}" in text
    assert f"was measured of {MODEL} at localhost:8000 by openai-chat" in text
    assert text.endswith("3 days ago")


@pytest.mark.parametrize("days", [0, 1])
def test_the_doctor_says_today_also_of_a_day_that_has_not_begun_here(days, tmp_path, make_handler):  # noqa: F811
    path = measured_file(tmp_path, asked_on=today() + timedelta(days=days))
    handler = make_handler("strict", profile=path, feedback="off")

    ((_, text, _),) = findings("profile", handler=handler)

    assert text.endswith(", today")


def test_the_doctor_says_that_it_is_old(tmp_path, monkeypatch):
    path = measured_file(tmp_path, asked_on=LONG_AGO)
    monkeypatch.setenv("TOOLPAIR_PROFILE", path)

    ((status, text, fix),) = findings("profile")

    assert status == "note"
    assert "(environment variable TOOLPAIR_PROFILE)" in text
    assert "400 days ago" in text
    assert fix == f"run toolpair-observe probe --check {path} MODULE:MODEL --yes"


def test_the_doctor_says_that_a_file_is_gone(tmp_path, make_handler):  # noqa: F811
    path = measured_file(tmp_path)
    handler = make_handler("strict", profile=path, feedback="off")
    (tmp_path / "toolpair-profile.toml").unlink()

    _, (status, text, _) = findings("profile", handler=handler)

    assert status == "problem"
    assert path in text


def test_the_doctor_says_that_a_file_was_measured_again(tmp_path, make_handler):  # noqa: F811
    yesterday = today() - timedelta(days=1)
    handler = make_handler(
        "strict", profile=measured_file(tmp_path, asked_on=yesterday), feedback="off"
    )
    measured_file(tmp_path)

    _, (status, text, _) = findings("profile", handler=handler)

    assert status == "note"
    assert "has changed since the handler read it" in text


def test_the_doctor_says_that_a_variable_names_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOOLPAIR_PROFILE", "missing.toml")

    ((text, fix),) = [each[1:] for each in findings("options") if each[0] == "problem"]

    assert "TOOLPAIR_PROFILE is 'missing.toml'" in text
    assert "missing.toml" in fix


@pytest.mark.parametrize(
    ("model", "status", "says"),
    [
        (MODEL, "ok", f"profile measured:localhost:8000/{MODEL}"),
        ("another-model", "note", "another-model at localhost:8000 by openai-chat is asked"),
    ],
)
def test_the_doctor_says_whether_it_holds_for_a_model(
    model,
    status,
    says,
    tmp_path,
    make_handler,  # noqa: F811
):
    handler = make_handler("strict", profile=measured_file(tmp_path), feedback="off")
    asked = model_at("http://localhost:8000/v1", model)

    ((found, text, _),) = findings("model", asked, handler=handler)

    assert found == status
    assert says in text
