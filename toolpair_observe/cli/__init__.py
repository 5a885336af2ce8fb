"""The subcommands of `toolpair-observe`, one module each.

A module offers `register(commands)`: it adds its parser and sets `run`, which takes the parsed
arguments and returns the exit code. What a command needs beyond the standard library and this
package's light modules is imported inside `run`, so that the others start fast and without it.
"""
