"""What each Python imports at its start under `toolpair-observe run`: it attaches the handler.

Only once langchain-core's chat models are imported: a process that has none pays nothing. That
process may run another Python, without this package and with a `sitecustomize` of its own. So this
imports nothing but `os` and `sys`, stops no program, and leaves the path as it would be without it.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # `typing` would have to be imported
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

_CHAT_MODELS = "langchain_core.language_models.chat_models"
_LONGEST = 2_000


class _AtImport:
    """Attaches behind the import of the chat models.

    It stays among the finders for good: if it left, the import of another thread might skip one.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what the other finders return for the chat models, and None for all else."""
        if name != _CHAT_MODELS:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if find else None
            if spec is not None:
                _attempt(_attach_behind, spec.loader)
                return spec
        return None


def _attach_behind(loader: Any) -> None:  # noqa: ANN401 -- it is changed
    """Have the loader attach once it has executed the module; it stays the same loader."""
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        vars(loader).pop("exec_module", None)  # the loader of a zip file has other modules, too
        execute(module)
        _attempt(_attach)

    loader.exec_module = exec_module


def _attach() -> None:
    from toolpair_observe.attach.instrument import attach  # noqa: PLC0415
    from toolpair_observe.children import BY_RUN  # noqa: PLC0415

    attach(BY_RUN)


def _attempt(action: Callable[..., None], *arguments: object) -> None:
    """Do something; where that fails, say so in one line and let the program go on."""
    try:
        action(*arguments)
    except Exception as error:  # noqa: BLE001 -- whatever it is
        _complain(error)


def _complain(error: Exception) -> None:
    what = _harmless(" ".join(f"{error or type(error).__name__}".split()))
    if isinstance(error, ImportError):
        what += f"; install toolpair-observe for {sys.executable}"
    try:
        sys.stderr.write(f"toolpair_observe is not attached: pid {os.getpid()}, {what}\n")
        sys.stderr.flush()
    except Exception:  # noqa: BLE001, S110 -- there is nobody to tell
        pass


def _harmless(text: str) -> str:
    """Return a line without what moves a cursor or commands a build server; see `pairing.shown`."""
    text = text[:_LONGEST].replace("##", "#?")
    return "".join(each if each.isprintable() else "?" for each in text)


def _leave_path() -> None:
    """Leave the path to what stands behind; the variable is there for processes to come."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 -- pathlib is slow
    sys.path[:] = [each for each in sys.path if each != here]


if __name__ == "sitecustomize":
    sys.meta_path.insert(0, _AtImport())
    if _CHAT_MODELS in sys.modules:
        _attempt(_attach)
    _leave_path()
    # The one that is there already. Where there is none, or where it fails, Python does with that
    # what it would do without ours.
    del sys.modules["sitecustomize"]
    __import__("sitecustomize")
