"""Everything that knows a provider by name."""
