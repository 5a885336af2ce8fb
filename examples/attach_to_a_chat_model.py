"""Attach the handler to a chat model: it reports a broken history before it is refused."""

import logging

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from openai import BadRequestError
from pydantic import SecretStr

from toolpair_observe import ToolPairHandler
from toolpair_observe.demo.loopback.provider import LoopbackProvider

# The model made two calls, and only one has a result.
HISTORY = [
    HumanMessage("What is the weather in Rome and in Oslo?"),
    AIMessage(
        "",
        tool_calls=[
            {"name": "get_weather", "args": {"city": "Rome"}, "id": "call_rome"},
            {"name": "get_weather", "args": {"city": "Oslo"}, "id": "call_oslo"},
        ],
    ),
    ToolMessage("clear, 18 degrees", tool_call_id="call_rome"),
]


def main() -> None:
    """Ask with the broken history, then with the complete one."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    # The handler recognizes real endpoints; for a local one it needs the profile.
    handler = ToolPairHandler(profile="openai-chat")
    with LoopbackProvider() as provider:
        model = ChatOpenAI(
            model="gpt-4o-mini",
            base_url=provider.base_url,
            api_key=SecretStr("none"),
            callbacks=[handler],
        )
        try:
            model.invoke(HISTORY)
        except BadRequestError as error:
            print("the provider refused:", error)
        complete = [*HISTORY, ToolMessage("rain, 7 degrees", tool_call_id="call_oslo")]
        print("the provider answered:", model.invoke(complete).text)
    print("look at: the log's WARNING, which came before the refusal and names the missing result")


if __name__ == "__main__":
    main()
