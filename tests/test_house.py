"""The order of the modules: who may import whom, without circles, and how long a module may be.

Every import counts: at the top, inside a function, and under `TYPE_CHECKING`.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[1]
PACKAGE = "toolpair_observe"

# From the bottom to the top, without the package's name. A module belongs to the longest prefix
# that names it, and imports only from its own layer and those below.
LAYERS = (
    (
        "_version",
        "deadline",
        "deployment",
        "errors",
        "exporters",
        "foreign",
        "forks",
        "hashed",
        "imported",
        "install",
        "logs",
        "once",
        "otel_api",
        "pairing",
        "probing",
        "processes",
        "semconv",
        "semconv_notes",
        "templates",
    ),
    (
        "accuracy",
        "arguments",
        "children",
        "observation",
        "option_values",
        "project_file",
        "project_options",
        "repair",
        "settings",
        "steps",
        "stopping",
    ),
    ("counts", "fail_open", "record"),
    ("reporters",),
    ("attach",),
    ("autostart", "middleware", "otel_instrumentor", "testing", "pytest_plugin"),
    ("histories",),
    ("audit", "threads"),
    ("complaints", "console", "progress"),
    ("diagnosis",),
    ("demo",),
    ("cli",),
    ("", "__main__"),
)
# `PairingReport.explain()` needs the text, and the text needs the report.
CIRCLES = {("pairing.explain", "pairing.markup", "pairing.page", "pairing.report")}

LONGEST = 450
LONGEST_TABLE = 700
TABLES = {"toolpair_observe/pairing/refusals/wordings.py"}


@dataclass(frozen=True)
class Import:
    """One import of a module of ours by another, without the package's name."""

    source: str
    target: str
    is_lazy: bool
    is_for_types: bool

    @property
    def arrow(self) -> tuple[str, str]:
        return self.source, self.target


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PATHS = {
    module_of(path): path
    for folder in (PACKAGE, "dashboards", "docs")
    for path in (ROOT / folder).rglob("*.py")
}


def is_type_checking(node: ast.AST) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imports_in(
    nodes: Iterable[ast.AST], *, is_lazy: bool = False, is_for_types: bool = False
) -> Iterator[tuple[str, bool, bool]]:
    """Yield the name of each imported module, whether lazily, and whether only for types."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, is_lazy, is_for_types) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            for alias in node.names:
                # `from a import b` imports the module a.b, if there is one, or else a.
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in PATHS else str(node.module), is_lazy, is_for_types
        elif is_type_checking(node):
            yield from imports_in(node.body, is_lazy=is_lazy, is_for_types=True)
            yield from imports_in(node.orelse, is_lazy=is_lazy, is_for_types=is_for_types)
        else:
            yield from imports_in(
                ast.iter_child_nodes(node),
                is_lazy=is_lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef),
                is_for_types=is_for_types,
            )


def short(module: str) -> str:
    return module.removeprefix(PACKAGE).removeprefix(".") if module.startswith(PACKAGE) else module


@cache
def all_imports() -> tuple[Import, ...]:
    return tuple(
        Import(short(source), short(target), *how)
        for source, path in PATHS.items()
        for target, *how in imports_in([ast.parse(path.read_text(encoding="utf-8"))])
        if target in PATHS and target != source
    )


def package_imports() -> list[Import]:
    ours = {short(module) for module in PATHS if module.startswith(PACKAGE)}
    return [each for each in all_imports() if {each.source, each.target} <= ours]


def layer_of(module: str) -> int:
    prefixes = {prefix: number for number, layer in enumerate(LAYERS) for prefix in layer}
    while module and module not in prefixes:
        module = module.rpartition(".")[0]
    return prefixes[module]


def is_in(module: str, folder: str) -> bool:
    return module == folder or module.startswith(f"{folder}.")


def circles(imports: list[Import]) -> set[tuple[str, ...]]:
    """Return the strongly connected components of more than one module."""
    targets = defaultdict(set)
    for each in imports:
        targets[each.source].add(each.target)

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            new = targets[waiting.pop()] - seen
            seen |= new
            waiting += new
        return seen

    everything = {module: reached(module) for module in list(targets)}
    return {
        tuple(sorted(other for other in reach if module in everything.get(other, ())))
        for module, reach in everything.items()
        if module in reach
    }


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_pairing_stands_alone():
    outward = [
        each
        for each in package_imports()
        if is_in(each.source, "pairing")
        and not is_in(each.target, "pairing")
        # The names of langchain-core's own attributes are data.
        and each.target != "foreign"
    ]

    # A profile's name may be the file of a chat template, whose room is an extra's, or of a profile
    # that was measured.
    assert {each.arrow for each in outward} == {
        ("pairing.report", "errors"),
        ("pairing.providers.by_name", "templates.profile"),
        ("pairing.providers.by_name", "probing.file"),
        ("pairing.providers.by_name", "probing.profile"),
    }
    assert all(each.is_lazy for each in outward)


def test_an_extra_is_imported_by_nothing_but_its_own_room():
    inward = [
        each
        for each in package_imports()
        if is_in(each.target, "templates") and not is_in(each.source, "templates")
    ]

    assert all(each.is_lazy or each.is_for_types for each in inward)


def test_nothing_but_its_command_and_tools_imports_the_demo():
    assert {
        each.source
        for each in all_imports()
        if is_in(each.target, "demo") and not is_in(each.source, "demo")
    } == {"cli.demo", "dashboards.tools.check_phoenix", "docs.generate_picture"}


def test_nothing_imports_the_dashboards_or_the_pages():
    assert not [
        each
        for each in all_imports()
        for folder in ("dashboards", "docs")
        if is_in(each.target, folder) and not is_in(each.source, folder)
    ]


def test_every_module_belongs_to_a_layer():
    named = {prefix for layer in LAYERS for prefix in layer}
    top = {short(module).partition(".")[0] for module in PATHS if module.startswith(PACKAGE)}

    assert top == named


def test_no_import_goes_up():
    upward = {
        each.arrow for each in package_imports() if layer_of(each.target) > layer_of(each.source)
    }

    assert not upward


def test_only_a_report_and_its_text_import_each_other():
    at_run_time = [each for each in all_imports() if not each.is_for_types]

    assert circles(at_run_time) == CIRCLES


def test_no_module_is_long():
    lengths = {path.relative_to(ROOT).as_posix(): lines_of(path) for path in PATHS.values()}

    assert {name for name, lines in lengths.items() if lines > LONGEST} == TABLES
    assert max(lengths.values()) <= LONGEST_TABLE
