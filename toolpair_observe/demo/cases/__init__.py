"""The four cases of INVALID_TOOL_RESULTS: send them and draw the results."""
