"""The ways to stand in a chat-model request: the callback, and who puts it there."""
