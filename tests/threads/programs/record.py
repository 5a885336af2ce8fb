"""What a program is: how its graph is built, what it does, and what its thread is then.

What is expected is written down from the facts, not computed: whoever continues a copy of the
thread finds out whether it is true.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import HumanMessage
from langgraph.types import Command
from packaging.requirements import Requirement

from tests.threads.programs import beds
from tests.threads.programs.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence

    from tests.fork_server import ForkServer
    from tests.loopback.scripted_provider import ScriptedProvider
    from tests.threads.programs.beds import Bed
    from toolpair_observe.demo.loopback.judge import WireError
    from toolpair_observe.demo.loopback.provider import Reply

SOUND: Final = "sound"
WAITING: Final = "waiting"
STALLED: Final = "stalled"
POISONED: Final = "poisoned"
UNREADABLE: Final = "unreadable"

QUESTION: Final = "And what now?"
KILLED: Final = -9


def says(text: str) -> dict[str, Any]:
    """Return the input that most graphs take."""
    return {"messages": [HumanMessage(text)]}


def speak(graph: Any, config: Any) -> Any:
    """Continue with a new message."""
    return graph.invoke(says(QUESTION), config)


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program, and what is true of the thread that it makes.

    Attributes:
        name: The thread's id.
        why: What happens in it.
        run: Makes the thread.
        graph: Builds its graph for a saver in a world.
        verdicts: By namespace what the thread is, as soon as nothing of it can still be running.
        script: What the model says while the program runs.
        also: Verdicts that are right, too: it is not sure that a cancellation gets stored, and
            without it nothing tells that the run has ended.
        next: The nodes that a resume runs, in the root.
        recoverable: Calls without a result in the stored list, whose real result stands elsewhere.
        made_up: Calls whose result is nowhere, so that a mend makes one up.
        contents: By call id the contents of its results in a mended list, where that matters.
        restored: Calls whose message a mend brings back, for a result that had lost it.
        new_works: Whether a new message meets no refusal of its pairs.
        resume_works: Whether a resume meets none.
        trims_itself: Whether the graph changes its history before each request, which no row tells.
        mends: Whether a mend is possible; None where nothing is to be mended, or both may be right.
        names_next: Whether the rows of every database tell the names of the next nodes.
        channel: The channel that holds its messages; None where there is none.
        options: What its saver is made with.
        judge: Returns the refusal of its provider; None for OpenAI's.
        new: Continues it with a new message.
        answer: What a question is answered with.
        twin: The name of the program that does the same and meets no mishap.
        kills: Whether it kills its process.
        profile: The profile that has to be told, since no message tells it.
    """

    name: str
    why: str
    run: Callable[[Run], Any]
    graph: Callable[[Any, World], Any]
    verdicts: Mapping[str, str]
    script: Sequence[Reply | WireError] = ()
    also: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
    recoverable: frozenset[str] = frozenset()
    made_up: frozenset[str] = frozenset()
    contents: Mapping[str, Sequence[str]] = field(default_factory=dict)
    restored: frozenset[str] = frozenset()
    new_works: bool = True
    resume_works: bool = True
    trims_itself: bool = False
    mends: bool | None = None
    names_next: bool = True
    channel: str | None = "messages"
    options: Callable[[], dict[str, Any]] = dict
    judge: Callable[[Any], WireError | None] | None = None
    new: Callable[[Any, Any], Any] = speak
    answer: Any = "yes"
    twin: str = ""
    kills: bool = False
    profile: str | None = None

    @property
    def verdict(self) -> str:
        """What the root is."""
        return self.verdicts[""]

    @property
    def broken_namespace(self) -> str:
        """The namespace whose history is broken, the root's where none is."""
        broken = [name for name, each in self.verdicts.items() if each in (STALLED, POISONED)]
        return broken[0] if broken else ""

    @property
    def worst(self) -> str:
        """What its continuation meets, whichever namespace it is in."""
        order = (SOUND, WAITING, STALLED, POISONED, UNREADABLE)
        return max(self.verdicts.values(), key=order.index)

    def __str__(self) -> str:
        return self.name


def _is_installed(needs: str) -> bool:
    """Whether what is installed satisfies a requirement."""
    wanted = Requirement(needs)
    return wanted.specifier.contains(version(wanted.name), prereleases=True)


class Catalog(dict[str, Program]):
    """Programs by name, in the order in which they were written down."""

    def program(  # noqa: PLR0913 - what the facts are made of
        self,
        verdict: str = SOUND,
        *,
        graph: Callable[[Any, World], Any],
        verdicts: Mapping[str, str] | None = None,
        recoverable: Sequence[str] = (),
        made_up: Sequence[str] = (),
        restored: Sequence[str] = (),
        needs: str = "",
        **facts: Any,
    ) -> Callable[[Callable[[Run], Any]], Callable[[Run], Any]]:
        """Put the program that follows into the catalog.

        Args:
            needs: Since which release of what it does what is expected; others leave it out.
        """

        def put(run: Callable[[Run], Any]) -> Callable[[Run], Any]:
            if needs and not _is_installed(needs):
                return run
            by_namespace = {"": verdict, **(verdicts or {})}
            every = by_namespace.values()
            broken = POISONED in every
            stuck = broken or STALLED in every
            defaults: dict[str, Any] = {
                "new_works": not stuck and WAITING not in every,
                # With no node to run, a resume does nothing, and so meets nothing.
                "resume_works": not broken or not facts.get("next"),
                "mends": True if stuck and not facts.get("also") else None,
            }
            name = run.__name__.strip("_")
            assert name not in self, f"two programs are called {name}"
            self[name] = Program(
                name=name,
                why=run.__doc__ or "",
                run=run,
                graph=graph,
                verdicts=by_namespace,
                recoverable=frozenset(recoverable),
                made_up=frozenset(made_up),
                restored=frozenset(restored),
                **{**defaults, **facts},
            )
            return run

        return put


@dataclass(slots=True)
class Run:
    """A program at work.

    Attributes:
        program: The program.
        bed: Where its thread is stored.
        world: What its graph lives in.
        fork_server: Runs programs that kill themselves.
    """

    program: Program
    bed: Bed
    world: World
    fork_server: ForkServer | None = None
    _saver: Any = None
    _graph: Any = field(default=None)

    @property
    def config(self) -> dict[str, Any]:
        """The config of the thread."""
        return {"configurable": {"thread_id": self.program.name}}

    @property
    def saver(self) -> Any:
        """The saver, which tells the world what it has stored."""
        if self._saver is None:
            self._saver = self.world.watch(self.bed.saver(**self.program.options()))
        return self._saver

    @property
    def graph(self) -> Any:
        """The graph."""
        if self._graph is None:
            self._graph = self.program.graph(self.saver, self.world)
        return self._graph

    @property
    def state(self) -> Any:
        """What the graph tells of the thread."""
        return self.graph.get_state(self.config)

    def say(self, text: str = "Look both up.", **options: Any) -> Any:
        """Send a message."""
        return self.graph.invoke(says(text), self.config, **options)

    def resume(self, answer: Any = None, **options: Any) -> Any:
        """Go on, with an answer or without."""
        given = None if answer is None else Command(resume=answer)
        return self.graph.invoke(given, self.config, **options)

    def update(self, values: Any, **options: Any) -> Any:
        """Write to the state from outside."""
        return self.graph.update_state(self.config, values, **options)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Any]:
        """Give the graph on a saver with asynchronous methods."""
        async with self.bed.asaver(**self.program.options()) as saver:
            try:
                yield self.program.graph(self.world.watch(saver), self.world)
            finally:
                await self.world.aclose()

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run asynchronous work to its end."""
        return asyncio.run(work)


def world_of(provider: ScriptedProvider, program: Program) -> World:
    """Return the world that a program's thread is continued in."""
    conversation = conversation_of(provider, program, ())
    return World(provider.base_url, conversation, provider.responses_url, live=False)


def conversation_of(provider: ScriptedProvider, program: Program, script: Any) -> Any:
    """Return the provider's side of a program."""
    judged = {"judge": program.judge} if program.judge else {}
    return provider.conversation(script, **judged)


def make(program: Program, bed: Bed, provider: ScriptedProvider, fork_server: ForkServer) -> None:
    """Run a program, so that its thread is stored in the bed."""
    conversation = conversation_of(provider, program, program.script)
    world = World(provider.base_url, conversation, provider.responses_url)
    if not program.kills:
        program.run(Run(program, bed, world, fork_server))
        return
    with tempfile.TemporaryDirectory() if not bed.url else nullcontext() as folder:
        url = bed.url or f"sqlite:///{Path(folder, 'killed.db')}"
        ended = fork_server.run(
            "-m",
            "tests.threads.programs.killed",
            program.name,
            url,
            world.base_url,
            world.conversation.key,
        )
        assert ended.returncode == KILLED, ended.stderr.decode()
        if not bed.url:
            with beds.opened(url) as source:
                options = program.options()
                beds.copy_thread(source.saver(**options), bed.saver(**options), program.name)
