"""The process of a program that kills itself: `python -m …killed NAME DATABASE PROVIDER SCRIPT`."""

from __future__ import annotations

import sys

from tests.loopback.scripted_provider import Conversation
from tests.threads.programs import PROGRAMS, beds
from tests.threads.programs.record import Run
from tests.threads.programs.world import World


def main() -> None:
    """Run the program. If it is right, this never returns."""
    name, database, base_url, key = sys.argv[1:]
    with beds.opened(database) as bed:
        world = World(base_url, Conversation(key, replies=None))
        program = PROGRAMS[name]
        program.run(Run(program, bed, world))


if __name__ == "__main__":
    main()
