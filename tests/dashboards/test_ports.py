"""Ports that other programs use are named before anything starts."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import contextmanager
from dataclasses import astuple, fields, replace

import pytest

from dashboards.tools import run_local
from dashboards.tools.ports import Ports, PortsError

# What Debian starts with its packages prometheus, prometheus-node-exporter and
# prometheus-alertmanager (the last one has two), and what applications serve their metrics on.
OF_OTHERS = {9090, 9100, 9093, 9094, 9464}


@contextmanager
def listening(*ports: int, host: str = "127.0.0.1", family: int = socket.AF_INET):
    sockets = [socket.socket(family, socket.SOCK_STREAM) for _ in ports]
    try:
        for one, port in zip(sockets, ports, strict=True):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((host, port))
            one.listen()
        yield
    finally:
        for one in sockets:
            one.close()


@pytest.fixture
def started(monkeypatch):
    """What run_local starts, in place of starting it."""
    calls = []
    monkeypatch.setattr(run_local, "start_demo", lambda *call: calls.append(call))
    monkeypatch.setattr(run_local, "require_programs", lambda: None)
    return calls


def options(ports: Ports) -> list[str]:
    return [
        part
        for field in fields(Ports)
        for part in (f"--{field.name}", str(getattr(ports, field.name)))
    ]


def test_no_default_is_a_port_that_a_debian_service_or_an_application_uses():
    assert not OF_OTHERS & set(astuple(Ports()))


def test_all_busy_ports_are_named_with_their_options_and_nothing_is_started(started, capsys):
    ports = Ports.free()
    with listening(ports.prometheus, ports.runbooks):
        assert run_local.main(options(ports)) == 2

    assert not started
    assert capsys.readouterr().err == (
        "run_local: choose other ports with these options:\n"
        f"  --prometheus {ports.prometheus}: another program listens there\n"
        f"  --runbooks {ports.runbooks}: another program listens there\n"
    )


ANYWHERE = ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"))  # noqa: S104 -- for a moment


@pytest.mark.parametrize(("family", "host"), ANYWHERE)
def test_a_port_that_is_busy_on_every_interface_is_found(family, host):
    ports = Ports.free()
    with (
        listening(ports.metrics, host=host, family=family),
        pytest.raises(PortsError, match=f"--metrics {ports.metrics}: another program"),
    ):
        ports.require_free()


def test_a_port_that_is_given_twice_is_named_with_both_options():
    ports = Ports.free()
    with pytest.raises(PortsError) as raised:
        replace(ports, webhook=ports.threads).require_free()

    assert str(raised.value).splitlines()[1:] == [
        f"  --webhook {ports.threads}: given twice",
        f"  --threads {ports.threads}: given twice",
    ]


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_a_number_that_is_no_port_is_named(port):
    with pytest.raises(PortsError, match=f"--prometheus {port}: a port is a number from 1"):
        replace(Ports.free(), prometheus=port).require_free()


def test_a_port_whose_last_connection_was_closed_a_moment_ago_is_free():
    """Servers take such a port, so a program that was just stopped can be started again."""
    ports = Ports.free()
    with socket.create_server(("127.0.0.1", ports.prometheus)) as server, socket.socket() as client:
        client.connect(("127.0.0.1", ports.prometheus))
        # The side that closes first is the one that waits.
        server.accept()[0].close()
        assert not client.recv(1)
    with socket.socket() as careless, pytest.raises(OSError, match="in use"):
        careless.bind(("127.0.0.1", ports.prometheus))
    ports.require_free()


@pytest.mark.skipif(
    shutil.which("prometheus") is None,
    reason="prometheus is not installed: apt-get install prometheus",
)
def test_a_prometheus_that_runs_is_found(tmp_path):
    """Debian's service listens on every interface, as Prometheus does by itself."""
    (tmp_path / "prometheus.yml").write_text("global: {}\n", encoding="utf-8")
    ports = Ports.free()
    with subprocess.Popen(  # noqa: S603 -- our own arguments
        [  # noqa: S607 -- wherever the system keeps it
            "prometheus",
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address=:{ports.prometheus}",
        ],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as prometheus:
        try:
            assert any("Start listening" in line for line in prometheus.stderr)
            assert any("Server is ready" in line for line in prometheus.stderr)
            with pytest.raises(PortsError, match=f"--prometheus {ports.prometheus}: another"):
                ports.require_free()
        finally:
            prometheus.terminate()
            prometheus.stderr.read()
