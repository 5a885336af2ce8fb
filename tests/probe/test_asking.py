"""An endpoint is asked with each history until it is known what it does with it."""

from __future__ import annotations

import signal
import threading
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_openai import ChatOpenAI

from tests.probe.servers import (
    Behaviour,
    Echoing,
    Faltering,
    KeepsFirstResultOnly,
    LosesLateResults,
    NoTools,
    OpenAIRules,
    Recording,
    Refuses,
    Reply,
    Request,
    Router,
    Says,
    Takes,
    Template,
    accepted,
    refused,
    served,
    slow,
)
from toolpair_observe.errors import ProbeError
from toolpair_observe.probing.asking import INTERRUPTED, Asked, Asker, ask
from toolpair_observe.probing.measurement import Answer, Verdict
from toolpair_observe.probing.options import Options
from toolpair_observe.probing.pauses import LONGEST, Pauses
from toolpair_observe.probing.requests import Probe
from toolpair_observe.probing.subject import Subject, subject_of

KEY = "the-users-own-key"
ONE = Probe("sound/one", "H A(x) T(x)")
TWO = Probe("sound/two", "H A(x,y) T(x) T(y)")
PLAIN = Probe("sound/plain", "H A H")
UNANSWERED = Probe("missing/all_human", "H A(x) H")
LATE = Probe("misplaced/human", "H A(x) H T(x)")
ORPHAN = Probe("orphan/human", "H T(z)")
SOME = (ONE, TWO, PLAIN, UNANSWERED, LATE, ORPHAN)


def subject_at(url: str, **arguments: Any) -> Subject:
    return subject_of(ChatOpenAI(model="gpt-5", base_url=url, api_key=KEY, **arguments))


class Waits(Pauses):
    """Waits for nothing, and says for how long it would have."""

    def __init__(self, rate: float | None = None) -> None:
        self.waited: list[float] = []
        super().__init__(rate, self.waited.append)


def asked(behaviour: Behaviour, *probes: Probe, **options: Any) -> Asked:
    with served(behaviour) as url:
        return ask(subject_at(url), probes or SOME, Options(**options))


def answered(behaviour: Behaviour, probe: Probe, **options: Any) -> tuple[Answer, list[float]]:
    """The answer to one history, and the pauses that it took."""
    waits = Waits()
    with served(behaviour) as url:
        asker = Asker(subject_at(url), Options(**options), waits)
        return asker.ask(probe), waits.waited


def verdicts(result: Asked) -> dict[str, Verdict]:
    return {each.probe: each.verdict for each in result.answers}


class AfterTheControl:
    """Takes the first history and then does something else."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self.number = 0

    def __call__(self, request: Request, number: int) -> Reply:
        roles = [each["role"] for each in request.messages]
        if roles == ["user", "assistant", "tool"] and number < 2:
            return accepted(request)
        self.number += 1
        return self._behaviour(request, self.number - 1)


class TestOfAnswers:
    def test_openais_rules_are_found(self):
        result = asked(OpenAIRules())
        assert verdicts(result) == {
            "sound/one": Verdict.ACCEPT,
            "sound/two": Verdict.ACCEPT,
            "sound/plain": Verdict.ACCEPT,
            "missing/all_human": Verdict.REJECT,
            "misplaced/human": Verdict.REJECT,
            "orphan/human": Verdict.REJECT,
        }
        assert {each.times for each in result.answers} == {2}
        assert result.requests == 12
        assert result.input_tokens
        assert not result.interrupted

    def test_the_words_of_a_refusal_are_kept_without_ids(self):
        answers = {each.probe: each for each in asked(OpenAIRules()).answers}
        assert answers["missing/all_human"].text.endswith("response messages: …")
        assert answers["sound/one"].text == ""
        assert answers["orphan/human"].history == ORPHAN.history

    def test_a_template_that_raises_with_a_500_refuses(self):
        result = verdicts(asked(Template(500)))
        assert result["orphan/human"] is Verdict.REJECT
        assert result["missing/all_human"] is Verdict.ACCEPT

    def test_the_control_comes_first_whatever_is_asked(self):
        server = Recording(Takes())
        result = asked(server, UNANSWERED)
        assert [each.probe for each in result.answers] == ["sound/one", "missing/all_human"]
        assert [each["role"] for each in server.requests[0].messages] == [
            "user",
            "assistant",
            "tool",
        ]

    def test_the_same_history_is_asked_once(self):
        server = Recording(Takes())
        with served(server) as url:
            asker = Asker(subject_at(url))
            assert asker.ask(TWO) is asker.ask(TWO)
        assert len(server.requests) == 4

    def test_progress_is_told(self):
        told: list[tuple[int, int]] = []
        with served(Takes()) as url:
            ask(subject_at(url), SOME, report=lambda *each: told.append(each))
        assert told == [(number, 6) for number in range(1, 7)]

    def test_a_server_that_repeats_everything_gives_no_secret(self):
        with served(Echoing()) as url:
            result = ask(subject_at(url), SOME)
        texts = [each.text for each in result.answers if each.text]
        assert len(texts) == 3
        assert set(texts) == {"Invalid messages: …"}

    def test_an_argument_that_is_refused_is_left_out_and_all_is_asked(self):
        server = Recording(Refuses("temperature", behaviour=OpenAIRules()))
        result = asked(server)
        assert verdicts(result)["missing/all_human"] is Verdict.REJECT
        assert [request.get("temperature") for request in server.requests][:2] == [0, None]
        assert len(server.requests) == 13

    def test_what_the_integration_raises_is_a_local_error_asked_once(self):
        class Strict(ChatOpenAI):
            def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
                if messages[-1].type == "tool" and messages[-2].type == "human":
                    msg = f"no call before the result of {messages[-1].tool_call_id}"
                    raise ValueError(msg)
                return super()._generate(messages, *args, **kwargs)

        with served(Takes()) as url:
            subject = subject_of(Strict(model="gpt-5", base_url=url, api_key=KEY))
            answer = Asker(subject).ask(ORPHAN)
        assert answer.verdict is Verdict.LOCAL_ERROR
        assert answer.text == "no call before the result of …"
        assert answer.times == 1


class TestOfLosses:
    def test_a_result_that_does_not_reach_the_prompt_is_lost(self):
        result = asked(LosesLateResults())
        assert verdicts(result) == {
            "sound/one": Verdict.ACCEPT,
            "sound/two": Verdict.ACCEPT,
            "sound/plain": Verdict.ACCEPT,
            "missing/all_human": Verdict.ACCEPT,
            "misplaced/human": Verdict.SILENT_LOSS,
            "orphan/human": Verdict.SILENT_LOSS,
        }
        assert result.sees_losses

    def test_one_lost_result_of_several_is_found(self):
        result = verdicts(asked(KeepsFirstResultOnly()))
        assert result["sound/one"] is Verdict.ACCEPT
        assert result["sound/two"] is Verdict.SILENT_LOSS

    def test_cached_tokens_do_not_hide_or_feign_a_loss(self):
        result = asked(LosesLateResults(cached=1000))
        assert verdicts(result)["misplaced/human"] is Verdict.SILENT_LOSS
        assert verdicts(result)["sound/two"] is Verdict.ACCEPT

    def test_a_count_without_cached_tokens_feigns_no_loss(self):
        result = asked(CountsWhatIsNew())
        assert set(verdicts(result).values()) == {Verdict.ACCEPT}

    def test_a_count_that_is_always_the_same_feigns_no_loss(self):
        result = asked(counting(lambda _: 7))
        assert set(verdicts(result).values()) == {Verdict.ACCEPT}
        assert not result.sees_losses

    def test_without_a_count_no_loss_is_looked_for_and_that_is_said(self):
        result = asked(LosesLateResults(counts=False))
        assert set(verdicts(result).values()) == {Verdict.ACCEPT}
        assert not result.sees_losses
        assert result.input_tokens is None

    def test_where_counting_ends_no_loss_of_before_is_believed_either(self):
        loses = LosesLateResults()

        def tires(request: Request, number: int) -> Reply:
            reply = loses(request, number)
            return _with_tokens(reply, 0) if "z" in _ids_in(request) else reply

        result = asked(tires)
        assert verdicts(result)["misplaced/human"] is Verdict.ACCEPT
        assert not result.sees_losses

    def test_a_server_that_loses_every_result_is_found(self):
        def lost(request: Request, _: int) -> Reply:
            return accepted(request, [each for each in request.messages if each["role"] != "tool"])

        result = verdicts(asked(lost))
        assert result["sound/one"] is Verdict.SILENT_LOSS
        assert result["sound/plain"] is Verdict.ACCEPT


def _ids_in(request: Request) -> str:
    return "".join(str(each.get("tool_call_id", ""))[:1] for each in request.messages)


class CountsWhatIsNew:
    """Counts the words behind what an earlier prompt began with, as some caches do."""

    def __init__(self) -> None:
        self._seen: list[list[str]] = []

    def __call__(self, request: Request, _: int) -> Reply:
        words = str(request.messages).split()
        known = max((_common(words, each) for each in self._seen), default=0)
        self._seen.append(words)
        return _with_tokens(accepted(request), max(1, len(words) - known))


def _common(words: list[str], others: list[str]) -> int:
    pairs = zip(words, others, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(words), len(others)))


def counting(count: Any) -> Behaviour:
    return lambda request, _: _with_tokens(accepted(request), count(request))


def _with_tokens(reply: Reply, tokens: int) -> Reply:
    reply.body["usage"]["prompt_tokens"] = tokens  # type: ignore[index]
    return reply


class TestOfUnstableEndpoints:
    def test_answers_that_differ_are_unstable(self):
        result = asked(Router(OpenAIRules(), Takes()))
        found = verdicts(result)
        assert found["sound/one"] is Verdict.ACCEPT
        assert {found[each.name] for each in (UNANSWERED, LATE, ORPHAN)} == {Verdict.UNSTABLE}

    def test_those_asked_before_are_asked_again_once_one_was_unstable(self):
        def first_refusing(request: Request, number: int) -> Reply:
            return refused("no") if number < 3 else accepted(request)

        with served(AfterTheControl(first_refusing)) as url:
            asker = Asker(subject_at(url))
            assert asker.ask(UNANSWERED).verdict is Verdict.REJECT
            assert asker.ask(LATE).verdict is Verdict.UNSTABLE
            (changed,) = asker.settle()
            control = asker.ask(ONE)
        assert (changed.probe, changed.verdict) == (UNANSWERED.name, Verdict.UNSTABLE)
        assert (control.verdict, control.times) == (Verdict.ACCEPT, 6)

    def test_a_stable_endpoint_is_asked_nothing_more(self):
        server = Recording(OpenAIRules())
        with served(server) as url:
            asker = Asker(subject_at(url))
            asker.ask(TWO)
            assert asker.settle() == ()
        assert len(server.requests) == 4

    def test_a_loss_that_comes_and_goes_is_unstable(self):
        losing, keeping = LosesLateResults(), Takes()
        turn = AfterTheControl(lambda request, n: (losing if n in (0, 1) else keeping)(request, n))
        answer, _ = answered(turn, LATE)
        assert answer.verdict is Verdict.UNSTABLE


class TestOfEndpointsThatCanNotBeAsked:
    @pytest.mark.parametrize(
        ("behaviour", "words"),
        [
            (NoTools(), "it takes no tools, or not as they are sent: This model does not support"),
            (Says(refused("no such key", 401)), "can't be asked: HTTP 401: no such key"),
            (Says(refused("no such model", 404)), "can't be asked: HTTP 404: no such model"),
            (Says(Reply(307, headers={"Location": "/x"})), "sends the request elsewhere"),
        ],
    )
    def test_it_is_said_in_one_line(self, behaviour, words):
        server = Recording(behaviour)
        with pytest.raises(ProbeError, match=words) as caught:
            asked(server)
        assert "\n" not in str(caught.value)
        assert len(server.requests) <= 2

    def test_a_key_in_the_words_is_not_said(self):
        with pytest.raises(ProbeError) as caught:
            asked(Says(refused(f"Incorrect API key provided: {KEY}", 401)))
        assert KEY not in str(caught.value)

    def test_a_control_that_is_never_answered_is_said(self):
        with pytest.raises(ProbeError, match=r"did not answer .*: HTTP 503: down"):
            answered(Says(refused("down", 503)), UNANSWERED)

    def test_it_is_said_in_the_midst_too(self):
        with pytest.raises(ProbeError, match="HTTP 402: no money"):
            answered(AfterTheControl(Says(refused("no money", 402))), UNANSWERED)


class TestOfRepeats:
    def test_a_busy_endpoint_is_asked_again(self):
        result = asked(Faltering(OpenAIRules()))
        assert verdicts(result) == verdicts(asked(OpenAIRules()))
        assert result.requests > 12

    def test_retry_after_is_kept_to_within_bounds(self):
        busy = Says(Reply(429, {}, {"Retry-After": "7"}))
        answer, waited = answered(AfterTheControl(busy), UNANSWERED)
        assert answer.verdict is Verdict.UNTOLD
        assert waited == [7.0, 7.0, 7.0]
        _, waited = answered(
            AfterTheControl(Says(Reply(503, {}, {"Retry-After": "86400"}))), UNANSWERED
        )
        assert waited == [LONGEST] * 3

    def test_without_retry_after_the_pauses_grow(self):
        answer, waited = answered(AfterTheControl(Says(refused("down", 500))), UNANSWERED)
        assert answer.verdict is Verdict.UNTOLD
        assert answer.text == "HTTP 500: down"
        assert len(waited) == 3
        for pause, seconds in zip(waited, (2, 4, 8), strict=True):
            assert seconds / 2 <= pause <= seconds * 1.5

    def test_no_pause_is_longer_than_the_time_that_is_left(self):
        busy = Says(Reply(429, {}, {"Retry-After": "50"}))
        _, waited = answered(AfterTheControl(busy), UNANSWERED, deadline=20)
        assert max(waited) <= 20

    def test_three_untold_in_a_row_end_it_and_what_was_learned_is_kept(self):
        with served(AfterTheControl(Says(refused("down", 500)))) as url:
            asker = Asker(subject_at(url), Options(), Waits())
            told = [asker.ask(each) for each in SOME]
        assert [each.verdict for each in told[:2]] == [Verdict.ACCEPT, Verdict.UNTOLD]
        result = asker.asked()
        assert result.interrupted
        assert result.why == "the endpoint no longer answers: HTTP 500: down"
        assert len(result.answers) == 4
        assert result.requests == 2 + 3 * 4

    def test_the_rate_is_kept(self):
        waits = Waits(rate=6)
        with served(Takes()) as url:
            Asker(subject_at(url), Options(rate=6), waits).ask(TWO)
        assert len(waits.waited) == 3
        assert 0 < waits.waited[0] <= 10


class TestOfTheEnd:
    def test_a_request_that_drips_is_given_up(self):
        with served(AfterTheControl(slow())) as url:
            asker = Asker(subject_at(url), Options(timeout=0.3), Waits())
            answer = asker.ask(UNANSWERED)
        assert answer.verdict is Verdict.UNTOLD

    def test_no_request_leaves_when_the_time_is_over(self):
        server = Recording(Takes())
        with served(server) as url:
            result = ask(subject_at(url), SOME, Options(deadline=1e-9))
        assert not server.requests
        assert result.interrupted
        assert "is over" in result.why

    def test_ctrl_c_in_a_request_keeps_what_was_learned(self):
        def interrupting(_: Request, __: int) -> Reply:
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGINT)
            return Reply(500)

        with served(AfterTheControl(interrupting)) as url:
            result = ask(subject_at(url), SOME)
        assert verdicts(result) == {"sound/one": Verdict.ACCEPT}
        assert result.why == INTERRUPTED

    def test_ctrl_c_in_a_pause_keeps_what_was_learned(self):
        def interrupt(_: float) -> None:
            raise KeyboardInterrupt

        with served(AfterTheControl(Says(Reply(503)))) as url:
            asker = Asker(subject_at(url), Options(), Pauses(None, interrupt))
            assert asker.ask(UNANSWERED).verdict is Verdict.UNTOLD
        assert verdicts(asker.asked()) == {"sound/one": Verdict.ACCEPT}
        assert asker.why == INTERRUPTED

    def test_ctrl_c_between_requests_keeps_what_was_learned(self):
        def report(done: int, _: int) -> None:
            if done == 2:
                raise KeyboardInterrupt

        with served(Takes()) as url:
            result = ask(subject_at(url), SOME, report=report)
        assert list(verdicts(result)) == ["sound/one", "sound/two"]
        assert result.interrupted


class TestOfOptions:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"repeat": 0}, "repeat is 0; expected a number from 1 to 20"),
            ({"rate": 0}, "rate is 0; expected a number above 0"),
            ({"timeout": float("nan")}, "timeout is nan; expected a number above 0"),
            ({"deadline": "soon"}, "deadline is 'soon'; expected a number above 0"),
        ],
    )
    def test_a_number_that_can_not_be_is_refused(self, options, words):
        with pytest.raises(ProbeError, match=words):
            Options(**options)


def test_a_model_whose_client_is_unknown_can_be_asked():
    class Own(FakeListChatModel):
        def bind_tools(self, tools: Any, **_: Any) -> Any:
            return self.bind(tools=tools)

        def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
            if messages[-1].type == "tool" and messages[-2].type == "human":
                error = RuntimeError("no call before")
                error.status_code = 400  # type: ignore[attr-defined]
                raise error
            return ChatResult(generations=[ChatGeneration(message=AIMessage("Clear."))])

    asker = Asker(subject_of(Own(responses=["x"])))
    assert asker.ask(UNANSWERED).verdict is Verdict.ACCEPT
    assert asker.ask(ORPHAN) == Answer(
        ORPHAN.name, ORPHAN.history, Verdict.REJECT, "no call before", 2
    )
    assert asker.requests == 6
