"""The prediction for OpenAI Chat agrees with a judge of what the real client would send."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from tests.amounts import examples
from tests.oracle.histories import broken_histories, sound_histories
from tests.oracle.wire import Judgment, Verdict, judge
from toolpair_observe import Effect, PairingReport, ViolationKind, check_messages

FAILS = {Effect.REJECT, Effect.LOCAL_ERROR}
CLIENT = ChatOpenAI(model="gpt-test", api_key="test")
thorough = settings(
    max_examples=examples(600),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def judged(history) -> Judgment | None:
    """Judge what the client would send; None where it raises before sending anything."""
    try:
        payload = CLIENT._get_request_payload(history)
    except (TypeError, ValueError, KeyError):
        return None
    return judge(payload["messages"])


def said(report: PairingReport) -> str:
    return f"{report.effect}: {[(v.kind.value, v.effect.value) for v in report.violations]}"


@thorough
@given(history=sound_histories())
def test_a_sound_history_is_clean(history):
    judgment = judged(history)
    assert judgment is not None
    assert judgment.verdict is Verdict.SOUND
    report = check_messages(history, profile="openai-chat")
    assert report.effect is Effect.CLEAN, said(report)
    assert report.ok


@thorough
@given(history=broken_histories())
def test_it_predicts_a_refusal_exactly_where_the_judge_refuses_and_for_its_reasons(history):
    judgment = judged(history)
    report = check_messages(history, profile="openai-chat")
    if judgment is None:
        # The client cannot convert a message at all (a RemoveMessage): not a matter of pairing.
        return
    if judgment.verdict is Verdict.REJECT:
        assert report.effect is Effect.REJECT, said(report)
        assert_reasons_agree(judgment, report, _stripped_ids(history))
    else:
        assert report.effect not in FAILS, said(report)
        if judgment.verdict is Verdict.SOUND:
            assert not report.effect.is_near_miss, said(report)


def assert_reasons_agree(judgment: Judgment, report: PairingReport, stripped: set[str]) -> None:
    """Compare the names, except for ids of calls that the client strips from the content.

    Whoever reads the messages sees such a call and calls its result late or doubled; on the wire
    the result is an orphan. Both are fair.
    """
    kinds = {violation.kind.value for violation in report.violations}
    for reason in judgment.reasons:
        if reason.id not in stripped:
            assert kinds & reason.kinds, f"{reason} is not among {said(report)}"
    fair = {kind for reason in judgment.reasons + judgment.doubts for kind in reason.kinds}
    refused = {
        violation.kind.value
        for violation in report.violations
        if violation.effect is Effect.REJECT and violation.tool_call_id not in stripped
    }
    assert refused <= fair, f"{refused - fair} are not among {judgment}"


def _stripped_ids(history) -> set[str]:
    return {
        block.get("id") or block.get("call_id")
        for message in history
        if isinstance(message, AIMessage) and isinstance(message.content, list)
        for block in message.content
        if isinstance(block, dict)
    } - {call["id"] for message in history for call in getattr(message, "tool_calls", ())}


@settings(thorough, max_examples=examples(200))
@given(history=broken_histories())
def test_azure_is_judged_like_openai(history):
    ours = check_messages(history, profile="openai-chat")
    azure = check_messages(history, profile="azure-openai-chat")
    assert said(azure) == said(ours)


@settings(thorough, max_examples=examples(200))
@given(history=broken_histories())
def test_positions_and_ids_point_into_the_history(history):
    report = check_messages(history, profile="openai-chat")
    assert report.message_count == len(history)
    for violation in report.violations:
        assert 0 <= violation.message_index < len(history)
        if violation.call_message_index is not None:
            assert isinstance(history[violation.call_message_index], AIMessage)
        elif violation.kind is ViolationKind.ORPHAN_RESULT:
            assert not isinstance(history[violation.message_index], AIMessage)


@given(kept=st.integers(0, 3), together=st.booleans())
def test_the_judge_itself_refuses_what_the_documented_texts_refuse(kept, together):
    """Four results or fewer, at once or after a remark: the judge's own negative control."""
    ids = ["a", "b", "c", "d"]
    calls = [{"name": "f", "args": {}, "id": id_} for id_ in ids]
    results = [ToolMessage("11", tool_call_id=id_) for id_ in ids[: kept + 1]]
    history = [HumanMessage("Hi."), AIMessage("", tool_calls=calls)]
    history += results if together else [*results[:-1], HumanMessage("Hurry."), results[-1]]
    judgment = judged(history)
    complete = kept == 3 and together
    assert judgment is not None
    assert judgment.verdict is (Verdict.SOUND if complete else Verdict.REJECT)
