"""What the programs are made of: a scripted model, tools, turns, and the truth of each program."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

from tests.steps.recordings import Recorder
from toolpair_observe.pairing.masked import MaskedKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from toolpair_observe.steps.blamed import BlameChange, Fate

SOUND_TURNS = (0, 1, 3)
"""How many turns a program makes before what breaks or mends its thread."""


class BackendError(Exception):
    """What a tool raises whose backend is away."""


class Scripted(BaseChatModel):
    """Answers with what its application's script has next."""

    app: Any = None

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _generate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
        reply = self.app.next_reply(messages)
        return ChatResult(generations=[ChatGeneration(message=reply)])


@dataclass(slots=True)
class App:
    """One application with one thread.

    Attributes:
        sound_turns: How many turns it makes before `arm`.
        thread_id: Its thread; None for an application that names none.
        graph: What `say` invokes.
        is_armed: Whether what breaks or mends the thread is at work.
        first: How many requests there were before `arm`.
    """

    sound_turns: int = 0
    thread_id: str | None = "thread"
    graph: Any = None
    is_armed: bool = False
    first: int = 0
    recorder: Recorder = field(default_factory=Recorder)
    saver: InMemorySaver = field(default_factory=InMemorySaver)
    _script: deque[Any] = field(default_factory=deque)
    _numbers: Any = field(default_factory=lambda: count(1))

    def model(self) -> Scripted:
        """Return a model that answers with the script."""
        return Scripted(app=self)

    def next_reply(self, messages: list[BaseMessage]) -> AIMessage:
        """Take the next answer of the script; "Fine." where there is none."""
        reply = self._script.popleft() if self._script else "Fine."
        if callable(reply):
            reply = reply(messages)
        # A model answers with a new message each time.
        return reply.model_copy() if isinstance(reply, AIMessage) else AIMessage(reply)

    def calls(self, *names: str, malformed: Iterable[str] = (), text: str = "") -> AIMessage:
        """Return an answer that calls tools, each under a new id."""
        return AIMessage(
            text,
            tool_calls=[{"name": n, "args": {}, "id": f"call_{n}_{self.number()}"} for n in names],
            invalid_tool_calls=[
                {"name": n, "args": '{"ci', "id": f"call_{n}_{self.number()}", "error": "cut"}
                for n in malformed
            ],
        )

    def number(self) -> int:
        """Return a number that was not there before."""
        return next(self._numbers)

    def config(self, max_concurrency: int | None = 1, **configurable: Any) -> dict[str, Any]:
        """Return what a graph is invoked with.

        Args:
            max_concurrency: How many tools run at a time: one, in the order of the calls. An
                entrypoint takes a place of its own.
            **configurable: What else is configured, such as a checkpoint.
        """
        named = {} if self.thread_id is None else {"thread_id": self.thread_id}
        return {
            "callbacks": [self.recorder],
            "configurable": {**named, **configurable},
            "max_concurrency": max_concurrency,
            "recursion_limit": 60,
        }

    def expect(self, *replies: Any) -> None:
        """Add answers to the script."""
        self._script.extend(replies)

    def say(self, text: str, *replies: Any, **configurable: Any) -> None:
        """Run a turn; what its tools raise ends it, as it would in any application."""
        self.expect(*replies)
        with suppress(BackendError):
            self.graph.invoke({"messages": [HumanMessage(text)]}, self.config(**configurable))
        self._script.clear()

    def resume(self, answer: Any, *replies: Any) -> None:
        """Answer a question of the graph's."""
        self.expect(*replies)
        with suppress(BackendError):
            self.graph.invoke(Command(resume=answer), self.config())
        self._script.clear()

    def say_and_cancel(self, text: str, *replies: Any, started: asyncio.Event) -> None:
        """Run a turn, and cancel it once a tool has started."""
        self.expect(*replies)

        async def turn() -> None:
            asked = {"messages": [HumanMessage(text)]}
            task = asyncio.ensure_future(self.graph.ainvoke(asked, self.config()))
            await started.wait()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

        asyncio.run(turn())
        self._script.clear()

    def arm(self, turn: Callable[[], None] | None = None) -> None:
        """Make the sound turns, and let what breaks or mends the thread begin.

        Args:
            turn: What makes a sound turn; None for a question, a tool and an answer.
        """
        for number in range(self.sound_turns):
            if turn is not None:
                turn()
            else:
                self.say(f"Turn {number}", self.calls("weather"), "Fine.")
        self.first = self.recorder.request_count
        self.is_armed = True

    @property
    def messages(self) -> list[BaseMessage]:
        """The thread as it is stored."""
        found: list[BaseMessage] = self.graph.get_state(self.config()).values["messages"]
        return found

    def tool(self, name: str, work: Callable[[], Any] | None = None) -> StructuredTool:
        """Return a tool; one that works where `work` is not given."""

        def done() -> Any:
            return work() if work is not None else f"{name}: 18 degrees"

        async def adone() -> Any:
            return done()

        return StructuredTool.from_function(done, adone, name=name, description=f"Do {name}.")

    def weather(self) -> StructuredTool:
        """Return a tool that works."""
        return self.tool("weather")

    def news(self) -> StructuredTool:
        """Return another tool that works."""
        return self.tool("news")

    def broken(self) -> StructuredTool:
        """Return a tool that always raises."""

        def work() -> str:
            raise BackendError

        return self.tool("broken", work)

    def ask(self) -> StructuredTool:
        """Return a tool that asks somebody."""
        return self.tool("ask", lambda: f"They said {interrupt('May I?')}")


def call_message(messages: list[BaseMessage]) -> int:
    """Return the position of the last message that calls tools."""
    return max(
        place
        for place, each in enumerate(messages)
        if isinstance(each, AIMessage) and (each.tool_calls or each.invalid_tool_calls)
    )


def answered(messages: list[BaseMessage], text: str) -> list[BaseMessage]:
    """Return the messages with a result of these words for each call that has none."""
    done = {each.tool_call_id for each in messages if isinstance(each, ToolMessage)}
    mended: list[BaseMessage] = []
    for each in messages:
        mended.append(each)
        if isinstance(each, AIMessage):
            mended += [
                ToolMessage(text.format(name=call["name"], id=call["id"]), tool_call_id=call["id"])
                for call in (*each.tool_calls, *each.invalid_tool_calls)
                if call["id"] not in done
            ]
    return mended


@dataclass(frozen=True, slots=True)
class Mended:
    """One result that somebody made up.

    Attributes:
        tool: The tool that was called.
        step: Who did it.
        kind: What was wrong.
        by: The software; None where any name will do.
        request: The number of the first request whose model sees it, after the sound turns.
        is_fresh: Whether the request can tell that it is the first one.
    """

    tool: str
    step: str | None
    kind: MaskedKind = MaskedKind.MISSING
    by: str | None = None
    request: int = 0
    is_fresh: bool = True


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a program's run, whatever its callbacks tell.

    Attributes:
        first_bad: The number of the first broken request, after the sound turns; None for none.
        changes: What broke it: several where more than one word is right.
        steps: The steps that may be named for it.
        fates: What became of the concerned calls, by their tools.
        mended: The results that somebody made up.
        tells_steps: Whether chain events name the step; not for a model without a graph.
        bad_requests: How many requests are broken; None for no claim.
        breaches: How many breaches those are; None for no claim.
    """

    first_bad: int | None = None
    changes: tuple[BlameChange | None, ...] = ()
    steps: tuple[str | None, ...] = ()
    fates: Mapping[str, Fate] = field(default_factory=dict)
    mended: tuple[Mended, ...] = ()
    tells_steps: bool = True
    bad_requests: int | None = None
    breaches: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A program, and what is true of it.

    Attributes:
        name: Its name.
        run: Runs it in an application.
        truth: What is true of it.
    """

    name: str
    run: Callable[[App], None]
    truth: Truth


class Catalog(dict[str, Program]):
    """Programs by their names."""

    def program(self, **truth: Any) -> Callable[[Callable[[App], None]], Callable[[App], None]]:
        """Return a decorator that adds a program with its truth, a `Truth`'s arguments."""

        def add(run: Callable[[App], None]) -> Callable[[App], None]:
            assert run.__name__ not in self, run.__name__
            self[run.__name__] = Program(run.__name__, run, Truth(**truth))
            return run

        return add


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One run of a program.

    Attributes:
        program: The program.
        sound_turns: How many turns came before.
        first: How many requests these made.
        events: Everything that its callbacks were told.
    """

    program: Program
    sound_turns: int
    first: int
    events: tuple[Any, ...]


def recorded(program: Program, sound_turns: int) -> Recording:
    """Run a program, and return what its callbacks were told."""
    app = App(sound_turns)
    program.run(app)
    return Recording(program, sound_turns, app.first, tuple(app.recorder.events))
