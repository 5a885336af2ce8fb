"""What a cron job tells: a file for node_exporter, and one export over OTLP."""

from __future__ import annotations

import sqlite3
import stat
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.loopback.otlp_sink import OtlpSink, plain
from tests.loopback.server import LoopbackHandler, LoopbackServer
from tests.threads.agent_app import DATABASE, fill, opened_saver
from tests.threads.test_cli_threads import spoil
from toolpair_observe import __version__, semconv
from toolpair_observe.cli.main import main
from toolpair_observe.threads import gauge
from toolpair_observe.threads.diagnosis import ThreadVerdict

URL = f"sqlite:///{DATABASE}"
FILE = "toolpair.prom"
COUNTS = {"sound": 1.0, "waiting": 1.0, "stalled": 1.0, "poisoned": 1.0, "unreadable": 0.0}


@pytest.fixture
def database(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with opened_saver() as saver:
        fill(saver)
    return tmp_path / DATABASE


@pytest.fixture
def sink(monkeypatch):
    with OtlpSink() as sink:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.url)
        yield sink


def families(path):
    return {each.name: each for each in text_string_to_metric_families(path.read_text())}


def threads(*options: str) -> int:
    return main(["threads", URL, "--idle", "0s", *options])


def test_the_file_tells_every_verdict_and_when_they_were_counted(database, capsys):
    before = time.time()
    assert threads("--prometheus-textfile", FILE) == 1
    told = families(database.with_name(FILE))

    assert set(told) == {"toolpair_threads", "toolpair_threads_counted_timestamp_seconds"}
    numbers = told["toolpair_threads"]
    assert (numbers.type, numbers.documentation) == ("gauge", semconv.THREADS.description)
    assert {
        each.labels["toolpair_thread_verdict"]: each.value for each in numbers.samples
    } == COUNTS
    assert {each.labels["db_namespace"] for each in numbers.samples} == {DATABASE}
    (at,) = told["toolpair_threads_counted_timestamp_seconds"].samples
    assert before - 1 <= at.value <= time.time() + 1
    assert "4 threads:" in capsys.readouterr().out


def test_the_file_is_read_by_others_and_never_half_of_it(database, monkeypatch):
    path = database.with_name(FILE)
    path.write_text("old")
    threads("--prometheus-textfile", FILE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    written = path.read_text()

    def breaks(samples):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gauge, "textfile", breaks)
    assert threads("--prometheus-textfile", FILE) == 2
    assert path.read_text() == written
    assert not [each for each in database.parent.iterdir() if each.suffix == ".tmp"]


def test_an_unreadable_thread_is_counted_too(database):
    spoil(database, "sound")
    assert threads("--prometheus-textfile", FILE) == 2
    samples = families(database.with_name(FILE))["toolpair_threads"].samples
    counts = {each.labels["toolpair_thread_verdict"]: each.value for each in samples}
    assert counts == COUNTS | {"sound": 0, "unreadable": 1}


def test_nothing_is_told_of_a_database_that_cannot_be_read(database):
    with sqlite3.connect("empty.db") as connection:
        connection.execute("create table t (a)")
    assert main(["threads", "sqlite:///empty.db", "--prometheus-textfile", FILE]) == 2
    assert not database.with_name(FILE).exists()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///app.db", "app.db"),
        ("sqlite:////srv/data/app.db", "app.db"),
        ("/srv/data/app.db", "app.db"),
        ("postgresql://me:secret@db.example.com:5432/shop?sslmode=require", "shop"),
        ("postgresql://me:secret@db.example.com", "me"),
        ("postgresql://db.example.com", "postgresql"),
        ("postgresql://me:secret@a:1,b:2/shop?host=c", "shop"),
        ("postgres:///?dbname=shop&password=secret", "shop"),
        ("postgresql://me:secret@db.example.com/the%20shop", "the shop"),
    ],
)
def test_the_name_of_a_database_is_no_secret(monkeypatch, url, name):
    monkeypatch.delenv("PGDATABASE", raising=False)
    assert gauge.database_of(url) == name


def test_a_hostile_name_stays_one_label():
    name = 'a"b\\c\n# d'
    text = gauge.textfile(gauge.samples_of(dict.fromkeys(ThreadVerdict, 1), name))
    (numbers, _) = text_string_to_metric_families(text)
    assert {each.labels["db_namespace"] for each in numbers.samples} == {name}


def test_otlp_sends_the_same_once(database, sink, capsys):
    assert threads("--otlp", "--json") == 1
    numbers, at = sorted(sink.metrics, key=lambda metric: metric.name)
    assert (numbers.name, numbers.unit, numbers.description) == (
        "toolpair.threads",
        "{thread}",
        semconv.THREADS.description,
    )
    points = [(plain(each.attributes), each) for each in numbers.gauge.data_points]
    assert {
        labels["toolpair.thread.verdict"]: point.as_int or point.as_double
        for labels, point in points
    } == COUNTS
    assert {labels["db.namespace"] for labels, _ in points} == {DATABASE}
    assert (at.name, at.unit) == ("toolpair.threads.counted.timestamp", "s")
    assert sink.scopes == {(semconv.SCOPE, __version__)}
    assert capsys.readouterr().err == ""


def resources(sink):
    return [
        plain(each.resource.attributes) for each in sink._each("/v1/metrics", "resource_metrics")
    ]


def test_every_run_has_the_same_resource_so_that_no_run_is_a_series_of_its_own(database, sink):
    threads("--otlp")
    threads("--otlp")
    first, second = resources(sink)
    assert first == second
    assert "service.instance.id" not in first
    assert first["service.name"] == semconv.SCOPE


def test_the_operators_resource_is_kept(database, sink, monkeypatch):
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop-threads")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=cron,team=a")
    threads("--otlp")
    (told,) = resources(sink)
    assert told["service.name"] == "shop-threads"
    assert told["service.instance.id"] == "cron"
    assert told["team"] == "a"


class _Refusing(LoopbackHandler):
    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        self.read_body()
        self.send(403, b"not for you\n##[error]x", {})


def test_a_refusal_is_one_error_and_the_file_is_written_all_the_same(database, capsys, monkeypatch):
    with LoopbackServer(_Refusing) as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
        assert threads("--otlp", "--prometheus-textfile", FILE) == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert line.startswith("toolpair-observe: --otlp: the counts were not taken")
    assert "403" in line
    assert "##[" not in line
    assert "4 threads:" in out
    assert families(database.with_name(FILE))


def test_an_endpoint_that_nobody_listens_at_ends_in_the_time_that_was_given(
    database, capsys, monkeypatch
):
    with LoopbackServer(_Refusing) as server:
        url = server.url
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    assert threads("--otlp") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "--otlp sends http/protobuf only"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json", "--otlp sends http/protobuf only"),
        ("OTEL_SDK_DISABLED", "true", "OTEL_SDK_DISABLED"),
    ],
)
def test_a_variable_that_stops_it_is_named(sink, monkeypatch, variable, value, told):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConnectionError, match=told):
        gauge.export(gauge.samples_of(dict.fromkeys(ThreadVerdict, 1), "app.db"))
    assert not sink.metrics


def test_without_the_exporter_one_line_says_what_to_install(database, capsys, monkeypatch):
    monkeypatch.setattr(gauge, "find_spec", lambda _: None)
    assert threads("--otlp") == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert "[live]" in line
