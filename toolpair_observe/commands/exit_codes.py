"""What the commands return to the shell."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes, the same for every command."""

    OK = 0
    FOUND = 1
    BAD_INPUT = 2
    INTERRUPTED = 130
    BROKEN_PIPE = 141
