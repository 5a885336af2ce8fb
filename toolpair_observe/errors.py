"""Every exception that toolpair_observe raises on purpose.

::

    ToolPairError
    ├── InvalidToolResultsError   (ModelInvalidRequestError, ValueError)  strict mode blocked
    ├── CheckFailedError          (RuntimeError) our own failure, with on_internal_error="block"
    ├── SettingsError             (ValueError)   an option has a value that it can't have
    ├── HistoryFileError          (ValueError)   a file of histories can't be read
    └── MissingExtraError         (ImportError)  an optional dependency is not installed

No message holds message content: langchain-core logs the `repr` of whatever a callback raises.
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
    # What a provider's 400 becomes; older versions of langchain-core have the common base only.
    _InvalidRequest = getattr(_core, "ModelInvalidRequestError", LangChainException)


class ToolPairError(Exception):
    """Base of every exception of this package."""


class InvalidToolResultsError(ToolPairError, _InvalidRequest, ValueError):
    """The tool calls and tool results of a request do not pair, and it was not sent.

    An `except` for a provider's rejected request catches it too, and whatever asks
    `is_retryable` (LangChain's retry middleware does) learns that trying again is of no use.

    Attributes:
        report: What is wrong with the history, and where.
        run_id: LangChain's id of the chat-model run, or None outside of one.
    """

    is_retryable = False
    report: PairingReport
    run_id: UUID | None

    def __init__(
        self, report: PairingReport, run_id: UUID | None = None, *, summary: str | None = None
    ) -> None:
        """Say in the report's words, or in `summary` (ids hashed), what does not pair."""
        self._summary = report.summary() if summary is None else summary
        super().__init__(
            create_message(message=self._summary, error_code=ErrorCode.INVALID_TOOL_RESULTS)
        )
        self.report = report
        self.run_id = run_id

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.report, self.run_id, self._summary)


def _rebuild(
    cls: type[InvalidToolResultsError],
    report: PairingReport,
    run_id: UUID | None,
    summary: str,
) -> InvalidToolResultsError:
    return cls(report, run_id, summary=summary)


class CheckFailedError(ToolPairError, RuntimeError):
    """A history could not be checked, and strict mode with `on_internal_error="block"` held it.

    The message names the class of the failure and no more, because the failure's own text may hold
    message content.

    Attributes:
        failure: Name of the class of the failure.
        run_id: LangChain's id of the chat-model run, or None outside of one.
    """

    is_retryable = False
    failure: str
    run_id: UUID | None

    def __init__(self, failure: str, run_id: UUID | None = None) -> None:
        super().__init__(
            f"toolpair_observe failed to check this history ({failure}) and held it because "
            'on_internal_error is "block"; the log of toolpair_observe says where it failed'
        )
        self.failure = failure
        self.run_id = run_id

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.failure, self.run_id)


class SettingsError(ToolPairError, ValueError):
    """An option has a value that it can't have; the message names option, value and choices."""


class HistoryFileError(ToolPairError, ValueError):
    """A file of histories can't be read; the message names the file and, where known, the line."""


class MissingExtraError(ToolPairError, ImportError):
    """A feature needs an optional dependency; the message names what to install."""
