"""A model with a fallback: what the guard stops, and what it lets through to the second model.

A block is an exception, and `with_fallbacks` moves on to the next model at one. So with a guard
around the first model alone, the second one is sent the broken history.
"""

from functools import partial
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import Runnable
from langchain_openai import ChatOpenAI
from openai import APIError
from pydantic import SecretStr

from toolpair_observe import InvalidToolResultsError, ToolPairHandler, guard
from toolpair_observe.demo.loopback.provider import LoopbackProvider

CALL = {"name": "get_weather", "args": {"city": "Oslo"}, "id": "call_oslo"}
BROKEN = [HumanMessage("Weather?"), AIMessage("", tool_calls=[CALL]), HumanMessage("Well?")]
SOUND = [*BROKEN[:2], ToolMessage("rain, 7 degrees", tool_call_id="call_oslo")]
NOBODY = "http://127.0.0.1:9/v1"  # the port to discard: nobody listens there


def model_at(url: str) -> ChatOpenAI:
    """Return a model that does not try again."""
    key = SecretStr("none")
    return ChatOpenAI(model="gpt-4o-mini", base_url=url, api_key=key, max_retries=0, timeout=5)


def ask(
    name: str, model: Runnable[Any, Any], history: list[Any], *handlers: ToolPairHandler
) -> None:
    """Ask, and print how it ends."""
    try:
        told = model.invoke(history, config={"callbacks": [*handlers]}).text
    except InvalidToolResultsError as error:
        told = f"stopped: {error.report.violations[0].kind}"
    except APIError as error:
        told = f"failed: {type(error).__name__}"
    print(f"{name:<36} {told}")


def main() -> None:
    """Ask with a broken history under three guards, then while the first model is down."""
    strict = partial(guard, mode="strict", profile="openai-chat")  # real endpoints need no profile
    with LoopbackProvider() as first, LoopbackProvider() as second:
        a, b = model_at(first.base_url), model_at(second.base_url)
        ask("guard(a).with_fallbacks([b])", strict(a).with_fallbacks([b]), BROKEN)
        print("  requests sent to a and b:", len(first.requests), len(second.requests))
        ask("guard(a.with_fallbacks([b]))", strict(a.with_fallbacks([b])), BROKEN)
        handler = ToolPairHandler(mode="strict", profile="openai-chat")
        ask("a handler in the call's config", a.with_fallbacks([b]), BROKEN, handler)
        print("  requests sent to a and b:", len(first.requests), len(second.requests))
        down = model_at(NOBODY)
        ask("a is down, a sound history", strict(down.with_fallbacks([b])), SOUND)
    print("look at: b got one request, the broken one, from the guard that is around a alone")


if __name__ == "__main__":
    main()
