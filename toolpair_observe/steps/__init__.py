"""What the steps of a run did to its messages, as chain and tool callbacks tell it."""
