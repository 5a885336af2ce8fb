"""A block leaves nothing open: not at the provider, not in anybody's traces, not in ourselves."""
