"""The user's model is copied so that it asks once, says little, and leaves no trace."""

from __future__ import annotations

import gc
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import set_llm_cache
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import ConfigurableField
from langchain_core.tools import tool
from langchain_core.tracers.langchain import wait_for_all_tracers
from langchain_openai import ChatOpenAI
from langsmith import run_trees
from langsmith import utils as ls_utils
from openai import OpenAI
from opentelemetry import context as otel

from tests.loopback.langsmith_server import API_KEY, LangSmithServer
from tests.probe.servers import (
    Recording,
    Refuses,
    Reply,
    Says,
    Takes,
    redirecting,
    refused,
    served,
)
from toolpair_observe import foreign, guard
from toolpair_observe.errors import ProbeError
from toolpair_observe.pairing.words import Effect
from toolpair_observe.probing.answering import Outcome, told_by
from toolpair_observe.probing.sending import heard_of
from toolpair_observe.probing.subject import Subject, subject_of
from toolpair_observe.testing import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "the-users-own-key"
HI = [HumanMessage("Hi.")]


def openai(url: str, **arguments: Any) -> ChatOpenAI:
    return ChatOpenAI(**{"model": "gpt-5", "base_url": url, "api_key": KEY, **arguments})


@tool
def pay_out(account: str) -> str:
    """The user's own tool."""
    return account


def asked(subject: Subject) -> Outcome:
    heard = heard_of(subject, HI, 10.0)
    return told_by(heard, is_watched=subject.is_watched).outcome


class Listening(BaseCallbackHandler):
    def __init__(self) -> None:
        self.heard = 0

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        self.heard += 1


class TestOfOneRequest:
    def test_an_endpoint_that_is_down_gets_one_request(self):
        server = Recording(Says(Reply(503, {"error": {"message": "down"}})))
        with served(server) as url:
            assert asked(subject_of(openai(url, max_retries=5))) is Outcome.AGAIN
        assert len(server.requests) == 1

    def test_a_rate_limit_with_retry_after_gets_one_request(self):
        server = Recording(Says(Reply(429, {}, {"Retry-After": "0"})))
        with served(server) as url:
            assert asked(subject_of(openai(url).with_retry())) is Outcome.AGAIN
        assert len(server.requests) == 1

    def test_it_is_cold_short_and_in_one_piece(self):
        server = Recording(Takes())
        with served(server) as url:
            asked(subject_of(openai(url, streaming=True, temperature=1, max_tokens=9000)))
        (request,) = server.requests
        assert request["temperature"] == 0
        assert request["max_completion_tokens"] == 24
        assert not request["stream"]

    def test_it_bears_the_made_up_tool_alone(self):
        server = Recording(Takes())
        with served(server) as url:
            model = openai(url).bind_tools([pay_out], tool_choice="pay_out")
            asked(subject_of(model.bind(stop=["STOP"], user="me", reasoning_effort="low")))
        (request,) = server.requests
        assert [each["function"]["name"] for each in request["tools"]] == ["look_up"]
        assert not {"tool_choice", "stop", "user"} & set(request)
        assert request["reasoning_effort"] == "low"
        assert "pay_out" not in str(request)

    def test_a_redirect_is_not_followed(self):
        elsewhere = Recording(Takes())
        with served(elsewhere) as other, served(redirecting(other)) as url:
            assert asked(subject_of(openai(url))) is Outcome.HOPELESS
        assert not elsewhere.requests

    def test_a_client_of_the_users_own_is_used_and_follows_no_redirect(self):
        import openai as client

        http = client.DefaultHttpxClient(headers={"X-Mine": "1"}, follow_redirects=True)
        elsewhere, server = Recording(Takes()), None
        with served(elsewhere) as other:
            server = Recording(redirecting(other))
            with served(server) as url:
                asked(subject_of(openai(url, http_client=http)))
        assert server.requests[0].headers["x-mine"] == "1"
        assert not elsewhere.requests
        assert http.follow_redirects
        http.close()


class OfItsOwnClient(FakeListChatModel):
    """As ChatAnthropic has it: the client is made when it is first wanted, of no field."""

    @cached_property
    def _client(self) -> OpenAI:
        return OpenAI(api_key=KEY, base_url="http://127.0.0.1:1")

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self.bind()

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        self._client.models.list()
        return ChatResult(generations=[])


class TestOfTheUsersObject:
    def test_a_client_that_was_put_into_it_is_asked_and_no_other(self):
        server = Recording(Says(Reply(503, {})))
        with served(server) as url:
            model = OfItsOwnClient(responses=["x"])
            vars(model)["_client"] = OpenAI(api_key=KEY, base_url=url)
            assert asked(subject_of(model)) is Outcome.AGAIN
        assert len(server.requests) == 1

    def test_it_stays_as_it_was(self):
        with served(Takes()) as url:
            model = openai(url, max_retries=5, temperature=1, callbacks=[Listening()])
            before = {name: id(value) for name, value in vars(model).items()}
            asked(subject_of(model))
            after = {name: id(value) for name, value in vars(model).items()}
            # What langchain-core keeps of a model that was looked at.
            after.pop(foreign.SERIALIZED.name, None)
            assert after == before
            assert model.root_client.max_retries == 5

    def test_it_can_still_be_asked_when_the_copy_is_gone(self):
        with served(Takes()) as url:
            model = openai(url)
            asked(subject_of(model))
            gc.collect()
            assert model.invoke("Hi.").content == "Clear."

    def test_what_an_answer_sets_does_not_get_into_its_cookies(self):
        with served(Says(Reply(400, {}, {"Set-Cookie": "who=me"}))) as url:
            model = openai(url)
            asked(subject_of(model))
            assert not model.root_client._client.cookies


def _configurable(model: ChatOpenAI) -> Any:
    return model.configurable_fields(model_name=ConfigurableField("model"))


WRAPPED: dict[str, Callable[[ChatOpenAI], Any]] = {
    "bound": lambda model: model.bind_tools([pay_out]),
    "bound twice": lambda model: model.bind_tools([pay_out]).bind(stop=["x"]),
    "with retries": lambda model: model.with_retry(stop_after_attempt=3),
    "with fallbacks": lambda model: model.with_fallbacks([openai("http://127.0.0.1:1")]),
    "configurable": _configurable,
    "configured": lambda model: _configurable(model).with_config(configurable={"model": "gpt-5"}),
    "guarded": lambda model: guard(model, mode="observe"),
}


@pytest.mark.parametrize("how", WRAPPED)
def test_a_wrapped_model_is_the_model_in_it(how):
    server = Recording(Says(Reply(503, {})))
    with served(server) as url:
        model = WRAPPED[how](openai(url))
        subject = subject_of(model)
        assert asked(subject) is Outcome.AGAIN
        if how == "guarded":
            model.handler.close()
    assert len(server.requests) == 1
    assert subject.endpoint.model == "gpt-5"
    assert subject.endpoint.host == url.removeprefix("http://")
    assert subject.endpoint.integration == "openai-chat"
    assert subject.endpoint.profile == subject.base.name == "openai-compatible"


def test_what_is_known_of_a_server_is_asked_for_all_the_same():
    subject = subject_of(ChatOpenAI(model="gpt-4.1", api_key="none"))
    assert subject.endpoint.profile == subject.base.name == "openai-chat"
    assert Effect.REJECT not in {rule.effect for rule in subject.base.rules.values()}
    assert subject.base.id_max is None


class TestOfTraces:
    def test_no_callback_hears_of_it(self):
        own, bound = Listening(), Listening()
        with served(Takes()) as url:
            model = openai(url, callbacks=[own]).with_config(callbacks=[bound])
            assert asked(subject_of(model)) is Outcome.TAKEN
            assert own.heard == bound.heard == 0
            model.invoke("Hi.")
            assert own.heard == bound.heard == 1

    def test_our_own_watch_sees_nothing(self):
        watch = Watch("observe")
        try:
            with served(Takes()) as url:
                model = openai(url)
                asked(subject_of(model))
                assert watch.requests.checked == 0
                model.invoke("Hi.")
                assert watch.requests.checked == 1
        finally:
            watch.stop()

    def test_langsmith_gets_nothing_although_the_environment_traces(self, monkeypatch):
        ls_utils.get_env_var.cache_clear()
        monkeypatch.setattr(run_trees, "_CLIENT", None)
        with LangSmithServer() as langsmith, served(Takes()) as url:
            monkeypatch.setenv("LANGSMITH_TRACING", "true")
            monkeypatch.setenv("LANGSMITH_ENDPOINT", langsmith.url)
            monkeypatch.setenv("LANGSMITH_API_KEY", API_KEY)
            model = openai(url)
            assert asked(subject_of(model)) is Outcome.TAKEN
            model.invoke("The user's own request.")
            wait_for_all_tracers()
            langsmith.wait_for_runs_to_end(1)
            (run,) = langsmith.ended_runs()
            assert "The user's own request." in str(run)
        ls_utils.get_env_var.cache_clear()

    def test_no_cache_answers(self):
        server = Recording(Takes())
        set_llm_cache(InMemoryCache())
        try:
            with served(server) as url:
                subject = subject_of(openai(url, cache=True))
                assert [asked(subject), asked(subject)] == [Outcome.TAKEN, Outcome.TAKEN]
        finally:
            set_llm_cache(None)
        assert len(server.requests) == 2

    def test_instrumented_clients_are_told_to_write_no_spans(self):
        class Looking(FakeListChatModel):
            def bind_tools(self, tools: Any, **_: Any) -> Any:
                return self.bind(tools=tools)

            def _generate(self, messages: list[BaseMessage], **_: Any) -> ChatResult:
                keys = (foreign.NO_SPANS.of(otel), foreign.NO_HTTP_SPANS.of(otel))
                text = " ".join(str(otel.get_value(key)) for key in keys)
                return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

        heard = heard_of(subject_of(Looking(responses=["x"])), HI, 10.0)
        assert heard.message is not None
        assert heard.message.content == "True True"


class TestOfRefusedArguments:
    @pytest.mark.parametrize(
        ("refuses", "sent"),
        [
            ((), {"max_completion_tokens": 24, "temperature": 0}),
            (("temperature",), {"max_completion_tokens": 24}),
            (("max_completion_tokens",), {"max_tokens": 24, "temperature": 0}),
            (("max_completion_tokens", "max_tokens"), {"temperature": 0}),
            (("max_completion_tokens", "temperature"), {"max_tokens": 24}),
        ],
    )
    def test_what_is_refused_is_left_out(self, refuses, sent):
        server = Recording(Refuses(*refuses, behaviour=Takes()))
        with served(server) as url:
            subject: Subject | None = subject_of(openai(url))
            for _ in range(4):
                assert subject is not None
                told = told_by(heard_of(subject, HI, 10.0), is_watched=True)
                if told.outcome is Outcome.TAKEN:
                    break
                subject = subject.without(told.words)
        names = ("max_completion_tokens", "max_tokens", "temperature")
        request = server.requests[-1]
        assert {name: request[name] for name in names if name in request} == sent

    def test_the_users_own_limit_comes_back_where_ours_is_refused(self):
        with served(Says(refused("max_tokens is too small"))) as url:
            subject: Any = subject_of(openai(url, max_tokens=700))
            for _ in range(2):
                subject = subject.without("max_tokens is too small")
        assert subject.model.max_tokens == 700
        assert subject.without("max_tokens is too small") is None

    def test_a_refusal_of_something_else_changes_nothing(self):
        subject = subject_of(openai("http://127.0.0.1:1"))
        assert subject.without("messages[1] is wrong") is None


class TestOfWhatIsNoModel:
    @pytest.mark.parametrize(
        ("model", "words"),
        [
            (ChatOpenAI, "ChatOpenAI is a class: give an instance of it"),
            ("gpt-5", "there is no chat model in a str"),
            (None, "there is no chat model in a NoneType"),
            (FakeListChatModel(responses=["x"]), "FakeListChatModel takes no tools"),
        ],
        ids=str,
    )
    def test_it_is_refused_in_one_line(self, model, words):
        with pytest.raises(ProbeError) as caught:
            subject_of(model)
        assert str(caught.value).startswith(words)
        assert "\n" not in str(caught.value)


class TestOfWhatIsTold:
    def test_the_versions_of_all_that_takes_part(self):
        packages = subject_of(openai("http://127.0.0.1:1")).packages
        assert set(packages) == {
            "toolpair-observe",
            "langchain-core",
            "langchain-openai",
            "openai",
        }

    def test_no_key_is_in_the_repr(self):
        subject = subject_of(openai("http://127.0.0.1:1"))
        assert KEY in subject.secrets
        assert KEY not in repr(subject)

    def test_a_url_with_a_key_in_it_shows_its_host_alone(self):
        subject = subject_of(openai("http://me:secret@127.0.0.1:81/v1?key=secret"))
        assert subject.endpoint.host == "127.0.0.1:81"
