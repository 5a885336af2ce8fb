"""Every exception that toolpair_observe raises on purpose.

::

    ToolPairError
    ├── InvalidToolResultsError   (ModelInvalidRequestError, ValueError)  strict mode blocked
    ├── CheckFailedError          (RuntimeError) the check failed, with on_internal_error="block"
    ├── SettingsError             (ValueError)   the value of an option is not allowed
    ├── HistoryFileError          (ValueError)   a file of histories can't be read
    ├── ChatTemplateError         (ValueError)   a chat template can't be read or used
    └── MissingExtraError         (ImportError)  an optional dependency is not installed

No error text holds message content: langchain-core logs the `repr` of an exception that a callback
raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core import exceptions as _core
from langchain_core.exceptions import ErrorCode, LangChainException, create_message

if TYPE_CHECKING:
    from uuid import UUID

    from langchain_core.exceptions import ModelInvalidRequestError as _InvalidRequest

    from toolpair_observe.pairing.report import PairingReport
else:
    # LangChain's class for a provider's 400; older versions of langchain-core have only its base.
    _InvalidRequest = getattr(_core, "ModelInvalidRequestError", LangChainException)


class ToolPairError(Exception):
    """Base of every exception of this package."""


class InvalidToolResultsError(ToolPairError, _InvalidRequest, ValueError):
    """The tool calls and tool results of a request do not pair, and it was not sent.

    An `except` for a provider's rejected request catches it, too. `is_retryable`, which
    LangChain's retry middleware reads, is False, because a retry would fail the same way.

    Attributes:
        report: The violations of the history.
        run_id: LangChain's id of the chat-model run, or None outside of one.
    """

    is_retryable = False
    report: PairingReport
    run_id: UUID | None

    def __init__(self, report: PairingReport, run_id: UUID | None = None) -> None:
        super().__init__(
            create_message(message=report.summary(), error_code=ErrorCode.INVALID_TOOL_RESULTS)
        )
        self.report = report
        self.run_id = run_id

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.report, self.run_id)


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


class MissingExtraError(ToolPairError, ImportError):
    """A feature needs an optional dependency; the message names what to install."""
