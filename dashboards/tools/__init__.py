"""Programs that generate the dashboards, rules and alerts, and programs that check them."""
