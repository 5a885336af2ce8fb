"""What an exception or an answer of a real client means, and which of its words are kept."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from tests.probe.servers import (
    Behaviour,
    Echoing,
    Recording,
    Reply,
    Says,
    Takes,
    accepted,
    huge,
    redirecting,
    refused,
    resetting,
    served,
    slow,
)
from toolpair_observe.deadline import Deadline
from toolpair_observe.probing.answering import Outcome, Told, told_by
from toolpair_observe.probing.record import Record
from toolpair_observe.probing.sending import Heard, heard_of
from toolpair_observe.probing.subject import subject_of
from toolpair_observe.probing.words import MOST_CHARACTERS, blanked, words_in

KEY = "the-users-own-key"
CALL = {"name": "look_up", "args": {"what": "river"}, "id": "xBb2Cc3Dd", "type": "tool_call"}
HISTORY = [
    HumanMessage("What is next? One word."),
    AIMessage("", tool_calls=[CALL]),
    ToolMessage("cloud grain wheel paper", tool_call_id="zBb2Cc3Dd", name="look_up"),
]


def told(behaviour: Behaviour, seconds: float = 10.0, **arguments: Any) -> Told:
    """What the real ChatOpenAI is told by a server."""
    with served(behaviour) as url:
        model = ChatOpenAI(model="gpt-5", base_url=url, api_key=KEY, **arguments)
        subject = subject_of(model)
        return told_by(heard_of(subject, HISTORY, seconds), is_watched=subject.is_watched)


def kept(words: str, *secrets: str) -> str:
    return blanked(words, HISTORY, secrets)


class TestOfAnswers:
    def test_an_answer_is_taken_and_its_tokens_counted(self):
        result = told(Takes())
        assert result.outcome is Outcome.TAKEN
        assert result.input_tokens

    def test_an_answer_without_usage_counts_nothing(self):
        def quiet(request: Any, _: int) -> Reply:
            reply = accepted(request)
            del reply.body["usage"]  # type: ignore[attr-defined]
            return reply

        assert told(quiet) == Told(Outcome.TAKEN)

    @pytest.mark.parametrize("status", [400, 422])
    def test_a_refusal_has_the_endpoints_words(self, status):
        assert told(Says(refused("wrong order", status))) == Told(Outcome.REFUSED, "wrong order")

    @pytest.mark.parametrize("status", [500, 503])
    def test_a_template_that_raised_refuses(self, status):
        words = "Jinja Exception: roles must alternate"
        assert told(Says(refused(words, status))) == Told(Outcome.REFUSED, words)

    @pytest.mark.parametrize("status", [401, 402, 403, 404])
    def test_no_key_no_money_and_no_model_are_hopeless(self, status):
        result = told(Says(refused("no such thing", status)))
        assert result == Told(Outcome.HOPELESS, f"HTTP {status}: no such thing")

    @pytest.mark.parametrize(
        "words", ["API key not valid. Please pass a valid one.", "Your credit balance is too low"]
    )
    def test_a_400_about_the_key_or_the_money_is_no_refusal(self, words):
        assert told(Says(refused(words))).outcome is Outcome.HOPELESS

    def test_a_redirect_is_hopeless_and_says_what_to_do(self):
        result = told(redirecting("http://127.0.0.1:1/", 308))
        assert result.outcome is Outcome.HOPELESS
        assert "HTTP 308" in result.words
        assert "give the model the URL" in result.words

    @pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
    def test_a_state_of_the_server_is_to_be_asked_again(self, status):
        assert told(Says(refused("busy", status))).outcome is Outcome.AGAIN

    @pytest.mark.parametrize(
        "behaviour",
        [
            resetting(),
            Says(Reply(body="<html>no JSON</html>")),
            Says(Reply(body={"choices": None})),
            Says(Reply(body={"error": {"message": "upstream failed"}})),
            Says(Reply(body={"error": {"message": "busy", "code": 502}})),
        ],
        ids=["reset", "no JSON", "no choices", "an error", "an error with a code"],
    )
    def test_what_is_no_answer_is_to_be_asked_again(self, behaviour):
        assert told(behaviour).outcome is Outcome.AGAIN

    @pytest.mark.parametrize("code", [400, "400", "invalid_request_error"])
    def test_a_200_with_a_refusal_in_it_refuses(self, code):
        result = told(Says(Reply(body={"error": {"message": "wrong order", "code": code}})))
        assert result == Told(Outcome.REFUSED, "wrong order")

    @pytest.mark.parametrize("status", [200, 400])
    def test_a_body_without_end_is_given_up(self, status):
        assert told(huge(status)).outcome is Outcome.AGAIN

    @pytest.mark.parametrize("status", [200, 400])
    def test_a_body_that_drips_is_given_up(self, status):
        assert told(slow(status), seconds=0.3).outcome is Outcome.AGAIN

    def test_a_server_that_is_not_there_is_to_be_asked_again(self):
        subject = subject_of(ChatOpenAI(model="m", base_url="http://127.0.0.1:1", api_key=KEY))
        result = told_by(heard_of(subject, HISTORY, 10.0), is_watched=True)
        assert result.outcome is Outcome.AGAIN

    def test_what_is_raised_before_a_request_left_is_local(self):
        server = Recording(Takes())
        with served(server) as url:
            subject = subject_of(ChatOpenAI(model="gpt-5", base_url=url, api_key=KEY))
            unsendable: list[BaseMessage] = [HumanMessage("Hi."), AIMessage("\ud800")]
            result = told_by(heard_of(subject, unsendable, 10.0), is_watched=True)
        assert result.outcome is Outcome.LOCAL
        assert not server.requests


class TestOfPauses:
    def test_seconds(self):
        assert told(Says(Reply(429, {}, {"Retry-After": "7"}))).pause == 7.0

    def test_a_date(self):
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=900), usegmt=True)
        pause = told(Says(Reply(503, {}, {"Retry-After": date}))).pause
        assert pause is not None
        assert 0 < pause <= 900

    @pytest.mark.parametrize("value", ["soon", "", "nan", "-5", "Wed, 99 Foo 2000"])
    def test_what_is_neither_is_no_pause(self, value):
        assert not told(Says(Reply(503, {}, {"Retry-After": value}))).pause


class TestOfUnwatchedModels:
    """Of a client that is not known, the exception alone tells."""

    @pytest.mark.parametrize(
        ("error", "outcome"),
        [
            (ValueError("no tool results there"), Outcome.LOCAL),
            (ConnectionError("reset"), Outcome.AGAIN),
            (TimeoutError(), Outcome.AGAIN),
        ],
    )
    def test_the_class_tells_whether_it_was_the_connection(self, error, outcome):
        assert told_by(_heard(error), is_watched=False).outcome is outcome

    def test_a_status_tells(self):
        class OfAClientError(Exception):
            status_code = 422
            body: Any

        error = OfAClientError()
        error.body = {"detail": [{"loc": ["body"], "msg": "wrong order", "input": "my words"}]}
        assert told_by(_heard(error), is_watched=False) == Told(Outcome.REFUSED, "wrong order")

    def test_an_interruption_is_raised(self):
        with pytest.raises(KeyboardInterrupt):
            told_by(_heard(KeyboardInterrupt()), is_watched=True)


def _heard(error: BaseException) -> Heard:
    return Heard(Record(Deadline(1.0)), error=error)


class TestOfWords:
    @pytest.mark.parametrize(
        "body",
        [
            {"error": {"message": "wrong order", "type": "invalid_request_error"}},
            {"error": "wrong order"},
            {"type": "error", "error": {"type": "invalid_request_error", "message": "wrong order"}},
            {"message": "wrong order"},
            {"object": "error", "message": "wrong order", "code": 400},
            {"detail": "wrong order"},
            {"detail": [{"loc": ["body", "messages"], "msg": "wrong order", "input": [1]}]},
            {"error": {"message": "Provider returned error", "metadata": {"raw": "wrong order"}}},
            {"error": {"message": '{"error": {"message": "wrong order"}}'}},
            b'{"message": "wrong order"}',
            {"message": 'AnthropicException - b\'{"message": "wrong order"}\''},
            "wrong order",
            [{"error": {"code": 400, "message": "wrong order"}}],
        ],
    )
    def test_they_are_found_in_each_form(self, body):
        assert words_in(body) == "wrong order"

    def test_a_body_that_is_nested_without_end_says_nothing(self):
        body: Any = "deep"
        for _ in range(50):
            body = {"error": body}
        assert words_in(body) == ""

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ("Wrong order\nmessages: ...", "Wrong order"),
            ("Invalid messages at 3: {'role': 'tool'}", "Invalid messages at 3"),
            ("Not found: 'xBb2Cc3Dd' in 'zBb2Cc3Dd'", "Not found: '…' in '…"),
            ("Bad: What is next? One word. And more", "Bad"),
            ("Bad result cloud grain wheel paper", "Bad result"),
            ("Bad 'role': user", "Bad"),
            ("Bad list ['a', 'b']", "Bad list"),
            (
                "messages.[2].role is wrong in messages[1]",
                "messages.[2].role is wrong in messages[1]",
            ),
            ("Function look_up(what=river) failed", "Function …(what=…) failed"),
            ("bad \x1b[2J \u202e thing", "bad \\x1b[2J \\u202e thing"),
            ("<html>no</html>", ""),
        ],
    )
    def test_they_end_before_a_quotation_and_show_no_id(self, words, expected):
        assert kept(words) == expected

    @pytest.mark.parametrize(
        "secret",
        [
            "sk-proj-a1b2c3d4e5f6",
            "sk-****************abcd",
            "Bearer abcdefgh",
            "bearer AbCdEf.GhIjKl",
            "Basic dXNlcjpwYXNz",
            "api_key=hunter2hunter2",
            "x-api-key: hunter2",
            "password=hunter2",
            "AKIAIOSFODNN7EXAMPLE",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
            base64.b64encode(bytes(range(64))).decode(),
            "0123456789abcdef0123456789abcdef",
            "https://me:pass@host/path",
            "https://host/path?key=hunter2",
            "me@example.com",
            "org-Ab1Cd2Ef3Gh4",
            "req_011CSHoEeqs5C35K2UUqR7Fy",
            KEY,
            KEY.upper(),
        ],
    )
    def test_a_secret_is_blanked(self, secret):
        text = kept(f"The thing {secret} is wrong", KEY)
        assert text.startswith("The thing ")
        assert text.endswith("is wrong")
        for piece in secret.replace("=", " ").replace(":", " ").split():
            if piece.lower() not in ("bearer", "basic", "api_key", "x-api-key", "password"):
                assert piece not in text

    @pytest.mark.parametrize(
        "words",
        [
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
            "message with 'tool_calls'.",
            "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with "
            "maximum length 40, but got a string with length 41 instead.",
            "messages.2: `tool_use` ids were found without `tool_result` blocks immediately after",
            "Please ensure that function call turn comes immediately after a user turn",
            "Expected toolResult blocks at messages.2.content for the following Ids",
            "Error code 3230: Not the same number of function calls and responses",
            "Jinja Exception: Conversation roles must alternate user/assistant/user/assistant",
        ],
    )
    def test_words_of_a_provider_stay(self, words):
        assert kept(words) == words

    def test_they_are_short(self):
        assert len(kept("word " * 1000)) == MOST_CHARACTERS

    def test_a_server_that_repeats_request_and_key_gets_nothing_of_it_into_the_text(self):
        headers = {"X-Tenant": "tenant-of-the-user", "Authorization": f"Bearer {KEY}"}
        server = Recording(Echoing("Invalid messages"))
        with served(server) as url:
            model = ChatOpenAI(
                model="gpt-5", base_url=url, api_key=KEY, default_headers=headers
            ).bind(extra_headers={"X-Other": "other-of-the-user"})
            subject = subject_of(model)
            result = told_by(heard_of(subject, HISTORY, 10.0), is_watched=True)
        assert KEY in result.words
        assert blanked(result.words, HISTORY, subject.secrets) == "Invalid messages: …"
        for secret in ("tenant-of-the-user", "other-of-the-user", KEY):
            assert secret not in blanked(f"x {secret} y", HISTORY, subject.secrets)


def test_a_key_that_the_model_does_not_hold_is_known_from_the_request():
    with served(Echoing("Invalid messages")) as url:
        subject = subject_of(ChatOpenAI(model="gpt-5", base_url=url, api_key=lambda: "hunter two"))
        result = told_by(heard_of(subject, HISTORY, 10.0), is_watched=True)
    assert "hunter two" in result.words
    assert "Bearer hunter two" in result.secrets
    assert "hunter" not in blanked(result.words, HISTORY, result.secrets)


def test_a_model_without_a_client_is_not_watched():
    class Toolful(FakeListChatModel):
        def bind_tools(self, tools: Any, **_: Any) -> Any:
            return self.bind(tools=tools)

    subject = subject_of(Toolful(responses=["x"]))
    assert not subject.is_watched
    assert told_by(heard_of(subject, HISTORY, 10.0), is_watched=False).outcome is Outcome.TAKEN


ODD_KEY = 'the-users/own+"key" é-of-theirs'


@pytest.mark.parametrize(
    "quoted",
    [
        quote(ODD_KEY, safe=""),
        quote(ODD_KEY).lower(),
        json.dumps(ODD_KEY)[1:-1],
        json.dumps(ODD_KEY)[1:-1].replace("/", "\\/"),
        repr(ODD_KEY.encode()),
        base64.b64encode(ODD_KEY.encode()).decode(),
        ODD_KEY.encode().hex(),
        ODD_KEY[:9] + "\n" + ODD_KEY[9:],
        ODD_KEY[:9] + "\\n" + ODD_KEY[9:],
        ODD_KEY[:9] + "\r\n  " + ODD_KEY[9:],
        ODD_KEY[:14] + "...",
        ODD_KEY[:5] + "*" * 12 + ODD_KEY[-4:],
    ],
)
def test_a_secret_is_known_in_whichever_form_it_is_quoted(quoted):
    said = kept(f"Bad value {quoted} given", ODD_KEY)
    assert said.startswith("Bad value")
    for piece in (ODD_KEY[:4], ODD_KEY[-4:], quoted[:4].strip("b'"), quoted[-4:-2]):
        assert piece not in said


def test_a_header_without_a_value_blanks_nothing():
    assert kept("No call was made.", "", "a") == "No call was made."


@pytest.mark.parametrize("piece", ["@", "a-", "a/", "key-", "a://", "a.", "apikey"])
def test_words_that_are_made_to_take_long_are_read(piece):
    """Each took from seconds to days: what fails here does not end."""
    assert len(kept(piece * 8192)) <= MOST_CHARACTERS


@pytest.mark.parametrize("code", ["4" * 5000, "\u0664\u0660\u0660", "0400"])
def test_a_code_that_is_no_status_is_none(code):
    assert told(Says(Reply(200, {"error": {"code": code}}))).outcome is Outcome.AGAIN


@pytest.mark.parametrize(
    "value",
    [
        "Mon, 01 Jan 2024 00:00:00 +99999999999999999999",
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        "Mon, 99999999999999999999999 Jan 2024 00:00:00 GMT",
    ],
)
def test_a_date_beyond_all_calendars_is_no_pause(value):
    assert told(Says(Reply(429, "", {"Retry-After": value}))).pause is None


@pytest.mark.parametrize("tokens", [10**13, 0, -5, 1_000_001])
def test_what_can_be_no_count_of_a_short_prompt_is_none(tokens):
    usage = {"input_tokens": tokens, "output_tokens": 1, "total_tokens": tokens}
    answer = AIMessage("Clear.", usage_metadata=usage)
    heard = Heard(Record(Deadline(1.0)), message=answer)
    assert told_by(heard, is_watched=True) == Told(Outcome.TAKEN, input_tokens=None)


def test_an_answer_that_is_packed_twice_is_not_unpacked():
    ollama = pytest.importorskip("langchain_ollama")
    packed = gzip.compress(gzip.compress(b"\0" * 1_000_000))
    server = Recording(Says(Reply(400, packed, {"Content-Encoding": "gzip, gzip"})))
    with served(server) as url:
        subject = subject_of(ollama.ChatOllama(model="qwen3", base_url=url))
        heard = heard_of(subject, HISTORY, 10.0)
    assert isinstance(heard.error, OSError)
    assert heard.record.body == b""
    assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


def test_an_answer_that_is_packed_once_is_read():
    body = gzip.compress(b'{"error": {"message": "No call was made."}}')
    result = told(Says(Reply(400, body, {"Content-Encoding": "gzip"})))
    assert result == Told(Outcome.REFUSED, "No call was made.")


@pytest.mark.parametrize(
    "arguments",
    [
        {"default_query": {"sig": "hunter-of-theirs"}},
        {"organization": "hunter-of-theirs"},
        {"extra_body": {"tokens": ["hunter-of-theirs"]}},
        {"model_kwargs": {"extra_headers": {"X-Tenant": "hunter-of-theirs"}}},
        {"extra_body": {"callers": {"headers": {"deep": {"er": "hunter-of-theirs"}}}}},
    ],
)
def test_what_the_model_sends_of_the_users_is_not_shown(arguments):
    model = ChatOpenAI(model="gpt-5", base_url="http://localhost/v1", api_key=KEY, **arguments)
    secrets = subject_of(model).secrets
    assert kept("No access for hunter-of-theirs", *secrets) == "No access for …"


def test_a_user_in_the_url_is_not_shown():
    model = ChatOpenAI(
        model="gpt-5", base_url="http://joan:hunter-of-theirs@localhost/v1", api_key=KEY
    )
    assert kept("No access for hunter-of-theirs", *subject_of(model).secrets) == "No access for …"


def test_a_header_of_the_users_own_client_is_not_shown():
    with httpx.Client(headers={"X-Tenant": "hunter-of-theirs"}) as client:
        result = told(Says(refused("No access for hunter-of-theirs")), http_client=client)
    assert kept(result.words, *result.secrets) == "No access for …"


def test_a_dict_that_holds_itself_ends():
    odd: dict[str, Any] = {"key": "hunter-of-theirs"}
    odd["again"] = odd
    model = ChatOpenAI(model="gpt-5", base_url="http://localhost/v1", api_key=KEY)
    model.model_kwargs = {"odd": odd}
    assert "hunter-of-theirs" in subject_of(model).secrets
