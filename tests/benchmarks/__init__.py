"""What the check and the handler cost, as ratios within one process. Nothing here is a test."""
