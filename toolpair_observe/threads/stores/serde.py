"""Stored values, decoded as data only.

LangGraph's own serializer imports and calls what a row names, or warns of each class that it does
not know; how much of that can be turned off depends on its version. Here nothing that a row names
is looked up anywhere but in a closed table of classes, no pickle is opened, and a class that is not
in the table comes as the plain data that it was stored as.
"""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import json
import uuid
from typing import TYPE_CHECKING, Any, Final

import ormsgpack
from langchain_core import messages
from langchain_core.documents import Document
from langgraph import types
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from toolpair_observe.errors import MissingExtraError, ThreadStoreError
from toolpair_observe.install import package_line
from toolpair_observe.pairing.shown import quoted, type_name
from toolpair_observe.threads.stores.plain import plain_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from langgraph.checkpoint.serde.base import SerializerProtocol

AES_KEY: Final = "LANGGRAPH_AES_KEY"
"""The environment variable that LangGraph reads the key from."""

_MESSAGES: Final = {
    "ai": ("AIMessage", "AIMessageChunk"),
    "chat": ("ChatMessage", "ChatMessageChunk"),
    "function": ("FunctionMessage", "FunctionMessageChunk"),
    "human": ("HumanMessage", "HumanMessageChunk"),
    "modifier": ("RemoveMessage",),
    "system": ("SystemMessage", "SystemMessageChunk"),
    "tool": ("ToolMessage", "ToolMessageChunk"),
}
_CLASSES: Final[dict[tuple[str, str], Callable[..., Any]]] = {
    **{
        (f"langchain_core.messages.{module}", name): getattr(messages, name)
        for module, names in _MESSAGES.items()
        for name in names
    },
    # Some are newer than the oldest LangGraph that is supported.
    **{
        ("langgraph.types", name): getattr(types, name)
        for name in ("Command", "Interrupt", "Overwrite", "Send")
        if hasattr(types, name)
    },
    ("langchain_core.documents.base", "Document"): Document,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "set"): set,
    ("collections", "deque"): collections.deque,
    ("datetime", "date"): dt.date,
    ("datetime", "time"): dt.time,
    ("datetime", "timedelta"): dt.timedelta,
    ("datetime", "timezone"): dt.timezone,
    ("decimal", "Decimal"): decimal.Decimal,
    ("uuid", "UUID"): uuid.UUID,
}
_METHODS: Final[dict[tuple[str, str, str], Callable[[Any], Any]]] = {
    ("datetime", "datetime", "fromisoformat"): dt.datetime.fromisoformat
}

# LangGraph's codes of msgpack's extension types.
_ONE_ARGUMENT: Final = 0
_ARGUMENTS: Final = 1
_KEYWORDS: Final = 2
_METHOD: Final = 3
_PYDANTIC_V1: Final = 4
_PYDANTIC_V2: Final = 5
_SNAPSHOT: Final = 7
_OF_PYDANTIC: Final = frozenset({_PYDANTIC_V1, _PYDANTIC_V2})
_CODES: Final = _OF_PYDANTIC | {_ONE_ARGUMENT, _ARGUMENTS, _KEYWORDS, _METHOD, _SNAPSHOT}


class UnreadableError(Exception):
    """A stored value can't be read. The text says why, without anything of it."""


class DataSerializer:
    """Reads what LangGraph's serializer has written, as data.

    Args:
        writer: Writes in place of it, for savers that pack values anew while they read.
    """

    def __init__(self, writer: SerializerProtocol | None = None) -> None:
        self._writer = writer

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:  # noqa: ANN401 - whatever is stored
        """Pack a value. Nothing that is packed here is stored."""
        return (self._writer or JsonPlusSerializer()).dumps_typed(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:  # noqa: ANN401 - whatever is stored
        """Return a stored value.

        Raises:
            UnreadableError: It is of a type that is not data.
        """
        kind, packed = data
        match kind:
            case "msgpack":
                return ormsgpack.unpackb(
                    packed, ext_hook=_extension, option=ormsgpack.OPT_NON_STR_KEYS
                )
            case "null":
                return None
            case "json":
                return json.loads(packed)
            case "bytes":
                return packed
            case "bytearray":
                return bytearray(packed)
            case "pickle":
                msg = "it is a pickle, which could run code; none is opened"
                raise UnreadableError(msg)
            case str() if "+" in kind:
                msg = (
                    f"it is encrypted ({quoted(kind)}): give --encryption, with the key in "
                    f"{AES_KEY}"
                )
                raise UnreadableError(msg)
            case _:
                msg = f"its type {quoted(kind)} is not known"
                raise UnreadableError(msg)


def data_only(serde: SerializerProtocol) -> SerializerProtocol:
    """Return what reads a saver's values as data; a serializer that is not LangGraph's stays."""
    if type(serde) is EncryptedSerializer:
        return EncryptedSerializer(serde.cipher, data_only(serde.serde))
    if type(serde) is JsonPlusSerializer:
        return DataSerializer(serde)
    return serde


def with_key() -> SerializerProtocol:
    """Return what reads encrypted values, with the key from where LangGraph has it.

    Raises:
        ThreadStoreError: There is no key, or none that fits.
        MissingExtraError: The package that decrypts is not installed.
    """
    try:
        return EncryptedSerializer.from_pycryptodome_aes(DataSerializer())
    except ImportError:
        msg = f"--encryption needs pycryptodome: {package_line('pycryptodome')}"
        raise MissingExtraError(msg) from None
    except ValueError:
        msg = (
            f"--encryption needs the key in {AES_KEY}, 16, 24 or 32 bytes long, as LangGraph "
            "reads it"
        )
        raise ThreadStoreError(msg) from None


def read(serde: SerializerProtocol, kind: str | None, packed: bytes | None) -> Any:  # noqa: ANN401
    """Return a stored value.

    Raises:
        UnreadableError: It can't be read.
    """
    try:
        return serde.loads_typed((kind or "", packed or b""))
    except UnreadableError:
        raise
    # Whatever a broken value, a wrong key or a caller's own serializer makes of it.
    except Exception as error:  # noqa: BLE001
        if "+" in (kind or ""):
            msg = f"it can't be decrypted ({quoted(kind)}): the key is not the one it has"
        else:
            msg = f"it can't be read as {quoted(kind)} ({type_name(error)})"
        raise UnreadableError(msg) from None


def _extension(code: int, packed: bytes) -> Any:  # noqa: ANN401 - whatever is stored
    """Return what LangGraph's serializer has packed as an extension type."""
    if code not in _CODES:
        return None  # an array of numpy, or what no version that is known has written
    parts = ormsgpack.unpackb(packed, ext_hook=_extension, option=ormsgpack.OPT_NON_STR_KEYS)
    if code == _SNAPSHOT:
        return parts
    module, name, payload, *method = parts
    try:
        if code == _METHOD:
            return _METHODS[module, name, method[0]](payload)
        return _made(code, _CLASSES[module, name], payload)
    # Of a class that is not in the table, or a payload that its class refuses, whichever way.
    except Exception:  # noqa: BLE001
        return payload


def _made(code: int, cls: Callable[..., Any], payload: Any) -> Any:  # noqa: ANN401
    if code in _OF_PYDANTIC and (message := plain_message(cls, payload)) is not None:
        return message
    if code == _ONE_ARGUMENT:
        return cls(payload)
    if code == _ARGUMENTS:
        return cls(*payload)
    if not isinstance(cls, type) or not issubclass(cls, messages.BaseMessage):
        return cls(**payload)
    try:
        return cls(**payload)
    except Exception:  # noqa: BLE001 - whatever its class makes of what was stored
        return cls.model_construct(**payload)  # as LangGraph reads it
