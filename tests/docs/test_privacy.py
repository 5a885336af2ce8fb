"""The page on privacy leaves out nothing that can send."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from toolpair_observe.cli.dispatch import build_parser

PAGE = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")


def test_the_page_says_of_every_command_whom_it_asks():
    (commands,) = (
        action.choices
        for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    table = PAGE.partition("| command | asks |")[2].partition("\n\n")[0]
    told = " ".join(row.split("|")[1] for row in table.splitlines() if row.startswith("| "))

    assert len(commands) >= 9
    assert {*commands} <= {*re.findall(r"[a-z]+", told)}
