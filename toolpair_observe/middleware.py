"""`ToolPairMiddleware`: check, block and repair the model requests of LangChain's `create_agent`.

Importing this module needs langchain 1.x; without it, the import raises `MissingExtraError`.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Unpack, get_args

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import SystemMessage
from langchain_core.runnables import RunnableBinding
from langchain_core.runnables.config import ensure_config

from toolpair_observe import foreign
from toolpair_observe.arguments import check_hook, check_switches
from toolpair_observe.attach.guard import chosen_handler
from toolpair_observe.attach.instrument import attached
from toolpair_observe.attach.request import Request, request_to
from toolpair_observe.errors import MissingExtraError, SettingsError, is_deliberate
from toolpair_observe.install import package_line
from toolpair_observe.once import warn_once
from toolpair_observe.pairing.shown import quoted
from toolpair_observe.repair import Choices, SignedAnswers, ThinkingPolicy, repair_history
from toolpair_observe.reporters.repairs import RepairReporter

try:
    from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
except ImportError as error:  # pragma: no cover -- the tests install it
    _MSG = f"ToolPairMiddleware needs langchain 1.x: {package_line('langchain>=1')}"
    raise MissingExtraError(_MSG) from error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator

    from langchain_core.callbacks import Callbacks
    from langchain_core.messages import BaseMessage

    from toolpair_observe.attach.handler import ToolPairHandler
    from toolpair_observe.attach.options import HandlerOptions
    from toolpair_observe.pairing.providers.identify import Target
    from toolpair_observe.repair import Repair

__all__ = ["RepairMode", "ToolPairMiddleware"]

RepairMode = Literal["off", "insert_error_results"]
"""What a middleware does with a broken history: nothing, or the repair of `repair_messages`."""


__tracebackhide__ = is_deliberate


class ToolPairMiddleware(AgentMiddleware):
    """Check each model request of an agent before it leaves, and repair or stop it.

    A blocked request never starts; LangSmith shows a failed run for it. A repaired request is
    checked, counted and sent in its repaired form; the agent's state stays as it is. Put the
    middleware last in the agent's list, so that it sees the history as the others leave it.

    Args:
        handler: The handler that checks; None makes one from `options`.
        repair: `"insert_error_results"` inserts an error for each call without a result and moves
            late results back to their calls, as far as no message is lost (see
            `repair_messages`).
        drop_unpaired: Whether a repair may drop results that answer no call.
        sync_encodings: Whether a repair takes away stale copies of calls (see `repair_messages`).
        thinking: What a repair does with signed thinking behind a change, which Claude 5.1 and
            later refuse: `"keep"` leaves it and says so, `"strip"` takes it away. Thinking that
            answers a request repaired by this middleware fits, and stays.
        pending: Ids of calls whose results are still to come, or a function that returns them
            for a request.
        on_repair: Function to call with the `Repair` of each repaired request.
        **options: See `HandlerOptions`. As for a handler, the mode is `"observe"` unless `mode` or
            `strict_environments` says strict, here or in the environment.

    Attributes:
        handler: The handler that checks; `handler.close()` delivers everything in its queues.

    Raises:
        SettingsError: An option is unknown, or its value is not allowed or of no use.
        TypeError: `handler` is not a handler, or both a handler and options were given.
    """

    handler: ToolPairHandler

    def __init__(  # noqa: PLR0913 -- each keyword is a separate choice
        self,
        handler: ToolPairHandler | None = None,
        *,
        repair: RepairMode = "off",
        drop_unpaired: bool = False,
        sync_encodings: bool = False,
        thinking: ThinkingPolicy = "keep",
        pending: Collection[str] | Callable[[ModelRequest[Any]], Collection[str]] = (),
        on_repair: Callable[[Repair], None] | None = None,
        **options: Unpack[HandlerOptions],
    ) -> None:
        super().__init__()
        if repair not in get_args(RepairMode):
            expected = " or ".join(get_args(RepairMode))
            msg = f"argument repair is {quoted(repair)}; expected {expected}"
            raise SettingsError(msg)
        check_switches(drop_unpaired=drop_unpaired, sync_encodings=sync_encodings)
        check_hook("on_repair", on_repair, "one Repair")
        if callable(pending):
            check_hook("pending", pending, "one ModelRequest")
        ids = () if callable(pending) else pending
        self.handler = chosen_handler("ToolPairMiddleware", handler, options)
        name_id = self.handler.judge.name_id
        self._choices = Choices(ids, drop_unpaired, sync_encodings, thinking, name_id)
        self.tools = []
        self._repairs = repair != "off"
        if not self._repairs:
            _warn_of_no_repair(
                drop_unpaired=drop_unpaired,
                sync_encodings=sync_encodings,
                thinking=thinking != "keep",
                pending=callable(pending) or bool(ids),
                on_repair=on_repair is not None,
            )
        self._pending = pending
        self._on_repair = on_repair
        self._signed = SignedAnswers()
        self._reporter = RepairReporter(name_id, options.get("logger_provider"))

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ModelResponse[Any]:
        """Repair, check and send the request.

        Raises:
            InvalidToolResultsError: Strict mode blocks the request.
            CheckFailedError: The check failed, and `on_internal_error` is `"block"`.
        """
        with self._admitted(request) as (admitted, repair):
            response = handler(admitted)
            self._note(response, repair)
            return response

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Repair, check and send the request.

        Raises:
            InvalidToolResultsError: Strict mode blocks the request.
            CheckFailedError: The check failed, and `on_internal_error` is `"block"`.
        """
        with self._admitted(request) as (admitted, repair):
            response = await handler(admitted)
            self._note(response, repair)
            return response

    @contextmanager
    def _admitted(
        self, request: ModelRequest[Any]
    ) -> Iterator[tuple[ModelRequest[Any], Repair | None]]:
        asked: Request | None = None
        repair: Repair | None = None
        target: Target | None = None
        own: Callbacks = None
        with self.handler.fail_open("middleware"):
            own = getattr(request.model, "callbacks", None)
            asked = _request(request)
            if self._repairs and self.handler.mode_for(asked.metadata) != "off":
                target = self.handler.judge.identify(asked)
                with self.handler.fail_open("repair"):
                    repair = self._repair(request, asked, target)
                    request = _repaired(request, asked, repair)
                asked = asked._replace(messages=_history(request))
        with ExitStack() as stack:
            if asked is not None:
                stack.enter_context(self.handler.admitted(asked, ensure_config(), own, target))
            stack.enter_context(attached(self.handler))
            yield request, repair

    def _repair(self, request: ModelRequest[Any], asked: Request, target: Target) -> Repair | None:
        """Return the repair; None where the application's own function does not say what waits."""
        choices: Choices | None = None
        with self.handler.fail_hook("pending"):
            pending = self._pending(request) if callable(self._pending) else self._pending
            choices = replace(self._choices, pending=pending)
        if choices is None:
            return None
        repair = repair_history(asked.messages, target.profile, target.facts, choices, self._signed)
        if repair.changed:
            self._report(repair)
        return repair

    def _report(self, repair: Repair) -> None:
        """Report a repair. A failure here must not undo it."""
        repair = self._reporter.named(repair)
        with self.handler.fail_open("repair"):
            self._reporter.repaired(repair)
        with self.handler.fail_hook("on_repair"):
            if self._on_repair is not None:
                self._on_repair(repair)

    def _note(self, response: ModelResponse[Any], repair: Repair | None) -> None:
        """Remember what the thinking of an answer was made of."""
        with self.handler.fail_open("repair"):
            if repair is not None and repair.changed:
                self._signed.add(response.result, repair.changes)


def _warn_of_no_repair(**given: bool) -> None:
    """Warn of arguments that say how to repair, where nothing is repaired."""
    names = [name for name, is_given in given.items() if is_given]
    if names:
        warn_once(
            f"no repair: {names}",
            "ToolPairMiddleware repairs nothing, so %s %s no use: write "
            'repair="insert_error_results"',
            " and ".join(names),
            "is of" if len(names) == 1 else "are of",
        )


def _repaired(
    request: ModelRequest[Any], asked: Request, repair: Repair | None
) -> ModelRequest[Any]:
    if repair is None or not repair.changed:
        return request
    messages: list[Any] = repair.messages[len(asked.messages) - len(request.messages) :]
    return request.override(messages=messages)


def _request(request: ModelRequest[Any]) -> Request:
    config = ensure_config()
    model: Any = request.model
    chosen = foreign.CONFIGURED_MODEL.of(model)
    if not isinstance(model, BaseChatModel | RunnableBinding) and chosen is not None:
        # `init_chat_model` with configurable fields: the config determines the model.
        model = chosen(config)
    arguments = {"tools": request.tools, **request.model_settings}
    if not request.tools:
        del arguments["tools"]
    return request_to(model, _history(request), config.get("metadata"), **arguments)


def _history(request: ModelRequest[Any]) -> list[BaseMessage]:
    system = getattr(request, "system_message", None)
    if system is None and request.system_prompt:
        # Before langchain 1.1, the prompt is only a string.
        system = SystemMessage(request.system_prompt)
    return [system, *request.messages] if system is not None else [*request.messages]
