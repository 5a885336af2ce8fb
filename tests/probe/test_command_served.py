"""`toolpair-observe probe` with the real ChatOpenAI against endpoints of this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.process import environment
from toolpair_observe.cli.main import main
from toolpair_observe.probing.file import read_measurement
from toolpair_observe.probing.measurement import Verdict
from toolpair_observe.probing.requests import CONTROLS

pytest.importorskip("langchain_openai")
servers = pytest.importorskip("tests.probe.servers")

FILE = "toolpair-profile.toml"
SECRET = "sk-hunter2-hunter2"
APP = """
from langchain_core.callbacks import BaseCallbackHandler
from langchain_openai import ChatOpenAI


class Tracer(BaseCallbackHandler):
    def on_chat_model_start(self, *args, **kwargs):
        print("traced")


def find_patient(name: str) -> str:
    "Find a patient."
    return name


def make():
    model = ChatOpenAI(
        model="gpt-oss-20b", base_url="{url}", api_key="{key}", callbacks=[Tracer()]
    )
    return model.bind_tools([find_patient]).with_retry()
"""


@pytest.fixture
def ask(tmp_path, monkeypatch, capsys):
    """Run the command for an application whose model is at a URL."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")

    def ask(url: str, *arguments: str) -> tuple[int, str, str]:
        write_app(tmp_path, url)
        sys.modules.pop("served_app", None)
        code = main(["probe", *arguments])
        return (code, *capsys.readouterr())

    yield ask
    sys.modules.pop("served_app", None)


def write_app(folder: Path, url: str) -> None:
    # Two versions of one length in one second would be one to the cache of compiled modules.
    (folder / "served_app.py").unlink(missing_ok=True)
    text = APP.replace("{url}", url).replace("{key}", SECRET)
    (folder / "served_app.py").write_text(text, encoding="utf-8")


MODEL = "served_app:make"


def test_a_dry_run_sends_nothing_and_names_the_endpoint(ask):
    recording = servers.Recording(servers.Takes())
    with servers.served(recording) as url:
        code, out, err = ask(url, MODEL)

    assert (code, err, recording.requests) == (0, "", [])
    assert f"gpt-oss-20b at {url.removeprefix('http://')}" in out
    assert SECRET not in out
    assert not Path(FILE).exists()


def test_what_an_endpoint_refuses_is_measured_and_nothing_of_the_application_sent(ask):
    recording = servers.Recording(servers.OpenAIRules())
    with servers.served(recording) as url:
        code, out, err = ask(url, MODEL, "--yes", "--repeat", "1")

    assert (code, err) == (0, "")
    assert "traced" not in out
    kept = {each.probe: each for each in read_measurement(FILE).answers}
    assert {kept[each.name].verdict for each in CONTROLS} == {Verdict.ACCEPT}
    assert kept["missing/all_human"].verdict is Verdict.REJECT
    assert "must be followed by tool messages" in kept["missing/all_human"].text
    assert f"spent: {len(recording.requests):,} requests" in out
    sent = json.dumps([dict(each) for each in recording.requests])
    assert "find_patient" not in sent
    assert SECRET not in sent + out + Path(FILE).read_text(encoding="utf-8")


def test_no_more_is_sent_than_was_said(ask):
    recording = servers.Recording(servers.Takes())
    with servers.served(recording) as url:
        _, planned, _ = ask(url, MODEL, "--json")
        ask(url, MODEL, "--yes")

    assert 0 < len(recording.requests) <= json.loads(planned)["requests"]


def test_the_same_endpoint_is_0_and_one_that_changed_is_1(ask):
    behaviours = [servers.Template(status=400)]

    def newest(request, number):
        return behaviours[-1](request, number)

    with servers.served(newest) as url:
        assert ask(url, MODEL, "--yes", "--repeat", "1")[0] == 0
        code, out, _ = ask(url, "--check", FILE, MODEL, "--yes", "--repeat", "1")
        assert code == 0
        assert "\n  then" not in out

        behaviours.append(servers.Takes())
        code, out, _ = ask(url, "--check", FILE, MODEL, "--yes", "--repeat", "1")
    assert code == 1
    assert "changed: orphan/human, H T(z)\n  then  refuses it: " in out
    assert "\n  now   accepts it\n" in out


@pytest.mark.parametrize(
    "behaviour",
    [
        servers.NoTools(),
        servers.Says(servers.refused("Incorrect API key provided.", 401)),
        servers.Says(servers.refused("The model does not exist.", 404)),
    ],
    ids=["no tools", "401", "404"],
)
def test_an_endpoint_that_can_not_be_asked_is_2_and_no_file(ask, behaviour):
    with servers.served(behaviour) as url:
        code, out, err = ask(url, MODEL, "--yes")

    assert (code, out) == (2, "")
    (said,) = err.splitlines()
    assert said.startswith("toolpair-observe: ")
    assert not Path(FILE).exists()


def test_an_interrupt_keeps_what_was_learned(tmp_path):
    """Ctrl-C, as a terminal sends it, while a request is waited for."""
    child: list[subprocess.Popen[bytes]] = []

    def interrupts(request, number):
        if number == 20:
            os.kill(child[0].pid, signal.SIGINT)
        return servers.accepted(request)

    with servers.served(interrupts) as url:
        write_app(tmp_path, url)
        command = [sys.executable, "-m", "toolpair_observe", "probe", MODEL, "--yes"]
        child.append(
            subprocess.Popen(  # noqa: S603 - our own program
                [*command, "--repeat", "1"],
                cwd=tmp_path,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
        out, err = child[0].communicate(timeout=120)

    assert child[0].returncode == 130, err
    assert b"holds what was learned by then" in err
    assert b"not all was asked" in out
    assert len(CONTROLS) < len(read_measurement(tmp_path / FILE).answers) <= 21
