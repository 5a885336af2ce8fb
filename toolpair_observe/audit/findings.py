"""The violations of a repository's files where reviewers see them: SARIF and GitHub annotations."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from toolpair_observe._version import __version__
from toolpair_observe.audit.trouble import AuditError
from toolpair_observe.histories.containers.opening import is_url
from toolpair_observe.pairing.report import WHAT
from toolpair_observe.pairing.shown import line, quoted
from toolpair_observe.pairing.words import Effect, ViolationKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from toolpair_observe.audit.bounded import Record

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_HOME: Final = "https://docs.langchain.com/oss/python/langchain/errors/INVALID_TOOL_RESULTS"
_ERRORS: Final = frozenset({Effect.LOCAL_ERROR.value, Effect.REJECT.value})
_WARNINGS: Final = frozenset({Effect.SILENT_LOSS.value})
_NOTICE: Final = {"error": "error", "warning": "warning", "note": "notice"}


def repository_of(folder: Path) -> Path:
    """Return the top folder of the repository that a folder is in, else the folder itself."""
    folder = folder.resolve()
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def relative_paths(paths: Iterable[str], root: Path) -> dict[str, str]:
    """Return the path of each file from the top of its repository.

    Raises:
        AuditError: A file is not in the repository.
    """
    found = {}
    for path in paths:
        try:
            if is_url(path):
                raise ValueError  # noqa: TRY301 - as any other file that is elsewhere
            found[path] = Path(path).resolve().relative_to(root).as_posix()
        except (OSError, ValueError):
            msg = f"{quoted(path)} is not a file of the repository; only those can be annotated"
            raise AuditError(msg) from None
    return found


def level_of(effect: str) -> str:
    """Return the level of a finding, in SARIF's words."""
    if effect in _ERRORS:
        return "error"
    return "warning" if effect in _WARNINGS else "note"


def sarif(findings: list[Record], paths: dict[str, str]) -> dict[str, Any]:
    """Return a SARIF 2.1.0 log.

    Args:
        findings: The violations with their places.
        paths: The files' paths in the repository.
    """
    kinds = list(ViolationKind)
    rules = [
        {
            "id": kind.value,
            "name": "".join(word.title() for word in kind.value.split("_")),
            "shortDescription": {"text": f"A call, result or message {WHAT[kind]}"},
            "helpUri": _HOME,
        }
        for kind in kinds
    ]
    place = {kind.value: number for number, kind in enumerate(kinds)}
    results = [
        {
            "ruleId": found["kind"],
            "ruleIndex": place[found["kind"]],
            "level": level_of(found["effect"]),
            "message": {"text": _text(found)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {
                            # A name need not be Unicode.
                            "uri": quote(os.fsencode(paths[found["file"]])),
                            "uriBaseId": "%SRCROOT%",
                        },
                        # A form without lines is shown at its file's beginning.
                        "region": {"startLine": found["line"] or 1},
                    }
                }
            ],
            "properties": {"effect": found["effect"], "cause": found["cause"]},
        }
        for found in _in_order(findings)
    ]
    driver = {
        "name": "toolpair-observe",
        "version": __version__,
        "informationUri": _HOME,
        "rules": rules,
    }
    run = {"tool": {"driver": driver}, "columnKind": "utf16CodeUnits", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def github_commands(findings: list[Record], paths: dict[str, str]) -> Iterator[str]:
    """Yield the workflow command for each finding by which GitHub shows it at its line."""
    for found in _in_order(findings):
        command = _NOTICE[level_of(found["effect"])]
        at = f"file={_property(paths[found['file']])},line={found['line'] or 1}"
        yield f"::{command} {at},title={_property(found['kind'])}::{_data(_text(found))}"


def _in_order(findings: list[Record]) -> list[Record]:
    return sorted(findings, key=lambda found: (found["file"], found["line"] or 0, found["row"]))


def _text(found: Record) -> str:
    row = f"{found['row']}: " if found["row"] else ""
    return line(f"{row}{found['text']}")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(line(text)).replace(":", "%3A").replace(",", "%2C")
