"""A pytest plugin that keeps every history which a package's own tests feed to its converters.

It stands alone, since it is loaded where another project's folder `tests` is the one on the path.
Nothing is patched: whatever function of the package is called with messages is seen, by whatever
name a test has imported it. Only the outermost such call counts, so that a list is not kept again
message by message.
"""

from __future__ import annotations

import copy
import os
import pickle
import re
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

FILE = "CONVERTER_HISTORIES_IN"
MOST_ARGUMENTS = 4
"""Messages come first; looking at every argument of every function would only take time."""
INTEGRATION = re.compile(
    r"[/\\\\]langchain_(?!core|tests|protocol|classic)\w+[/\\\\](?!.*\btests\b)"
)
"""In the path of a module of any integration: several send what langchain-openai's code makes."""


class Recording:
    """What has been seen.

    Attributes:
        histories: The distinct histories, pickled, with the function that was given each first.
        unkept: How many could not be copied or pickled.
    """

    def __init__(self) -> None:
        self.histories: dict[bytes, str] = {}
        self.unkept = 0
        self._inside: dict[int, FrameType] = {}
        self._is_watched: dict[str, bool] = {}

    def profile(self, frame: FrameType, event: str, _: Any) -> None:
        """Look at one call or return, as `sys.setprofile` wants it."""
        if event not in ("call", "return") or not self._watches(frame.f_code.co_filename):
            return
        thread = threading.get_ident()
        if event == "return":
            if self._inside.get(thread) is frame:
                del self._inside[thread]
        elif thread not in self._inside:
            for messages in _messages_in(frame):
                self._inside[thread] = frame
                self._keep(messages, frame.f_code.co_name)

    def _watches(self, path: str) -> bool:
        known = self._is_watched.get(path)
        if known is None:
            known = self._is_watched[path] = bool(INTEGRATION.search(path))
        return known

    def _keep(self, messages: list[BaseMessage], name: str) -> None:
        try:
            self.histories.setdefault(pickle.dumps(copy.deepcopy(messages)), name)
        except Exception:  # noqa: BLE001 - a mock among the messages can do anything
            self.unkept += 1


def _messages_in(frame: FrameType) -> Iterator[list[BaseMessage]]:
    code = frame.f_code
    for name in code.co_varnames[: min(code.co_argcount, MOST_ARGUMENTS)]:
        value = frame.f_locals.get(name)
        if isinstance(value, BaseMessage) and name != "self":
            yield [value]
        elif isinstance(value, (list, tuple)) and value:
            for each in value if all(isinstance(one, list) for one in value) else [value]:
                if each and all(isinstance(one, BaseMessage) for one in each):
                    yield list(each)


if FILE in os.environ:
    _recording = Recording()
    # Before a test module is imported, since some build histories where they are collected.
    threading.setprofile(_recording.profile)
    sys.setprofile(_recording.profile)


def pytest_unconfigure() -> None:
    """Write what has been seen."""
    sys.setprofile(None)
    threading.setprofile(None)
    with suppress(NameError):
        kept = [(name, data) for data, name in _recording.histories.items()]
        Path(os.environ[FILE]).write_bytes(pickle.dumps((kept, _recording.unkept)))
