"""Files that are told by their first bytes and not read: what each is, and what to do."""

from __future__ import annotations

from typing import Final

_UNPACK: Final = "unpack it and give the files in it"
_EXPORT: Final = "export its rows as JSON Lines or Parquet"
_NO_DATA: Final = "give the file of conversations itself"
_LOADED_BY_RUNNING: Final = (
    "reading one would run what it names: load it where you trust it and write JSON Lines"
)

# What it begins with, what it is, and what to do.
_STARTS: Final = (
    (b"PK\x03\x04", "a zip archive", _UNPACK),
    (b"PK\x05\x06", "a zip archive", _UNPACK),
    (b"PK\x07\x08", "a zip archive", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"\xfd7zXZ\x00", "xz data", "unpack it, or pack it with gzip or zstd"),
    (b"\x04\x22\x4d\x18", "lz4 data", "unpack it, or pack it with gzip or zstd"),
    (b"\x1f\x8b", "gzip data inside packed data", "unpack it once"),
    (b"\x28\xb5\x2f\xfd", "zstd data inside packed data", "unpack it once"),
    (
        b"SQLite format 3\x00",
        "an SQLite database",
        "give a LangGraph checkpointer to `toolpair-observe threads`, or export its threads with "
        "get_state_history; export other tables as JSON Lines",
    ),
    (b"Obj\x01", "an Avro file", "write it as JSON Lines or Parquet"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _EXPORT),
    (b"\x93NUMPY", "a NumPy array", _EXPORT),
    (b"%PDF-", "a PDF document", _NO_DATA),
    (b"{\\rtf", "an RTF document", _NO_DATA),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", _NO_DATA),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", _NO_DATA),
    (b"\xff\xd8\xff", "a JPEG image", _NO_DATA),
    (b"\x7fELF", "a program", _NO_DATA),
    (b"\xcf\xfa\xed\xfe", "a program", _NO_DATA),
    (b"\xca\xfe\xba\xbe", "a program", _NO_DATA),
    (b"\x00asm", "a program", _NO_DATA),
    (b"#!", "a script", _NO_DATA),
    (b"<?xml", "an XML document", _NO_DATA),
    (b"<!DOCTYPE", "an HTML page", "it may be an error page or a login: fetch the data again"),
    (b"<!doctype", "an HTML page", "it may be an error page or a login: fetch the data again"),
    (b"<html", "an HTML page", "it may be an error page or a login: fetch the data again"),
    (b"version https://git-lfs", "a pointer of Git LFS", "fetch the file with `git lfs pull`"),
)
# The same, for what a text could begin with: it has a zero somewhere, which no text has.
_BINARY_STARTS: Final = (
    (b"PARE", "an encrypted Parquet file", "write it without encryption"),
    (b"ARROW1", "an Arrow file", "write it as Parquet"),
    (b"FEA1", "a Feather file", "write it as Parquet"),
    (b"ORC", "an ORC file", "write it as Parquet"),
    (b"GIF8", "a GIF image", _NO_DATA),
    (b"RIFF", "a WebP image or a sound", _NO_DATA),
    (b"OggS", "a sound", _NO_DATA),
    (b"ID3", "a sound", _NO_DATA),
    (b"fLaC", "a sound", _NO_DATA),
    (b"MZ\x90", "a program", _NO_DATA),
)
# The same, at a distance from the beginning.
_INSIDE: Final = (
    (257, b"ustar", "a tar archive", _UNPACK),
    (4, b"1AY&SY", "bzip2 data", "unpack it, or pack it with gzip or zstd"),
    (8, b"DUCK", "a DuckDB database", _EXPORT),
    (4, b"ftyp", "a video or a sound", _NO_DATA),
)
_PICKLE_PROTOCOLS: Final = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
# What a text never begins with: maps and lists of msgpack.
_SHORT_MSGPACK: Final = frozenset(bytes([first]) for first in range(0x80, 0xA0))
_LONG_MSGPACK: Final = (b"\xdc\x00", b"\xdd\x00", b"\xde\x00", b"\xdf\x00")

PARQUET_MAGIC: Final = b"PAR1"


def refusal(head: bytes) -> str | None:
    """Return why a file that begins so is not read, or None."""
    is_binary = b"\x00" in head
    for start, what, remedy in _STARTS + (_BINARY_STARTS if is_binary else ()):
        if head.startswith(start):
            return f"this is {what}: {remedy}"
    for at, start, what, remedy in _INSIDE:
        if head.startswith(start, at):
            return f"this is {what}: {remedy}"
    if head.startswith(_PICKLE_PROTOCOLS):
        return f"this is a pickle: {_LOADED_BY_RUNNING}"
    if head[:1] in _SHORT_MSGPACK or head.startswith(_LONG_MSGPACK):
        return f"this looks like msgpack: {_EXPORT}"
    if is_binary:
        return "this is binary data of no known kind, not JSON: export it as JSON Lines"
    return None
