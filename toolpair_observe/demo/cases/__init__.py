"""The four cases of INVALID_TOOL_RESULTS, sent and drawn."""
