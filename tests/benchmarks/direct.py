"""Requests straight through a handler, as langchain-core calls it, without langchain-core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from langchain_core.outputs import LLMResult

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from toolpair_observe import ToolPairHandler

SERIALIZED: dict[str, Any] = {
    "lc": 1,
    "type": "constructor",
    "id": ["langchain", "chat_models", "openai", "ChatOpenAI"],
    "kwargs": {"model_name": "gpt-4o-mini"},
}
METADATA = {"ls_provider": "openai", "ls_model_name": "gpt-4o-mini", "ls_model_type": "chat"}
PARAMS = {"_type": "openai-chat", "model": "gpt-4o-mini"}
ANSWER = LLMResult(generations=[[]])


def start(handler: ToolPairHandler, messages: list[BaseMessage]) -> UUID:
    """Begin a request, and return the id of its run."""
    run_id = uuid4()
    handler.on_chat_model_start(
        SERIALIZED,
        [messages],
        run_id=run_id,
        metadata=METADATA,
        invocation_params=PARAMS,
    )
    return run_id


def ask(handler: ToolPairHandler, messages: list[BaseMessage]) -> None:
    """Begin a request and end it."""
    handler.on_llm_end(ANSWER, run_id=start(handler, messages))
