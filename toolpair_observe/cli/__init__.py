"""The subcommands of `toolpair-observe`, one module each.

Each module has a function `register(commands)`, which adds the parser and sets its `run`. `run`
takes the parsed arguments and returns the exit code. It imports slow and optional dependencies
itself, so that the other commands start fast and work without them.
"""
