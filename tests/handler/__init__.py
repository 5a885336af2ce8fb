"""The host side: handler, seam, runs in flight, settings and counts."""
