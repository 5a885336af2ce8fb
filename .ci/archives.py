"""Look into the wheel and the source distribution of a folder: `python .ci/archives.py FOLDER`.

What an archive lacks, or has too much of, shows only where it is installed: so the lists here say
what belongs there, and `pyproject.toml` what its metadata have to say.
"""

from __future__ import annotations

import re
import sys
import tarfile
import tomllib
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zipfile import ZipFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from email.message import Message

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = "toolpair_observe"
DATA: Final = ROOT / "dashboards" / "langsmith"
# What a wheel has beside the modules: the mark of the types, and files that code reads.
SUFFIXES: Final = frozenset({".css", ".html", ".js", ".json", ".md", ".py", ".typed"})
# What a build, a test run or an editor leaves behind.
LITTER: Final = re.compile(
    r"(^|/)(__pycache__|\.[a-z]+_cache|\.hypothesis|\.nox|\.venv|\.git|node_modules|build|dist)/"
    r"|\.(pyc|swp|orig|rej)$|~$"
)


def names_in(archive: Path) -> list[str]:
    """Return the names of the files in an archive, in a source distribution below its folder."""
    if archive.suffix == ".whl":
        with ZipFile(archive) as wheel:
            return wheel.namelist()
    with tarfile.open(archive) as sdist:
        return [each.name.partition("/")[2] for each in sdist if not each.isdir()]


def own_files(folder: Path) -> set[str]:
    """Return the names of the files in a folder of this project that are worth an archive."""
    files = (path.relative_to(ROOT).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in files if not LITTER.search(name)}


def faults_of_wheel(names: Iterable[str], version: str) -> Iterator[str]:
    """Yield what the wheel lacks, and what does not belong there."""
    found = set(names)
    about = f"{PACKAGE}-{version}.dist-info/"
    data = {f"{PACKAGE}/_dashboards/langsmith/{path.name}" for path in DATA.iterdir()}
    wanted = own_files(ROOT / PACKAGE) | data | {f"{about}licenses/LICENSE"}
    yield from (f"the wheel lacks {name}" for name in sorted(wanted - found))
    others = {name for name in found - wanted if not name.startswith(about)}
    yield from (f"the wheel holds {name}" for name in sorted(others))
    foreign = {name for name in found - others if not _is_fit(name, about)}
    yield from (f"the wheel holds {name}, of a kind that nothing reads" for name in sorted(foreign))


def _is_fit(name: str, about: str) -> bool:
    return name.startswith(about) or Path(name).suffix in SUFFIXES


def faults_of_sdist(names: Iterable[str]) -> Iterator[str]:
    """Yield what the source distribution lacks, and what does not belong there."""
    found = set(names)
    folders = (PACKAGE, "tests", "examples", "dashboards", "docs", ".ci")
    wanted = {"pyproject.toml", "LICENSE", "README.md", "noxfile.py"}.union(
        *(own_files(ROOT / folder) for folder in folders)
    )
    yield from (f"the source distribution lacks {name}" for name in sorted(wanted - found))
    litter = filter(LITTER.search, found)
    yield from (f"the source distribution holds {name}" for name in sorted(litter))


def faults_of_metadata(told: Message, project: dict[str, Any], version: str) -> Iterator[str]:
    """Yield where the metadata of the wheel say something else than `pyproject.toml`."""
    extras = project["optional-dependencies"]
    wanted = {
        "Name": [project["name"]],
        "Version": [version],
        "Summary": [project["description"]],
        "Requires-Python": [project["requires-python"]],
        "License-Expression": [project["license"]],
        "License-File": project["license-files"],
        "Description-Content-Type": ["text/markdown"],
        "Provides-Extra": sorted(extras),
    }
    for name, values in wanted.items():
        found = sorted(told.get_all(name, []))
        if found != sorted(values):
            yield f"the metadata's {name} is {found}, not {sorted(values)}"
    unmarked = [each for each in told.get_all("Requires-Dist", []) if "extra ==" not in each]
    if len(unmarked) != len(project["dependencies"]):
        yield f"the wheel needs {unmarked}, not {project['dependencies']}"
    if str(told.get_payload()).strip() != (ROOT / "README.md").read_text(encoding="utf-8").strip():
        yield "the wheel's description is not README.md"


def faults_of_entry_points(text: str, project: dict[str, Any]) -> Iterator[str]:
    """Yield each command and plugin that the wheel does not announce."""
    wanted = {"console_scripts": project["scripts"], **project["entry-points"]}
    for group, entries in wanted.items():
        section = text.partition(f"[{group}]\n")[2].partition("\n[")[0]
        for name, target in entries.items():
            if f"{name} = {target}" not in section.splitlines():
                yield f"the wheel announces no {group} {name}"


def faults(folder: Path) -> list[str]:
    """Return everything that is wrong with the two archives of a folder."""
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    written = (ROOT / PACKAGE / "_version.py").read_text(encoding="utf-8")
    version = written.partition('__version__ = "')[2].partition('"')[0]
    about = f"{PACKAGE}-{version}.dist-info"
    with ZipFile(wheel) as archive:
        told = Parser().parsestr(archive.read(f"{about}/METADATA").decode())
        entry_points = archive.read(f"{about}/entry_points.txt").decode()
    return [
        *faults_of_wheel(names_in(wheel), version),
        *faults_of_sdist(names_in(sdist)),
        *faults_of_metadata(told, project, version),
        *faults_of_entry_points(entry_points, project),
    ]


if __name__ == "__main__":
    found = faults(Path(sys.argv[1]))
    sys.exit("\n".join(found) if found else 0)
