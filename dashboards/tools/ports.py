"""The ports of the servers that run without containers."""

from __future__ import annotations

import errno
import socket
from collections import Counter
from dataclasses import asdict, dataclass, fields
from typing import Final

HOST: Final = "127.0.0.1"
_MAX_PORT: Final = 65_535


class PortsError(Exception):
    """Some ports can't be used."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of all servers.

    The defaults are not those of the programs: on Debian, installing a package starts its service
    on the program's own port.

    Attributes:
        metrics: The metrics of the live demo.
        prometheus: Prometheus.
        alertmanager: Alertmanager.
        webhook: What receives the alerts.
        runbooks: The runbooks.
        threads: The numbers of stored threads.
    """

    metrics: int = 19464
    prometheus: int = 19090
    alertmanager: int = 19093
    webhook: int = 19094
    runbooks: int = 18088
    threads: int = 19100

    @classmethod
    def free(cls) -> Ports:
        """Return unused ports."""
        probes = [socket.socket() for _ in fields(cls)]
        try:
            for probe in probes:
                probe.bind((HOST, 0))
            return cls(*(probe.getsockname()[1] for probe in probes))
        finally:
            for probe in probes:
                probe.close()

    def require_free(self) -> None:
        """Check that every port can be listened on, before anything is started.

        Raises:
            PortsError: Some can't, or two servers have the same one. The error names all of them,
                with their options.
        """
        ports: dict[str, int] = asdict(self)
        times = Counter(ports.values())
        problems = [
            f"--{name} {port}: {problem}"
            for name, port in ports.items()
            if (problem := "given twice" if times[port] > 1 else _problem(port))
        ]
        if problems:
            msg = "\n  ".join(("choose other ports with these options:", *problems))
            raise PortsError(msg)


def _problem(port: int) -> str:
    """Return why a server can't listen on a port, or nothing."""
    if not 0 < port <= _MAX_PORT:
        return f"a port is a number from 1 to {_MAX_PORT}"
    with socket.socket() as probe:
        # As the servers do: a connection that was closed a moment ago is not in the way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            is_busy = error.errno == errno.EADDRINUSE
            return "another program listens there" if is_busy else str(error.strerror)
    return ""
