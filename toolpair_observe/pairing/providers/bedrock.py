"""Amazon Bedrock: InvokeModel, the other makers' APIs that it serves, and how all are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from toolpair_observe.pairing.providers.anthropic import (
    ANTHROPIC,
    ANTHROPIC_RULES,
    ANTHROPIC_STEPS,
    BASE_ANTHROPIC,
    drop_blank_ais,
)
from toolpair_observe.pairing.providers.contract import CONTRACT
from toolpair_observe.pairing.providers.converse import BEDROCK_CONVERSE, BEDROCK_CONVERSE_OTHER
from toolpair_observe.pairing.providers.hosts import UNKNOWN_GATEWAY
from toolpair_observe.pairing.providers.integration import (
    Choice,
    Integration,
    ModelCall,
    name_in,
)
from toolpair_observe.pairing.providers.openai import OPENAI_CHAT, OPENAI_RESPONSES, Api
from toolpair_observe.pairing.providers.places import Home, at_home, is_home, unproven
from toolpair_observe.pairing.providers.steps import leave
from toolpair_observe.pairing.providers.wire import Wire, step
from toolpair_observe.pairing.words import Carrier, Case, Role

# --- InvokeModel ---------------------------------------------------------------------------------


@step("Leave out results whose content is an empty list")
def lose_empty_lists(wire: Wire) -> None:
    for turn in wire.turns:
        if wire.transcript.entries[turn.index].is_empty_list:
            for result in turn.results:
                wire.lose(Case.UNSUPPORTED_RESULT, "the empty result is dropped", None, result)
            turn.results, turn.role = [], Role.HUMAN


@step("Within an AI turn put texts before all other content")
def put_texts_first(wire: Wire) -> None:
    wire.texts_lead = True


@step("Within a user turn move results before other content")
def put_results_first(wire: Wire) -> None:
    for turn in wire.turns:
        for result in turn.behind_text:
            wire.lose(None, "the result is moved before the text of its turn", None, result)
        turn.behind_text, turn.results_lead = [], bool(turn.results)


_INVOKE_STEPS = tuple(step for step in ANTHROPIC_STEPS if step is not drop_blank_ais)
BEDROCK_INVOKE: Final = replace(
    BASE_ANTHROPIC,
    name="bedrock-invoke",
    title="Claude on Bedrock through ChatBedrock (InvokeModel)",
    provider="aws.bedrock",
    package="langchain-aws",
    calls=frozenset({Carrier.TOOL_CALL, Carrier.TOOL_USE, Carrier.V1_BLOCK}),
    rules={**ANTHROPIC_RULES, Case.INVALID_ID: ANTHROPIC_RULES[Case.CALL_WITHOUT_ID]},
    steps=(
        lose_empty_lists,
        put_texts_first,
        *_INVOKE_STEPS[: _INVOKE_STEPS.index(leave)],
        put_results_first,
        *_INVOKE_STEPS[_INVOKE_STEPS.index(leave) :],
    ),
    id_pattern="a-zA-Z0-9_-",
)

# --- How they are recognized ---------------------------------------------------------------------

_BEDROCK_REGIONS: Final = frozenset(
    {"apac", "au", "ca", "eu", "global", "jp", "sa", "us", "us-gov"}
)
# Whoever answers behind a proxy, and whoever made the model: the conversion is the class's.
_CONVERSION: Final = unproven(BEDROCK_CONVERSE)
_CONVERSE_ELSEWHERE: Final = Choice(_CONVERSION, "", identified=False)
_CONVERSE_UNKNOWN: Final = Choice(_CONVERSION, "aws.bedrock", identified=False)
_INVOKE_ELSEWHERE: Final = Choice(unproven(BEDROCK_INVOKE), "", identified=False)
_BEDROCK_UNKNOWN: Final = Choice(CONTRACT, provider="aws.bedrock", identified=False)
_BEDROCK_CLAUDE: Final = Choice(BEDROCK_CONVERSE)
_BEDROCK_OTHER: Final = Choice(BEDROCK_CONVERSE_OTHER)
_BEDROCK_INVOKE: Final = Choice(BEDROCK_INVOKE)
_MANTLE: Final = Api(
    Choice(OPENAI_CHAT, provider="aws.bedrock"),
    Choice(OPENAI_RESPONSES, provider="aws.bedrock"),
)
_AWS: Final = frozenset({"amazonaws.com", "amazonaws.com.cn", "api.aws"})
_BEDROCK_HOME: Final = Home(
    _AWS,
    ("endpoint_url",),
    ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL"),
    closed_too=True,
)
_ANTHROPIC_BEDROCK_HOME: Final = Home(_AWS, (), ("ANTHROPIC_BEDROCK_BASE_URL",), closed_too=True)
# It shows Anthropic's own URL where it was given none, and then goes to AWS.
_ANTHROPIC_MANTLE_HOME: Final = Home(
    _AWS | {"api.anthropic.com"},
    ("anthropic_api_url",),
    ("ANTHROPIC_BEDROCK_MANTLE_BASE_URL",),
    closed_too=True,
)
_MANTLE_HOME: Final = Home(_AWS, ("openai_api_base",), closed_too=True)


def _bedrock_maker(call: ModelCall) -> str:
    """Return who made the model, `""` where the call does not tell."""
    return (
        call.metadata("ls_invocation_params", _provider_in)
        or call.param("provider", name_in)
        or call.argument("provider", name_in)
        or maker_in(call.model)
    )


def _provider_in(params: object) -> str:
    return name_in(params.get("provider")) if isinstance(params, dict) else ""


def maker_in(model: str) -> str:
    """Read the maker from a model id, an inference profile's id, or the ARN of one of them."""
    parts = model.rpartition("/")[2].split(".")
    if parts[0] in _BEDROCK_REGIONS:
        del parts[0]
    return parts[0] if len(parts) > 1 else ""


def _mantle(call: ModelCall) -> Choice:
    return (_MANTLE if is_home(call, _MANTLE_HOME) else UNKNOWN_GATEWAY)(call)


def _converse(call: ModelCall) -> Choice:
    if not is_home(call, _BEDROCK_HOME):
        return _CONVERSE_ELSEWHERE
    maker = _bedrock_maker(call)
    if not maker:
        return _CONVERSE_UNKNOWN
    return _BEDROCK_CLAUDE if maker == "anthropic" else _BEDROCK_OTHER


def _bedrock(call: ModelCall) -> Choice:
    if call.flag("beta_use_converse_api"):
        return _converse(call)
    if _bedrock_maker(call) != "anthropic":
        return _BEDROCK_UNKNOWN
    return _BEDROCK_INVOKE if is_home(call, _BEDROCK_HOME) else _INVOKE_ELSEWHERE


INTEGRATIONS: Final = (
    Integration(
        "amazon_bedrock_converse_chat",
        "langchain_aws.chat_models.ChatBedrockConverse",
        frozenset({"amazon_bedrock"}),
        _converse,
    ),
    Integration(
        "amazon_bedrock_chat",
        "langchain.chat_models.bedrock.ChatBedrock",
        frozenset({"amazon_bedrock"}),
        _bedrock,
    ),
    Integration(
        "anthropic-bedrock-chat",
        "langchain.chat_models.anthropic_bedrock.ChatAnthropicBedrock",
        frozenset({"anthropic-bedrock"}),
        at_home(ANTHROPIC, _ANTHROPIC_BEDROCK_HOME, "aws.bedrock"),
    ),
    Integration(
        "anthropic-mantle-chat",
        "langchain.chat_models.anthropic_mantle.ChatAnthropicMantle",
        frozenset({"anthropic-mantle"}),
        at_home(ANTHROPIC, _ANTHROPIC_MANTLE_HOME, "aws.bedrock"),
    ),
    Integration(
        "openai-mantle-chat",
        "langchain_aws.chat_models.openai.ChatOpenAIMantle",
        frozenset({"openai-mantle"}),
        _mantle,
    ),
)
