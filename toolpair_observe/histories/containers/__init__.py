"""The containers of stored data: from bytes to JSON values with their places."""
