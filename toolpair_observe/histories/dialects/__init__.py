"""How messages are written: one module for each dialect, from JSON to the neutral transcript."""
