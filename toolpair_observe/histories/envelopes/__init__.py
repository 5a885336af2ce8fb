"""What rows are: one module for each producer, from JSON to units."""
