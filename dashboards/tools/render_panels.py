"""Draw the dashboard with Grafana's own components: `python -m dashboards.tools.render_panels`.

No Grafana server takes part. Grafana's components (@grafana/ui) and data functions (@grafana/data:
transformations, field overrides, units) draw the committed JSON in headless Chromium, with data
from a real Prometheus that scrapes the live demo. Every panel has to have data.

Needs Debian's chromium, nodejs and npm, and the programs of `dashboards.tools.local`. If pngquant
is installed, it makes the pictures smaller. The first run installs about 420 MB into `--folder`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dashboards.tools import generate
from dashboards.tools.check_stack import VARIABLES, await_exporter, start_demo
from dashboards.tools.expressions import EVERYTHING, panels
from dashboards.tools.local import Stack, StackError
from dashboards.tools.ports import Ports
from dashboards.tools.stored_threads import StoredThreads

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCES: Final = Path(__file__).parent / "render"
IMAGES: Final = Path(__file__).parents[1] / "images"

_PHASE_SECONDS: Final = 40.0
_PAGE_SECONDS: Final = 60.0
_ROW_HEIGHT: Final = 38
_ONE_BELOW_THE_OTHER: Final = 769


class View(NamedTuple):
    """One picture.

    Attributes:
        name: The first part of its file's name.
        width: Its width. Below 769 pixels, panels stand one below the other, as Grafana puts them.
        is_top: Whether it shows the first row only.
    """

    name: str
    width: int
    is_top: bool = False


COMMITTED: Final = (View("dashboard", 1600), View("top", 1280, is_top=True))
LOOKED_AT: Final = (View("laptop", 1280), View("phone", 390))
_CONTROL: Final = View("control", 1600)


class Page:
    """Serves the bundle and the dashboard, and receives the results of the page.

    Args:
        folder: The bundle.
        dashboard: The dashboard's JSON.
    """

    def __init__(self, folder: Path, dashboard: dict[str, Any]) -> None:
        self.results: list[Any] = []
        self.is_done = threading.Event()
        self.dashboard = dashboard
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(_PageHandler, self, directory=str(folder))
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/index.html"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _PageHandler(SimpleHTTPRequestHandler):
    def __init__(self, page: Page, *arguments: Any, directory: str) -> None:  # noqa: ANN401 -- http.server's
        self._page = page
        super().__init__(*arguments, directory=directory)

    def do_GET(self) -> None:
        if urllib.parse.urlsplit(self.path).path == "/dashboard.json":
            payload = json.dumps(self._page.dashboard).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(payload)
        else:
            super().do_GET()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._page.results.append(json.loads(body))
        self._page.is_done.set()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the dashboard in the incident of a live demo.

    Args:
        argv: The arguments; None for those of the process.

    Returns:
        The exit code: 0 if every panel has data and the negative controls are found.
    """
    parser = argparse.ArgumentParser(prog="python -m dashboards.tools.render_panels")
    parser.add_argument("--folder", type=Path, help="keep the installed packages here")
    parser.add_argument("--images", type=Path, default=IMAGES, help="the folder of the pictures")
    parser.add_argument(
        "--also", type=Path, metavar="FOLDER", help="write pictures of other widths to this folder"
    )
    arguments = parser.parse_args(argv)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = arguments.folder or Path(temporary) / "render"
            bundle = build(folder)
            views = [(arguments.images, view) for view in COMMITTED]
            if arguments.also:
                views += [(arguments.also, view) for view in LOOKED_AT]
            return _draw(Path(temporary), bundle, views)
    except StackError as error:
        sys.stderr.write(f"render_panels: {error}\n")
        return 2


def install(folder: Path) -> None:
    """Install Grafana's packages.

    Raises:
        StackError: A program is missing, or fails.
    """
    missing = [name for name in ("node", "npm", "chromium") if shutil.which(name) is None]
    if missing:
        msg = f"{', '.join(missing)} not installed: apt-get install nodejs npm chromium"
        raise StackError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    for source in SOURCES.iterdir():
        shutil.copy(source, folder)
    if not (folder / "node_modules").is_dir():
        npm = "npm install --no-audit --no-fund --ignore-scripts --legacy-peer-deps"
        run(folder, *npm.split(), "--omit-lockfile-registry-resolved")


def build(folder: Path) -> Path:
    """Install the packages and bundle the page; return the folder of the bundle."""
    install(folder)
    run(folder, "node", "build.mjs")
    shutil.copy(SOURCES / "index.html", folder / "out")
    return folder / "out"


def _draw(temporary: Path, bundle: Path, views: Sequence[tuple[Path, View]]) -> int:
    ports = Ports.free()
    dashboard = json.loads((generate.GENERATED / generate.DASHBOARD).read_text(encoding="utf-8"))
    demo = start_demo(ports.metrics, _PHASE_SECONDS)
    try:
        await_exporter(ports.metrics, demo)
        began = time.monotonic()
        with StoredThreads(temporary, ports.threads) as threads, Stack(temporary, ports) as stack:
            time.sleep(max(0.0, began + _PHASE_SECONDS - time.monotonic()))
            threads.break_some()
            time.sleep(max(0.0, began + 1.8 * _PHASE_SECONDS - time.monotonic()))
            failed, moment = 0, int(time.time())
            for theme in ("dark", "light"):
                for folder, view in views:
                    shown = _first_row(dashboard) if view.is_top else dashboard
                    picture = folder / f"{view.name}-{theme}.png"
                    drawn = _picture(bundle, shown, stack, Look(view, theme, picture, moment))
                    failed += _report(picture.stem, drawn)
            failed += _controls(bundle, dashboard, stack, temporary, moment)
            return 1 if failed else 0
    finally:
        demo.kill()
        demo.wait()


def _report(what: str, drawn: list[dict[str, str]]) -> int:
    bad = [one for one in drawn if one["state"] != "data"]
    sys.stdout.write(f"{what}: {len(drawn)} panels, {len(drawn) - len(bad)} with data\n")
    for one in bad:
        sys.stdout.write(f"  {one['title']}: {one['state']} {one['message']}\n")
    return len(bad)


def _controls(
    bundle: Path, dashboard: dict[str, Any], stack: Stack, temporary: Path, moment: int
) -> int:
    """Break two panels, and check that exactly these two are found."""
    changed = json.loads(json.dumps(dashboard))
    # The state is never without data: it says that nothing reports.
    renamed, broken, *_ = (panel for panel in panels(changed) if panel["type"] == "timeseries")
    for target in renamed["targets"]:
        target["expr"] = target["expr"].replace("toolpair_", "toolpair_old_")
    broken["targets"][0]["expr"] += ")"
    look = Look(_CONTROL, "dark", temporary / "control.png", moment)
    drawn = _picture(bundle, changed, stack, look)
    found = {one["title"]: one["state"] for one in drawn if one["state"] != "data"}
    expected = {renamed["title"]: "nodata", broken["title"]: "error"}
    sys.stdout.write(f"control: found {found}\n")
    return 0 if found == expected else 1


def _first_row(dashboard: dict[str, Any]) -> dict[str, Any]:
    second = [panel["type"] for panel in dashboard["panels"]].index("row", 1)
    return {**dashboard, "panels": dashboard["panels"][:second]}


def _height(dashboard: dict[str, Any], width: int) -> int:
    places: list[dict[str, int]] = [panel["gridPos"] for panel in dashboard["panels"]]
    if width < _ONE_BELOW_THE_OTHER:
        return sum(place["h"] for place in places)
    return max(place["y"] + place["h"] for place in places)


class Look(NamedTuple):
    """What to draw, in which theme, where to, and the moment when the time range ends."""

    view: View
    theme: str
    picture: Path
    moment: int


def _picture(
    bundle: Path, dashboard: dict[str, Any], stack: Stack, look: Look
) -> list[dict[str, str]]:
    """Draw once; return the state of each panel."""
    picture = look.picture
    page = Page(bundle, dashboard)
    query = urllib.parse.urlencode(
        {
            "prometheus": stack.prometheus,
            "to": look.moment,
            "seconds": int(1.7 * _PHASE_SECONDS),
            "theme": look.theme,
            "width": look.view.width,
            "variables": json.dumps({**EVERYTHING, **VARIABLES}),
        }
    )
    height = _height(dashboard, look.view.width) * _ROW_HEIGHT + 8
    picture.parent.mkdir(parents=True, exist_ok=True)
    try:
        run(
            bundle,
            "chromium",
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            f"--window-size={look.view.width},{height}",
            "--virtual-time-budget=20000",
            f"--screenshot={picture.resolve()}",
            f"{page.url}?{query}",
        )
        if not page.is_done.wait(_PAGE_SECONDS):
            msg = "the page did not report its panels"
            raise StackError(msg)
    finally:
        page.close()
    if shutil.which("pngquant"):
        run(bundle, "pngquant", "--force", "--ext=.png", "64", str(picture.resolve()))
    result = page.results[0]
    if isinstance(result, dict):
        msg = f"the page failed: {result['error']}"
        raise StackError(msg)
    expected = {panel["title"] for panel in panels(dashboard)}
    drawn: list[dict[str, str]] = result
    lost = expected - {one["title"] for one in drawn}
    return drawn + [
        {"title": title, "state": "lost", "message": "its component failed"} for title in lost
    ]


def run(folder: Path, *command: str) -> None:
    """Run a program.

    Raises:
        StackError: The program fails.
    """
    done = subprocess.run(  # noqa: S603 -- our own
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        msg = f"{command[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        raise StackError(msg)


if __name__ == "__main__":
    sys.exit(main())
