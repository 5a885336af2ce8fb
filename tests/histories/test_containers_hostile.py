"""Whatever a file holds: nothing is raised, nothing is passed over in silence, and it ends."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.histories.containers import found_in
from toolpair_observe.histories import ReadLimits

SMALL = ReadLimits(value_bytes=5_000, file_bytes=100_000, values=1_000, blank_lines=100)
ROW = {"messages": [{"role": "user", "content": "é 😀"}], "n": 1.5e3, "none": None}
SEEDS = [
    json.dumps(ROW).encode(),
    f"{json.dumps(ROW)}\n{json.dumps(ROW)}\n".encode(),
    json.dumps([ROW, ROW], indent=1).encode(),
    json.dumps(ROW["messages"] * 3, indent=1).encode(),
    b"a: &x [1, {b: !!binary eA==}]\nc: *x\n---\n- {<<: {d: 1}, e: 2}\n",
    b'event: values\ndata: {"a": 1}\n\ndata: [1]\n\n',
    json.dumps(ROW).encode("utf-16"),
    gzip.compress(json.dumps(ROW).encode()),
]
NAMES = ["data", "data.json", "data.jsonl", "data.yaml", "data.sse", "data.csv", "data.parquet"]


@st.composite
def spoiled(draw):
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.sampled_from([0, 1, 2, 8]))
        new = draw(
            st.one_of(st.binary(max_size=4), st.sampled_from([b"[" * 300, b'"', b"\n", b"{"]))
        )
        data[at : at + length] = new
    return bytes(data)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


@pytest.mark.parametrize("name", NAMES)
@given(data=st.one_of(spoiled(), st.binary(max_size=300), st.text(max_size=100).map(str.encode)))
def test_a_file_gives_values_or_faults_and_never_an_exception(path, name, data):
    file = path / name
    file.write_bytes(data)

    values, faults = found_in(file, SMALL)

    assert values or faults
    for line, reason in faults:
        assert line is None or line >= 1
        assert "\n" not in reason
        assert len(reason) < 400
        reason.encode()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_seeds_are_sound(path, seed):
    file = path / "seed"
    file.write_bytes(seed)

    values, faults = found_in(file, SMALL)

    assert values
    assert faults == []


@pytest.mark.parametrize("seed", SEEDS[:4])
def test_of_a_file_that_ends_early_nothing_is_lost_in_silence(path, seed):
    file = path / "data.json"
    ends = {len(seed.rstrip()), len(seed.partition(b"\n")[0])} if seed == SEEDS[1] else {len(seed)}
    file.write_bytes(seed)
    whole, _ = found_in(file, SMALL)

    for end in range(1, len(seed.rstrip())):
        file.write_bytes(seed[:end])
        values, faults = found_in(file, SMALL)
        assert bool(faults) is not (end in ends or end - 1 in ends)
        assert all(value in whole for value in values)
