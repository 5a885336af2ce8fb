"""Objects that the application hands over: whether each is what its argument needs.

What is no good fails when it is handed over, not at the first request that would need it. Of a
client and a provider the errors name the type only: a string in their place may be a key.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from types import FunctionType
from typing import Any, Final

from toolpair_observe.errors import SettingsError
from toolpair_observe.pairing.flags import check_flags
from toolpair_observe.pairing.shown import class_name, quoted, shown, type_name

# What each argument is asked for, and what has it.
_NEEDS: Final = {
    "tracer_provider": ("get_tracer", "an OpenTelemetry TracerProvider"),
    "meter_provider": ("get_meter", "an OpenTelemetry MeterProvider"),
    "logger_provider": ("get_logger", "an OpenTelemetry LoggerProvider"),
    "langsmith_client": ("api_url", "a langsmith.Client"),
}
_PLAIN: Final = (str, bytes, int, float, list, tuple, set, frozenset, dict)


def check_objects(**given: object) -> None:
    """Refuse what has not what its argument is asked for. None stands for not given.

    Raises:
        SettingsError: The argument is of another type, or a class in place of its instance.
    """
    for name, value in given.items():
        needed, kind = _NEEDS[name]
        if value is not None and (isinstance(value, type) or not hasattr(value, needed)):
            msg = f"argument {name} is {kind_of(value)}; expected {kind}, or None for the default"
            raise SettingsError(msg)


def check_switches(**given: object) -> None:
    """Refuse what is neither True nor False.

    Raises:
        SettingsError: The text names the argument.
    """
    try:
        check_flags(**given)
    except TypeError as error:
        raise SettingsError(str(error)) from None


def check_hook(name: str, hook: object, argument: str, *, awaited: bool = False) -> None:
    """Refuse what can't be called as the application's own function. None stands for not given.

    Args:
        name: The argument that holds it.
        hook: The function.
        argument: What it is called with.
        awaited: Whether it may be a coroutine function.

    Raises:
        SettingsError: It is not callable, does not take one argument, or would never run.
    """
    if hook is None:
        return
    fault = _fault_of(hook, awaited=awaited)
    if fault:
        msg = f"your {name} {fault}: it is {described(hook)}, and is called with {argument}"
        raise SettingsError(msg)


def _fault_of(hook: object, *, awaited: bool) -> str:
    if not callable(hook):
        return "is not callable"
    if not _takes_one(hook):
        return "does not take one argument by position"
    runs = (hook, getattr(hook, "__call__", None))  # noqa: B004 -- a callable object's own
    if any(map(inspect.isgeneratorfunction, runs)) or any(map(inspect.isasyncgenfunction, runs)):
        return "is a generator, whose body would never run"
    if not awaited and any(map(inspect.iscoroutinefunction, runs)):
        return "is a coroutine function, which nothing would await"
    return ""


def _takes_one(hook: Any) -> bool:  # noqa: ANN401 -- whatever is callable
    try:
        signature = inspect.signature(hook)
    except (TypeError, ValueError):
        return True  # a built-in one that does not tell
    try:
        signature.bind(None)
    except TypeError:
        return False
    return True


def ids_in(name: str, given: object) -> frozenset[str]:
    """Return the tool call ids of an argument, which may be a single one.

    Raises:
        SettingsError: It is no collection of ids.
    """
    ids = [given] if isinstance(given, str) else given
    held: list[Any] = list(ids) if isinstance(ids, Iterable) else [ids]
    wrong = [each for each in held if not isinstance(each, str)]
    if wrong:
        msg = f"argument {name} holds {kind_of(wrong[0])}; expected tool call ids, which are str"
        raise SettingsError(msg)
    return frozenset(held)


def described(value: object) -> str:
    """Return a plain value as it is written, cut to a line; of anything else what it is.

    The text of other objects is their own: it may hold a prompt, or raise.
    """
    return quoted(value) if isinstance(value, _PLAIN) else kind_of(value)


def kind_of(value: object) -> str:
    """Say what a value is, without saying the value."""
    if isinstance(value, type):
        return f"the class {class_name(value)}, not an instance of it"
    if isinstance(value, FunctionType):
        code = value.__code__
        place = f"{shown(code.co_filename)}:{code.co_firstlineno}"
        return f"the function {shown(value.__name__)} ({place})"
    return f"an object of type {type_name(value)}"


def nearest(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Suggest the name that was probably meant; the common prefix of all names does not count."""
    import difflib  # noqa: PLC0415 -- only for people

    ends = [other.removeprefix(prefix) for other in known]
    found = difflib.get_close_matches(name.removeprefix(prefix), ends, n=1)
    return f"; did you mean {prefix}{found[0]}?" if found else ""
