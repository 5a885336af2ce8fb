"""Whether a provider's error refuses a history for its pairing."""
