"""Strict mode in staging: a request that would fail is not sent, and the error names the fault.

In any other environment, the same code observes. The environment is OpenTelemetry's
`deployment.environment.name`.
"""

import os

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from toolpair_observe import InvalidToolResultsError, ToolPairHandler
from toolpair_observe.demo.loopback.provider import LoopbackProvider

CALL = {"name": "get_weather", "args": {"city": "Rome"}, "id": "call_rome"}
RESULT = ToolMessage("clear, 18 degrees", tool_call_id="call_rome")
# A retried step appended its result again.
HISTORY = [HumanMessage("What is the weather?"), AIMessage("", tool_calls=[CALL]), RESULT, RESULT]


def main() -> None:
    """Ask with the broken history, repair it, and ask again."""
    os.environ.setdefault("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
    handler = ToolPairHandler(
        strict_environments={"staging"},
        # Also stop requests that would lose data on the way.
        block_on={"reject", "local_error", "silent_loss"},
        profile="openai-chat",  # for the local server; the handler recognizes real endpoints
    )
    with LoopbackProvider() as provider:
        model = ChatOpenAI(
            model="gpt-4o-mini",
            base_url=provider.base_url,
            api_key=SecretStr("none"),
            callbacks=[handler],
        )
        try:
            model.invoke(HISTORY)
        except InvalidToolResultsError as error:
            print(error.report.explain())
            print("requests sent:", len(provider.requests))
        print("after the repair:", model.invoke(HISTORY[:-1]).text)
    print("look at: requests sent, 0; in production the same code sends it, and only reports")


if __name__ == "__main__":
    main()
