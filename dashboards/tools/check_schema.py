"""Check the dashboard against Grafana's own types: `python -m dashboards.tools.check_schema`.

The TypeScript compiler checks the committed JSON as a `Dashboard` of @grafana/schema. Enums count
as their values, because JSON has no enums.

Needs the same programs as `dashboards.tools.render_panels`; give both the same `--folder`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dashboards.tools import generate
from dashboards.tools.local import StackError
from dashboards.tools.render_panels import install, run

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD: Final = """\
import type { Dashboard } from '@grafana/schema';

type Plain<T> = T extends string ? `${T}`
  : T extends (infer U)[] ? Plain<U>[]
  : T extends object ? { [K in keyof T]: Plain<T[K]> }
  : T;

export const dashboard: Plain<Dashboard> =
"""
# Fields that a data source adds to an annotation. The schema allows them, the compiler does not.
_OPEN: Final = ("expr", "titleFormat", "textFormat")
_TSC: Final = "node_modules/.bin/tsc --noEmit --strict --skipLibCheck --moduleResolution bundler"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the check and its negative control.

    Args:
        argv: The arguments; None for those of the process.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m dashboards.tools.check_schema")
    parser.add_argument("--folder", type=Path, help="keep the installed packages here")
    arguments = parser.parse_args(argv)
    dashboard = json.loads((generate.GENERATED / generate.DASHBOARD).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        try:
            install(folder)
            _compile(folder, dashboard)
        except StackError as error:
            sys.stderr.write(f"check_schema: {error}\n")
            return 1
        return _control(folder, dashboard)


def _control(folder: Path, dashboard: dict[str, Any]) -> int:
    """Check that the compiler finds a cursor that is not a number."""
    try:
        _compile(folder, {**dashboard, "graphTooltip": "crosshair"})
    except StackError as error:
        if "DashboardCursorSync" in str(error):
            sys.stdout.write("the dashboard fits @grafana/schema; a wrong type is found\n")
            return 0
    sys.stderr.write("check_schema: a wrong type was not found\n")
    return 1


def _compile(folder: Path, dashboard: dict[str, Any]) -> None:
    annotations = [
        {name: value for name, value in annotation.items() if name not in _OPEN}
        for annotation in dashboard["annotations"]["list"]
    ]
    content = {**dashboard, "annotations": {"list": annotations}}
    source = f"{_HEAD}{json.dumps(content, indent=2)};\n"
    (folder / "dashboard.ts").write_text(source, encoding="utf-8")
    run(folder, *_TSC.split(), "--module", "esnext", "--target", "es2022", "dashboard.ts")


if __name__ == "__main__":
    sys.exit(main())
