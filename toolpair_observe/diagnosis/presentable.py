"""Values as people may see them. A user, a password and a key may stand in any of them.

What anybody reads comes by `without_user`; a value that no option can have also by `wrong_value`.
"""

from __future__ import annotations

import re
from typing import Final

_LONGEST: Final = 40
_SECRETS: Final = ("KEY", "TOKEN", "SECRET", "PASSWORD")
_HIDDEN: Final = "(hidden)"
_SCHEME_END: Final = re.compile(r":/+")
_AFTER_HOST: Final = re.compile(r"(?<![\s'\"(),;])[/?#\\][^\s'\"(),;]*")
# No word of people is as long and mixes letters and digits; keys do.
_KEY: Final = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w+=-]{12,}", re.ASCII)


def without_user(text: str) -> str:
    """Return a text without the user and the password of a URL in it.

    All between the scheme and the last @ may be a password, whatever is in it. Of what comes after
    it, only the host is known to be none.
    """
    before, _, after = text.rpartition("@")
    scheme = _SCHEME_END.search(before)
    if scheme is None:
        return text
    return f"{before[: scheme.end()]}{_AFTER_HOST.sub('', after, count=1)}"


def is_secret(name: str) -> bool:
    """Whether an option or a variable of this name holds a secret."""
    return name.upper().endswith(_SECRETS)


def wrong_value(variable: str, value: str) -> str:
    """Return the value of a variable that its option can't have: it may be of another variable."""
    if is_secret(variable) or _KEY.fullmatch(value.strip()):
        return _HIDDEN
    shown = without_user(value)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
