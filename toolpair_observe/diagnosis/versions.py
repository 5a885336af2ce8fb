"""Versions, and whether this release knows them."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Final

from toolpair_observe._version import __version__
from toolpair_observe.diagnosis.findings import Finding, note, ok, problem
from toolpair_observe.diagnosis.tried import NEWEST_TRIED, floors, installed, is_newer
from toolpair_observe.install import package_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolpair_observe.diagnosis.subject import Subject

AREA: Final = "versions"
_REQUIRED: Final = ("langchain-core", "langsmith", "opentelemetry-api", "opentelemetry-sdk")


def look(_: Subject) -> Iterator[Finding]:
    """Look at the package itself and at what it requires."""
    yield ok(AREA, f"toolpair-observe {__version__} on Python {platform.python_version()}")
    lowest = floors()
    for distribution in _REQUIRED:
        yield _standing(distribution, lowest.get(distribution, ""))


def _standing(distribution: str, floor: str) -> Finding:
    version = installed(distribution)
    if version is None:
        fix = package_line(f"{distribution}>={floor}")
        return problem(AREA, f"{distribution} has no readable version: its files are broken", fix)
    if floor and is_newer(floor, version):
        text = f"{distribution} {version} is older than {floor}, the oldest that is supported"
        return problem(AREA, text, package_line(f"{distribution}>={floor}"))
    return too_new(AREA, distribution, version) or ok(AREA, f"{distribution} {version}")


def too_new(area: str, distribution: str, version: str) -> Finding | None:
    """Return what there is to say of a version that this release was not tried with, or None."""
    tried = NEWEST_TRIED[distribution]
    if not is_newer(version, tried):
        return None
    text = (
        f"{distribution} {version} is newer than {tried}, the newest that this release was tried "
        f"with: predictions assume that it behaves as {tried} does"
    )
    fix = f"look for a newer toolpair-observe, or {package_line(f'{distribution}<={tried}')}"
    return note(area, text, fix)
