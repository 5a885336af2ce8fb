"""The databases that threads are read from: SQLite, PostgreSQL, and any checkpointer."""
