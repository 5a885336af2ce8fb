"""Messages in channels of every kind, and channels that hold no messages."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import openai
from langchain_core.documents import Document
from langchain_core.messages import (
    AnyMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.messages.utils import convert_to_messages, convert_to_openai_messages
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from tests.loopback.scripted_provider import DONE
from tests.threads.programs.graphs import (
    BAD,
    GOOD,
    bad_alone,
    calls,
    good,
    hand_written,
    loop,
    other,
)
from tests.threads.programs.record import POISONED, SOUND, STALLED, WAITING, Catalog, Run
from tests.threads.programs.world import World, fails

CHANNELS = Catalog()
ONE = (calls("good"),)
QUESTION = "And what now?"


class Added(TypedDict):
    """Messages of a reducer that only appends."""

    messages: Annotated[list[AnyMessage], operator.add]


class PydanticState(BaseModel):
    """A validated state."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    messages: Annotated[list[AnyMessage], add_messages] = []
    steps: int = 0


@dataclass
class DataState:
    """A state of plain Python."""

    messages: Annotated[list[AnyMessage], add_messages] = field(default_factory=list)


class Raw(TypedDict):
    """Whatever is put in."""

    messages: Annotated[list[Any], operator.add]


class Last(TypedDict):
    """A list that each node writes anew."""

    messages: list[AnyMessage]


class Chat(TypedDict):
    """A channel of another name."""

    chat_history: Annotated[list[AnyMessage], add_messages]


class Two(TypedDict):
    """Two conversations."""

    messages: Annotated[list[AnyMessage], add_messages]
    research: Annotated[list[AnyMessage], add_messages]


class Nested(TypedDict):
    """A conversation inside of something else."""

    conversation: dict[str, Any]


class Other(TypedDict):
    """Lists of other things beside the messages."""

    messages: Annotated[list[AnyMessage], add_messages]
    documents: list[Document]
    pairs: list[tuple[str, str]]
    team: list[dict[str, str]]
    scores: list[float]
    nothing: list[Any]


@CHANNELS.program(SOUND, graph=loop(good, state=Added), script=ONE)
def appended(run: Run):
    """`operator.add`."""
    run.say()


@CHANNELS.program(
    STALLED,
    graph=loop(good, bad_alone, state=Added),
    script=(calls("good", "bad"),),
    next=("tools",),
    made_up=[GOOD, BAD],
)
def appended_and_a_tool_raises(run: Run):
    """`operator.add`, and an open call."""
    with fails(ValueError):
        run.say()


@CHANNELS.program(
    POISONED,
    graph=loop(good, bad_alone, state=Added),
    script=(calls("good", "bad"),),
    next=("chatbot",),
    made_up=[GOOD, BAD],
)
def appended_and_a_message_after_a_crash(run: Run):
    """`operator.add`, which can only be mended by an overwrite."""
    with fails(ValueError):
        run.say()
    with fails(openai.BadRequestError):
        run.say("Hello?")


@CHANNELS.program(POISONED, graph=loop(good, state=Added), script=ONE, next=("chatbot",))
def appended_twice(run: Run):
    """`operator.add` keeps a result that is delivered again, as ids mean nothing to it."""
    run.say()
    results = [each for each in run.state.values["messages"] if each.type == "tool"]
    run.update({"messages": results}, as_node="tools")


@CHANNELS.program(SOUND, graph=loop(good, state=PydanticState), script=ONE)
def a_validated_state(run: Run):
    """Pydantic."""
    run.say()


@CHANNELS.program(
    POISONED,
    graph=loop(bad_alone, state=PydanticState),
    script=(calls("bad"),),
    next=("chatbot",),
    made_up=[BAD],
)
def a_validated_state_is_broken(run: Run):
    """Pydantic, and a message after a crash."""
    with fails(ValueError):
        run.say()
    with fails(openai.BadRequestError):
        run.say("Hello?")


@CHANNELS.program(
    STALLED,
    graph=loop(bad_alone, state=DataState),
    script=(calls("bad"),),
    next=("tools",),
    made_up=[BAD],
)
def a_state_of_plain_python(run: Run):
    """A dataclass, and a tool that raises."""
    with fails(ValueError):
        run.say()


def _raw(saver: Any, world: World, *, form: str) -> Any:
    """A graph that keeps messages as data: dicts of langchain, dicts of OpenAI, or pairs."""
    model = world.model().bind_tools([good(world)])
    node = ToolNode([good(world)], handle_tool_errors=False)

    def read(stored: list[Any]) -> list[BaseMessage]:
        if form == "langchain":
            return messages_from_dict(stored)
        return convert_to_messages([tuple(e) if isinstance(e, list) else e for e in stored])

    def written(messages: list[BaseMessage]) -> list[Any]:
        if form == "langchain":
            return messages_to_dict(messages)
        if form == "pairs":
            return [
                (each.type, each.content) if each.type in ("human", "ai") and each.content else each
                for each in messages
            ]
        return convert_to_openai_messages(messages)

    def chatbot(state: Any) -> Any:
        return {"messages": written([model.invoke(read(state["messages"]))])}

    def tools(state: Any) -> Any:
        return {"messages": written(node.invoke(read(state["messages"])))}

    builder = StateGraph(Raw)
    builder.add_node("chatbot", chatbot)
    builder.add_node("tools", tools)
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges(
        "chatbot",
        lambda s: "tools" if getattr(read(s["messages"])[-1], "tool_calls", None) else END,
        ["tools", END],
    )
    builder.add_edge("tools", "chatbot")
    return builder.compile(checkpointer=saver)


_SPOKEN = {
    "langchain": lambda text: messages_to_dict([HumanMessage(text)])[0],
    "openai": lambda text: {"role": "user", "content": text},
    "pairs": lambda text: ("human", text),
}


def _ask(form: str) -> Any:
    def new(graph: Any, config: Any) -> Any:
        return graph.invoke({"messages": [_SPOKEN[form](QUESTION)]}, config)

    return new


def _raw_program(form: str, verdict: str, name: str) -> None:
    def run_it(run: Run) -> None:
        said = {"messages": [_SPOKEN[form]("Look it up.")]}
        if verdict == SOUND:
            run.graph.invoke(said, run.config)
            return
        run.graph.invoke(said, run.config, interrupt_before=["tools"])
        if verdict == POISONED:
            with fails(openai.BadRequestError):
                _ask(form)(run.graph, run.config)

    run_it.__name__ = name
    run_it.__doc__ = f"Messages that are stored as data ({form})."
    CHANNELS.program(
        verdict,
        graph=partial(_raw, form=form),
        script=ONE,
        new=_ask(form),
        next={WAITING: ("tools",), POISONED: ("chatbot",)}.get(verdict, ()),
        made_up=[GOOD] if verdict == POISONED else [],
    )(run_it)


for _form, _name in (
    ("langchain", "messages_as_dicts"),
    ("openai", "messages_as_openai_dicts"),
    ("pairs", "messages_as_pairs"),
):
    _raw_program(_form, SOUND, _name)
    _raw_program(_form, WAITING, f"{_name}_paused")
    _raw_program(_form, POISONED, f"{_name}_broken")


def _last(saver: Any, world: World) -> Any:
    """A graph whose nodes write the whole list each time."""
    model = world.model().bind_tools([bad_alone(world)])
    node = ToolNode([bad_alone(world)], handle_tool_errors=False)
    builder = StateGraph(Last)
    builder.add_node(
        "chatbot", lambda s: {"messages": [*s["messages"], model.invoke(s["messages"])]}
    )
    builder.add_node("tools", lambda s: {"messages": [*s["messages"], *node.invoke(s["messages"])]})
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges(
        "chatbot", lambda s: "tools" if s["messages"][-1].tool_calls else END, ["tools", END]
    )
    builder.add_edge("tools", "chatbot")
    return builder.compile(checkpointer=saver)


def _appending(graph: Any, config: Any) -> Any:
    """Continue as a client does who has the whole list: what is stored, and a new message."""
    history = graph.get_state(config).values.get("messages", [])
    return graph.invoke({"messages": [*history, HumanMessage(QUESTION)]}, config)


@CHANNELS.program(
    STALLED, graph=_last, script=(calls("bad"),), next=("tools",), made_up=[BAD], new=_appending
)
def a_list_that_is_written_anew(run: Run):
    """No reducer: the client sends the whole list."""
    with fails(ValueError):
        run.say()


@CHANNELS.program(
    POISONED, graph=_last, script=(calls("bad"),), next=("chatbot",), made_up=[BAD], new=_appending
)
def a_list_that_is_written_anew_is_broken(run: Run):
    """No reducer, and a message after a crash."""
    with fails(ValueError):
        run.say()
    with fails(openai.BadRequestError):
        _appending(run.graph, run.config)


def _chat(saver: Any, world: World) -> Any:
    """A graph whose channel has another name."""
    made = [good(world), bad_alone(world)]
    model = world.model().bind_tools(made)
    builder = StateGraph(Chat)
    builder.add_node("chatbot", lambda s: {"chat_history": [model.invoke(s["chat_history"])]})
    builder.add_node("tools", ToolNode(made, handle_tool_errors=False, messages_key="chat_history"))
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges(
        "chatbot", lambda s: "tools" if s["chat_history"][-1].tool_calls else END, ["tools", END]
    )
    builder.add_edge("tools", "chatbot")
    return builder.compile(checkpointer=saver)


def _chatting(graph: Any, config: Any) -> Any:
    return graph.invoke({"chat_history": [HumanMessage(QUESTION)]}, config)


@CHANNELS.program(
    STALLED,
    graph=_chat,
    script=(calls("bad"),),
    next=("tools",),
    made_up=[BAD],
    channel="chat_history",
    new=_chatting,
)
def a_channel_of_another_name(run: Run):
    """A tool raises."""
    with fails(ValueError):
        _chatting(run.graph, run.config)


@CHANNELS.program(
    POISONED,
    graph=_chat,
    script=(calls("bad"),),
    next=("chatbot",),
    made_up=[BAD],
    channel="chat_history",
    new=_chatting,
)
def a_channel_of_another_name_is_broken(run: Run):
    """A message after a crash."""
    with fails(ValueError):
        _chatting(run.graph, run.config)
    with fails(openai.BadRequestError):
        _chatting(run.graph, run.config)


def _two(saver: Any, world: World, *, researches: bool) -> Any:
    """A graph with two conversations, the second one without the user."""
    tools = [good(world)]
    model = world.model().bind_tools(tools)

    def chatbot(state: Any) -> Any:
        return {"messages": [model.invoke(state["messages"])]}

    def research(state: Any) -> Any:
        task = HumanMessage("Find out.")
        answer = model.invoke([*state.get("research", []), task])
        results = [
            ToolMessage("found", tool_call_id=each["id"])
            for each in answer.tool_calls
            if researches
        ]
        return {"research": [task, answer, *results]}

    builder = StateGraph(Two)
    builder.add_node("research", research)
    builder.add_node("chatbot", chatbot)
    builder.add_edge(START, "research")
    builder.add_edge("research", "chatbot")
    return builder.compile(checkpointer=saver)


@CHANNELS.program(SOUND, graph=partial(_two, researches=True), script=(calls("good"), DONE))
def two_conversations(run: Run):
    """Both are whole."""
    run.say()


@CHANNELS.program(
    POISONED,
    graph=partial(_two, researches=False),
    script=(calls("good"), DONE),
    made_up=[GOOD],
    channel="research",
)
def the_second_of_two_conversations_is_broken(run: Run):
    """The one that the user sees is whole, and each turn fails all the same."""
    run.say()


def _nested(saver: Any, world: World) -> Any:
    """A conversation in a dict."""
    made = [bad_alone(world)]
    model = world.model().bind_tools(made)
    node = ToolNode(made, handle_tool_errors=False)

    def said(state: Any) -> list[Any]:
        return state["conversation"]["messages"]

    def chatbot(state: Any) -> Any:
        return {"conversation": {"messages": [*said(state), model.invoke(said(state))]}}

    def tools(state: Any) -> Any:
        return {"conversation": {"messages": [*said(state), *node.invoke(said(state))]}}

    builder = StateGraph(Nested)
    builder.add_node("chatbot", chatbot)
    builder.add_node("tools", tools)
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges(
        "chatbot", lambda s: "tools" if said(s)[-1].tool_calls else END, ["tools", END]
    )
    builder.add_edge("tools", "chatbot")
    return builder.compile(checkpointer=saver)


def _conversing(graph: Any, config: Any) -> Any:
    kept = graph.get_state(config).values.get("conversation") or {"messages": []}
    said = [*kept["messages"], HumanMessage(QUESTION)]
    return graph.invoke({"conversation": {"messages": said}}, config)


@CHANNELS.program(
    STALLED,
    graph=_nested,
    script=(calls("bad"),),
    next=("tools",),
    made_up=[BAD],
    channel="conversation.messages",
    new=_conversing,
    mends=None,
)
def a_conversation_in_a_dict(run: Run):
    """The list is below the channel's value."""
    with fails(ValueError):
        _conversing(run.graph, run.config)


def _root(saver: Any, world: World) -> Any:
    """A state that is the list itself."""
    made = [bad_alone(world)]
    model = world.model().bind_tools(made)
    builder = StateGraph(Annotated[list[AnyMessage], add_messages])
    builder.add_node("chatbot", lambda messages: [model.invoke(messages)])
    builder.add_node("tools", ToolNode(made, handle_tool_errors=False))
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges(
        "chatbot", lambda messages: "tools" if messages[-1].tool_calls else END, ["tools", END]
    )
    builder.add_edge("tools", "chatbot")
    return builder.compile(checkpointer=saver)


def _to_root(graph: Any, config: Any) -> Any:
    return graph.invoke([HumanMessage(QUESTION)], config)


@CHANNELS.program(
    STALLED,
    graph=_root,
    script=(calls("bad"),),
    next=("tools",),
    made_up=[BAD],
    channel="__root__",
    new=_to_root,
)
def a_state_that_is_the_list(run: Run):
    """The old message graph, and a tool that raises."""
    with fails(ValueError):
        _to_root(run.graph, run.config)


@CHANNELS.program(
    POISONED,
    graph=_root,
    script=(calls("bad"),),
    next=("chatbot",),
    made_up=[BAD],
    channel="__root__",
    new=_to_root,
)
def a_state_that_is_a_broken_list(run: Run):
    """The old message graph, and a message after a crash."""
    with fails(ValueError):
        _to_root(run.graph, run.config)
    with fails(openai.BadRequestError):
        _to_root(run.graph, run.config)


def _others(saver: Any, world: World) -> Any:
    """A graph with lists of other things."""
    builder = hand_written(world, [good(world)], Other)
    return builder.compile(checkpointer=saver)


@CHANNELS.program(SOUND, graph=_others, script=ONE)
def lists_of_other_things(run: Run):
    """Documents, pairs of words, people with roles, numbers, nothing."""
    run.graph.invoke(
        {
            "messages": [HumanMessage("Look it up.")],
            "documents": [Document("tool_calls", metadata={"type": "ai"})],
            "pairs": [("color", "red"), ("size", "small")],
            "team": [{"role": "admin", "name": "Ada"}, {"role": "assistant", "name": "Bo"}],
            "scores": [0.5, 1.0],
            "nothing": [],
        },
        run.config,
    )


@CHANNELS.program(SOUND, graph=_others, script=ONE)
def a_pair_of_words_that_looks_like_a_message(run: Run):
    """One pair of several begins with the word for a role."""
    run.graph.invoke(
        {
            "messages": [HumanMessage("Look it up.")],
            "pairs": [("color", "red"), ("human", "being"), ("tool", "hammer")],
        },
        run.config,
    )


class Counter(TypedDict):
    """No messages at all."""

    count: int
    log: Annotated[list[str], operator.add]


def _counting(saver: Any, world: World, *, raises: bool) -> Any:
    def step(state: Any) -> Any:
        if raises and world.live:
            msg = "cannot count"
            raise ValueError(msg)
        return {"count": state.get("count", 0) + 1, "log": ["counted"]}

    builder = StateGraph(Counter)
    builder.add_node("step", step)
    builder.add_edge(START, "step")
    return builder.compile(checkpointer=saver)


def _count(graph: Any, config: Any) -> Any:
    return graph.invoke({"count": 1}, config)


@CHANNELS.program(SOUND, graph=partial(_counting, raises=False), channel=None, new=_count)
def no_messages(run: Run):
    """A graph that counts."""
    _count(run.graph, run.config)


@CHANNELS.program(
    SOUND, graph=partial(_counting, raises=True), channel=None, new=_count, next=("step",)
)
def no_messages_and_an_error(run: Run):
    """A graph that counts, and fails."""
    with fails(ValueError):
        _count(run.graph, run.config)


@CHANNELS.program(SOUND, graph=loop(good, other), channel=None, next=("chatbot",))
def an_empty_thread(run: Run):
    """Somebody opens a chat and says nothing."""
    run.graph.update_state(run.config, {"messages": []}, as_node="tools")
