"""Arguments that are True or False. A text in their place would count as True, such as "no"."""

from __future__ import annotations

from toolpair_observe.pairing.shown import quoted, type_name


def check_flags(**given: object) -> None:
    """Refuse what is neither True nor False. None stands for not given.

    Raises:
        TypeError: The text names the argument, what it is and what to give.
    """
    for name, value in given.items():
        if value is not None and not isinstance(value, bool):
            what = quoted(value) if isinstance(value, str | int | float) else type_name(value)
            msg = f"argument {name} is {what}; expected True or False"
            raise TypeError(msg)
