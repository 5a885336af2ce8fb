"""Every exception that toolpair_observe raises on purpose.

::

    ToolPairError
    ├── InvalidToolResultsError   (ModelInvalidRequestError, ValueError)  strict mode blocked
    ├── CheckFailedError          (RuntimeError) the check failed, with on_internal_error="block"
    ├── SettingsError             (ValueError)   the value of an option is not allowed
    ├── HistoryFileError          (ValueError)   a file of histories can't be read
    ├── ChatTemplateError         (ValueError)   a chat template can't be read or used
    ├── MeasuredProfileError      (ValueError)   a measured profile's file can't be read or used
    ├── ProbeError                (RuntimeError) an endpoint can't be asked
    ├── ThreadStoreError          (ValueError)   a database of threads can't be opened or read
    ├── MendError                 (RuntimeError) a stored thread was not mended
    └── MissingExtraError         (ImportError)  an optional dependency is not installed

No error text holds message content: langchain-core logs the `repr` of an exception that a callback
raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core import exceptions as _core
from langchain_core.exceptions import ErrorCode, LangChainException, create_message

from toolpair_observe.pairing.shown import shown

if TYPE_CHECKING:
    from uuid import UUID

    from langchain_core.exceptions import ModelInvalidRequestError as _InvalidRequest

    from toolpair_observe.pairing.refusals.client_errors import ClientError
    from toolpair_observe.pairing.report import PairingReport
else:
    # LangChain's class for a provider's 400; older versions of langchain-core have only its base.
    _InvalidRequest = getattr(_core, "ModelInvalidRequestError", LangChainException)


class ToolPairError(Exception):
    """Base of every exception of this package."""


class InvalidToolResultsError(ToolPairError, _InvalidRequest, ValueError):
    """The tool calls and tool results of a request do not pair, and it was not sent.

    To whoever inspects it, it is the provider's 400, so that an application's own recovery takes
    the branch that it would have taken: it is what LangChain makes of one, it has `status_code` and
    the attributes that the client of the report's profile gives such an error (`type`, `code`,
    `param`, `body`, `message`, `response`, `details` and so on), and its text quotes the provider.
    It is no class of that client: `except openai.BadRequestError` does not catch it.

    `is_retryable`, which LangChain's retry middleware reads, is False, because a retry would fail
    the same way.

    Attributes:
        report: The violations of the history.
        run_id: LangChain's id of the chat-model run, or None outside of one.
        status_code: 400.
    """

    is_retryable = False
    report: PairingReport
    run_id: UUID | None
    status_code: int

    def __init__(self, report: PairingReport, run_id: UUID | None = None) -> None:
        # Only a request that is stopped needs the forms of the clients' errors.
        from toolpair_observe.pairing.refusals.client_errors import (  # noqa: PLC0415
            client_error,
            expected_words,
        )

        words = expected_words(report)
        text = report.summary()
        error = client_error(report.base or report.profile, words or text)
        if words:
            text = f"{text}\n{_not_sent(report, words, error)}"
        super().__init__(create_message(message=text, error_code=ErrorCode.INVALID_TOOL_RESULTS))
        vars(self).update(error.attributes)
        self.report = report
        self.run_id = run_id

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.report, self.run_id)


def _not_sent(report: PairingReport, words: str, error: ClientError) -> str:
    """Say what the application would have caught, which it may look for in the text."""
    from toolpair_observe.pairing.words import Effect  # noqa: PLC0415 -- only for a refusal

    if report.effect is Effect.LOCAL_ERROR:
        return f"Not sent. The integration would raise: {words}"
    return f"Not sent. The provider would answer: {error.text}"


class CheckFailedError(ToolPairError, RuntimeError):
    """A check failed, and strict mode with `on_internal_error="block"` stopped the request.

    The message contains only the class of the failure, because its text may hold message content.

    Attributes:
        failure: Name of the class of the failure.
        run_id: LangChain's id of the chat-model run, or None outside of one.
    """

    is_retryable = False
    failure: str
    run_id: UUID | None

    def __init__(self, failure: str, run_id: UUID | None = None) -> None:
        failure = shown(failure)
        super().__init__(
            f"toolpair_observe failed to check this history ({failure}) and stopped the request "
            'because on_internal_error is "block"; the log of toolpair_observe names the place'
        )
        self.failure = failure
        self.run_id = run_id

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.failure, self.run_id)


class SettingsError(ToolPairError, ValueError):
    """The value of an option is not allowed; the message names option, value and choices."""


class HistoryFileError(ToolPairError, ValueError):
    """A file of histories can't be read; the message names the file and, where known, the line."""


class ChatTemplateError(ToolPairError, ValueError):
    """A chat template can't be read or used; the message names its place and what to do."""


class MeasuredProfileError(ToolPairError, ValueError):
    """A measured profile's file can't be read or used; the message names file, place and fix."""


class ProbeError(ToolPairError, RuntimeError):
    """An endpoint can't be asked what it does; the message says why, and nothing is written."""


class ThreadStoreError(ToolPairError, ValueError):
    """A database of threads cannot be opened or read. The text names it, and says what to do."""


class MendError(ToolPairError, RuntimeError):
    """A stored thread was not mended, and is as it was. The text says why."""


class MissingExtraError(ToolPairError, ImportError):
    """A feature needs an optional dependency; the message names what to install."""


def is_deliberate(excinfo: object) -> bool:
    """Whether an exception is one that this package raises on purpose.

    It is the `__tracebackhide__` of modules that raise one: pytest leaves their frames out of its
    traceback then, and no others.

    Args:
        excinfo: pytest's `ExceptionInfo`.
    """
    return isinstance(getattr(excinfo, "value", None), ToolPairError)
