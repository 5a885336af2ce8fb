"""All envelopes, in the order in which they are tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from toolpair_observe.histories.envelopes import (
    agents,
    anthropic,
    batches,
    bedrock_log,
    cassettes,
    cohere,
    converse,
    datasets,
    dumps,
    evals,
    gemini,
    langfuse,
    langgraph,
    langsmith,
    lists,
    litellm,
    ollama,
    openai,
    other_apis,
    prompts,
    telemetry,
)

if TYPE_CHECKING:
    from toolpair_observe.histories.envelopes.envelope import Envelope

# The first that fits has the row: what tells more stands before what tells less.
ENVELOPES: Final[tuple[Envelope, ...]] = (
    *lists.HISTORIES,
    *telemetry.ENVELOPES,
    *langfuse.ENVELOPES,
    *langsmith.ENVELOPES,
    *langgraph.ENVELOPES,
    *agents.ENVELOPES,
    *dumps.ENVELOPES,
    *litellm.ENVELOPES,
    *batches.ENVELOPES,
    *cassettes.ENVELOPES,
    *bedrock_log.ENVELOPES,
    *cohere.ENVELOPES,
    *converse.ENVELOPES,
    *anthropic.ENVELOPES,
    *gemini.ENVELOPES,
    *ollama.ENVELOPES,
    *evals.ENVELOPES,
    *prompts.ENVELOPES,
    *openai.ENVELOPES,
    *datasets.ENVELOPES,
    *lists.ROWS,
    *other_apis.ENVELOPES,
    *telemetry.BY_NAMES_OF_ATTRIBUTES,
    *dumps.COLUMNS,
)
