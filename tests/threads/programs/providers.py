"""What depends on who is asked: malformed arguments, long ids, providers that tolerate much."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import openai
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from tests.loopback.scripted_provider import DONE
from tests.threads.programs.graphs import (
    BAD,
    GOOD,
    agent,
    bad,
    bad_alone,
    calls,
    good,
    loop,
    prebuilt,
    tool,
)
from tests.threads.programs.record import POISONED, SOUND, STALLED, WAITING, Catalog, Run, says
from tests.threads.programs.world import World, fails
from toolpair_observe.demo.loopback.judge import judge
from toolpair_observe.demo.loopback.provider import Reply, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable

PROVIDERS = Catalog()
LONG = "call_" + "x" * 60
TOO_LONG = Reply(tool_calls=(ToolCall("good", id=LONG),))
TOO_LONG_AND_BAD = Reply(tool_calls=(ToolCall("bad", id=LONG),))


@dataclass(frozen=True, slots=True)
class Malformed(ToolCall):
    """A call whose arguments are no JSON."""

    def wire(self) -> dict[str, Any]:
        """Return the call in the form of a response."""
        function = {"name": self.name, "arguments": '{"city": "Ro'}
        return {"id": self.id, "type": "function", "function": function}


MALFORMED = Reply(tool_calls=(Malformed("good", id=GOOD),))
BESIDE = Reply(tool_calls=(ToolCall("good", id="call_valid"), Malformed("good", id=GOOD)))


@PROVIDERS.program(POISONED, graph=loop(good), script=(MALFORMED,), made_up=[GOOD])
def malformed_arguments(run: Run):
    """The loop takes it for an answer, and leaves the call open."""
    run.say()


@PROVIDERS.program(POISONED, graph=loop(good), script=(BESIDE,), next=("chatbot",), made_up=[GOOD])
def malformed_arguments_beside_others(run: Run):
    """The tool node answers the other one only."""
    with fails(openai.BadRequestError):
        run.say()


@PROVIDERS.program(SOUND, graph=agent(good), script=(MALFORMED,), needs="langchain>=1.5")
def malformed_arguments_in_an_agent(run: Run):
    """The agent of langchain answers such calls in each request, and stores nothing of it."""
    run.say()


@PROVIDERS.program(SOUND, graph=agent(good), script=(BESIDE,), needs="langchain>=1.5")
def malformed_arguments_beside_others_in_an_agent(run: Run):
    """The same, with a result that is real."""
    run.say()


@PROVIDERS.program(POISONED, graph=prebuilt(good), script=(MALFORMED,), made_up=[GOOD])
def malformed_arguments_in_the_prebuilt_agent(run: Run):
    """Langgraph's own agent does not."""
    run.say()


def _of_another_server(run: Run) -> None:
    run.world.conversation.judge = _anything
    run.say()
    run.world.conversation.judge = judge


@PROVIDERS.program(
    POISONED, graph=loop(good), script=(TOO_LONG, DONE), next=("chatbot",), mends=False
)
def ids_of_another_server(run: Run):
    """They pair well, and are too long for OpenAI: no fault of pairs."""
    _of_another_server(run)
    with fails(openai.BadRequestError):
        run.say("And?")


@PROVIDERS.program(
    POISONED, graph=loop(bad_alone), script=(TOO_LONG_AND_BAD,), next=("chatbot",), mends=False
)
def ids_of_another_server_and_a_gap(run: Run):
    """A call is open, and no result could pair with an id that is refused."""
    with fails(ValueError):
        _of_another_server(run)
    run.world.conversation.judge = judge
    with fails(openai.BadRequestError):
        run.say("And?")


def _speaking_as(provider: str, *tools: Any, **more: Any) -> Callable[[Any, World], Any]:
    """Return what makes a loop whose answers are those of another provider's client."""

    def build(saver: Any, world: World) -> Any:
        made = [each(world) for each in tools]
        model = world.model().bind_tools(made)

        def chatbot(state: Any) -> Any:
            answer = model.invoke(state["messages"])
            said = {"model_provider": provider, **more}
            return {"messages": [answer.model_copy(update={"response_metadata": said})]}

        builder = StateGraph(MessagesState)
        builder.add_node("chatbot", chatbot)
        builder.add_node("tools", ToolNode(made, handle_tool_errors=False))
        builder.add_edge(START, "chatbot")
        builder.add_conditional_edges("chatbot", tools_condition, ["tools", END])
        builder.add_edge("tools", "chatbot")
        return builder.compile(checkpointer=saver)

    return build


def _anything(messages: Any) -> None:
    """Accept whatever there is."""


OLLAMA = {"model": "llama3.2", "model_name": "llama3.2", "done": True, "done_reason": "stop"}


@PROVIDERS.program(
    SOUND,
    graph=_speaking_as("ollama", bad_alone, **OLLAMA),
    script=(calls("bad"),),
    judge=_anything,
    next=("chatbot",),
)
def a_provider_that_takes_everything(run: Run):
    """Ollama renders whatever it gets."""
    run.graph.invoke(says("Look it up."), run.config, interrupt_before=["tools"])
    run.graph.update_state(run.config, says("Leave that."), as_node=START)


@PROVIDERS.program(
    POISONED,
    graph=loop(bad_alone),
    script=(calls("bad"), DONE),
    next=("chatbot",),
    made_up=["call_bad"],
)
def a_switch_to_a_provider_that_takes_less(run: Run):
    """Ollama answered the first turns, and OpenAI is asked now: the newest answer is OpenAI's."""
    first = AIMessage(
        "",
        tool_calls=[{"name": "bad", "args": {}, "id": "call_bad"}],
        response_metadata={"model_provider": "ollama", **OLLAMA},
    )
    openais = AIMessage("It rains.", response_metadata={"model_provider": "openai"})
    run.graph.update_state(
        run.config,
        {"messages": [HumanMessage("Look it up."), first, HumanMessage("And?"), openais]},
        as_node="tools",
    )
    with fails(openai.BadRequestError):
        run.say()


SEARCHED = [
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
    {
        "type": "web_search_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": [{"type": "web_search_result", "url": "https://example.org", "title": "x"}],
    },
    {"type": "text", "text": "18 degrees."},
]


@PROVIDERS.program(SOUND, graph=loop(good), judge=_anything)
def tools_of_the_server(run: Run):
    """The provider calls and answers in one message: no result is missing."""
    answer = AIMessage(SEARCHED, response_metadata={"model_provider": "anthropic"})
    run.graph.update_state(
        run.config, {"messages": [HumanMessage("Look it up."), answer]}, as_node="chatbot"
    )


@PROVIDERS.program(
    STALLED,
    graph=loop(bad_alone),
    script=(calls("bad", text="I look."),),
    next=("tools",),
    made_up=["call_bad"],
)
def a_call_with_text(run: Run):
    """The model says something beside its call."""
    with fails(ValueError):
        run.say()


@PROVIDERS.program(
    WAITING,
    graph=loop(good, interrupt_before=["tools"]),
    script=(Reply(tool_calls=(ToolCall("good", id="1"), ToolCall("good", id="2"))),),
    next=("tools",),
)
def short_ids(run: Run):
    """Some servers count."""
    run.say()


def counted(world: World) -> Any:
    """Return a tool whose results can be told from each other."""
    runs = itertools.count(1)
    return tool("good", lambda: f"good: {next(runs)}")


AGAIN = (calls("good"), DONE, calls("good"))


@PROVIDERS.program(SOUND, graph=loop(counted), script=AGAIN)
def ids_that_come_again(run: Run):
    """Some servers give each turn's calls the same ids."""
    run.say()
    run.say("Again.")


@PROVIDERS.program(
    POISONED,
    graph=loop(counted, interrupt_before=["tools"]),
    script=AGAIN,
    next=("chatbot",),
    made_up=[GOOD],
)
def ids_that_come_again_and_a_gap(run: Run):
    """The earlier call of the same id has a result, and that is not the one that is missing."""
    run.say()
    run.resume()
    run.say("Again.")
    with fails(openai.BadRequestError):
        run.say("And?")


@PROVIDERS.program(
    STALLED,
    graph=agent(counted, bad),
    script=(calls("good"), DONE, calls("good", "bad")),
    next=("tools",),
    recoverable=[GOOD],
    made_up=[BAD],
    contents={GOOD: ["good: 1", "good: 2"]},
)
def ids_that_come_again_and_a_crash(run: Run):
    """The result that is missing is the later one of two with the same id."""
    run.say()
    with fails(ValueError):
        run.say("Again.")


@PROVIDERS.program(
    POISONED,
    graph=agent(counted, bad),
    script=(calls("good"), DONE, calls("good", "bad")),
    next=("model",),
    recoverable=[GOOD],
    made_up=[BAD],
    contents={GOOD: ["good: 1", "good: 2"]},
)
def ids_that_come_again_and_a_message_after_a_crash(run: Run):
    """The same, in no later state."""
    run.say()
    with fails(ValueError):
        run.say("Again.")
    with fails(openai.BadRequestError):
        run.say("Hello?")


def _responding(*tools: Any, **options: Any) -> Callable[[Any, World], Any]:
    """Return what makes a loop that asks OpenAI's Responses API."""

    def build(saver: Any, world: World) -> Any:
        made = [each(world) for each in tools]
        model = world.model(base_url=world.responses_url, use_responses_api=True)
        bound = model.bind_tools(made)
        builder = StateGraph(MessagesState)
        builder.add_node("chatbot", lambda s: {"messages": [bound.invoke(s["messages"])]})
        builder.add_node("tools", ToolNode(made, handle_tool_errors=False))
        builder.add_edge(START, "chatbot")
        builder.add_conditional_edges("chatbot", tools_condition, ["tools", END])
        builder.add_edge("tools", "chatbot")
        return builder.compile(checkpointer=saver, **options)

    return build


@PROVIDERS.program(SOUND, graph=_responding(good), script=(calls("good"),))
def responses(run: Run):
    """Nothing happens."""
    run.say()


@PROVIDERS.program(
    SOUND,
    graph=_responding(good, interrupt_before=["tools"]),
    script=(calls("good"),),
    next=("chatbot",),
)
def a_late_delivery_to_responses(run: Run):
    """An output pairs wherever it stands."""
    run.say()
    with fails(openai.BadRequestError):
        run.say("And?")
    run.update({"messages": [ToolMessage("18", tool_call_id=GOOD)]}, as_node="tools")


@PROVIDERS.program(
    POISONED,
    graph=_responding(good, interrupt_before=["tools"]),
    script=(calls("good"),),
    next=("chatbot",),
    made_up=[GOOD],
)
def a_message_instead_of_going_on_with_responses(run: Run):
    """There is no output."""
    run.say()
    with fails(openai.BadRequestError):
        run.say("And?")
