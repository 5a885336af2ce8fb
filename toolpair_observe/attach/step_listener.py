"""The chain and tool callbacks of a handler: they write the journal of steps, and nothing else.

They run for every step of an agent, so each is a few lookups; whatever fails in one is counted and
never reaches the application.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolpair_observe.attach.participant import Participant
from toolpair_observe.pairing.shown import type_name

if TYPE_CHECKING:
    from uuid import UUID

    from toolpair_observe.fail_open import FailOpen
    from toolpair_observe.steps.journal import Journal


class StepListener(Participant):
    """Writes what chains and tools do into the journal of the process."""

    _journal: Journal
    _steps_guard: FailOpen

    @property
    def hears_steps(self) -> bool:
        """Whether it listens at all."""
        return False

    @property
    def ignore_chain(self) -> bool:
        """Whether to ignore chains."""
        return not self.hears_steps

    @property
    def ignore_agent(self) -> bool:
        """Whether to ignore tools: langchain-core asks for them by this name."""
        return not self.hears_steps

    # What langchain-core may add to these calls, or leave out, does not matter to them.

    def on_chain_start(
        self,
        serialized: Any,  # noqa: ANN401, ARG002 -- langchain-core's own signature
        inputs: Any,  # noqa: ANN401
        *args: Any,  # noqa: ANN401, ARG002
        run_id: UUID | None = None,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Note that a step starts, with a reference to its state."""
        if run_id is None:
            return
        try:
            self._journal.chain_started(run_id, parent_run_id, kwargs.get("name"), inputs, metadata)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
            self._steps_guard.swallow(error, error.__traceback__)

    def on_chain_end(
        self,
        outputs: Any,  # noqa: ANN401 -- langchain-core's own signature
        *args: Any,  # noqa: ANN401, ARG002
        run_id: UUID | None = None,
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> None:
        """Note that a step ends."""
        if run_id is None:
            return
        try:
            self._journal.chain_ended(run_id, outputs)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
            self._steps_guard.swallow(error, error.__traceback__)

    def on_chain_error(
        self,
        error: BaseException,
        *args: Any,  # noqa: ANN401, ARG002
        run_id: UUID | None = None,
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> None:
        """Note that a step fails, with the class of its error."""
        if run_id is None:
            return
        try:
            self._journal.chain_ended(run_id, error=type_name(error))
        except Exception as failure:  # noqa: BLE001 -- whatever it is, it is counted
            self._steps_guard.swallow(failure, failure.__traceback__)

    def on_tool_start(
        self,
        serialized: Any,  # noqa: ANN401 -- langchain-core's own signature
        *args: Any,  # noqa: ANN401, ARG002
        run_id: UUID | None = None,
        parent_run_id: UUID | None = None,
        tool_call_id: str | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Note that a tool starts."""
        if run_id is None:
            return
        try:
            name = kwargs.get("name") or (serialized or {}).get("name") or ""
            self._journal.tool_started(run_id, parent_run_id, tool_call_id, str(name))
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
            self._steps_guard.swallow(error, error.__traceback__)

    def on_tool_end(
        self,
        output: Any,  # noqa: ANN401 -- langchain-core's own signature
        *args: Any,  # noqa: ANN401, ARG002
        run_id: UUID | None = None,
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> None:
        """Note that a tool has run to its end."""
        if run_id is None:
            return
        try:
            self._journal.tool_ended(run_id, getattr(output, "tool_call_id", None))
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is counted
            self._steps_guard.swallow(error, error.__traceback__)

    def on_tool_error(
        self,
        error: BaseException,
        *args: Any,  # noqa: ANN401, ARG002
        run_id: UUID | None = None,
        tool_call_id: str | None = None,
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> None:
        """Note that a tool fails, with the class of its error."""
        if run_id is None:
            return
        try:
            self._journal.tool_ended(run_id, tool_call_id, error=type_name(error))
        except Exception as failure:  # noqa: BLE001 -- whatever it is, it is counted
            self._steps_guard.swallow(failure, failure.__traceback__)
