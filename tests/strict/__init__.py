"""A block leaves nothing open: not at the provider, not in any trace, not in the handler."""
