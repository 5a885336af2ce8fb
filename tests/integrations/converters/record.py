"""Run the unit tests of installed integrations from their source distributions, and keep histories.

`python record.py FOLDER` writes `<distribution>.pickle` for each integration into FOLDER. The tests
are those of the installed version. Some of them fail here, for want of a network or of a package
that nothing else needs; whoever reads the files says whether enough is left. It runs by path, in a
folder of its own: another project's tests are in a package `tests`, too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distributions
from pathlib import Path

HERE = Path(__file__).parent
NO_INTEGRATION = {"langchain-core", "langchain-protocol", "langchain-tests"}
NOT_OF_CHAT = re.compile(
    r"embedding|vectorstore|rerank|retriever|test_imports|_image|_llms?\b|/(llms|tools|document_\w+"
    r"|retrievers|vectorstores|embeddings)/|pipeline|_endpoint|ocr|oauth|secrets|token_counts"
    r"|_standard|test_standard|decisions/|check_version|release_notes|dependenc|evaluation|_retry|timeout|check_imports|client_utils"
)
"""Files that would only take time: none of them converts a message."""
OPTIONS = (
    *("-q", "--no-header", "-p", "converter_histories", "-p", "no:toolpair"),
    *("-p", "no:cacheprovider", "-p", "no:randomly", "-o", "addopts=", "-o", "filterwarnings="),
    *("--disable-socket", "--allow-unix-socket", "--allow-hosts=127.0.0.1", "--benchmark-disable"),
    "--durations=3",
)
OFFLINE = {
    "CONVERTER_HISTORIES_IN": "",
    "HF_HUB_OFFLINE": "1",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": str(HERE),
}
SECONDS = 900


def integrations() -> dict[str, str]:
    """Return each installed integration with its version."""
    found = {one.name.lower().replace("_", "-"): one.version for one in distributions()}
    return {
        name: version
        for name, version in sorted(found.items())
        if name.startswith("langchain-") and name not in NO_INTEGRATION
    }


def record(name: str, version: str, folder: Path) -> str:
    """Run the tests of one source distribution and say in a line what came of it."""
    started = time.monotonic()
    sources = _unpacked(name, version, folder)
    files = sorted(
        str(path.relative_to(sources))
        for path in sources.glob("tests/unit_tests/**/test_*.py")
        if not NOT_OF_CHAT.search(str(path.relative_to(sources / "tests/unit_tests")))
    )
    if not files:
        return f"{name} {version}: no tests in its source distribution"
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "pytest", *OPTIONS, *files],
            cwd=sources,
            env=os.environ | OFFLINE | {"CONVERTER_HISTORIES_IN": str(folder / f"{name}.pickle")},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{name} {version}: stopped after {SECONDS}s, nothing kept"
    (folder / f"{name}.log").write_text(done.stdout + done.stderr)
    last = (done.stdout.strip().splitlines() or ["nothing printed"])[-1]
    return f"{name} {version}: {last} (all: {time.monotonic() - started:.0f}s)"


def _unpacked(name: str, version: str, folder: Path) -> Path:
    target = folder / "sources"
    file = f"{name.replace('-', '_')}-{version}"
    subprocess.run(  # noqa: S603
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--no-binary", name, "--dest", str(target), f"{name}=={version}"),
        ],
        check=True,
    )
    with tarfile.open(target / f"{file}.tar.gz") as archive:
        archive.extractall(target, filter="data")
    return target / file


def main(folder: Path) -> None:
    """Record every integration, as many at once as there are processors."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tasks = [pool.submit(record, *one, folder) for one in integrations().items()]
        for task in tasks:
            print(task.result(), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
