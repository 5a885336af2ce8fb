"""What every handler of this package is to langchain-core."""

from __future__ import annotations

from langchain_core.callbacks import BaseCallbackHandler


class Participant(BaseCallbackHandler):
    """A handler that the seam serves: it hears of chat models, and of steps where it says so."""

    # On the caller's thread and before the handlers that do not care: the check has to see the
    # caller's task, and the outcome has to stand in LangSmith's run before its tracer sends it.
    run_inline = True
    # Only what strict mode stops gets out of `on_chat_model_start`.
    raise_error = True
    ignore_retriever = True
    ignore_retry = True
    ignore_custom_event = True

    @property
    def ignore_chain(self) -> bool:
        """Whether to ignore chains."""
        return True

    @property
    def ignore_agent(self) -> bool:
        """Whether to ignore tools: langchain-core asks for them by this name."""
        return True
