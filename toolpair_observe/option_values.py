"""How the value of an option is read, as code or as the environment gives it.

Each reader raises `Unsuitable` for a value that the option can't have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from toolpair_observe.errors import ChatTemplateError, MeasuredProfileError, MissingExtraError
from toolpair_observe.pairing.shown import MAX_TEXT
from toolpair_observe.pairing.words import Effect

if TYPE_CHECKING:
    from toolpair_observe.pairing.providers.profile import Profile

Mode = Literal["observe", "strict", "off"]
"""What a handler does: report, also stop requests, or nothing."""

RequestSelection = Literal["near_miss", "all", "off"]
"""Which requests get feedback or a span: near misses and escapes, all, or none."""

OnInternalError = Literal["allow", "block"]
"""What strict mode does with a request that could not be checked."""

RequestMode = Literal["stricter", "any", "ignore"]
"""What the metadata of a request may make of the mode."""

BlameMode = Literal["off", "requests", "steps"]
"""What a near miss is compared with to tell what broke the history: nothing, requests or steps."""

BlockableEffect = Literal["local_error", "reject", "silent_loss", "unknown"]
"""The values of the `Effect` members that strict mode can block."""

BLOCKABLE: Final = tuple(map(Effect, get_args(BlockableEffect)))

DOCS_URL: Final = "docs/violations.md"
"""Where the page of causes is in the repository."""

MOST: Final = 1_000_000_000
"""The largest whole number that an option can have."""

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class Unsuitable(Exception):  # noqa: N818 -- `Settings` makes an error of it
    """The value is not one that the option can have; its text, if it has one, says why."""


def one_of(*choices: str) -> Callable[[object], str]:
    """Return a reader of these words, letter case aside."""

    def read(value: object) -> str:
        if isinstance(value, str) and value.strip().lower() in choices:
            return value.strip().lower()
        raise Unsuitable

    return read


def listed(choices: Iterable[str]) -> str:
    """Return the choices as people write them: `a, b or c`."""
    *others, last = choices
    return f"{', '.join(others)} or {last}"


def boolean(value: object) -> bool:
    """Read a boolean, or one of the usual words for it."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _TRUE | _FALSE:
        return value.strip().lower() in _TRUE
    raise Unsuitable


def whole_number(value: object) -> int:
    """Read a whole number, from 1 to `MOST`."""
    if isinstance(value, str) and value.strip().isdecimal():
        # Python reads no number of thousands of digits; one digit too many is enough to refuse it.
        value = int(value.strip().lstrip("0")[: len(str(MOST)) + 1] or "0")
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST:
        return value
    raise Unsuitable


def seconds(value: object) -> float:
    """Read a duration of more than no time and less than for ever."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise Unsuitable from None
        if 0 < number < float("inf"):
            return number
    raise Unsuitable


def name(value: object) -> str:
    """Read a name, which has no control characters in it and is no longer than any name."""
    if not isinstance(value, str):
        raise Unsuitable
    stripped = value.strip()
    if not (0 < len(stripped) <= MAX_TEXT and stripped.isprintable()):
        raise Unsuitable
    return stripped


def names(value: object) -> frozenset[str]:
    """Read names, in a text separated by commas."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, Iterable):
        raise Unsuitable
    return frozenset(name(one) for one in value if not _is_blank(one))


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def effects(value: object) -> frozenset[Effect]:
    """Read effects that strict mode can block."""
    found = {each.lower() for each in names(value)}
    if not found <= set(BLOCKABLE):
        raise Unsuitable
    return frozenset(map(Effect, found))


def profile(value: Any) -> Profile | None:  # noqa: ANN401 -- `judge_given` says what it takes
    """Read what a profile can be given as; None for `auto`."""
    # Of all options only this one needs the providers.
    from toolpair_observe.pairing.providers.by_name import is_auto  # noqa: PLC0415
    from toolpair_observe.pairing.providers.given import judge_given  # noqa: PLC0415
    from toolpair_observe.pairing.providers.names import did_you_mean  # noqa: PLC0415
    from toolpair_observe.pairing.providers.table import PROFILES  # noqa: PLC0415

    if isinstance(value, str) and is_auto(value):
        return None
    try:
        return judge_given(value)[0]
    except (ChatTemplateError, MeasuredProfileError, MissingExtraError) as error:
        raise Unsuitable(str(error)) from None
    except TypeError:
        raise Unsuitable from None
    except ValueError:
        msg = f"{did_you_mean(value, PROFILES)}expected {profiles()}"
        raise Unsuitable(msg) from None


def profiles() -> str:
    """Say what a profile can be given as."""
    from toolpair_observe.pairing.providers.table import PROFILES  # noqa: PLC0415

    known = ", ".join(PROFILES)
    return (
        f"auto, one of {known}, or a chat template's or measured profile's file (in code also a "
        "Profile or chat model)"
    )
