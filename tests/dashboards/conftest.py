from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.tools import generate

DASHBOARDS = Path(generate.__file__).parents[1]


@pytest.fixture(scope="session")
def dashboard() -> dict[str, Any]:
    return json.loads((generate.GENERATED / generate.DASHBOARD).read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def rules() -> list[dict[str, Any]]:
    return _rules(generate.RULES)


@pytest.fixture(scope="session")
def live_rules() -> list[dict[str, Any]]:
    return _rules(generate.LIVE_RULES)


def _rules(name: str) -> list[dict[str, Any]]:
    content = yaml.safe_load((generate.GENERATED / name).read_text(encoding="utf-8"))
    return [rule for group in content["groups"] for rule in group["rules"]]
