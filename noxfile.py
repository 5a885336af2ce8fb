"""Everything that has to hold, a session each: `nox -l` lists them, CONTRIBUTING.md explains them.

A session makes its own environment and installs this folder into it in editable mode, so that no
stale copy is tested. Arguments after `--` take the place of the tests that a session would run.
`.ci/run` runs the sessions on a machine that has nothing but Python.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import nox
from packaging.requirements import Requirement

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_external_run = True

ROOT: Final = Path(__file__).parent
PROJECT: Final = nox.project.load_toml(ROOT / "pyproject.toml")["project"]
DEV: Final[list[str]] = PROJECT["optional-dependencies"]["dev"]
# What users install; the others are for those who work on this project.
EXTRAS: Final = sorted(
    {*PROJECT["optional-dependencies"]} - {"dev", "docs", "integrations", "test"}
)

LATER_PYTHONS: Final = ("3.12", "3.13")
# pyenv puts the versions that are not chosen on no path, and nox looks nowhere else.
PYENV: Final = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
for _folder in [path for each in LATER_PYTHONS for path in PYENV.glob(f"versions/{each}.*/bin")]:
    os.environ["PATH"] += os.pathsep + str(_folder)

PYTEST: Final = ("pytest", "-q", "-n", "auto", "--dist", "loadfile")
# What depends on the version of Python: threads, tasks, forks, enums, and how texts are read.
SMALLER_SET: Final = (
    "tests/handler",
    *sorted(
        f"tests/histories/{path.name}"
        for path in (ROOT / "tests/histories").glob("test_containers*")
    ),
    "tests/histories/test_judging.py",
    "tests/histories/test_units.py",
    "tests/pairing",
    "tests/plugin",
    "tests/reporters",
    "tests/test_checkout.py",
    "tests/test_counted_work.py",
    "tests/test_errors.py",
    "tests/test_import_cost.py",
    "tests/test_settings.py",
)
# A version between two that run more: what they share is what it can break.
SMALLEST_SET: Final = ("tests/handler", "tests/plugin", "tests/test_checkout.py")
OLDEST_SET: Final = (
    "tests/test_foreign.py",
    "tests/test_import_cost.py",
    "tests/pairing",
    "tests/handler",
    "tests/strict",
    "tests/reporters",
    "tests/attach",
    "tests/cli/test_langsmith_apply.py",
    "tests/steps/test_fates.py",
    # What threads are stored in has changed more than once, and how they are written to.
    "tests/threads/test_async.py",
    "tests/threads/test_candidates.py",
    "tests/threads/test_surgery.py",
    *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/threads/test_stores*.py")),
)
# The names that are relied on come first: they say what the other tests then stumble over.
DRIFT_SET: Final = (*OLDEST_SET, "tests/integrations", "tests/plugin")
DRIFTING: Final = tuple(
    Requirement(line).name
    for extra in ("test", "integrations", "threads")
    for line in PROJECT["optional-dependencies"][extra]
    if Requirement(line).name.startswith(("langchain", "langgraph", "langsmith", "openinference"))
)
VERSIONS: Final = """\
import sys
from importlib.metadata import version
for name in sys.argv[1:]:
    print(name, version(name))
"""
# What an archive can lack is files, so these are the tests that read pages, tables, rules and
# scripts, and a few that need nothing else. How the code behaves does not change by packing.
SDIST_SET: Final = (
    "tests/docs",
    "tests/dashboards",
    "tests/handler/test_stored_thread.py",
    "tests/pairing/test_check.py",
    "tests/test_checkout.py",
)
# What the integrations' own tests import. They ask for more, which only their other tests use.
OF_FOREIGN_TESTS: Final = (
    *("blockbuster", "defusedxml", "freezegun", "langchain-tests", "pip", "pytest-dotenv"),
    *("pytest-mock", "pytest-recording", "pytest-retry", "pytest-timeout", "requests-mock"),
    *("responses", "syrupy", "toml", "vcrpy"),
)
GENERATORS: Final = (
    *(("python", f"docs/{path.name}") for path in sorted((ROOT / "docs").glob("generate_*.py"))),
    ("python", "-m", "dashboards.tools.generate"),
)


def _dev(*names: str) -> list[str]:
    """The requirements of these names in the extra `dev`, so that versions stand in one place."""
    return [line for line in DEV if Requirement(line).name in names]


def _test(session: nox.Session, *paths: str, at_full_length: bool = True) -> None:
    # The tests repeat less where CI is empty; README's own command has run them at full length.
    env = {} if at_full_length else {"CI": ""}
    session.run(*PYTEST, *(session.posargs or paths), env=env)


@nox.session
def lint(session: nox.Session) -> None:
    """Look for mistakes and for another format than ruff's."""
    session.install(*_dev("ruff"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of everything but the tests, and what a type checker makes of the API."""
    session.install("-e", ".[dev]")
    session.run("mypy")
    session.run("pyright")


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test that needs no integration but OpenAI's; with CI=true, at full length."""
    session.install("-e", ".[test]")
    _test(session)


@nox.session(python=LATER_PYTHONS)
def pythons(session: nox.Session) -> None:
    """Run a smaller set of tests on later versions of Python."""
    session.install("-e", ".[test]")
    tested = SMALLER_SET if session.python == LATER_PYTHONS[-1] else SMALLEST_SET
    _test(session, *tested, at_full_length=False)


@nox.session
def ray(session: nox.Session) -> None:
    """Audit on a local Ray, and compare the result with that of one process."""
    session.install("-e", ".[test,ray]")
    _test(session, "tests/audit/test_spread.py")


@nox.session
def integrations(session: nox.Session) -> None:
    """Compare what is predicted with what every integration really sends."""
    session.install("-e", ".[integrations]")
    _test(session, "tests/integrations", "tests/pairing", "tests/docs/test_comparison.py")


@nox.session
def before(session: nox.Session) -> None:
    """Do the same with integrations from before they changed what they send."""
    session.install("-e", ".[test]", "-r", ".ci/before.txt")
    _test(
        session,
        "tests/integrations/test_encodings.py",
        "tests/integrations/test_positions.py",
        "tests/integrations/test_predictions.py",
        "tests/integrations/test_snapshots.py",
    )


@nox.session
def converters(session: nox.Session) -> None:
    """Predict what becomes of the histories that the integrations' own tests convert.

    Needs no list of them: the newest source distributions carry their tests.
    """
    session.install("-e", ".[integrations]", *OF_FOREIGN_TESTS)
    with TemporaryDirectory() as folder:
        session.run("python", "tests/integrations/converters/record.py", folder)
        session.run(
            *PYTEST[:-1],
            "worksteal",
            *(session.posargs or ["tests/integrations/converters"]),
            env={"CONVERTER_HISTORIES": folder},
        )


@nox.session
def oldest(session: nox.Session) -> None:
    """Run the tests with the oldest langchain-core and langsmith that are supported."""
    session.install("-e", ".[test]", "-c", ".ci/oldest.txt")
    # The oldest langchain-core calls what is deprecated in the oldest langsmith.
    ignored = "ignore::pydantic.PydanticDeprecatedSince20"
    _test(session, *OLDEST_SET, "-W", ignored, at_full_length=False)


@nox.session
def drift(session: nox.Session) -> None:
    """Run what depends on other libraries on their newest pre-releases. Not part of the gate."""
    uses_uv = session.venv_backend == "uv"
    session.install("--prerelease=allow" if uses_uv else "--pre", "-e", ".[integrations]")
    session.run("python", "-c", VERSIONS, "langchain-core", "langsmith", *DRIFTING)
    # What a pre-release deprecates shows, and does not hide what it breaks.
    _test(session, *DRIFT_SET, "-W", "default", at_full_length=False)


@nox.session
def dashboards(session: nox.Session) -> None:
    """Let a real Prometheus and Alertmanager read the metrics: about 2.5 minutes."""
    session.install("-e", ".[dashboards]")
    session.run("python", "-m", "dashboards.tools.check_stack")


@nox.session
def generate(session: nox.Session) -> None:
    """Write everything that is generated: pages, dashboard, rules, picture, snapshots."""
    session.install("-e", ".[integrations]")
    for command in GENERATORS:
        session.run(*command)
    # One process: every integration's snapshot stands in the same file.
    recording = {"UPDATE_INTEGRATION_SNAPSHOTS": "newest"}
    session.run("pytest", "-q", "tests/integrations/test_snapshots.py", env=recording)


@nox.session
def docs(session: nox.Session) -> None:
    """Generate on a copy of this folder: what comes out has to be what is committed."""
    session.install("-e", ".[test]")
    unneeded = shutil.ignore_patterns("__pycache__", "node_modules")
    with TemporaryDirectory() as folder:
        for name in ("dashboards", "docs"):
            shutil.copytree(ROOT / name, Path(folder) / name, ignore=unneeded)
        with session.chdir(folder):
            for command in GENERATORS:
                session.run(*command, env={"PYTHONDONTWRITEBYTECODE": "1"})
        stale = _differences(Path(folder))
    if stale:
        session.error(f"run nox -s generate, and commit {', '.join(stale)}")


@nox.session
def site(session: nox.Session) -> None:
    """Build the site of all pages in `build/site`, or in the folder after `--`."""
    session.install(*PROJECT["optional-dependencies"]["docs"])
    session.run("python", "-m", "docs.build_site", *session.posargs)


def _differences(folder: Path) -> list[str]:
    """Name the files of `folder` that are not what they are here."""
    made = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return sorted(
        str(name)
        for name, path in made.items()
        if not (ROOT / name).is_file() or (ROOT / name).read_bytes() != path.read_bytes()
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Print every budget with its figure; `-- --brief` only shows that it still runs."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.benchmarks", *session.posargs)


IN_A_CLEAN_ENVIRONMENT: Final = """\
import toolpair_observe
from toolpair_observe import ToolPairHandler, check_messages

assert check_messages([("human", "hi")]).ok
ToolPairHandler()
print("toolpair_observe", toolpair_observe.__version__, "from", toolpair_observe.__file__)
"""


@nox.session
def wheel(session: nox.Session) -> None:
    """Build both archives, look into them, and use the wheel where nothing else is installed."""
    session.install(*_dev("build", "twine"))
    with TemporaryDirectory() as folder:
        session.run("python", "-m", "build", "--outdir", folder, silent=True)
        session.run("twine", "check", "--strict", *map(str, Path(folder).glob("*")))
        session.run("python", ".ci/archives.py", folder)
        session.run("python", "-m", "venv", f"{folder}/clean")
        (built,) = Path(folder).glob("*.whl")
        programs = f"{folder}/clean/bin"
        session.run(f"{programs}/pip", "install", "--quiet", str(built), external=True)
        with session.chdir(folder):
            python = f"{programs}/python"
            session.run(python, "-W", "error", "-c", IN_A_CLEAN_ENVIRONMENT, external=True)
            command = f"{programs}/toolpair-observe"
            session.run(command, "--version", external=True)
            models = "import langchain_core.language_models.chat_models"
            new_process = (command, "run", python, "-c", models)
            told = session.run(*new_process, external=True, silent=True)
            said = session.run(command, "demo", external=True, silent=True, success_codes=[2])
    if "is attached: pid" not in str(told):
        session.error(f"a new process says nothing of being attached: {told}")
    if "pip install" not in str(said):
        session.error(f"the demo does not say which extra it needs: {said}")


@cache
def _built_wheel() -> Path:
    """Build a wheel, once for all sessions of this run."""
    folder = TemporaryDirectory(prefix="toolpair-wheel-")
    atexit.register(folder.cleanup)
    command = (sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--out-dir", folder.name)
    subprocess.run([*command, str(ROOT)], check=True)  # noqa: S603 -- our own command
    (built,) = Path(folder.name).glob("*.whl")
    return built


@nox.session
@nox.parametrize("extra", EXTRAS, ids=EXTRAS)
def extras(session: nox.Session, extra: str) -> None:
    """Try what an extra is for: without it, then with what the error said is to be installed."""
    fast = {"UV_COMPILE_BYTECODE": "0"}
    session.install(str(_built_wheel()), env=fast)
    with TemporaryDirectory() as folder:
        trial = ("python", str(ROOT / ".ci/extras.py"), extra, folder)
        # The tools of the dashboards are no part of the package, and name no line to install.
        target = (
            f"{_built_wheel()}[{extra}]"
            if extra == "dashboards"
            else str(session.run(*trial, "--missing", silent=True)).strip()
        )
        if extra == "ray":  # hundreds of megabytes, which the session ray installs and uses
            session.install("--dry-run", target)
            return
        session.install(target, env=fast)
    with TemporaryDirectory() as folder:
        session.run("python", str(ROOT / ".ci/extras.py"), extra, folder)


@nox.session
def sdist(session: nox.Session) -> None:
    """Build the source distribution, unpack it elsewhere, and run tests as they lie there."""
    session.install(*_dev("build"))
    with TemporaryDirectory() as folder:
        session.run("python", "-m", "build", "--sdist", "--outdir", folder, silent=True)
        (archive,) = Path(folder).glob("*.tar.gz")
        shutil.unpack_archive(archive, folder)
        with session.chdir(Path(folder) / archive.name.removesuffix(".tar.gz")):
            session.install(".[test]")
            session.run("pytest", "--collect-only", "-qq", silent=True)
            _test(session, *SDIST_SET, at_full_length=False)
