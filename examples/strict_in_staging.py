"""Strict mode in staging: a request that would fail is not sent, and the error tells what to mend.

The same code observes everywhere else. The environment is the one that OpenTelemetry knows.
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
    """Ask with the broken history, mend it, and ask again."""
    os.environ.setdefault("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
    handler = ToolPairHandler(
        strict_environments={"staging"},
        # Also stop what would go through with data lost on the way.
        block_on={"reject", "local_error", "silent_loss"},
        profile="openai-chat",  # of the server on this machine; real ones are recognized
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
        print("after mending:", model.invoke(HISTORY[:-1]).text)


if __name__ == "__main__":
    main()
