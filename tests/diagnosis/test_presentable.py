"""What the doctor shows holds no password, however it is written and wherever it stands."""

from __future__ import annotations

import json

import pytest

from tests.diagnosis.conftest import forget_langsmith
from tests.diagnosis.looks import texts
from toolpair_observe import doctor
from toolpair_observe.diagnosis.doctor import diagnose
from toolpair_observe.diagnosis.presentable import without_user

LONG = "SECRET" * 500
URLS = [
    "https://user:12/SECRET@host",
    "https://SECRET/SECRET@host",
    "https://SECRET?x=SECRET@host",
    "https://SECRET#SECRET@host/t.jinja",
    "https://u:SE CRET@host/SECRET",
    "https://u:SECRET@SECRET@host",
    "https://u:SECRET@host/t.jinja",
    "HTTPS://u:SECRET://SECRET@host",
    f"https://u:{LONG}@host",
]
SHOWN = [
    "TOOLPAIR_PROFILE",
    "TOOLPAIR_MODE",
    "TOOLPAIR_ENVIRONMENT",
    "TOOLPAIR_STRICT_ENVIRONMENTS",
]
SHOWN += ["LANGSMITH_ENDPOINT", "LANGSMITH_PROJECT", "LANGSMITH_WORKSPACE_ID"]
SHOWN += [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "TOOLPAIR_BLOCK_ON",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
]


def looked():
    return diagnose(None, handler=None, online=False, in_program=False)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("variable", SHOWN)
def test_no_part_of_a_password_in_a_url_is_shown(monkeypatch, variable, url):
    monkeypatch.setenv(variable, url)
    forget_langsmith()

    found = looked()

    assert not [
        word for word in ("SECRET", "CRET") if word in f"{found}{json.dumps(found.to_dict())}"
    ]


# The last one is longer than a name can be.
@pytest.mark.parametrize("url", URLS[:-1])
def test_nor_of_one_that_is_an_argument(make_handler, url):
    found = doctor(handler=make_handler(environment=url, strict_environments={url}))

    assert "CRET" not in str(found)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://smith.example/SECRET", "https://smith.example/…"),
        ("https://smith.example/api/v1/", "https://smith.example/api/v1"),
        ("https://smith.example/api/SECRET/v1?k=SECRET", "https://smith.example/…"),
    ],
)
def test_of_a_path_only_what_servers_have_in_theirs_is_shown(monkeypatch, url, shown):
    monkeypatch.setenv("LANGSMITH_ENDPOINT", url)
    forget_langsmith()

    assert f"endpoint {shown} (environment variable LANGSMITH_ENDPOINT)" in texts(
        looked(), "langsmith", "ok"
    )


def test_a_password_that_is_not_escaped_is_a_problem_and_nobody_is_asked(monkeypatch):
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "https://user:12/SECRET@host")
    forget_langsmith()

    found = diagnose(None, handler=None, online=True, in_program=False)

    (line,) = texts(found, "langsmith", "problem")
    assert "is not escaped -> write / as %2F" in line


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("strickt", "'strickt'"),
        ("sk-proj-hunter2", "'(hidden)'"),
        ("lsv2_pt_0123456789abcdef", "'(hidden)'"),
        ("abc " * 30, f"'{('abc ' * 30)[:39]}…'"),
    ],
)
@pytest.mark.parametrize("option", ["mode", "profile", "max_runs"])
def test_a_wrong_value_is_named_unless_it_may_be_a_key(monkeypatch, option, value, shown):
    variable = f"TOOLPAIR_{option.upper()}"
    monkeypatch.setenv(variable, value)

    (line,) = texts(looked(), "options", "problem")

    assert line.startswith(f"environment variable {variable} is {shown} -> ")
    assert shown == repr(value) or value not in str(looked())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("project https://u:p@h/t (default)", "project https://h (default)"),
        ("is 'https://u:p@h:8/t'; b", "is 'https://h:8'; b"),
        ("someone@example.com", "someone@example.com"),
        ("https://h/api and no more", "https://h/api and no more"),
        ("@" + "://" * 50_000, "@" + "://" * 50_000),
    ],
)
def test_what_is_no_password_stays(text, shown):
    assert without_user(text) == shown
