"""Requests that always end, and that go where they are sent to and nowhere else."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import socket
import ssl
import subprocess
import threading
from base64 import b64encode
from http.cookiejar import CookieJar
from types import SimpleNamespace

import pytest
from requests import Session
from requests.auth import HTTPBasicAuth

from tests.loopback.faulty_http import Fault
from tests.loopback.langsmith_server import LangSmithServer
from tests.loopback.raw_server import RawServer
from toolpair_observe import deadline as clock
from toolpair_observe.reporters.langsmith.address import Destination, destination_of
from toolpair_observe.reporters.langsmith.donor import NOBODY, donor_of
from toolpair_observe.reporters.langsmith.route import (
    BadProxyError,
    BadUrlError,
    route_to,
    server_of,
)
from toolpair_observe.reporters.langsmith.transport import Transport, TransportError
from toolpair_observe.reporters.langsmith.workspace import Workspace

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
HEAD = b"HTTP/1.1 200 OK\r\n"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in (*PROXIES, *map(str.upper, PROXIES), "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def ok(_):
    yield OK


def to(url, *, timeout=20.0, max_bytes=1000, donor=NOBODY):
    return Transport(route_to(server_of(url), donor), timeout=timeout, max_bytes=max_bytes)


def get(url, **options):
    transport = to(url, **options)
    try:
        return transport.request("GET", "/x", {"X-Key": "k"})
    finally:
        transport.close()


# Bounds


@pytest.mark.parametrize("endless", ["status", "header", "headers", "body", "chunks", "continue"])
def test_an_endless_answer_ends_with_its_deadline(monkeypatch, endless):
    """Each look at the clock costs a second, however quickly the bytes come."""
    ticks = itertools.count()
    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))

    def say(_):
        yield {
            "status": b"HTTP/1.1 ",
            "header": HEAD + b"X-A: ",
            "headers": HEAD,
            "body": HEAD + b"\r\n",
            "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
            "continue": b"",
        }[endless]
        piece = {
            "headers": b"A: b\r\n",
            "chunks": b"1\r\na\r\n",
            "continue": b"HTTP/1.1 100 Continue\r\n\r\n",
        }.get(endless, b"a")
        while True:
            yield piece

    with RawServer(say) as server, pytest.raises(TransportError) as caught:
        get(server.url, timeout=9, max_bytes=10**9)
    # The standard library counts headers itself.
    assert caught.value.reason in {"Timeout", "HTTPException"}
    assert not caught.value.is_final
    assert next(ticks) < 50


def test_a_long_answer_is_not_read_to_its_end():
    def say(_):
        yield HEAD + b"\r\n"
        while True:
            yield b"a" * 100_000

    with RawServer(say) as server, pytest.raises(TransportError) as caught:
        get(server.url)
    assert (caught.value.reason, caught.value.is_final) == ("AnswerTooLong", True)


def test_an_answer_that_breaks_off_is_none():
    def say(_):
        yield HEAD + b"Connection: close\r\nContent-Length: 100\r\n\r\nabc"
        raise OSError

    with RawServer(say) as server, pytest.raises(TransportError) as caught:
        get(server.url)
    assert caught.value.reason == "IncompleteRead"


def test_an_answer_without_a_length_ends_with_its_connection():
    def say(_):
        yield HEAD + b"\r\nabc"
        raise OSError

    with RawServer(say) as server:
        assert get(server.url).body == b"abc"


def test_nobody_there_is_told_without_the_url():
    with RawServer(ok) as server:
        url = server.url.replace("127", "user:secret@127")
    with pytest.raises(TransportError) as caught:
        get(url)
    assert caught.value.reason == "ConnectionError"
    assert caught.value.__suppress_context__
    assert "secret" not in f"{caught.value!r}"


# The connection


def test_a_connection_is_kept_and_a_lost_one_replaced():
    with LangSmithServer() as server:
        transport = to(server.url)
        for _ in range(3):
            assert transport.request("GET", "/info", {}).status == 200
        assert len(server._connections) == 1
        server.stop()
        server.start()
        assert transport.request("GET", "/info", {}).status == 200
        transport.close()
        assert transport.request("GET", "/info", {}).status == 200
        transport.close()


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_an_answer_and_nothing_more(status):
    with LangSmithServer() as server, LangSmithServer() as elsewhere:
        server.fail("/x", Fault(status, location=f"{elsewhere.url}/x", body=None))
        answer = get(server.url)
        assert (answer.status, answer.is_redirect) == (status, True)
        assert elsewhere.requests() == []
        assert len(server.requests()) == 1


# Proxies and certificates


def test_a_proxy_of_the_environment_forwards_and_is_told_who_asks(monkeypatch):
    with RawServer(ok) as proxy:
        monkeypatch.setenv("http_proxy", f"http://us:s%40cret@127.0.0.1:{proxy.port}")
        assert get("http://langsmith.test/").status == 200
    (request,) = proxy.requests
    assert request.startswith(b"GET http://langsmith.test/x HTTP/1.1\r\n")
    assert b"\r\nHost: langsmith.test\r\n" in request
    assert b"Proxy-Authorization: Basic " + b64encode(b"us:s@cret") in request


def test_a_session_names_a_proxy_too_and_the_environment_its_exceptions(monkeypatch):
    session = Session()
    with RawServer(ok) as proxy, RawServer(ok) as server:
        session.proxies = {"http": f"127.0.0.1:{proxy.port}"}
        get(server.url, donor=donor_of(session))
        assert (len(proxy.requests), len(server.requests)) == (1, 0)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        get(server.url, donor=donor_of(session))
        assert (len(proxy.requests), len(server.requests)) == (1, 1)


@pytest.mark.parametrize("url", ["socks5://127.0.0.1:1", "https://127.0.0.1:1", "http://:x"])
def test_a_proxy_that_cannot_be_used_is_told(monkeypatch, url):
    monkeypatch.setenv("http_proxy", url)
    with pytest.raises(BadProxyError):
        get("http://langsmith.test/")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl to make a certificate with")
    key, file = (tmp_path_factory.mktemp("tls") / name for name in ("key.pem", "cert.pem"))
    what = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(file)]
    subprocess.run([program, *what, *names, *files], check=True, capture_output=True)  # noqa: S603
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return context, str(file)


def test_certificates_are_verified_against_who_is_trusted(certificate, monkeypatch):
    context, file = certificate
    session = Session()
    with RawServer(ok, context) as server:
        with pytest.raises(TransportError) as caught:
            get(server.url)
        assert caught.value.reason == "SSLCertVerificationError"
        assert server.requests == []
        for session.verify in (file, False):
            assert get(server.url, donor=donor_of(session)).status == 200
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", file)
        assert get(server.url).status == 200


def test_a_proxy_passes_on_what_it_cannot_read(certificate, monkeypatch):
    context, file = certificate
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", file)

    with Tunnel() as proxy, RawServer(ok, context) as server:
        monkeypatch.setenv("https_proxy", f"http://us:secret@127.0.0.1:{proxy.port}")
        proxy.target = server.port
        assert get(server.url).status == 200
    (asked,) = proxy.asked
    assert asked.startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % proxy.target)
    assert b"Proxy-Authorization: Basic " + b64encode(b"us:secret") in asked
    (request,) = server.requests
    assert b"Proxy-Authorization" not in request


def test_a_proxy_that_refuses_is_named_by_its_status(monkeypatch):
    def refuse(_):
        yield b"HTTP/1.1 407 Who are you\r\n\r\n"

    with RawServer(refuse) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(TransportError) as caught:
            get("https://langsmith.test")
    assert caught.value.reason == "ProxyError407"
    assert b"X-Key" not in proxy.requests[0]


class Tunnel(RawServer):
    """A proxy that passes bytes on both ways once it was asked to."""

    def __init__(self):
        super().__init__(ok)
        self.asked, self.target = [], 0

    def _serve(self, connection):
        self.asked.append(connection.recv(65_536))
        there = socket.create_connection(("127.0.0.1", self.target))
        self._connections.append(there)
        connection.sendall(b"HTTP/1.1 200 Go ahead\r\n\r\n")
        for one, other in ((connection, there), (there, connection)):
            threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    @staticmethod
    def _pump(one, other):
        with contextlib.suppress(OSError):
            while piece := one.recv(65_536):
                other.sendall(piece)
            other.shutdown(socket.SHUT_WR)


# URLs


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://api.smith.langchain.com", "https://api.smith.langchain.com"),
        ("HTTPS://us:p%40ss@Host.Test:8443/api/v1/", "https://host.test:8443/api/v1"),
        ("http://token@[::1]:1984", "http://[::1]:1984"),
        ("http://host:80/?key=secret#secret", "http://host"),
    ],
)
def test_a_url_is_shown_without_what_is_secret_in_it(url, shown):
    assert server_of(url).shown == shown


@pytest.mark.parametrize(
    "url", ["", "host", "ftp://host", "http://", "http://h:port", "http://a b/", "http://h\r\nX: y"]
)
def test_what_is_no_url_is_told_without_quoting_it(url):
    with pytest.raises(BadUrlError) as caught:
        server_of(url)
    assert str(caught.value) == ""


# What a session lends


def sent_with(session, **options):
    with LangSmithServer() as server:
        url = server.url.replace("http://", options.pop("login", "http://"))
        destination = Destination(url, session=session, **options)
        workspace = Workspace(destination, timeout=20, max_bytes=1000)
        workspace.request("GET", "/info")
        workspace.close()
        return server.requests()[0].headers


def test_a_session_lends_headers_cookies_and_credentials_as_requests_sends_them():
    session = Session()
    session.headers["X-Gateway"] = "yes"
    session.cookies.set("sso", "c00kie")
    for session.auth in (("us", "pw"), HTTPBasicAuth("us", "pw")):
        headers = sent_with(session, headers=(("x-gateway", "mine"),), api_key="key")
        assert headers["x-gateway"] == "mine"
        assert headers["cookie"] == "sso=c00kie"
        assert headers["authorization"] == "Basic " + b64encode(b"us:pw").decode()
        assert headers["x-api-key"] == "key"
        assert headers["user-agent"].startswith("toolpair-observe/")


def test_user_and_password_of_the_endpoint_are_sent_and_not_as_part_of_the_host():
    headers = sent_with(None, login="http://us:p%40ss@")
    assert headers["authorization"] == "Basic " + b64encode(b"us:p@ss").decode()
    assert "us" not in headers["host"]


@pytest.mark.parametrize("session", [None, object(), SimpleNamespace(headers=3, auth="x", cert=1)])
def test_a_session_of_another_library_lends_what_it_has(session):
    donor = donor_of(session)
    assert (donor.headers, donor.auth, donor.certificate, donor.verify) == ({}, None, (), True)


def test_a_client_without_a_session_is_understood():
    """As one would be that is built on another HTTP library."""
    with LangSmithServer() as server:
        destination = destination_of(SimpleNamespace(api_url=server.url, api_key=server.api_key))
        workspace = Workspace(destination, timeout=20, max_bytes=1000)
        assert workspace.request("GET", "/feedback-configs").status == 200
        workspace.close()


def test_an_empty_jar_sends_no_cookie():
    assert "cookie" not in sent_with(SimpleNamespace(cookies=CookieJar()))
