"""Dashboards, rules and alerts for the metrics of toolpair_observe, with their checks."""
