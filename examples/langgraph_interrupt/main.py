"""A tool waits for a person, and the person changes the subject instead of answering.

The checkpoint then holds a call without a result, and OpenAI refuses every later request of that
thread. To resume is fine; a new question is repaired on its way out, and the checkpoint does not
change. Needs `pip install '.[demo]' langchain` in the project's folder.
"""

from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt
from pydantic import SecretStr

from toolpair_observe import InvalidToolResultsError
from toolpair_observe.demo.loopback.provider import LoopbackProvider, Reply, ToolCall
from toolpair_observe.middleware import ToolPairMiddleware

ASK = Reply(tool_calls=(ToolCall("send_mail", {"to": "Ada"}, id="call_mail"),))
REQUEST = {"messages": [HumanMessage("Write to Ada.")]}
NEW_SUBJECT = {"messages": [HumanMessage("Leave that. What time is it?")]}


@tool
def send_mail(to: str) -> str:
    """Send a mail, if a person agrees."""
    return f"sent to {to}" if interrupt(f"Send a mail to {to}?") == "yes" else "not sent"


def agent_on(server: LoopbackProvider, middleware: ToolPairMiddleware) -> Any:  # noqa: ANN401
    """Return the agent, connected to a server on this machine that enforces OpenAI's rule."""
    model = ChatOpenAI(model="gpt-4o-mini", base_url=server.base_url, api_key=SecretStr("none"))
    return create_agent(model, [send_mail], middleware=[middleware], checkpointer=InMemorySaver())


def main() -> None:
    """Resume once, change the subject twice."""
    strict = ToolPairMiddleware(mode="strict", profile="openai-chat")
    repairing = ToolPairMiddleware(strict.handler, repair="insert_error_results")
    thread: Any = {"configurable": {"thread_id": "1"}}

    with LoopbackProvider([ASK, Reply("The mail is sent.")]) as server:
        agent = agent_on(server, strict)
        agent.invoke(REQUEST, thread)
        done = agent.invoke(Command(resume="yes"), thread)
        print("resumed:", done["messages"][-1].text)

    with LoopbackProvider([ASK]) as server:
        agent = agent_on(server, strict)
        agent.invoke(REQUEST, thread)
        try:
            agent.invoke(NEW_SUBJECT, thread)
        except InvalidToolResultsError as error:
            print("another subject:", error.report.violations[0].kind, "- not sent")

    with LoopbackProvider([ASK, Reply("It is noon.")]) as server:
        agent = agent_on(server, repairing)
        agent.invoke(REQUEST, thread)
        done = agent.invoke(NEW_SUBJECT, thread)
        print("repaired:", done["messages"][-1].text)
        print("in the checkpoint:", [message.type for message in done["messages"]])
    strict.handler.close()
    print("look at: the checkpoint, which is as it was: only the outgoing request was repaired")


if __name__ == "__main__":
    main()
