"""The lines that install: an extra of this very installation, or another project's package."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit
from urllib.request import url2pathname

_NAME: Final = "toolpair-observe"
# Where the project's files are, if this is no installed copy.
_CHECKOUT: Final = Path(__file__).parents[1]


def install_line(extra: str) -> str:
    """Return the command that adds `extra` to what is installed."""
    return f"pip install {_target(extra)}"


def package_line(requirement: str) -> str:
    """Return the command that installs another project's package, as in `langchain>=1`."""
    return f'pip install "{requirement}"'


def _target(extra: str) -> str:
    origin = _origin()
    url = str(origin.get("url", ""))
    folder = _CHECKOUT if (_CHECKOUT / "pyproject.toml").is_file() else _path_of(url)
    if folder is not None:
        return f'{"-e " if _is_editable(origin) else ""}"{folder}[{extra}]"'
    source = f" @ {_shown(url, origin)}" if url and not url.startswith("file:") else ""
    return f'"{_NAME}[{extra}]{source}"'


def _origin() -> dict[str, Any]:
    """Return where pip took the package from (PEP 610); empty for the package index."""
    try:
        told = json.loads(metadata.distribution(_NAME).read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _path_of(url: str) -> Path | None:
    """Return the folder or the file that the package was installed from, if it is still there."""
    if not url.startswith("file:"):
        return None
    path = Path(url2pathname(urlsplit(url).path))
    return path if path.exists() else None


def _is_editable(origin: dict[str, Any]) -> bool:
    how = origin.get("dir_info")
    return isinstance(how, dict) and how.get("editable") is True


def _shown(url: str, origin: dict[str, Any]) -> str:
    """Return the address as a requirement has it, without a password that may stand in it."""
    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    how = origin.get("vcs_info")
    return f"{how.get('vcs')}+{bare}@{how.get('commit_id')}" if isinstance(how, dict) else bare
