"""Chat templates: what a server that renders a model's own template makes of a history."""
