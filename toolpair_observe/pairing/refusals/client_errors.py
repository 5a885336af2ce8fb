"""What a provider's 400 looks like to whoever catches it: each client has a form of its own.

An application that recovers from a refused request looks at the exception: at its attributes, at
its body, at words of its text. What strict mode raises has to send it down the same branch, so it
takes the form that the client of the report's profile has.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolpair_observe.pairing.report import PairingReport

STATUS: Final = 400
_TYPE: Final = "invalid_request_error"
_GOOGLE_STATUS: Final = "INVALID_ARGUMENT"


@dataclass(frozen=True, slots=True)
class ClientError:
    """A refusal as a client raises it.

    Attributes:
        text: What its `str` says.
        attributes: What it has beside that.
    """

    text: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """The HTTP answer that a client's exception keeps, as far as a program asks it.

    Attributes:
        text: The body.
        status_code: The status.
        reason_phrase: The status in words.
        headers: The headers, of which there are none.
    """

    text: str
    status_code: int = STATUS
    reason_phrase: str = "Bad Request"
    headers: Mapping[str, str] = field(default_factory=dict)

    is_success = False
    is_error = True
    is_client_error = True

    @property
    def content(self) -> bytes:
        """The body, encoded."""
        return self.text.encode("utf-8", "replace")

    def read(self) -> bytes:
        """Return the body, encoded."""
        return self.content

    def json(self) -> Any:  # noqa: ANN401 -- any JSON
        """Return the decoded body."""
        return json.loads(self.text)


def client_error(profile: str, message: str) -> ClientError:
    """Return what the client of a profile raises where the provider refuses a request.

    Args:
        profile: Name of the profile.
        message: What the provider says.
    """
    return _FORMS.get(profile, _openai)(message)


def expected_words(report: PairingReport) -> str:
    """Return the provider's or the integration's words for the worst breach, `""` if unknown."""
    texts = (each.expected_error for each in report.violations if each.effect is report.effect)
    return next(filter(None, texts), "")


def _openai(message: str, *, param: str = "messages") -> ClientError:
    body = {"message": message, "type": _TYPE, "param": param, "code": None}
    text = f"Error code: {STATUS} - {message}"
    return _http(text, {"error": body}, {**body, "message": text, "body": body, "request_id": None})


def _litellm(message: str) -> ClientError:
    error = _openai(message)
    text = f"litellm.BadRequestError: {message}"
    unknown = {"llm_provider": None, "model": None}
    return ClientError(text, {**error.attributes, **unknown, "message": text})


def _groq(message: str) -> ClientError:
    body = {"error": {"message": message, "type": _TYPE}}
    text = f"Error code: {STATUS} - {body}"
    return _http(text, body, {"body": body, "message": text})


def _anthropic(message: str) -> ClientError:
    error = {"type": _TYPE, "message": message}
    body = {"type": "error", "error": error}
    text = f"Error code: {STATUS} - {body}"
    attributes = {
        "type": _TYPE,
        "body": body,
        "message": text,
        "api_message": message,
        "error_code": None,
        "details": None,
        "request_id": None,
    }
    return _http(text, body, attributes)


def _google_genai(message: str) -> ClientError:
    error = {"code": STATUS, "message": message, "status": _GOOGLE_STATUS}
    details = {"error": error}
    text = f"{STATUS} {_GOOGLE_STATUS}. {details}"
    return _http(text, details, {**error, "details": details})


def _google_api_core(message: str) -> ClientError:
    attributes = {"code": STATUS, "message": message, "details": [], "errors": [], "reason": None}
    body = {"error": {"code": STATUS, "message": message, "status": _GOOGLE_STATUS}}
    return _http(f"{STATUS} {message}", body, attributes)


def _botocore(message: str, *, operation: str) -> ClientError:
    code = "ValidationException"
    response = {
        "Error": {"Message": message, "Code": code},
        "ResponseMetadata": {"HTTPStatusCode": STATUS, "HTTPHeaders": {}, "RetryAttempts": 0},
    }
    text = f"An error occurred ({code}) when calling the {operation} operation: {message}"
    attributes = {"status_code": STATUS, "response": response, "operation_name": operation}
    return ClientError(text, attributes)


def _mistral(message: str) -> ClientError:
    body = {"object": "error", "message": message, "type": _TYPE, "param": None, "code": None}
    return _http(f"Error response {STATUS}: {json.dumps(body)}", body, {"body": body})


def _cohere(message: str) -> ClientError:
    body = {"message": message}
    text = f"status_code: {STATUS}, body: {body}"
    return ClientError(text, {"status_code": STATUS, "body": body, "headers": {}})


def _openrouter(message: str) -> ClientError:
    body = json.dumps({"error": {"code": STATUS, "message": message}})
    answer = Answer(body)
    attributes = {"status_code": STATUS, "body": body, "message": message, "headers": {}}
    return ClientError(message, {**attributes, "raw_response": answer})


def _huggingface(message: str) -> ClientError:
    attributes = {"server_message": message, "request_id": None}
    return _http(f"Bad request: {message}", {"error": message}, attributes)


def _nvidia(message: str) -> ClientError:
    return ClientError(f"[{STATUS}] {message}", {"status_code": STATUS})


def _ollama(message: str) -> ClientError:
    text = f"{message} (status code: {STATUS})"
    return ClientError(text, {"status_code": STATUS, "error": message})


def _http(text: str, body: object, attributes: Mapping[str, Any]) -> ClientError:
    """Return an error that keeps its HTTP answer."""
    # The status under the name that most clients have does no harm where a client has another one.
    answer = {"status_code": STATUS, "response": Answer(json.dumps(body))}
    return ClientError(text, {**attributes, **answer})


# Whoever is not named here answers through OpenAI's client, or in its form.
_FORMS: Final[Mapping[str, Callable[[str], ClientError]]] = {
    "openai-responses": partial(_openai, param="input"),
    "anthropic": _anthropic,
    "anthropic-vertex": _anthropic,
    "google-genai": _google_genai,
    "google-vertexai": _google_api_core,
    "bedrock-converse": partial(_botocore, operation="Converse"),
    "bedrock-converse-other": partial(_botocore, operation="Converse"),
    "bedrock-invoke": partial(_botocore, operation="InvokeModel"),
    "mistral": _mistral,
    "cohere": _cohere,
    "groq": _groq,
    "fireworks": _groq,
    "openrouter": _openrouter,
    "litellm": _litellm,
    "huggingface": _huggingface,
    "nvidia": _nvidia,
    "ollama": _ollama,
}
