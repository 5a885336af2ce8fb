"""Threads that are stored encrypted."""

from __future__ import annotations

import importlib.util
from typing import Any

import openai

from tests.threads.programs.graphs import BAD, GOOD, agent, bad, calls, good, killer
from tests.threads.programs.record import POISONED, SOUND, STALLED, Catalog, Run
from tests.threads.programs.world import fails

GUARDED = Catalog()
BOTH = (calls("good", "bad"),)
KEY = b"0123456789abcdef"


def encrypted() -> dict[str, Any]:
    """Return what a saver is made with."""
    from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

    return {"serde": EncryptedSerializer.from_pycryptodome_aes(key=KEY)}


if importlib.util.find_spec("Crypto"):

    @GUARDED.program(SOUND, graph=agent(good), script=(calls("good"),), options=encrypted)
    def encrypted_and_sound(run: Run):
        """Whoever has the key can read it."""
        run.say()

    @GUARDED.program(
        STALLED,
        graph=agent(good, killer),
        script=BOTH,
        next=("tools",),
        recoverable=[GOOD],
        made_up=[BAD],
        kills=True,
        options=encrypted,
    )
    def encrypted_and_killed(run: Run):
        """A crash between two tools."""
        run.say(durability="sync")

    @GUARDED.program(
        POISONED,
        graph=agent(good, bad),
        script=BOTH,
        next=("model",),
        recoverable=[GOOD],
        made_up=[BAD],
        options=encrypted,
    )
    def encrypted_and_broken(run: Run):
        """A message after a crash."""
        with fails(ValueError):
            run.say()
        with fails(openai.BadRequestError):
            run.say("Hello?")
