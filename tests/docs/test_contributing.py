"""What the pages for developers name is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECORDS = sorted((ROOT / "docs" / "decisions").glob("*.md"))


def first_column(heading: str) -> str:
    """The first cell of each row of the last table below a heading."""
    section = CONTRIBUTING.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = section.rsplit("| --- | --- |\n", 1)[1].splitlines()
    return "\n".join(row.split("|")[1] for row in rows if row.startswith("|"))


def test_every_session_stands_there():
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    sessions = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(each).startswith("nox.session") for each in node.decorator_list)
    }
    assert set(re.findall(r"`(\w+)`", first_column("Test, lint, check types"))) == sessions


def test_every_generator_stands_there():
    commands = first_column("Regenerate")
    scripts = {path.name for path in (ROOT / "docs").glob("generate_*.py")}
    assert set(re.findall(r"docs/(generate_\w+\.py)", commands)) == scripts
    modules = [name.replace(".", "/") for name in re.findall(r"-m ([\w.]+)", commands)]
    assert modules
    assert all((ROOT / f"{module}.py").is_file() for module in modules)


def test_the_files_that_a_rule_touches_are_there():
    section = CONTRIBUTING.split("\n## Change a provider's rule\n")[1].split("\n## ")[0]
    named = re.findall(r"`([\w./]+/\w+\.(?:py|txt))`", section)
    assert len(named) >= 5
    package = ROOT / "toolpair_observe"
    for name in named:
        places = [folder / name for folder in (ROOT, package, package / "pairing")]
        assert any(place.is_file() for place in places), name


def test_every_record_is_listed_and_says_what_a_record_says():
    index, *records = sorted(RECORDS, key=lambda path: path.name != "README.md")
    assert len(records) >= 6
    listed = re.findall(r"\]\(([^)]+)\)", index.read_text(encoding="utf-8"))
    assert listed == [path.name for path in records]
    for record in records:
        headings = re.findall(r"^## (.*)$", record.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences", "What would change our mind"]
