"""What an application does with its history before it asks the model."""

from langchain_core.messages import BaseMessage, trim_messages


def keep_last(messages: list[BaseMessage], count: int) -> list[BaseMessage]:
    """Keep the last messages, and start where a person speaks."""
    return trim_messages(
        messages, max_tokens=count, token_counter=len, strategy="last", start_on="human"
    )


def keep_last_carelessly(messages: list[BaseMessage], count: int) -> list[BaseMessage]:
    """Keep the last messages, and cut a call off from its result."""
    return trim_messages(messages, max_tokens=count, token_counter=len, strategy="last")
