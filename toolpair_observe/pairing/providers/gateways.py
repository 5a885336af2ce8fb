"""OpenRouter and LiteLLM, and what stands behind them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.first_look import Trait
from toolpair_observe.pairing.providers.anthropic import ANTHROPIC_RULES, drop_blank_ais
from toolpair_observe.pairing.providers.hosts import AZURE_HOSTS, with_own_conversion
from toolpair_observe.pairing.providers.integration import (
    Choice,
    Integration,
    ModelCall,
    name_in,
)
from toolpair_observe.pairing.providers.mistral import MISTRAL
from toolpair_observe.pairing.providers.openai import OPENAI_CHAT, UNKNOWN_TYPE
from toolpair_observe.pairing.providers.openai_like import (
    DASHSCOPE,
    DEEPSEEK,
    MOONSHOT,
    openai_like,
)
from toolpair_observe.pairing.providers.places import Home, is_home, unproven
from toolpair_observe.pairing.providers.profile import Profile, Row, Server
from toolpair_observe.pairing.providers.rules import (
    ACCEPT,
    SENT_WITHOUT_ID,
    TOOL_CALLS,
    UNCHECKED,
    disputed,
    unknown,
)
from toolpair_observe.pairing.providers.steps import (
    drop_blank_humans,
    fill_blank_ais,
    fill_blank_humans,
    forward_blocks,
    listed,
    lose_blocks,
    merge_ais,
    merge_users,
    miss_empty_ids,
    refuse,
    refuse_messages,
    refuse_nameless,
    refuse_null_ids,
    send_also,
)
from toolpair_observe.pairing.providers.wire import Note, Step, Wire, step
from toolpair_observe.pairing.turns import Finding
from toolpair_observe.pairing.words import Carrier, Case, Effect, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolpair_observe.pairing.transcript import Call
    from toolpair_observe.pairing.turns import Turn

# OpenAI alone hosts these, on its chat API alone; a gateway passes their requests on.
_OPENAI_CHAT_MODELS = r"gpt-[34]|chatgpt-4"


def _passing_on(
    profile: Profile, to: Profile = OPENAI_CHAT, *, steps: tuple[Step, ...] = ()
) -> Profile:
    """Return a gateway's profile for models whose requests it hands on as they are."""
    # Its client wraps or drops blocks that it does not know, so the provider's words are not met.
    rules = {**to.rules, Case.UNSUPPORTED_RESULT: UNCHECKED[Case.UNSUPPORTED_RESULT]}
    if to.id_max is None:
        rules.pop(Case.INVALID_ID, None)  # what only that provider's own client brings about
    return replace(
        profile,
        rules=rules,
        demands=to.demands,
        id_max=to.id_max,
        steps=(*profile.steps, *steps),
    )


# --- OpenRouter ----------------------------------------------------------------------------------

_UNMARSHALLER = "pydantic ValidationError: validation error for Unmarshaller"
_OPENROUTER = replace(
    openai_like(
        "openrouter", "OpenRouter through ChatOpenRouter", "openrouter", "langchain-openrouter"
    ),
    # It hands the messages to this client, whose types decide what can be sent.
    client="openrouter",
    steps=(
        refuse_null_ids(_UNMARSHALLER),
        refuse_nameless(_UNMARSHALLER),
        refuse(
            {
                Carrier.CHAT_TOOL: _UNMARSHALLER,
                Carrier.FUNCTION: UNKNOWN_TYPE,
                Carrier.CONVERSE_RESULT: _UNMARSHALLER,
            }
        ),
        refuse_messages(UNKNOWN_TYPE, Role.REMOVE),
        forward_blocks(Carrier.TOOL_RESULT_IN_HUMAN),
    ),
)
_OPENROUTER_REFUSES_BLOCKS = replace(
    _OPENROUTER,
    steps=(
        *_OPENROUTER.steps,
        refuse(
            {
                Carrier.TOOL_RESULT_IN_TOOL: _UNMARSHALLER,
                Carrier.TOOL_RESULT_IN_HUMAN: _UNMARSHALLER,
                Carrier.OUTPUT_IN_TOOL: _UNMARSHALLER,
                Carrier.RESPONSES_OUTPUT: _UNMARSHALLER,
            }
        ),
    ),
)
# What refuses it stands behind some of the routes only.
_OPENROUTER_CLAUDE = replace(
    _OPENROUTER,
    rules={
        **UNCHECKED,
        Case.CALL_FIRST: disputed(
            "agent0ai/agent-zero#1158 for proxies in front of Claude; Anthropic itself takes it",
            'messages: first message must use the "user" role',
        ),
    },
)
_OPENROUTER_OPENAI = rf"openai/(?:{_OPENAI_CHAT_MODELS})"
OPENROUTER: Final = replace(
    _OPENROUTER,
    rows=(
        Row(
            replace(
                _OPENROUTER_REFUSES_BLOCKS,
                rows=(Row(_passing_on(_OPENROUTER_REFUSES_BLOCKS), models=_OPENROUTER_OPENAI),),
            ),
            before="0.11",
        ),
        Row(_passing_on(_OPENROUTER), models=_OPENROUTER_OPENAI),
        Row(_OPENROUTER_CLAUDE, models=r"anthropic/claude"),
    ),
)

# --- LiteLLM -------------------------------------------------------------------------------------


@step("Of several calls of one message under one id send the first")
def drop_same_id_in_message(wire: Wire) -> None:
    for turn in wire.turns:
        kept: dict[str, Call] = {}
        for call in turn.calls:
            first = kept.setdefault(call.id, call)
            # Where nothing answers that id, nothing that is sent misses the call.
            if first is not call and wire.given.answer.keys() & {first, call}:
                wire.lose(Case.DUPLICATE_CALL_ID, "the call is not sent", call, None)
        turn.calls = list(kept.values())


def drop_server_uses_in(*carriers: Carrier) -> Step:
    """Make the step that leaves out calls of the provider's own tools which stand there."""
    dropped = frozenset(carriers)

    @step(f"Leave out provider-executed calls that stand in a {listed(carriers)}")
    def drop_server_uses(wire: Wire) -> None:
        for entry in wire.transcript.entries:
            wire.unsent_uses.update(use for use in entry.server_uses if use.carriers <= dropped)

    return drop_server_uses


_LITELLM_USER = (
    "Exception: Invalid user message. Please ensure all user messages are valid OpenAI chat "
    "completion messages."
)
_LITELLM_REFUSES = refuse(
    {
        Carrier.TOOL_RESULT_IN_HUMAN: _LITELLM_USER,
        Carrier.CONVERSE_RESULT: _LITELLM_USER,
        Carrier.RESPONSES_OUTPUT: _LITELLM_USER,
    }
)
_LITELLM_CONVERSION = (
    _LITELLM_REFUSES,
    refuse_messages("ValueError: Got unknown type", Role.REMOVE),
)
_SENT = frozenset({Carrier.TOOL_CALL, Carrier.RAW_CALL})
_TWICE = "the call goes out twice, as tool_calls and as function_call"
_LITELLM = replace(
    openai_like("litellm", "LiteLLM through ChatLiteLLM", "", "langchain-litellm"),
    calls=TOOL_CALLS,
    steps=(*_LITELLM_CONVERSION, send_also(Carrier.LEGACY_CALL, _SENT, _TWICE)),
)


@step("Send a later system message as a note of the user's, behind the results that follow it")
def note_later_systems(wire: Wire) -> None:
    turns: list[Turn] = []
    notes: list[Turn] = []
    for turn in wire.turns:
        if turn.role is Role.SYSTEM:
            if turns or notes:
                turn.role, turn.has_text = Role.HUMAN, True
                notes.append(turn)
            continue
        if not turn.results:
            turns += notes
            notes = []
        turns.append(turn)
    wire.turns = turns + notes


@step(
    "Make another call of the copy in function_call, under a new id that nothing answers",
    Trait.LEGACY_CALL,
)
def send_legacy_call_unanswered(wire: Wire) -> None:
    entries = wire.transcript.entries
    for entry in entries:
        for call in entry.calls:
            if Carrier.LEGACY_CALL in call.carriers:
                case = Case.MISSING_AT_END if entry is entries[-1] else Case.MISSING_SOME
                wire.findings.append(Finding(case, call, None, entry.index))


@step("Leave open what becomes of text between the calls of joined AI messages")
def leave_text_between_calls_open(wire: Wire) -> None:
    for turn in wire.turns:
        if turn.text_last and any(call.index == turn.last for call in turn.calls):
            turn.text_last = False
            case, call = Case.TEXT_AFTER_CALL, turn.calls[0]
            wire.notes.append(Note(case, Effect.UNKNOWN, "", call, None, turn.index))


_LITELLM_ANTHROPIC_ERROR = (
    "litellm.exceptions.BadRequestError: AnthropicException - the call or result has no id"
)
# LiteLLM converts OpenAI's messages to Anthropic's by its own rules: it takes calls from
# `tool_calls` alone, puts them last, and leaves results in AI messages out.
_NOT_SENT = {Case.CONTENT_AFTER_CALL, Case.RESULT_IN_AI_TURN, Case.SERVER_RESULT_UNPAIRED}
_LITELLM_ANTHROPIC = replace(
    _LITELLM,
    results=SENT_WITHOUT_ID | {Carrier.FUNCTION},
    rules={
        **{case: rule for case, rule in ANTHROPIC_RULES.items() if case not in _NOT_SENT},
        **dict.fromkeys((Case.CALL_WITHOUT_ID, Case.DUPLICATE_CALL_ID_ONE_RESULT), ACCEPT),
        Case.DUPLICATE_CALL_ID: ANTHROPIC_RULES[Case.DUPLICATE],
        # It joins AI messages, so what the last one says stands behind the calls in one message.
        Case.TEXT_AFTER_CALL: ANTHROPIC_RULES[Case.CONTENT_AFTER_CALL],
    },
    steps=(
        *_LITELLM_CONVERSION,
        refuse({Carrier.CHAT_TOOL: _LITELLM_ANTHROPIC_ERROR}),
        send_legacy_call_unanswered,
        refuse_null_ids(_LITELLM_ANTHROPIC_ERROR),
        lose_blocks(Carrier.TOOL_RESULT_IN_TOOL, Carrier.OUTPUT_IN_TOOL),
        note_later_systems,
        fill_blank_humans,
        fill_blank_ais,
        merge_users,
        merge_ais,
        miss_empty_ids,
        drop_same_id_in_message,
        drop_server_uses_in(Carrier.MCP_TOOL_USE, Carrier.SERVER_TOOL_CALL),
        leave_text_between_calls_open,
    ),
    server=Server((note_later_systems, merge_users, merge_ais, leave_text_between_calls_open)),
)
_LITELLM_CLAUDE = r"(?:anthropic/|claude-)"
# OpenAI's smaller reasoning models are asked on the chat API; their system messages go as the
# user's. Azure's newest go to the other API once tools are bound, whatever name they have.
_LITELLM_OPENAI = (
    rf"(?:openai/|azure/)?(?:{_OPENAI_CHAT_MODELS})"
    r"|(?:openai/)?o(?:1|3|3-mini|4-mini)(?:-\d{4}-\d\d-\d\d)?$"
)
# Executed: these requests leave with the calls, results and roles that OpenAI's leave with.
LITELLM: Final = replace(
    _LITELLM,
    rows=(
        Row(_LITELLM_ANTHROPIC, models=_LITELLM_CLAUDE),
        Row(_passing_on(_LITELLM), models=_LITELLM_OPENAI),
        Row(_passing_on(_LITELLM, DEEPSEEK), models="deepseek/"),
        Row(
            _passing_on(_LITELLM, MISTRAL, steps=(drop_blank_humans, drop_blank_ais)),
            models="mistral/",
        ),
        Row(_passing_on(_LITELLM, MOONSHOT), models="moonshot/"),
        Row(_passing_on(_LITELLM, DASHSCOPE), models="dashscope/(?:qwen|qwq|qvq)"),
    ),
)
_LITELLM_MENDS: Final = unknown("LiteLLM mends most of it, while litellm.modify_params is set")
_LITELLM_MENDING: Final = replace(
    LITELLM,
    rows=(
        Row(
            replace(
                _LITELLM_ANTHROPIC,
                rules={
                    case: _LITELLM_MENDS if rule.effect is Effect.REJECT else rule
                    for case, rule in _LITELLM_ANTHROPIC.rules.items()
                },
            ),
            models=_LITELLM_CLAUDE,
        ),
        *LITELLM.rows,
    ),
)


def as_configured(profile: Profile, call: ModelCall) -> Profile:
    """Return the profile as the process has set its gateway: what no live call tells."""
    mends = profile is LITELLM and call.module("litellm", _litellm_mends)
    return _LITELLM_MENDING if mends else profile


def _litellm_mends(litellm: object) -> bool:
    """Whether LiteLLM is set to change what a provider would refuse."""
    return bool(getattr(litellm, "modify_params", False))


# Where the prefix of a model's name leads; LiteLLM reads these variables itself.
def _litellm_home(hosts: frozenset[str], *environment: str) -> Home:
    return Home(hosts, ("api_base",), environment, closed_too=True)


_OPENAI_HOME: Final = _litellm_home(
    frozenset({"api.openai.com"}), "OPENAI_BASE_URL", "OPENAI_API_BASE"
)
_CLAUDE_HOME: Final = _litellm_home(
    frozenset({"api.anthropic.com"}), "ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"
)
_LITELLM_HOMES: Final[Mapping[str, Home]] = {
    "openai": _OPENAI_HOME,
    "azure": _litellm_home(AZURE_HOSTS, "AZURE_API_BASE"),
    "anthropic": _CLAUDE_HOME,
    "deepseek": _litellm_home(frozenset({"api.deepseek.com"}), "DEEPSEEK_API_BASE"),
    "mistral": _litellm_home(
        frozenset({"api.mistral.ai"}), "MISTRAL_API_BASE", "MISTRAL_AZURE_API_BASE"
    ),
    "moonshot": _litellm_home(frozenset({"moonshot.ai", "moonshot.cn"}), "MOONSHOT_API_BASE"),
    "dashscope": _litellm_home(frozenset({"aliyuncs.com"}), "DASHSCOPE_API_BASE"),
}
_LITELLM_ANYWHERE: Final = _litellm_home(frozenset())
_LITELLM_HOME: Final = Choice(LITELLM)
_LITELLM_ELSEWHERE: Final = Choice(unproven(LITELLM, LITELLM.name), identified=False)
# Neither the maker nor the conversion is known: the name is an alias, or another option overrules
# what it says.
_LITELLM_UNTOLD: Final = Choice(unproven(_LITELLM, LITELLM.name), identified=False)


def _litellm(call: ModelCall) -> Choice:
    if call.string("custom_llm_provider", name_in) or call.param("use_responses_api", bool):
        return _LITELLM_UNTOLD
    prefix, slash, _ = call.model.partition("/")
    if slash:
        home = _LITELLM_HOMES.get(prefix, _LITELLM_ANYWHERE)
    else:
        home = _CLAUDE_HOME if call.model.startswith("claude-") else _OPENAI_HOME
    goes_home = is_home(call, home) and not _litellm_is_led_away(call)
    return _LITELLM_HOME if goes_home else _LITELLM_ELSEWHERE


def _litellm_is_led_away(call: ModelCall) -> bool:
    """Whether a URL is set where no argument of the class shows it as its own."""
    return (
        call.text(_shows_url)
        or call.module("litellm", _has_url)
        or call.variable("USE_LITELLM_PROXY", _is_set)
    )


def _shows_url(text: str) -> bool:
    return "'api_base':" in text or "'base_url':" in text


def _has_url(litellm: object) -> bool:
    return bool(getattr(litellm, "api_base", None) or getattr(litellm, "use_litellm_proxy", False))


def _is_set(variable: str | None) -> bool:
    return variable is not None and variable.lower() == "true"


_OPENROUTER_HOME: Final = Home(
    frozenset({"openrouter.ai"}), ("openrouter_api_base",), closed_too=True
)

INTEGRATIONS: Final = (
    Integration(
        "openrouter-chat",
        "langchain_openrouter.chat_models.ChatOpenRouter",
        frozenset({"openrouter"}),
        with_own_conversion(OPENROUTER, _OPENROUTER_HOME),
    ),
    Integration(
        "litellm-chat",
        "langchain_litellm.chat_models.litellm.ChatLiteLLM",
        frozenset({"litellm"}),
        _litellm,
    ),
    # It asks for one of its own deployments by a name that the deployments share.
    Integration(
        "LiteLLMRouter",
        "langchain_litellm.chat_models.litellm_router.ChatLiteLLMRouter",
        frozenset({"litellm"}),
        lambda _: _LITELLM_UNTOLD,
    ),
)
