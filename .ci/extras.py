"""Try what an extra is for: `python .ci/extras.py EXTRA FOLDER`, in an environment that has it.

With `--missing`, in one that has it not: then the command has to say which line installs it, and
that line's target is printed. FOLDER is an empty one, for files.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).parents[1]
COMMAND: Final = str(Path(sys.executable).with_name("toolpair-observe"))
PIP_LINE: Final = re.compile(r"pip install (.+)")
SECONDS: Final = 120
BAD_INPUT: Final = 2

CALL: Final = {"id": "call_rome", "type": "function", "function": {"name": "f", "arguments": "{}"}}
# A call that nobody answered, with what the model said next: so also a row of a dataset is broken.
HISTORY: Final = [
    {"role": "user", "content": "Weather?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "user", "content": "Well?"},
    {"role": "assistant", "content": "No idea."},
]
TEMPLATE: Final = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"


@dataclass(frozen=True)
class Trial:
    """A command that needs an extra."""

    arguments: Callable[[Path], list[str]]
    """Writes into the folder what it needs, as far as that can be done without the extra."""
    code: int
    """How it exits where the extra is there."""
    says: str
    """What it prints then."""
    prepare: Callable[[Path], None] | None = None
    """Writes what takes the extra itself."""
    program: tuple[str, ...] = (COMMAND,)


def history(folder: Path) -> str:
    """Write a broken history, and return the name of its file."""
    file = folder / "history.json"
    file.write_text(json.dumps({"model": "gpt-4o", "messages": HISTORY}), encoding="utf-8")
    return str(file)


def parquet_file(folder: Path) -> list[str]:
    """Write what looks like a Parquet file."""
    (folder / "history.parquet").write_bytes(b"PAR1" + bytes(64) + b"PAR1")
    return ["check", str(folder / "history.parquet")]


def write_parquet(folder: Path) -> None:
    """Write the history as Parquet."""
    import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    table = pa.table({"model": ["gpt-4o"], "messages": [json.dumps(HISTORY)]})
    parquet.write_table(table, folder / "history.parquet")


def template(folder: Path) -> list[str]:
    """Write a chat template."""
    file = folder / "template.jinja"
    file.write_text(TEMPLATE, encoding="utf-8")
    return ["check", history(folder), "--chat-template", str(file)]


def write_thread(folder: Path) -> None:
    """Let LangGraph store a thread that a failed tool has left broken."""
    from langchain_core.messages import AIMessage, HumanMessage  # noqa: PLC0415
    from langgraph.checkpoint.sqlite import SqliteSaver  # noqa: PLC0415
    from langgraph.graph import START, MessagesState, StateGraph  # noqa: PLC0415

    calls = AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "call_rome"}])
    # Two steps: the second finds a call without a result, and the person's next question.
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda _: {"messages": [calls, HumanMessage("Well?")]})
    graph.add_edge(START, "model")
    with SqliteSaver.from_conn_string(str(folder / "threads.db")) as saver:
        graph.compile(checkpointer=saver).invoke(
            {"messages": [HumanMessage("Weather?")]}, {"configurable": {"thread_id": "42"}}
        )


def served(folder: Path) -> list[str]:
    """Serve the history on the loopback interface while this process runs."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    name = Path(history(folder)).name
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return ["check", f"http://127.0.0.1:{server.server_port}/{name}"]


def free_port() -> str:
    """Return a port that was free a moment ago."""
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        return str(server.server_port)


def generator(folder: Path) -> list[str]:
    """Copy the tools, so that they find the installed package and not the one beside them."""
    shutil.copytree(ROOT / "dashboards", folder / "dashboards")
    return ["-m", "dashboards.tools.generate", "--check"]


TRIALS: Final = {
    "completion": Trial(lambda _: ["completion", "bash"], 0, "complete -"),
    "dashboards": Trial(generator, 0, "", program=(sys.executable,)),
    "demo": Trial(lambda _: ["demo", "--no-color"], 0, "INVALID_TOOL_RESULTS"),
    "live": Trial(
        lambda _: ["demo", "--live", "--minutes", "0.05", "--port", free_port()], 0, "/metrics"
    ),
    "page": Trial(
        lambda folder: ["audit", history(folder), "--html", str(folder / "page.html")], 1, "reject"
    ),
    "parquet": Trial(parquet_file, 1, "missing_result", write_parquet),
    "ray": Trial(lambda folder: ["audit", history(folder), "--engine", "ray"], 1, "missing_result"),
    "templates": Trial(template, 1, "missing_result"),
    "threads": Trial(
        lambda folder: ["threads", f"sqlite:///{folder / 'threads.db'}"], 1, "42", write_thread
    ),
    "urls": Trial(served, 1, "missing_result"),
}


def tried(trial: Trial, folder: Path, *, is_there: bool) -> tuple[int, str]:
    """Run the command, and return its exit code and all that it said."""
    given = trial.arguments(folder)
    if is_there and trial.prepare is not None:
        trial.prepare(folder)
    done = subprocess.run(  # noqa: S603 - the commands of the table above
        [*trial.program, *given],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=SECONDS,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def missing(extra: str, folder: Path) -> str:
    """Return what the command says is to be installed."""
    code, told = tried(TRIALS[extra], folder, is_there=False)
    line = PIP_LINE.search(told)
    target = shlex.split(line[1])[-1] if line else ""
    if code != BAD_INPUT or not target.endswith(f"[{extra}]") or "Traceback" in told:
        sys.exit(f"{extra} is missing, and the command exits with {code} and says:\n{told}")
    return target


def main() -> None:
    """Try the extra, or that it is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extra", choices=sorted(TRIALS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--missing", action="store_true")
    arguments = parser.parse_args()
    if arguments.missing:
        sys.stdout.write(f"{missing(arguments.extra, arguments.folder)}\n")
        return
    trial = TRIALS[arguments.extra]
    code, told = tried(trial, arguments.folder, is_there=True)
    if code != trial.code or trial.says not in told or "Traceback" in told:
        sys.exit(f"{arguments.extra} is there, and the command exits with {code}:\n{told}")


if __name__ == "__main__":
    main()
