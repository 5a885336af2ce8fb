"""Where a template may stand, what is said where it can't be used, and where its profile goes."""

from __future__ import annotations

import copy
import json
import pickle
import sys

import pytest

pytest.importorskip("jinja2")

from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import HumanMessage

from tests.cli.process import run_python
from tests.templates import samples
from tests.templates.histories import HISTORIES, messages
from tests.templates.samples import NEEDS_CALL, ONE_CALL, PLAIN
from toolpair_observe import (
    ChatTemplateError,
    InvalidToolResultsError,
    MissingExtraError,
    Settings,
    SettingsError,
    ToolPairHandler,
    check_messages,
    profile_from_chat_template,
    repair_messages,
)
from toolpair_observe.cli.main import main
from toolpair_observe.install import install_line

ORPHAN = messages(HISTORIES["orphan/start"])
SOUND = messages(HISTORIES["sound/closed"])
CALL = {"id": "call_a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
ROWS = [
    [
        {"role": "user", "content": "A question"},
        {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "call_b"}]},
        {"role": "tool", "content": "11", "tool_call_id": "call_a"},
        {"role": "tool", "content": "12", "tool_call_id": "call_b"},
    ]
]


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Write a file into the working directory and return its name."""
    monkeypatch.chdir(tmp_path)

    def put(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            text = content if isinstance(content, str) else json.dumps(content)
            path.write_text(text, encoding="utf-8")
        return name

    return put


def refuses_orphans(profile):
    return check_messages(ORPHAN, profile).effect == "reject"


# --- Where it stands -----------------------------------------------------------------------------

HOLDERS = {
    "gpt.jinja": (NEEDS_CALL, "chat-template:gpt"),
    "template.txt": (NEEDS_CALL, "chat-template:template"),
    "with-a-mark.jinja": (b"\xef\xbb\xbf" + NEEDS_CALL.encode(), "chat-template:with-a-mark"),
    "oss/tokenizer_config.json": ({"chat_template": NEEDS_CALL}, "chat-template:oss"),
    "oss/chat_template.json": ({"chat_template": NEEDS_CALL}, "chat-template:oss"),
    "other.json": ({"chat_template": NEEDS_CALL}, "chat-template:other"),
    "list/tokenizer_config.json": (
        {
            "chat_template": [
                {"name": "default", "template": PLAIN},
                {"name": "rag", "template": PLAIN},
                {"name": "tool_use", "template": NEEDS_CALL},
            ]
        },
        "chat-template:list",
    ),
    "default/tokenizer_config.json": (
        {"chat_template": [{"name": "rag"}, {"name": "default", "template": NEEDS_CALL}]},
        "chat-template:default",
    ),
    "named/tokenizer_config.json": (
        {"chat_template": {"default": PLAIN, "tool_use": NEEDS_CALL}},
        "chat-template:named",
    ),
}


@pytest.mark.parametrize("file", HOLDERS)
def test_a_template_is_found_in_whatever_file_holds_it(file, put):
    content, name = HOLDERS[file]

    profile = profile_from_chat_template(put(file, content))

    assert refuses_orphans(profile)
    assert profile.name == name


@pytest.mark.parametrize(
    "file", ["chat_template.jinja", "chat_template.json", "tokenizer_config.json"]
)
def test_a_models_folder_can_be_given(file, put, tmp_path):
    put(f"oss/{file}", NEEDS_CALL if file.endswith("jinja") else {"chat_template": NEEDS_CALL})
    put("oss/config.json", {})

    assert refuses_orphans(profile_from_chat_template(tmp_path / "oss"))
    assert profile_from_chat_template("oss").name == "chat-template:oss"


def test_a_newer_models_template_file_comes_before_its_settings(put, tmp_path):
    put("oss/chat_template.jinja", NEEDS_CALL)
    put("oss/tokenizer_config.json", {"chat_template": PLAIN})

    assert refuses_orphans(profile_from_chat_template(tmp_path / "oss"))


def test_the_special_tokens_of_the_file_are_given_to_the_template(put):
    text = (
        "{% if bos_token + eos_token != '<a><b>' %}{{ raise_exception('no') }}{% endif %}" + PLAIN
    )
    settings = {"chat_template": text, "bos_token": "<a>", "eos_token": {"content": "<b>"}}

    assert check_messages(SOUND, profile_from_chat_template(put("a.json", settings))).ok
    assert not check_messages(SOUND, profile_from_chat_template(text)).ok


def test_further_variables_can_be_given():
    text = "{% if not think %}{{ raise_exception('think!') }}{% endif %}" + PLAIN

    assert check_messages(SOUND, profile_from_chat_template(text, variables={"think": True})).ok
    assert not check_messages(SOUND, profile_from_chat_template(text)).ok


def test_a_name_can_be_given():
    profile = profile_from_chat_template(PLAIN, name="our-qwen")

    assert profile.name == check_messages(ORPHAN, profile).profile == "our-qwen"
    assert profile_from_chat_template(PLAIN).name == "chat-template"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (samples.TEXT_ONLY, "draws neither calls nor results even in a sound history"),
        (samples.NO_CALLS, "draws no calls even in a sound history"),
        (samples.NO_RESULTS, "raises even in a sound history"),
        (samples.PLAIN, None),
    ],
)
def test_a_template_that_is_not_for_tools_is_said_to_be_so_once_where_it_is_taken(
    template, said, caplog
):
    check_messages(SOUND, profile_from_chat_template(template))

    assert [said in record.getMessage() for record in caplog.records] == [True] * bool(said)


# --- What is said --------------------------------------------------------------------------------

FAULTS = {
    "missing": (None, ["'x.jinja'", "No such file", "give a file"]),
    "not UTF-8": (b"{{ '\xff' }}", ["'x.jinja'", "not UTF-8", "byte 4"]),
    "no template": ("Hello.", ["'x.jinja'", "no Jinja template"]),
    "empty": ("", ["'x.jinja'", "no Jinja template"]),
    "syntax": ("a\n{% if %}", ["'x.jinja'", "line 2"]),
    "unknown tag": ("{% loop %}", ["'x.jinja'", "unknown tag 'loop'"]),
    "unknown filter": ("{{ 1 | nonsense }}", ["'x.jinja'", "No filter named 'nonsense'"]),
    "deep": ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", ["'x.jinja'", "can't be compiled"]),
    "long": ("{{ 1 }}" + "x" * 600_000, ["'x.jinja'", "longer than 524,288 characters"]),
}
FAULTY_SETTINGS = {
    "not JSON": ("{\n,}", ["'x.json'", "not JSON (line 2)"]),
    "deep JSON": ("[" * 200_000, ["'x.json'", "not JSON"]),
    "another JSON": ([], ["'x.json'", "'chat_template'"]),
    "no template": ({"bos_token": "<s>"}, ["'x.json'", "chat_template.jinja beside it"]),
    "none for tools": ({"chat_template": [{"name": "rag", "template": PLAIN}]}, ["'x.json'"]),
    "a number": ({"chat_template": 7}, ["'x.json'"]),
}


def fault_of(given, **options):
    with pytest.raises(ChatTemplateError) as caught:
        profile_from_chat_template(given, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert isinstance(caught.value, ValueError)
    return text


@pytest.mark.parametrize(("content", "said"), FAULTS.values(), ids=FAULTS)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(content, said, put):
    if content is not None:
        put("x.jinja", content)

    text = fault_of("x.jinja")

    assert all(part in text for part in said), text


@pytest.mark.parametrize(("content", "said"), FAULTY_SETTINGS.values(), ids=FAULTY_SETTINGS)
def test_settings_without_a_template_are_named_with_the_reason(content, said, put):
    text = fault_of(put("x.json", content))

    assert all(part in text for part in said), text


def test_an_empty_folder_is_named(tmp_path):
    assert "holds none of chat_template.jinja" in fault_of(tmp_path)


@pytest.mark.parametrize("given", ["", 7, None, b"{{ 1 }}", "a\0b"])
def test_what_is_no_template_at_all_is_refused(given):
    assert "chat template" in fault_of(given)


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 200])
def test_a_name_that_no_report_can_show_is_refused(name):
    assert "can't be called" in fault_of(PLAIN, name=name)


@pytest.mark.parametrize("variables", [{"a": object()}, {"a": float("nan")}, [1], {"a": {1, 2}}])
def test_variables_that_are_no_json_are_refused(variables):
    assert "JSON" in fault_of(PLAIN, variables=variables)


def test_without_jinja_the_error_names_the_line_to_run():
    code = (
        "import sys; sys.modules['jinja2'] = None\n"
        "from toolpair_observe import profile_from_chat_template as make, MissingExtraError\n"
        "try:\n    make('{{ 1 }}')\n"
        "except MissingExtraError as error:\n    print(error)"
    )

    printed = run_python("-c", code).stdout.decode()

    assert install_line("templates") in printed


def test_nothing_of_the_extra_is_imported_with_the_package():
    code = (
        "import sys, toolpair_observe as t; t.ToolPairHandler; t.check_messages; "
        "t.profile_from_chat_template; import toolpair_observe.cli.main; "
        "print('jinja2' in sys.modules)"
    )

    assert run_python("-c", code).stdout.decode().strip() == "False"


# --- Where it goes -------------------------------------------------------------------------------


def test_no_history_is_passed_without_a_rendering():
    assert profile_from_chat_template(PLAIN).plain is None


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))]
)
def test_a_copy_judges_alike(copied):
    profile = copied(profile_from_chat_template(NEEDS_CALL, name="ours"))

    assert profile.name == "ours"
    assert refuses_orphans(profile)
    assert check_messages(SOUND, profile).effect == "clean"


def test_a_repair_is_checked_against_it():
    repair = repair_messages(messages("H A(x) A T(x)"), profile_from_chat_template(NEEDS_CALL))

    assert (repair.before.effect, repair.after.effect) == ("reject", "clean")


def test_strict_mode_stops_what_the_template_refuses():
    handler = ToolPairHandler(mode="strict", profile=profile_from_chat_template(ONE_CALL))
    model = FakeListChatModel(responses=["Well."])

    with pytest.raises(InvalidToolResultsError, match="unsupported_message"):
        model.invoke(messages(HISTORIES["sound/two"]), config={"callbacks": [handler]})
    assert model.invoke([HumanMessage("Hello.")], config={"callbacks": [handler]}).content


def test_a_files_name_stands_wherever_a_profiles_name_can(put):
    put("needs.jinja", NEEDS_CALL)

    assert refuses_orphans("needs.jinja")
    assert repair_messages(ORPHAN, "./needs.jinja").before.effect == "reject"
    assert refuses_orphans(Settings.resolve({"TOOLPAIR_PROFILE": "needs.jinja"}).profile)
    assert refuses_orphans(ToolPairHandler(profile="needs.jinja").settings.profile)


def test_an_option_that_names_no_usable_file_says_why(put):
    with pytest.raises(SettingsError, match=r"TOOLPAIR_PROFILE is 'no\.jinja'; .*No such file"):
        Settings.resolve({"TOOLPAIR_PROFILE": "no.jinja"})
    with pytest.raises(SettingsError, match=r"argument profile is 'x\.jinja'; .*line 1"):
        ToolPairHandler(profile=put("x.jinja", "{% if %}"))
    with pytest.raises(SettingsError, match="a chat template's or measured profile's file"):
        ToolPairHandler(profile="nobody")


@pytest.mark.parametrize("option", ["--chat-template", "--profile"])
def test_the_command_checks_against_a_template(option, put, capsys):
    code = main(["check", put("rows.jsonl", ROWS[0]), option, put("one.jinja", ONE_CALL)])

    out = capsys.readouterr().out
    assert code == 1
    assert "reject: unsupported_message at message 1: call call_b" in out
    assert "judged under: chat-template:one 1" in out


def test_the_command_takes_the_folder_of_a_model(put, capsys):
    put("plain/tokenizer_config.json", {"chat_template": PLAIN})

    assert main(["check", put("rows.jsonl", ROWS[0]), "--chat-template", "plain"]) == 0
    assert "0 near misses" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--chat-template", "no.jinja"], "argument --chat-template: the chat template 'no.jinja'"),
        (["--profile", "no.jinja"], "argument --profile: the chat template 'no.jinja'"),
        (
            ["--chat-template", "one.jinja", "--profile", "anthropic"],
            "argument --profile: not allowed with argument --chat-template",
        ),
    ],
)
def test_what_the_command_cannot_use_ends_with_2_and_one_line(options, said, put, capsys):
    put("one.jinja", ONE_CALL)

    with pytest.raises(SystemExit) as caught:
        main(["check", put("rows.jsonl", ROWS[0]), *options])

    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_the_command_says_what_to_install(put, monkeypatch, capsys):
    for module in [name for name in sys.modules if name.startswith("toolpair_observe.templates.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "jinja2", None)

    with pytest.raises(SystemExit):
        main(["check", put("rows.jsonl", ROWS[0]), "--chat-template", put("a.jinja", PLAIN)])

    assert install_line("templates") in capsys.readouterr().err
    assert issubclass(MissingExtraError, ImportError)
