"""Uses of every public signature, read by mypy and pyright and never run.

What has to be refused bears `# type: ignore[code]`. Both checkers report one that is not needed, so
a signature that became laxer fails like one that became stricter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Unpack, assert_type
from uuid import UUID

from langchain.agents import create_agent
from langchain.agents.middleware import ModelRequest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langsmith import Client
from opentelemetry._logs import LoggerProvider
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from toolpair_observe import (
    Accuracy,
    AccuracyRow,
    Blame,
    BlameChange,
    BlameMode,
    BlockableEffect,
    BrokenStep,
    CallFate,
    Cause,
    Change,
    ChatTemplateError,
    CheckFailedError,
    Diagnosis,
    Effect,
    Fate,
    Finding,
    FoundResult,
    GuardedModel,
    HandlerOptions,
    InvalidToolResultsError,
    MadeUpResult,
    MaskedEvidence,
    MaskedKind,
    MaskedResult,
    MeasuredProfileError,
    MendError,
    MendPlan,
    MissingExtraError,
    Mode,
    Observation,
    ObservationHook,
    OnInternalError,
    Options,
    Outcome,
    PairingReport,
    ProbeError,
    ProbePlan,
    ProbeResult,
    Profile,
    Question,
    Repair,
    RepairAction,
    RequestMode,
    RequestSelection,
    Settings,
    SettingsError,
    TaskError,
    ThinkingPolicy,
    ThreadDiagnosis,
    ThreadStoreError,
    ThreadVerdict,
    ToolPairError,
    ToolPairHandler,
    Violation,
    ViolationKind,
    __version__,
    adiagnose_threads,
    amend_thread,
    check_messages,
    diagnose_threads,
    doctor,
    guard,
    instrument,
    mend_thread,
    probe,
    profile_from_chat_template,
    repair_messages,
    uninstrument,
)
from toolpair_observe.middleware import RepairMode, ToolPairMiddleware
from toolpair_observe.testing import Found, Requests, Watch

VERSION: str = __version__


# Chat input


def check(
    messages: list[BaseMessage],
    dicts: list[dict[str, Any]],
    prompt: PromptValue,
    profile: Profile,
) -> None:
    """Everything that LangChain accepts as chat input can be checked and repaired."""
    assert_type(check_messages(messages), PairingReport)
    check_messages(dicts, "openai-chat")
    check_messages([("human", "Hello.")], profile=profile)
    check_messages(prompt, profile=None)
    check_messages("Hello.")
    check_messages(
        messages,
        tools_bound=False,
        server_state=True,
        resumes_response=True,
        integration_version="1.0",
        model="gpt-4o",
    )
    check_messages(messages, tools_bound=None, server_state=None, resumes_response=None)
    check_messages(7)  # type: ignore[arg-type]
    check_messages(messages, 7)  # type: ignore[arg-type]
    check_messages(messages, tools_bound="no")  # type: ignore[arg-type]
    check_messages(messages, None, True)  # type: ignore[call-arg]
    check_messages(messages, facts=None)  # type: ignore[call-arg]


def mend(messages: list[BaseMessage], dicts: list[dict[str, Any]], profile: Profile) -> None:
    """The repair takes what the check takes."""
    assert_type(repair_messages(messages), Repair)
    repair_messages(dicts, "openai-chat", pending={"call_1"}, drop_unpaired=True)
    repair_messages(
        messages,
        profile,
        tools_bound=False,
        server_state=True,
        resumes_response=True,
        integration_version="1.0",
        model="gpt-4o",
    )
    policy: ThinkingPolicy = "keep"
    repair_messages(messages, sync_encodings=True, thinking=policy)
    repair_messages(messages, thinking="strip")
    repair_messages(messages, thinking="drop")  # type: ignore[arg-type]
    repair_messages(messages, pending=[7])  # type: ignore[list-item]
    repair_messages(messages, tools_bound="no")  # type: ignore[arg-type]
    repair_messages(messages, facts=None)  # type: ignore[call-arg]


def judge_by_a_model(messages: list[BaseMessage], model: BaseChatModel) -> None:
    """A chat model, also wrapped, goes wherever a profile does."""
    check_messages(messages, model)
    check_messages(messages, profile=model.bind_tools([]), tools_bound=False)
    check_messages(messages, profile=model.with_retry())
    check_messages(messages, profile=model.with_fallbacks([model]))
    check_messages(messages, profile=guard(model))
    repair_messages(messages, model)
    ToolPairHandler(profile=model)
    instrument(profile=model.bind_tools([]))
    check_messages(messages, type(model))  # type: ignore[arg-type]


def take_template(path: Path, messages: list[BaseMessage]) -> None:
    """A chat template becomes a profile, which goes wherever one does."""
    profile = profile_from_chat_template(path)
    assert_type(profile, Profile)
    profile_from_chat_template("{{ messages }}", name="ours", variables={"enable_thinking": False})
    profile_from_chat_template(path, name=None, variables=None)
    check_messages(messages, profile)
    ToolPairHandler(profile=profile)
    profile_from_chat_template(b"{{ messages }}")  # type: ignore[arg-type]
    profile_from_chat_template(path, "ours")  # type: ignore[call-arg]
    profile_from_chat_template(path, variables=["a"])  # type: ignore[arg-type]
    try:
        profile_from_chat_template(path)
    except ChatTemplateError as error:
        assert_type(error, ChatTemplateError)


def measure(model: BaseChatModel, path: Path, messages: list[BaseMessage]) -> None:
    """A plan is sent, and its result is kept and judges like any profile."""
    plan = probe(model)
    assert_type(plan, ProbePlan)
    probe(model.bind_tools([]), only="missing/*", repeat=3, rate=20, timeout=30.0)
    probe(model.with_retry(), only=None, rate=None)
    probe("openai:gpt-5")  # type: ignore[arg-type]
    probe(model, "missing/*")  # type: ignore[call-arg]
    probe(model, repeat="3")  # type: ignore[arg-type]
    assert_type(plan.host, str)
    assert_type(plan.model, str)
    assert_type(plan.probes, tuple[str, ...])
    assert_type(plan.requests, int)
    assert_type(plan.input_tokens, int)
    assert_type(plan.to_dict(), dict[str, Any])

    def report(done: int, total: int) -> None:
        assert_type(done, int)
        assert_type(total, int)

    result = plan.send(report)
    assert_type(result, ProbeResult)
    plan.send()
    plan.send(print)
    assert_type(result.is_complete, bool)
    assert_type(result.is_interrupted, bool)
    assert_type(result.requests, int)
    assert_type(result.input_tokens, int | None)
    assert_type(result.profile, Profile)
    assert_type(result.explain(), str)
    assert_type(result.to_toml(), str)
    assert_type(result.to_dict(), dict[str, Any])
    result.write(path)
    check_messages(messages, result.profile)
    ToolPairHandler(profile=result.profile)
    result.is_complete = True  # type: ignore[misc]
    try:
        plan.send().write("toolpair-profile.toml")
    except ProbeError as error:
        assert_type(error, ProbeError)
    except MeasuredProfileError as error:
        assert_type(error, MeasuredProfileError)


def read_repair(repair: Repair, change: Change) -> None:
    """A repair and its changes can be read, not written."""
    assert_type(repair.messages, list[BaseMessage])
    assert_type(repair.changes, tuple[Change, ...])
    assert_type(repair.before, PairingReport)
    assert_type(repair.after, PairingReport)
    assert_type(repair.changed, bool)
    assert_type(repair.breaks_thinking, bool)
    assert_type(repair.broken_thinking, tuple[int, ...])
    assert_type(repair.summary(), str)
    assert_type(change.action, RepairAction)
    assert_type(change.tool_call_id, str)
    assert_type(change.tool_name, str | None)
    assert_type(change.message_index, int)
    assert_type(change.new_index, int | None)
    assert_type(change.place, str | None)
    assert_type(change.breaks_thinking, bool)
    repair.changes = ()  # type: ignore[misc]
    change.message_index = 0  # type: ignore[misc]


def read_report(report: PairingReport, violation: Violation) -> None:
    """A report and its violations can be read, not written."""
    assert_type(report.ok, bool)
    assert_type(report.profile, str)
    assert_type(report.effect, Effect)
    assert_type(report.violations, tuple[Violation, ...])
    assert_type(report.more_violations, int)
    assert_type(report.violation_count, int)
    assert_type(report.message_count, int)
    assert_type(report.call_count, int)
    assert_type(report.result_count, int)
    assert_type(report.summary(), str)
    assert_type(report.explain(), str)
    assert_type(str(report), str)
    assert_type(report.to_dict(), dict[str, Any])
    report.raise_for_violations()
    assert_type(violation.kind, ViolationKind)
    assert_type(violation.effect, Effect)
    assert_type(violation.cause, Cause)
    assert_type(violation.message_index, int)
    assert_type(violation.call_message_index, int | None)
    assert_type(violation.tool_call_id, str)
    assert_type(violation.tool_name, str | None)
    assert_type(violation.expected_error, str)
    assert_type(violation.lost, str)
    assert_type(violation.hint, str)
    assert_type(violation.call_id, str)
    assert_type(Effect.worst(report.effect, violation.effect), Effect)
    assert_type(report.effect.is_near_miss, bool)
    text: str = violation.kind  # a member is its value
    report.effect = Effect.CLEAN  # type: ignore[misc]
    violation.hint = text  # type: ignore[misc]


# Stored threads


async def find_threads(saver: BaseCheckpointSaver[Any], profile: Profile) -> None:
    """Threads are diagnosed one after the other, from any checkpointer."""
    for found in diagnose_threads(saver, profile="anthropic", thread_ids=["1"], idle=60):
        read_diagnosis(found)
    async for found in adiagnose_threads(saver, profile=profile, channel="messages"):
        read_diagnosis(found)
    diagnose_threads("sqlite:///app.db")  # type: ignore[arg-type]
    diagnose_threads(saver, "anthropic")  # type: ignore[call-arg]
    try:
        next(diagnose_threads(saver))
    except ThreadStoreError as error:
        assert_type(error, ThreadStoreError)


def read_diagnosis(found: ThreadDiagnosis) -> None:
    """A diagnosis and its parts can be read, not written."""
    assert_type(found.explain(), str)
    assert_type(found.thread_id, str)
    assert_type(found.namespace, str)
    assert_type(found.channel, str | None)
    assert_type(found.verdict, ThreadVerdict)
    assert_type(found.verdict.is_finding, bool)
    assert_type(found.on_new, PairingReport | None)
    assert_type(found.on_resume, PairingReport | None)
    assert_type(found.next, tuple[str, ...])
    assert_type(found.questions, tuple[Question, ...])
    assert_type(found.errors, tuple[TaskError, ...])
    assert_type(found.age, float | None)
    assert_type(found.recoverable, tuple[FoundResult, ...])
    assert_type(found.broken_by, BrokenStep | None)
    assert_type(found.checkpoint_id, str)
    assert_type(found.profile, str)
    assert_type(found.reason, str)
    assert_type(found.mended, bool)
    assert_type(found.to_dict(), dict[str, Any])
    assert_type(found.questions[0].id, str)
    assert_type(found.errors[0].is_pairing, bool)
    assert_type(found.recoverable[0].tool_call_id, str)
    assert_type(found.recoverable[0].is_ambiguous, bool)
    if found.broken_by is not None:
        assert_type(found.broken_by.step, int | None)
        assert_type(found.broken_by.nodes, tuple[str, ...])
    found.verdict = ThreadVerdict.SOUND  # type: ignore[misc]


async def mend_stored(graph: Any, config: RunnableConfig) -> None:
    """A mend is planned, and carried out where that is asked for."""
    plan = mend_thread(graph, config, profile="anthropic", idle=60, drop_questions=True)
    assert_type(plan.explain(), str)
    assert_type(plan, MendPlan)
    assert_type(await amend_thread(graph, config, apply=True), MendPlan)
    mend_thread(graph, config, True)  # type: ignore[call-arg]
    assert_type(plan.verdict, ThreadVerdict)
    assert_type(plan.checkpoint_id, str)
    assert_type(plan.before, PairingReport | None)
    assert_type(plan.after, PairingReport | None)
    assert_type(plan.found, tuple[FoundResult, ...])
    assert_type(plan.made_up, tuple[MadeUpResult, ...])
    assert_type(plan.made_up[0].tool_call_id, str)
    assert_type(plan.restored_calls, tuple[str, ...])
    assert_type(plan.next_before, tuple[str, ...])
    assert_type(plan.next_after, tuple[str, ...])
    assert_type(plan.as_node, str | None)
    assert_type(plan.refused, str)
    assert_type(plan.new_checkpoint_id, str)
    assert_type(plan.is_needed, bool)
    assert_type(plan.can_be_applied, bool)
    assert_type(plan.to_dict(), dict[str, Any])
    try:
        plan.apply()
        plan.rollback()
        await plan.aapply()
        await plan.arollback()
    except MendError as error:
        assert_type(error, MendError)


# Ways to attach


def diagnose(model: BaseChatModel, handler: ToolPairHandler) -> None:
    """The doctor takes a model, its name or neither, and says what it found in lines."""
    assert_type(doctor(), Diagnosis)
    doctor("openai:gpt-5", handler=handler, online=True)
    doctor(model)
    doctor(model.bind_tools([]))
    doctor(5)  # type: ignore[arg-type]
    doctor(model, handler)  # type: ignore[call-arg]
    found = doctor(guard(model))
    assert_type(found.ok, bool)
    assert_type(found.findings, tuple[Finding, ...])
    assert_type(found.to_dict(), dict[str, Any])
    finding = found.findings[0]
    assert_type(finding.area, str)
    assert_type(finding.status, Literal["ok", "note", "problem"])
    assert_type(finding.text, str)
    assert_type(finding.fix, str)


def tell(observation: Observation) -> None:
    """Receive a near miss."""
    assert_type(observation.run_id, UUID)
    assert_type(observation.report, PairingReport)
    assert_type(observation.provider, str)
    assert_type(observation.model, str)
    assert_type(observation.poisoned_thread_id, str | None)
    assert_type(observation.blame, Blame | None)
    assert_type(observation.is_fresh, bool | None)
    assert_type(observation.langsmith_url, str | None)
    assert_type(observation.trace_id, str | None)
    assert_type(observation.span_id, str | None)
    if (blame := observation.blame) is not None:
        read_blame(blame)
    assert_type(observation.conversation_id, str | None)
    assert_type(observation.start_ns, int)
    assert_type(observation.check_ns, int)
    assert_type(observation.identified, bool)
    assert_type(observation.blocked, bool)
    assert_type(observation.outcome, Outcome | None)
    assert_type(observation.escape_fault, str | None)
    assert_type(observation.rejected_companion, str | None)
    assert_type(observation.is_near_miss, bool)


async def tell_later(observation: Observation) -> None:
    """Receive a near miss, in the loop of the request."""
    tell(observation)


def read_blame(blame: Blame) -> None:
    """Read what broke a history, and what became of its calls."""
    assert_type(blame.step, str | None)
    assert_type(blame.change, BlameChange | None)
    assert_type(blame.removed, tuple[int, ...])
    assert_type(blame.inserted, tuple[int, ...])
    assert_type(blame.fates, tuple[CallFate, ...])
    assert_type(blame.since_run_id, UUID | None)
    assert_type(blame.requests_ago, int)
    assert_type(blame.last_sound_run_id, UUID | None)
    assert_type(blame.began_elsewhere, bool)
    for each in blame.fates:
        assert_type(each.tool_call_id, str)
        assert_type(each.tool_name, str | None)
        assert_type(each.fate, Fate)
        assert_type(each.error_type, str | None)


def read_masked(masked: MaskedResult) -> None:
    """Read a result that somebody made up."""
    assert_type(masked.message_index, int)
    assert_type(masked.call_message_index, int | None)
    assert_type(masked.tool_call_id, str)
    assert_type(masked.tool_name, str | None)
    assert_type(masked.kind, MaskedKind)
    assert_type(masked.by, str)
    assert_type(masked.evidence, MaskedEvidence)
    assert_type(masked.fresh, bool)
    assert_type(masked.step, str | None)


def choose_blame(mode: BlameMode) -> ToolPairHandler:
    """Say what a near miss is compared with."""
    return ToolPairHandler(blame=mode)


def tell_nothing() -> None:
    """Take no observation."""


async def tell_all(hooks: Sequence[ObservationHook], observation: Observation) -> None:
    """Call every hook, plain or a coroutine function."""
    for hook in hooks:
        result = hook(observation)
        if result is not None:
            await result


def make_handler(
    spans: TracerProvider,
    metrics: MeterProvider,
    events: LoggerProvider,
    client: Client,
    profile: Profile,
) -> None:
    """Every option of a handler, right and wrong."""
    handler = ToolPairHandler()
    assert_type(handler.settings, Settings)
    assert_type(handler.accuracy(), Accuracy)
    assert_type(handler.flush(1.0), bool)
    assert_type(handler.close(timeout=1.0), bool)
    callback: BaseCallbackHandler = handler
    config: RunnableConfig = {"callbacks": [callback]}
    ToolPairHandler("strict")
    ToolPairHandler(
        mode="observe",
        tracer_provider=spans,
        meter_provider=metrics,
        logger_provider=events,
        langsmith_client=client,
        on_near_miss=tell,
        on_masked=tell,
        strict_environments={"staging"},
        block_on={"reject", "local_error", "silent_loss"},
        block_unidentified=False,
        on_internal_error="block",
        profile=profile,
        feedback="all",
        spans="off",
        evaluation_events=True,
        hash_ids=True,
        docs_url="https://wiki.example/violations/",
        max_label_values=10,
        max_runs=10,
        run_timeout=1.0,
    )
    ToolPairHandler(on_near_miss=tell_later, profile="openai-chat", strict_environments="ci,qa")
    ToolPairHandler(block_on="unknown")
    ToolPairHandler(block_on=(Effect.REJECT, "local_error"))
    ToolPairHandler(block_on=handler.settings.block_on, mode=None, profile=None)
    ToolPairHandler("strct")  # type: ignore[arg-type]
    ToolPairHandler(mode="strct")  # type: ignore[arg-type]
    ToolPairHandler(block_on={"rejekt"})  # type: ignore[arg-type]
    ToolPairHandler(block_on="rejekt")  # type: ignore[arg-type]
    ToolPairHandler(block_on={"clean"})  # type: ignore[arg-type]
    ToolPairHandler(on_internal_error="raise")  # type: ignore[arg-type]
    ToolPairHandler(feedback="some")  # type: ignore[arg-type]
    ToolPairHandler(spans=True)  # type: ignore[arg-type]
    ToolPairHandler(profile=7)  # type: ignore[arg-type]
    ToolPairHandler(hash_ids="yes")  # type: ignore[arg-type]
    ToolPairHandler(max_runs="many")  # type: ignore[arg-type]
    ToolPairHandler(run_timeout="soon")  # type: ignore[arg-type]
    ToolPairHandler(tracer_provider=metrics)  # type: ignore[arg-type]
    ToolPairHandler(on_near_miss=tell_nothing)  # type: ignore[arg-type]
    ToolPairHandler(on_masked=tell_later)
    ToolPairHandler(on_masked=tell_nothing)  # type: ignore[arg-type]
    ToolPairHandler(blok_on={"reject"})  # type: ignore[call-arg]
    handler.settings.mode = "off"  # type: ignore[misc]
    del config


def attach_to_the_process(handler: ToolPairHandler, metrics: MeterProvider) -> None:
    """`instrument` takes a handler, or the options of one."""
    assert_type(instrument(), ToolPairHandler)
    instrument(handler)
    instrument(
        mode="strict",
        block_on={"reject"},
        meter_provider=metrics,
        on_near_miss=tell,
        on_masked=tell,
    )
    instrument(mode="strct")  # type: ignore[arg-type]
    instrument(block_on={"rejekt"})  # type: ignore[arg-type]
    instrument(blok_on={"reject"})  # type: ignore[call-arg]
    instrument("strict")  # type: ignore[arg-type]
    uninstrument()
    uninstrument(timeout=1.0)


async def attach_to_a_model(
    model: BaseChatModel, handler: ToolPairHandler, config: RunnableConfig
) -> None:
    """`guard` takes a model with a handler, or with the options of one."""
    guarded = guard(model)
    assert_type(guarded, GuardedModel)
    assert_type(guarded.handler, ToolPairHandler)
    assert_type(guarded.bound, Runnable[LanguageModelInput, AIMessage])
    assert_type(guarded.invoke("Hello."), AIMessage)
    assert_type(await guarded.ainvoke("Hello.", config), AIMessage)
    for chunk in guarded.stream("Hello."):
        assert_type(chunk, AIMessage)
    async for later in guarded.astream("Hello."):
        assert_type(later, AIMessage)
    assert_type(guarded.bind_tools([]), GuardedModel)
    assert_type(guarded.with_structured_output(dict), Runnable[Any, Any])
    guarded.with_retry().invoke("Hello.")
    guard(model.bind_tools([]), handler)
    assert_type(guard(model.with_fallbacks([model]), handler), GuardedModel)
    assert_type(guard(model.with_retry()), GuardedModel)
    guard(model, mode="observe", block_on={"reject"}, on_near_miss=tell)
    guard(model, mode="strct")  # type: ignore[arg-type]
    guard(model, block_on={"rejekt"})  # type: ignore[arg-type]
    guard(model, blok_on={"reject"})  # type: ignore[call-arg]
    guard("gpt-4o")  # type: ignore[arg-type]


def attach_to_an_agent(model: BaseChatModel, handler: ToolPairHandler) -> None:
    """The middleware accepts a handler or its options, and its own options."""

    def pending(request: ModelRequest[Any]) -> Collection[str]:
        return [request.model_settings["waits_for"]]

    def note(repair: Repair) -> None:
        assert_type(repair.changed, bool)

    mode: RepairMode = "insert_error_results"
    middleware = ToolPairMiddleware(handler, repair=mode, pending={"call_1"}, drop_unpaired=True)
    assert_type(middleware.handler, ToolPairHandler)
    create_agent(model, middleware=[middleware])
    ToolPairMiddleware(mode="strict", block_on={"reject"}, pending=pending, on_repair=note)
    ToolPairMiddleware(repair=mode, sync_encodings=True, thinking="strip")
    ToolPairMiddleware(thinking="drop")  # type: ignore[arg-type]
    ToolPairMiddleware(repair="insert_errors")  # type: ignore[arg-type]
    ToolPairMiddleware(on_repair=tell)  # type: ignore[arg-type]
    ToolPairMiddleware("strict")  # type: ignore[arg-type]
    ToolPairMiddleware(pending=7)  # type: ignore[arg-type]
    ToolPairMiddleware(mode="strct")  # type: ignore[arg-type]
    ToolPairMiddleware(block_on={"rejekt"})  # type: ignore[arg-type]
    ToolPairMiddleware(blok_on={"reject"})  # type: ignore[call-arg]


class Application:
    """An application that hands the options on."""

    def __init__(self, **options: Unpack[HandlerOptions]) -> None:
        """Attach to the process."""
        self.handler = instrument(**options)

    def guarded(self, model: BaseChatModel, **options: Unpack[HandlerOptions]) -> GuardedModel:
        """Guard a model, and a process where only the environment's options are given."""
        ToolPairHandler(**options)
        ToolPairMiddleware(**options)
        return guard(model, **options)

    def observing(self, **options: Unpack[Options]) -> ToolPairHandler:
        """Make a handler that only observes."""
        return ToolPairHandler("observe", **options)


def hand_options_on(
    mode: Mode, effect: BlockableEffect, selection: RequestSelection, held: OnInternalError
) -> None:
    """The values of options have names."""
    options: HandlerOptions = {"mode": mode, "block_on": [effect]}
    Application(**options)
    Application(mode=mode, feedback=selection, on_internal_error=held)
    Application(mode="strct")  # type: ignore[arg-type]
    wrong: HandlerOptions = {"mode": "strct"}  # type: ignore[typeddict-item]
    del wrong


def read_settings(settings: Settings, profile: Profile) -> None:
    """Settings can be read and resolved."""
    assert_type(settings.mode, Mode)
    assert_type(settings.block_on, frozenset[Effect])
    assert_type(settings.strict_environments, frozenset[str])
    assert_type(settings.block_unidentified, bool)
    assert_type(settings.on_internal_error, OnInternalError)
    assert_type(settings.profile, Profile | None)
    assert_type(settings.request_mode, RequestMode)
    assert_type(settings.environment, str | None)
    assert_type(settings.feedback, RequestSelection)
    assert_type(settings.spans, RequestSelection)
    assert_type(settings.max_runs, int)
    assert_type(settings.run_timeout, float)
    assert_type(settings.mode_for({"toolpair_mode": "off"}), Mode)
    assert_type(Settings.resolve({"TOOLPAIR_MODE": "strict"}), Settings)
    assert_type(profile.name, str)
    assert_type(profile.title, str)
    assert_type(profile.provider, str)


def read_accuracy(accuracy: Accuracy, row: AccuracyRow) -> None:
    """The accuracy can be read."""
    assert_type(accuracy.rows, tuple[AccuracyRow, ...])
    assert_type(accuracy.scope, str)
    assert_type(accuracy.hits, int)
    assert_type(accuracy.misses, int)
    assert_type(accuracy.server_faults, int)
    assert_type(accuracy.false_alarms, int)
    assert_type(accuracy.to_dict(), dict[str, Any])
    assert_type(row.effect, Effect)
    assert_type(row.outcomes, Mapping[Outcome, int])
    assert_type(row.total, int)


# Exceptions


def catch(attempt: Callable[[], object]) -> None:
    """Each exception can be caught by its own name, by the package's and by Python's."""
    try:
        attempt()
    except InvalidToolResultsError as error:
        assert_type(error.report, PairingReport)
        assert_type(error.run_id, UUID | None)
        assert_type(error.status_code, int)
    except CheckFailedError as error:
        assert_type(error.failure, str)
        assert_type(error.run_id, UUID | None)
    except (SettingsError, MissingExtraError) as error:
        ours: ToolPairError = error
        del ours


def as_python_has_them(
    blocked: InvalidToolResultsError,
    failed: CheckFailedError,
    wrong: SettingsError,
    missing: MissingExtraError,
) -> tuple[ValueError, RuntimeError, ValueError, ImportError]:
    """Each is what Python would have raised."""
    return blocked, failed, wrong, missing


# Tests of an application


def watch(attempt: Callable[[], object]) -> None:
    """A watch is stopped, and its requests can be read."""
    watch = Watch("observe", block_on={"reject"}, block_unidentified=False)
    assert_type(watch.requests, Requests)
    watch.admits = lambda report: watch.stopping_kinds(report) <= {ViolationKind.MISSING_RESULT}
    watch.requests = Requests()
    attempt()
    assert_type(watch.requests.checked, int)
    assert_type(watch.requests.unchecked, int)
    assert_type(watch.requests.stopped, list[Exception])
    assert_type(watch.requests.reports, list[PairingReport])
    assert_type(watch.requests.masked, list[MaskedResult])
    assert_type(watch.requests.found(), tuple[Found, ...])
    watch.stop()
    Watch("off")  # type: ignore[arg-type]
