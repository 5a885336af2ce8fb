"""Requests to models that do not chat, and answers without a form of their own: no requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolpair_observe.histories.dialects.table import is_message
from toolpair_observe.histories.envelopes.body import not_a_request
from toolpair_observe.histories.envelopes.cells import unpacked
from toolpair_observe.histories.envelopes.envelope import each_row
from toolpair_observe.histories.envelopes.second_lists import reason_of_others

if TYPE_CHECKING:
    from toolpair_observe.histories.envelopes.envelope import Envelope

_REQUEST: Final = "other.request"
_ANSWER: Final = "other.answer"

# What stands beside the prompt of an image's or video's request, and of a text's.
_OF_IMAGES: Final = frozenset({"aspect_ratio", "background", "quality", "seconds", "size", "style"})
_OF_TEXTS: Final = frozenset(
    {
        "best_of",
        "context",
        "echo",
        "format",
        "keep_alive",
        "logprobs",
        "max_tokens",
        "max_tokens_to_sample",
        "n",
        "options",
        "raw",
        "stop",
        "stream",
        "suffix",
        "temperature",
        "top_p",
    }
)


def _has_plain_prompt(data: dict[str, Any]) -> bool:
    """Whether there is a prompt of text or tokens, and nowhere a message."""
    prompt = data["prompt"]
    parts = prompt if isinstance(prompt, list) else [prompt]
    return (
        bool(parts)
        and all(isinstance(part, str | int) or _is_tokens(part) for part in parts)
        and not (isinstance(prompt, str) and unpacked(prompt) is not prompt)
        and not is_message(prompt)
        and "messages" not in data
        and not reason_of_others(data, ())
    )


def _is_tokens(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, int) for each in value)


def _is_image(data: dict[str, Any]) -> bool:
    return not _OF_IMAGES.isdisjoint(data) and _has_plain_prompt(data)


def _is_completion(data: dict[str, Any]) -> bool:
    return not _OF_TEXTS.isdisjoint(data) and _has_plain_prompt(data)


def _is_pair_of_texts(data: dict[str, Any]) -> bool:
    return isinstance(data["completion"], str) and _has_plain_prompt(data)


def _is_texts(data: dict[str, Any]) -> bool:
    texts = data["texts"]
    return isinstance(texts, list) and all(isinstance(each, str) for each in texts)


def _is_rerank(data: dict[str, Any]) -> bool:
    return isinstance(data["query"], str) and "messages" not in data


def _is_one_content(data: dict[str, Any]) -> bool:
    content = data["content"]
    return isinstance(content, dict) and isinstance(content.get("parts"), list)


def _is_many_contents(data: dict[str, Any]) -> bool:
    requests = data["requests"]
    return (
        isinstance(requests, list)
        and bool(requests)
        and all(
            isinstance(each, dict) and "content" in each and _is_one_content(each)
            for each in requests
        )
    )


_ERROR_KEYS: Final = frozenset({"error", "request_id", "status", "status_code"})


def _is_error(data: dict[str, Any]) -> bool:
    error = data["error"]
    return (
        isinstance(error, dict)
        and isinstance(error.get("message"), str)
        and data.keys() <= _ERROR_KEYS
    )


def _is_moderation(data: dict[str, Any]) -> bool:
    results = data["results"]
    return (
        isinstance(results, list)
        and bool(results)
        and all(isinstance(each, dict) and "flagged" in each for each in results)
    )


def _request(what: str) -> Any:  # noqa: ANN401 - a reader
    return not_a_request(_REQUEST, what)


ENVELOPES: Final[tuple[Envelope, ...]] = (
    each_row(_REQUEST, _is_image, _request("image generation"), needs=("model", "prompt")),
    each_row(_REQUEST, _is_completion, _request("text completion"), needs=("model", "prompt")),
    each_row(
        _REQUEST,
        _is_pair_of_texts,
        _request("prompt and completion"),
        needs=("completion", "prompt"),
    ),
    each_row(_REQUEST, _is_texts, _request("embedding"), needs=("model", "texts")),
    each_row(_REQUEST, _is_rerank, _request("rerank"), needs=("documents", "model", "query")),
    each_row(_REQUEST, _is_one_content, _request("embedding"), needs=("content", "taskType")),
    each_row(
        _REQUEST, _is_one_content, _request("embedding"), needs=("content", "outputDimensionality")
    ),
    each_row(_REQUEST, _is_many_contents, _request("embedding"), needs=("requests",)),
    each_row(_ANSWER, _is_error, not_a_request(_ANSWER, "response"), needs=("error",)),
    each_row(
        _ANSWER, _is_moderation, not_a_request(_ANSWER, "response"), needs=("model", "results")
    ),
)
"""They stand behind all others, whose rows tell more."""
