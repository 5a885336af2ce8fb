"""Run a notebook and print it with its outputs: `python -m tests.examples.execute NOTEBOOK`."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

SECONDS = 120


def executed(path: Path) -> str:
    """Return the notebook as it is after a run of all of its cells."""
    notebook = nbformat.read(path, as_version=4)
    # Otherwise it depends on the moment into how many pieces an output falls.
    client = NotebookClient(notebook, timeout=SECONDS, record_timing=False, coalesce_streams=True)
    client.execute()
    language = notebook.metadata.language_info.name
    notebook.metadata.language_info = nbformat.NotebookNode(name=language)
    return nbformat.writes(notebook) + "\n"


if __name__ == "__main__":
    sys.stdout.write(executed(Path(sys.argv[1])))
