"""Questions to somebody, clean pauses, and what people do instead of answering."""

from __future__ import annotations

from typing import Any

import openai
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt

from tests.loopback.scripted_provider import DONE
from tests.threads.programs.graphs import (
    ASK,
    GOOD,
    agent,
    asks,
    bad,
    calls,
    good,
    loop,
    other,
    prebuilt,
    tool,
)
from tests.threads.programs.record import POISONED, SOUND, WAITING, Catalog, Run, says
from tests.threads.programs.world import World, fails

QUESTIONS = Catalog()
ONE = (calls("ask"),)
BESIDE = (calls("good", "ask"),)
APPROVED = {"decisions": [{"type": "approve"}]}
REVIEW = "HumanInTheLoopMiddleware.after_model"


def reviewed(*names: str, **options: Any) -> Any:
    """Return the middleware that has calls reviewed by a person."""

    def build(world: World) -> list[HumanInTheLoopMiddleware]:
        return [HumanInTheLoopMiddleware(interrupt_on=dict.fromkeys(names, True), **options)]

    return build


@QUESTIONS.program(WAITING, graph=agent(asks), script=ONE, next=("tools",))
def a_tool_asks(run: Run):
    """The tool waits for somebody."""
    run.say()


@QUESTIONS.program(WAITING, graph=loop(asks), script=ONE, next=("tools",))
def a_tool_of_a_loop_asks(run: Run):
    """The same with one node for all tools."""
    run.say()


@QUESTIONS.program(WAITING, graph=prebuilt(asks), script=ONE, next=("tools",))
def a_tool_of_the_prebuilt_agent_asks(run: Run):
    """The same with langgraph's own agent."""
    run.say()


@QUESTIONS.program(WAITING, graph=agent(good, asks), script=BESIDE, next=("tools",))
def a_tool_asks_beside_a_finished_one(run: Run):
    """A result is in the writes, and that is no crash."""
    run.say()


def _asks_otherwise(world: World) -> Any:
    return tool("other", lambda: f"they said {interrupt('And this?')}")


@QUESTIONS.program(
    WAITING, graph=agent(asks, _asks_otherwise), script=(calls("ask", "other"),), next=("tools",)
)
def one_of_two_questions_is_answered(run: Run):
    """Two tools ask, and one has its answer."""
    run.say()
    question = run.state.interrupts[0]
    run.resume({question.id: "yes"})


@QUESTIONS.program(
    WAITING, graph=agent(asks, bad), script=(calls("ask", "bad"),), next=("tools", "tools")
)
def a_tool_asks_and_another_raises(run: Run):
    """Somebody is asked, although the run ended with an error."""
    run.world.stored(GOOD).set()
    with fails(ValueError):
        run.say()


def _asks_then_raises(world: World) -> Any:
    def work() -> str:
        answer = interrupt("May I?")
        if world.live:
            msg = "the backend is away"
            raise ValueError(msg)
        return f"they said {answer}"

    return tool("ask", work)


@QUESTIONS.program(WAITING, graph=agent(_asks_then_raises), script=ONE, next=("tools",))
def a_tool_raises_after_the_answer(run: Run):
    """The task keeps its question, the answer and the error."""
    run.say()
    with fails(ValueError):
        run.resume("yes")


@QUESTIONS.program(SOUND, graph=agent(asks), script=ONE)
def a_question_is_answered(run: Run):
    """The usual end."""
    run.say()
    run.resume("yes")


@QUESTIONS.program(POISONED, graph=agent(asks), script=ONE, next=("model",), made_up=[ASK])
def a_message_instead_of_the_answer(run: Run):
    """Nobody is asked any more: the message began a turn of its own."""
    run.say()
    with fails(openai.BadRequestError):
        run.say("Leave that.")


@QUESTIONS.program(
    POISONED,
    graph=agent(good, asks),
    script=BESIDE,
    next=("model",),
    recoverable=[GOOD],
    made_up=[ASK],
)
def messages_instead_of_the_answer(run: Run):
    """Each attempt adds a message, and a finished result is lost."""
    run.say()
    for text in ("Leave that.", "Hello?", "HELLO?"):
        with fails(openai.BadRequestError):
            run.say(text)


@QUESTIONS.program(
    WAITING,
    graph=agent(good, middleware=reviewed("good")),
    script=(calls("good"),),
    next=(REVIEW,),
    answer=APPROVED,
)
def a_review_is_pending(run: Run):
    """The middleware of langchain asks before the tools run."""
    run.say()


@QUESTIONS.program(
    WAITING,
    graph=agent(good, other, middleware=reviewed("good")),
    script=(calls("good", "other"),),
    next=(REVIEW,),
    answer=APPROVED,
)
def a_review_of_one_of_two_calls_is_pending(run: Run):
    """The other call needs none, and waits all the same."""
    run.say()


@QUESTIONS.program(
    POISONED,
    graph=agent(good, middleware=reviewed("good")),
    script=(calls("good"),),
    next=("model",),
    made_up=[GOOD],
)
def a_message_instead_of_the_review(run: Run):
    """The commonest accident of interfaces with an approve button."""
    run.say()
    with fails(openai.BadRequestError):
        run.say("Do something else.")


@QUESTIONS.program(
    SOUND,
    graph=agent(good, middleware=reviewed("good")),
    script=(calls("good"),),
)
def a_review_approves(run: Run):
    """The usual end."""
    run.say()
    run.resume(APPROVED)


@QUESTIONS.program(
    SOUND,
    graph=agent(good, other, middleware=reviewed("good", "other")),
    script=(calls("good", "other"),),
)
def a_review_rejects_one_and_approves_one(run: Run):
    """The middleware answers the rejected call itself."""
    run.say()
    run.resume({"decisions": [{"type": "reject", "message": "No."}, {"type": "approve"}]})


@QUESTIONS.program(
    SOUND,
    graph=agent(good, middleware=reviewed("good")),
    script=(calls("good"),),
)
def a_review_edits(run: Run):
    """The call is replaced before it runs."""
    run.say()
    edited = {"name": "good", "args": {}}
    run.resume({"decisions": [{"type": "edit", "edited_action": edited}]})


@QUESTIONS.program(
    WAITING,
    graph=agent(good, middleware=reviewed("good")),
    script=(calls("good"),),
    next=(REVIEW,),
    answer=APPROVED,
)
def a_review_is_answered_in_the_wrong_shape(run: Run):
    """The wrong answer is stored, and the right one meets the same error; no pair is broken."""
    run.say()
    with fails(Exception):
        run.resume({"decisions": []})


@QUESTIONS.program(
    WAITING, graph=agent(good, interrupt_before=["tools"]), script=(calls("good"),), next=("tools",)
)
def paused_before_the_tools(run: Run):
    """A clean pause, which asks nothing."""
    run.say()


@QUESTIONS.program(
    WAITING, graph=agent(good, interrupt_after=["model"]), script=(calls("good"),), next=("tools",)
)
def paused_after_the_model(run: Run):
    """Another way to say the same."""
    run.say()


@QUESTIONS.program(
    WAITING,
    graph=loop(good, interrupt_before=["tools"]),
    script=(calls("good"),),
    next=("tools",),
)
def paused_before_the_tools_of_a_loop(run: Run):
    """A clean pause of one node for all tools."""
    run.say()


@QUESTIONS.program(
    WAITING,
    graph=loop(good, interrupt_before=["tools"]),
    script=(calls("good"), calls("good", suffix="_2")),
    next=("tools",),
)
def paused_before_the_tools_of_a_loop_again(run: Run):
    """The second pause of a turn: every node has run before."""
    run.say()
    run.resume()


@QUESTIONS.program(
    WAITING,
    graph=prebuilt(good, interrupt_before=["tools"]),
    script=(calls("good"),),
    next=("tools",),
)
def paused_before_the_tools_of_the_prebuilt_agent(run: Run):
    """A clean pause of langgraph's own agent."""
    run.say()


@QUESTIONS.program(
    POISONED,
    graph=loop(good, interrupt_before=["tools"]),
    script=(calls("good"),),
    next=("chatbot",),
    made_up=[GOOD],
)
def a_message_instead_of_going_on(run: Run):
    """The pause is forgotten."""
    run.say()
    with fails(openai.BadRequestError):
        run.say("Leave that.")


@QUESTIONS.program(
    SOUND,
    graph=agent(good, interrupt_before=["tools"]),
    script=(calls("good"),),
)
def went_on_after_a_pause(run: Run):
    """The usual end."""
    run.say()
    run.resume()


@QUESTIONS.program(
    SOUND,
    graph=loop(good, interrupt_before=["chatbot"]),
    script=(calls("good"),),
    next=("chatbot",),
)
def paused_before_the_model(run: Run):
    """Every call has its result already."""
    run.say()
    run.resume()


def _review_node(saver: Any, world: World) -> Any:
    """A node between model and tools that asks."""
    tools = [good(world)]
    model = world.model().bind_tools(tools)

    def review(state: Any) -> Any:
        if interrupt("May it?") == "no":
            return Command(goto=END)
        return Command(goto="tools")

    builder = StateGraph(MessagesState)
    builder.add_node("chatbot", lambda state: {"messages": [model.invoke(state["messages"])]})
    builder.add_node("review", review, destinations=("tools", END))
    builder.add_node("tools", ToolNode(tools))
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges(
        "chatbot",
        lambda state: "review" if state["messages"][-1].tool_calls else END,
        ["review", END],
    )
    builder.add_edge("tools", "chatbot")
    return builder.compile(checkpointer=saver)


@QUESTIONS.program(WAITING, graph=_review_node, script=(calls("good"),), next=("review",))
def a_node_asks_before_the_tools(run: Run):
    """A hand-written review."""
    run.say()


@QUESTIONS.program(POISONED, graph=_review_node, script=(calls("good"),), made_up=[GOOD])
def a_rejected_call_is_left_open(run: Run):
    """The review ends the turn, and nobody answers the call."""
    run.say()
    run.resume("no")


def _clarifying(saver: Any, world: World) -> Any:
    """A node that asks the user something, with every call answered."""
    model = world.model()

    def clarify(state: Any) -> Any:
        return {"messages": [HumanMessage(interrupt("Which one?"))]}

    builder = StateGraph(MessagesState)
    builder.add_node("clarify", clarify)
    builder.add_node("chatbot", lambda state: {"messages": [model.invoke(state["messages"])]})
    builder.add_edge(START, "clarify")
    builder.add_edge("clarify", "chatbot")
    return builder.compile(checkpointer=saver)


@QUESTIONS.program(WAITING, graph=_clarifying, next=("clarify",), new_works=True)
def a_node_asks_with_nothing_open(run: Run):
    """A new message works as well: it is asked again."""
    run.say()


@QUESTIONS.program(
    POISONED, graph=_clarifying, next=("clarify",), made_up=["call_lost"], mends=False
)
def a_node_asks_in_a_broken_thread(run: Run):
    """Somebody is asked, and the history is broken long since."""
    lost = AIMessage("", tool_calls=[{"name": "good", "args": {}, "id": "call_lost"}])
    run.graph.invoke(
        {"messages": [HumanMessage("Look it up."), lost, HumanMessage("And?")]}, run.config
    )


@QUESTIONS.program(WAITING, graph=agent(good), script=(calls("good"),), next=("tools",))
def the_recursion_limit_before_the_tools(run: Run):
    """The limit is met between call and result."""
    from langgraph.errors import GraphRecursionError

    with fails(GraphRecursionError):
        run.graph.invoke(says("Look it up."), {**run.config, "recursion_limit": 1})


@QUESTIONS.program(SOUND, graph=agent(good), script=(calls("good"),), next=("model",))
def the_recursion_limit_before_the_model(run: Run):
    """The limit is met between result and answer."""
    from langgraph.errors import GraphRecursionError

    with fails(GraphRecursionError):
        run.graph.invoke(says("Look it up."), {**run.config, "recursion_limit": 2})


@QUESTIONS.program(
    POISONED, graph=agent(good), script=(calls("good"),), next=("model",), made_up=[GOOD]
)
def a_message_after_the_recursion_limit(run: Run):
    """The user writes on."""
    from langgraph.errors import GraphRecursionError

    with fails(GraphRecursionError):
        run.graph.invoke(says("Look it up."), {**run.config, "recursion_limit": 1})
    with fails(openai.BadRequestError):
        run.say("And?")


@QUESTIONS.program(SOUND, graph=agent(good), script=(calls("good"), DONE))
def two_turns(run: Run):
    """Nothing happens."""
    run.say()
    run.say("Thanks.")
