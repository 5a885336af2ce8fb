"""An audit as one page for the browser: everything it needs is in the file, and nothing leaves it.

The script and the style lie beside this module, the pictures are drawn by Plotly, whose own script
the extra `page` brings along. What the audit tells goes into the page as data: the script shows it
as text, so that markup in an id or a name stays text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib import import_module, resources
from importlib.util import find_spec
from string import Template
from typing import Any, Final

from toolpair_observe.errors import MissingExtraError
from toolpair_observe.install import install_line

# In JSON these are the same characters to a reader, and no end of a script element to a browser.
_ESCAPES: Final = str.maketrans(
    {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"}
)

_TABLES: Final = ("cells", "kind_cells")


def page_of(told: dict[str, Any]) -> str:
    """Return the page.

    Args:
        told: What `told.tell` returns.

    Raises:
        MissingExtraError: Plotly is not installed.
    """
    scripts = {"plotly": _plotly(), "script": _file("page.js")}
    hashes = " ".join(f"'sha256-{_hash(text)}'" for text in scripts.values())
    return Template(_file("page.html")).substitute(
        # The browser asks nobody for anything, and runs nothing but these two scripts.
        policy=f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'",
        style=_file("page.css"),
        data=json.dumps(_short(told), separators=(",", ":")).translate(_ESCAPES),
        **scripts,
    )


def _short(told: dict[str, Any]) -> dict[str, Any]:
    """Return what is told with the texts in its tables as numbers, as they repeat themselves."""
    names: dict[str, int] = {}
    tables = {
        table: told[table]
        | {
            "rows": [
                [
                    names.setdefault(value, len(names)) if isinstance(value, str) else value
                    for value in row
                ]
                for row in told[table]["rows"]
            ]
        }
        for table in _TABLES
    }
    return told | tables | {"names": list(names)}


def require_page() -> None:
    """Do nothing if a page can be drawn.

    Raises:
        MissingExtraError: Plotly is not installed.
    """
    if find_spec("plotly") is None:
        msg = f"the page needs plotly, which is not installed: {install_line('page')}"
        raise MissingExtraError(msg)


def _plotly() -> str:
    require_page()
    offline: Any = import_module("plotly.offline")  # of an extra, and without types
    return str(offline.get_plotlyjs())


@cache
def _file(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
