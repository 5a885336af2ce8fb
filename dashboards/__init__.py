"""Dashboards, rules and alerts for the metrics of toolpair_observe, and the checks of them."""
