"""Rows with the keys of wire forms and anything at all under them."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolpair_observe.errors import HistoryFileError
from toolpair_observe.histories.dialects.anthropic import ANTHROPIC
from toolpair_observe.histories.dialects.converse import CONVERSE
from toolpair_observe.histories.dialects.gemini import GEMINI, GEMINI_WITH_IDS, gemini_dialect
from toolpair_observe.histories.envelopes import (
    anthropic,
    bedrock_log,
    cassettes,
    converse,
    gemini,
    ollama,
)
from toolpair_observe.histories.judging import judge_unit
from toolpair_observe.histories.limits import ReadLimits
from toolpair_observe.histories.unit import Row, Status

if TYPE_CHECKING:
    from pathlib import Path

    from toolpair_observe.histories.dialects.dialect import Dialect

ENVELOPES = (
    *cassettes.ENVELOPES,
    *bedrock_log.ENVELOPES,
    *converse.ENVELOPES,
    *anthropic.ENVELOPES,
    *gemini.ENVELOPES,
    *ollama.ENVELOPES,
)
WORDS = st.sampled_from(
    [
        "user", "model", "assistant", "tool", "system", "text", "tool_use", "tool_result",
        "POST", "https://api.anthropic.com/v1/messages", "/v1/chat/completions", "Converse",
        "InvokeModel", "ModelInvocationLog", "{}", "[]", '{"messages": [1]}', "",
    ]
)  # fmt: skip
KEYS = st.sampled_from(
    [
        "role", "content", "parts", "type", "id", "name", "input", "tool_use_id", "toolUse",
        "toolUseId", "toolResult", "functionCall", "functionResponse", "args", "response", "text",
        "messages", "contents", "model", "max_tokens", "system", "tools", "anthropic_version",
        "request", "interactions", "method", "uri", "body", "string", "status", "code", "log",
        "entries", "when", "then", "path", "scope", "schemaType", "operation", "modelId",
        "inputBodyJson", "output", "message", "done", "custom_id", "params", "requests", "batch",
        "inputConfig", "recordId", "modelInput", "error", "key", "tool_calls", "function",
        "options", "config", "thread", "events", "result", "stopReason", "processed_time",
    ]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=40,
)
ROWS = st.dictionaries(KEYS, VALUES, max_size=8)


@given(ROWS)
def test_no_row_breaks_an_envelope(row: dict[str, Any]) -> None:
    for envelope in ENVELOPES:
        if envelope.needs <= row.keys() and envelope.fits(row):
            for unit in envelope.open().read(Row(row, 1)):
                assert unit.status is Status.CHECKED or unit.reason
                reason = judge_unit(unit, ReadLimits()).unit.reason
                assert "it could not be checked" not in reason


@given(st.lists(VALUES, max_size=5))
@pytest.mark.parametrize("dialect", [ANTHROPIC, CONVERSE, GEMINI, GEMINI_WITH_IDS])
def test_no_list_breaks_a_dialect(dialect: Dialect, messages: list[Any]) -> None:
    for message in messages:
        assert dialect.claims(message) in (True, False)
        assert dialect.is_ai(message) in (True, False)
    with suppress(HistoryFileError):
        assert len(dialect.read(messages).entries) == len(messages)


def test_the_real_histories_are_all_read(shared_dir: Path) -> None:
    read: Counter[str] = Counter()
    dialects = {"anthropic": ANTHROPIC, "bedrock-converse": CONVERSE}
    for path in sorted((shared_dir / "corpora").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                form, messages = row["meta"].get("format"), row["wire"]
                dialect = gemini_dialect(messages) if form == "google" else dialects.get(form)
                if dialect is not None:
                    assert len(dialect.read(messages).entries) == len(messages)
                    read[form] += 1
    assert min(read[form] for form in ("anthropic", "bedrock-converse", "google")) > 100
