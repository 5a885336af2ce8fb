"""Write the dashboard and the rules: `python -m dashboards.tools.generate`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dashboards.tools.overview import overview
from dashboards.tools.rules import Rules
from dashboards.tools.settings import LIVE, PRODUCTION, Links, Objective
from dashboards.tools.yaml_text import as_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GENERATED: Final = Path(__file__).parents[1] / "generated"
DASHBOARD: Final = "toolpair.dashboard.json"
RULES: Final = "toolpair.rules.yml"
LIVE_RULES: Final = "toolpair.live.rules.yml"

_HEAD: Final = (
    "# Written by `python -m dashboards.tools.generate`. Change the code, not this file.\n"
)


def artifacts(links: Links | None = None, objective: Objective | None = None) -> Mapping[str, str]:
    """Return every generated file by its name.

    Args:
        links: The addresses in alerts and panels.
        objective: The objectives.
    """
    links = links or Links()
    objective = objective or Objective()
    return {
        DASHBOARD: json.dumps(overview(links, objective), indent=2) + "\n",
        RULES: _HEAD + as_yaml(Rules(PRODUCTION, objective, links).to_dict()),
        LIVE_RULES: _HEAD + as_yaml(Rules(LIVE, objective, links).to_dict()),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files, or with `--check` list those that differ from the code.

    Args:
        argv: The arguments; None for those of the process.

    Returns:
        The exit code: 1 if `--check` finds a difference.
    """
    arguments = _parser().parse_args(argv)
    links = Links(
        grafana=arguments.grafana,
        runbooks=arguments.runbooks,
        traces=arguments.traces,
        langsmith=arguments.langsmith,
    )
    objective = replace(Objective(), near_miss_share=arguments.near_miss_share)
    files = artifacts(links, objective)
    into: Path = arguments.into
    if arguments.check:
        stale = [name for name, text in files.items() if _read(into / name) != text]
        for name in stale:
            sys.stderr.write(f"{into / name} differs: run python -m dashboards.tools.generate\n")
        return 1 if stale else 0
    into.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (into / name).write_text(text, encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dashboards.tools.generate", description=__doc__
    )
    links, objective = Links(), Objective()
    parser.add_argument("--into", type=Path, default=GENERATED, help="the folder to write to")
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    parser.add_argument("--grafana", default=links.grafana, metavar="URL", help="%(default)s")
    parser.add_argument("--runbooks", default=links.runbooks, metavar="URL", help="%(default)s")
    parser.add_argument("--traces", default=links.traces, metavar="URL", help="%(default)s")
    parser.add_argument("--langsmith", default=links.langsmith, metavar="URL", help="%(default)s")
    parser.add_argument(
        "--near-miss-share",
        type=float,
        default=objective.near_miss_share,
        metavar="SHARE",
        help="the share of requests that may be near misses (%(default)s)",
    )
    return parser


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


if __name__ == "__main__":
    sys.exit(main())
