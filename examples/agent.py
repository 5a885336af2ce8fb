"""An agent whose middleware trims the history between a call and its result."""

from typing import Any

from langchain.agents import AgentState, create_agent
from langchain.agents.middleware import AgentMiddleware, before_model
from langchain_core.messages import HumanMessage, RemoveMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.runtime import Runtime
from pydantic import SecretStr

from toolpair_observe import InvalidToolResultsError, ToolPairHandler
from toolpair_observe.demo.loopback.provider import LoopbackProvider, Reply, ToolCall

CALL = Reply(tool_calls=(ToolCall("get_weather", {"city": "Rome"}, id="call_rome"),))


@tool
def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"clear, 18 degrees in {city}"


@before_model
def keep_only_the_last_message(state: AgentState[Any], runtime: Runtime) -> dict[str, Any]:
    """Save tokens, but separate a result from its call."""
    del runtime
    return {"messages": [RemoveMessage(id=REMOVE_ALL_MESSAGES), state["messages"][-1]]}


def ask(question: str, *middleware: AgentMiddleware[Any, Any]) -> str:
    """Ask an agent under a strict handler."""
    # The handler recognizes real endpoints; for a local one it needs the profile.
    handler = ToolPairHandler(mode="strict", profile="openai-chat")
    with LoopbackProvider([CALL, Reply("It is clear in Rome, at 18 degrees.")]) as provider:
        model = ChatOpenAI(
            model="gpt-4o-mini", base_url=provider.base_url, api_key=SecretStr("none")
        )
        agent = create_agent(model, [get_weather], middleware=middleware)
        result = agent.invoke(
            {"messages": [HumanMessage(question)]}, config={"callbacks": [handler]}
        )
    return str(result["messages"][-1].text)


def main() -> None:
    """Ask the correct agent, then the one with the middleware that breaks the history."""
    print("the agent:", ask("What is the weather in Rome?"))
    try:
        ask("What is the weather in Rome?", keep_only_the_last_message)
    except InvalidToolResultsError as error:
        print(error.report.explain())
    print("look at: likely cause, and what to do about it")


if __name__ == "__main__":
    main()
