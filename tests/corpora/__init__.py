"""Real histories with the provider's verdict, and how well they are predicted."""
