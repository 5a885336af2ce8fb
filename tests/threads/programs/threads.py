"""The threads of the programs in one database."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.threads.programs.record import Program, make, world_of
from tests.threads.programs.truth import Outcome, continued

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fork_server import ForkServer
    from tests.loopback.scripted_provider import ScriptedProvider
    from tests.threads.programs.beds import Bed
    from tests.threads.programs.world import World


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a program's thread, which a test may change.

    Attributes:
        program: The program.
        saver: Where the copy is.
        thread_id: Its id.
        world: What its graph lives in.
        graph: The program's graph.
    """

    program: Program
    saver: Any
    thread_id: str
    world: World
    graph: Any

    @property
    def config(self) -> dict[str, Any]:
        """The config of the thread."""
        return {"configurable": {"thread_id": self.thread_id}}


@dataclass(eq=False)
class Threads:
    """The threads of programs in one database, made when they are first asked for."""

    bed: Bed
    provider: ScriptedProvider
    fork_server: ForkServer
    _made: set[str] = field(default_factory=set)

    def made(self, program: Program) -> Program:
        """Run a program, unless it has run."""
        # Hundreds of programs are made in one process, which may have a thousand files open.
        self.bed.release()
        if program.name not in self._made:
            make(program, self.bed, self.provider, self.fork_server)
            self._made.add(program.name)
        return program

    @contextmanager
    def copied(self, program: Program) -> Iterator[Copy]:
        """Give a copy of a program's thread."""
        self.made(program)
        with self.bed.copied(program.name, **program.options()) as (saver, thread_id):
            world = world_of(self.provider, program)
            yield Copy(program, saver, thread_id, world, program.graph(saver, world))

    def continued(self, program: Program, *, resume: bool) -> Outcome:
        """Continue a copy of a program's thread."""
        with self.copied(program) as copy:
            return continued(copy, resume=resume)
