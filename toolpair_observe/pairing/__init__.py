"""The check itself: messages in, report out. Knows no telemetry, settings or handler."""
