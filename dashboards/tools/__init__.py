"""What makes the dashboards, rules and alerts, and what checks them."""
