"""Two agents that lose a tool's result: one is mended on the way, one breaks at a step."""

from contextlib import suppress
from typing import Any

from langchain.agents import AgentState, create_agent
from langchain.agents.middleware import AgentMiddleware, before_model
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.runtime import Runtime
from openai import BadRequestError
from pydantic import SecretStr

from toolpair_observe import Observation, ToolPairHandler
from toolpair_observe.demo.loopback.provider import LoopbackProvider, Reply, ToolCall

CALL = {"name": "get_weather", "args": {"city": "Rome"}, "id": "call_rome"}
REPLY = Reply(tool_calls=(ToolCall("get_weather", {"city": "Rome"}, id="call_rome"),))


@tool
def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"clear, 18 degrees in {city}"


@before_model
def answer_open_calls(state: AgentState[Any], runtime: Runtime) -> dict[str, Any] | None:
    """Put something where a result is missing, in words that no list knows."""
    del runtime
    answered = {each.tool_call_id for each in state["messages"] if isinstance(each, ToolMessage)}
    messages: list[AnyMessage] = []
    for message in state["messages"]:
        messages.append(message)
        calls = message.tool_calls if isinstance(message, AIMessage) else ()
        open_ids = {str(call["id"]) for call in calls} - answered
        messages += [ToolMessage("Nothing came.", tool_call_id=each) for each in open_ids]
    return {"messages": [RemoveMessage(id=REMOVE_ALL_MESSAGES), *messages]}


@before_model
def keep_the_last_messages(state: AgentState[Any], runtime: Runtime) -> dict[str, Any]:
    """Save tokens, but separate a result from its call."""
    del runtime
    return {"messages": [RemoveMessage(id=REMOVE_ALL_MESSAGES), *state["messages"][-1:]]}


def mended(observation: Observation) -> None:
    """Say who made a result up; nothing failed."""
    for masked in observation.report.masked:
        print(f"made up by {masked.by}, step {masked.step}: the result of {masked.tool_name}")


def broken(observation: Observation) -> None:
    """Say which step broke the history."""
    if blame := observation.blame:
        fates = {fate.tool_call_id: fate.fate.value for fate in blame.fates}
        print(f"broken by step {blame.step}: {blame.change} {blame.removed}; {fates}")


def ask(middleware: AgentMiddleware[Any, Any], *messages: AnyMessage, replies: list[Reply]) -> None:
    """Ask an agent whose steps the handler hears."""
    # The handler recognizes real endpoints; for a local one it needs the profile.
    handler = ToolPairHandler(profile="openai-chat", on_masked=mended, on_near_miss=broken)
    with LoopbackProvider(replies) as server:
        model = ChatOpenAI(model="gpt-4o-mini", base_url=server.base_url, api_key=SecretStr("none"))
        agent = create_agent(model, [get_weather], middleware=[middleware])
        with suppress(BadRequestError):
            agent.invoke({"messages": [*messages]}, config={"callbacks": [handler]})
    handler.close()


if __name__ == "__main__":
    question = HumanMessage("What is the weather in Rome?")
    called, again = AIMessage("", tool_calls=[CALL]), HumanMessage("Well?")
    ask(answer_open_calls, question, called, again, replies=[Reply("I could not find out.")])
    ask(keep_the_last_messages, question, replies=[REPLY, Reply("It is clear in Rome.")])
    print("look at: the two steps that are named: one hides a loss, the other one makes it")
