"""An audit whose work is shared gives what one process gives."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.audit.samples import (
    LOST,
    MISSING,
    ORPHAN,
    SOUND,
    answers,
    as_lines,
    asks,
    calls,
)
from tests.cli.process import environment
from toolpair_observe.audit import jobs
from toolpair_observe.audit.batch import Piece, PieceResult, audit_piece
from toolpair_observe.audit.jobs import Processes
from toolpair_observe.audit.options import AuditOptions, alternative
from toolpair_observe.audit.pieces import pieces_of
from toolpair_observe.audit.spread import audit_alone, audit_spread
from toolpair_observe.audit.told import tell
from toolpair_observe.audit.trouble import AuditError
from toolpair_observe.hashed import KEY_VARIABLE
from toolpair_observe.histories.limits import ReadLimits

OPTIONS = AuditOptions(alternatives=(alternative("google-genai"),), wants_findings=True)
ROWS = (
    SOUND,
    MISSING,
    "",
    ORPHAN,
    "{broken",
    "   ",
    LOST,
    [asks("é" * 400), *SOUND[1:]],
    {"neither": "form"},
)


@pytest.fixture
def lines_file(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(as_lines(*ROWS, *ROWS, *ROWS, MISSING).rstrip(b"\n"))
    return str(path)


def here(pieces, options):
    """Read the pieces in this process, the last one first."""
    for piece in reversed(pieces):
        yield piece, audit_piece(piece, options)


def same(one, other):
    assert tell(one) == tell(other)
    assert one.findings.records() == other.findings.records()
    return tell(one)


@pytest.mark.parametrize("piece_bytes", [1, 7, 100, 401, 1000, 5000, 10**6])
def test_pieces_give_what_the_whole_gives(lines_file, piece_bytes):
    told = same(
        audit_alone([lines_file], OPTIONS), audit_spread([lines_file], OPTIONS, here, piece_bytes)
    )
    assert told["files"] == 1
    assert told["units"]["checked"] == 3 * 5 + 1
    assert told["units"]["unreadable"] == 3 * 2
    assert max(each["line"] for each in told["worst"]) == 28


def test_a_piece_without_a_line_of_its_own_is_none(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(as_lines(MISSING, MISSING) + b"\n" * 500)
    told = same(
        audit_alone([str(path)], OPTIONS), audit_spread([str(path)], OPTIONS, here, piece_bytes=50)
    )
    assert told["units"] == {"checked": 2, "unreadable": 0, "not_a_request": 0}


def test_rows_that_are_one_conversation_are_read_as_a_whole(tmp_path):
    path = tmp_path / "messages.jsonl"
    path.write_bytes(
        as_lines(*(each for n in range(20) for each in (asks(), calls(f"c{n}"), answers(f"c{n}"))))
    )
    told = same(
        audit_alone([str(path)], OPTIONS), audit_spread([str(path)], OPTIONS, here, piece_bytes=300)
    )
    assert told["units"]["checked"] == 1
    assert told["near_misses"] == 0


@pytest.mark.parametrize(
    "limits",
    [
        ReadLimits(unreadable_parts=4),
        ReadLimits(value_bytes=600),
        ReadLimits(value_bytes=60),
    ],
)
def test_what_ends_the_reading_of_a_file_ends_it_in_pieces_too(tmp_path, limits):
    path = tmp_path / "a.jsonl"
    long = [asks("x" * 900), *SOUND[1:]]
    path.write_bytes(as_lines(*ROWS, *ROWS, MISSING, long, *ROWS))
    options = AuditOptions(limits=limits)
    same(
        audit_alone([str(path)], options), audit_spread([str(path)], options, here, piece_bytes=99)
    )


def test_only_plain_lines_are_cut(tmp_path):
    content = as_lines(*[SOUND] * 9)
    for name, data in {
        "a.json": json.dumps([list(SOUND)] * 9, indent=1).encode(),
        "b.jsonl": gzip.compress(content),
        "c.jsonl": content.decode().encode("utf-16"),
        "d.jsonl": content,
        "e.txt": content,
    }.items():
        (tmp_path / name).write_bytes(data)
    whole = [str(tmp_path / name) for name in ("a.json", "b.jsonl", "c.jsonl", "missing.jsonl")]
    assert list(pieces_of([*whole, whole[0], "-"], ReadLimits(), 100)) == [
        *map(Piece, whole),
        Piece("-"),
    ]
    for name in ("d.jsonl", "e.txt"):
        path = str(tmp_path / name)
        cut = list(pieces_of([path], ReadLimits(), 100))
        assert cut[0].start == 0
        assert cut[-1].end == len(content)
        assert all(one.end == other.start for one, other in pairwise(cut))
        assert list(pieces_of([path], ReadLimits(file_bytes=99), 100)) == [Piece(path)]


def test_a_remote_file_is_read_in_pieces(lines_file):
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
    url = "memory://audit/a.jsonl"
    with fsspec.open(url, "wb") as there:
        there.write(Path(lines_file).read_bytes())
    told = same(audit_alone([url], OPTIONS), audit_spread([url], OPTIONS, here, 700))
    assert told["units"]["checked"] == 3 * 5 + 1


def test_processes_give_what_one_gives(lines_file, tmp_path):
    other = tmp_path / "b.json"
    other.write_text(json.dumps([list(MISSING), list(SOUND)]))
    files = [lines_file, str(other), str(tmp_path / "missing.json")]
    told = same(
        audit_alone(files, OPTIONS), audit_spread(files, OPTIONS, Processes(2), piece_bytes=2000)
    )
    assert told["files"] == 3
    assert told["requests"] == 18


def test_processes_hash_ids_alike(lines_file, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "a key")
    options = AuditOptions(hash_ids=True, hash_key="a key")
    told = same(
        audit_alone([lines_file], options),
        audit_spread([lines_file], options, Processes(1), piece_bytes=2000),
    )
    assert "hmac:" in json.dumps(told["worst"])


def _die(piece: Piece, options: AuditOptions) -> PieceResult:
    os._exit(9)


def test_a_process_that_is_killed_is_said(lines_file, monkeypatch):
    monkeypatch.setattr(jobs, "_work", _die)
    with pytest.raises(AuditError, match="was killed"):
        audit_spread([lines_file], OPTIONS, Processes(1))


RAY = """
import json, sys
import ray
from toolpair_observe.audit.on_ray import on_ray
from toolpair_observe.audit.options import AuditOptions, alternative
from toolpair_observe.audit.spread import audit_alone, audit_spread
from toolpair_observe.audit.told import tell

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
options = AuditOptions(alternatives=(alternative("google-genai"),), wants_findings=True)
alone, spread = (
    audit_alone(sys.argv[1:], options),
    audit_spread(sys.argv[1:], options, on_ray, piece_bytes=2000),
)
print(json.dumps([tell(alone), alone.findings.records()]))
print(json.dumps([tell(spread), spread.findings.records()]))
"""


def test_ray_gives_what_one_process_gives(lines_file, tmp_path):
    pytest.importorskip("ray.data", reason="the extra ray is not installed")
    other = tmp_path / "b.json"
    other.write_text(json.dumps([list(MISSING), list(SOUND)]))
    # Apart from this process, whose guards no Ray would pass.
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", RAY, lines_file, str(other)],
        capture_output=True,
        check=True,
        timeout=400,
        env=environment(RAY_AUTH_MODE="disabled", RAY_USAGE_STATS_ENABLED="0"),
    )
    alone, spread = done.stdout.splitlines()
    assert json.loads(alone) == json.loads(spread)
    assert json.loads(alone)[0]["requests"] == 18
