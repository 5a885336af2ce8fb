"""The notebook runs from the top, and what is committed below its cells is what comes out.

`UPDATE_NOTEBOOK=1 pytest tests/examples/test_notebook.py` writes it anew.
"""

from __future__ import annotations

import json
import os

import pytest

from tests.cli.process import ROOT, run_python
from tests.examples.test_services import bare_environment

NOTEBOOK = ROOT / "examples" / "notebook.ipynb"

pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The notebook as it is after a run, in a kernel that knows nothing of this user's."""
    folder = str(tmp_path_factory.mktemp("jupyter"))
    own = dict.fromkeys(("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"), folder)
    done = run_python(
        "-m", "tests.examples.execute", str(NOTEBOOK), cwd=ROOT, env=bare_environment(**own)
    )
    assert done.returncode == 0, done.stderr.decode()
    text = done.stdout.decode()
    if os.environ.get("UPDATE_NOTEBOOK"):
        NOTEBOOK.write_text(text, encoding="utf-8")
    return text


def test_what_is_committed_is_what_comes_out(ran):
    assert ran == NOTEBOOK.read_text(encoding="utf-8"), f"run: {__doc__.splitlines()[2]}"


def test_it_shows_the_report_the_block_and_what_to_look_at(ran):
    shown = json.dumps([cell.get("outputs") for cell in json.loads(ran)["cells"]])
    assert "missing_result" in shown
    assert "stopped: missing_result" in shown
    assert "look at: " in shown
