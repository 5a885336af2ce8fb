"""A tool raises beside another one, and every later turn of the thread fails, until it is mended.

create_agent lets a tool's error end the run. By then the checkpointer has both calls, and the other
tool's result, which a new message throws away: OpenAI refuses each request from then on. Needs
`pip install '.[demo,threads]' langchain` in the project's folder.
"""

from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite import SqliteSaver
from openai import BadRequestError
from pydantic import SecretStr

from toolpair_observe import diagnose_threads, mend_thread
from toolpair_observe.demo.loopback.provider import LoopbackProvider, Reply, ToolCall

CALLS = (ToolCall("get_weather", {"city": "Oslo"}, "call_oslo"), ToolCall("book", {}, "call_book"))
SCRIPT = (Reply(tool_calls=CALLS), Reply("Rain, 7 degrees. The table could not be booked."))
THREAD: Any = {"configurable": {"thread_id": "42"}}


@tool
def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"rain, 7 degrees in {city}"


@tool
def book() -> str:
    """Book a table."""
    message = "the line is busy"
    raise ValueError(message)


def say(agent: Any, words: str) -> None:  # noqa: ANN401 - langgraph's own type has four parameters
    """Take a turn in the thread, and print how it ends."""
    try:
        state = agent.invoke({"messages": [HumanMessage(words)]}, THREAD)
    except (ValueError, BadRequestError) as error:
        print(f"{words:<31} failed: {shorten(str(error), 60, placeholder=' ...')}")
    else:
        print(f"{words:<31} {state['messages'][-1].text}")


def main() -> None:
    """Break a thread, look at it, mend it, and go on."""
    with (
        LoopbackProvider(SCRIPT) as server,
        TemporaryDirectory() as folder,
        SqliteSaver.from_conn_string(f"{folder}/app.db") as checkpointer,
    ):
        model = ChatOpenAI(model="gpt-4o-mini", base_url=server.base_url, api_key=SecretStr("none"))
        agent = create_agent(model, [get_weather, book], checkpointer=checkpointer)
        say(agent, "Weather, and a table for two?")
        say(agent, "Well?")
        say(agent, "Are you there?")

        for found in diagnose_threads(checkpointer, profile="openai-chat"):
            results = [each.tool_call_id for each in found.recoverable]
            print(f"\nthread {found.thread_id} is {found.verdict}; results to recover: {results}")

        # Nobody else is at work in this thread, so it need not have been idle for ten minutes.
        plan = mend_thread(agent, THREAD, apply=True, profile="openai-chat", idle=0)
        print("put back:", [each.tool_call_id for each in plan.found])
        print("made up:", [each.tool_call_id for each in plan.made_up], "\n")
        say(agent, "And now?")
        print([message.type for message in agent.get_state(THREAD).values["messages"]])
    print("look at: put back, the tool's real result, which the thread had lost")


if __name__ == "__main__":
    main()
