"""An opinion on OpenAI's pairing rule that owes nothing to the code under test."""
