"""An application's own trimming of the history before it asks the model."""

from langchain_core.messages import BaseMessage, trim_messages


def keep_last(messages: list[BaseMessage], count: int) -> list[BaseMessage]:
    """Keep the last messages, starting with a human message."""
    return trim_messages(
        messages, max_tokens=count, token_counter=len, strategy="last", start_on="human"
    )


def keep_last_carelessly(messages: list[BaseMessage], count: int) -> list[BaseMessage]:
    """Keep the last messages, but separate a result from its call."""
    return trim_messages(messages, max_tokens=count, token_counter=len, strategy="last")
