"""Keyed hashes in place of ids, where `hash_ids` asks for them.

The key is `TOOLPAIR_HASH_KEY` of the environment. Without it each process makes one up, which its
forked children share, and other processes that it starts once `share_key` is called. It is in no
setting, so that no `repr`, no pickle and no page can show it.
"""

from __future__ import annotations

import hmac
import os
import secrets
from typing import TYPE_CHECKING, Final

from toolpair_observe.pairing.late_pattern import LatePattern

if TYPE_CHECKING:
    from collections.abc import Callable

KEY_VARIABLE: Final = "TOOLPAIR_HASH_KEY"

_PREFIX: Final = "hmac:"
_DIGITS: Final = 16
# Made at import, and so before a fork rather than in each child. Text, as the environment has it.
_OWN_KEY: Final = secrets.token_hex(32)
_HASH: Final = LatePattern(rf"{_PREFIX}[0-9a-f]{{{_DIGITS}}}")


def hashed(identifier: str) -> str:
    """Return the hash of an id, the same wherever the key is the same. `""` stays `""`."""
    if not identifier:
        return ""
    key = (os.environ.get(KEY_VARIABLE) or _OWN_KEY).encode("utf-8", "surrogateescape")
    digest = hmac.digest(key, identifier.encode("utf-8", "surrogatepass"), "sha256").hex()
    return f"{_PREFIX}{digest[:_DIGITS]}"


def share_key() -> None:
    """Have the processes that this one starts from now on hash as it does."""
    if not os.environ.get(KEY_VARIABLE):
        os.environ[KEY_VARIABLE] = _OWN_KEY


def id_namer(*, hash_ids: bool) -> Callable[[str], str]:
    """Return what makes of an id what may be carried in its place."""
    return hashed if hash_ids else str


def is_hash(text: str) -> bool:
    """Whether a text is what `hashed` returns."""
    return _HASH.fullmatch(text) is not None


def quotes(text: str, expected: str) -> bool:
    """Whether a text has the expected one in it, in which ids may be hashed."""
    if expected in text:
        return True
    hashes = _HASH.findall(expected)
    return bool(hashes) and _ids_between(text, _HASH.split(expected)) == hashes


def _ids_between(text: str, parts: list[str]) -> list[str]:
    """Return the hashes of what stands in `text` between the parts, none where one is missing."""
    first, *others = parts
    begin = text.find(first)
    hashes: list[str] = []
    for part in others:
        begin += len(first)
        end = text.find(part, begin) if part else len(text)
        if begin < len(first) or end < 0:
            return []
        hashes.append(hashed(text[begin:end]))
        first, begin = part, end
    return hashes
